//! HTTP as someone speaks it who asks one thing after another: one connection, one request at a time.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context, bail, ensure};

/// What one read takes at most, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// A connection of one user.
#[derive(Debug)]
pub(crate) struct Http {
    stream: TcpStream,
    /// What stands in every request.
    headers: String,
    answer: Vec<u8>,
}

impl Http {
    pub(crate) fn connect(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            headers: format!("host: {address}\r\nauthorization: Bearer {token}\r\n\r\n"),
            answer: Vec::new(),
        })
    }

    /// The body at this path; an error when it is refused.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<&[u8]> {
        let request = format!("GET {path} HTTP/1.1\r\n{}", self.headers);
        self.stream.write_all(request.as_bytes())?;
        self.answer.clear();
        let (begin, end) = loop {
            if let Some(body) = body_in(&self.answer)? {
                break body;
            }
            let held = self.answer.len();
            self.answer.resize(held + READ_BYTES, 0);
            let read = self.stream.read(&mut self.answer[held..])?;
            self.answer.truncate(held + read);
            if read == 0 {
                bail!("the server closed the connection");
            }
        };
        Ok(&self.answer[begin..end])
    }
}

/// Where the body of an answer begins and ends, once it is whole.
fn body_in(answer: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(head_bytes) = answer.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..head_bytes])?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    ensure!(
        status.split(' ').nth(1) == Some("200"),
        "refused: {status} {}",
        String::from_utf8_lossy(&answer[head_bytes..])
    );
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let begin = head_bytes + 4;
    let end = begin + length.context("an answer without a length")?;
    Ok((answer.len() >= end).then_some((begin, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_found_when_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for cut in 0..answer.len() {
            assert_eq!(body_in(&answer[..cut]).expect("fine"), None, "cut at {cut}");
        }
        let (begin, end) = body_in(answer).expect("fine").expect("whole");
        assert_eq!(&answer[begin..end], b"hello");
        assert!(body_in(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(body_in(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
