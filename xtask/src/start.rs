//! `cargo xtask start`: from a fresh clone to a demo that talks, with one line per step and no question.
//!
//! Builds what is not up to date and then becomes the server (exec), so that Ctrl-C, signals and what the server
//! prints, its address and two login links, go straight between it and the person.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Workspace, quietly};
use crate::web;

/// Where the demo listens when PORT does not say otherwise.
const PORT_DEFAULT: &str = "4600";

/// The hidden command by which `start` leaves somebody behind to open the browser: exec ends all its threads.
pub(crate) const OPEN_WHEN_READY: &str = "open-when-ready";

/// How long the browser waits for the server to answer: filling a demo on a slow disk takes seconds.
const READY_TRIES: u32 = 150;
const READY_PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn start(workspace: &Workspace) -> Result<ExitCode> {
    web::require_node()?;
    match web::packages(workspace) {
        Some(mut install) => {
            quietly(
                "web packages",
                &workspace.log("web packages")?,
                &mut install,
            )?;
            web::packages_installed(workspace)?;
        }
        None => println!("web packages … up to date"),
    }
    match web::build(workspace) {
        Some(mut build) => quietly("web app", &workspace.log("web app")?, &mut build)?,
        None => println!("web app … up to date"),
    }
    let mut server = workspace.cargo(&["build", "--release", "--package", "parlor"]);
    let binary = workspace.target.join("release/parlor");
    let label = if binary.exists() {
        "server"
    } else {
        "server (some minutes, the first time)"
    };
    quietly(label, &workspace.log("server")?, &mut server)?;

    let port = std::env::var("PORT").unwrap_or_else(|_| PORT_DEFAULT.to_owned());
    if has_screen() {
        Command::new(std::env::current_exe()?)
            .args([OPEN_WHEN_READY, &port])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot wait for the server")?;
    }
    let data = std::env::var_os("PARLOR_DATA_DIR")
        .unwrap_or_else(|| OsString::from(workspace.target.join("demo-data")));
    let error = workspace
        .command(&binary)
        .arg("serve")
        .env("PARLOR_DEMO", "true")
        .env("PORT", &port)
        .env("PARLOR_DATA_DIR", data)
        .exec();
    Err(error).with_context(|| format!("cannot run {}", binary.display()))
}

/// Waits until the server answers and opens the browser, once.
pub(crate) fn open_when_ready(port: &str) -> Result<ExitCode> {
    let number: u16 = port
        .parse()
        .with_context(|| format!("PORT is {port:?}, which is no port"))?;
    for _ in 0..READY_TRIES {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, number)).is_ok() {
            let opener = opener().context("no program opens a browser here")?;
            Command::new(opener)
                .arg(format!("http://localhost:{number}/"))
                .status()?;
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(READY_PAUSE);
    }
    bail!("nothing answers on port {number}")
}

/// Whether a browser may be opened: a person is watching, and there is a screen to show it on.
fn has_screen() -> bool {
    let display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    io::stdout().is_terminal() && (display || cfg!(target_os = "macos")) && opener().is_some()
}

fn opener() -> Option<std::path::PathBuf> {
    tools::program(if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    })
}
