//! The raw accept loop: a connection is accepted and welcomed. The welcome may be as long as what a
//! server has to say to someone who comes back.
//!
//! When everybody has been there and has gone again, one more knocks: then all are closed at once, so
//! that closing is not counted with opening.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
};

use anyhow::ensure;

use crate::wire::{WELCOME, websocket};

pub(crate) fn run(listener: &TcpListener, clients: usize, bytes: usize) -> anyhow::Result<()> {
    ensure!(clients > 0, "someone must be there");
    let mut welcome = Vec::with_capacity(bytes + websocket::HEADER_BYTES_MAX + WELCOME.len());
    if bytes > 0 {
        websocket::write_server_frame(websocket::TEXT, &vec![b'x'; bytes], &mut welcome);
    }
    welcome.extend_from_slice(&WELCOME);
    let mut kept: Vec<TcpStream> = Vec::with_capacity(clients);
    loop {
        let (mut socket, _) = listener.accept()?;
        if kept.len() == clients {
            kept.clear();
            continue;
        }
        socket.set_nodelay(true)?;
        socket.write_all(&welcome)?;
        kept.push(socket);
    }
}
