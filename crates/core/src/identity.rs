//! Who acts: the person and the credential behind a request or a socket.

use parlor_protocol::{SessionId, UserId};

/// The person that a use case is executed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The session; none for a host app's token.
    pub session_id: Option<SessionId>,
}

/// A verified credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whom it speaks for.
    pub actor: Actor,
    /// How long it is still good for, in milliseconds from the moment of verification.
    pub expires_in_ms: u64,
}
