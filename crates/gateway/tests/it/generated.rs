//! What is generated from the types is checked in and fresh. `cargo xtask codegen` writes it anew.

use std::{fs, path::Path};

pub(crate) fn check(path: &str, fresh: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, fresh).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == fresh,
        "{} is stale: run `cargo xtask codegen`",
        path.display()
    );
}

#[test]
fn generated_typescript_is_fresh() {
    check(
        "web/packages/client/src/generated/protocol.ts",
        &parlor_protocol::schema::typescript(),
    );
}

#[test]
fn generated_openapi_is_fresh() {
    let document = serde_json::to_value(parlor_gateway::openapi()).expect("JSON");
    check("docs/api/openapi.json", &format!("{document:#}\n"));
}

#[test]
fn generated_asyncapi_is_fresh() {
    check(
        "docs/api/asyncapi.json",
        &format!("{:#}\n", parlor_gateway::asyncapi()),
    );
}
