//! `parlor serve`: opens the parts, joins them, and stops them in the right order.

use std::{
    fs::{self, File, TryLockError},
    io::IsTerminal,
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use parlor_app::{App, Demo, SystemClock};
use parlor_auth::Keys;
use parlor_gateway::Server;
use parlor_store::{DRIVER_LOG_TARGET, Database, Store};

use crate::config::{Config, Unusable};

/// The people whose login links a demo prints.
const DEMO_PEOPLE: [&str; 2] = ["ada", "grace"];

pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    log_to_stderr(config);
    #[cfg(feature = "planted-bugs")]
    plant()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(config))
}

/// Plants the bug that `PARLOR_PLANT` names.
#[cfg(feature = "planted-bugs")]
fn plant() -> anyhow::Result<()> {
    use parlor_core::planted;
    let Ok(name) = std::env::var("PARLOR_PLANT") else {
        return Ok(());
    };
    anyhow::ensure!(
        planted::NAMES.contains(&name.as_str()),
        "no bug is called {name}; there are {}",
        planted::NAMES.join(", ")
    );
    planted::plant(&name);
    Ok(())
}

/// `parlor restored`: the database was put back to an earlier state.
pub(crate) fn restored(config: &Config) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(async {
            make_private_folder(&config.data_dir)?;
            // A server that runs would go on under the old name.
            let _lock = lock(&config.data_dir)?;
            let store = Store::open(&config.store).await.map_err(unusable)?;
            store.renew_epoch(&parlor_auth::code()).await?;
            store.close().await;
            println!("A new epoch begins. Clients that knew the old one start over.");
            Ok(())
        })
}

fn log_to_stderr(config: &Config) {
    use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};
    let filter: tracing_subscriber::filter::Targets = config
        .log_filter
        .parse()
        .expect("the configuration was checked");
    // At `trace` these print whole frames, and a token or a message may stand in one.
    let filter = filter.with_targets(
        [
            "tungstenite",
            "tokio_tungstenite",
            "hyper",
            DRIVER_LOG_TARGET,
        ]
        .map(|target| (target, tracing::Level::WARN)),
    );
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let layer = if config.log_json {
        layer.json().boxed()
    } else {
        layer.boxed()
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    // The signals are taken before anything is announced, so that none is missed.
    let stop = stop_signal()?;
    make_private_folder(&config.data_dir)?;
    let _lock = lock(&config.data_dir)?;
    let key_file = config.data_dir.join("token.key");
    let keys = Keys::load_or_create(&key_file).map_err(unusable)?;
    let store = Store::open(&config.store).await.map_err(unusable)?;
    let app = App::start(config.app.clone(), store, &keys, Arc::new(SystemClock))
        .await
        .context("cannot start the application")?;
    let server = Server::start(app.clone(), config.gateway.clone()).map_err(|error| {
        Unusable(format!(
            "cannot listen on {}: {}; set PORT or HOST to a free one",
            error.address, error.source
        ))
    })?;
    announce(config, &app, &server).await?;

    let mut failed = app.failed();
    let has_failed = tokio::select! {
        () = stop => false,
        _ = failed.wait_for(|failed| *failed) => true,
    };
    if has_failed {
        // What the file holds now only a new start can say; nothing must be written or acked before.
        anyhow::bail!("the disk failed under a commit; check it, then start again");
    }
    tracing::info!("stopping");
    server.stop().await;
    app.stop().await;
    tracing::info!("stopped");
    Ok(())
}

async fn announce(config: &Config, app: &App, server: &Server) -> anyhow::Result<()> {
    let address = server.address();
    let url = config.public_url.clone().unwrap_or_else(|| {
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            format!("http://localhost:{}", address.port())
        } else {
            format!("http://{address}")
        }
    });
    let database = match &config.store.database {
        Database::Sqlite(path) => format!("SQLite in {}", path.display()),
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    };
    tracing::info!(%address, engine = app.engine(), "serving");
    println!("Parlor serves on {url}");
    println!("  messages  {database}");
    println!("  keys      {}", config.data_dir.display());
    if config.app.demo {
        announce_demo(app, &url).await?;
    }
    Ok(())
}

async fn announce_demo(app: &App, url: &str) -> anyhow::Result<()> {
    let demo = app
        .seed_demo()
        .await
        .map_err(|refusal| anyhow::anyhow!("cannot fill the demo: {refusal}"))?;
    match demo {
        Demo::Filled => println!("  demo      filled"),
        Demo::Kept => println!("  demo      as it was"),
        Demo::Occupied => {
            println!("  demo      left out: other people live in this data folder");
            return Ok(());
        }
    }
    for handle in DEMO_PEOPLE {
        let code = app
            .login_link(handle)
            .await
            .map_err(|refusal| anyhow::anyhow!("no login link: {refusal}"))?;
        println!("  {handle:<8}  {url}/sign-in#code={code}");
    }
    println!("Each link signs in once, within 30 minutes. Open them in two windows and talk.");
    Ok(())
}

fn make_private_folder(path: &Path) -> Result<(), Unusable> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| {
        Unusable(format!("cannot make the data folder {}: {e}; set PARLOR_DATA_DIR to a folder that can be written", path.display()))
    })
}

/// One server for each data folder: two would not hear each other's events.
fn lock(data_dir: &Path) -> Result<File, Unusable> {
    let path = data_dir.join("parlor.lock");
    let file = File::create(&path).map_err(|e| {
        Unusable(format!("cannot write in the data folder {}: {e}; set PARLOR_DATA_DIR to a folder that can be written", data_dir.display()))
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Unusable(format!(
            "another Parlor uses the data folder {}; stop it or set PARLOR_DATA_DIR",
            data_dir.display()
        ))),
        Err(TryLockError::Error(e)) => {
            Err(Unusable(format!("cannot lock {}: {e}", path.display())))
        }
    }
}

fn unusable(error: impl std::fmt::Display) -> Unusable {
    Unusable(error.to_string())
}

/// Resolves on SIGTERM or Ctrl-C.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
