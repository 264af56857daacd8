//! Who is here: devices come and go, those who share a conversation hear of it, strangers do not.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parlor_client::{Event, Live, Status};
use parlor_core::Rate;
use parlor_protocol::{ConversationId, DeviceStatus, PresenceStatus, ServerFrame, UserId};
use parlor_testkit::{Actor, Engine, FakeClock, HostApp, TestServer, soon};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{Plain, call, get};

const NOON: &str = "2026-03-01T12:00:00.000Z";

/// Whoever goes is gone at once.
async fn strict(engine: Engine) -> TestServer {
    TestServer::start_with(engine, |options| {
        options.app.lasting.grace = Duration::ZERO;
        options.clock = Arc::new(FakeClock::new());
        options.app.host_tokens = Some(HostApp.tokens());
        // Tests ask until something is so.
        options.gateway.commands = Rate {
            per_minute: 1_000_000,
            burst: 100_000,
        };
    })
    .await
}

/// Whoever goes may take their time to come back.
async fn patient(engine: Engine) -> TestServer {
    TestServer::start_with(engine, |options| {
        options.app.lasting.grace = Duration::from_hours(1);
    })
    .await
}

async fn device(server: &TestServer, token: &str) -> Plain {
    let mut plain = Plain::of(server, token).await;
    assert_eq!(plain.hears().await["type"], "connected");
    plain
}

fn update(user_id: &UserId, status: &str, last_seen_at: Option<&str>) -> Value {
    json!({"type": "presence.update", "userId": user_id, "status": status, "lastSeenAt": last_seen_at})
}

fn watch(people: &[&UserId]) -> Value {
    json!({"type": "presence.watch", "userIds": people})
}

/// Asks until a device is told this of these people: what has just changed is told with the next tick.
async fn finds(plain: &mut Plain, people: &[&UserId], expected: &[Value]) {
    let mut expected = expected.to_vec();
    expected.sort_by_key(|frame| frame["userId"].to_string());
    soon(&format!("{expected:?}"), async {
        while watches(plain, people).await != expected {}
    })
    .await;
}

/// What a device is told of these people when it asks; in order of their ids.
async fn watches(plain: &mut Plain, people: &[&UserId]) -> Vec<Value> {
    let mut command = watch(people);
    command["ref"] = "watch".into();
    plain.say(command.to_string()).await;
    let mut heard = plain.hears_so_far().await;
    // The pong may overtake an answer that had to be read for.
    while !heard.iter().any(|frame| frame["ref"] == "watch") {
        heard.push(plain.hears_all().await);
    }
    heard.extend(plain.hears_so_far().await);
    heard.retain(|frame| frame["type"] == "presence.update");
    heard.sort_by_key(|frame| frame["userId"].to_string());
    heard
}

/// The next word about who is here; all else is passed over.
async fn next_of_people(plain: &mut Plain) -> Value {
    loop {
        let frame = plain.hears_all().await;
        if frame["type"] == "presence.update" {
            return frame;
        }
    }
}

/// Waits for a word about somebody.
async fn hears_of(plain: &mut Plain, expected: Value) {
    while next_of_people(plain).await != expected {}
}

/// A person without a device.
async fn signs_up(server: &TestServer, handle: &str) -> (UserId, String) {
    let api = server.api();
    let reply = api.register(handle, "correct horse battery", None).await;
    let reply = reply.expect("registers");
    (reply.user.id, reply.access_token)
}

