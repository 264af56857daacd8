//! Rules 1, 3 and 4 through `kill -9` in mid-send: what was acked is there, once, and in order, and each time the
//! server serves again soon.
//!
//! `PARLOR_KILLS` says how often; `cargo xtask torture --kills 500` sets it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parlor_client::{Api, Event, Live};
use parlor_protocol::{AuthReply, ConversationId, CreateConversation};
use parlor_testkit::{
    Engine, Process, TestStore,
    history::{Call, Entry, Held, History, KILLED, Place, SERVING_MAX_MS},
    soon, until_ready,
};
use rstest::rstest;
use tokio::sync::watch;

use crate::process::serve_on;

/// How often the server is killed when nobody says how often.
const KILLS: usize = 20;
/// Senders at once.
const SENDERS: usize = 3;
/// Messages of one sender under way.
const IN_FLIGHT: usize = 8;
/// Acks to wait for in each life, so that every kill meets sends under way.
const ACKS_A_LIFE: usize = 15;

fn kills() -> usize {
    let wanted = std::env::var("PARLOR_KILLS").ok();
    wanted.map_or(KILLS, |text| {
        text.parse().expect("PARLOR_KILLS is a number")
    })
}

/// Sends until it is told to stop, with some messages under way; each is repeated until it is acked.
async fn send_on(
    url: String,
    auth: AuthReply,
    talk: ConversationId,
    history: Arc<History>,
    mut stop: watch::Receiver<bool>,
) {
    let name = auth.user.handle.as_str();
    let mut live = Live::connect(&url, &auth.access_token);
    let mut waiting: HashMap<String, u64> = HashMap::new();
    while !(*stop.borrow() && waiting.is_empty()) {
        if !*stop.borrow() && waiting.len() < IN_FLIGHT {
            let operation = history.operation();
            let content = format!("text {operation}");
            let client_id = live.send(talk, &content).await.expect("taken");
            waiting.insert(client_id.clone(), operation);
            let entry = Entry::Invoked {
                operation,
                by: auth.user.id.clone(),
                call: Call::Send {
                    conversation_id: talk,
                    client_id,
                    content,
                },
            };
            history.write(name, entry);
            continue;
        }
        let event = tokio::select! {
            event = live.next() => event.expect("the connection goes on"),
            _ = stop.changed() => continue,
        };
        match event {
            Event::Sent { client_id, message } => {
                let entry = Entry::Done {
                    operation: waiting.remove(&client_id).expect("acked once"),
                    place: Some(Place::from(&message)),
                };
                history.write(name, entry);
            }
            Event::Failed { code, detail, .. } => panic!("refused: {code:?} {detail}"),
            _ => {}
        }
    }
}

/// Writes down what is stored, as it is read over REST.
async fn read_stored(
    api: &Api,
    reader: &AuthReply,
    talk: ConversationId,
    history: &History,
) -> usize {
    let mut last_seq = 0;
    loop {
        let page = api.history(talk, Some(last_seq), 200).await.expect("read");
        for message in page.items {
            last_seq = message.seq;
            let entry = Entry::Stored {
                reader: reader.user.id.clone(),
                conversation_id: talk,
                message: Held::from(&message),
            };
            history.write("reader", entry);
        }
        if !page.has_more {
            return last_seq as usize;
        }
    }
}

/// Kills the server and starts it again, on the same port and store; answers how long that took.
async fn killed(server: Process, store: &TestStore) -> (Process, Duration) {
    let mut launch = serve_on(store);
    launch.port = server.port();
    server.kill();
    let began = Instant::now();
    let server = launch.start();
    until_ready(server.url(), Duration::from_millis(SERVING_MAX_MS))
        .await
        .expect("the server serves again in time");
    (server, began.elapsed())
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_kill_9_loses_no_acked_message(#[case] engine: Engine) {
    let store = TestStore::new(engine).await;
    let mut server = serve_on(&store).start();
    let url = server.url().to_owned();
    let api = Api::new(&url);
    let mut people = Vec::new();
    for n in 0..SENDERS {
        let handle = format!("user{n}");
        let registered = api.register(&handle, "correct horse", None).await;
        people.push(registered.expect("registers"));
    }
    let others = people[1..].iter().map(|auth| auth.user.id.clone());
    let body = CreateConversation {
        kind: None,
        member_ids: others.collect(),
        title: Some("Kitchen".into()),
        label: None,
        metadata: None,
    };
    let ada = api.with_token(&people[0].access_token);
    let made = ada.create_conversation(&body).await.expect("made");
    let talk = made.summary.id;

    let history = Arc::new(History::default());
    let (stop, stopped) = watch::channel(false);
    let senders: Vec<_> = people
        .iter()
        .map(|auth| {
            let (url, auth) = (url.clone(), auth.clone());
            tokio::spawn(send_on(url, auth, talk, history.clone(), stopped.clone()))
        })
        .collect();
    let kills = kills();
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        let goal = history.done() + ACKS_A_LIFE;
        soon("acks in this life", history.until_done(goal)).await;
        let (again, took) = killed(server, &store).await;
        (server, slowest) = (again, slowest.max(took));
        let entry = Entry::Serving {
            after: KILLED.into(),
            took_ms: took.as_millis() as u64,
        };
        history.write("server", entry);
    }
    stop.send_replace(true);
    for sender in senders {
        soon("the last acks", sender).await.expect("ran");
    }

    let stored = read_stored(&ada, &people[0], talk, &history).await;
    history.assert_kept();
    assert_eq!(
        stored,
        history.done(),
        "every sent message was acked in the end"
    );
    assert!(stored >= kills * ACKS_A_LIFE);
    println!(
        "{kills} times kill -9: {stored} messages acked, none lost, none double; serving again within {} ms",
        slowest.as_millis()
    );
}
