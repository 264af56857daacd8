//! Talking: two people, several devices, restarts, every door to the socket.

use parlor_protocol::{Code, ReceiptStatus, ServerFrame};
use parlor_testkit::{Engine, TestServer};
use rstest::rstest;
use serde_json::json;

use crate::wire::Plain;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn two_people_talk(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let added = grace
        .frame("the new conversation", |frame| match frame {
            ServerFrame::ConversationAdded { conversation, .. } => Some(conversation.clone()),
            _ => None,
        })
        .await;
    assert_eq!((added.id, added.members.len()), (talk, 2));

    assert_eq!(ada.sends(talk, "hi").await, 1);
    let seen = grace.sees(talk, "hi").await;
    assert_eq!((seen.seq, seen.sender.handle.as_str()), (1, "ada"));
    grace.posts(talk, "hello back").await;
    assert_eq!(ada.sees(talk, "hello back").await.seq, 2);

    let list = ada.api.conversations(None).await.expect("listed");
    assert_eq!(
        (list.items[0].unread_count, list.items[0].summary.last_seq),
        (1, 2)
    );
    ada.api.mark_read(talk, 2).await.expect("moved");
    let read = grace
        .frame("the receipt", |frame| match frame {
            ServerFrame::MessageRead { user_id, seq, .. } if *user_id == ada.id() => Some(*seq),
            _ => None,
        })
        .await;
    assert_eq!(read, 2);
    assert_eq!(
        ada.api.conversation(talk).await.expect("read").unread_count,
        0
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn p3_two_senders_one_order_on_every_device(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace, linus) = (
        server.actor("ada").await,
        server.actor("grace").await,
        server.actor("linus").await,
    );
    let talk = ada.starts_group("Kitchen", &[&grace, &linus]).await;
    let (a, g) = tokio::join!(
        async {
            for n in 0..30 {
                ada.sends(talk, &format!("a{n}")).await;
            }
        },
        async {
            for n in 0..30 {
                grace.sends(talk, &format!("g{n}")).await;
            }
        }
    );
    let _: ((), ()) = (a, g);
    let mut seqs = Vec::new();
    while seqs.len() < 60 {
        let message = linus
            .frame("a message", |frame| match frame {
                ServerFrame::MessageNew {
                    message, version, ..
                } => Some((message.seq, *version)),
                _ => None,
            })
            .await;
        seqs.push(message);
    }
    // The making of the conversation is version 1, each message one more.
    assert_eq!(seqs, (1..=60).map(|seq| (seq, seq + 1)).collect::<Vec<_>>());
    let history = linus.api.history(talk, None, 200).await.expect("read");
    assert_eq!(history.items.len(), 60);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn after_a_restart_everyone_comes_back_and_history_is_there(#[case] engine: Engine) {
    let mut server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    ada.sends(talk, "before").await;
    server.restart().await;
    // Sent while the connection may still be down: it waits in the outbox and goes out once.
    assert_eq!(ada.sends(talk, "after").await, 2);
    grace.is_live().await;
    let history = grace.api.history(talk, None, 50).await.expect("read");
    let texts: Vec<&str> = history
        .items
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    assert_eq!(texts, ["before", "after"]);
}

#[tokio::test]
async fn a_plain_client_hears_the_contract_to_the_letter() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let token = &grace.auth.access_token;
    for (path, first) in [
        (format!("/api/v1/ws?token={token}"), None),
        (format!("/api/ws?token={token}"), None),
        (format!("/messages/subscribe?token={token}"), None),
        (
            "/api/v1/ws".to_owned(),
            Some(json!({"type": "auth", "token": token}).to_string()),
        ),
    ] {
        let mut plain = Plain::open(server.address(), &path).await;
        if let Some(first) = first {
            plain.say(first).await;
        }
        let connected = plain.hears().await;
        assert_eq!(connected["type"], "connected");
        assert_eq!(connected["userId"], grace.id().as_str());
        assert_eq!(connected["sessionId"], grace.auth.session_id.to_string());
        let heartbeat_ms = connected["heartbeatMs"].as_u64().expect("a number");
        assert!((20_000..=30_000).contains(&heartbeat_ms), "{heartbeat_ms}");
        assert_eq!(connected["resumed"], false);
        assert!(connected["epoch"].is_string() && connected["cursor"].is_string());

        let posted = ada.posts(talk, "hi").await;
        let event = plain.hears_more().await;
        assert_eq!(event["type"], "message.new");
        assert_eq!(event["conversationId"], talk.to_string());
        assert_eq!(event["version"], posted.version);
        assert_eq!(
            event["message"],
            serde_json::to_value(&posted).expect("JSON")
        );

        plain
            .say(json!({"type": "ping", "ref": 7}).to_string())
            .await;
        let pong = plain.hears().await;
        assert_eq!((&pong["type"], &pong["ref"]), (&json!("pong"), &json!(7)));
        assert!(pong["cursor"].is_string());
    }
}

#[tokio::test]
async fn a_socket_sends_and_gets_its_ack_and_the_event() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut plain = Plain::of(&server, &ada.auth.access_token).await;
    plain.hears().await;
    let send = |reference: &str, client_id: &str, content: &str| {
        json!({"type": "message.send", "ref": reference, "conversationId": talk, "content": content, "clientId": client_id})
            .to_string()
    };
    plain.say(send("r1", "c1", "hi")).await;
    let both = [plain.hears_more().await, plain.hears_more().await];
    let ack = both
        .iter()
        .find(|frame| frame["type"] == "ack")
        .expect("an ack");
    let event = both
        .iter()
        .find(|frame| frame["type"] == "message.new")
        .expect("the event");
    assert_eq!(ack["ref"], "r1");
    assert_eq!(event["message"]["clientId"], "c1");
    for key in ["id", "seq", "version", "createdAt"] {
        assert_eq!(ack["message"][key], event["message"][key], "{key}");
    }
    // The same again is the same message and no second event; another body is refused.
    plain.say(send("r2", "c1", "hi")).await;
    let again = plain.hears().await;
    assert_eq!(
        (&again["ref"], &again["message"]),
        (&json!("r2"), &ack["message"])
    );
    plain.say(send("r3", "c1", "other")).await;
    let refused = plain.hears().await;
    assert_eq!(
        (&refused["type"], &refused["ref"], &refused["code"]),
        (&json!("error"), &json!("r3"), &json!("client_id_reused"))
    );
    plain
        .say(
            json!({"type": "receipt.read", "ref": "r4", "conversationId": talk, "seq": 1})
                .to_string(),
        )
        .await;
    let both = [plain.hears().await, plain.hears().await];
    assert!(
        both.contains(&json!({"type": "ack", "ref": "r4"})),
        "{both:?}"
    );
    assert!(both.contains(
        &json!({"type": "message.read", "conversationId": talk, "userId": ada.id(), "seq": 1})
    ));
}

