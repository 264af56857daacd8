//! One WebSocket, frame by frame. No reconnect, no state: that is [`Live`](crate::Live)'s.

use futures_util::{SinkExt, StreamExt};
use parlor_protocol::{ClientFrame, ServerFrame};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message},
};

/// Why a socket ended or did not open.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The server closed it with this code.
    #[error("closed with code {0}")]
    Closed(u16),
    /// It broke, or never opened.
    #[error("broken: {0}")]
    Broken(String),
    /// The server sent what is not a frame of the contract.
    #[error("unknown frame: {0}")]
    Unknown(String),
}

impl From<Error> for SocketError {
    fn from(error: Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// An open WebSocket to a Parlor server.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens a socket to the server at `url`, like `http://localhost:4600`. It is not authorised yet.
    pub async fn open(url: &str) -> Result<Self, SocketError> {
        let url = format!(
            "{}/api/v1/ws",
            url.trim_end_matches('/').replacen("http", "ws", 1)
        );
        let (stream, _) = tokio_tungstenite::connect_async(url).await?;
        Ok(Self { stream })
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<(), SocketError> {
        let text = serde_json::to_string(frame).map_err(|e| SocketError::Broken(e.to_string()))?;
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// Ends the socket in good order.
    pub async fn close(&mut self) -> Result<(), SocketError> {
        Ok(self.stream.close(None).await?)
    }

    /// Waits for the next frame. Pings are answered on the way. May be dropped and called again.
    pub async fn next(&mut self) -> Result<ServerFrame, SocketError> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map_err(|e| SocketError::Unknown(format!("{e} in {text}")));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(SocketError::Closed(
                        frame.map_or(1005, |frame| frame.code.into()),
                    ));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(SocketError::Closed(1006)),
            }
        }
    }
}
