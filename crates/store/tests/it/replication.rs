//! PostgreSQL with a synchronous standby: missing, cancelled, and taking over. Each test has a cluster
//! of its own, because these faults are the whole server's.

use std::time::Duration;

use parlor_cluster::Cluster;
use parlor_core::append::{Change, Event, Item};
use parlor_protocol::{Code, ConversationId, ReceiptStatus, Timestamp};
use parlor_store::{
    Announced, Appended, Appender, AppenderConfig, Database, Store, StoreConfig, Window,
};
use parlor_testkit::soon;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::world::{conversation, new_user, send, user};

/// Connections of a cluster: few are needed and each takes memory.
const CONNECTIONS_MAX: u32 = 30;

struct Site {
    cluster: Cluster,
    logs: TempDir,
}

impl Site {
    fn start() -> Self {
        let logs = tempfile::tempdir().expect("a folder");
        let programs = parlor_cluster::find().expect("PostgreSQL is installed");
        let log = logs.path().join("first.log");
        let cluster = Cluster::start(programs, &log, CONNECTIONS_MAX).expect("a cluster starts");
        Self { cluster, logs }
    }

    async fn open(&self, url: String) -> Store {
        let config = StoreConfig {
            database: Database::Postgres(url),
            connections_max: 8,
        };
        Store::open(&config).await.expect("opens")
    }
}

/// A store with two people and a group, its appender, and what that announces.
async fn talk(store: &Store) -> (ConversationId, Appender, mpsc::Receiver<Announced>) {
    for name in ["ada", "grace"] {
        store
            .create_user(&new_user(name), None)
            .await
            .expect("stored");
    }
    let (appender, mut announced, _) = Appender::spawn(store.clone(), AppenderConfig::default());
    let new = parlor_core::conversation::decide_create(
        &user("ada"),
        parlor_protocol::CreateConversation {
            kind: None,
            member_ids: vec![user("grace")],
            title: Some("Talk".into()),
            label: None,
            metadata: None,
        },
    )
    .expect("allowed");
    let made = Item {
        conversation_id: conversation(1),
        actor: user("ada"),
        now: Timestamp(1),
        change: Change::Create(new),
    };
    let pending = appender.enqueue(made).expect("queued");
    pending.committed().await.expect("made");
    announced.recv().await.expect("announced");
    (conversation(1), appender, announced)
}

async fn sends(
    appender: &Appender,
    n: u128,
    to: ConversationId,
) -> Result<Appended, parlor_core::Refusal> {
    let sent = send(n, to, "ada", Some(&format!("c{n}")), "hi");
    appender.enqueue(sent).expect("queued").committed().await
}

