//! A plain WebSocket client, as any library would be: text in, text out.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use parlor_testkit::{TestServer, soon};
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

    /// The next text frame.
    pub(crate) async fn hears(&mut self) -> Value {
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
