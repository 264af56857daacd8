//! What a client must not do, and the answer: each close code of the contract's table.

use std::{sync::Arc, time::Duration};

use futures_util::SinkExt;
use parlor_core::Rate;
use parlor_testkit::{Engine, FakeClock, TestServer, soon};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::wire::Plain;

async fn connected(server: &TestServer, handle: &str) -> (Plain, String) {
    let actor = server.actor(handle).await;
    let token = actor.auth.access_token.clone();
    let mut plain = Plain::of(server, &token).await;
    assert_eq!(plain.hears().await["type"], "connected");
    (plain, token)
}

#[tokio::test]
async fn frames_that_are_none_end_the_socket() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (_, token) = connected(&server, "ada").await;
    let deep = format!("{{\"type\":\"ping\",\"x\":{}}}", "[".repeat(10_000));
    for text in [
        "hello",
        "[]",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"ping\",\"ref\":\"\\u0000\"}",
        &deep,
    ] {
        let mut plain = Plain::of(&server, &token).await;
        plain.say(text).await;
        assert_eq!(plain.closed().await, 4001, "{text:.60}");
    }
    let mut plain = Plain::of(&server, &token).await;
    plain
        .stream
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .expect("written");
    assert_eq!(plain.closed().await, 4001);
}

#[tokio::test]
async fn commands_that_are_not_valid_are_answered_and_the_socket_lives() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut plain, _) = connected(&server, "ada").await;
    let nowhere = "0190b2c8-0000-7000-8000-000000000001";
    for (frame, code) in [
        (
            json!({"type": "message.send", "ref": "r", "content": "x"}),
            "invalid_request",
        ),
        (
            json!({"type": "message.send", "ref": "r", "conversationId": "x", "content": "x"}),
            "invalid_request",
        ),
        (
            json!({"type": "message.send", "ref": "r", "conversationId": nowhere, "content": "x", "kind": "system"}),
            "invalid_request",
        ),
        (
            json!({"type": "message.send", "ref": "r", "conversationId": nowhere, "content": ""}),
            "invalid_request",
        ),
        (
            json!({"type": "message.send", "ref": "r", "conversationId": nowhere, "content": "x"}),
            "not_found",
        ),
        (
            json!({"type": "message.send", "ref": "r", "conversationId": nowhere, "content": "x", "replyTo": nowhere}),
            "not_supported",
        ),
        (
            json!({"type": "receipt.read", "ref": "r", "conversationId": nowhere, "seq": 1}),
            "not_found",
        ),
        (
            json!({"type": "receipt.read", "ref": "r", "conversationId": nowhere, "seq": -1}),
            "invalid_request",
        ),
        (
            json!({"type": "receipt.read", "ref": "r", "conversationId": nowhere, "seq": 1.5}),
            "invalid_request",
        ),
        (json!({"type": "call.ring", "ref": "r"}), "invalid_request"),
    ] {
        plain.say(frame.to_string()).await;
        let answer = plain.hears().await;
        assert_eq!(
            (&answer["type"], &answer["ref"], &answer["code"]),
            (&json!("error"), &json!("r"), &json!(code)),
            "{frame}"
        );
    }
    plain.say(json!({"type": "ping"}).to_string()).await;
    assert_eq!(plain.hears().await["type"], "pong");
}

#[tokio::test]
async fn tokens_that_are_not_good_end_with_4003() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (_, token) = connected(&server, "ada").await;
    let none = token.replacen(
        token.split('.').next().expect("a header"),
        "eyJhbGciOiJub25lIn0",
        1,
    );
    for bad in ["x", "", &none, &token[..token.len() - 2]] {
        let mut by_query = Plain::open(server.address(), &format!("/api/v1/ws?token={bad}")).await;
        assert_eq!(by_query.closed().await, 4003, "{bad}");
        let mut by_frame = Plain::open(server.address(), "/api/v1/ws").await;
        by_frame
            .say(json!({"type": "auth", "token": bad}).to_string())
            .await;
        assert_eq!(by_frame.closed().await, 4003, "{bad}");
    }
    let mut early = Plain::open(server.address(), "/api/v1/ws").await;
    early.say(json!({"type": "ping"}).to_string()).await;
    assert_eq!(early.closed().await, 4003);
}

