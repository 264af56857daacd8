//! Work that is finished although the client that asked for it has gone.
//!
//! A server drops a request's future when its client hangs up. Between a commit and the event that
//! announces it that would leave something stored that nobody hears of, or a session revoked in the
//! store and still open here. Such work runs in a task of its own.

use parlor_core::Refusal;
use parlor_protocol::Code;

/// Runs work to its end, whatever becomes of the caller.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a use case panicked");
        Err(Refusal::new(
            Code::Internal,
            "the request could not be finished",
        ))
    })
}
