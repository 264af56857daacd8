//! Measuring side by side: contenders in turn, a floor before and after them, and a judge who would
//! rather say nothing than something that the next run contradicts.

mod contender;
mod crowd;
mod goal;
mod judge;
mod rounds;

pub(crate) use contender::{Contender, Sample};
pub(crate) use crowd::{Crowd, Host};
pub(crate) use goal::{
    BACKLOG, FANOUT, Goal, HALF, HISTORY, IDLE, IDLE_CPU, KILL, KILL_LOSSES, LIVE, LONE, LONE_TAIL,
    MEMBERS, PRESENCE, RECONNECT, RESUME, SENDS, SENDS_POSTGRES, STALLED,
};
pub(crate) use judge::{ROUNDS_MIN, Refusal, Verdict, judge, judge_both_ends};
pub(crate) use rounds::{FLOORS_APART_MAX, Plan, Rounds, rounds};