#[tokio::test]
async fn an_expired_token_ends_with_4003() {
    let clock = Arc::new(FakeClock::new());
    let server =
        TestServer::start_with(Engine::Sqlite, |options| options.clock = clock.clone()).await;
    let auth = server
        .api()
        .register("ada", "correct horse", None)
        .await
        .expect("registers");
    clock.advance(Duration::from_hours(1));
    let mut plain = Plain::open(
        server.address(),
        &format!("/api/v1/ws?token={}", auth.access_token),
    )
    .await;
    assert_eq!(plain.closed().await, 4003);
}

#[tokio::test]
async fn a_newer_token_is_taken_from_the_same_person_only() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut plain, token) = connected(&server, "ada").await;
    let grace = server.actor("grace").await;
    plain
        .say(json!({"type": "auth", "ref": "r", "token": token}).to_string())
        .await;
    assert_eq!(plain.hears().await, json!({"type": "ack", "ref": "r"}));
    plain
        .say(json!({"type": "auth", "token": grace.auth.access_token}).to_string())
        .await;
    assert_eq!(plain.closed().await, 4003);
}

#[tokio::test]
async fn frames_over_64_kib_end_with_1009_whole_or_in_pieces() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut plain, token) = connected(&server, "ada").await;
    plain.say("x".repeat(65 * 1024)).await;
    assert_eq!(plain.closed().await, 1009);

    let mut plain = Plain::of(&server, &token).await;
    plain.hears().await;
    let piece = |first: bool| {
        let opcode = if first {
            OpCode::Data(Data::Text)
        } else {
            OpCode::Data(Data::Continue)
        };
        Message::Frame(Frame::message(vec![b'x'], opcode, false))
    };
    plain.stream.feed(piece(true)).await.expect("written");
    for _ in 0..70_000 {
        if plain.stream.feed(piece(false)).await.is_err() {
            break;
        }
    }
    drop(plain.stream.flush().await);
    assert_eq!(plain.closed().await, 1009);
}

#[tokio::test]
async fn text_that_is_not_utf8_ends_with_1007_and_an_unmasked_frame_with_1002() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut plain, token) = connected(&server, "ada").await;
    plain
        .stream
        .send(Message::Frame(Frame::message(
            vec![0xff, 0xfe],
            OpCode::Data(Data::Text),
            true,
        )))
        .await
        .expect("written");
    assert_eq!(plain.closed().await, 1007);

    let mut plain = Plain::of(&server, &token).await;
    plain.hears().await;
    let tokio_tungstenite::MaybeTlsStream::Plain(raw) = plain.stream.get_mut() else {
        panic!("plain TCP")
    };
    // A text frame of two bytes, not masked.
    raw.write_all(&[0x81, 0x02, b'{', b'}'])
        .await
        .expect("written");
    assert_eq!(plain.closed().await, 1002);
}

#[tokio::test]
async fn a_flood_is_refused_and_ends_with_4029() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.gateway.commands = Rate {
            per_minute: 60,
            burst: 20,
        };
    })
    .await;
    let (mut plain, _) = connected(&server, "ada").await;
    for n in 0..20 {
        plain
            .say(json!({"type": "ping", "ref": n}).to_string())
            .await;
        assert_eq!(plain.hears().await["type"], "pong");
    }
    plain
        .say(json!({"type": "ping", "ref": "r"}).to_string())
        .await;
    let refused = plain.hears().await;
    assert_eq!(
        (&refused["code"], &refused["ref"]),
        (&json!("rate_limited"), &json!("r"))
    );
    assert!(
        refused["retryAfterMs"]
            .as_u64()
            .is_some_and(|ms| (1..=1000).contains(&ms))
    );
    for _ in 0..1000 {
        if plain
            .stream
            .feed(Message::text(r#"{"type":"ping"}"#))
            .await
            .is_err()
        {
            break;
        }
    }
    drop(plain.stream.flush().await);
    assert_eq!(plain.closed().await, 4029);
}

#[tokio::test]
async fn sockets_over_the_limit_are_refused_before_they_open() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.gateway.sockets_max = 2;
    })
    .await;
    let ada = server.actor("ada").await;
    let path = format!("/api/v1/ws?token={}", ada.auth.access_token);
    let mut second = Plain::open(server.address(), &path).await;
    second.hears().await;
    let url = format!("ws://{}{path}", server.address());
    let refused = tokio_tungstenite::connect_async(&url)
        .await
        .expect_err("refused");
    assert!(refused.to_string().contains("503"), "{refused}");
    second.stream.close(None).await.expect("closes");
    drop(second);
    soon("the place to be free", async {
        while Box::pin(tokio_tungstenite::connect_async(&url))
            .await
            .is_err()
        {}
    })
    .await;
}

