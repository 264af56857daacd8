//! Every frame and reply as it stands on the wire: a change here is a change of the contract.

use parlor_protocol::{
    AckedMessage, ClientFrame, Code, Conversation, ConversationId, ConversationKind,
    ConversationSettings, ConversationSummary, DeviceStatus, FieldError, Member, Membership,
    Message, MessageId, MessageKind, PresenceStatus, Problem, Ref, Role, SendMessage, ServerFrame,
    SessionId, SyncPage, SyncedConversation, SyncedUser, Timestamp, User, UserId, UserSummary,
};
use uuid::Uuid;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_b2c8_0000_7000_8000_0000_0000_0000 + n)
}

fn ada() -> UserId {
    UserId::from(id(1))
}

fn conversation_id() -> ConversationId {
    ConversationId(id(2))
}

fn summary() -> UserSummary {
    UserSummary {
        id: ada(),
        handle: "ada".into(),
        name: "Ada".into(),
        avatar_url: None,
    }
}

fn message() -> Message {
    Message {
        id: MessageId(id(3)),
        conversation_id: conversation_id(),
        seq: 7,
        version: 9,
        sender_id: ada(),
        sender: summary(),
        client_id: Some("c-1".into()),
        kind: MessageKind::Text,
        content: "hi 👋".into(),
        attachments: Vec::new(),
        reply_to: None,
        thread_id: None,
        mentions: Vec::new(),
        reactions: Vec::new(),
        created_at: Timestamp(1_772_366_400_123),
        edited_at: None,
        deleted_at: None,
    }
}

fn conversation_summary() -> ConversationSummary {
    ConversationSummary {
        id: conversation_id(),
        kind: ConversationKind::Group,
        title: Some("Kitchen".into()),
        label: None,
        metadata: serde_json::Map::new(),
        avatar_url: None,
        encrypted: false,
        created_at: Timestamp(1_772_366_400_000),
        updated_at: Timestamp(1_772_366_400_123),
        last_seq: 7,
        version: 9,
        last_message: Some(message()),
        member_count: 1,
        members: vec![Member {
            user: summary(),
            role: Role::Owner,
            read_seq: 6,
            delivered_seq: 7,
            joined_at: Timestamp(1_772_366_400_000),
        }],
    }
}

fn membership() -> Membership {
    Membership {
        role: Role::Owner,
        read_seq: 6,
        delivered_seq: 7,
        muted_until: None,
        pinned: false,
        archived: false,
        hidden: false,
    }
}

fn sync_page() -> SyncPage {
    SyncPage {
        cursor: "cursor".into(),
        epoch: "epoch".into(),
        reset: false,
        has_more: true,
        user: SyncedUser {
            user: User {
                id: ada(),
                handle: "ada".into(),
                name: "Ada".into(),
                avatar_url: None,
                email: None,
                bio: None,
                created_at: Timestamp(1_772_366_400_000),
            },
            user_version: 3,
        },
        conversations: vec![SyncedConversation {
            conversation: Conversation {
                summary: conversation_summary(),
                unread_count: 1,
                me: membership(),
            },
            messages: vec![message().into()],
            gap: false,
        }],
        removed: vec![ConversationId(id(5))],
    }
}

fn r1() -> Ref {
    Ref::Text("r1".into())
}

