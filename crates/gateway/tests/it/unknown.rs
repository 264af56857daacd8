//! A commit whose outcome is not known: the sender is told so, and whatever came of it is announced.

use parlor_cluster::Cluster;
use parlor_protocol::ServerFrame;
use parlor_testkit::{TestServer, TestStore, soon};
use reqwest::Method;
use serde_json::json;

use crate::wire::{call, get, post};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_without_an_ack_is_announced_before_anything_later() {
    let logs = tempfile::tempdir().expect("a folder");
    let programs = parlor_cluster::find().expect("PostgreSQL is installed");
    let cluster = Cluster::start(programs, &logs.path().join("log"), 40).expect("starts");
    let server = TestServer::start_on(TestStore::at(cluster.url()), |_| {}).await;
    let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
    let talk = ada.starts_group("Talk", &[&grace]).await;
    let linus = server.actor("linus").await;
    ada.posts(talk, "before").await;
    grace.sees(talk, "before").await;

    cluster.miss_standby().expect("set");
    let path = format!("/api/v1/conversations/{talk}/messages");
    let body = json!({"content": "unsure", "clientId": "c"});
    let adding = post(&server, &ada, &path, body.clone());
    let (status, problem) = adding.await;
    assert_eq!((status, &problem["code"]), (503, &json!("unknown_outcome")));
    let members = format!("/api/v1/conversations/{talk}/members");
    let (status, problem) = post(&server, &ada, &members, json!({"userIds": [linus.id()]})).await;
    assert_eq!(status, 503, "{problem}");
    cluster.find_standby().expect("reset");

    // Nobody sends anything: what was stored is heard of all the same, in its order.
    let heard = grace.sees(talk, "unsure").await;
    assert_eq!((heard.seq, heard.version), (2, 3));
    let (status, message) = post(&server, &ada, &path, body).await;
    assert_eq!((status, &message["seq"]), (200, &json!(2)));
    // Adding again finds the member who is there, or makes one.
    let (status, _) = post(&server, &ada, &members, json!({"userIds": [linus.id()]})).await;
    assert_eq!(status, 204);
    soon("linus hears of it", async {
        linus
            .frame("being added", |frame| match frame {
                ServerFrame::ConversationAdded {
                    conversation_id, ..
                } => (*conversation_id == talk).then_some(()),
                _ => None,
            })
            .await;
    })
    .await;
    ada.posts(talk, "after").await;
    linus.sees(talk, "after").await;
    let (_, page) = get(&server, &linus, &path).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(3));
    let token = Some(ada.auth.access_token.as_str());
    let (status, _) = call(&server, token, Method::GET, "/ready", None).await;
    assert_eq!(status, 200);
}
