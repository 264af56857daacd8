//! Credentials: passwords, access and refresh tokens, a host app's tokens and the server's key.
//!
//! Pure of storage: sessions live in the store, `parlor-app` brings both together. Nothing secret
//! made here implements `Debug` with its content.
#![warn(missing_docs)]

mod host;
mod keys;
mod password;
mod random;
mod refresh;
mod seal;
mod token;

pub use host::{HOST_SECRET_BYTES_MIN, HostClaims, HostTokens, HostTokensError};
pub use keys::{Keys, KeysError};
pub use password::{PasswordError, Passwords};
pub use random::{code, code_hash, uuid_v7};
pub use refresh::RefreshToken;
pub use seal::Seal;
pub use token::{AccessClaims, TokenError, Tokens, claims_to_be_own};