#[test]
fn server_frames() {
    let frames = [
        ServerFrame::Connected {
            user_id: ada(),
            session_id: Some(SessionId(id(4))),
            epoch: "epoch".into(),
            cursor: "cursor".into(),
            heartbeat_ms: 25_000,
            resumed: false,
        },
        ServerFrame::Ack {
            reference: Some(r1()),
            message: None,
            page: None,
        },
        ServerFrame::Ack {
            reference: Some(Ref::Number(5)),
            message: Some(AckedMessage::from(&message())),
            page: None,
        },
        ServerFrame::Error {
            reference: Some(r1()),
            code: Code::RateLimited,
            detail: "too many requests".into(),
            retry_after_ms: Some(20),
        },
        ServerFrame::Error {
            reference: None,
            code: Code::NotFound,
            detail: "no such conversation".into(),
            retry_after_ms: None,
        },
        ServerFrame::Ack {
            reference: Some(r1()),
            message: None,
            page: Some(Box::new(sync_page())),
        },
        ServerFrame::Sync {
            page: Box::new(sync_page()),
        },
        ServerFrame::Pong {
            reference: None,
            cursor: Some("cursor".into()),
        },
        ServerFrame::MessageUpdated {
            conversation_id: conversation_id(),
            version: 10,
            message: Box::new(message()),
        },
        ServerFrame::MessageDeleted {
            conversation_id: conversation_id(),
            version: 10,
            message_id: MessageId(id(3)),
            seq: 7,
            deleted_at: Timestamp(1_772_366_400_456),
        },
        ServerFrame::ReactionAdded {
            conversation_id: conversation_id(),
            version: 10,
            message_id: MessageId(id(3)),
            seq: 7,
            emoji: "👍".into(),
            user_id: ada(),
        },
        ServerFrame::ReactionRemoved {
            conversation_id: conversation_id(),
            version: 11,
            message_id: MessageId(id(3)),
            seq: 7,
            emoji: "👍".into(),
            user_id: ada(),
        },
        ServerFrame::ConversationUpdated {
            conversation_id: conversation_id(),
            version: 10,
            conversation: Box::new(ConversationSettings {
                title: Some("Kitchen".into()),
                label: None,
                metadata: serde_json::Map::new(),
                avatar_url: None,
                updated_at: Timestamp(1_772_366_400_123),
            }),
        },
        ServerFrame::MemberUpdated {
            conversation_id: conversation_id(),
            version: 11,
            user_id: ada(),
            role: Role::Admin,
        },
        ServerFrame::ConversationRemoved {
            conversation_id: conversation_id(),
            user_version: 3,
        },
        ServerFrame::MembershipUpdated {
            conversation_id: conversation_id(),
            user_version: 4,
            me: membership(),
            unread_count: 1,
        },
        ServerFrame::MemberJoined {
            conversation_id: conversation_id(),
            version: 10,
            members: conversation_summary().members,
            member_count: 2,
        },
        ServerFrame::MemberLeft {
            conversation_id: conversation_id(),
            version: 11,
            user_id: ada(),
            member_count: 1,
        },
        ServerFrame::MessageNew {
            conversation_id: conversation_id(),
            version: 9,
            message: Box::new(message()),
        },
        ServerFrame::MessageDelivered {
            conversation_id: conversation_id(),
            user_id: ada(),
            seq: 7,
        },
        ServerFrame::MessageRead {
            conversation_id: conversation_id(),
            user_id: ada(),
            seq: 7,
        },
        ServerFrame::TypingStart {
            conversation_id: conversation_id(),
            user_id: ada(),
        },
        ServerFrame::TypingStop {
            conversation_id: conversation_id(),
            user_id: ada(),
        },
        ServerFrame::PresenceUpdate {
            user_id: ada(),
            status: PresenceStatus::Online,
            last_seen_at: None,
        },
        ServerFrame::PresenceUpdate {
            user_id: ada(),
            status: PresenceStatus::Offline,
            last_seen_at: Some(Timestamp(1_772_366_400_123)),
        },
        ServerFrame::ConversationAdded {
            conversation_id: conversation_id(),
            version: 9,
            user_version: 2,
            conversation: Box::new(conversation_summary()),
        },
        ServerFrame::Reconnect { after_ms: 700 },
    ];
    for frame in &frames {
        let again: ServerFrame =
            serde_json::from_str(&frame.encode()).expect("reads what it writes");
        assert_eq!(&again, frame);
    }
    // What was encoded once is plain JSON again.
    let frames = serde_json::to_value(&frames).expect("plain data");
    insta::assert_json_snapshot!(frames);
}

