//! REST: the shapes, and every refusal with its code.

use std::{sync::Arc, time::Duration};

use parlor_app::Demo;
use parlor_core::Rate;
use parlor_testkit::{Actor, Engine, FakeClock, TestServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// One call: `(status, body)`.
async fn call(
    server: &TestServer,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", server.url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("answered");
    let status = response.status();
    let text = response.text().await.expect("a body");
    (
        status.as_u16(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

async fn get(server: &TestServer, actor: &Actor, path: &str) -> (u16, Value) {
    call(
        server,
        Some(&actor.auth.access_token),
        Method::GET,
        path,
        None,
    )
    .await
}

async fn post(server: &TestServer, actor: &Actor, path: &str, body: Value) -> (u16, Value) {
    call(
        server,
        Some(&actor.auth.access_token),
        Method::POST,
        path,
        Some(body),
    )
    .await
}

#[tokio::test]
async fn registering_and_signing_in() {
    let server = TestServer::start(Engine::Sqlite).await;
    let anonymous =
        async |path: &str, body: Value| call(&server, None, Method::POST, path, Some(body)).await;
    let register =
        json!({"handle": "Ada", "password": "correct horse", "email": "Ada@Example.org"});
    let (status, reply) = anonymous("/api/v1/auth/register", register.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(
        (&reply["user"]["handle"], &reply["user"]["name"]),
        (&json!("ada"), &json!("ada"))
    );
    assert_eq!(reply["token"], reply["accessToken"]);
    assert_eq!(
        anonymous("/api/v1/auth/register", register).await.1["code"],
        "handle_taken"
    );
    let other = json!({"handle": "ada2", "password": "correct horse", "email": "ada@example.org"});
    assert_eq!(
        anonymous("/api/v1/auth/register", other).await.1["code"],
        "email_taken"
    );

    for (path, body) in [
        (
            "/api/v1/auth/login",
            json!({"login": "ADA", "password": "correct horse"}),
        ),
        (
            "/api/v1/login",
            json!({"handle": "ada", "password": "correct horse"}),
        ),
        (
            "/api/login",
            json!({"email": "ada@example.org", "password": "correct horse"}),
        ),
    ] {
        let (status, reply) = anonymous(path, body).await;
        assert_eq!(
            (status, &reply["user"]["handle"]),
            (200, &json!("ada")),
            "{path}"
        );
    }
    for body in [
        json!({"login": "ada", "password": "wrong horse"}),
        json!({"login": "nobody", "password": "correct horse"}),
        json!({"login": "x".repeat(10_000), "password": "correct horse"}),
        json!({"login": "ada", "password": "x".repeat(10_000)}),
    ] {
        let (status, reply) = anonymous("/api/v1/auth/login", body).await;
        assert_eq!(
            (status, &reply["code"]),
            (401, &json!("invalid_credentials"))
        );
    }
    for (body, field) in [
        (
            json!({"handle": "a b", "password": "correct horse"}),
            "handle",
        ),
        (json!({"handle": "linus", "password": "short"}), "password"),
        (
            json!({"handle": "linus", "password": "correct horse", "email": "x"}),
            "email",
        ),
        (
            json!({"handle": "linus", "password": "correct horse", "name": "a\u{202e}b"}),
            "name",
        ),
    ] {
        let (status, reply) = anonymous("/api/v1/auth/register", body).await;
        assert_eq!((status, &reply["errors"][0]["field"]), (400, &json!(field)));
    }
}

#[tokio::test]
async fn refreshing_rotates_and_a_used_token_ends_the_session() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let first = server
        .api()
        .refresh(&ada.auth.refresh_token)
        .await
        .expect("rotates");
    assert_eq!(first.session_id, ada.auth.session_id);
    assert!(
        server
            .api()
            .with_token(&first.access_token)
            .me()
            .await
            .is_ok()
    );
    assert!(
        server.api().refresh(&ada.auth.refresh_token).await.is_err(),
        "used"
    );
    assert!(
        server.api().refresh(&first.refresh_token).await.is_err(),
        "its family is gone"
    );
    assert!(
        server
            .api()
            .with_token(&first.access_token)
            .me()
            .await
            .is_err(),
        "and its access tokens"
    );
    for bad in ["", "x", &"A".repeat(5000)] {
        assert!(server.api().refresh(bad).await.is_err());
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let second = server
        .api()
        .login("ada", "correct horse battery")
        .await
        .expect("signs in");
    let (_, sessions) = get(&server, &ada, "/api/v1/auth/sessions").await;
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(sessions["items"][1]["current"], true);
    let path = format!("/api/v1/auth/sessions/{}", second.session_id);
    let delete = async |actor: &Actor| {
        call(
            &server,
            Some(&actor.auth.access_token),
            Method::DELETE,
            &path,
            None,
        )
        .await
        .0
    };
    assert_eq!(delete(&grace).await, 404);
    assert_eq!(delete(&ada).await, 204);
    assert_eq!(delete(&ada).await, 204, "a repetition does no harm");
    assert!(
        server
            .api()
            .with_token(&second.access_token)
            .me()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn tokens_end_with_the_clock() {
    let clock = Arc::new(FakeClock::new());
    let server =
        TestServer::start_with(Engine::Sqlite, |options| options.clock = clock.clone()).await;
    let auth = server
        .api()
        .register("ada", "correct horse", None)
        .await
        .expect("registers");
    let api = server.api().with_token(&auth.access_token);
    clock.advance(Duration::from_secs(3599));
    assert!(api.me().await.is_ok());
    clock.advance(Duration::from_secs(1));
    let (status, reply) = call(
        &server,
        Some(&auth.access_token),
        Method::GET,
        "/api/v1/users/me",
        None,
    )
    .await;
    assert_eq!((status, &reply["code"]), (401, &json!("token_expired")));
    assert!(server.api().refresh(&auth.refresh_token).await.is_ok());
    let last = server
        .api()
        .login("ada", "correct horse")
        .await
        .expect("signs in");
    clock.advance(Duration::from_hours(744));
    assert!(
        server.api().refresh(&last.refresh_token).await.is_err(),
        "a session that was not used ends"
    );
}

#[tokio::test]
async fn login_attempts_are_limited_per_account_and_per_address() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.logins_per_account = Rate {
            per_minute: 1,
            burst: 3,
        };
        options.app.logins_per_address = Rate {
            per_minute: 1,
            burst: 6,
        };
    })
    .await;
    let login = async |handle: &str| {
        let request = reqwest::Client::new().post(format!("{}/api/v1/auth/login", server.url()));
        // A claimed address changes nothing: no proxy is trusted.
        let request = request
            .header("x-forwarded-for", handle)
            .json(&json!({"login": handle, "password": "wrong horse"}));
        let response = request.send().await.expect("answered");
        (
            response.status().as_u16(),
            response.headers().contains_key("retry-after"),
        )
    };
    for _ in 0..3 {
        assert_eq!(login("ada").await, (401, false));
    }
    assert_eq!(login("ada").await, (429, true));
    assert_eq!(login("grace").await, (401, false));
    assert_eq!(login("linus").await, (401, false));
    assert_eq!(login("noam").await, (429, true));
}

#[tokio::test]
async fn a_closed_server_registers_nobody_and_makes_no_links() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.registration_open = false;
    })
    .await;
    let body = json!({"handle": "ada", "password": "correct horse"});
    let (status, reply) = call(
        &server,
        None,
        Method::POST,
        "/api/v1/auth/register",
        Some(body),
    )
    .await;
    assert_eq!((status, &reply["code"]), (403, &json!("forbidden")));
    assert!(server.app().login_link("ada").await.is_err());
    let (status, reply) = call(
        &server,
        None,
        Method::POST,
        "/api/v1/auth/link",
        Some(json!({"code": "x"})),
    )
    .await;
    assert_eq!((status, &reply["code"]), (401, &json!("link_used")));
}

#[tokio::test]
async fn the_demo_is_lively_and_its_links_work_once() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.demo = true;
    })
    .await;
    assert_eq!(server.app().seed_demo().await, Ok(Demo::Filled));
    assert_eq!(
        server.app().seed_demo().await,
        Ok(Demo::Kept),
        "only an empty store is filled"
    );
    let code = server.app().login_link("ada").await.expect("a link");
    let auth = server.api().login_by_link(&code).await.expect("signs in");
    assert!(server.api().login_by_link(&code).await.is_err());
    let list = server
        .api()
        .with_token(&auth.access_token)
        .conversations(None)
        .await
        .expect("listed")
        .items;
    assert!(list.len() >= 6);
    assert!(
        list.iter()
            .any(|conversation| conversation.unread_count > 0)
    );
    assert!(
        list.iter()
            .map(|conversation| conversation.summary.last_seq)
            .sum::<i64>()
            >= 300
    );
    let (status, stats) = call(&server, None, Method::GET, "/stats", None).await;
    assert_eq!((status, &stats["users"]), (200, &json!(8)));
}

