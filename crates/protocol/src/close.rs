//! Close codes of the WebSocket. Their bands tell a client what to do: 1xxx by the standard, 4000
//! and up by the contract's table.

/// Why the server ends a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// 1007: a text frame was not UTF-8; do not repeat it.
    NotUtf8,
    /// 1009: a frame was too big; do not repeat it.
    TooBig,
    /// 1012: the server restarts; resume after the announced wait.
    Restart,
    /// 4001: a frame that is not JSON, not an object, too deep, or of no known shape.
    BadFrame,
    /// 4003: token missing, invalid or expired; refresh it, then resume.
    Unauthorized,
    /// 4004: session revoked or user banned; stop.
    Revoked,
    /// 4007: the cursor is not usable; start over.
    BadCursor,
    /// 4008: the socket reads too slowly; resume.
    TooSlow,
    /// 4009: no sign of life for two heartbeats; resume.
    HeartbeatMissed,
    /// 4029: over the rate limit again and again; resume after the wait.
    RateLimited,
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
            Self::Restart => 1012,
            Self::BadFrame => 4001,
            Self::Unauthorized => 4003,
            Self::Revoked => 4004,
            Self::BadCursor => 4007,
            Self::TooSlow => 4008,
            Self::HeartbeatMissed => 4009,
            Self::RateLimited => 4029,
        }
    }

    /// The reason text on the wire (well under the standard's 123 bytes).
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not utf-8",
            Self::TooBig => "frame too big",
            Self::Restart => "restarting",
            Self::BadFrame => "bad frame",
            Self::Unauthorized => "token missing, invalid or expired",
            Self::Revoked => "session revoked",
            Self::BadCursor => "cursor not usable",
            Self::TooSlow => "too slow",
            Self::HeartbeatMissed => "heartbeat missed",
            Self::RateLimited => "rate limited",
        }
    }
}
