//! The goals: what figure, beside what, and how far.

use serde::Serialize;

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// A ratio to the floor that is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Goal {
    pub(crate) id: &'static str,
    /// What the figure is.
    pub(crate) what: &'static str,
    /// What it is divided by.
    pub(crate) floor: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// The ratio, at least or at most.
    pub(crate) target: f64,
}

impl Goal {
    pub(crate) fn is_met(&self, ratio: f64) -> bool {
        match self.better {
            Better::Higher => ratio >= self.target,
            Better::Lower => ratio <= self.target,
        }
    }

    /// The target as a reader expects it.
    pub(crate) fn wants(&self) -> String {
        let sign = match self.better {
            Better::Higher => '≥',
            Better::Lower => '≤',
        };
        format!("{sign} {:.2}", self.target)
    }
}

pub(crate) const FANOUT: Goal = Goal {
    id: "G1",
    what: "fan-out, one message per flush",
    floor: "raw send() loop",
    unit: "deliveries/s",
    better: Better::Higher,
    target: 0.85,
};

pub(crate) const BACKLOG: Goal = Goal {
    id: "G2",
    what: "fan-out, 64 messages under way",
    floor: "raw loop, 8 messages a call",
    unit: "deliveries/s",
    better: Better::Higher,
    target: 1.0,
};

pub(crate) const HALF: Goal = Goal {
    id: "G8",
    what: "p99 of a delivery at half of own maximum",
    floor: "raw loop at that rate",
    unit: "ms",
    better: Better::Lower,
    target: 3.0,
};

pub(crate) const MEMBERS: Goal = Goal {
    id: "G9",
    what: "CPU per further delivery, 10 to 10,000 members, beside the raw loop of that size: furthest from the middle",
    floor: "the raw loop",
    unit: "µs",
    better: Better::Lower,
    target: 0.15,
};

pub(crate) const STALLED: Goal = Goal {
    id: "G15",
    what: "fan-out with 1 % stalled readers",
    floor: "the same without them",
    unit: "deliveries/s",
    better: Better::Higher,
    target: 0.95,
};

pub(crate) const SENDS: Goal = Goal {
    id: "G3",
    what: "durable acknowledged sends, 64 senders with 8 under way",
    floor: "raw commits of the same rows, 128 at a time",
    unit: "acks/s",
    better: Better::Higher,
    target: 0.75,
};

/// The same where rows go to a server of their own.
pub(crate) const SENDS_POSTGRES: Goal = Goal {
    target: 0.50,
    ..SENDS
};

pub(crate) const LONE: Goal = Goal {
    id: "G4",
    what: "p50 of a lone sender's ack",
    floor: "raw fdatasync of 4 KiB and a raw round trip",
    unit: "ms",
    better: Better::Lower,
    target: 1.25,
};

pub(crate) const LONE_TAIL: Goal = Goal {
    what: "p99 of a lone sender's ack",
    target: 3.0,
    ..LONE
};

pub(crate) const IDLE: Goal = Goal {
    id: "G5",
    what: "memory of an idle connection, 20 conversations each",
    floor: "raw tokio echo",
    unit: "KiB",
    better: Better::Lower,
    target: 4.0,
};

pub(crate) const IDLE_CPU: Goal = Goal {
    id: "G7",
    what: "CPU of an idle connection at its heartbeat, a second",
    floor: "1 µs",
    unit: "µs/s",
    better: Better::Lower,
    target: 2.0,
};

pub(crate) const HISTORY: Goal = Goal {
    id: "G10",
    what: "p99 with a long history",
    floor: "the same with 1,000 messages",
    unit: "ms",
    better: Better::Lower,
    target: 1.3,
};

pub(crate) const PRESENCE: Goal = Goal {
    id: "G11",
    what: "bytes sent when N members come online within a second: log-log slope",
    floor: "1",
    unit: "",
    better: Better::Lower,
    target: 1.1,
};

pub(crate) const RECONNECT: Goal = Goal {
    id: "G12",
    what: "reconnect storm: socket, token and resume",
    floor: "raw accept loop",
    unit: "clients/s",
    better: Better::Higher,
    target: 0.40,
};

pub(crate) const RESUME: Goal = Goal {
    id: "G13",
    what: "resume with 100 missed messages each",
    floor: "raw accept loop that sends as many bytes",
    unit: "µs/client",
    better: Better::Lower,
    target: 3.0,
};

pub(crate) const LIVE: Goal = Goal {
    id: "G14",
    what: "p99 of a live delivery in the reconnect storm",
    floor: "the same before it",
    unit: "ms",
    better: Better::Lower,
    target: 3.0,
};

pub(crate) const KILL: Goal = Goal {
    id: "G17",
    what: "first resumed ack after kill -9, from the restart on",
    floor: "1 s",
    unit: "ms",
    better: Better::Lower,
    target: 1.0,
};

pub(crate) const KILL_LOSSES: Goal = Goal {
    what: "acked messages lost, or stored twice, after kill -9",
    floor: "1",
    unit: "messages",
    target: 0.0,
    ..KILL
};
