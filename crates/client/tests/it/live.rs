//! The driver against a real socket on which a test plays the server.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parlor_client::{Event, Live, OutboxError, Status, outbox::Outbox};
use parlor_protocol::{Code, ConversationId};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use uuid::Uuid;

use crate::fill::Defaults;

/// How long a condition may take before its test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(WAIT_MAX, future)
        .await
        .unwrap_or_else(|_| panic!("waited for {what}"))
}

struct Server {
    listener: TcpListener,
    url: String,
}

struct Peer(WebSocketStream<TcpStream>);

impl Server {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self { listener, url }
    }

    /// Takes the next request over REST and answers it; the head of the request.
    async fn answers(&self, body: &Value) -> String {
        soon("a request", async {
            let (mut stream, _) = self.listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("more of the head"));
            }
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len(),
            );
            stream.write_all(answer.as_bytes()).await.expect("written");
            String::from_utf8(head).expect("text")
        })
        .await
    }

    /// Takes the next socket and its `auth`.
    async fn accepts(&self) -> (Peer, Value) {
        soon("a socket", async {
            let (stream, _) = self.listener.accept().await.expect("a connection");
            let mut peer = Peer(accept_async(stream).await.expect("a handshake"));
            let auth = peer.hears("auth").await;
            (peer, auth)
        })
        .await
    }
}

impl Peer {
    async fn says(&mut self, mut frame: Value) {
        defaults().frame(&mut frame);
        let text = frame.to_string();
        self.0.send(Message::text(text)).await.expect("written");
    }

    /// The next frame of this type.
    async fn hears(&mut self, kind: &str) -> Value {
        soon(kind, async {
            loop {
                let message = self.0.next().await.expect("goes on").expect("a message");
                if let Message::Text(text) = message {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    if frame["type"] == kind {
                        return frame;
                    }
                }
            }
        })
        .await
    }

    /// Greets, and answers the sync of a client that comes from nothing.
    async fn greets(&mut self) {
        self.says(json!({ "type": "connected" })).await;
        let sync = self.hears("sync").await;
        self.says(json!({ "type": "ack", "ref": sync["ref"], "page": { "cursor": "c1" } }))
            .await;
    }

    async fn closes(mut self, code: u16) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: "".into(),
        };
        self.0.close(Some(frame)).await.expect("closed");
    }
}

async fn until<T>(live: &mut Live, what: &str, mut fits: impl FnMut(Event) -> Option<T>) -> T {
    soon(what, async {
        loop {
            let event = live.next().await.expect("the connection goes on");
            if let Some(value) = fits(event) {
                return value;
            }
        }
    })
    .await
}

fn defaults() -> Defaults {
    Defaults::read(include_str!("../../scenarios/defaults.json"))
}

fn talk() -> ConversationId {
    ConversationId(Uuid::from_u128(0x0190_b2c8_000a_7000_8000_0000_0000_0000))
}