/// A reader that stops is ended; everyone else goes on.
#[tokio::test]
async fn a_stalled_reader_does_not_hold_up_the_others() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut stalled = Plain::of(&server, &grace.auth.access_token).await;
    stalled.hears().await;
    let text = "x".repeat(16_000);
    // More than the kernel's buffers and the outbox hold together.
    for n in 0..600 {
        ada.posts(talk, &format!("{n} {text}")).await;
    }
    grace.sees(talk, &format!("599 {text}")).await;
    // It still does not read, and its connection is gone all the same.
    soon("the stalled connection to be ended", async {
        while server.app().live_connections() > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let code = stalled.closed().await;
    assert!(
        code == 4008 || code == 1006,
        "the close fits into a full socket or it does not, but it is not {code}"
    );
}

#[tokio::test]
async fn a_flood_of_pings_ends_with_4029() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut plain, _) = connected(&server, "ada").await;
    for _ in 0..1000 {
        if plain
            .stream
            .feed(Message::Ping(vec![].into()))
            .await
            .is_err()
        {
            break;
        }
    }
    drop(plain.stream.flush().await);
    assert_eq!(plain.closed().await, 4029);
}

/// Pages are large, and each takes one of the places for reading: nobody takes them all.
#[tokio::test]
async fn syncs_of_one_socket_come_two_at_a_time() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut plain, _) = connected(&server, "ada").await;
    for n in 0..60 {
        let sync = json!({"type": "sync", "ref": n}).to_string();
        plain.stream.feed(Message::text(sync)).await.expect("fed");
    }
    plain.stream.flush().await.expect("written");
    let (mut pages, mut refusals) = (0, 0);
    while pages + refusals < 60 {
        let frame = plain.hears().await;
        if frame["type"] == "ack" {
            assert!(frame["page"]["cursor"].is_string(), "{frame}");
            pages += 1;
        } else {
            assert_eq!(
                (&frame["code"], &frame["retryAfterMs"]),
                (&json!("rate_limited"), &json!(1000))
            );
            refusals += 1;
        }
    }
    assert!(
        pages >= 2 && refusals > 0,
        "{pages} pages, {refusals} refusals"
    );
    plain
        .say(json!({"type": "sync", "ref": "later"}).to_string())
        .await;
    assert!(plain.hears().await["page"].is_object());
}

#[tokio::test]
async fn one_users_sockets_are_limited() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.sockets_per_user_max = 2;
    })
    .await;
    let ada = server.actor("ada").await;
    let path = format!("/api/v1/ws?token={}", ada.auth.access_token);
    let mut second = Plain::open(server.address(), &path).await;
    assert_eq!(second.hears().await["type"], "connected");
    let mut third = Plain::open(server.address(), &path).await;
    assert_eq!(third.closed().await, 4029);
    connected(&server, "grace").await;
}

/// Sends raw bytes and reads until the server closes.
async fn raw(server: &TestServer, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("connects");
    drop(stream.write_all(request).await);
    let mut answer = Vec::new();
    drop(soon("an answer", stream.read_to_end(&mut answer)).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let server = TestServer::start(Engine::Sqlite).await;
    let huge = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(100 * 1024)
    );
    let answer = raw(&server, huge.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let both = b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n";
    let answer = raw(&server, both).await;
    assert!(
        !answer.contains("ok\n"),
        "no second request hides in the first: {answer}"
    );
    let nonsense = raw(&server, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense}");
}
