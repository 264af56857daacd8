//! Who writes where: over sockets and over REST, and who hears of it.

use std::time::Duration;

use parlor_core::Rate;
use parlor_protocol::{ConversationKind, CreateConversation};
use parlor_testkit::{Actor, Engine, HostApp, TestServer};
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{Plain, post};

const NOWHERE: &str = "0190b2c8-0000-7000-8000-000000000001";

/// Nobody stops by themselves while a test runs.
async fn patient(engine: Engine) -> TestServer {
    TestServer::start_with(engine, |options| {
        options.app.lasting.typing = Duration::from_hours(1);
        options.app.host_tokens = Some(HostApp.tokens());
    })
    .await
}

async fn device(server: &TestServer, actor: &Actor) -> Plain {
    let mut plain = Plain::of(server, &actor.auth.access_token).await;
    assert_eq!(plain.hears().await["type"], "connected");
    plain
}

fn word(on: bool, talk: impl ToString, actor: &Actor) -> Value {
    let kind = if on { "typing.start" } else { "typing.stop" };
    json!({"type": kind, "conversationId": talk.to_string(), "userId": actor.id()})
}

fn command(on: bool, talk: impl ToString) -> Value {
    let kind = if on { "typing.start" } else { "typing.stop" };
    json!({"type": kind, "conversationId": talk.to_string()})
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn two_people_see_each_other_write(#[case] engine: Engine) {
    let server = patient(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let (mut hers, mut his) = (device(&server, &ada).await, device(&server, &grace).await);
    assert_eq!(hers.asks(command(true, talk)).await["type"], "ack");
    assert_eq!(his.hears_more().await, word(true, talk, &ada));

    let path = format!("/api/v1/conversations/{talk}/typing");
    let typing = async |on: bool| post(&server, &grace, &path, json!({"typing": on})).await.0;
    assert_eq!(typing(true).await, 204);
    assert_eq!(his.hears_more().await, word(true, talk, &grace));
    assert_eq!(typing(true).await, 204);
    assert_eq!(typing(false).await, 204);
    assert_eq!(
        his.hears_more().await,
        word(false, talk, &grace),
        "heard once"
    );

    assert_eq!(hers.asks(command(false, talk)).await["type"], "ack");
    assert_eq!(his.hears_more().await, word(false, talk, &ada));
    assert_eq!(hers.asks(command(false, talk)).await["type"], "ack");
    assert_eq!(his.hears_so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_message_ends_the_writing_of_its_sender() {
    let server = patient(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let (mut hers, mut his) = (device(&server, &ada).await, device(&server, &grace).await);
    hers.asks(command(true, talk)).await;
    assert_eq!(his.hears_more().await, word(true, talk, &ada));
    grace.posts(talk, "I am not writing").await;
    assert_eq!(his.hears_more().await["type"], "message.new");
    ada.posts(talk, "hi").await;
    assert_eq!(his.hears_more().await, word(false, talk, &ada));
    assert_eq!(his.hears_more().await["type"], "message.new");
}

#[tokio::test]
async fn it_is_over_by_itself() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.lasting.typing = Duration::from_millis(50);
    })
    .await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut his = device(&server, &grace).await;
    let path = format!("/api/v1/conversations/{talk}/typing");
    post(&server, &ada, &path, json!({"typing": true})).await;
    assert_eq!(his.hears_more().await, word(true, talk, &ada));
    assert_eq!(his.hears_more().await, word(false, talk, &ada));
}

#[tokio::test]
async fn whose_last_device_is_gone_writes_no_more() {
    let server = patient(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut his = device(&server, &grace).await;
    device(&server, &ada).await.asks(command(true, talk)).await;
    assert_eq!(his.hears_more().await, word(true, talk, &ada));
    assert_eq!(
        his.hears_so_far().await,
        Vec::<Value>::new(),
        "her phone is here"
    );
    drop(ada);
    let gone = his.hears_more().await;
    assert_eq!(
        (&gone["type"], &gone["conversationId"]),
        (&json!("typing.stop"), &json!(talk))
    );
}

#[tokio::test]
async fn who_is_removed_writes_no_more() {
    let server = patient(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let room = ada.starts_group("Kitchen", &[&grace]).await;
    let (mut hers, mut his) = (device(&server, &ada).await, device(&server, &grace).await);
    his.asks(command(true, room)).await;
    assert_eq!(hers.hears_more().await, word(true, room, &grace));
    let removed = ada.api.remove_member(room, &grace.id()).await;
    removed.expect("removed");
    assert_eq!(hers.hears_more().await, word(false, room, &grace));
    assert_eq!(hers.hears_more().await["type"], "member.left");
    assert_eq!(his.asks(command(true, room)).await["code"], "not_found");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn others_conversations_do_not_exist(#[case] engine: Engine) {
    let server = patient(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let eve = server.actor("eve").await;
    let talk = ada.starts_direct(&grace).await;
    let (mut his, mut evil) = (device(&server, &grace).await, device(&server, &eve).await);
    for on in [true, false] {
        for id in [talk.to_string(), NOWHERE.to_owned()] {
            let answer = evil.asks(command(on, &id)).await;
            assert_eq!(
                (&answer["type"], &answer["code"], &answer["detail"]),
                (
                    &json!("error"),
                    &json!("not_found"),
                    &json!("no such conversation")
                )
            );
            let path = format!("/api/v1/conversations/{id}/typing");
            let (status, reply) = post(&server, &eve, &path, json!({"typing": on})).await;
            assert_eq!((status, &reply["code"]), (404, &json!("not_found")));
        }
    }
    assert_eq!(his.hears_so_far().await, Vec::<Value>::new());
    assert_eq!(evil.hears_so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn in_a_channel_only_those_write_who_may() {
    let server = patient(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let body = CreateConversation {
        kind: Some(ConversationKind::Channel),
        member_ids: vec![grace.id()],
        title: Some("News".into()),
        label: None,
        metadata: None,
    };
    let made = ada.api.create_conversation(&body).await.expect("made");
    let channel = made.summary.id;
    let (mut hers, mut his) = (device(&server, &ada).await, device(&server, &grace).await);
    assert_eq!(his.asks(command(true, channel)).await["code"], "forbidden");
    assert_eq!(hers.asks(command(true, channel)).await["type"], "ack");
    assert_eq!(his.hears_more().await, word(true, channel, &ada));
}

#[tokio::test]
async fn in_a_big_room_nobody_hears_of_it() {
    let server = patient(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let room = crate::presence::room_of(&server, &ada, 201).await;
    let mut hers = device(&server, &ada).await;
    assert_eq!(hers.asks(command(true, room)).await["type"], "ack");
    assert_eq!(hers.asks(command(false, room)).await["type"], "ack");
    assert_eq!(hers.hears_so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_flood_is_refused_and_a_conversation_hears_little_of_it() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.lasting.typing = Duration::from_hours(1);
        options.gateway.commands = Rate {
            per_minute: 60,
            burst: 50,
        };
    })
    .await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let (mut hers, mut his) = (device(&server, &ada).await, device(&server, &grace).await);
    let mut answers = Vec::new();
    for n in 0..100 {
        answers.push(hers.asks(command(n % 2 == 0, talk)).await["type"].clone());
    }
    let acks = answers.iter().filter(|answer| *answer == "ack").count();
    assert!((50..60).contains(&acks), "{acks} of 100");
    assert_eq!(answers[99], "error");
    let heard = his.hears_so_far().await;
    assert!(
        !heard.is_empty() && heard.len() < 20,
        "{} words",
        heard.len()
    );
}

#[tokio::test]
async fn a_body_says_whether_and_nothing_else() {
    let server = patient(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let path = format!("/api/v1/conversations/{talk}/typing");
    for body in [
        json!({}),
        json!({"typing": "yes"}),
        json!({"typing": true, "userId": grace.id()}),
    ] {
        let (status, reply) = post(&server, &ada, &path, body).await;
        assert_eq!((status, &reply["code"]), (400, &json!("invalid_request")));
    }
}
