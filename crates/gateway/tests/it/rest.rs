//! Conversations, messages and people over REST: the shapes, and every refusal with its code.

use parlor_testkit::{Engine, TestServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{call, get, post};

/// A client that hangs up at any moment leaves nothing half done: what is stored is announced, and
/// a session that is revoked in the store is out.
#[tokio::test]
async fn conversations_are_made_once_and_listed() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace, linus) = (
        server.actor("ada").await,
        server.actor("grace").await,
        server.actor("linus").await,
    );
    let (status, direct) = post(
        &server,
        &ada,
        "/api/v1/conversations",
        json!({"participantIds": [grace.id()]}),
    )
    .await;
    assert_eq!(
        (status, &direct["kind"], &direct["title"]),
        (201, &json!("direct"), &Value::Null)
    );
    let (status, again) = post(
        &server,
        &grace,
        "/api/v1/conversations",
        json!({"memberIds": [ada.id()]}),
    )
    .await;
    assert_eq!((status, &again["id"]), (200, &direct["id"]));
    let group = json!({"memberIds": [grace.id(), linus.id()], "title": "Kitchen", "label": "Lisbon", "metadata": {"a": 1}});
    let (status, group) = post(&server, &ada, "/api/v1/conversations", group).await;
    assert_eq!(
        (status, &group["kind"], &group["me"]["role"]),
        (201, &json!("group"), &json!("owner"))
    );
    assert_eq!(
        (&group["label"], &group["metadata"], &group["memberCount"]),
        (&json!("Lisbon"), &json!({"a": 1}), &json!(3))
    );
    assert_eq!(
        (&group["version"], &group["lastSeq"], &group["unreadCount"]),
        (&json!(1), &json!(0), &json!(0))
    );

    let (_, page) = get(&server, &ada, "/api/v1/conversations?limit=1").await;
    let cursor = page["nextCursor"].as_str().expect("more");
    let (_, rest) = get(
        &server,
        &ada,
        &format!("/api/v1/conversations?limit=1&cursor={cursor}"),
    )
    .await;
    assert_eq!(
        (&page["items"][0]["id"], &rest["items"][0]["id"]),
        (&group["id"], &direct["id"])
    );
    assert_eq!(rest["nextCursor"], Value::Null);
    let (_, found) = get(&server, &ada, "/api/v1/conversations?query=lisb").await;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    let (_, archived) = get(&server, &ada, "/api/v1/conversations?archived=true").await;
    assert_eq!(archived["items"], json!([]));
    let id = group["id"].as_str().expect("an id");
    let (_, members) = get(
        &server,
        &ada,
        &format!("/api/v1/conversations/{id}/members?limit=2"),
    )
    .await;
    assert_eq!(members["items"].as_array().map(Vec::len), Some(2));
    assert!(members["nextCursor"].is_string());

    for body in [
        json!({"memberIds": []}),
        json!({"memberIds": ["nobody"]}),
        json!({"memberIds": ["not an id"]}),
        json!({"memberIds": [grace.id()], "role": "owner"}),
        json!({"memberIds": [grace.id()], "title": "x".repeat(129)}),
        json!({"memberIds": [grace.id()], "title": "x", "metadata": {"a": "x".repeat(9000)}}),
        json!({"memberIds": (0..501).map(|n| format!("u{n}")).collect::<Vec<_>>(), "title": "x"}),
        json!({"kind": "room", "memberIds": [grace.id()]}),
    ] {
        let (status, reply) = post(&server, &ada, "/api/v1/conversations", body).await;
        assert_eq!((status, &reply["code"]), (400, &json!("invalid_request")));
    }
}

#[tokio::test]
async fn what_one_is_not_in_does_not_exist() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace, eve) = (
        server.actor("ada").await,
        server.actor("grace").await,
        server.actor("eve").await,
    );
    let talk = ada.starts_direct(&grace).await;
    let message = ada.posts(talk, "hi").await;
    let mut answers = Vec::new();
    for id in [
        talk.to_string(),
        "0190b2c8-0000-7000-8000-000000000001".into(),
        "x".into(),
        "..%2f..".into(),
    ] {
        let path = format!("/api/v1/conversations/{id}");
        for (method, path, body) in [
            (Method::GET, path.clone(), None),
            (Method::GET, format!("{path}/members"), None),
            (Method::GET, format!("{path}/messages"), None),
            (
                Method::POST,
                format!("{path}/messages"),
                Some(json!({"content": "x"})),
            ),
            (
                Method::POST,
                format!("{path}/read"),
                Some(json!({"seq": 1})),
            ),
            (
                Method::POST,
                format!("{path}/typing"),
                Some(json!({"typing": true})),
            ),
            (
                Method::POST,
                format!("{path}/messages/status"),
                Some(json!({"status": "read", "seq": 1})),
            ),
            (
                Method::POST,
                format!("{path}/messages/status"),
                Some(json!({"status": "read", "messageId": message.id})),
            ),
        ] {
            let (status, mut reply) =
                call(&server, Some(&eve.auth.access_token), method, &path, body).await;
            reply["requestId"] = Value::Null;
            answers.push((status, reply));
        }
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "all the same: {answers:#?}"
    );
    assert_eq!(
        (answers[0].0, &answers[0].1["code"]),
        (404, &json!("not_found"))
    );
}

