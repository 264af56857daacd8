//! Two people who talk while others come back: messages at a rate, on a thread of their own, so that
//! what they wait for is the server and not the crowd's event loop.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};

use crate::{
    statistics::Latencies,
    wire::{Fleet, Parlor},
};

/// Messages a second: enough for a percentile, and little for a server.
const RATE: f64 = 200.0;

/// The two; they leave when this is dropped.
pub(crate) struct Pair {
    /// Says from when on latencies count.
    begin: Option<Sender<()>>,
    counts: Arc<AtomicBool>,
    latencies: Receiver<anyhow::Result<Latencies>>,
    thread: Option<JoinHandle<()>>,
}

impl Pair {
    /// Connects them, in the one room of this protocol.
    pub(crate) fn connect(address: SocketAddr, protocol: Parlor) -> anyhow::Result<Self> {
        let (begin, begins) = channel();
        let (said, latencies) = channel();
        let counts = Arc::new(AtomicBool::new(false));
        let goes_on = counts.clone();
        let thread = std::thread::Builder::new()
            .name("pair".into())
            .spawn(move || {
                let mut fleet = match Fleet::open(address, Box::new(protocol), &[2]) {
                    Ok(fleet) => fleet,
                    Err(error) => return drop(said.send(Err(error))),
                };
                drop(said.send(Ok(Latencies::default())));
                for () in begins {
                    if said.send(talk(&mut fleet, &goes_on)).is_err() {
                        return;
                    }
                }
            })
            .context("no thread for the pair")?;
        let pair = Self {
            begin: Some(begin),
            counts,
            latencies,
            thread: Some(thread),
        };
        pair.heard()?;
        Ok(pair)
    }

    /// Lets them talk.
    pub(crate) fn begin(&self) -> anyhow::Result<()> {
        self.counts.store(true, Ordering::Release);
        let begin = self.begin.as_ref().context("they have left")?;
        begin.send(()).map_err(|_| anyhow!("the pair has gone"))
    }

    /// From when each message of theirs was due to each of its copies, since they began.
    pub(crate) fn end(&self) -> anyhow::Result<Latencies> {
        self.counts.store(false, Ordering::Release);
        self.heard()
    }

    fn heard(&self) -> anyhow::Result<Latencies> {
        let heard = self.latencies.recv();
        heard.context("the pair has gone")?.context("the pair")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.counts.store(false, Ordering::Release);
        self.begin = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn talk(fleet: &mut Fleet, goes_on: &AtomicBool) -> anyhow::Result<Latencies> {
    fleet.tend()?;
    fleet.forget_latencies();
    let pause = Duration::from_secs_f64(1.0 / RATE);
    let mut due = Instant::now();
    while goes_on.load(Ordering::Acquire) {
        due += pause;
        while Instant::now() < due {
            fleet.pump_until(due)?;
        }
        fleet.send(0, due)?;
    }
    fleet.settle()?;
    Ok(fleet.rooms()[0].latencies.clone())
}
