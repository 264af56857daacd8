//! The request that becomes a socket.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use parlor_core::Refusal;
use parlor_protocol::Code;
use serde::Deserialize;

use super::{
    driver::{self, random},
    socket::Socket,
};
use crate::{auth::bearer, extract::Query, problem::ApiError, state::Gateway};

/// The one version of the protocol (RFC 6455, 4.1).
const VERSION: &[u8] = b"13";

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
