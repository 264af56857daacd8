//! What is generated from the types: the TypeScript module and the schemas of the two documents.

use std::fmt::Write;

use ts_rs::{Config, TS};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    AckedMessage, AddMembers, AuthReply, ChangeConversation, ChangeMember, ChangeMembership,
    ChangeUser, ClientFrame, Code, Conversation, ConversationId, ConversationKind,
    ConversationSettings, ConversationSummary, CreateConversation, CreateLink, CreatedLink,
    DeviceStatus, EditMessage, FieldError, Link, LinkId, LinkLogin, LinkPreview,
    LinkedConversation, Login, Member, Membership, Message, MessageId, MessageKind, MessagePage,
    MoveCursor, Page, Person, PresenceStatus, Problem, Reaction, ReceiptStatus, Ref, Refresh,
    Register, Role, SendMessage, ServerFrame, SessionId, SessionInfo, SetStatus, SetTyping,
    SyncPage, SyncedConversation, SyncedUser, Timestamp, User, UserId, UserSummary, limits,
};

macro_rules! types {
    ($visit:ident) => {
        $visit!(
            AckedMessage,
            AddMembers,
            AuthReply,
            ChangeConversation,
            ChangeMember,
            ChangeMembership,
            ChangeUser,
            ClientFrame,
            Code,
            Conversation,
            ConversationId,
            ConversationKind,
            ConversationSettings,
            ConversationSummary,
            CreateConversation,
            CreateLink,
            CreatedLink,
            DeviceStatus,
            EditMessage,
            FieldError,
            Link,
            LinkId,
            LinkLogin,
            LinkPreview,
            LinkedConversation,
            Login,
            Member,
            Membership,
            Message,
            MessageId,
            MessageKind,
            MessagePage,
            MoveCursor,
            Person,
            PresenceStatus,
            Problem,
            Reaction,
            ReceiptStatus,
            Ref,
            Refresh,
            Register,
            Role,
            SendMessage,
            ServerFrame,
            SessionId,
            SessionInfo,
            SetStatus,
            SetTyping,
            SyncPage,
            SyncedConversation,
            SyncedUser,
            Timestamp,
            User,
            UserId,
            UserSummary
        )
    };
}

/// The TypeScript module with every wire type, in alphabetical order.
pub fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let mut out = String::from(
        "// Wire types of Parlor, generated from crates/protocol by `cargo xtask codegen`.\n\
         // Never edit by hand: a stale file fails the tests.\n",
    );
    macro_rules! declare {
        ($($name:ty),+) => { $( push(&mut out, <$name as TS>::docs(), &<$name as TS>::decl(&config)); )+ };
    }
    types!(declare);
    out.push_str(
        "\n/**\n * Any JSON value.\n */\nexport type JsonValue =\n\t| string\n\t| number\n\t| boolean\n\t| null\n\t| JsonValue[]\n\t| { [key: string]: JsonValue };\n",
    );
    push(
        &mut out,
        <Page<User> as TS>::docs(),
        &<Page<User> as TS>::decl(&config),
    );
    for (name, value) in [
        ("FRAME_BYTES_MAX", limits::FRAME_BYTES_MAX as u64),
        ("CONTENT_CHARS_MAX", limits::CONTENT_CHARS_MAX as u64),
        ("CONTENT_BYTES_MAX", limits::CONTENT_BYTES_MAX as u64),
        ("TITLE_CHARS_MAX", limits::TITLE_CHARS_MAX as u64),
        ("LABEL_CHARS_MAX", limits::LABEL_CHARS_MAX as u64),
        ("NAME_CHARS_MAX", limits::NAME_CHARS_MAX as u64),
        ("PASSWORD_CHARS_MIN", limits::PASSWORD_CHARS_MIN as u64),
        ("MEMBER_IDS_MAX", limits::MEMBER_IDS_MAX as u64),
        ("HEARTBEAT_MS", limits::HEARTBEAT_MS),
        ("TYPING_MS", limits::TYPING_MS),
        ("TYPING_REPEAT_MS", limits::TYPING_REPEAT_MS),
        ("WATCHED_MAX", limits::WATCHED_MAX as u64),
    ] {
        let _ = write!(out, "\nexport const {name} = {value};\n");
    }
    out
}

fn push(out: &mut String, docs: Option<String>, declaration: &str) {
    out.push('\n');
    if let Some(docs) = docs {
        out.push_str(docs.trim_start_matches('\n'));
    }
    out.push_str("export ");
    out.push_str(declaration);
    out.push('\n');
}

/// Every wire type's JSON schema by name, for the AsyncAPI document.
pub fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut out = Vec::new();
    macro_rules! collect {
        ($($name:ty),+) => { $(
            out.push((<$name as ToSchema>::name().into_owned(), <$name as PartialSchema>::schema()));
            <$name as ToSchema>::schemas(&mut out);
        )+ };
    }
    types!(collect);
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out.dedup_by(|a, b| a.0 == b.0);
    out
}
