//! The client without a server: scenarios, a model, the outbox's file, and the driver against a socket
//! that says what a test tells it to.

mod fill;
mod live;
mod model;
mod outbox;
mod scenarios;
mod server;
