//! What each operation answers to whom. An operation of the documents without a row fails the test.

use serde_json::{Value, json};

use super::Place;

/// One operation.
pub(super) struct Row {
    /// Method and path as in the OpenAPI document, or a command of the AsyncAPI document.
    pub(super) operation: &'static str,
    /// What is sent.
    pub(super) body: fn(&Place) -> Value,
    /// What a stranger, a former member, a member, an admin and an owner are answered; of an operation
    /// that needs no credential, one word for everybody.
    pub(super) answers: &'static str,
}

const fn row(operation: &'static str, answers: &'static str, body: fn(&Place) -> Value) -> Row {
    Row {
        operation,
        body,
        answers,
    }
}

fn nothing(_: &Place) -> Value {
    json!({})
}

/// What members may, what admins may, what owners may, and what nobody may with another's.
const MEMBERS: &str = "not_found not_found ok ok ok";
const ADMINS: &str = "not_found not_found forbidden ok ok";
const OWNERS: &str = "not_found not_found forbidden forbidden ok";
const NOBODY: &str = "not_found not_found forbidden forbidden forbidden";
const EVERYBODY: &str = "ok ok ok ok ok";

pub(super) const REST: &[Row] = &[
    row("POST /auth/link", "invalid_request", nothing),
    row("POST /auth/login", "invalid_request", nothing),
    row("POST /auth/refresh", "invalid_request", nothing),
    row("POST /auth/register", "invalid_request", nothing),
    row("POST /login", "invalid_request", nothing),
    row("GET /links/{token}", "ok", nothing),
    row("POST /auth/logout", EVERYBODY, nothing),
    row("GET /auth/sessions", EVERYBODY, nothing),
    // The session is another person's.
    row(
        "DELETE /auth/sessions/{id}",
        "not_found not_found not_found not_found not_found",
        nothing,
    ),
    row("GET /users", EVERYBODY, nothing),
    row("GET /users/me", EVERYBODY, nothing),
    row("PATCH /users/me", EVERYBODY, |_| json!({"bio": "here"})),
    row("GET /users/{id}", EVERYBODY, nothing),
    row("GET /sync", EVERYBODY, nothing),
    row("GET /conversations", EVERYBODY, nothing),
    row(
        "POST /conversations",
        EVERYBODY,
        |place| json!({"memberIds": [place.guest], "title": "Another"}),
    ),
    row("POST /links/{token}/join", EVERYBODY, nothing),
    row("GET /conversations/{id}", MEMBERS, nothing),
    row(
        "PATCH /conversations/{id}",
        ADMINS,
        |_| json!({"title": "Garden"}),
    ),
    row("DELETE /conversations/{id}", MEMBERS, nothing),
    row(
        "PATCH /conversations/{id}/me",
        MEMBERS,
        |_| json!({"pinned": true}),
    ),
    row("GET /conversations/{id}/members", MEMBERS, nothing),
    row(
        "POST /conversations/{id}/members",
        ADMINS,
        |place| json!({"userIds": [place.guest]}),
    ),
    row(
        "PATCH /conversations/{id}/members/{userId}",
        OWNERS,
        |_| json!({"role": "admin"}),
    ),
    row(
        "DELETE /conversations/{id}/members/{userId}",
        ADMINS,
        nothing,
    ),
    row("GET /conversations/{id}/links", ADMINS, nothing),
    row("POST /conversations/{id}/links", ADMINS, nothing),
    row("DELETE /conversations/{id}/links/{linkId}", ADMINS, nothing),
    row("GET /conversations/{id}/messages", MEMBERS, nothing),
    row(
        "POST /conversations/{id}/messages",
        MEMBERS,
        |_| json!({"content": "hi"}),
    ),
    row(
        "GET /conversations/{id}/messages/{messageId}/readers",
        MEMBERS,
        nothing,
    ),
    row(
        "POST /conversations/{id}/messages/status",
        MEMBERS,
        |_| json!({"status": "read", "seq": 1}),
    ),
    row(
        "POST /conversations/{id}/read",
        MEMBERS,
        |_| json!({"seq": 1}),
    ),
    row(
        "POST /conversations/{id}/unread",
        MEMBERS,
        |_| json!({"seq": 1}),
    ),
    row(
        "POST /conversations/{id}/typing",
        MEMBERS,
        |_| json!({"typing": true}),
    ),
    row(
        "PATCH /conversations/{id}/messages/{messageId}",
        NOBODY,
        |_| json!({"content": "better"}),
    ),
    row(
        "DELETE /conversations/{id}/messages/{messageId}",
        ADMINS,
        nothing,
    ),
    row(
        "PUT /conversations/{id}/messages/{messageId}/reactions/{emoji}",
        MEMBERS,
        nothing,
    ),
    row(
        "DELETE /conversations/{id}/messages/{messageId}/reactions/{emoji}",
        MEMBERS,
        nothing,
    ),
];

pub(super) const COMMANDS: &[Row] = &[
    // A newer token of the same session prolongs it.
    row("auth", EVERYBODY, |place| json!({"token": place.token})),
    row("ping", EVERYBODY, nothing),
    row("sync", EVERYBODY, nothing),
    row(
        "message.send",
        MEMBERS,
        |place| json!({"conversationId": place.group, "content": "hi"}),
    ),
    row(
        "message.edit",
        NOBODY,
        |place| json!({"conversationId": place.group, "messageId": place.message, "content": "better"}),
    ),
    row(
        "message.delete",
        ADMINS,
        |place| json!({"conversationId": place.group, "messageId": place.message}),
    ),
    row(
        "reaction.add",
        MEMBERS,
        |place| json!({"conversationId": place.group, "messageId": place.message, "emoji": "👍"}),
    ),
    row(
        "reaction.remove",
        MEMBERS,
        |place| json!({"conversationId": place.group, "messageId": place.message, "emoji": "👍"}),
    ),
    row(
        "receipt.delivered",
        MEMBERS,
        |place| json!({"conversationId": place.group, "seq": 1}),
    ),
    row(
        "receipt.read",
        MEMBERS,
        |place| json!({"conversationId": place.group, "seq": 1}),
    ),
    row(
        "typing.start",
        MEMBERS,
        |place| json!({"conversationId": place.group}),
    ),
    row(
        "typing.stop",
        MEMBERS,
        |place| json!({"conversationId": place.group}),
    ),
    // Of whom one may not see nothing is told; that is no refusal.
    row("presence.set", EVERYBODY, |_| json!({"status": "away"})),
    row(
        "presence.watch",
        EVERYBODY,
        |place| json!({"userIds": [place.other]}),
    ),
];
