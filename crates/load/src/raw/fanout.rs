//! The raw send loop: one `send` for each connection and batch, and nothing else.

use std::{
    io::{self, Read, Write},
    net::TcpListener,
};

use anyhow::ensure;

use crate::wire::{TRIGGER_BYTES, WELCOME, write_message};

pub(crate) fn run(
    listener: &TcpListener,
    members: usize,
    bytes: usize,
    batch: usize,
) -> anyhow::Result<()> {
    ensure!(members > 0 && batch > 0, "someone must be there");
    let mut sockets = Vec::with_capacity(members);
    for _ in 0..members {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        socket.write_all(&WELCOME)?;
        sockets.push(socket);
    }
    let mut asked = vec![0; TRIGGER_BYTES * batch];
    let mut held = 0;
    let mut frames = Vec::new();
    loop {
        let read = match sockets[0].read(&mut asked[held..]) {
            // Whoever listened is gone, perhaps without having read everything.
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            read => read?,
        };
        held += read;
        let (numbers, rest) = asked[..held].as_chunks::<TRIGGER_BYTES>();
        frames.clear();
        for number in numbers {
            write_message(u64::from_be_bytes(*number), bytes, &mut frames)?;
        }
        held = rest.len();
        let taken = numbers.len() * TRIGGER_BYTES;
        for socket in &mut sockets {
            socket.write_all(&frames)?;
        }
        asked.copy_within(taken..taken + held, 0);
    }
}
