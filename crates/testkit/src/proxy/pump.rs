//! One connection of the proxy: two streams, a lane each way, and how they end.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::Instant,
};

use super::{Cut, Door, End, Flow, Lane, State};
use crate::Random;

/// Bytes that are forwarded at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Which way.
#[derive(Debug, Clone, Copy)]
enum Way {
    Up,
    Down,
}

/// Why a connection is no more: both sides are told by a RST.
struct Broken;

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Serves one client until both ways are done or the connection is broken.
pub(super) async fn connection(
    mut client: TcpStream,
    upstream: SocketAddr,
    mut states: watch::Receiver<State>,
    mut random: Random,
) {
    let cuts = states.borrow().cuts;
    if states.borrow_and_update().faults.door == Door::HalfOpen {
        let forgotten = |state: &State| state.faults.door != Door::HalfOpen || state.cuts != cuts;
        states.wait_for(forgotten).await.ok();
        reset(&client);
        return;
    }
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        reset(&client);
        return;
    };
    // What one side writes at once is a frame, and a frame does not wait for the next one.
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let seeds = (random.bits(), random.bits());
    let ended = {
        let lane = |way, seed| Pump {
            way,
            cuts,
            states: states.clone(),
            random: Random::seeded(seed),
            left_bytes: None,
            lost: false,
        };
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let (up, down) = (lane(Way::Up, seeds.0), lane(Way::Down, seeds.1));
        tokio::try_join!(
            up.run(&mut from_client, &mut to_server),
            down.run(&mut from_server, &mut to_client),
        )
    };
    if ended.is_err() {
        reset(&client);
        reset(&server);
    }
}

/// Makes the drop of this stream a RST.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}

/// One direction of a connection.
struct Pump {
    way: Way,
    cuts: u64,
    states: watch::Receiver<State>,
    random: Random,
    /// What may still pass before the lane's end, when it has one.
    left_bytes: Option<u64>,
    /// Whether bytes of this connection were taken and not forwarded.
    lost: bool,
}

impl Pump {
    async fn run(mut self, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) -> Result<(), Broken> {
        let mut lane = self.look()?;
        let mut setting = self.states.borrow().setting;
        self.left_bytes = lane.end.map(|end| end.after_bytes);
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let room = self.room(&lane);
            if room == 0 {
                return self.end(&lane, to).await;
            }
            let read = tokio::select! {
                // Bytes that come after a setting meet it.
                biased;
                changed = self.states.changed() => { changed.map_err(|_| Broken)?; None }
                read = from.read(&mut buffer[..room]), if lane.flow != Flow::Held => Some(read?),
            };
            match read {
                None => {}
                Some(0) => {
                    to.shutdown().await.ok();
                    return Ok(());
                }
                Some(_) if lane.flow == Flow::Lost => self.lost = true,
                Some(bytes) => self.forward(&lane, &buffer[..bytes], to).await?,
            }
            lane = self.look()?;
            let now = self.states.borrow().setting;
            if now != setting {
                setting = now;
                self.left_bytes = lane.end.map(|end| end.after_bytes);
            }
        }
    }

    /// The lane as it is now; broken when the connection was cut, or goes on after it has lost bytes.
    fn look(&mut self) -> Result<Lane, Broken> {
        let state = self.states.borrow_and_update();
        let lane = match self.way {
            Way::Up => state.faults.up,
            Way::Down => state.faults.down,
        };
        if state.cuts != self.cuts || (self.lost && lane.flow != Flow::Lost) {
            return Err(Broken);
        }
        Ok(lane)
    }

    /// How many bytes may be read at once.
    fn room(&self, lane: &Lane) -> usize {
        match (lane.end, self.left_bytes) {
            (Some(_), Some(left)) => CHUNK_BYTES.min(left.try_into().unwrap_or(CHUNK_BYTES)),
            _ => CHUNK_BYTES,
        }
    }

    async fn forward(
        &mut self,
        lane: &Lane,
        bytes: &[u8],
        to: &mut WriteHalf<'_>,
    ) -> Result<(), Broken> {
        let jitter_us = lane.jitter.as_micros() as u64;
        let delay =
            lane.delay + std::time::Duration::from_micros(self.random.between(0, jitter_us));
        let due = Instant::now() + delay;
        let cuts = self.cuts;
        tokio::select! {
            cut = self.states.wait_for(|state| state.cuts != cuts) => { drop(cut); return Err(Broken) }
            () = tokio::time::sleep_until(due), if !delay.is_zero() => {}
            () = std::future::ready(()), if delay.is_zero() => {}
        }
        tokio::select! {
            cut = self.states.wait_for(|state| state.cuts != cuts) => { drop(cut); return Err(Broken) }
            written = to.write_all(bytes) => written?,
        }
        if let Some(left) = &mut self.left_bytes {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        Ok(())
    }

    /// The lane's end is reached.
    async fn end(&mut self, lane: &Lane, to: &mut WriteHalf<'_>) -> Result<(), Broken> {
        match lane.end {
            Some(End {
                how: Cut::Truncate, ..
            }) => {
                to.shutdown().await.ok();
                Ok(())
            }
            _ => Err(Broken),
        }
    }
}
