//! The request that becomes a socket.
//!
//! Where everybody comes back at the same time, the way through the router and an upgrade costs more
//! than all that follows. So a handshake that came in one piece and is in order is answered where it was
//! read. Whatever else came goes the usual way: only that one refuses.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use parlor_core::Refusal;
use parlor_protocol::Code;
use serde::Deserialize;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{
    driver::{self, random},
    socket::Socket,
};
use crate::{
    auth::bearer,
    extract::Query,
    problem::ApiError,
    request::REQUEST_ID,
    state::{Gateway, SocketPlace},
};

/// The one version of the protocol (RFC 6455, 4.1).
const VERSION: &[u8] = b"13";
/// Where sockets are opened.
const PATHS: [&str; 3] = ["/api/v1/ws", "/api/ws", "/messages/subscribe"];
/// Headers that a handshake may have to be answered where it was read.
const HEADERS_MAX: usize = 32;

/// A handshake that was understood.
pub(crate) struct AtOnce {
    place: SocketPlace,
    token: Option<String>,
    cursor: Option<String>,
    reply: Bytes,
    /// What came behind it.
    early: Vec<u8>,
}

/// Reads a handshake from the first bytes of a connection. Nothing for whatever is not one, is not
/// whole, or is to be refused: then nothing has been done.
pub(crate) fn at_once(gateway: &Gateway, bytes: &[u8]) -> Option<AtOnce> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if request.version == Some(1) => length,
        _ => return None,
    };
    let uri: Uri = request.path?.parse().ok()?;
    if request.method? != Method::GET.as_str() || !PATHS.contains(&uri.path()) {
        return None;
    }
    let mut map = HeaderMap::with_capacity(request.headers.len());
    for header in request.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    let has_body =
        map.contains_key(header::CONTENT_LENGTH) || map.contains_key(header::TRANSFER_ENCODING);
    let accept = accept(&Method::GET, &map).ok().filter(|_| !has_body)?;
    let axum::extract::Query(Handshake { token, cursor }) =
        axum::extract::Query::try_from_uri(&uri).ok()?;
    if gateway.app().is_crowded() || *gateway.draining().borrow() {
        return None;
    }
    let place = gateway.socket_place()?;
    let id = Uuid::now_v7().simple();
    tracing::debug!(%id, path = uri.path(), status = 101, "answered");
    let accept = accept.to_str().ok()?;
    let reply = format!(
        "HTTP/1.1 101 Switching Protocols\r\n{}: upgrade\r\n{}: websocket\r\n{}: {accept}\r\n{REQUEST_ID}: {id}\r\n\r\n",
        header::CONNECTION,
        header::UPGRADE,
        header::SEC_WEBSOCKET_ACCEPT,
    );
    Some(AtOnce {
        place,
        token: bearer(&map).map(str::to_owned).or(token),
        cursor,
        reply: reply.into(),
        early: bytes[length..].to_vec(),
    })
}

impl AtOnce {
    /// Starts the socket on the connection that it came on.
    pub(crate) fn start(self, gateway: Gateway, stream: TcpStream) {
        let mut socket = Socket::new(stream, self.early);
        // It leaves together with what the socket says first.
        socket.push(self.reply);
        let run = driver::run(socket, gateway, self.place, self.token, self.cursor);
        tokio::spawn(run);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handshake {
    token: Option<String>,
    cursor: Option<String>,
}

/// `GET /api/v1/ws`, also `/api/ws` and `/messages/subscribe`.
pub(crate) async fn upgrade(
    State(gateway): State<Gateway>,
    Query(handshake): Query<Handshake>,
    mut request: Request,
) -> Response {
    let accept = match accept(request.method(), request.headers()) {
        Ok(accept) => accept,
        Err(what) => {
            let detail = format!("not a WebSocket handshake: {what}");
            return ApiError(Refusal::new(Code::InvalidRequest, detail)).into_response();
        }
    };
    let crowded = |what: &str| {
        let refusal = Refusal {
            // Another wait for each, or they would all come back together.
            retry_after_ms: Some(2_000 + (random() * 8_000.0) as u64),
            ..Refusal::new(Code::Unavailable, what)
        };
        ApiError(refusal).into_response()
    };
    // Those who are here go before those who come: a new socket costs more than many messages.
    if gateway.app().is_crowded() {
        return crowded("too many sockets are being opened");
    }
    let Some(place) = gateway.socket_place() else {
        return crowded("too many sockets");
    };
    let token = bearer(request.headers()).map(str::to_owned);
    let token = token.or(handshake.token);
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgraded.await.map(Socket::of) {
            Ok(Some(socket)) => {
                driver::run(socket, gateway, place, token, handshake.cursor).await;
            }
            Ok(None) => tracing::error!("a socket came over a connection of an unknown kind"),
            Err(error) => tracing::debug!(%error, "a socket ended before it began"),
        }
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The proof that the handshake was understood, or what is wrong with it.
fn accept(method: &Method, headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    if method != Method::GET {
        return Err("the method is GET");
    }
    if !names(headers, &header::CONNECTION, "upgrade") {
        return Err("Connection: upgrade is missing");
    }
    if !names(headers, &header::UPGRADE, "websocket") {
        return Err("Upgrade: websocket is missing");
    }
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version.as_bytes() != VERSION) {
        return Err("Sec-WebSocket-Version is 13");
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.ok_or("Sec-WebSocket-Key is missing")?;
    HeaderValue::from_str(&tungstenite::handshake::derive_accept_key(key.as_bytes()))
        .map_err(|_| "Sec-WebSocket-Key is not usable")
}

/// Whether a header's list has this word.
fn names(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(word))
}
