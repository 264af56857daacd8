//! The raw accept loop: a connection is accepted, welcomed, and closed by whoever opened it. The
//! welcome may be as long as what a server has to say to someone who comes back.

use std::{
    collections::VecDeque,
    io::Write,
    net::{TcpListener, TcpStream},
};

use anyhow::ensure;

use crate::wire::{WELCOME, websocket};

pub(crate) fn run(listener: &TcpListener, keep: usize, bytes: usize) -> anyhow::Result<()> {
    ensure!(keep > 0, "someone must be there");
    let mut welcome = Vec::with_capacity(bytes + websocket::HEADER_BYTES_MAX);
    if bytes > 0 {
        websocket::write_server_frame(websocket::TEXT, &vec![b'x'; bytes], &mut welcome);
    }
    welcome.extend_from_slice(&WELCOME);
    // Kept, so that closing them is not counted with opening others; older ones were closed by their
    // peer long ago.
    let mut kept: VecDeque<TcpStream> = VecDeque::with_capacity(keep);
    loop {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        // Who has gone before it was welcomed is no reason to stop.
        drop(socket.write_all(&welcome));
        if kept.len() == keep {
            kept.pop_front();
        }
        kept.push_back(socket);
    }
}
