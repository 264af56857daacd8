//! Waiting for conditions, never for time.

use std::time::Duration;

/// How long a condition may take before its test fails. Generous: a slow machine is no failure.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// Waits for a future that must end soon.
///
/// # Panics
/// When it does not, naming what was waited for.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(WAIT_MAX, future)
        .await
        .unwrap_or_else(|_| panic!("waited {WAIT_MAX:?} for {what}"))
}
