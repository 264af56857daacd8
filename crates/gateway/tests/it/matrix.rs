//! Who may do what: every operation of both documents, as every principal, on every kind of object.
//!
//! What comes out stands in docs/AUTHORIZATION.md; a row that changes is seen there.

mod rows;

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Duration};

use parlor_protocol::{ConversationId, UserId};
use parlor_testkit::{Actor, Engine, FakeClock, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use self::rows::{COMMANDS, REST, Row};
use crate::{
    generated,
    wire::{Plain, call, patch, post},
};

const PRINCIPALS: [&str; 5] = ["stranger", "former", "member", "admin", "owner"];
const UNKNOWN: &str = "0190b2c8-0000-7000-8000-00000000ffff";

/// The people of the matrix.
struct People {
    /// In the order of [`PRINCIPALS`].
    principals: Vec<Actor>,
    /// Another member, whose things are tried.
    other: Actor,
    /// Nobody's member.
    guest: Actor,
    /// Whose token has ended.
    expired: String,
}

/// A group made for one case, and what may be named in it.
pub(crate) struct Place {
    group: String,
    /// By the other member.
    message: String,
    /// The same, deleted.
    deleted: String,
    /// By the other member in another group, with the same people.
    elsewhere: String,
    link: String,
    link_elsewhere: String,
    link_token: String,
    /// The other member's session.
    session: String,
    other: UserId,
    guest: UserId,
    /// Of whoever asks.
    token: String,
}

async fn people(server: &TestServer, clock: &FakeClock) -> People {
    let expired = server.actor("late").await.auth.access_token;
    clock.advance(Duration::from_secs(3_601));
    let mut principals = Vec::new();
    for name in PRINCIPALS {
        principals.push(server.actor(name).await);
    }
    People {
        principals,
        other: server.actor("other").await,
        guest: server.actor("guest").await,
        expired,
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn said(server: &TestServer, actor: &Actor, talk: ConversationId) -> String {
    let path = format!("/api/v1/conversations/{talk}/messages");
    text(
        &post(server, actor, &path, json!({"content": "theirs"}))
            .await
            .1["id"],
    )
}

async fn place(server: &TestServer, people: &People, asking: usize) -> Place {
    let [_, former, member, admin, owner] = people.principals.as_slice() else {
        unreachable!("there are five");
    };
    let all = [former, member, admin, &people.other];
    let group = owner.starts_group("Kitchen", &all).await;
    let second = owner.starts_group("Elsewhere", &all).await;
    let message = said(server, &people.other, group).await;
    let deleted = said(server, &people.other, group).await;
    let elsewhere = said(server, &people.other, second).await;
    let path = format!("/api/v1/conversations/{group}");
    let token = Some(owner.auth.access_token.as_str());
    for (method, path) in [
        (Method::DELETE, format!("{path}/messages/{deleted}")),
        (Method::DELETE, format!("{path}/members/{}", former.id())),
    ] {
        assert_eq!(call(server, token, method, &path, None).await.0, 204);
    }
    let role = format!("{path}/members/{}", admin.id());
    assert_eq!(
        patch(server, owner, &role, json!({"role": "admin"}))
            .await
            .0,
        200
    );
    let (_, link) = post(server, owner, &format!("{path}/links"), json!({})).await;
    let other_path = format!("/api/v1/conversations/{second}/links");
    let (_, other_link) = post(server, owner, &other_path, json!({})).await;
    Place {
        group: group.to_string(),
        message,
        deleted,
        elsewhere,
        link: text(&link["id"]),
        link_elsewhere: text(&other_link["id"]),
        link_token: text(&link["token"]),
        session: people.other.auth.session_id.to_string(),
        other: people.other.id(),
        guest: people.guest.id(),
        token: people.principals[asking].auth.access_token.clone(),
    }
}

/// The operation's path for a place, with one of its names perhaps replaced.
fn path(operation: &str, place: &Place, replaced: Option<(&str, &str)>) -> (Method, String) {
    let (method, path) = operation.split_once(' ').expect("method and path");
    let id = match path {
        "/users/{id}" => place.other.as_str(),
        "/auth/sessions/{id}" => &place.session,
        _ => &place.group,
    };
    let mut path = path.to_owned();
    if let Some((name, value)) = replaced {
        path = path.replace(name, value);
    }
    for (name, value) in [
        ("{id}", id),
        ("{messageId}", &place.message),
        ("{userId}", place.other.as_str()),
        ("{linkId}", &place.link),
        ("{token}", &place.link_token),
        ("{emoji}", "%F0%9F%91%8D"),
    ] {
        path = path.replace(name, value);
    }
    (method.parse().expect("a method"), format!("/api/v1{path}"))
}

/// `ok`, or the code of the refusal.
fn word(status: u16, reply: &Value) -> String {
    match status {
        200..300 => "ok".to_owned(),
        _ => text(&reply["code"]),
    }
}

async fn rest(
    server: &TestServer,
    row: &Row,
    place: &Place,
    token: Option<&str>,
    replaced: Option<(&str, &str)>,
) -> String {
    let (method, path) = path(row.operation, place, replaced);
    let body = (method != Method::GET).then(|| (row.body)(place));
    let (status, reply) = call(server, token, method, &path, body).await;
    word(status, &reply)
}

/// Names that are not this conversation's, for each placeholder, and what they are answered.
fn objects(operation: &str, place: &Place) -> Vec<(&'static str, String, String)> {
    let mut objects = Vec::new();
    let mut none = |name: &'static str, values: &[&str]| {
        for value in values {
            objects.push((name, (*value).to_owned(), "not_found".to_owned()));
        }
    };
    if operation.contains("{id}") {
        none("{id}", &["x", UNKNOWN]);
    }
    if operation.contains("{messageId}") {
        none("{messageId}", &["x", UNKNOWN, &place.elsewhere]);
        let answer = match operation.split_once(' ') {
            Some(("DELETE", path)) if path.ends_with("{messageId}") => "ok",
            Some(("PATCH", _)) => "forbidden",
            Some(("GET", _)) => "ok",
            _ => "message_deleted",
        };
        objects.push(("{messageId}", place.deleted.clone(), answer.to_owned()));
    } else if operation.contains("{userId}") {
        none("{userId}", &["a%20b", UNKNOWN, place.guest.as_str()]);
    } else if operation.contains("{linkId}") {
        none("{linkId}", &["x", UNKNOWN, &place.link_elsewhere]);
    } else if operation.contains("{token}") {
        none("{token}", &["x", UNKNOWN]);
    }
    objects
}

/// What a command is answered on a socket of whoever asks; `None` where the socket is closed with 4003.
async fn command(
    server: &TestServer,
    row: &Row,
    body: Value,
    token: Option<&str>,
) -> Option<String> {
    let mut socket = match token {
        Some(token) => Plain::of(server, token).await,
        None => Plain::open(server.address(), "/api/v1/ws").await,
    };
    let mut frame = body;
    frame["type"] = json!(row.operation);
    frame["ref"] = json!("asked");
    if token.is_some_and(|token| !token.is_empty()) {
        let first = socket.hears_or_closed().await.ok()?;
        assert_eq!(first["type"], "connected");
    }
    socket.say(frame.to_string()).await;
    loop {
        let heard = match socket.hears_or_closed().await {
            Ok(heard) => heard,
            Err(code) => {
                assert_eq!(code, 4003);
                return None;
            }
        };
        if heard["ref"] == "asked" {
            return Some(match heard["type"].as_str() {
                Some("error") => text(&heard["code"]),
                _ => "ok".to_owned(),
            });
        }
    }
}

/// Every operation of the OpenAPI document, and whether it needs a credential.
fn operations() -> Vec<(String, bool)> {
    let document = serde_json::to_value(parlor_gateway::openapi()).expect("JSON");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let is_public = operation["security"] == json!([{}]);
            operations.push((format!("{} {path}", method.to_uppercase()), !is_public));
        }
    }
    operations
}