async fn stored(store: &Store, id: ConversationId) -> usize {
    let page = store
        .history(id, 0, Window::Newest, 200)
        .await
        .expect("read");
    page.items.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_standby_gets_no_ack_within_the_deadline() {
    let site = Site::start();
    let store = site.open(site.cluster.url()).await;
    let (id, appender, mut announced) = talk(&store).await;
    sends(&appender, 1, id).await.expect("stored");
    announced.recv().await.expect("announced");

    site.cluster.miss_standby().expect("set");
    let before = tokio::time::Instant::now();
    let refusal = sends(&appender, 2, id).await.expect_err("no ack");
    assert_eq!(refusal.code, Code::UnknownOutcome);
    assert!(
        before.elapsed() < Duration::from_secs(10),
        "by the deadline"
    );
    let Some(Announced::Unknown(attempt)) = announced.recv().await else {
        panic!("what may have happened must be settled");
    };
    assert!(matches!(&attempt.events[..], [Event::MessageNew(message)] if message.seq == 2));

    site.cluster.find_standby().expect("reset");
    soon("the decision", async {
        while store.outcome(attempt.tick).await.expect("asked").is_none() {}
    })
    .await;
    // The same clientId again finds out, and makes no second message.
    let again = soon("an ack", async {
        loop {
            match sends(&appender, 2, id).await {
                Ok(appended) => return appended,
                Err(refusal) => assert!(
                    matches!(refusal.code, Code::UnknownOutcome | Code::Unavailable),
                    "{refusal}"
                ),
            }
        }
    })
    .await;
    assert!(matches!(again, Appended::Message { .. }));
    assert_eq!(stored(&store, id).await, 2);
}

/// An administrator, or `statement_timeout`, ends the wait for the standby: PostgreSQL answers the
/// COMMIT with success and a warning.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cancelled_on_its_way_to_the_standby_is_no_ack() {
    let site = Site::start();
    let store = site.open(site.cluster.url()).await;
    let (id, appender, mut announced) = talk(&store).await;
    site.cluster.miss_standby().expect("set");
    let sending = tokio::spawn({
        let appender = appender.clone();
        async move { sends(&appender, 1, id).await }
    });
    let cancel =
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    soon("the waiting commit", async {
        while site.cluster.sql(cancel).expect("asked") == "0" {}
    })
    .await;
    let refusal = sending.await.expect("ran").expect_err("no ack");
    assert_eq!(refusal.code, Code::UnknownOutcome);
    assert!(matches!(
        announced.recv().await,
        Some(Announced::Unknown(attempt)) if attempt.events.len() == 1
    ));
    // It is on the first disk all the same, so it must be announced in the end.
    assert_eq!(stored(&store, id).await, 1);
    site.cluster.find_standby().expect("reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_to_the_standby_that_takes_over() {
    let mut site = Site::start();
    let log = site.logs.path().join("second.log");
    site.cluster.create_database("parlor").expect("made");
    let second = site.cluster.standby("second", &log).expect("a standby");
    site.cluster.expect_standby("second").expect("set");
    let url = format!(
        "postgres://parlor@127.0.0.1:{},127.0.0.1:{}/parlor?target_session_attrs=read-write",
        second.port(),
        site.cluster.port(),
    );
    // The first host in the URL is the standby: it is passed over.
    let store = site.open(url).await;
    let (id, appender, announced) = talk(&store).await;
    drop(announced);
    for n in 1..=20 {
        sends(&appender, n, id).await.expect("stored on both");
    }
    site.cluster.stop_immediately();
    second
        .sql("ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()")
        .expect("reset");
    second.promote().expect("promoted");
    soon("the other host", async {
        while sends(&appender, 21, id).await.is_err() {}
    })
    .await;
    assert_eq!(stored(&store, id).await, 21, "every acked message is there");
    let read = Item {
        conversation_id: id,
        actor: user("grace"),
        now: Timestamp(1),
        change: Change::Receipt {
            status: ReceiptStatus::Read,
            seq: 21,
        },
    };
    let pending = appender.enqueue(read).expect("queued");
    pending.committed().await.expect("stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_same_client_ids_make_no_second_message() {
    let mut site = Site::start();
    let store = site.open(site.cluster.url()).await;
    let (id, appender, announced) = talk(&store).await;
    drop(announced);
    let mut acked = 0;
    for round in 0..3 {
        let sending: Vec<_> = (0..30)
            .map(|n| {
                let appender = appender.clone();
                tokio::spawn(async move { sends(&appender, round * 100 + n + 1, id).await })
            })
            .collect();
        tokio::task::block_in_place(|| {
            site.cluster.stop_immediately();
            site.cluster.start_server().expect("starts again");
        });
        for (n, sending) in sending.into_iter().enumerate() {
            let mut outcome = sending.await.expect("ran");
            soon("an ack", async {
                while outcome.is_err() {
                    outcome = sends(&appender, round * 100 + n as u128 + 1, id).await;
                }
            })
            .await;
            acked += 1;
        }
    }
    assert_eq!(acked, 90);
    assert_eq!(stored(&store, id).await, 90);
}
