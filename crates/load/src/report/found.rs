//! The report as data; `--json` writes it as it is.

use serde::Serialize;

use crate::{
    contest::{Contender, Goal, Plan, Refusal, Rounds, Verdict, judge},
    machine::Machine,
};

/// A whole run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) version: &'static str,
    /// The command that repeats it.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    /// Where Parlor stored its messages.
    pub(crate) engine: Option<String>,
    pub(crate) rounds: usize,
    /// Of each measurement.
    pub(crate) seconds: f64,
    /// Units of work by Parlor and its peers in all rounds, also in those that were thrown away: each
    /// delivery was checked for its place and its bytes.
    pub(crate) verified: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) series: Vec<Series>,
}

/// What is said of one contender in one scenario.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) goal: Option<Goal>,
    pub(crate) contender: String,
    pub(crate) is_peer: bool,
    pub(crate) note: String,
    #[serde(flatten)]
    pub(crate) said: Said,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub(crate) enum Said {
    /// A figure; whether it meets the goal, for ours.
    #[serde(rename_all = "camelCase")]
    Found {
        verdict: Verdict,
        is_met: Option<bool>,
    },
    /// The rounds do not allow a figure.
    Refused { why: String },
    /// It did not take part.
    LeftOut { why: String },
}

/// Figures over a size, for a plot, or only what is to be said of a scenario besides its rows.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Series {
    pub(crate) scenario: String,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) lines: Vec<Line>,
    /// What follows from them.
    pub(crate) remark: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Of whom something is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) label: &'a str,
    pub(crate) note: &'a str,
    pub(crate) is_peer: bool,
}

impl Report {
    pub(crate) fn new(machine: Machine, plan: Plan) -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command: format!("parlor {}", arguments.join(" ")),
            machine,
            engine: None,
            rounds: plan.rounds,
            seconds: plan.lasting.as_secs_f64(),
            verified: 0,
            rows: Vec::new(),
            series: Vec::new(),
        }
    }

    pub(crate) fn name_engine(&mut self, engine: &str) {
        self.engine = Some(engine.to_owned());
    }

    pub(crate) fn add_series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Says of each contender what the rounds allow.
    pub(crate) fn judge(
        &mut self,
        scenario: &str,
        goal: Goal,
        rounds: &Rounds,
        contenders: &[&mut (dyn Contender + '_)],
    ) {
        self.judge_by(scenario, goal, rounds, contenders, judge);
    }

    /// The same by another judge.
    pub(crate) fn judge_by(
        &mut self,
        scenario: &str,
        goal: Goal,
        rounds: &Rounds,
        contenders: &[&mut (dyn Contender + '_)],
        judge: fn(&Rounds, usize) -> Result<Verdict, Refusal>,
    ) {
        self.verified += rounds.units;
        for (place, contender) in contenders.iter().enumerate() {
            let who = Who {
                label: contender.label(),
                note: contender.note(),
                is_peer: contender.is_peer(),
            };
            self.say(scenario, goal, &who, judge(rounds, place));
        }
    }

    /// Says it of one.
    pub(crate) fn say(
        &mut self,
        scenario: &str,
        goal: Goal,
        who: &Who<'_>,
        verdict: Result<Verdict, Refusal>,
    ) {
        let is_peer = who.is_peer;
        let said = match verdict {
            Ok(verdict) => Said::Found {
                is_met: (!is_peer).then(|| goal.is_met(verdict.ratio.median)),
                verdict,
            },
            Err(refusal) => Said::Refused {
                why: refusal.to_string(),
            },
        };
        self.rows.push(Row {
            scenario: scenario.to_owned(),
            goal: Some(goal),
            contender: who.label.to_owned(),
            is_peer,
            note: who.note.to_owned(),
            said,
        });
    }

    /// Says that someone did not take part.
    pub(crate) fn leave_out(&mut self, scenario: &str, contender: &str, why: &str) {
        self.rows.push(Row {
            scenario: scenario.to_owned(),
            goal: None,
            contender: contender.to_owned(),
            is_peer: true,
            note: String::new(),
            said: Said::LeftOut {
                why: why.to_owned(),
            },
        });
    }
}
