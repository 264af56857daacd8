//! Listening, serving and stopping.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use parlor_app::App;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tower::ServiceExt;

use crate::{GatewayConfig, auth::Peer, guarded::Guarded, router, state::Gateway};

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head, and what a connection reads at once at most.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after the system refuses a connection (no descriptors left), so that it is not asked in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections with requests at once; sockets are counted elsewhere.
const REQUEST_CONNECTIONS_MAX: usize = 10_000;
/// Connections that the kernel may hold for us.
const BACKLOG: u32 = 4096;

/// Why the server cannot listen.
#[derive(Debug)]
pub struct BindError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// A server that listens.
pub struct Server {
    address: SocketAddr,
    gateway: Gateway,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens and serves in the background of this runtime until [`Server::stop`].
    pub fn start(app: Arc<App>, config: GatewayConfig) -> Result<Self, BindError> {
        let listener = listen(config.listen).map_err(|source| BindError {
            address: config.listen,
            source,
        })?;
        let address = listener.local_addr().map_err(|source| BindError {
            address: config.listen,
            source,
        })?;
        let (stop, stopped) = watch::channel(false);
        let gateway = Gateway::new(app, config, stopped.clone());
        let accepting = tokio::spawn(accept(listener, gateway.clone(), stopped));
        Ok(Self {
            address,
            gateway,
            stop,
            accepting,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests finish and tells sockets when to come back; whoever
    /// is still there after the drain time is cut off.
    pub async fn stop(self) {
        self.gateway.app().drain();
        self.stop.send_replace(true);
        if tokio::time::timeout(self.gateway.config().drain, self.accepting)
            .await
            .is_err()
        {
            tracing::warn!(
                sockets = self.gateway.sockets(),
                "not everyone left within the drain time"
            );
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()
    } else {
        tokio::net::TcpSocket::new_v6()
    }?;
    // A restart must not wait for the last run's connections to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, gateway: Gateway, mut stopped: watch::Receiver<bool>) {
    let service = router::all(gateway.clone());
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match accepted {
            // Sockets have left this set; what is in it are requests, and there are too many.
            Ok(_) if connections.len() >= REQUEST_CONNECTIONS_MAX => {}
            Ok((stream, peer)) => {
                connections.spawn(serve(stream, peer, service.clone(), stopped.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    // Sockets have left their connection's task; each drains itself and gives its place back.
    while gateway.sockets() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    service: axum::Router,
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection ended before it began");
        return;
    }
    let service = TowerToHyperService::new(service.map_request(
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.map(axum::body::Body::new)
        },
    ));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Guarded::new(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let finished = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => None,
    };
    let result = if let Some(result) = finished {
        result
    } else {
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended badly");
    }
}
