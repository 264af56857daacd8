//! A plain client, as any library would be: REST calls and a WebSocket, text in and text out.

use std::{net::SocketAddr, sync::LazyLock};

use futures_util::{SinkExt, StreamExt};
use parlor_testkit::{Actor, TestServer, soon};
use reqwest::Method;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

pub(crate) struct Plain {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Plain {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        let (stream, _) = tokio_tungstenite::connect_async(format!("ws://{address}{path}"))
            .await
            .expect("upgrades");
        Self { stream }
    }

    /// A socket that carries this token.
    pub(crate) async fn of(server: &TestServer, token: &str) -> Self {
        Self::open(server.address(), &format!("/api/v1/ws?token={token}")).await
    }

    pub(crate) async fn say(&mut self, text: impl Into<String>) {
        self.stream
            .send(Message::text(text.into()))
            .await
            .expect("written");
    }

    /// The next text frame that does not tell who is here: people come and go in tests about other things.
    pub(crate) async fn hears(&mut self) -> Value {
        loop {
            let frame = self.hears_all().await;
            if frame["type"] != "presence.update" {
                return frame;
            }
        }
    }

    /// The next text frame.
    pub(crate) async fn hears_all(&mut self) -> Value {
        soon("a frame", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return serde_json::from_str(&text).expect("JSON");
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("expected a frame, got {other:?}"),
                }
            }
        })
        .await
    }

    /// The next frame that does not tell of a conversation which was made just before.
    pub(crate) async fn hears_more(&mut self) -> Value {
        loop {
            let frame = self.hears().await;
            if frame["type"] != "conversation.added" {
                return frame;
            }
        }
    }

    /// What comes until a `ping` sent now is answered: all that the server had to say so far, but for
    /// conversations that were made just before.
    pub(crate) async fn hears_so_far(&mut self) -> Vec<Value> {
        self.say(r#"{"type":"ping","ref":"so far"}"#).await;
        let mut heard = Vec::new();
        loop {
            let frame = self.hears_all().await;
            if frame["type"] == "pong" && frame["ref"] == "so far" {
                return heard;
            }
            if frame["type"] != "conversation.added" {
                heard.push(frame);
            }
        }
    }

    /// Says a command and gives its answer; what comes before it is passed over.
    pub(crate) async fn asks(&mut self, mut command: Value) -> Value {
        command["ref"] = "asked".into();
        self.say(command.to_string()).await;
        loop {
            let frame = self.hears_all().await;
            if frame["ref"] == "asked" {
                return frame;
            }
        }
    }

    /// The next text frame, or the code that the server closes with.
    pub(crate) async fn hears_or_closed(&mut self) -> Result<Value, u16> {
        soon("a frame", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Ok(serde_json::from_str(&text).expect("JSON"));
                    }
                    Some(Ok(Message::Close(frame))) => {
                        return Err(frame.map_or(1005, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(1006),
                }
            }
        })
        .await
    }

    /// The code that the server closes with; frames before it are passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        soon("the close", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        return frame.map_or(1005, |frame| frame.code.into());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return 1006,
                }
            }
        })
        .await
    }
}

/// One call: `(status, body)`.
pub(crate) async fn call(
    server: &TestServer,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    // Made once: it takes longer than most of what it asks for. It keeps no connections, for each test has
    // a runtime of its own.
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let client = reqwest::Client::builder().pool_max_idle_per_host(0);
        client.build().expect("built")
    });
    let mut request = CLIENT.request(method, format!("{}{path}", server.url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("answered");
    let status = response.status();
    let text = response.text().await.expect("a body");
    (
        status.as_u16(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

pub(crate) async fn get(server: &TestServer, actor: &Actor, path: &str) -> (u16, Value) {
    call(
        server,
        Some(&actor.auth.access_token),
        Method::GET,
        path,
        None,
    )
    .await
}

pub(crate) async fn post(
    server: &TestServer,
    actor: &Actor,
    path: &str,
    body: Value,
) -> (u16, Value) {
    call(
        server,
        Some(&actor.auth.access_token),
        Method::POST,
        path,
        Some(body),
    )
    .await
}

pub(crate) async fn patch(
    server: &TestServer,
    actor: &Actor,
    path: &str,
    body: Value,
) -> (u16, Value) {
    call(
        server,
        Some(&actor.auth.access_token),
        Method::PATCH,
        path,
        Some(body),
    )
    .await
}
