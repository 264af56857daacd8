//! Join links: whoever has a good one becomes a member, and nobody else.

use std::sync::Arc;

use futures_util::future::join_all;
use parlor_protocol::ServerFrame;
use parlor_testkit::{Actor, Engine, FakeClock, TestServer};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{call, get, post};

async fn link(server: &TestServer, actor: &Actor, talk: &str, body: Value) -> Value {
    let path = format!("/api/v1/conversations/{talk}/links");
    let (status, link) = post(server, actor, &path, body).await;
    assert_eq!(status, 201, "{link}");
    link
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn joins(server: &TestServer, actor: &Actor, token: &Value) -> (u16, Value) {
    let path = format!("/api/v1/links/{}/join", text(token));
    post(server, actor, &path, json!({})).await
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn whoever_has_it_joins(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let linus = server.actor("linus").await;
    let talk = ada.starts_group("Kitchen", &[&grace]).await;
    let made = link(&server, &ada, &talk.to_string(), json!({})).await;
    let token = text(&made["token"]);
    assert_eq!(token.len(), 22, "128 bits");
    assert_eq!(text(&made["url"]), format!("{}/join/{token}", server.url()));

    // Anybody may look, signed in or not.
    let path = format!("/api/v1/links/{token}");
    let (status, preview) = call(&server, None, Method::GET, &path, None).await;
    let shown =
        json!({"id": talk, "kind": "group", "title": "Kitchen", "label": null, "memberCount": 2});
    assert_eq!((status, &preview["conversation"]), (200, &shown));

    let (status, joined) = joins(&server, &linus, &made["token"]).await;
    assert_eq!((status, &joined["memberCount"]), (200, &json!(3)));
    assert_eq!(joined["me"]["role"], "member");
    grace
        .frame("the new member", |frame| match frame {
            ServerFrame::MemberJoined { members, .. } => members
                .iter()
                .any(|it| it.user.id == linus.id())
                .then_some(()),
            _ => None,
        })
        .await;
    linus.sends(talk, "hello").await;
    grace.sees(talk, "hello").await;
    // Again is the same, and is not counted.
    assert_eq!(joins(&server, &linus, &made["token"]).await.0, 200);
    let list = format!("/api/v1/conversations/{talk}/links");
    let (_, links) = get(&server, &ada, &list).await;
    assert_eq!(links["items"][0]["uses"], 1);
    assert_eq!(links["items"][0].get("token"), None, "shown once");

    // Who left may come again; an empty room is owned by the first who does.
    for (actor, id) in [(&linus, linus.id()), (&grace, grace.id()), (&ada, ada.id())] {
        let path = format!("/api/v1/conversations/{talk}/members/{id}");
        let token = Some(actor.auth.access_token.as_str());
        assert_eq!(
            call(&server, token, Method::DELETE, &path, None).await.0,
            204
        );
    }
    let (status, joined) = joins(&server, &grace, &made["token"]).await;
    assert_eq!((status, &joined["me"]["role"]), (200, &json!("owner")));
    assert_eq!(
        joins(&server, &ada, &made["token"]).await.1["me"]["role"],
        "member"
    );
}

#[tokio::test]
async fn one_that_is_not_good_is_like_none() {
    let clock = Arc::new(FakeClock::new());
    let server = TestServer::start_with(Engine::Sqlite, |options| {
        options.clock = clock.clone();
    })
    .await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_group("Kitchen", &[]).await.to_string();
    let ended = link(&server, &ada, &talk, json!({"expiresInMs": 60_000})).await;
    let revoked = link(&server, &ada, &talk, json!({})).await;
    let path = format!(
        "/api/v1/conversations/{talk}/links/{}",
        text(&revoked["id"])
    );
    let token = Some(ada.auth.access_token.as_str());
    assert_eq!(
        call(&server, token, Method::DELETE, &path, None).await.0,
        204
    );
    clock.advance(std::time::Duration::from_secs(61));
    for token in [
        &ended["token"],
        &revoked["token"],
        &json!("nonsense"),
        &json!("x".repeat(5000)),
    ] {
        let (status, problem) = joins(&server, &grace, token).await;
        assert_eq!(
            (status, &problem["code"]),
            (404, &json!("not_found")),
            "{token}"
        );
        let path = format!("/api/v1/links/{}", text(token));
        assert_eq!(call(&server, None, Method::GET, &path, None).await.0, 404);
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn of_many_at_once_as_many_join_as_may(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let ada = server.actor("ada").await;
    let talk = ada.starts_group("Kitchen", &[]).await.to_string();
    let made = link(&server, &ada, &talk, json!({"maxUses": 3})).await;
    let mut others = Vec::new();
    for n in 0..8 {
        others.push(server.actor(&format!("guest{n}")).await);
    }
    let tries = others
        .iter()
        .map(|actor| joins(&server, actor, &made["token"]));
    let mut statuses: Vec<u16> = join_all(tries)
        .await
        .iter()
        .map(|(status, _)| *status)
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 404, 404, 404, 404, 404]);
    let (_, found) = get(&server, &ada, &format!("/api/v1/conversations/{talk}")).await;
    assert_eq!(found["memberCount"], 4);
    let (_, links) = get(
        &server,
        &ada,
        &format!("/api/v1/conversations/{talk}/links"),
    )
    .await;
    assert_eq!(links["items"], json!([]), "used up");
}

#[tokio::test]
async fn only_admins_deal_with_them() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let linus = server.actor("linus").await;
    let group = ada.starts_group("Kitchen", &[&grace]).await;
    let direct = ada.starts_direct(&grace).await;
    let made = link(&server, &ada, &group.to_string(), json!({})).await;
    let elsewhere = ada.starts_group("Garden", &[]).await;
    for (who, talk, expected) in [
        (&grace, group, 403),
        (&linus, group, 404),
        (&ada, direct, 403),
    ] {
        let path = format!("/api/v1/conversations/{talk}/links");
        assert_eq!(post(&server, who, &path, json!({})).await.0, expected);
        assert_eq!(get(&server, who, &path).await.0, expected);
        let path = format!("{path}/{}", text(&made["id"]));
        let token = Some(who.auth.access_token.as_str());
        assert_eq!(
            call(&server, token, Method::DELETE, &path, None).await.0,
            expected
        );
    }
    // A link of another conversation is none of this one.
    let path = format!(
        "/api/v1/conversations/{elsewhere}/links/{}",
        text(&made["id"])
    );
    let token = Some(ada.auth.access_token.as_str());
    assert_eq!(
        call(&server, token, Method::DELETE, &path, None).await.0,
        404
    );
    let path = format!("/api/v1/conversations/{group}/links");
    for body in [
        json!({"expiresInMs": 59_999}),
        json!({"expiresInMs": 40_000_000_000_u64}),
        json!({"maxUses": 0}),
        json!({"maxUses": 100_001}),
        json!({"uses": 1}),
    ] {
        assert_eq!(
            post(&server, &ada, &path, body.clone()).await.0,
            400,
            "{body}"
        );
    }
    for _ in 1..100 {
        link(&server, &ada, &group.to_string(), json!({})).await;
    }
    let (status, problem) = post(&server, &ada, &path, json!({})).await;
    assert_eq!(status, 400, "one too many: {problem}");
}
