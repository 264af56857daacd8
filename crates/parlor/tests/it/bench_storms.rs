//! `parlor bench`: tiny runs of what is stored, of who comes back, and of a server that is killed. Whatever
//! is measured is verified, and what cannot be said is refused in words.
//!
//! Never here: how fast anything is.

use std::{fs, process::Command};

use serde_json::Value;

/// Rounds: enough to be a contest.
const ROUNDS: &str = "3";

/// What a scenario has written down.
fn found(scenario: &str, more: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("found.json");
    let ended = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["bench", scenario, "--quick", "--seconds", "0.05"])
        .args(["--rounds", ROUNDS])
        .args(more)
        .arg("--json")
        .arg(&json)
        .env_remove("PARLOR_BENCH_DATABASE_URL")
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&ended.stdout);
    let complained = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}{complained}");
    let report = fs::read_to_string(&json).expect("written");
    serde_json::from_str(&report).expect("JSON")
}

/// The row of a scenario; on a machine that is busy with other tests it may be refused, but in words.
fn row<'a>(report: &'a Value, scenario: &str) -> &'a Value {
    let rows = report["rows"].as_array().expect("rows");
    let row = rows
        .iter()
        .find(|row| row["scenario"] == scenario && row["contender"] == "Parlor");
    let row = row.unwrap_or_else(|| panic!("no {scenario} in {report}"));
    match row["outcome"].as_str() {
        Some("found") => assert!(row["verdict"]["ratio"]["median"].is_f64(), "{row}"),
        Some("refused") => assert!(row["why"].is_string(), "{row}"),
        other => panic!("{other:?} in {row}"),
    }
    row
}

fn verified(report: &Value) -> u64 {
    report["verified"].as_u64().expect("a count")
}

#[test]
fn durable_sends_are_measured_and_every_ack_and_delivery_verified() {
    let report = found("sends", &[]);
    row(&report, "sends");
    assert!(verified(&report) >= 64, "{report}");
}

#[test]
fn everybody_comes_back_in_every_storm() {
    let report = found("reconnect", &["--clients", "20"]);
    row(&report, "reconnect");
    row(&report, "reconnect live");
    assert!(
        verified(&report) >= 20 * 3 && verified(&report).is_multiple_of(20),
        "{report}"
    );
}

#[test]
fn a_killed_server_has_lost_no_acked_message() {
    let report = found("kill", &[]);
    row(&report, "kill");
    let losses = row(&report, "kill losses");
    assert_eq!(losses["verdict"]["figure"], 0.0, "{losses}");
    assert_eq!(losses["isMet"], true, "{losses}");
    assert!(verified(&report) > 0, "{report}");
}
