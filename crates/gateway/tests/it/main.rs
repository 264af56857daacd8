//! The server as a client meets it: REST, sockets, hostile input, the generated files.

mod accounts;
mod generated;
mod handshake;
mod host;
mod hostile;
mod live;
mod presence;
mod pressure;
mod rest;
mod resume;
mod typing;
mod unknown;
mod wire;
