//! Resuming over the socket and over REST: nothing falls between what was missed and what is live.

use std::collections::HashMap;

use parlor_protocol::{ConversationId, CreateConversation};
use parlor_testkit::{Actor, Engine, TestServer};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{Plain, call, get, post};

/// What a small client holds of one conversation.
#[derive(Debug, Default)]
struct Held {
    version: i64,
    /// Text by place.
    texts: HashMap<i64, String>,
    gaps: usize,
}

/// A client that keeps the rules and nothing else.
#[derive(Debug, Default)]
struct Replica {
    cursor: Option<String>,
    held: HashMap<String, Held>,
    removed: Vec<String>,
    resets: usize,
    missed: usize,
}

impl Replica {
    fn page(&mut self, page: &Value) {
        if page["reset"] == true {
            self.held.clear();
            self.resets += 1;
        }
        for entry in page["conversations"].as_array().expect("a list") {
            let conversation = &entry["conversation"];
            let id = conversation["id"].as_str().expect("an id").to_owned();
            let held = self.held.entry(id).or_default();
            held.version = held
                .version
                .max(conversation["version"].as_i64().expect("a version"));
            if entry["gap"] == true {
                held.texts.clear();
                held.gaps += 1;
            }
            for message in entry["messages"].as_array().expect("a list") {
                held.take(message);
            }
        }
        for id in page["removed"].as_array().expect("a list") {
            let id = id.as_str().expect("an id").to_owned();
            self.held.remove(&id);
            self.removed.push(id);
        }
        self.cursor = page["cursor"].as_str().map(str::to_owned);
    }

    /// Applies a frame; `false` for one that ends a resume or is not for the replica.
    fn frame(&mut self, frame: &Value) {
        let Some(version) = frame["version"].as_i64() else {
            return;
        };
        let id = frame["conversationId"].as_str().expect("an id");
        if frame["type"] == "conversation.added" {
            self.held.entry(id.to_owned()).or_default().version = version;
            return;
        }
        let held = self.held.entry(id.to_owned()).or_default();
        if version <= held.version {
            return;
        }
        if version > held.version + 1 {
            self.missed += 1;
        }
        held.version = version;
        if frame["message"].is_object() {
            held.take(&frame["message"]);
        }
    }
}

impl Held {
    fn take(&mut self, message: &Value) {
        let seq = message["seq"].as_i64().expect("a seq");
        let text = message["content"].as_str().expect("a text").to_owned();
        self.texts.insert(seq, text);
    }
}

async fn resume(server: &TestServer, actor: &Actor, replica: &mut Replica) -> Plain {
    let mut plain = Plain::open(server.address(), "/api/v1/ws").await;
    let auth = json!({
        "type": "auth", "token": actor.auth.access_token, "cursor": replica.cursor,
    });
    plain.say(auth.to_string()).await;
    let connected = plain.hears().await;
    assert_eq!(connected["resumed"], true, "{connected}");
    loop {
        let frame = plain.hears().await;
        assert_eq!(frame["type"], "sync", "before anything live: {frame}");
        replica.page(&frame["page"]);
        if frame["page"]["hasMore"] == false {
            return plain;
        }
    }
}

async fn sync(server: &TestServer, actor: &Actor, query: &str) -> (u16, Value) {
    get(server, actor, &format!("/api/v1/sync{query}")).await
}

