//! Why something is not done, in the words that every transport passes on.

use parlor_protocol::{Code, FieldError};

/// A refusal: a stable code and what happened this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Refusal {
    /// The stable word.
    pub code: Code,
    /// A sentence for people.
    pub detail: String,
    /// The fields at fault, if any.
    pub fields: Vec<FieldError>,
    /// When a repetition makes sense, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal with a sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after_ms: None,
        }
    }

    /// A field that breaks a rule.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: Code::InvalidRequest,
            detail: format!("{field}: {message}"),
            fields: vec![FieldError {
                field: field.to_owned(),
                message,
            }],
            retry_after_ms: None,
        }
    }

    /// It does not exist, or the caller may not know that it does: the two must look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("no such {what}"))
    }

    /// Over a rate limit; try again after `retry_after_ms`.
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(
                Code::RateLimited,
                format!("too many requests, try again in {retry_after_ms} ms"),
            )
        }
    }
}
