//! How the gateway behaves.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use parlor_core::Rate;

/// How the gateway behaves.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where browsers find this server, if that is known.
    pub public_url: Option<String>,
    /// Origins whose pages may call the API with credentials.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Commands on one socket.
    pub commands: Rate,
    /// Sockets at once; more are answered 503.
    pub sockets_max: usize,
    /// How long sockets get to leave when the server stops.
    pub drain: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4600)),
            public_url: None,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            commands: Rate {
                per_minute: 3000,
                burst: 200,
            },
            sockets_max: 500_000,
            drain: Duration::from_secs(10),
        }
    }
}