/// Everything from nothing, page by page.
async fn from_nothing(server: &TestServer, actor: &Actor, limit: usize) -> Replica {
    let mut replica = Replica::default();
    loop {
        let cursor = replica
            .cursor
            .as_ref()
            .map(|cursor| format!("&cursor={cursor}"))
            .unwrap_or_default();
        let (status, page) = sync(server, actor, &format!("?limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        replica.page(&page);
        if page["hasMore"] == false {
            return replica;
        }
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r8_a_resume_under_load_misses_nothing_and_doubles_nothing(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let mut talks = Vec::new();
    for n in 0..5 {
        talks.push(ada.starts_group(&format!("Talk {n}"), &[&grace]).await);
    }
    let mut replica = from_nothing(&server, &grace, 2).await;
    assert_eq!(replica.held.len(), 5);

    // Ada writes all the while; grace comes and goes.
    let app = server.app().clone();
    let actor = parlor_core::Actor {
        user_id: ada.id(),
        session_id: None,
    };
    let writing = {
        let talks = talks.clone();
        tokio::spawn(async move {
            for n in 0..400 {
                let body = parlor_protocol::SendMessage {
                    content: format!("text {n}"),
                    ..Default::default()
                };
                let sent = app
                    .send(&actor, talks[n % talks.len()], body)
                    .expect("queued");
                sent.committed().await.expect("stored");
            }
        })
    };
    let mut rounds = 0;
    while !writing.is_finished() {
        let mut plain = resume(&server, &grace, &mut replica).await;
        // Three round trips long she listens, and keeps the last position that she is told.
        for _ in 0..3 {
            plain.say(json!({"type": "ping"}).to_string()).await;
            loop {
                let frame = plain.hears().await;
                if frame["type"] == "pong" {
                    replica.cursor = frame["cursor"].as_str().map(str::to_owned);
                    break;
                }
                replica.frame(&frame);
            }
        }
        rounds += 1;
    }
    writing.await.expect("wrote");
    resume(&server, &grace, &mut replica).await;
    assert!(rounds > 3, "only {rounds} rounds");
    assert_eq!(replica.missed, 0, "a version was skipped");
    for (n, talk) in talks.iter().enumerate() {
        let held = &replica.held[&talk.to_string()];
        let expected: HashMap<i64, String> = (0..80)
            .map(|seq| (seq + 1, format!("text {}", seq as usize * 5 + n)))
            .collect();
        assert_eq!(held.texts, expected);
        assert_eq!(held.gaps, 0);
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn r16_a_resume_tells_of_edits_deletes_reactions_and_removals(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let stays = ada.starts_group("Stays", &[&grace]).await;
    let goes = ada.starts_group("Goes", &[&grace]).await;
    let hides = ada.starts_group("Hides", &[&grace]).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(ada.posts(stays, &format!("text {n}")).await.id);
    }
    let mut replica = from_nothing(&server, &grace, 50).await;
    let token = Some(ada.auth.access_token.as_str());
    let path = |n: usize| format!("/api/v1/conversations/{stays}/messages/{}", ids[n]);
    let edit = json!({"content": "edited"});
    let (status, edited) = call(&server, token, Method::PATCH, &path(0), Some(edit)).await;
    assert_eq!((status, &edited["content"]), (200, &json!("edited")));
    let (status, _) = call(&server, token, Method::DELETE, &path(1), None).await;
    assert_eq!(status, 204);
    let emoji = format!("{}/reactions/{}", path(2), "%F0%9F%91%8D");
    let (status, _) = call(&server, token, Method::PUT, &emoji, None).await;
    assert_eq!(status, 204);
    let leave = format!("/api/v1/conversations/{goes}/members/{}", grace.id());
    let (status, _) = call(&server, token, Method::DELETE, &leave, None).await;
    assert_eq!(status, 204);
    let hide = format!("/api/v1/conversations/{hides}");
    let hers = Some(grace.auth.access_token.as_str());
    let (status, _) = call(&server, hers, Method::DELETE, &hide, None).await;
    assert_eq!(status, 204);

    let mut plain = resume(&server, &grace, &mut replica).await;
    let held = &replica.held[&stays.to_string()];
    assert_eq!(held.texts[&1], "edited");
    assert_eq!(held.texts[&2], "");
    assert_eq!(held.texts[&3], "text 3");
    let mut expected = [goes.to_string(), hides.to_string()];
    expected.sort();
    replica.removed.sort();
    assert_eq!(replica.removed, expected);

    // Whoever left hears nothing; whoever hid hears the next message.
    ada.posts(goes, "unheard").await;
    ada.posts(hides, "back").await;
    let frame = plain.hears().await;
    assert_eq!(frame["message"]["content"], "back", "{frame}");
    let (status, _) = get(&server, &grace, &format!("/api/v1/conversations/{goes}")).await;
    assert_eq!(status, 404);
    let (_, page) = get(
        &server,
        &grace,
        &format!("/api/v1/conversations/{hides}/messages"),
    )
    .await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn cursors_that_were_not_given_are_refused(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let (_, page) = sync(&server, &ada, "").await;
    let good = page["cursor"].as_str().expect("a cursor").to_owned();
    let (_, page) = sync(&server, &grace, "").await;
    let foreign = page["cursor"].as_str().expect("a cursor").to_owned();
    let mut forged = good.clone().into_bytes();
    forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("ASCII");
    let long = "A".repeat(10_000);
    for bad in ["", "x", "AAAA", &forged, &foreign, &long] {
        let (status, problem) = sync(&server, &ada, &format!("?cursor={bad}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("cursor_not_usable")),
            "{bad:.40}"
        );
        let mut plain = Plain::open(
            server.address(),
            &format!("/api/v1/ws?token={}&cursor={bad}", ada.auth.access_token),
        )
        .await;
        assert_eq!(plain.closed().await, 4007, "{bad:.40}");
        let mut plain = Plain::of(&server, &ada.auth.access_token).await;
        plain.hears().await;
        let command = json!({"type": "sync", "ref": 1, "cursor": bad});
        plain.say(command.to_string()).await;
        let answer = plain.hears().await;
        assert_eq!(answer["code"], "cursor_not_usable", "{answer}");
    }
    for bad in ["0", "201", "-1", "9e99", "x"] {
        let (status, _) = sync(&server, &ada, &format!("?limit={bad}")).await;
        assert_eq!(status, 400, "{bad}");
    }
    let (status, _) = sync(&server, &ada, "?since=1").await;
    assert_eq!(status, 400);

    // However old: what is different now is answered.
    for n in 0..5 {
        grace.posts(talk, &n.to_string()).await;
    }
    let (status, page) = sync(&server, &ada, &format!("?cursor={good}")).await;
    assert_eq!((status, &page["reset"]), (200, &json!(false)));
    let messages = &page["conversations"][0]["messages"];
    assert_eq!(messages.as_array().map(Vec::len), Some(5));
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_cursor_of_another_history_starts_over(#[case] engine: Engine) {
    let mut server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    ada.starts_direct(&grace).await;
    let mut replica = from_nothing(&server, &ada, 50).await;
    server.begin_another_epoch().await;
    let (status, page) = sync(
        &server,
        &ada,
        &format!("?cursor={}", replica.cursor.clone().expect("a cursor")),
    )
    .await;
    assert_eq!((status, &page["reset"]), (200, &json!(true)));
    assert_eq!(page["conversations"].as_array().map(Vec::len), Some(1));
    resume(&server, &ada, &mut replica).await;
    assert_eq!(replica.resets, 1);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn what_changes_while_a_list_is_paged_is_not_missed(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let mut talks = Vec::new();
    for n in 0..6 {
        talks.push(ada.starts_group(&format!("Talk {n}"), &[&grace]).await);
    }
    let mut replica = Replica::default();
    let (_, page) = sync(&server, &grace, "?limit=2").await;
    assert_eq!(page["hasMore"], true);
    replica.page(&page);
    // The last of the list is now the first: paging on never meets it.
    ada.posts(talks[0], "up").await;
    let mut pages = 1;
    loop {
        let cursor = replica.cursor.clone().expect("a cursor");
        let (_, page) = sync(&server, &grace, &format!("?limit=2&cursor={cursor}")).await;
        replica.page(&page);
        pages += 1;
        if page["hasMore"] == false {
            break;
        }
    }
    assert!(pages >= 4);
    assert_eq!(replica.held.len(), 6);
    assert_eq!(replica.held[&talks[0].to_string()].version, 2);
}

/// A busy day: the pages are larger than what a socket usually holds.
#[tokio::test]
async fn large_pages_arrive_whole() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let mut talks = Vec::new();
    for n in 0..4 {
        talks.push(ada.starts_group(&format!("Talk {n}"), &[&grace]).await);
    }
    let mut replica = from_nothing(&server, &grace, 50).await;
    let long = "\"quoted\" ".repeat(1_200);
    for talk in &talks {
        for _ in 0..60 {
            ada.posts(*talk, &long).await;
        }
    }
    // One has more text than a page may hold by itself.
    for _ in 0..39 {
        ada.posts(talks[0], &long).await;
    }
    let mut plain = resume(&server, &grace, &mut replica).await;
    assert_eq!(replica.held[&talks[0].to_string()].gaps, 1);
    for talk in &talks[1..] {
        assert_eq!(replica.held[&talk.to_string()].texts.len(), 60);
    }
    plain
        .say(json!({"type": "sync", "ref": "s"}).to_string())
        .await;
    let ack = plain.hears().await;
    assert_eq!(ack["ref"], "s");
    let listed = ack["page"]["conversations"].as_array().map(Vec::len);
    assert_eq!(listed, Some(4));
}

#[tokio::test]
async fn the_sync_command_answers_pages() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let mut plain = Plain::of(&server, &grace.auth.access_token).await;
    plain.hears().await;
    plain
        .say(json!({"type": "sync", "ref": "s"}).to_string())
        .await;
    let ack = plain.hears_more().await;
    assert_eq!((&ack["type"], &ack["ref"]), (&json!("ack"), &json!("s")));
    let page = &ack["page"];
    assert_eq!(
        page["conversations"][0]["conversation"]["id"],
        talk.to_string()
    );
    assert_eq!(page["user"]["handle"], "grace");
    assert_eq!(page["user"]["userVersion"], 1);
    let cursor = page["cursor"].clone();
    ada.posts(talk, "hi").await;
    plain
        .say(json!({"type": "sync", "ref": "t", "cursor": cursor}).to_string())
        .await;
    let ack = loop {
        let frame = plain.hears().await;
        if frame["type"] == "ack" {
            break frame;
        }
    };
    assert_eq!(
        ack["page"]["conversations"][0]["messages"][0]["content"],
        "hi"
    );
}

#[tokio::test]
async fn two_devices_follow_each_other() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk: ConversationId = ada.starts_direct(&grace).await;
    for n in 1..=3 {
        ada.posts(talk, &n.to_string()).await;
    }
    // One session, two sockets: both hear everything.
    let mut phone = Plain::of(&server, &grace.auth.access_token).await;
    let mut desk = Plain::of(&server, &grace.auth.access_token).await;
    phone.hears().await;
    desk.hears().await;
    post(
        &server,
        &grace,
        &format!("/api/v1/conversations/{talk}/read"),
        json!({"seq": 3}),
    )
    .await;
    for device in [&mut phone, &mut desk] {
        let frame = device.hears_more().await;
        assert_eq!(
            (&frame["type"], &frame["seq"]),
            (&json!("message.read"), &json!(3))
        );
    }
    let (status, _) = post(
        &server,
        &grace,
        &format!("/api/v1/conversations/{talk}/unread"),
        json!({"seq": 2}),
    )
    .await;
    assert_eq!(status, 204);
    for device in [&mut phone, &mut desk] {
        let frame = device.hears().await;
        assert_eq!(frame["type"], "membership.updated");
        assert_eq!(
            (&frame["me"]["readSeq"], &frame["unreadCount"]),
            (&json!(1), &json!(2))
        );
        assert_eq!(frame["userVersion"], 2);
    }
    let body = CreateConversation {
        kind: None,
        member_ids: vec![grace.id()],
        title: Some("New".into()),
        label: None,
        metadata: None,
    };
    ada.api.create_conversation(&body).await.expect("made");
    for device in [&mut phone, &mut desk] {
        let frame = device.hears().await;
        assert_eq!(
            (&frame["type"], &frame["userVersion"]),
            (&json!("conversation.added"), &json!(3))
        );
    }
    // Ada does not hear how grace keeps her own side.
    let mut hers = Plain::of(&server, &ada.auth.access_token).await;
    hers.hears().await;
    post(
        &server,
        &grace,
        &format!("/api/v1/conversations/{talk}/unread"),
        json!({"seq": 1}),
    )
    .await;
    ada.posts(talk, "after").await;
    assert_eq!(hers.hears_more().await["type"], "message.new");
}
