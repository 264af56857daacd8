//! Who asks: the `Authorization` header of a request, and the address it comes from.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use parlor_app::{Caller, Credential};
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
        let app = gateway.app();
        let credential = app.authenticate(token)?;
        app.limit_user(credential.actor())?;
        let identity = match credential {
            Credential::Known(identity) => identity,
            Credential::FirstSight(first) => app.admit(*first).await?,
        };
        Ok(Self(identity.actor))
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
            limit_key(client_address(
                peer,
                &parts.headers,
                &gateway.config().trusted_proxies,
            ))
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
/// `X-Forwarded-For` that is not one. What stands further left is the client's own claim, so what
/// cannot be read ends the search.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return peer;
    }
    let claims: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let client = claims
        .iter()
        .rev()
        .map(|claim| address(claim.trim()))
        .find(|address| address.is_none_or(|address| !trusted.contains(&address)));
    client.flatten().unwrap_or(peer)
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    plain
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

/// What limits are counted by: an IPv4 address, or the /64 that an IPv6 user has to themselves.
fn limit_key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            format!("{}/64", std::net::Ipv6Addr::from(prefix))
        }
    }
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
    fn what_cannot_be_read_ends_the_search() {
        let trusted = [ip("10.0.0.1")];
        for (claimed, client) in [
            ("1.2.3.4, 9.9.9.8:5000", "9.9.9.8"),
            ("1.2.3.4, [2001:db8::1]:5000", "2001:db8::1"),
            ("1.2.3.4, unknown", "10.0.0.1"),
            ("1.2.3.4, , 10.0.0.1", "10.0.0.1"),
        ] {
            let found = client_address(ip("10.0.0.1"), &forwarded(claimed), &trusted);
            assert_eq!(found, ip(client), "{claimed}");
        }
        let mapped = client_address(ip("::ffff:10.0.0.1"), &forwarded("9.9.9.9"), &trusted);
        assert_eq!(mapped, ip("9.9.9.9"));
    }

    #[test]
    fn one_user_has_one_allowance() {
        assert_eq!(limit_key(ip("9.9.9.9")), "9.9.9.9");
        assert_eq!(limit_key(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
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
