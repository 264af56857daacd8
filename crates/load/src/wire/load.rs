//! Patterns of load on a fleet: some messages always under way, or messages at a rate.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use crate::{machine::own_cpu, statistics::Latencies, wire::Fleet};

/// What a load did. Every delivery in it is verified.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// Messages sent, all of them received by everybody.
    pub(crate) messages: u64,
    /// Copies received.
    pub(crate) deliveries: u64,
    /// From the first send until everybody had everything.
    pub(crate) took: Duration,
    /// What the generator spent.
    pub(crate) own_cpu: Duration,
    /// From when each message was due to each of its copies.
    pub(crate) latencies: Latencies,
    /// From when each message was due to its ack.
    pub(crate) ack_latencies: Latencies,
}

/// Keeps so many messages under way in each of these rooms for so long: a message is done when
/// everybody has it.
pub(crate) fn closed(
    fleet: &mut Fleet,
    rooms: Range<usize>,
    in_flight: u64,
    lasting: Duration,
) -> anyhow::Result<Taken> {
    measured(fleet, |fleet| {
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            for room in rooms.clone() {
                while fleet.rooms()[room].under_way() < in_flight {
                    fleet.send(room, Instant::now())?;
                }
            }
            fleet.pump_until(end)?;
        }
        Ok(())
    })
}

/// Keeps so many messages under way in every room for so long: a message is done when it is
/// acknowledged and everybody has it.
pub(crate) fn acknowledged(
    fleet: &mut Fleet,
    in_flight: u64,
    lasting: Duration,
) -> anyhow::Result<Taken> {
    measured(fleet, |fleet| keep_up(fleet, in_flight, lasting))
}

/// The same without waiting for what is under way at the end.
pub(crate) fn keep_up(fleet: &mut Fleet, in_flight: u64, lasting: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + lasting;
    while Instant::now() < end {
        top_up(fleet, in_flight)?;
        fleet.pump_until(end)?;
    }
    Ok(())
}

/// Sends until so many messages are under way in every room.
pub(crate) fn top_up(fleet: &mut Fleet, in_flight: u64) -> anyhow::Result<()> {
    for room in 0..fleet.rooms().len() {
        while fleet.rooms()[room].unfinished() < in_flight {
            fleet.send(room, Instant::now())?;
        }
    }
    Ok(())
}

/// Sends so many messages a second for so long, whatever becomes of them: in turn in all rooms, each
/// due at its own moment whether the one before has arrived or not.
pub(crate) fn paced(
    fleet: &mut Fleet,
    messages_per_second: f64,
    lasting: Duration,
) -> anyhow::Result<Taken> {
    let rooms = fleet.rooms().len();
    let count = (messages_per_second * lasting.as_secs_f64())
        .ceil()
        .max(1.0) as u64;
    measured(fleet, |fleet| {
        let begun = Instant::now();
        for number in 0..count {
            let due = begun + Duration::from_secs_f64(number as f64 / messages_per_second);
            while Instant::now() < due {
                fleet.pump_until(due)?;
            }
            fleet.send(number as usize % rooms, due)?;
            fleet.pump(Some(Duration::ZERO))?;
        }
        Ok(())
    })
}

fn measured(
    fleet: &mut Fleet,
    load: impl FnOnce(&mut Fleet) -> anyhow::Result<()>,
) -> anyhow::Result<Taken> {
    fleet.settle()?;
    fleet.forget_latencies();
    let (messages, deliveries) = counts(fleet);
    let (begun, cpu) = (Instant::now(), own_cpu());
    load(fleet)?;
    fleet.settle()?;
    let (took, own_cpu) = (begun.elapsed(), own_cpu().saturating_sub(cpu));
    let (messages_now, deliveries_now) = counts(fleet);
    let (mut latencies, mut ack_latencies) = (Latencies::default(), Latencies::default());
    for room in fleet.rooms() {
        latencies.merge(&room.latencies);
        ack_latencies.merge(&room.ack_latencies);
    }
    Ok(Taken {
        messages: messages_now - messages,
        deliveries: deliveries_now - deliveries,
        took,
        own_cpu,
        latencies,
        ack_latencies,
    })
}

fn counts(fleet: &Fleet) -> (u64, u64) {
    fleet.rooms().iter().fold((0, 0), |(sent, got), room| {
        (sent + room.sent, got + room.deliveries)
    })
}
