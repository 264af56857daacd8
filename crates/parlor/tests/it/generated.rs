//! The example configuration is checked in and fresh. `cargo xtask codegen` writes it anew.

use std::{fs, path::Path, process::Command};

#[test]
fn generated_configuration_is_fresh() {
    let output = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .arg("config")
        .output()
        .expect("runs");
    let fresh = String::from_utf8(output.stdout).expect("text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/parlor.toml");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, &fresh).expect("written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == fresh,
        "docs/parlor.toml is stale: run `cargo xtask codegen`"
    );
}
