//! Changing one's own profile: who may, and who hears of it.

use parlor_protocol::ServerFrame;
use parlor_testkit::{Engine, TestServer};
use rstest::rstest;
use serde_json::{Value, json};

use crate::wire::{get, patch};

const ME: &str = "/api/v1/users/me";

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn those_who_share_a_conversation_hear_a_new_name(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_direct(&grace).await;
    // In several rooms together: still one frame each.
    ada.starts_group("Kitchen", &[&grace]).await;
    ada.sends(talk, "hi").await;
    let body = json!({"name": " Ada L. ", "handle": "Countess", "bio": "numbers"});
    let (status, me) = patch(&server, &ada, ME, body).await;
    assert_eq!(status, 200, "{me}");
    assert_eq!(
        (&me["name"], &me["handle"], &me["bio"]),
        (&json!("Ada L."), &json!("countess"), &json!("numbers"))
    );
    let seen = grace
        .frame("the new name", |frame| match frame {
            ServerFrame::UserUpdated { user } => Some(user.clone()),
            _ => None,
        })
        .await;
    assert_eq!(
        (seen.name.as_str(), seen.handle.as_str()),
        ("Ada L.", "countess")
    );
    ada.frame("one's own account", |frame| match frame {
        ServerFrame::AccountUpdated { user, .. } => (user.handle == "countess").then_some(()),
        _ => None,
    })
    .await;
    // Old messages name their sender as they are now, also for who comes back.
    let (_, page) = get(
        &server,
        &grace,
        &format!("/api/v1/conversations/{talk}/messages"),
    )
    .await;
    assert_eq!(page["items"][0]["sender"]["name"], "Ada L.");
    // What is absent stays; null takes away.
    let (_, me) = patch(&server, &ada, ME, json!({"bio": null})).await;
    assert_eq!((&me["name"], &me["bio"]), (&json!("Ada L."), &Value::Null));
    // The old handle is free, and finds nobody.
    let (status, _) = patch(&server, &grace, ME, json!({"handle": "ada"})).await;
    assert_eq!(status, 200);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_profile_has_its_bounds(#[case] engine: Engine) {
    let server = TestServer::start(engine).await;
    let (ada, _grace) = (server.actor("ada").await, server.actor("grace").await);
    for (body, status, code) in [
        (json!({"handle": "grace"}), 409, "handle_taken"),
        (json!({"handle": "GRACE"}), 409, "handle_taken"),
        (json!({"handle": "a"}), 400, "invalid_request"),
        (json!({"name": "  "}), 400, "invalid_request"),
        (json!({"name": "x".repeat(65)}), 400, "invalid_request"),
        (json!({"name": "a\u{202e}b"}), 400, "invalid_request"),
        (json!({"bio": "x".repeat(281)}), 400, "invalid_request"),
        (json!({"email": "ada@example.org"}), 400, "invalid_request"),
    ] {
        let (answered, problem) = patch(&server, &ada, ME, body.clone()).await;
        assert_eq!(
            (answered, &problem["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    let (_, me) = get(&server, &ada, ME).await;
    assert_eq!(me["handle"], "ada", "nothing was changed");
}