/// A group of so many members, of whom all but the first have no device. They are users of the host app.
pub(crate) async fn room_of(server: &TestServer, owner: &Actor, members: usize) -> ConversationId {
    let room = owner.starts_group("Hall", &[]).await;
    let mut others = Vec::new();
    for n in 1..members {
        let token = HostApp.token(&format!("guest{n}"));
        let (status, guest) =
            call(server, Some(&token), Method::GET, "/api/v1/users/me", None).await;
        assert_eq!(status, 200);
        others.push(serde_json::from_value(guest["id"].clone()).expect("an id"));
    }
    owner
        .api
        .add_members(room, others, None)
        .await
        .expect("added");
    room
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn those_who_share_a_conversation_hear_who_comes_and_goes(#[case] engine: Engine) {
    let server = strict(engine).await;
    let ada = server.actor("ada").await;
    let (grace, token) = signs_up(&server, "grace").await;
    let eve = server.actor("eve").await;
    let body = serde_json::from_value(json!({"memberIds": [grace]})).expect("a body");
    ada.api.create_conversation(&body).await.expect("made");
    let mut hers = device(&server, &ada.auth.access_token).await;
    let mut evil = device(&server, &eve.auth.access_token).await;
    let his = device(&server, &token).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "online", None)
    );
    drop(his);
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "offline", Some(NOON))
    );
    // Who shares nothing with him heard nothing, and is not told when they ask.
    let heard = evil.hears_so_far().await;
    assert_eq!(heard, Vec::<Value>::new());
    assert_eq!(
        watches(&mut evil, &[&grace, &ada.id()]).await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn many_devices_are_one_presence() {
    let server = strict(Engine::Sqlite).await;
    let (ada, (grace, token)) = (server.actor("ada").await, signs_up(&server, "grace").await);
    let body = serde_json::from_value(json!({"memberIds": [grace]})).expect("a body");
    ada.api.create_conversation(&body).await.expect("made");
    let mut hers = device(&server, &ada.auth.access_token).await;
    let mut phone = device(&server, &token).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "online", None)
    );
    let mut desk = device(&server, &token).await;
    let away = json!({"type": "presence.set", "status": "away"});
    assert_eq!(phone.asks(away.clone()).await["type"], "ack");
    assert_eq!(desk.asks(away).await["type"], "ack");
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "away", None),
        "once"
    );
    desk.asks(json!({"type": "presence.set", "status": "online"}))
        .await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "online", None)
    );
    drop(desk);
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "away", None)
    );
    drop(phone);
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "offline", Some(NOON))
    );
}

#[tokio::test]
async fn who_comes_back_within_the_grace_was_never_away() {
    let server = patient(Engine::Sqlite).await;
    let (ada, (grace, token)) = (server.actor("ada").await, signs_up(&server, "grace").await);
    let talk = serde_json::from_value(json!({"memberIds": [grace]})).expect("a body");
    ada.api.create_conversation(&talk).await.expect("made");
    let mut hers = device(&server, &ada.auth.access_token).await;
    let first = device(&server, &token).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "online", None)
    );
    drop(first);
    for _ in 0..5 {
        drop(device(&server, &token).await);
    }
    // What is told of somebody who came after all that comes after all that.
    let (linus, token) = signs_up(&server, "linus").await;
    let talk = serde_json::from_value(json!({"memberIds": [linus]})).expect("a body");
    ada.api.create_conversation(&talk).await.expect("made");
    let _linus = device(&server, &token).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&linus, "online", None)
    );
    let told = watches(&mut hers, &[&grace]).await;
    assert_eq!(told, [update(&grace, "online", None)]);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_watcher_is_told_what_is_and_what_becomes(#[case] engine: Engine) {
    let server = strict(engine).await;
    let ada = server.actor("ada").await;
    let room = room_of(&server, &ada, 199).await;
    let (grace, token) = signs_up(&server, "grace").await;
    let (linus, linus_token) = signs_up(&server, "linus").await;
    let (stranger, _) = signs_up(&server, "stranger").await;
    let big = vec![grace.clone(), linus.clone()];
    ada.api.add_members(room, big, None).await.expect("added");

    let mut hers = device(&server, &ada.auth.access_token).await;
    let his = device(&server, &token).await;
    let nobody: UserId = "nobody".parse().expect("a valid id");
    let expected = [
        update(&ada.id(), "online", None),
        update(&grace, "online", None),
        update(&linus, "offline", None),
    ];
    let everybody = [&ada.id(), &grace, &linus, &stranger, &nobody, &grace];
    finds(&mut hers, &everybody, &expected).await;
    drop(his);
    // Although the room is big.
    hears_of(&mut hers, update(&grace, "offline", Some(NOON))).await;
    finds(
        &mut hers,
        &[&grace],
        &[update(&grace, "offline", Some(NOON))],
    )
    .await;
    // In a big room nobody hears unasked, and who no longer asks hears no more: of two who come, one is told.
    finds(&mut hers, &[&linus], &[update(&linus, "offline", None)]).await;
    let mut his = device(&server, &token).await;
    let mut linus_device = device(&server, &linus_token).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&linus, "online", None)
    );
    assert_eq!(hers.hears_so_far().await, Vec::<Value>::new());
    // Nor of whom one shares nothing with any more.
    let both = [
        update(&grace, "online", None),
        update(&linus, "online", None),
    ];
    finds(&mut hers, &[&grace, &linus], &both).await;
    ada.api.remove_member(room, &grace).await.expect("removed");
    let away = json!({"type": "presence.set", "status": "away"});
    his.asks(away.clone()).await;
    linus_device.asks(away).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&linus, "away", None)
    );
    assert_eq!(hers.hears_so_far().await, Vec::<Value>::new());
    assert_eq!(watches(&mut hers, &[&grace]).await, Vec::<Value>::new());
}

