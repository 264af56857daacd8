//! P1 and P2 through `kill -9` in mid-send: what was acked is there, once, and in order.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parlor_client::{Api, Event, Live};
use parlor_protocol::{ConversationId, CreateConversation};
use parlor_testkit::{Engine, TestStore, soon};
use rstest::rstest;

use crate::process::{Process, serve_on};

/// How often the server is killed.
const KILLS: usize = 20;
/// Senders at once.
const SENDERS: usize = 3;
/// Acks to wait for in each life, so that every kill meets sends under way.
const ACKS_A_LIFE: usize = 15;

/// What a sender knows: its acked messages by clientId, with their seq.
type Acked = HashMap<String, i64>;

/// Sends until it is told to stop; each message waits for nobody's ack but is repeated until it has one.
async fn send_on(
    url: String,
    token: String,
    talk: ConversationId,
    acks: Arc<AtomicUsize>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> Acked {
    let mut live = Live::connect(&url, &token);
    let mut acked = Acked::new();
    let mut waiting = 0;
    while !(*stop.borrow() && waiting == 0) {
        if !*stop.borrow() && waiting < 8 {
            live.send(talk, "x").await.expect("taken");
            waiting += 1;
        }
        let event = tokio::select! {
            event = live.next(), if waiting >= 8 || *stop.borrow() => event.expect("the connection goes on"),
            _ = stop.changed(), if waiting >= 8 => continue,
            () = std::future::ready(()), if waiting < 8 && !*stop.borrow() => continue,
        };
        match event {
            Event::Sent { client_id, message } => {
                assert!(
                    acked.insert(client_id, message.seq).is_none(),
                    "acked twice"
                );
                acks.fetch_add(1, Ordering::SeqCst);
                waiting -= 1;
            }
            Event::Failed { code, detail, .. } => panic!("refused: {code:?} {detail}"),
            Event::Frame(_) | Event::Status(_) => {}
        }
    }
    acked
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_kill_9_loses_no_acked_message(#[case] engine: Engine) {
    let store = TestStore::new(engine).await;
    let mut server = Process::start(serve_on(&store));
    let port = server.url.rsplit_once(':').expect("a port").1.to_owned();
    let url = server.url.clone();
    let api = Api::new(&url);
    let mut people = Vec::new();
    for n in 0..SENDERS {
        people.push(
            api.register(&format!("user{n}"), "correct horse", None)
                .await
                .expect("registers"),
        );
    }
    let body = CreateConversation {
        kind: None,
        member_ids: people[1..]
            .iter()
            .map(|auth| auth.user.id.clone())
            .collect(),
        title: Some("Kitchen".into()),
        label: None,
        metadata: None,
    };
    let talk = api
        .with_token(&people[0].access_token)
        .create_conversation(&body)
        .await
        .expect("made")
        .summary
        .id;

    let acks = Arc::new(AtomicUsize::new(0));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let senders: Vec<_> = people
        .iter()
        .map(|auth| {
            tokio::spawn(send_on(
                url.clone(),
                auth.access_token.clone(),
                talk,
                acks.clone(),
                stopped.clone(),
            ))
        })
        .collect();
    for _ in 0..KILLS {
        let goal = acks.load(Ordering::SeqCst) + ACKS_A_LIFE;
        soon("acks in this life", async {
            while acks.load(Ordering::SeqCst) < goal {
                tokio::task::yield_now().await;
            }
        })
        .await;
        server.kill();
        let mut command = serve_on(&store);
        command.env("PORT", &port);
        server = Process::start(command);
    }
    stop.send_replace(true);
    let mut acked = Acked::new();
    for sender in senders {
        acked.extend(soon("the last acks", sender).await.expect("ran"));
    }

    let api = Api::new(&url).with_token(&people[0].access_token);
    let mut stored: Vec<(i64, String)> = Vec::new();
    loop {
        let page = api
            .history(talk, Some(stored.len() as i64), 200)
            .await
            .expect("read");
        stored.extend(
            page.items
                .into_iter()
                .map(|message| (message.seq, message.client_id.expect("a clientId"))),
        );
        if !page.has_more {
            break;
        }
    }
    let seqs: Vec<i64> = stored.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(
        seqs,
        (1..=seqs.len() as i64).collect::<Vec<_>>(),
        "P3: gapless"
    );
    let by_client: HashMap<&str, i64> = stored
        .iter()
        .map(|(seq, client)| (client.as_str(), *seq))
        .collect();
    assert_eq!(by_client.len(), stored.len(), "P2: no clientId twice");
    for (client_id, seq) in &acked {
        assert_eq!(
            by_client.get(client_id.as_str()),
            Some(seq),
            "P1: an acked message is lost or moved"
        );
    }
    assert_eq!(
        acked.len(),
        stored.len(),
        "every sent message was acked in the end"
    );
    assert!(acked.len() >= KILLS * ACKS_A_LIFE);
}
