//! Each fault on a tiny server that says back what it hears.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::soon;

/// Long enough to be told from a loopback's usual delay, short enough to wait for.
const DELAY: Duration = Duration::from_millis(120);

/// A server that says back what it hears, and a proxy before it.
async fn echo() -> Proxy {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("binds");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
                to.shutdown().await.ok();
            });
        }
    });
    Proxy::start(address, 7).expect("a proxy")
}

async fn connected(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.expect("connects")
}

/// Says a word and hears it.
async fn works(stream: &mut TcpStream) {
    stream.write_all(b"word").await.expect("written");
    let mut heard = [0; 4];
    soon("the echo", stream.read_exact(&mut heard))
        .await
        .expect("heard");
    assert_eq!(&heard, b"word");
}

/// Waits until the connection breaks, and says how.
async fn breaks(stream: &mut TcpStream) -> ErrorKind {
    let mut rest = Vec::new();
    match soon("the end", stream.read_to_end(&mut rest)).await {
        Ok(_) => ErrorKind::UnexpectedEof,
        Err(error) => error.kind(),
    }
}

/// Whether something comes within the time in which an echo that is not hindered is here many times over.
async fn silent(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    tokio::time::timeout(DELAY, stream.read(&mut byte))
        .await
        .is_err()
}

fn lane(flow: Flow) -> Lane {
    Lane {
        flow,
        ..Lane::default()
    }
}

fn ends(after_bytes: u64, how: Cut) -> Lane {
    Lane {
        end: Some(End { after_bytes, how }),
        ..Lane::default()
    }
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_end_is_passed_on() {
    let proxy = echo().await;
    let mut stream = connected(&proxy).await;
    works(&mut stream).await;
    let much = vec![7; 1_000_000];
    let (mut from, mut to) = stream.into_split();
    let writing = tokio::spawn(async move {
        to.write_all(&much).await.expect("written");
        to.shutdown().await.expect("said");
        to
    });
    let mut heard = Vec::new();
    soon("all of it", from.read_to_end(&mut heard))
        .await
        .expect("heard");
    assert_eq!(heard.len(), 1_000_000);
    writing.await.expect("wrote");
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn a_delay_holds_in_each_direction() {
    let proxy = echo().await;
    let mut stream = connected(&proxy).await;
    works(&mut stream).await;
    let slow = Lane {
        delay: DELAY,
        jitter: Duration::from_millis(5),
        ..Lane::default()
    };
    for faults in [
        Faults {
            up: slow,
            ..Faults::default()
        },
        Faults {
            down: slow,
            ..Faults::default()
        },
    ] {
        proxy.set(faults);
        let began = std::time::Instant::now();
        works(&mut stream).await;
        let took = began.elapsed();
        assert!(took >= DELAY, "{took:?}");
    }
}

#[tokio::test]
async fn a_black_hole_tells_nobody_and_resets_when_it_ends() {
    let proxy = echo().await;
    let (mut used, mut idle) = (connected(&proxy).await, connected(&proxy).await);
    works(&mut used).await;
    works(&mut idle).await;
    proxy.set(Faults {
        up: lane(Flow::Lost),
        down: lane(Flow::Lost),
        ..Faults::default()
    });
    used.write_all(b"lost").await.expect("taken");
    assert!(silent(&mut used).await);
    proxy.heal();
    assert_eq!(breaks(&mut used).await, ErrorKind::ConnectionReset);
    // A connection that lost nothing goes on.
    works(&mut idle).await;
}

#[tokio::test]
async fn one_way_hears_and_is_not_heard() {
    let proxy = echo().await;
    let mut stream = connected(&proxy).await;
    works(&mut stream).await;
    proxy.set(Faults {
        down: lane(Flow::Lost),
        ..Faults::default()
    });
    stream.write_all(b"heard").await.expect("taken");
    assert!(silent(&mut stream).await);
    proxy.heal();
    assert_eq!(breaks(&mut stream).await, ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_is_held_comes_late_and_whole() {
    let proxy = echo().await;
    let mut stream = connected(&proxy).await;
    proxy.set(Faults {
        up: lane(Flow::Held),
        ..Faults::default()
    });
    stream.write_all(b"late").await.expect("taken");
    assert!(silent(&mut stream).await);
    proxy.heal();
    let mut heard = [0; 4];
    soon("the late word", stream.read_exact(&mut heard))
        .await
        .expect("heard");
    assert_eq!(&heard, b"late");
}

#[tokio::test]
async fn a_half_open_door_accepts_and_never_forwards() {
    let proxy = echo().await;
    proxy.set(Faults {
        door: Door::HalfOpen,
        ..Faults::default()
    });
    let mut stream = connected(&proxy).await;
    stream.write_all(b"word").await.expect("taken");
    assert!(silent(&mut stream).await);
    proxy.heal();
    assert_eq!(breaks(&mut stream).await, ErrorKind::ConnectionReset);
    works(&mut connected(&proxy).await).await;
}

#[tokio::test]
async fn a_refusing_door_keeps_its_port_and_opens_again() {
    let proxy = echo().await;
    let mut open = connected(&proxy).await;
    works(&mut open).await;
    proxy.set(Faults {
        door: Door::Refuse,
        ..Faults::default()
    });
    soon("a refusal", async {
        while TcpStream::connect(proxy.address()).await.is_ok() {}
    })
    .await;
    works(&mut open).await;
    proxy.heal();
    soon("an open door", async {
        while TcpStream::connect(proxy.address()).await.is_err() {}
    })
    .await;
    works(&mut connected(&proxy).await).await;
}

#[tokio::test]
async fn a_stream_ends_at_its_byte() {
    for (how, seen) in [
        (Cut::Truncate, ErrorKind::UnexpectedEof),
        (Cut::Reset, ErrorKind::ConnectionReset),
    ] {
        let proxy = echo().await;
        let mut stream = connected(&proxy).await;
        works(&mut stream).await;
        // Counted from here, and for one direction.
        proxy.set(Faults {
            down: ends(3, how),
            ..Faults::default()
        });
        stream.write_all(b"word").await.expect("taken");
        if how == Cut::Truncate {
            let mut heard = Vec::new();
            soon("the end", stream.read_to_end(&mut heard))
                .await
                .expect("a clean end");
            assert_eq!(heard, b"wor");
        } else {
            assert_eq!(breaks(&mut stream).await, seen);
        }
    }
}

#[tokio::test]
async fn a_cut_resets_all_that_is_open_and_nothing_after_it() {
    let proxy = echo().await;
    let mut streams = [connected(&proxy).await, connected(&proxy).await];
    for stream in &mut streams {
        works(stream).await;
    }
    proxy.cut_all();
    for stream in &mut streams {
        assert_eq!(breaks(stream).await, ErrorKind::ConnectionReset);
    }
    works(&mut connected(&proxy).await).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_resets_and_may_come_later() {
    let nobody = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
    let address = nobody.local_addr().expect("an address");
    let proxy = Proxy::start(address, 7).expect("a proxy");
    assert_eq!(
        breaks(&mut connected(&proxy).await).await,
        ErrorKind::ConnectionReset
    );
    let listener = bound(address).expect("bound").listen(8).expect("listens");
    let _client = connected(&proxy).await;
    soon("the forwarded connection", listener.accept())
        .await
        .expect("accepted");
}
