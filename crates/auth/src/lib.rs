//! Credentials: passwords, access and refresh tokens and the server's key.
//!
//! Pure of storage: sessions live in the store, `parlor-app` brings both together. Nothing secret
//! made here implements `Debug` with its content.
#![warn(missing_docs)]

mod keys;
mod password;
mod random;
mod refresh;
mod seal;
mod token;

pub use keys::{Keys, KeysError};
pub use password::{PasswordError, Passwords};
pub use random::{code, uuid_v7};
pub use refresh::RefreshToken;
pub use seal::Seal;
pub use token::{AccessClaims, TokenError, Tokens};