#[tokio::test]
async fn everything_needs_a_token_that_is_good() {
    let server = TestServer::start(Engine::Sqlite).await;
    let id = "0190b2c8-0000-7000-8000-000000000001";
    let document = serde_json::to_value(parlor_gateway::openapi()).expect("JSON");
    let mut calls = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["security"] == json!([{}]) || operation["security"] == json!([]) {
                continue;
            }
            let path = format!("/api/v1{}", path.replace("{id}", id));
            let method: Method = method.to_uppercase().parse().expect("a method");
            for token in [None, Some("x"), Some("a.b.c")] {
                let (status, reply) =
                    call(&server, token, method.clone(), &path, Some(json!({}))).await;
                assert_eq!(
                    (status, &reply["code"]),
                    (401, &json!("unauthorized")),
                    "{method} {path} {token:?}"
                );
                calls += 1;
            }
        }
    }
    assert!(calls >= 36, "{calls} calls made");
}

#[tokio::test]
async fn messages_are_sent_once_and_paged() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    let path = format!("/api/v1/conversations/{talk}/messages");
    let (status, first) = post(
        &server,
        &ada,
        &path,
        json!({"content": "hi", "clientId": "c"}),
    )
    .await;
    assert_eq!(
        (status, &first["seq"], &first["version"]),
        (201, &json!(1), &json!(2))
    );
    let (status, again) = post(
        &server,
        &ada,
        &path,
        json!({"content": "hi", "clientId": "c"}),
    )
    .await;
    assert_eq!((status, &again), (200, &first));
    let (status, reused) = post(
        &server,
        &ada,
        &path,
        json!({"content": "ho", "clientId": "c"}),
    )
    .await;
    assert_eq!((status, &reused["code"]), (409, &json!("client_id_reused")));
    for n in 2..=5 {
        post(
            &server,
            &grace,
            &path,
            json!({"content": n.to_string(), "attachments": [], "mentions": []}),
        )
        .await;
    }
    let seqs = async |query: &str| {
        let (status, page) = get(&server, &ada, &format!("{path}?{query}")).await;
        assert_eq!(status, 200, "{query}: {page}");
        let seqs: Vec<i64> = page["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter_map(|m| m["seq"].as_i64())
            .collect();
        (seqs, page["hasMore"].as_bool().expect("hasMore"))
    };
    assert_eq!(seqs("").await, (vec![1, 2, 3, 4, 5], false));
    assert_eq!(seqs("limit=2").await, (vec![4, 5], true));
    assert_eq!(seqs("limit=2&before=4").await, (vec![2, 3], true));
    assert_eq!(seqs("limit=2&after=3").await, (vec![4, 5], false));
    assert_eq!(seqs("limit=2&around=3").await, (vec![2, 3], true));
    for bad in [
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=9e99",
        "limit=x",
        "before=0",
        "after=-1",
        "before=2&after=1",
        "page=2",
    ] {
        let (status, reply) = get(&server, &ada, &format!("{path}?{bad}")).await;
        assert_eq!(
            (status, &reply["code"]),
            (400, &json!("invalid_request")),
            "{bad}"
        );
    }
    for body in [
        json!({}),
        json!({"content": ""}),
        json!({"content": "  \n"}),
        json!({"content": "x".repeat(16_385)}),
        json!({"content": "a\u{0}b"}),
        json!({"content": "a\u{1}b"}),
        json!({"content": format!("e{}", "\u{301}".repeat(60_000))}),
        json!({"content": "x", "clientId": ""}),
        json!({"content": "x", "clientId": "x".repeat(10_000)}),
        json!({"content": "x", "kind": "system"}),
    ] {
        let (status, reply) = post(&server, &ada, &path, body).await;
        assert!(
            [(400, "invalid_request"), (413, "payload_too_large")]
                .contains(&(status, reply["code"].as_str().unwrap_or_default())),
            "{reply}"
        );
    }
    let (status, reply) = post(
        &server,
        &ada,
        &path,
        json!({"content": "x", "attachments": [{}]}),
    )
    .await;
    assert_eq!(
        (status, &reply["code"], &reply["errors"][0]["field"]),
        (400, &json!("not_supported"), &json!("attachments"))
    );
    assert_eq!(seqs("").await.0.len(), 5, "nothing bad was stored");

    let status_path = format!("{path}/status");
    let (status, _) = post(
        &server,
        &ada,
        &status_path,
        json!({"status": "read", "messageId": first["id"]}),
    )
    .await;
    assert_eq!(status, 204);
    assert_eq!(
        get(&server, &ada, &format!("/api/v1/conversations/{talk}"))
            .await
            .1["unreadCount"],
        4
    );
    for bad in [
        json!({"status": "read"}),
        json!({"status": "seen", "seq": 1}),
        json!({"status": "read", "seq": 1, "messageId": first["id"]}),
        json!({"status": "read", "seq": -1}),
    ] {
        assert_eq!(post(&server, &ada, &status_path, bad).await.0, 400);
    }
}

