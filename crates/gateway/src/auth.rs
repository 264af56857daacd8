//! Who asks: the `Authorization` header of a request, and the address it comes from.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use parlor_app::Caller;
use parlor_core::{Actor, Refusal};
use parlor_protocol::Code;

use crate::{problem::ApiError, state::Gateway};

/// The peer of the connection that a request came on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The person that a request with a valid token speaks for.
pub(crate) struct Auth(pub(crate) Actor);

impl FromRequestParts<Gateway> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or_else(|| {
            Refusal::new(
                Code::Unauthorized,
                "this needs an access token: Authorization: Bearer …",
            )
        })?;
        Ok(Self(gateway.app().authenticate(token)?.actor))
    }
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Where a request without a credential comes from.
pub(crate) struct From(pub(crate) Caller);

impl FromRequestParts<Gateway> for From {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let peer = parts
            .extensions
            .get::<Peer>()
            .map(|Peer(address)| address.ip());
        let address = peer.map_or_else(String::new, |peer| {
            client_address(peer, &parts.headers, &gateway.config().trusted_proxies).to_string()
        });
        let device = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Self(Caller { address, device }))
    }
}

/// The client's address: the peer, or, where the peer is a trusted proxy, the last address in
/// `X-Forwarded-For` that is not one. What stands further left is the client's own claim.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|text| text.trim().parse().ok())
        .rfind(|address| !trusted.contains(address))
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn forwarded(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            "x-forwarded-for".parse().expect("a name"),
            value.parse().expect("a value"),
        )])
    }

    #[test]
    fn a_forwarded_address_is_believed_from_listed_proxies_only() {
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let claimed = forwarded("1.1.1.1, 9.9.9.9, 10.0.0.2");
        assert_eq!(
            client_address(ip("8.8.8.8"), &claimed, &trusted),
            ip("8.8.8.8")
        );
        assert_eq!(
            client_address(ip("10.0.0.1"), &claimed, &trusted),
            ip("9.9.9.9")
        );
        assert_eq!(
            client_address(ip("10.0.0.1"), &forwarded("nonsense"), &trusted),
            ip("10.0.0.1")
        );
        assert_eq!(
            client_address(ip("10.0.0.1"), &HeaderMap::new(), &trusted),
            ip("10.0.0.1")
        );
    }
}
