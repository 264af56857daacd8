//! The raw durable answer: for each number that is asked for, one page is written to a file and
//! synced, then a frame goes back. A disk and a round trip, and nothing else.
//!
//! The file is as long as it gets before it begins, and written over and over, as a database does with
//! its log: a file that grows would pay for its new length as well.

use std::{
    fs::File,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::FileExt,
    path::Path,
};

use crate::wire::{TRIGGER_BYTES, WELCOME, write_message};

/// A page of the file, in bytes.
const PAGE_BYTES: usize = 4096;
/// Pages of the file: what SQLite's log has by default before it begins again.
const PAGES: u64 = 1000;

pub(crate) fn run(listener: &TcpListener, dir: &Path, bytes: usize) -> anyhow::Result<()> {
    let file = File::create(dir.join("synced"))?;
    let page = [1; PAGE_BYTES];
    for place in 0..PAGES {
        file.write_all_at(&page, place * PAGE_BYTES as u64)?;
    }
    file.sync_all()?;
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    socket.write_all(&WELCOME)?;
    let mut asked = [0; TRIGGER_BYTES];
    let mut frame = Vec::new();
    while socket.read_exact(&mut asked).is_ok() {
        let number = u64::from_be_bytes(asked);
        file.write_all_at(&page, number % PAGES * PAGE_BYTES as u64)?;
        file.sync_data()?;
        frame.clear();
        write_message(number, bytes, &mut frame)?;
        socket.write_all(&frame)?;
    }
    Ok(())
}