#[tokio::test]
async fn a_demo_never_opens_somebodys_account() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.demo = true;
    })
    .await;
    server.actor("ada").await;
    assert_eq!(server.app().seed_demo().await, Ok(Demo::Occupied));
    assert!(server.app().login_link("ada").await.is_err());
}

/// A client that hangs up at any moment leaves nothing half done: what is stored is announced, and
/// a session that is revoked in the store is out.
#[tokio::test]
async fn hanging_up_leaves_nothing_half_done() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let cut = async |path: &str, token: &str, body: String, after: usize| {
        let mut stream = tokio::net::TcpStream::connect(server.address())
            .await
            .expect("connects");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("written");
        for _ in 0..after {
            tokio::task::yield_now().await;
        }
    };
    for n in 0..60 {
        let body = json!({"memberIds": [grace.id()], "title": n.to_string()}).to_string();
        cut("/api/v1/conversations", &ada.auth.access_token, body, n * 2).await;
    }
    // Every one that was stored is heard of by whoever is connected.
    let mut stored = Vec::new();
    parlor_testkit::soon("the last request", async {
        // Another request that is answered comes after those that were cut in the one writer's queue.
        ada.starts_direct(&grace).await;
        let mut cursor = None;
        loop {
            let page = ada
                .api
                .conversations(cursor.as_deref())
                .await
                .expect("listed");
            stored.extend(
                page.items
                    .into_iter()
                    .map(|conversation| conversation.summary.id),
            );
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    })
    .await;
    for id in stored {
        ada.posts(id, "anyone?").await;
        grace.sees(id, "anyone?").await;
    }

    for n in 0..30 {
        let auth = server
            .api()
            .login("ada", "correct horse battery")
            .await
            .expect("signs in");
        cut("/api/v1/auth/logout", &auth.access_token, String::new(), n).await;
        let api = server.api().with_token(&auth.access_token);
        // Whether the cut request was seen or not, signing out again ends it for certain.
        if api.logout().await.is_ok() {
            assert!(api.me().await.is_err());
        }
        assert!(api.me().await.is_err(), "the session is out");
    }
}

#[tokio::test]
async fn one_users_requests_are_limited() {
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.app.requests_per_user = Rate {
            per_minute: 60,
            burst: 5,
        };
    })
    .await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    for _ in 0..5 {
        assert!(ada.api.me().await.is_ok());
    }
    let (status, reply) = get(&server, &ada, "/api/v1/users/me").await;
    assert_eq!((status, &reply["code"]), (429, &json!("rate_limited")));
    assert!(grace.api.me().await.is_ok());
}

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
