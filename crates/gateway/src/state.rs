//! What every handler can reach.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use parlor_app::App;
use tokio::sync::watch;

use crate::GatewayConfig;

/// Shared by all requests and sockets.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    config: GatewayConfig,
    draining: watch::Receiver<bool>,
    sockets: AtomicUsize,
    started: Instant,
}

/// One of the places for sockets; given back when dropped.
pub(crate) struct SocketPlace(Gateway);

impl Gateway {
    pub(crate) fn new(
        app: Arc<App>,
        config: GatewayConfig,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Inner {
            app,
            config,
            draining,
            sockets: AtomicUsize::new(0),
            started: Instant::now(),
        }))
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.0.app
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.0.config
    }

    /// Turns true when the server stops.
    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.0.draining.clone()
    }

    /// Milliseconds since the start on the monotonic clock: the sessions' time.
    pub(crate) fn now_ms(&self) -> u64 {
        self.0.started.elapsed().as_millis() as u64
    }

    /// The moment that [`Gateway::now_ms`] counts from.
    pub(crate) fn started(&self) -> Instant {
        self.0.started
    }

    /// Takes a place for a socket, if there is one.
    pub(crate) fn socket_place(&self) -> Option<SocketPlace> {
        let taken = self.0.sockets.fetch_add(1, Ordering::AcqRel);
        let place = SocketPlace(self.clone());
        (taken < self.0.config.sockets_max).then_some(place)
    }

    /// Sockets that are open now.
    pub(crate) fn sockets(&self) -> usize {
        self.0.sockets.load(Ordering::Acquire)
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.0.0.sockets.fetch_sub(1, Ordering::AcqRel);
    }
}