#[tokio::test]
async fn of_one_who_shares_fifty_conversations_one_frame_comes() {
    let server = strict(Engine::Sqlite).await;
    let (ada, (grace, token)) = (server.actor("ada").await, signs_up(&server, "grace").await);
    for n in 0..50 {
        let room = ada.starts_group(&format!("Room {n}"), &[]).await;
        let grace = vec![grace.clone()];
        ada.api.add_members(room, grace, None).await.expect("added");
    }
    let mut hers = device(&server, &ada.auth.access_token).await;
    finds(&mut hers, &[&grace], &[update(&grace, "offline", None)]).await;
    let his = device(&server, &token).await;
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "online", None)
    );
    drop(his);
    assert_eq!(
        next_of_people(&mut hers).await,
        update(&grace, "offline", Some(NOON))
    );
    assert_eq!(hers.hears_so_far().await, Vec::<Value>::new());
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn when_somebody_was_last_seen_is_known_after_a_restart(#[case] engine: Engine) {
    let mut server = strict(engine).await;
    let (ada, (grace, token)) = (server.actor("ada").await, signs_up(&server, "grace").await);
    let path = format!("/api/v1/users/{grace}");
    let (status, before) = get(&server, &ada, &path).await;
    assert_eq!(status, 200);
    assert!(before.get("status").is_none(), "a stranger sees {before}");
    let body = serde_json::from_value(json!({"memberIds": [grace]})).expect("a body");
    ada.api.create_conversation(&body).await.expect("made");
    let (_, never) = get(&server, &ada, &path).await;
    assert_eq!(
        (&never["status"], never.get("lastSeenAt")),
        (&json!("offline"), None)
    );
    let his = device(&server, &token).await;
    let becomes = async |status: &str| {
        soon(status, async {
            loop {
                let (_, grace) = get(&server, &ada, &path).await;
                if grace["status"] == status {
                    return grace;
                }
            }
        })
        .await
    };
    let here = becomes("online").await;
    assert_eq!(
        (&here["handle"], here.get("lastSeenAt")),
        (&json!("grace"), None)
    );
    drop(his);
    becomes("offline").await;
    let seen = (json!("offline"), json!(NOON));
    let (_, gone) = get(&server, &ada, &path).await;
    assert_eq!((gone["status"].clone(), gone["lastSeenAt"].clone()), seen);
    server.restart().await;
    let (_, gone) = get(&server, &ada, &path).await;
    assert_eq!((gone["status"].clone(), gone["lastSeenAt"].clone()), seen);
    let path = format!("/api/v1/users/{}", ada.id());
    let (_, oneself) = get(&server, &ada, &path).await;
    assert!(oneself["status"].is_string(), "{oneself}");
}

