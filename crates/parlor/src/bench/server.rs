//! The server that is measured: one that runs already, or a fresh one of our own.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};
use parlor_client::{Api, Socket};
use parlor_protocol::{AuthReply, ClientFrame, ConversationId, CreateConversation, ServerFrame};
use tempfile::TempDir;

/// The password of everyone in a benchmark.
const PASSWORD: &str = "a benchmark's password";

/// A server to be measured; our own ends with this.
pub(crate) struct Measured {
    pub(crate) url: String,
    pub(crate) engine: String,
    own: Option<Own>,
}

struct Own {
    child: Child,
    folder: TempDir,
    database_url: Option<String>,
}

impl Measured {
    /// Takes the server at `url`, or starts a fresh one in a temporary folder. The product is whole;
    /// only the limits on logins and on one socket's commands are lifted, or they would be measured.
    pub(crate) async fn new(url: Option<&str>, database_url: Option<&str>) -> anyhow::Result<Self> {
        let (url, own) = if let Some(url) = url {
            (url.to_owned(), None)
        } else {
            let folder = tempfile::tempdir().context("no temporary folder")?;
            let (url, child) = start(folder.path(), database_url)?;
            let database_url = database_url.map(str::to_owned);
            (
                url,
                Some(Own {
                    child,
                    folder,
                    database_url,
                }),
            )
        };
        let stats: serde_json::Value = serde_json::from_str(&fetch(&url, "/stats").await?)?;
        let engine = stats["engine"].as_str().unwrap_or("unknown").to_owned();
        Ok(Self { url, engine, own })
    }

    /// Starts our own server again on its data, so that what signing up has left in its memory is gone.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        let own = self
            .own
            .as_mut()
            .context("only our own server is restarted")?;
        own.child.kill()?;
        own.child.wait()?;
        (self.url, own.child) = start(own.folder.path(), own.database_url.as_deref())?;
        Ok(())
    }

    /// Memory of our own server, in bytes; `None` for somebody else's.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<Option<u64>> {
        let Some(own) = &self.own else {
            return Ok(None);
        };
        let status = std::fs::read_to_string(format!("/proc/{}/status", own.child.id()))
            .context("the server's memory can be read on Linux only")?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
            .context("no VmRSS in the server's status")?;
        Ok(Some(kib * 1024))
    }

    /// Signs up somebody new.
    pub(crate) async fn person(&self, tag: &str) -> anyhow::Result<AuthReply> {
        let handle = format!(
            "b{}-{tag}",
            &uuid::Uuid::now_v7().simple().to_string()[..12]
        );
        Ok(Api::new(&self.url)
            .register(&handle, PASSWORD, None)
            .await?)
    }

    /// Makes a group of these two.
    pub(crate) async fn group(
        &self,
        owner: &AuthReply,
        other: &AuthReply,
    ) -> anyhow::Result<ConversationId> {
        let body = CreateConversation {
            kind: None,
            member_ids: vec![other.user.id.clone()],
            title: Some("benchmark".into()),
            label: None,
            metadata: None,
        };
        let api = Api::new(&self.url).with_token(&owner.access_token);
        Ok(api.create_conversation(&body).await?.summary.id)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if let Some(own) = &mut self.own {
            drop(own.child.kill());
            drop(own.child.wait());
        }
    }
}

fn start(data_dir: &Path, database_url: Option<&str>) -> anyhow::Result<(String, Child)> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("serve")
        .env("PORT", "0")
        .env("HOST", "127.0.0.1")
        .env("PARLOR_DATA_DIR", data_dir)
        .env("PARLOR_LOG_FILTER", "warn")
        .env("PARLOR_LIMITS_LOGINS_PER_ADDRESS_PER_MINUTE", "10000000")
        .env("PARLOR_LIMITS_COMMANDS_PER_MINUTE", "10000000")
        .env("PARLOR_LIMITS_REQUESTS_PER_USER_PER_MINUTE", "10000000")
        .env("PARLOR_LIMITS_SOCKETS_PER_USER_MAX", "1000000")
        .env("PARLOR_LIMITS_COMMANDS_BURST", "1000000")
        .stdout(Stdio::piped());
    match database_url {
        Some(url) => command.env("DATABASE_URL", url),
        None => command.env_remove("DATABASE_URL"),
    };
    let mut child = command.spawn().context("cannot start the server")?;
    let stdout = child.stdout.take().context("no output of the server")?;
    let mut lines = BufReader::new(stdout).lines();
    let first = lines.next().context("the server did not start")??;
    let url = first
        .strip_prefix("Parlor serves on ")
        .context("the server said something else")?
        .to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    Ok((url, child))
}

/// Opens a socket that is live.
pub(crate) async fn connect(url: &str, token: &str) -> anyhow::Result<Socket> {
    let mut socket = Socket::open(url).await?;
    socket
        .send(&ClientFrame::Auth {
            reference: None,
            token: token.to_owned(),
            cursor: None,
        })
        .await?;
    match socket.next().await? {
        ServerFrame::Connected { .. } => Ok(socket),
        other => bail!("not connected but {other:?}"),
    }
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
