//! A group's settings, roles and each member's own side, over REST and live.

use parlor_protocol::{Role, ServerFrame};
use parlor_testkit::{Engine, TestServer};
use rstest::rstest;
use serde_json::json;

use crate::wire::{get, patch, post};

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_group_is_renamed_and_handed_over(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_group("Kitchen", &[&grace]).await;
    let path = format!("/api/v1/conversations/{talk}");
    let (status, body) = patch(
        &server,
        &ada,
        &path,
        json!({"title": " Garden ", "label": "home"}),
    )
    .await;
    assert_eq!(
        (status, &body["title"], &body["label"]),
        (200, &json!("Garden"), &json!("home"))
    );
    let settings = grace
        .frame("the new name", |frame| match frame {
            ServerFrame::ConversationUpdated {
                conversation,
                version,
                ..
            } => Some((conversation.title.clone(), *version)),
            _ => None,
        })
        .await;
    assert_eq!(settings, (Some("Garden".into()), 2));

    let role = |name: &str| format!("{path}/members/{name}");
    let grace_id = grace.id();
    let (status, body) = patch(
        &server,
        &ada,
        &role(grace_id.as_str()),
        json!({"role": "owner"}),
    )
    .await;
    assert_eq!((status, &body["role"]), (200, &json!("owner")));
    let told = grace
        .frame("the role", |frame| match frame {
            ServerFrame::MemberUpdated { user_id, role, .. } => Some((user_id.clone(), *role)),
            _ => None,
        })
        .await;
    assert_eq!(told, (grace_id, Role::Owner));

    let own = format!("{path}/me");
    let until = "2030-01-01T00:00:00.000Z";
    let (status, me) = patch(
        &server,
        &ada,
        &own,
        json!({"mutedUntil": until, "pinned": true}),
    )
    .await;
    assert_eq!(
        (status, &me["mutedUntil"], &me["pinned"]),
        (200, &json!(until), &json!(true))
    );
    let (_, me) = patch(&server, &ada, &own, json!({"mutedUntil": null})).await;
    assert_eq!(
        (&me["mutedUntil"], &me["pinned"]),
        (&json!(null), &json!(true))
    );
}

#[tokio::test]
async fn what_may_not_be_said_names_its_field() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let linus = server.actor("linus").await;
    let group = ada.starts_group("Kitchen", &[&grace]).await;
    let direct = ada.starts_direct(&grace).await;
    let marks = format!("a{}", "\u{301}".repeat(17));
    let large = "x".repeat(9_000);
    for (body, status) in [
        (json!({"title": ""}), 400),
        (json!({"title": null, "name": "x"}), 400),
        (json!({"title": marks}), 400),
        (json!({"title": "x".repeat(129)}), 400),
        (json!({"metadata": {"a": large}}), 400),
        (json!({"metadata": {"a": "x".repeat(1024 * 1024)}}), 413),
        (json!({"memberIds": []}), 400),
    ] {
        let path = format!("/api/v1/conversations/{group}");
        let (answered, problem) = patch(&server, &ada, &path, body).await;
        assert_eq!(answered, status, "{problem}");
    }
    for (who, id, body, status) in [
        (&grace, group, json!({"title": "Mine"}), 403),
        (&linus, group, json!({"title": "Mine"}), 404),
        (&ada, direct, json!({"label": "x"}), 403),
    ] {
        let path = format!("/api/v1/conversations/{id}");
        let (answered, problem) = patch(&server, who, &path, body).await;
        assert_eq!(answered, status, "{problem}");
    }
    for (who, whose, body, status) in [
        (&grace, &grace, json!({"role": "owner"}), 403),
        (&ada, &linus, json!({"role": "admin"}), 404),
        (&ada, &ada, json!({"role": "member"}), 409),
        (&linus, &grace, json!({"role": "member"}), 404),
        (&ada, &grace, json!({"role": "king"}), 400),
    ] {
        let path = format!("/api/v1/conversations/{group}/members/{}", whose.id());
        let (answered, problem) = patch(&server, who, &path, body).await;
        assert_eq!(answered, status, "{problem}");
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn one_sees_who_has_read_a_message(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let linus = server.actor("linus").await;
    let talk = ada.starts_group("Kitchen", &[&grace, &linus]).await;
    let message = ada.posts(talk, "who reads this?").await;
    ada.posts(talk, "and this?").await;
    let path = format!(
        "/api/v1/conversations/{talk}/messages/{}/readers",
        message.id
    );
    let readers = async |path: &str| {
        let (status, page) = get(&server, &ada, path).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().expect("items").clone();
        let handles = items.iter().map(|it| it["user"]["handle"].clone());
        (handles.collect::<Vec<_>>(), page["nextCursor"].clone())
    };
    assert_eq!(readers(&path).await.0, Vec::<serde_json::Value>::new());
    for (actor, seq) in [(&grace, 1), (&linus, 2), (&ada, 2)] {
        actor.api.mark_read(talk, seq).await.expect("moved");
    }
    let both = [json!("grace"), json!("linus")];
    let (all, _) = readers(&path).await;
    assert!(
        all.len() == 2 && both.iter().all(|name| all.contains(name)),
        "{all:?}"
    );
    let (first, next) = readers(&format!("{path}?limit=1")).await;
    let next = next.as_str().expect("more");
    let (second, end) = readers(&format!("{path}?limit=1&cursor={next}")).await;
    assert_eq!([first, second].concat(), all);
    assert!(end.is_null());
    // What somebody has cleared is not theirs to ask about.
    linus.api.hide(talk).await.expect("hidden");
    assert_eq!(get(&server, &linus, &path).await.0, 404);
    let status = format!("/api/v1/conversations/{talk}/messages/status");
    let read = json!({"status": "read", "messageId": message.id});
    assert_eq!(post(&server, &linus, &status, read).await.0, 404);
}