#[tokio::test]
async fn r20_a_message_outlives_the_process_and_goes_out_with_its_client_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("outbox.jsonl");
    let server = Server::new().await;
    let connect = || Live::builder(&server.url, "t").outbox(&path).connect();

    let live = connect().expect("connects");
    let (mut peer, _) = server.accepts().await;
    peer.greets().await;
    let client_id = live.send(talk(), "hi").await.expect("taken");
    let sent = peer.hears("message.send").await;
    assert_eq!(sent["clientId"], client_id);
    assert!(
        matches!(connect(), Err(OutboxError::InUse(_))),
        "one connection has it"
    );
    drop(live);

    let mut live = soon("the lock", async {
        loop {
            match connect() {
                Ok(live) => return live,
                Err(OutboxError::InUse(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    let (mut peer, _) = server.accepts().await;
    peer.greets().await;
    let again = peer.hears("message.send").await;
    assert_eq!(again["clientId"], client_id);
    assert_eq!(again["content"], "hi");
    let message = json!({ "conversationId": talk(), "seq": 1, "version": 1 });
    peer.says(json!({ "type": "ack", "ref": again["ref"], "message": message }))
        .await;
    let sent = until(&mut live, "the ack", |event| match event {
        Event::Sent { client_id, message } => Some((client_id, message.seq)),
        _ => None,
    })
    .await;
    assert_eq!(sent, (client_id, 1));
    drop(live);
    let outbox = soon("the lock", async {
        loop {
            match Outbox::open(&path) {
                Ok(outbox) => return outbox,
                Err(OutboxError::InUse(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    assert!(outbox.is_empty(), "what was acked has left");
    assert_eq!(outbox.owner().map(ToString::to_string), Some("ada".into()));
}

#[tokio::test]
async fn r20_one_persons_messages_do_not_go_out_as_anothers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("outbox.jsonl");
    let mut outbox = Outbox::open(&path).expect("opened");
    outbox
        .claim(&"grace".parse().expect("an id"))
        .expect("claimed");
    drop(outbox);
    let server = Server::new().await;
    let mut live = Live::builder(&server.url, "t")
        .outbox(&path)
        .connect()
        .expect("connects");
    let (mut peer, _) = server.accepts().await;
    peer.says(json!({ "type": "connected" })).await;
    let why = until(&mut live, "the reason", |event| match event {
        Event::Outbox(why) => Some(why),
        _ => None,
    })
    .await;
    assert_eq!(why, "the outbox holds messages of grace, not of ada");
    until(&mut live, "the end", |event| {
        (event == Event::Status(Status::Stopped)).then_some(())
    })
    .await;
    assert_eq!(soon("the end", live.next()).await, None);
}

#[tokio::test]
async fn r7_r13_a_broken_socket_resumes_and_4003_takes_a_newer_token() {
    let server = Server::new().await;
    let mut live = Live::connect(&server.url, "t");
    let (mut peer, auth) = server.accepts().await;
    assert_eq!(auth["token"], "t");
    assert_eq!(auth["cursor"], Value::Null);
    peer.greets().await;
    drop(peer);
    let (mut peer, auth) = server.accepts().await;
    assert_eq!(auth["cursor"], "c1");
    peer.says(json!({ "type": "connected", "resumed": true }))
        .await;
    let conversation =
        json!({ "id": talk(), "version": 1, "lastSeq": 1, "messages": [{ "seq": 1 }] });
    peer.says(
        json!({ "type": "sync", "page": { "cursor": "c2", "conversations": [conversation] } }),
    )
    .await;
    let seq = until(&mut live, "what was missed", |event| match event {
        Event::Applied(message) => Some(message.seq),
        _ => None,
    })
    .await;
    assert_eq!(seq, 1);
    peer.closes(4003).await;
    until(&mut live, "the wish for a token", |event| {
        (event == Event::Status(Status::TokenNeeded)).then_some(())
    })
    .await;
    live.renew("t2").await.expect("taken");
    let (_peer, auth) = server.accepts().await;
    assert_eq!(auth["token"], "t2");
    assert_eq!(auth["cursor"], "c2");
}

#[tokio::test]
async fn r16_an_opened_conversation_is_read_over_rest() {
    let server = Server::new().await;
    let mut live = Live::connect(&server.url, "t");
    live.open(talk()).await.expect("taken");
    let (mut peer, _) = server.accepts().await;
    peer.says(json!({ "type": "connected" })).await;
    let sync = peer.hears("sync").await;
    let conversation = json!({ "id": talk(), "version": 2, "lastSeq": 2, "gap": true });
    let page = json!({ "cursor": "c1", "conversations": [conversation] });
    peer.says(json!({ "type": "ack", "ref": sync["ref"], "page": page }))
        .await;
    let mut page = json!({ "items": [{ "seq": 1 }, { "seq": 2 }], "hasMore": false });
    defaults().history(&mut page, &talk().to_string());
    let head = server.answers(&page).await;
    let path = format!("GET /api/v1/conversations/{}/messages?limit=200 ", talk());
    assert!(head.starts_with(&path), "{head}");
    assert!(head.to_lowercase().contains("authorization: bearer t\r\n"));
    for expected in 1..=2 {
        let seq = until(&mut live, "a message", |event| match event {
            Event::Applied(message) => Some(message.seq),
            _ => None,
        })
        .await;
        assert_eq!(seq, expected);
    }
}

#[tokio::test]
async fn r22_commands_carry_a_number_and_are_answered_by_it() {
    let server = Server::new().await;
    let mut live = Live::connect(&server.url, "t");
    let (mut peer, _) = server.accepts().await;
    peer.greets().await;
    until(&mut live, "the connection", |event| {
        (event == Event::Status(Status::Live)).then_some(())
    })
    .await;
    let message_id = parlor_protocol::MessageId(Uuid::from_u128(7));
    let edit = live
        .edit(talk(), message_id, "better")
        .await
        .expect("taken");
    let frame = peer.hears("message.edit").await;
    assert_eq!(frame["ref"], edit);
    assert_eq!(frame["content"], "better");
    peer.says(json!({ "type": "ack", "ref": edit })).await;
    let react = live.react(talk(), message_id, "👍").await.expect("taken");
    let frame = peer.hears("reaction.add").await;
    assert_eq!(frame["emoji"], "👍");
    peer.says(json!({ "type": "error", "ref": react, "code": "forbidden", "detail": "no" }))
        .await;
    let lost = live.delete(talk(), message_id).await.expect("taken");
    peer.hears("message.delete").await;
    drop(peer);
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(
            until(&mut live, "the answers", |event| match event {
                Event::Done { number } => Some((number, None)),
                Event::Refused { number, code, .. } => Some((number, Some(code))),
                _ => None,
            })
            .await,
        );
    }
    let expected = [
        (edit, None),
        (react, Some(Code::Forbidden)),
        (lost, Some(Code::UnknownOutcome)),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_before_it_costs_the_connection() {
    let server = Server::new().await;
    let mut live = Live::connect(&server.url, "t");
    // More characters than a message may have, and few that need much room in JSON.
    for content in ["x".repeat(16_385), "\u{1}".repeat(12_000)] {
        let client_id = live.send(talk(), &content).await.expect("taken");
        let failed = until(&mut live, "the refusal", |event| match event {
            Event::Failed {
                client_id, code, ..
            } => Some((client_id, code)),
            _ => None,
        })
        .await;
        assert_eq!(failed, (client_id, Code::InvalidRequest));
    }
}
