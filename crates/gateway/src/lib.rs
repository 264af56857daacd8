//! The ways in: REST, the WebSocket, the embedded web app, health.
//!
//! Framing only. A request becomes a call of [`App`](parlor_app::App), a socket's frames go through
//! [`Session`](parlor_core::session::Session); refusals become problem documents or error frames.
//!
//! Never here: a rule, the store, a second way to send a message.

mod assets;
mod auth;
mod config;
mod documents;
mod extract;
mod guarded;
mod health;
mod problem;
mod request;
mod rest;
mod router;
mod server;
mod state;
mod ws;

pub use config::GatewayConfig;
pub use documents::{asyncapi, openapi};
pub use server::{BindError, Server};
