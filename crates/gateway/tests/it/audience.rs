//! Who hears of what: a group lives through everything that is announced, and each event reaches those
//! whom it concerns and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::{AuthReply, ServerFrame, UserId};
use parlor_testkit::{Actor, Engine, TestServer};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{Plain, call, patch, post};

/// Answers to one's own frames, and what belongs to the connection.
const ANSWERS: [&str; 6] = ["connected", "ack", "error", "pong", "sync", "reconnect"];

/// Who hears each event of a group of owner, member and former, who is removed in the middle.
const AUDIENCES: [(&str, &[&str]); 18] = [
    ("message.new", &["member", "owner"]),
    ("message.updated", &["member", "owner"]),
    ("message.deleted", &["member", "owner"]),
    ("reaction.added", &["member", "owner"]),
    ("reaction.removed", &["member", "owner"]),
    ("message.delivered", &["member", "owner"]),
    ("message.read", &["member", "owner"]),
    ("conversation.added", &["former", "member", "owner"]),
    ("conversation.updated", &["member", "owner"]),
    ("conversation.removed", &["former", "member"]),
    ("member.joined", &["member", "owner"]),
    ("member.left", &["member", "owner"]),
    ("member.updated", &["member", "owner"]),
    ("membership.updated", &["owner"]),
    ("typing.start", &["member", "owner"]),
    ("typing.stop", &["member", "owner"]),
    // Of the guest, who comes.
    ("presence.update", &["member", "owner"]),
    // Of the owner's name: those who share a conversation with them.
    ("user.updated", &["member", "owner"]),
];
/// Of the owner's own account.
const OWN: (&str, &[&str]) = ("account.updated", &["owner"]);

struct Ear {
    name: &'static str,
    actor: Actor,
    socket: Plain,
    /// With somebody who is in nothing else: its message says that all has been heard.
    direct: String,
}

async fn ears(server: &TestServer, last: &Actor) -> Vec<Ear> {
    let mut ears = Vec::new();
    for name in ["former", "member", "owner", "stranger"] {
        let actor = server.actor(name).await;
        let direct = actor.starts_direct(last).await.to_string();
        let mut socket = Plain::of(server, &actor.auth.access_token).await;
        assert_eq!(socket.hears().await["type"], "connected");
        ears.push(Ear {
            name,
            actor,
            socket,
            direct,
        });
    }
    ears
}

/// All events of the group, and those of no conversation, in everything that came before the last message.
/// That the others came is no part of it.
async fn heard(ear: &mut Ear, group: &str, guest: &UserId) -> BTreeMap<String, Vec<Value>> {
    let mut heard: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    loop {
        let frame = ear.socket.hears_all().await;
        if frame["type"] == "presence.update" && frame["userId"] != guest.as_str() {
            continue;
        }
        if frame["conversationId"] == ear.direct.as_str() {
            if frame["type"] == "message.new" {
                return heard;
            }
            continue;
        }
        let id = &frame["conversationId"];
        assert!(id.is_null() || id == group, "{} hears {frame}", ear.name);
        let kind = frame["type"].as_str().expect("a type").to_owned();
        heard.entry(kind).or_default().push(frame);
    }
}

