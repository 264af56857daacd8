//! More than a server can take, and clocks that jump: it says so early, and what works goes on.

use std::{sync::Arc, time::Duration};

use futures_util::SinkExt;
use parlor_core::Rate;
use parlor_protocol::{CreateConversation, SendMessage};
use parlor_testkit::{Engine, FakeClock, TestServer, soon};
use rstest::rstest;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::wire::{Plain, get, post};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_acks_that_nobody_reads() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.gateway.commands = Rate {
            per_minute: 100_000_000,
            burst: 1_000_000,
        };
    })
    .await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let before = server.app().live_connections();
    let mut deaf = Plain::of(&server, &ada.auth.access_token).await;
    let flood = tokio::spawn(async move {
        for n in 0..100_000 {
            let send = json!({
                "type": "message.send", "ref": n, "conversationId": talk, "content": "x".repeat(200),
            });
            let text = Message::text(send.to_string());
            if deaf.stream.feed(text).await.is_err() {
                break;
            }
        }
        deaf
    });
    // Its frames are left in its socket, its connection ends, and the others are served meanwhile.
    soon("the end of the deaf connection", async {
        while server.app().live_connections() != before + 1 {
            tokio::task::yield_now().await;
        }
        while server.app().live_connections() > before {
            grace.posts(talk, "meanwhile").await;
        }
    })
    .await;
    grace.posts(talk, "after it").await;
    ada.sees(talk, "after it").await;
    drop(flood);
}

#[tokio::test]
async fn client_ids_of_ten_kilobytes_are_refused() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let body = json!({"content": "hi", "clientId": "c".repeat(10_000)});
    let path = format!("/api/v1/conversations/{talk}/messages");
    let (status, problem) = post(&server, &ada, &path, body).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")));
    assert_eq!(problem["errors"][0]["field"], "clientId");
    let mut plain = Plain::of(&server, &ada.auth.access_token).await;
    plain.hears().await;
    let send = json!({
        "type": "message.send", "ref": 1, "conversationId": talk, "content": "hi",
        "clientId": "c".repeat(10_000),
    });
    plain.say(send.to_string()).await;
    assert_eq!(plain.hears_more().await["code"], "invalid_request");
    assert_eq!(grace.posts(talk, "first").await.seq, 1);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_clock_that_jumps_moves_no_message_and_hides_no_change(#[case] engine: Engine) {
    let clock = Arc::new(FakeClock::new());
    let server = TestServer::start_with(engine, |options| options.clock = clock.clone()).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    ada.posts(talk, "noon").await;
    let (_, page) = get(&server, &grace, "/api/v1/sync").await;
    let mut cursor = page["cursor"].as_str().expect("a cursor").to_owned();
    let mut expected = vec!["noon".to_owned()];
    for (text, back) in [("an hour ago", 3600), ("a month ago", 30 * 86_400)] {
        clock.set_back(Duration::from_secs(back));
        // A token from the future is still good; one would sign in anew at worst.
        let app = server.app();
        let actor = parlor_core::Actor {
            user_id: ada.id(),
            session_id: None,
        };
        let body = SendMessage {
            content: text.to_owned(),
            ..SendMessage::default()
        };
        let sent = app.send(&actor, talk, body).expect("queued");
        sent.committed().await.expect("stored");
        expected.push(text.to_owned());
        let (_, page) = get(&server, &grace, &format!("/api/v1/sync?cursor={cursor}")).await;
        let messages = page["conversations"][0]["messages"]
            .as_array()
            .expect("found")
            .clone();
        assert_eq!(messages.last().expect("the new one")["content"], text);
        page["cursor"]
            .as_str()
            .expect("a cursor")
            .clone_into(&mut cursor);
    }
    let path = format!("/api/v1/conversations/{talk}/messages");
    let (_, page) = get(&server, &grace, &path).await;
    let texts: Vec<String> = page["items"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| message["content"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn handshakes_are_turned_away_before_messages_are() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.attaching_max = 0;
    })
    .await;
    let ada = server.api().register("ada", "correct horse", None).await;
    let ada = ada.expect("registers");
    let grace = server.api().register("grace", "correct horse", None).await;
    let url = format!(
        "ws://{}/api/v1/ws?token={}",
        server.address(),
        ada.access_token
    );
    let refused = tokio_tungstenite::connect_async(url)
        .await
        .expect_err("turned away");
    let tokio_tungstenite::tungstenite::Error::Http(response) = refused else {
        panic!("{refused}");
    };
    assert_eq!(response.status().as_u16(), 503);
    let wait = response.headers()["retry-after"].to_str().expect("text");
    assert!((2..=10).contains(&wait.parse::<u64>().expect("seconds")));
    // What costs less goes on.
    let api = server.api().with_token(&ada.access_token);
    let body = CreateConversation {
        kind: None,
        member_ids: vec![grace.expect("registers").user.id],
        title: None,
        label: None,
        metadata: None,
    };
    let talk = api.create_conversation(&body).await.expect("made");
    let body = SendMessage {
        content: "still here".into(),
        ..SendMessage::default()
    };
    api.send(talk.summary.id, &body).await.expect("stored");
}
