//! What the tests need from the system beside cargo and Node, and how it gets there.
//!
//! On Debian and as root it is installed; elsewhere a sentence says what to install and the tests that need it are
//! skipped, aloud. When nothing is missing nothing is run, so that the tests work without a network.

use std::path::{Path, PathBuf};

use super::{Part, Parts};
use crate::tools;

/// One thing to have: its Debian package, what else it is for, and whether it is there.
struct Need {
    package: &'static str,
    purpose: &'static str,
    present: bool,
}

/// The Debian packages that are missing for these parts, each with what it is for.
pub(crate) fn missing(parts: &Parts) -> Vec<(&'static str, &'static str)> {
    let mut needs = Vec::new();
    if parts.has(Part::Rust) || parts.has(Part::Torture) {
        needs.push(Need {
            package: "postgresql",
            purpose: "the store's tests on PostgreSQL",
            present: parlor_cluster::find().is_some(),
        });
    }
    if parts.has(Part::Torture) {
        needs.push(Need {
            package: "sqlite3",
            purpose: "the torture run's lock on SQLite's file",
            present: tools::program("sqlite3").is_some(),
        });
    }
    if parts.has(Part::Browser) {
        needs.push(Need {
            package: "chromium",
            purpose: "the browser tests",
            present: chromium().is_some(),
        });
        // Without these a screenshot of the demo shows boxes for emoji and Japanese; only Debian tells us about fonts.
        for package in ["fonts-noto-color-emoji", "fonts-noto-cjk"] {
            needs.push(Need {
                package,
                purpose: "the browser tests' emoji and Japanese",
                present: !is_debian() || has_package(package),
            });
        }
    }
    needs
        .into_iter()
        .filter(|need| !need.present)
        .map(|need| (need.package, need.purpose))
        .collect()
}

/// The command that installs packages here, or `None` where that is the person's business.
pub(crate) fn command(packages: &[&str]) -> Option<String> {
    (is_debian() && parlor_cluster::is_root()).then(|| {
        format!(
            "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        )
    })
}

/// The browser for the browser tests: `CHROMIUM` when it is set, else the first that is found.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(chosen));
    }
    let mac = Path::new("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ]
    .into_iter()
    .find_map(tools::program)
    .or_else(|| mac.is_file().then(|| mac.to_owned()))
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").is_file()
}

fn has_package(package: &str) -> bool {
    tools::answer(
        "dpkg-query",
        &["--show", "--showformat=${db:Status-Status}", package],
    )
    .as_deref()
        == Some("installed")
}
