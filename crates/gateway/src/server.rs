//! Listening, serving and stopping.

use std::{cell::RefCell, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
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

use crate::{GatewayConfig, auth::Peer, guarded::Guarded, router, state::Gateway, ws};

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

/// Of a connection that is new, read at once.
const READ_BYTES: usize = 8 * 1024;

thread_local! {
    static LENT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

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
        self.gateway.app().end_connections();
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
    // The kernel hands it on to each connection.
    socket.set_nodelay(true)?;
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
                let (gateway, service) = (gateway.clone(), service.clone());
                connections.spawn(serve(stream, peer, gateway, service, stopped.clone()));
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

/// Waits for the first bytes of a connection: most are the handshake of a socket, and end here.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: Gateway,
    service: axum::Router,
    mut stopped: watch::Receiver<bool>,
) {
    let came = tokio::select! {
        came = tokio::time::timeout(HEAD_TIMEOUT, first(&stream, &gateway)) => came,
        _ = stopped.wait_for(|stopped| *stopped) => return,
    };
    match came {
        Ok(Ok(First::Handshake(handshake))) => handshake.start(gateway, stream),
        Ok(Ok(First::Other(bytes))) => {
            let stream = Guarded::new(stream, bytes);
            // In a box: what waits for its first bytes holds no room for it.
            Box::pin(requests(stream, peer, service, stopped)).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended before it began"),
        Err(_) => tracing::debug!("a connection on which nothing came"),
    }
}

/// What came first on a connection.
enum First {
    Handshake(Box<ws::AtOnce>),
    Other(Bytes),
}

/// Reads once, into a buffer that the thread lends.
async fn first(stream: &TcpStream, gateway: &Gateway) -> io::Result<First> {
    loop {
        stream.readable().await?;
        let first = LENT.with_borrow_mut(|lent| {
            let read = stream.try_read(lent)?;
            let bytes = &lent[..read];
            Ok::<_, io::Error>(match ws::at_once(gateway, bytes) {
                Some(handshake) => First::Handshake(Box::new(handshake)),
                None => First::Other(Bytes::copy_from_slice(bytes)),
            })
        });
        match first {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            first => return first,
        }
    }
}

async fn requests(
    stream: Guarded,
    peer: SocketAddr,
    service: axum::Router,
    mut stopped: watch::Receiver<bool>,
) {
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
        .serve_connection(TokioIo::new(stream), service)
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