fn commands() -> BTreeSet<String> {
    let document = parlor_gateway::asyncapi();
    let frames = document["components"]["schemas"]["ClientFrame"]["oneOf"].clone();
    let frames = frames.as_array().expect("frames").clone();
    let word = |frame: Value| text(&frame["properties"]["type"]["enum"][0]);
    frames.into_iter().map(word).collect()
}

fn find<'r>(rows: &'r [Row], operation: &str) -> &'r Row {
    let found = rows.iter().find(|row| row.operation == operation);
    found.unwrap_or_else(|| panic!("{operation} has no row: say who may do it"))
}

/// The table of what was seen, and how much.
#[derive(Default)]
struct Seen {
    table: String,
    operations: usize,
    cases: usize,
}

impl Seen {
    fn expect(&mut self, what: &str, who: &str, answered: &str, expected: &str) {
        assert_eq!(answered, expected, "{what} as {who}");
        self.cases += 1;
    }

    fn line(&mut self, operation: &str, anonymous: &str, answers: &[&str]) {
        self.operations += 1;
        let answers = answers.join(" | ");
        writeln!(self.table, "| `{operation}` | {anonymous} | {answers} |").expect("a text");
    }
}

/// An actor's token; another session's where the operation ends it.
async fn token(server: &TestServer, actor: &Actor, operation: &str) -> String {
    if operation != "POST /auth/logout" {
        return actor.auth.access_token.clone();
    }
    let handle = &actor.auth.user.handle;
    let again = server.api().login(handle, "correct horse battery").await;
    again.expect("signs in").access_token
}

