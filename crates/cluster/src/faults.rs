//! What goes wrong with a database that itself is healthy: a standby that does not answer, no connection left.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::Duration,
};

use crate::{Cluster, cluster::failed};

/// Version 3.0 of the protocol, as a start-up packet names it.
const PROTOCOL: u32 = 196_608;
/// How long a connection may take to be accepted or refused.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Slots that are given back for the one command that ends the others' connections.
const SLOTS_FOR_SQL: usize = 1;

/// Connections that fill a cluster; dropping them gives the slots back.
pub struct Exhausted {
    held: Vec<TcpStream>,
}

impl Exhausted {
    /// How many connections are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

impl Cluster {
    /// Runs statements, separated by semicolons, as the superuser, and answers what they print: `|` between columns.
    pub fn sql(&self, statements: &str) -> io::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([&self.url(), "--no-psqlrc", "--quiet", "--tuples-only"]);
        psql.arg("--no-align").current_dir(self.folder());
        for statement in statements.split(';').filter(|text| !text.trim().is_empty()) {
            psql.args(["--command", statement]);
        }
        let asked = psql.output()?;
        if asked.status.success() {
            return Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned());
        }
        Err(failed(
            String::from_utf8_lossy(&asked.stderr).trim().to_owned(),
        ))
    }

    /// Makes a database and answers its URL.
    pub fn create_database(&self, name: &str) -> io::Result<String> {
        self.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(format!(
            "postgres://parlor@127.0.0.1:{}/{name}",
            self.port()
        ))
    }

    /// Commits wait for a standby that does not exist, until [`find_standby`](Self::find_standby).
    pub fn miss_standby(&self) -> io::Result<()> {
        self.sql(
            "ALTER SYSTEM SET synchronous_standby_names = 'missing'; SELECT pg_reload_conf()",
        )?;
        // The server takes a new setting when it comes to it: until a commit is seen to wait, none does.
        while !self.commit_waits()? {}
        Ok(())
    }

    /// Whether a commit of its own waits for a standby; it is cancelled then.
    fn commit_waits(&self) -> io::Result<bool> {
        let commit = "SELECT 'probe' FROM pg_logical_emit_message(true, 'probe', '')";
        let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
             WHERE wait_event = 'SyncRep' AND query LIKE '%emit_message(true, ''probe''%'";
        std::thread::scope(|scope| {
            let probe = scope.spawn(|| self.sql(commit));
            let mut waited = false;
            while !probe.is_finished() {
                waited |= self.sql(cancel)?.trim() != "0";
            }
            Ok(waited)
        })
    }

    /// Commits wait for the standby of this name.
    pub fn expect_standby(&self, name: &str) -> io::Result<()> {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
        self.sql(&format!("{set}; SELECT pg_reload_conf()"))?;
        Ok(())
    }

    /// Commits wait for nobody; those that waited are done.
    pub fn find_standby(&self) -> io::Result<()> {
        self.sql("ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()")?;
        Ok(())
    }

    /// Takes every connection that the cluster has, also those that others hold.
    pub fn exhaust(&self) -> io::Result<Exhausted> {
        let mut held = self.fill()?;
        held.truncate(held.len().saturating_sub(SLOTS_FOR_SQL));
        let theirs = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND datname <> 'postgres'";
        // The slots that were given back are free once their backends have ended.
        while self.sql(theirs).is_err() && held.pop().is_some() {}
        // A slot that was just given back is not free at once.
        while self.sql("SELECT 1").is_ok() {
            held.append(&mut self.fill()?);
        }
        Ok(Exhausted { held })
    }

    /// Opens connections until one is refused.
    fn fill(&self) -> io::Result<Vec<TcpStream>> {
        let mut held = Vec::new();
        while let Some(connection) = self.connect()? {
            held.push(connection);
        }
        Ok(held)
    }

    /// An idle connection to the first database; `None` when the cluster has none left.
    fn connect(&self) -> io::Result<Option<TcpStream>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port()))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut packet = vec![0; 4];
        packet.extend(PROTOCOL.to_be_bytes());
        packet.extend(b"user\0parlor\0database\0postgres\0\0");
        let length = packet.len() as u32;
        packet[..4].copy_from_slice(&length.to_be_bytes());
        stream.write_all(&packet)?;
        loop {
            let mut head = [0; 5];
            if stream.read_exact(&mut head).is_err() {
                return Ok(None);
            }
            let [kind, length @ ..] = head;
            let body_bytes = u64::from(u32::from_be_bytes(length).saturating_sub(4));
            io::copy(&mut (&mut stream).take(body_bytes), &mut io::sink())?;
            match kind {
                b'E' => return Ok(None),
                // Ready for a query.
                b'Z' => return Ok(Some(stream)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::find;

    const CONNECTIONS_MAX: u32 = 12;

    fn cluster(name: &str) -> Option<(Cluster, std::path::PathBuf)> {
        let log = std::env::temp_dir().join(format!("parlor-{name}-{}.log", std::process::id()));
        let cluster = Cluster::start(find()?, &log, CONNECTIONS_MAX).expect("a cluster starts");
        Some((cluster, log))
    }

    #[test]
    fn an_exhausted_cluster_refuses_and_recovers() {
        let Some((cluster, log)) = cluster("exhausted") else {
            return;
        };
        cluster.create_database("theirs").expect("made");
        let exhausted = cluster.exhaust().expect("exhausted");
        assert!(exhausted.held() > 0 && exhausted.held() <= CONNECTIONS_MAX as usize);
        let refused = cluster.sql("SELECT 1").expect_err("refused");
        assert!(
            refused.to_string().contains("too many clients"),
            "{refused}"
        );
        drop(exhausted);
        while cluster.sql("SELECT 1").is_err() {}
        fs::remove_file(log).expect("removed");
    }

    #[test]
    fn a_commit_waits_for_a_standby_that_is_missing() {
        let Some((cluster, log)) = cluster("standby") else {
            return;
        };
        cluster.sql("CREATE TABLE kept (n int)").expect("made");
        cluster.miss_standby().expect("set");
        let waits = "SET statement_timeout = '10s'; INSERT INTO kept VALUES (1)";
        std::thread::scope(|scope| {
            let insert = scope.spawn(|| cluster.sql(waits));
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            while cluster.sql(waiting).expect("answers") != "1" {}
            assert!(!insert.is_finished());
            cluster.find_standby().expect("reset");
            insert.join().expect("joined").expect("done");
        });
        fs::remove_file(log).expect("removed");
    }
}
