//! The server as a client meets it: REST, sockets, hostile input, the generated files.

mod accounts;
mod audience;
mod generated;
mod groups;
mod handshake;
mod host;
mod hostile;
mod links;
mod live;
mod matrix;
mod people;
mod presence;
mod pressure;
mod rest;
mod resume;
mod typing;
mod unknown;
mod wire;
