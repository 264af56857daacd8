//! The connection that appends: kept from batch to batch, and with it the plans of its statements.
//!
//! A pool asks a connection whether it is alive before and after each use: two round trips for every
//! batch. One that has just committed need not be asked. After an error it is not kept, and closing
//! it ends whatever it had begun.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};

use crate::{StoreError, engine::ACQUIRE_TIMEOUT, hosts::Switched};

/// How long after its last commit a connection is still trusted to be alive.
const TRUSTED: Duration = Duration::from_secs(1);
/// Pause before a server that refuses is asked again: it may be starting.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// One plan a statement, whatever the sizes of the arrays, and always by index: a plan that was made
/// while the tables were small must not read them whole when they have grown.
const PLANS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
                     SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// Where the appending connection comes from, and where it rests.
#[derive(Debug)]
pub(super) struct Connections {
    /// Its options follow the host that takes writes. Its connections wake another runtime.
    pool: PgPool,
    switched: Switched,
    resting: Option<Appending>,
}

/// A connection on which statements are planned as batches need them.
#[derive(Debug)]
pub(super) struct Appending {
    pub(super) connection: PgConnection,
    made_at: Instant,
    used_at: Instant,
}

impl Connections {
    pub(super) fn new(pool: PgPool, switched: Switched) -> Self {
        Self {
            pool,
            switched,
            resting: None,
        }
    }

    /// The one that rests if it is alive and at the right host, else a new one.
    pub(super) async fn take(&mut self) -> Result<Appending, StoreError> {
        let resting = self.resting.take();
        let taking = async {
            if let Some(mut resting) =
                resting.filter(|it| self.switched.keeps(it.made_at.elapsed()))
                && (resting.used_at.elapsed() < TRUSTED || resting.connection.ping().await.is_ok())
            {
                return Ok(resting);
            }
            self.connect().await
        };
        tokio::time::timeout(ACQUIRE_TIMEOUT, taking)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(StoreError::from)
    }

    async fn connect(&self) -> Result<Appending, sqlx::Error> {
        let mut connection = loop {
            let options = self.pool.connect_options();
            match PgConnection::connect_with(&options).await {
                Err(error) if is_starting(&error) => tokio::time::sleep(RETRY_PAUSE).await,
                connected => break connected?,
            }
        };
        connection.execute(PLANS).await?;
        let now = Instant::now();
        Ok(Appending {
            connection,
            made_at: now,
            used_at: now,
        })
    }

    /// Keeps a connection whose transaction has ended for the next batch.
    pub(super) fn keep(&mut self, mut appending: Appending) {
        appending.used_at = Instant::now();
        self.resting = Some(appending);
    }

    /// Closes the one that rests.
    pub(super) async fn close(self) {
        if let Some(resting) = self.resting {
            // One that is gone already needs no farewell.
            drop(resting.connection.close().await);
        }
    }
}

/// Whether the server may only be on its way up, or has no connection free at this moment.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}
