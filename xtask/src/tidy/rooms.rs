//! Which room may use which: the directions of docs/ARCHITECTURE.md, checked on cargo's metadata.
//!
//! A new crate is not allowed until it has a row here, so that its place in the house is a decision and not an
//! accident.

use serde_json::Value;

use super::source::{Source, Violation, lines_with};

/// Each crate with those that it may use. Tests may use more: a dev-dependency ships nothing.
const MAY_USE: &[(&str, &[&str])] = &[
    ("parlor-protocol", &[]),
    ("parlor-core", &["parlor-protocol"]),
    ("parlor-store", &["parlor-protocol", "parlor-core"]),
    ("parlor-hub", &["parlor-protocol", "parlor-core"]),
    ("parlor-auth", &["parlor-protocol"]),
    (
        "parlor-app",
        &[
            "parlor-protocol",
            "parlor-core",
            "parlor-store",
            "parlor-hub",
            "parlor-auth",
        ],
    ),
    (
        "parlor-gateway",
        &["parlor-protocol", "parlor-core", "parlor-app", "parlor-hub"],
    ),
    ("parlor-client", &["parlor-protocol"]),
    (
        "parlor-load",
        &["parlor-protocol", "parlor-client", "parlor-store"],
    ),
    ("parlor", PRODUCT),
    ("parlor-testkit", EVERYTHING_TESTED),
    ("parlor-cluster", &[]),
    ("parlor-torture", TORTURE),
    ("xtask", &["parlor-cluster"]),
];

/// Everything that ships; the test kit is in nobody's row, which makes it a dev-dependency and nothing else.
const PRODUCT: &[&str] = &[
    "parlor-protocol",
    "parlor-core",
    "parlor-store",
    "parlor-hub",
    "parlor-auth",
    "parlor-app",
    "parlor-gateway",
    "parlor-client",
    "parlor-load",
];

/// Runs the product from outside: the wire types, the clients, and what breaks things.
const TORTURE: &[&str] = &[
    "parlor-protocol",
    "parlor-client",
    "parlor-testkit",
    "parlor-cluster",
];

const EVERYTHING_TESTED: &[&str] = &[
    "parlor-protocol",
    "parlor-core",
    "parlor-store",
    "parlor-hub",
    "parlor-auth",
    "parlor-app",
    "parlor-gateway",
    "parlor-client",
    "parlor",
];

/// What would bring I/O, a clock or chance into the rules.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "sqlx",
    "axum",
    "hyper",
    "reqwest",
    "rand",
    "getrandom",
];

/// A dependency that ships: normal or of a build script.
struct Use<'a> {
    from: &'a str,
    to: &'a str,
    local: bool,
}

/// Crates that use what they may not, and crates that have no row.
pub(crate) fn directions(metadata: &Value, files: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for name in packages(metadata).filter_map(|package| package["name"].as_str()) {
        if allowed(name).is_none() {
            violations.push(at_dependency(
                files,
                metadata,
                name,
                None,
                "has no row in MAY_USE of xtask/src/tidy/rooms.rs",
            ));
        }
    }
    for Use { from, to, local } in uses(metadata) {
        if local && allowed(from).is_some_and(|allowed| !allowed.contains(&to)) {
            let what = format!("{from} may not use {to}");
            violations.push(at_dependency(files, metadata, from, Some(to), &what));
        }
    }
    violations
}

/// Libraries that core may not have, whatever it does with them.
pub(crate) fn core_dependencies(metadata: &Value, files: &[Source]) -> Vec<Violation> {
    uses(metadata)
        .filter(|dependency| {
            dependency.from == "parlor-core" && NOT_IN_CORE.contains(&dependency.to)
        })
        .map(|Use { from, to, .. }| {
            let what = format!("core has no I/O, clock or chance, and so no {to}");
            at_dependency(files, metadata, from, Some(to), &what)
        })
        .collect()
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    MAY_USE
        .iter()
        .find(|(from, _)| *from == name)
        .map(|(_, allowed)| *allowed)
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn uses(metadata: &Value) -> impl Iterator<Item = Use<'_>> {
    packages(metadata).flat_map(|package| {
        let from = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(move |dependency| Use {
                from,
                to: dependency["name"].as_str().unwrap_or_default(),
                local: dependency["path"].is_string(),
            })
    })
}

/// A violation at the line of the crate's manifest that names the dependency.
fn at_dependency(
    files: &[Source],
    metadata: &Value,
    from: &str,
    to: Option<&str>,
    what: &str,
) -> Violation {
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let manifest = packages(metadata)
        .find(|package| package["name"] == from)
        .and_then(|package| package["manifest_path"].as_str())
        .map_or("Cargo.toml", |path| {
            path.strip_prefix(root)
                .unwrap_or(path)
                .trim_start_matches('/')
        });
    let line = files
        .iter()
        .find(|file| file.path == manifest)
        .and_then(|file| lines_with(&file.text, to?).into_iter().next())
        .unwrap_or(1);
    let what = if to.is_none() {
        format!("{from} {what}")
    } else {
        what.to_owned()
    };
    Violation {
        path: manifest.to_owned(),
        line,
        what,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Metadata of one crate with one dependency, as cargo writes it.
    fn metadata(from: &str, to: &str, kind: Option<&str>) -> Value {
        let path = to
            .starts_with("parlor")
            .then(|| format!("/house/crates/{to}"));
        json!({
            "workspace_root": "/house",
            "packages": [{
                "name": from,
                "manifest_path": "/house/crates/it/Cargo.toml",
                "dependencies": [{ "name": to, "kind": kind, "path": path }],
            }],
        })
    }

    fn manifest(to: &str) -> Vec<Source> {
        vec![Source {
            path: "crates/it/Cargo.toml".to_owned(),
            text: format!("[package]\n\n[dependencies]\n{to}.workspace = true\n"),
        }]
    }

    #[test]
    fn a_step_up_is_found_at_its_line() {
        let found = directions(
            &metadata("parlor-store", "parlor-app", None),
            &manifest("parlor-app"),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "crates/it/Cargo.toml:4: parlor-store may not use parlor-app"
        );
    }

    #[test]
    fn a_step_down_is_fine() {
        assert_eq!(
            directions(&metadata("parlor-app", "parlor-store", None), &[]),
            []
        );
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        let normal = metadata("parlor-app", "parlor-testkit", None);
        let build = metadata("parlor-app", "parlor-testkit", Some("build"));
        let dev = metadata("parlor-app", "parlor-testkit", Some("dev"));
        assert_eq!(directions(&normal, &[]).len(), 1);
        assert_eq!(directions(&build, &[]).len(), 1);
        assert_eq!(directions(&dev, &[]), []);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = directions(&metadata("parlor-attic", "serde", None), &[]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].what.contains("parlor-attic has no row"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn core_may_not_have_a_runtime() {
        let found = core_dependencies(&metadata("parlor-core", "tokio", None), &manifest("tokio"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 4);
        assert_eq!(
            core_dependencies(&metadata("parlor-core", "serde", None), &[]),
            []
        );
        assert_eq!(
            core_dependencies(&metadata("parlor-hub", "tokio", None), &[]),
            []
        );
    }
}
