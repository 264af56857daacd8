//! What tests are written with: a server, people who use it, both engines, a clock that obeys; and what breaks
//! things: a server process to be killed, a proxy that is a bad network, seeded chance, histories and their checker.
//!
//! ```text
//! let server = TestServer::start(Engine::Sqlite).await;
//! let (ada, grace) = (server.actor("ada").await, server.actor("grace").await);
//! let talk = ada.starts_direct(&grace).await;
//! ada.sends(talk, "hi").await;
//! grace.sees(talk, "hi").await;
//! ```
//!
//! Everything listens on loopback, on free ports, in temporary folders, and ends with its owner.
//! For tests and the torture run only: it panics where a test has to stop.

mod actor;
mod clock;
mod engine;
pub mod history;
mod host_app;
mod process;
pub mod proxy;
mod random;
mod server;
mod wait;

pub use actor::Actor;
pub use clock::FakeClock;
pub use engine::{Engine, TestStore};
pub use host_app::HostApp;
pub use process::{Launch, Process, refused, until_ready};
pub use random::Random;
pub use server::{Options, TestServer};
pub use wait::{WAIT_MAX, soon};
