//! Accounts, sessions, limits and the demo over REST.

use std::{sync::Arc, time::Duration};

use parlor_app::Demo;
use parlor_core::Rate;
use parlor_testkit::{Actor, Engine, FakeClock, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::wire::{call, get};

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
