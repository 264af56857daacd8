//! Commits on PostgreSQL that are also on the synchronous standby, where there is one.
//!
//! A commit that waits for a missing standby can be cancelled: by an administrator, or by
//! `statement_timeout`. PostgreSQL then answers the COMMIT with success and a warning: it is on this
//! disk and perhaps on no other. That is no ack. The driver hands warnings to `tracing` only, so
//! that is where they are caught, for the one future that commits.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sqlx::{Postgres, Transaction};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    instrument::WithSubscriber,
    span::{Attributes, Id, Record},
};

use crate::{StoreError, engine::NOTICE_TARGET};

/// Hears the server's warnings and nothing else.
struct Warnings(Arc<AtomicBool>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == NOTICE_TARGET && *metadata.level() <= Level::WARN
    }

    fn event(&self, _event: &Event<'_>) {
        self.0.store(true, Ordering::Release);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// Commits; a warning of the server on the way means that the outcome is not known.
pub(crate) async fn commit(transaction: Transaction<'_, Postgres>) -> Result<(), StoreError> {
    let warned = Arc::new(AtomicBool::new(false));
    let hearing = Dispatch::new(Warnings(warned.clone()));
    let committed = transaction.commit().with_subscriber(hearing).await;
    committed.map_err(|error| StoreError::from_commit(error.into()))?;
    if warned.load(Ordering::Acquire) {
        return Err(StoreError::NotReplicated);
    }
    Ok(())
}