async fn lives(server: &TestServer, ears: &[Ear], last: &Actor) -> (String, UserId) {
    let [former, member, owner, _] = ears else {
        unreachable!("there are four");
    };
    let (former, member, owner) = (&former.actor, &member.actor, &owner.actor);
    let group = owner.starts_group("Kitchen", &[former, member]).await;
    let path = format!("/api/v1/conversations/{group}");
    let does = async |actor: &Actor, method: Method, path: String, body: Value| {
        let token = Some(actor.auth.access_token.as_str());
        let (status, reply) = call(server, token, method, &path, Some(body)).await;
        assert!((200..300).contains(&status), "{path}: {status} {reply}");
        reply
    };
    let out = format!("{path}/members/{}", former.id());
    does(owner, Method::DELETE, out, json!({})).await;
    // What comes after this the former member must not hear.
    let messages = format!("{path}/messages");
    let (_, message) = post(server, member, &messages, json!({"content": "hi"})).await;
    let one = format!("{messages}/{}", message["id"].as_str().expect("an id"));
    let emoji = format!("{one}/reactions/%F0%9F%91%8D");
    does(
        member,
        Method::PATCH,
        one.clone(),
        json!({"content": "hello"}),
    )
    .await;
    does(owner, Method::PUT, emoji.clone(), json!({})).await;
    does(owner, Method::DELETE, emoji, json!({})).await;
    let status = |status: &str| json!({"status": status, "seq": 1});
    does(
        owner,
        Method::POST,
        format!("{messages}/status"),
        status("delivered"),
    )
    .await;
    does(
        owner,
        Method::POST,
        format!("{messages}/status"),
        status("read"),
    )
    .await;
    does(member, Method::DELETE, one, json!({})).await;
    does(
        owner,
        Method::PATCH,
        path.clone(),
        json!({"title": "Garden"}),
    )
    .await;
    does(
        owner,
        Method::PATCH,
        format!("{path}/me"),
        json!({"pinned": true}),
    )
    .await;
    let role = format!("{path}/members/{}", member.id());
    assert_eq!(
        patch(server, owner, &role, json!({"role": "admin"}))
            .await
            .0,
        200
    );
    for typing in [true, false] {
        let body = json!({"typing": typing});
        does(owner, Method::POST, format!("{path}/typing"), body).await;
    }
    let api = server.api();
    let guest = api.register("guest", "correct horse battery", None).await;
    let guest = guest.expect("registers");
    does(
        owner,
        Method::POST,
        format!("{path}/members"),
        json!({"userIds": [guest.user.id]}),
    )
    .await;
    comes(server, &guest, last).await;
    does(
        owner,
        Method::PATCH,
        "/api/v1/users/me".into(),
        json!({"name": "O."}),
    )
    .await;
    does(member, Method::DELETE, path, json!({})).await;
    (group.to_string(), guest.user.id)
}

/// Somebody comes, and whoever is to hear of it has heard it: all are told together.
async fn comes(server: &TestServer, guest: &AuthReply, last: &Actor) {
    let body = json!({"memberIds": [guest.user.id]});
    let (status, _) = post(server, last, "/api/v1/conversations", body).await;
    assert_eq!(status, 201);
    let _socket = Plain::of(server, &guest.access_token).await;
    last.frame("the guest's coming", |frame| match frame {
        ServerFrame::PresenceUpdate { user_id, .. } => (*user_id == guest.user.id).then_some(()),
        _ => None,
    })
    .await;
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn each_event_reaches_those_whom_it_concerns(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let last = server.actor("last").await;
    let mut ears = ears(&server, &last).await;
    let (group, guest) = lives(&server, &ears, &last).await;
    let mut audiences: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for ear in &mut ears {
        last.sends(ear.direct.parse().expect("an id"), "that was all")
            .await;
        for (kind, frames) in heard(ear, &group, &guest).await {
            // Names, texts and everything else that is not theirs to know would stand in a field too many.
            for frame in &frames {
                assert_fields(&kind, frame);
            }
            audiences.entry(kind).or_default().insert(ear.name);
        }
    }
    let expected: BTreeMap<String, BTreeSet<&str>> = AUDIENCES
        .iter()
        .chain([&OWN])
        .map(|(kind, who)| ((*kind).to_owned(), who.iter().copied().collect()))
        .collect();
    assert_eq!(audiences, expected);
    let known: BTreeSet<String> = expected.into_keys().collect();
    assert_eq!(known, events(), "an event without an audience");
}

fn schemas() -> Value {
    parlor_gateway::asyncapi()["components"]["schemas"]["ServerFrame"]["oneOf"].clone()
}

fn kind(schema: &Value) -> &str {
    let kind = &schema["properties"]["type"]["enum"][0];
    kind.as_str().expect("a word")
}

/// Every event of the AsyncAPI document.
fn events() -> BTreeSet<String> {
    let schemas = schemas();
    let kinds = schemas.as_array().expect("frames").iter().map(kind);
    let events = kinds.filter(|kind| !ANSWERS.contains(kind));
    events.map(str::to_owned).collect()
}

/// A frame has the fields that the document names, and no other.
fn assert_fields(event: &str, frame: &Value) {
    let schemas = schemas();
    let mut all = schemas.as_array().expect("frames").iter();
    let schema = all
        .find(|schema| kind(schema) == event)
        .expect("in the document");
    let documented = schema["properties"].as_object().expect("fields");
    for field in frame.as_object().expect("an object").keys() {
        assert!(documented.contains_key(field), "{field} of {event}");
    }
}