#[test]
fn client_frames() {
    let frames = [
        ClientFrame::Auth {
            reference: None,
            token: "token".into(),
            cursor: Some("cursor".into()),
        },
        ClientFrame::message_send(
            Some(r1()),
            conversation_id(),
            SendMessage {
                content: "hi".into(),
                client_id: Some("c-1".into()),
                ..SendMessage::default()
            },
        ),
        ClientFrame::ReceiptDelivered {
            reference: Some(r1()),
            conversation_id: conversation_id(),
            seq: 7,
        },
        ClientFrame::ReceiptRead {
            reference: Some(r1()),
            conversation_id: conversation_id(),
            seq: 7,
        },
        ClientFrame::MessageEdit {
            reference: Some(r1()),
            conversation_id: conversation_id(),
            message_id: MessageId(id(3)),
            content: "hello".into(),
        },
        ClientFrame::MessageDelete {
            reference: Some(r1()),
            conversation_id: conversation_id(),
            message_id: MessageId(id(3)),
        },
        ClientFrame::ReactionAdd {
            reference: Some(r1()),
            conversation_id: conversation_id(),
            message_id: MessageId(id(3)),
            emoji: "👍".into(),
        },
        ClientFrame::ReactionRemove {
            reference: Some(r1()),
            conversation_id: conversation_id(),
            message_id: MessageId(id(3)),
            emoji: "👍".into(),
        },
        ClientFrame::TypingStart {
            reference: Some(r1()),
            conversation_id: conversation_id(),
        },
        ClientFrame::TypingStop {
            reference: Some(r1()),
            conversation_id: conversation_id(),
        },
        ClientFrame::PresenceSet {
            reference: Some(r1()),
            status: DeviceStatus::Away,
        },
        ClientFrame::PresenceWatch {
            reference: Some(r1()),
            user_ids: vec![ada()],
        },
        ClientFrame::Sync {
            reference: Some(r1()),
            cursor: Some("cursor".into()),
        },
        ClientFrame::Ping { reference: None },
    ];
    for frame in &frames {
        let text = serde_json::to_string(frame).expect("writes");
        assert_eq!(
            &ClientFrame::parse(&text).expect("reads what it writes"),
            frame
        );
    }
    insta::assert_json_snapshot!(frames);
}

#[test]
fn replies() {
    let conversation = Conversation {
        summary: conversation_summary(),
        unread_count: 1,
        me: membership(),
    };
    let again: Conversation =
        serde_json::from_value(serde_json::to_value(&conversation).expect("writes"))
            .expect("reads");
    assert_eq!(again, conversation);
    let problem = Problem {
        kind: "urn:parlor:problem:invalid_request".into(),
        title: Code::InvalidRequest.title().into(),
        status: Code::InvalidRequest.status(),
        code: Code::InvalidRequest,
        detail: "limit: between 1 and 200".into(),
        request_id: "0190b2c8".into(),
        errors: vec![FieldError {
            field: "limit".into(),
            message: "between 1 and 200".into(),
        }],
    };
    insta::assert_json_snapshot!((conversation, problem));
}

#[test]
fn older_names_are_read() {
    for key in ["login", "handle", "email"] {
        let login: parlor_protocol::Login =
            serde_json::from_str(&format!(r#"{{"{key}":"ada","password":"x"}}"#)).expect("reads");
        assert_eq!(login.login, "ada");
    }
    for key in ["memberIds", "participantIds"] {
        let body: parlor_protocol::CreateConversation =
            serde_json::from_str(&format!(r#"{{"{key}":["ada"]}}"#)).expect("reads");
        assert_eq!(body.member_ids.len(), 1);
    }
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    for text in [
        r#"{"content":"x","role":"owner"}"#,
        r#"{"content":"x","content":"y"}"#,
        r#"{"content":1}"#,
        r"{}",
    ] {
        assert!(
            serde_json::from_str::<SendMessage>(text).is_err(),
            "{text} was taken"
        );
    }
}
