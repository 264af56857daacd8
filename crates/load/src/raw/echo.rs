//! The raw echo: one task for each connection that owns no buffer while it waits, as the smallest
//! server on the same runtime would be.

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

async fn echo(mut socket: TcpStream) -> std::io::Result<()> {
    loop {
        socket.readable().await?;
        let mut bytes = [0; READ_BYTES];
        match socket.try_read(&mut bytes) {
            Ok(0) => return Ok(()),
            // Boxed, or the place for these bytes would be a part of every waiting task.
            Ok(read) => Box::pin(write(&mut socket, bytes[..read].into())).await?,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(socket: &mut TcpStream, bytes: Box<[u8]>) -> std::io::Result<()> {
    socket.write_all(&bytes).await
}