async fn try_rest(server: &TestServer, people: &People, seen: &mut Seen) {
    let operations = operations();
    assert_eq!(operations.len(), REST.len(), "rows that name no operation");
    for (operation, needs_credential) in &operations {
        let row = find(REST, operation);
        let answers: Vec<&str> = row.answers.split(' ').collect();
        let nobody = place(server, people, 0).await;
        if *needs_credential {
            for (token, who, code) in [
                (None, "anonymous", "unauthorized"),
                (Some(people.expired.as_str()), "expired", "token_expired"),
            ] {
                let answered = rest(server, row, &nobody, token, None).await;
                seen.expect(operation, who, &answered, code);
            }
            for (asking, (who, expected)) in PRINCIPALS.iter().zip(&answers).enumerate() {
                let place = place(server, people, asking).await;
                let token = token(server, &people.principals[asking], operation).await;
                let answered = rest(server, row, &place, Some(&token), None).await;
                seen.expect(operation, who, &answered, expected);
            }
            seen.line(operation, "unauthorized", &answers);
        } else {
            let answered = rest(server, row, &nobody, None, None).await;
            seen.expect(operation, "anonymous", &answered, row.answers);
            seen.line(operation, row.answers, &[row.answers; 5]);
        }
        let owner = &people.principals[4].auth.access_token;
        let place = place(server, people, 4).await;
        for (name, value, expected) in objects(operation, &place) {
            let answered = rest(server, row, &place, Some(owner), Some((name, &value))).await;
            let what = format!("{operation} with {name} = {value}");
            seen.expect(&what, "owner", &answered, &expected);
        }
    }
}

async fn try_commands(server: &TestServer, people: &People, seen: &mut Seen) {
    let commands = commands();
    assert_eq!(commands.len(), COMMANDS.len(), "rows that name no command");
    for operation in &commands {
        let row = find(COMMANDS, operation);
        let answers: Vec<&str> = row.answers.split(' ').collect();
        let nobody = place(server, people, 0).await;
        let expired = people.expired.as_str();
        for (token, who) in [(None, "anonymous"), (Some(expired), "expired")] {
            if operation == "auth" {
                continue;
            }
            let answered = command(server, row, (row.body)(&nobody), token).await;
            seen.expect(
                operation,
                who,
                answered.as_deref().unwrap_or("4003"),
                "4003",
            );
        }
        for (asking, (who, expected)) in PRINCIPALS.iter().zip(&answers).enumerate() {
            let place = place(server, people, asking).await;
            let body = (row.body)(&place);
            let answered = command(server, row, body, Some(&place.token)).await;
            seen.expect(
                operation,
                who,
                answered.as_deref().unwrap_or("4003"),
                expected,
            );
        }
        seen.line(operation, "4003", &answers);
        let place = place(server, people, 4).await;
        let body = (row.body)(&place);
        for (field, value, expected) in [
            ("conversationId", "x", "invalid_request"),
            ("conversationId", UNKNOWN, "not_found"),
            ("messageId", "x", "invalid_request"),
            ("messageId", UNKNOWN, "not_found"),
            ("messageId", place.elsewhere.as_str(), "not_found"),
        ] {
            if body.get(field).is_none() {
                continue;
            }
            let mut body = body.clone();
            body[field] = json!(value);
            let answered = command(server, row, body, Some(&place.token)).await;
            let what = format!("{operation} with {field} = {value}");
            seen.expect(
                &what,
                "owner",
                answered.as_deref().unwrap_or("4003"),
                expected,
            );
        }
    }
}

#[tokio::test]
async fn generated_everybody_may_what_the_matrix_says_and_nothing_else() {
    let clock = Arc::new(FakeClock::new());
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.clock = clock.clone();
        let plenty = parlor_core::Rate {
            per_minute: 1_000_000,
            burst: 100_000,
        };
        options.app.requests_per_user = plenty;
        options.app.logins_per_account = plenty;
        options.app.logins_per_address = plenty;
    })
    .await;
    let people = people(&server, &clock).await;
    let (mut over_rest, mut over_sockets) = (Seen::default(), Seen::default());
    try_rest(&server, &people, &mut over_rest).await;
    try_commands(&server, &people, &mut over_sockets).await;
    let head = "| operation | anonymous | stranger | former member | member | admin | owner |\n|---|---|---|---|---|---|---|\n";
    let document = format!(
        "# Who may do what\n\n\
         Written by the test that tries all of it (`cargo xtask codegen` writes it anew): {} operations and {} commands, as {} principals\n\
         (these and one whose token has ended, who is answered `token_expired`, or 4003 on a socket), over 2 transports, on objects of their own, of\n\
         another conversation, deleted, unknown and malformed: {} cases. What somebody may not see is `not_found`, never `forbidden`. Messages,\n\
         members and links that are named are another member's.\n\n\
         ## REST\n\n{head}{}\n## WebSocket\n\n{head}{}",
        over_rest.operations,
        over_sockets.operations,
        PRINCIPALS.len() + 2,
        over_rest.cases + over_sockets.cases,
        over_rest.table,
        over_sockets.table,
    );
    generated::check("docs/AUTHORIZATION.md", &document);
}
