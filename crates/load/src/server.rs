//! The Parlor that is measured: a fresh one of our own, or one that runs already.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use parlor_client::Api;
use parlor_protocol::{
    ConversationId, ConversationKind, CreateConversation, UserId, limits::MEMBER_IDS_MAX,
};

use crate::{
    host_app::HostApp,
    machine::Machine,
    process::{Folder, Running},
};

/// People who come for the first time at once.
const ARRIVALS_AT_ONCE: usize = 16;

/// Limits that would be measured instead of the server. Everything else is as people get it.
pub(crate) const LIFTED: [(&str, &str); 5] = [
    ("PARLOR_LIMITS_COMMANDS_PER_MINUTE", "10000000"),
    ("PARLOR_LIMITS_COMMANDS_BURST", "1000000"),
    ("PARLOR_LIMITS_REQUESTS_PER_USER_PER_MINUTE", "10000000"),
    ("PARLOR_LIMITS_SOCKETS_PER_USER_MAX", "1000000"),
    ("PARLOR_LIMITS_ATTACHING_MAX", "1000000"),
];

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) user_id: UserId,
    pub(crate) token: String,
}

/// A server to be measured; our own ends with this.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) url: String,
    pub(crate) engine: String,
    api: Api,
    host_app: HostApp,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    // Before its folder, so that it is not there any more when the folder goes.
    process: Running,
    folder: Folder,
    database_url: Option<String>,
    /// What stands in its environment besides its settings.
    surroundings: &'static [(&'static str, &'static str)],
}

impl Measured {
    /// Starts a fresh server on the server's core, with its data in a temporary folder.
    pub(crate) async fn fresh(
        machine: &Machine,
        database_url: Option<&str>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let host_app = HostApp::new()?;
        let (url, process) = start(machine, folder.path(), database_url, &host_app, &[])?;
        let own = Own {
            process,
            folder,
            database_url: database_url.map(str::to_owned),
            surroundings: &[],
        };
        Self::look(url, host_app, Some(own)).await
    }

    /// Takes the server at `url`; it must trust this app, and its limits must allow the load.
    pub(crate) async fn running(url: &str, host_app: HostApp) -> anyhow::Result<Self> {
        Self::look(url.to_owned(), host_app, None).await
    }

    async fn look(url: String, host_app: HostApp, own: Option<Own>) -> anyhow::Result<Self> {
        let stats: serde_json::Value = serde_json::from_str(&fetch(&url, "/stats").await?)?;
        let engine = stats["engine"].as_str().unwrap_or("unknown").to_owned();
        let api = Api::new(&url);
        Ok(Self {
            url,
            engine,
            api,
            host_app,
            own,
        })
    }

    /// Kills our own server and starts it again on its data: what was in its memory only is gone. Answers
    /// when the new one was started.
    pub(crate) fn restart(&mut self, machine: &Machine) -> anyhow::Result<Instant> {
        let Own {
            process,
            folder,
            database_url,
            surroundings,
        } = self.own.take().context("only our own is restarted")?;
        drop(process);
        let started = Instant::now();
        let (url, process) = start(
            machine,
            folder.path(),
            database_url.as_deref(),
            &self.host_app,
            surroundings,
        )?;
        self.api = Api::new(&url);
        self.url = url;
        self.own = Some(Own {
            process,
            folder,
            database_url,
            surroundings,
        });
        Ok(started)
    }

    /// From its next start on our own server has this in its environment.
    pub(crate) fn surround_with(&mut self, surroundings: &'static [(&'static str, &'static str)]) {
        if let Some(own) = &mut self.own {
            own.surroundings = surroundings;
        }
    }

    /// The process of our own server.
    pub(crate) fn process(&self) -> anyhow::Result<&Running> {
        let own = self.own.as_ref().context("this server is not our own")?;
        Ok(&own.process)
    }

    /// What stands in a request's `host`.
    pub(crate) fn host(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let port = self.host().rsplit_once(':').context("no port")?.1;
        Ok(SocketAddr::from(([127, 0, 0, 1], port.parse()?)))
    }

    /// Somebody new. The server knows them from their first request on.
    pub(crate) async fn person(&self, tag: &str) -> anyhow::Result<Person> {
        let id = format!("{}-{tag}", uuid::Uuid::now_v7().simple());
        let token = self.host_app.token(&id)?;
        let user = self.api.with_token(&token).me().await?;
        Ok(Person {
            user_id: user.id,
            token,
        })
    }

    /// So many new people.
    pub(crate) async fn people(&self, count: usize) -> anyhow::Result<Vec<Person>> {
        stream::iter(0..count)
            .map(async |number| self.person(&number.to_string()).await)
            .buffered(ARRIVALS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Makes a group of the owner and these.
    pub(crate) async fn group(
        &self,
        owner: &Person,
        others: &[Person],
    ) -> anyhow::Result<ConversationId> {
        let ids: Vec<UserId> = others.iter().map(|other| other.user_id.clone()).collect();
        let (first, rest) = ids.split_at(ids.len().min(MEMBER_IDS_MAX));
        let body = CreateConversation {
            kind: Some(ConversationKind::Group),
            member_ids: first.to_vec(),
            title: Some("benchmark".into()),
            label: None,
            metadata: None,
        };
        let api = self.api.with_token(&owner.token);
        let id = api.create_conversation(&body).await?.summary.id;
        for batch in rest.chunks(MEMBER_IDS_MAX) {
            api.add_members(id, batch.to_vec(), None).await?;
        }
        Ok(id)
    }
}

fn start(
    machine: &Machine,
    data_dir: &Path,
    database_url: Option<&str>,
    host_app: &HostApp,
    surroundings: &[(&str, &str)],
) -> anyhow::Result<(String, Running)> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("serve")
        .env("PORT", "0")
        .env("HOST", "127.0.0.1")
        .env("PARLOR_DATA_DIR", data_dir)
        .env("PARLOR_LOG_FILTER", "warn")
        .envs(LIFTED)
        .envs(host_app.environment())
        .envs(surroundings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    match database_url {
        Some(url) => command.env("DATABASE_URL", url),
        None => command.env_remove("DATABASE_URL"),
    };
    let mut process = Running::start(machine, &mut command)?;
    let stdout = process.stdout().context("no output of the server")?;
    let mut lines = BufReader::new(stdout).lines();
    let first = lines.next().context("the server did not start")??;
    let url = first
        .strip_prefix("Parlor serves on ")
        .context("the server said something else")?
        .to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    Ok((url, process))
}

async fn fetch(url: &str, path: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host)
        .await
        .with_context(|| format!("no server at {url}"))?;
    stream
        .write_all(
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default())
}
