//! Users of an app that signs them in itself: they come with its tokens and are known from then on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parlor_testkit::{Engine, HostApp, TestServer};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{Plain, call};

/// New users in the storm: more than one batch takes.
const STORM_USERS: usize = 600;

async fn server(engine: Engine) -> TestServer {
    TestServer::start_with(engine, |options| {
        options.app.host_tokens = Some(HostApp.tokens());
    })
    .await
}

async fn me(server: &TestServer, token: &str) -> (u16, Value) {
    call(server, Some(token), Method::GET, "/api/v1/users/me", None).await
}

/// A moment from now, as a number of seconds since 1970.
fn in_ms(ms: i64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs_f64() + ms as f64 / 1000.0
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_user_is_made_on_first_sight_and_follows_the_app(#[case] engine: Engine) {
    let mut server = server(engine).await;
    let token = HostApp.token_with(
        "auth0|Ada",
        json!({
            "name": "Ada", "picture": "https://app.example/1.png",
            "email": "Ada@app.example", "email_verified": true,
        }),
    );
    let (status, ada) = me(&server, &token).await;
    assert_eq!(status, 200, "{ada}");
    let expected = json!({
        "id": "auth0|Ada", "handle": "auth0-ada", "name": "Ada", "email": "ada@app.example",
        "avatarUrl": "https://app.example/1.png", "bio": null, "createdAt": ada["createdAt"],
    });
    assert_eq!(ada, expected);

    // A token that says less changes nothing, one that says something else does.
    assert_eq!(me(&server, &HostApp.token("auth0|Ada")).await.1, ada);
    let changed = json!({"name": "Countess", "picture": "https://app.example/2.png"});
    let (_, now) = me(&server, &HostApp.token_with("auth0|Ada", changed)).await;
    assert_eq!(now["name"], "Countess");
    assert_eq!(now["avatarUrl"], "https://app.example/2.png");
    assert_eq!(
        (&now["handle"], &now["email"]),
        (&ada["handle"], &ada["email"])
    );

    // Nor does a restart, after which the server remembers nobody.
    server.restart().await;
    assert_eq!(me(&server, &HostApp.token("auth0|Ada")).await.1, now);
    assert_eq!(server.app().stats().await.expect("counted").users, 1);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn what_another_has_is_not_given_away(#[case] engine: Engine) {
    let server = server(engine).await;
    let register =
        json!({"handle": "ada", "password": "correct horse", "email": "ada@example.org"});
    let (status, own) = call(
        &server,
        None,
        Method::POST,
        "/api/v1/auth/register",
        Some(register),
    )
    .await;
    assert_eq!(status, 201);
    let verified = json!({"email": "ada@example.org", "email_verified": true});
    let (status, other) = me(&server, &HostApp.token_with("ada", verified)).await;
    assert_eq!((status, &other["id"]), (200, &json!("ada")));
    let handle = other["handle"].as_str().expect("a handle");
    assert!(handle.starts_with("ada-") && handle.len() > 4, "{handle}");
    assert_eq!(other["email"], Value::Null, "it is the other one's");
    let unverified = json!({"email": "grace@example.org", "email_verified": false});
    let (_, grace) = me(&server, &HostApp.token_with("grace", unverified)).await;
    assert_eq!(grace["email"], Value::Null, "anybody could have claimed it");
    let again = me(&server, own["accessToken"].as_str().expect("a token"))
        .await
        .1;
    assert_eq!(again, own["user"]);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn an_account_of_parlors_own_is_never_taken_over(#[case] engine: Engine) {
    let server = server(engine).await;
    let ada = server.actor("ada").await;
    let forged = HostApp.token_with(ada.id().as_str(), json!({"name": "Mallory"}));
    for _ in 0..2 {
        let (status, problem) = me(&server, &forged).await;
        assert_eq!((status, &problem["code"]), (401, &json!("unauthorized")));
        let mut socket = Plain::of(&server, &forged).await;
        assert_eq!(socket.closed().await, 4003);
    }
    assert_eq!(me(&server, &ada.auth.access_token).await.1["name"], "ada");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn the_apps_users_talk_over_sockets(#[case] engine: Engine) {
    let server = server(engine).await;
    let (ada, grace) = (HostApp.token("ada"), HostApp.token("grace"));
    let mut sockets = [
        Plain::of(&server, &ada).await,
        Plain::of(&server, &grace).await,
    ];
    for (socket, id) in sockets.iter_mut().zip(["ada", "grace"]) {
        let connected = socket.hears().await;
        assert_eq!(
            (&connected["type"], &connected["userId"]),
            (&json!("connected"), &json!(id))
        );
    }
    let (status, talk) = call(
        &server,
        Some(&ada),
        Method::POST,
        "/api/v1/conversations",
        Some(json!({"memberIds": ["grace"]})),
    )
    .await;
    assert_eq!(status, 201, "{talk}");
    let [ada, grace] = &mut sockets;
    let send =
        json!({"type": "message.send", "ref": 1, "conversationId": talk["id"], "content": "hi"});
    ada.say(send.to_string()).await;
    let seen = grace.hears_more().await;
    assert_eq!(
        (&seen["type"], &seen["message"]["sender"]["id"]),
        (&json!("message.new"), &json!("ada"))
    );
}

#[tokio::test]
async fn a_socket_lives_as_long_as_its_token() {
    let server = server(Engine::Sqlite).await;
    let until = |ms| HostApp.token_with("ada", json!({"exp": in_ms(ms)}));
    let mut socket = Plain::of(&server, &until(500)).await;
    assert_eq!(socket.hears().await["type"], "connected");
    assert_eq!(socket.closed().await, 4003);

    // A newer one for the same user prolongs it, also when it says something new of them.
    let mut socket = Plain::of(&server, &until(3_600_000)).await;
    assert_eq!(socket.hears().await["type"], "connected");
    let newer = HostApp.token_with("ada", json!({"name": "Countess"}));
    let auth = |token: &str| json!({"type": "auth", "ref": 1, "token": token}).to_string();
    socket.say(auth(&newer)).await;
    assert_eq!(socket.hears().await["type"], "ack");
    assert_eq!(me(&server, &newer).await.1["name"], "Countess");
    socket.say(auth(&HostApp.token("grace"))).await;
    assert_eq!(socket.closed().await, 4003, "another's does not");
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused() {
    let server = server(Engine::Sqlite).await;
    for (claims, code) in [
        (json!({"exp": in_ms(-1000)}), "token_expired"),
        (json!({"nbf": in_ms(60_000)}), "unauthorized"),
        (json!({"iss": "https://evil.example"}), "unauthorized"),
        (json!({"aud": "another"}), "unauthorized"),
        (json!({"sub": "a b"}), "unauthorized"),
        (json!({"sub": null}), "unauthorized"),
    ] {
        let token = HostApp.token_with("ada", claims.clone());
        let (status, problem) = me(&server, &token).await;
        assert_eq!((status, &problem["code"]), (401, &json!(code)), "{claims}");
        assert_eq!(Plain::of(&server, &token).await.closed().await, 4003);
    }
    assert_eq!(server.app().stats().await.expect("counted").users, 0);

    // A server that was told of no app takes no app's tokens.
    let closed = TestServer::start(Engine::Sqlite).await;
    assert_eq!(me(&closed, &HostApp.token("ada")).await.0, 401);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_come_for_the_first_time_at_once(#[case] engine: Engine) {
    let server = server(engine).await;
    // Each on two devices, whose tokens say different names.
    let admitted = (0..STORM_USERS * 2).map(|n| {
        let claims = json!({"name": format!("on device {}", n % 2)});
        let token = HostApp.token_with(&format!("user|{}", n / 2), claims);
        let app = server.app().clone();
        tokio::spawn(async move {
            match app.authenticate(&token).expect("a good token") {
                parlor_app::Credential::Known(identity) => Ok(identity),
                parlor_app::Credential::FirstSight(first) => app.admit(*first).await,
            }
        })
    });
    let admitted: Vec<_> = admitted.collect();
    for admitted in admitted {
        tokio::time::timeout(Duration::from_secs(20), admitted)
            .await
            .expect("in time")
            .expect("no panic")
            .expect("admitted");
    }
    let users = server.app().stats().await.expect("counted").users;
    assert_eq!(users, STORM_USERS as i64);
}
