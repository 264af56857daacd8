//! Several hosts in one PostgreSQL URL: the one that takes writes is used, and found again when
//! another takes over.
//!
//! `postgres://user@one:5432,two:5432/parlor`: each host is asked whether it is in recovery; a standby
//! is passed over. A task asks the one in use every other second. When it does not answer, or has
//! become a standby, the others are asked, and both pools go to the one that was promoted.

use std::{
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};

/// How long a host may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the host in use is asked.
const ASK_PERIOD: Duration = Duration::from_secs(2);

/// The hosts of a URL, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Vec<PgConnectOptions>);

/// When the pools last went to another host: a connection that is older is not used any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switched(Arc<Mutex<Option<Instant>>>);

impl Hosts {
    /// Reads a URL with one or several hosts.
    pub(crate) fn parse(url: &str) -> Result<Self, sqlx::Error> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let path = without_target(path);
        hosts
            .split(',')
            .map(|host| PgConnectOptions::from_str(&format!("{scheme}://{user}{host}{path}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Options of each that a pool connects with.
    pub(crate) fn map(self, change: impl FnMut(PgConnectOptions) -> PgConnectOptions) -> Self {
        Self(self.0.into_iter().map(change).collect())
    }

    /// The first host that takes writes, connected; else the last refusal and where it came from.
    pub(crate) async fn primary(
        &self,
    ) -> Result<(PgConnection, PgConnectOptions), (String, sqlx::Error)> {
        let mut refused = None;
        for options in &self.0 {
            match connect(options).await {
                Ok(connection) => return Ok((connection, options.clone())),
                Err(error) => refused = Some((place(options), error)),
            }
        }
        Err(refused.expect("a URL has at least one host"))
    }

    /// Follows the host that takes writes, where there are several.
    pub(crate) fn follow(
        self,
        mut used: String,
        pools: [PgPool; 2],
        switched: Switched,
    ) -> Option<Following> {
        if self.0.len() < 2 {
            return None;
        }
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(ASK_PERIOD).await;
                if pools[0].is_closed() {
                    return;
                }
                if is_primary(&pools[1]).await {
                    continue;
                }
                match self.primary().await {
                    Ok((connection, options)) => {
                        drop(connection.close().await);
                        // The same one was only busy.
                        if place(&options) == used {
                            continue;
                        }
                        used = place(&options);
                        tracing::warn!(host = used, "PostgreSQL: using this host now");
                        for pool in &pools {
                            pool.set_connect_options(options.clone());
                        }
                        *switched.0.lock() = Some(Instant::now());
                    }
                    Err((host, error)) => {
                        tracing::warn!(host, %error, "PostgreSQL: no host takes writes");
                    }
                }
            }
        });
        Some(Following(Arc::new(AbortOnDrop(task))))
    }
}

impl Switched {
    /// Whether a connection of this age was made to the host that is used now.
    pub(crate) fn keeps(&self, age: Duration) -> bool {
        self.0
            .lock()
            .is_none_or(|switched| age < switched.elapsed())
    }
}

/// Keeps the task that follows; it ends with the last of these.
#[derive(Debug, Clone)]
pub(crate) struct Following(#[expect(dead_code, reason = "held, not used")] Arc<AbortOnDrop>);

#[derive(Debug)]
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Host and port, never a password.
pub(crate) fn place(options: &PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::Error::other("no answer in time"));
    let connecting = PgConnection::connect_with(options);
    let mut connection = tokio::time::timeout(ANSWER_TIMEOUT, connecting)
        .await
        .map_err(late)??;
    let asking = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut connection);
    let standby: bool = tokio::time::timeout(ANSWER_TIMEOUT, asking)
        .await
        .map_err(late)??;
    if standby {
        return Err(sqlx::Error::Io(std::io::Error::other(
            "it is a standby and takes no writes",
        )));
    }
    Ok(connection)
}

/// Whether the host in use answers and takes writes.
async fn is_primary(pool: &PgPool) -> bool {
    let asking = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(pool);
    matches!(
        tokio::time::timeout(ANSWER_TIMEOUT, asking).await,
        Ok(Ok(false))
    )
}

/// The rest of a URL without libpq's own parameter for what this module does.
fn without_target(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("target_session_attrs="))
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(url: &str) -> Vec<String> {
        let hosts = Hosts::parse(url).expect("a URL");
        hosts.0.iter().map(place).collect()
    }

    #[test]
    fn a_url_names_one_host_or_several() {
        assert_eq!(places("postgres://u:p@one:1/db"), ["one:1"]);
        assert_eq!(
            places("postgres://u:p@one:1,two:2,three/db?target_session_attrs=read-write"),
            ["one:1", "two:2", "three:5432"]
        );
        assert_eq!(
            places("postgresql://one,two/db?sslmode=disable&target_session_attrs=any"),
            ["one:5432", "two:5432"]
        );
        assert!(Hosts::parse("postgres://[").is_err());
        let hosts = Hosts::parse("postgres://ada:s%40cret@one,two:7/db").expect("a URL");
        for options in &hosts.0 {
            assert_eq!(
                (options.get_username(), options.get_database()),
                ("ada", Some("db"))
            );
        }
    }
}
