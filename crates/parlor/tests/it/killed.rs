//! P1 and P2 through `kill -9` in mid-send: what was acked is there, once, and in order.

use std::{collections::HashMap, sync::Arc};

use parlor_client::{Api, Event, Live};
use parlor_protocol::{AuthReply, ConversationId, CreateConversation};
use parlor_testkit::{
    Engine, TestStore,
    history::{Entry, History, Message},
    soon,
};
use rstest::rstest;
use tokio::sync::watch;

use crate::process::{Process, serve_on};

/// How often the server is killed.
const KILLS: usize = 20;
/// Senders at once.
const SENDERS: usize = 3;
/// Messages of one sender under way.
const IN_FLIGHT: usize = 8;
/// Acks to wait for in each life, so that every kill meets sends under way.
const ACKS_A_LIFE: usize = 15;

/// Sends until it is told to stop, with some messages under way; each is repeated until it is acked.
async fn send_on(
    url: String,
    auth: AuthReply,
    talk: ConversationId,
    history: Arc<History>,
    mut stop: watch::Receiver<bool>,
) {
    let mut live = Live::connect(&url, &auth.access_token);
    let mut waiting: HashMap<String, Message> = HashMap::new();
    while !(*stop.borrow() && waiting.is_empty()) {
        if !*stop.borrow() && waiting.len() < IN_FLIGHT {
            let content = format!("text {}", waiting.len());
            let client_id = live.send(talk, &content).await.expect("taken");
            let message = Message {
                conversation_id: talk,
                sender_id: auth.user.id.clone(),
                client_id: client_id.clone(),
                content,
            };
            history.push(Entry::Invoked(message.clone()));
            waiting.insert(client_id, message);
            continue;
        }
        let event = tokio::select! {
            event = live.next() => event.expect("the connection goes on"),
            _ = stop.changed() => continue,
        };
        match event {
            Event::Sent { client_id, message } => {
                let sent = waiting.remove(&client_id).expect("acked once");
                history.push(Entry::Acked {
                    message: sent,
                    seq: message.seq,
                });
            }
            Event::Failed { code, detail, .. } => panic!("refused: {code:?} {detail}"),
            _ => {}
        }
    }
}

/// Writes down what is stored, as it is read over REST.
async fn read_stored(api: &Api, talk: ConversationId, history: &History) -> usize {
    let mut last_seq = 0;
    loop {
        let page = api.history(talk, Some(last_seq), 200).await.expect("read");
        for message in page.items {
            last_seq = message.seq;
            history.push(Entry::Stored {
                message: Message {
                    conversation_id: talk,
                    sender_id: message.sender_id,
                    client_id: message.client_id.expect("a clientId"),
                    content: message.content,
                },
                seq: message.seq,
            });
        }
        if !page.has_more {
            return last_seq as usize;
        }
    }
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

    let history = Arc::new(History::default());
    let (stop, stopped) = watch::channel(false);
    let senders: Vec<_> = people
        .iter()
        .map(|auth| {
            let (url, auth) = (url.clone(), auth.clone());
            tokio::spawn(send_on(url, auth, talk, history.clone(), stopped.clone()))
        })
        .collect();
    for _ in 0..KILLS {
        let goal = history.acked() + ACKS_A_LIFE;
        soon("acks in this life", async {
            while history.acked() < goal {
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
    for sender in senders {
        soon("the last acks", sender).await.expect("ran");
    }

    let api = Api::new(&url).with_token(&people[0].access_token);
    let stored = read_stored(&api, talk, &history).await;
    history.assert_kept();
    assert_eq!(
        stored,
        history.acked(),
        "every sent message was acked in the end"
    );
    assert!(stored >= KILLS * ACKS_A_LIFE);
}