#[tokio::test]
async fn people_are_found() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let (_, found) = get(&server, &ada, "/api/v1/users?query=GRA").await;
    assert_eq!(
        found["items"],
        json!([{"id": grace.id(), "handle": "grace", "name": "grace", "avatarUrl": null}])
    );
    let (_, me) = get(&server, &ada, "/api/v1/users/me").await;
    assert_eq!(me["handle"], "ada");
    let (status, _) = get(&server, &ada, &format!("/api/v1/users/{}", grace.id())).await;
    assert_eq!(status, 200);
    let (status, reply) = get(&server, &ada, "/api/v1/users/nobody").await;
    assert_eq!((status, &reply["code"]), (404, &json!("not_found")));
    for bad in [
        format!("/api/v1/users?query={}", "x".repeat(129)),
        "/api/v1/users?cursor=zzz".into(),
    ] {
        assert_eq!(get(&server, &ada, &bad).await.0, 400);
    }
}

#[tokio::test]
async fn bodies_have_limits_and_a_type() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let send = async |content_type: &str, body: String| {
        let response = reqwest::Client::new()
            .post(format!("{}/api/v1/conversations", server.url()))
            .bearer_auth(&ada.auth.access_token)
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .expect("answered");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let status = response.status().as_u16();
        let problem: Value = response.json().await.expect("a problem");
        assert_eq!(problem["status"], status);
        assert!(
            problem["requestId"]
                .as_str()
                .is_some_and(|id| id.len() == 32)
        );
        (
            status,
            problem["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let json = "application/json";
    assert_eq!(
        send("text/plain", "{}".into()).await,
        (415, "unsupported_media_type".into())
    );
    assert_eq!(
        send(json, "{".into()).await,
        (400, "invalid_request".into())
    );
    assert_eq!(
        send(
            json,
            format!("{{\"memberIds\":[],\"a\":{}}}", "[".repeat(10_000))
        )
        .await,
        (400, "invalid_request".into())
    );
    assert_eq!(
        send(
            json,
            format!("{{\"memberIds\":[],\"memberIds\":[\"{}\"]}}", ada.id())
        )
        .await,
        (400, "invalid_request".into())
    );
    assert_eq!(
        send(json, "{\"memberIds\":[\"a\\u0000\"]}".into()).await,
        (400, "invalid_request".into())
    );
    assert_eq!(
        send(json, format!("{{\"title\":\"{}\"}}", "x".repeat(200_000))).await,
        (413, "payload_too_large".into())
    );
}

#[tokio::test]
async fn addresses_that_do_not_exist_and_methods_that_are_not_theirs() {
    let server = TestServer::start(Engine::Sqlite).await;
    let anonymous =
        async |method: Method, path: &str| call(&server, None, method, path, None).await;
    assert_eq!(
        anonymous(Method::GET, "/api/v1/nothing").await.1["code"],
        "not_found"
    );
    assert_eq!(anonymous(Method::GET, "/api").await.0, 404);
    assert_eq!(
        anonymous(Method::DELETE, "/api/v1/users").await.1["code"],
        "method_not_allowed"
    );
    assert_eq!(anonymous(Method::POST, "/c/x").await.0, 405);
    assert_eq!(anonymous(Method::GET, "/assets/../Cargo.toml").await.0, 404);
    assert_eq!(anonymous(Method::GET, "/assets/missing.js").await.0, 404);
    assert_eq!(anonymous(Method::GET, "/health").await.0, 200);
    assert_eq!(anonymous(Method::GET, "/ready").await.0, 200);
    assert_eq!(
        anonymous(Method::GET, "/api/v1/openapi.json").await.1["openapi"],
        "3.1.0"
    );
    assert_eq!(
        anonymous(Method::GET, "/api/v1/asyncapi.json").await.1["asyncapi"],
        "3.0.0"
    );
    assert_eq!(anonymous(Method::GET, "/api/v1/ws").await.0, 400);
}

#[tokio::test]
async fn only_listed_origins_may_call_with_credentials() {
    let origin = "https://app.example";
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.gateway.cors_origins = vec![origin.to_owned()];
    })
    .await;
    let preflight = async |origin: &str| {
        let request = reqwest::Client::new()
            .request(Method::OPTIONS, format!("{}/api/v1/users/me", server.url()))
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization");
        let response = request.send().await.expect("answered");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        (
            header("access-control-allow-origin"),
            header("access-control-allow-credentials"),
        )
    };
    assert_eq!(
        preflight(origin).await,
        (Some(origin.to_owned()), Some("true".into()))
    );
    assert_eq!(preflight("https://evil.example").await.0, None);
}

#[tokio::test]
async fn a_browser_is_told_to_be_careful() {
    let server = TestServer::start(Engine::Sqlite).await;
    let response = reqwest::get(format!("{}/api/v1/users/me", server.url()))
        .await
        .expect("answered");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("www-authenticate", "Bearer"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    assert!(response.headers().contains_key("x-request-id"));
}
