//! The raw echo: one task for each connection that owns no buffer while it waits, as the smallest
//! server on the same runtime would be.

use std::io::{self, ErrorKind};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

/// Read at once, in bytes.
const READ_BYTES: usize = 1024;

pub(crate) fn run(listener: std::net::TcpListener) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (socket, _) = listener.accept().await?;
            tokio::spawn(echo(socket));
        }
    })
}

async fn echo(mut socket: TcpStream) -> io::Result<()> {
    loop {
        socket.readable().await?;
        if let Some(bytes) = read(&socket)? {
            socket.write_all(&bytes).await?;
        }
    }
}

/// What there is to read. By itself, or the place for it would be a part of every waiting task.
fn read(socket: &TcpStream) -> io::Result<Option<Box<[u8]>>> {
    let mut bytes = [0; READ_BYTES];
    match socket.try_read(&mut bytes) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(read) => Ok(Some(bytes[..read].into())),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