/// Who is here when the server stops was last seen then.
#[tokio::test]
async fn a_stop_is_the_last_that_is_seen_of_those_who_are_here() {
    let mut server = TestServer::start_with(Engine::Sqlite, |options| {
        options.clock = Arc::new(FakeClock::new());
    })
    .await;
    let (ada, (grace, token)) = (server.actor("ada").await, signs_up(&server, "grace").await);
    let body = serde_json::from_value(json!({"memberIds": [grace]})).expect("a body");
    ada.api.create_conversation(&body).await.expect("made");
    let his = device(&server, &token).await;
    server.restart().await;
    drop(his);
    let (_, gone) = get(&server, &ada, &format!("/api/v1/users/{grace}")).await;
    assert_eq!(
        (&gone["status"], &gone["lastSeenAt"]),
        (&json!("offline"), &json!(NOON))
    );
}

#[tokio::test]
async fn what_is_no_status_or_too_many_people_is_refused() {
    let server = strict(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let mut hers = device(&server, &ada.auth.access_token).await;
    let many: Vec<String> = (0..201).map(|n| format!("u{n}")).collect();
    for command in [
        json!({"type": "presence.set", "status": "offline"}),
        json!({"type": "presence.set", "status": "busy"}),
        json!({"type": "presence.set"}),
        json!({"type": "presence.set", "status": "away", "userId": "grace"}),
        json!({"type": "presence.watch"}),
        json!({"type": "presence.watch", "userIds": "ada"}),
        json!({"type": "presence.watch", "userIds": ["not an id"]}),
        json!({"type": "presence.watch", "userIds": many}),
    ] {
        let answer = hers.asks(command.clone()).await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!("invalid_request")),
            "{command}"
        );
    }
    assert_eq!(
        hers.asks(watch(&[&ada.id()])).await["type"],
        "ack",
        "it lives"
    );
    // Far too many do not fit into a frame.
    let many: Vec<String> = (0..100_000).map(|n| format!("user-{n}")).collect();
    let command = json!({"type": "presence.watch", "userIds": many});
    hers.say(command.to_string()).await;
    assert_eq!(hers.closed().await, 1009);
}

/// The Rust client says and hears all of it.
#[tokio::test]
async fn the_rust_client_types_watches_and_says_that_it_is_away() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut live = Live::connect(&server.url(), &ada.auth.access_token);
    let next = async |live: &mut Live| soon("an event", live.next()).await.expect("goes on");
    while next(&mut live).await != Event::Status(Status::Live) {}
    let typing = live.typing(talk, true).await.expect("taken");
    let watch = live.watch(vec![grace.id()]).await.expect("taken");
    let away = live.set_presence(DeviceStatus::Away).await.expect("taken");
    // Whoever has just come is told of with the next tick.
    let (mut done, mut of_grace) = (BTreeSet::new(), None);
    while done.len() < 3 || of_grace != Some(PresenceStatus::Online) {
        match next(&mut live).await {
            Event::Done { number } => drop(done.insert(number)),
            Event::Frame(frame) => {
                if let ServerFrame::PresenceUpdate {
                    user_id, status, ..
                } = *frame
                    && user_id == grace.id()
                {
                    of_grace = Some(status);
                }
            }
            _ => {}
        }
    }
    assert_eq!(done, BTreeSet::from([typing, watch, away]));
    grace
        .frame("that she writes", |frame| match frame {
            ServerFrame::TypingStart { user_id, .. } => (*user_id == ada.id()).then_some(()),
            _ => None,
        })
        .await;
    grace.api.typing(talk, true).await.expect("taken");
    let seen = grace.api.person(&ada.id()).await.expect("answered");
    assert_eq!(
        seen.status,
        Some(PresenceStatus::Online),
        "her first device"
    );
}
