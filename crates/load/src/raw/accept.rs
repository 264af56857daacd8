//! The raw accept loop: a connection is accepted, welcomed, and closed by whoever opened it.

use std::{
    collections::VecDeque,
    io::Write,
    net::{TcpListener, TcpStream},
};

use crate::wire::WELCOME;

/// Connections that are kept, so that closing them is not counted with opening others; older ones
/// were closed by their peer long ago.
const KEPT_MAX: usize = 4096;

pub(crate) fn run(listener: &TcpListener) -> anyhow::Result<()> {
    let mut kept: VecDeque<TcpStream> = VecDeque::with_capacity(KEPT_MAX);
    loop {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        socket.write_all(&WELCOME)?;
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(socket);
    }
}