#[tokio::test]
async fn many_sends_of_one_socket_keep_their_order() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut plain = Plain::of(&server, &ada.auth.access_token).await;
    plain.hears().await;
    for n in 0..150 {
        plain.say(json!({"type": "message.send", "ref": n, "conversationId": talk, "content": n.to_string()}).to_string()).await;
    }
    for n in 0..150 {
        let seen = grace
            .frame("the next message", |frame| match frame {
                ServerFrame::MessageNew { message, .. } => Some(message.content.clone()),
                _ => None,
            })
            .await;
        assert_eq!(seen, n.to_string());
    }
}

#[tokio::test]
async fn p6_a_revoked_session_is_out_everywhere() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let mut plain = Plain::of(&server, &ada.auth.access_token).await;
    plain.hears().await;
    ada.api.logout().await.expect("signs out");
    assert_eq!(plain.closed().await, 4004);
    let refused = ada.api.me().await.expect_err("refused");
    assert!(
        matches!(refused, parlor_client::ApiError::Refused(problem) if problem.code == Code::SessionRevoked)
    );
    let mut late = Plain::of(&server, &ada.auth.access_token).await;
    assert_eq!(late.closed().await, 4004);
    assert!(server.api().refresh(&ada.auth.refresh_token).await.is_err());
}

#[tokio::test]
async fn a_close_is_answered() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let mut plain = Plain::of(&server, &ada.auth.access_token).await;
    plain.hears().await;
    plain.stream.close(None).await.expect("closes");
    assert_eq!(
        plain.closed().await,
        1005,
        "the echo of a close without a code"
    );
}

#[tokio::test]
async fn sockets_that_are_drained_come_back_at_different_times() {
    let mut server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut plain = Plain::of(&server, &ada.auth.access_token).await;
        plain.hears().await;
        sockets.push(plain);
    }
    let stopping = tokio::spawn(async move { server.stop().await });
    let mut waits = std::collections::HashSet::new();
    for plain in &mut sockets {
        waits.insert(plain.hears().await["afterMs"].as_u64().expect("a number"));
    }
    assert!(waits.len() > 10, "{waits:?}");
    drop(sockets);
    stopping.await.expect("stopped");
}

#[tokio::test]
async fn a_revocation_survives_a_restart() {
    let mut server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    ada.api.logout().await.expect("signs out");
    server.restart().await;
    assert!(ada.api.me().await.is_err());
}

#[tokio::test]
async fn a_drain_says_when_to_come_back() {
    let mut server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let mut plain = Plain::of(&server, &ada.auth.access_token).await;
    plain.hears().await;
    let stopping = tokio::spawn(async move {
        server.stop().await;
        server
    });
    let frame = plain.hears().await;
    assert_eq!(frame["type"], "reconnect");
    assert!(frame["afterMs"].is_u64());
    assert_eq!(plain.closed().await, 1012);
    stopping.await.expect("stopped");
}

#[tokio::test]
async fn receipts_converge_and_say_only_what_moved() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    for n in 0..3 {
        ada.sends(talk, &n.to_string()).await;
    }
    let app = server.app();
    let actor = parlor_core::Actor {
        user_id: grace.id(),
        session_id: None,
    };
    for (status, seq) in [
        (ReceiptStatus::Delivered, 2),
        (ReceiptStatus::Delivered, 1),
        (ReceiptStatus::Read, 2),
        (ReceiptStatus::Read, 99),
    ] {
        let moving = app.move_cursor(&actor, talk, status, seq).expect("queued");
        moving.committed().await.expect("moved");
    }
    let mut heard = Vec::new();
    while heard.last() != Some(&("read", 3)) {
        let receipt = ada
            .frame("a receipt", |frame| match frame {
                ServerFrame::MessageDelivered { seq, .. } => Some(("delivered", *seq)),
                ServerFrame::MessageRead { seq, .. } => Some(("read", *seq)),
                _ => None,
            })
            .await;
        heard.push(receipt);
    }
    // Of two that waited together only the newer one was sent.
    heard.retain(|receipt| *receipt != ("read", 2));
    assert_eq!(heard, [("delivered", 2), ("read", 3)]);
}
