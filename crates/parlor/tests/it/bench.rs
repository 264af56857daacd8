//! `parlor bench`: it measures a real server, believes nothing it has not checked, and writes down what it found.
//!
//! Never here: how fast anything is.

use std::{fs, process::Command};

use serde_json::Value;

/// Members of the group, and rounds: enough to be a contest, and soon over.
const MEMBERS: u64 = 8;
const ROUNDS: u64 = 3;

#[test]
fn a_small_fanout_is_measured_and_every_delivery_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let (json, html) = (
        folder.path().join("found.json"),
        folder.path().join("found.html"),
    );
    let ended = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["bench", "fanout", "--seconds", "0.05"])
        .args([
            "--members",
            &MEMBERS.to_string(),
            "--rounds",
            &ROUNDS.to_string(),
        ])
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .env_remove("PARLOR_BENCH_DATABASE_URL")
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&ended.stdout);
    let complained = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}{complained}");
    let report = fs::read_to_string(&json).expect("written");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["engine"], "sqlite");
    let row = &report["rows"][0];
    assert_eq!(
        (&row["scenario"], &row["contender"]),
        (&"fanout".into(), &"Parlor".into())
    );
    // On a machine that is busy with other tests the floors may disagree; deliveries are counted anyway.
    let deliveries = report["verified"].as_u64().expect("a count");
    assert!(
        deliveries >= MEMBERS * ROUNDS && deliveries.is_multiple_of(MEMBERS),
        "{report}"
    );
    match row["outcome"].as_str() {
        Some("found") => assert!(row["verdict"]["ratio"]["median"].is_f64(), "{row}"),
        Some("refused") => assert!(row["why"].is_string(), "{row}"),
        other => panic!("{other:?} in {row}"),
    }
    let page = fs::read_to_string(&html).expect("written");
    assert!(
        page.starts_with("<!doctype html>") && page.ends_with("</html>\n"),
        "{page}"
    );
}
