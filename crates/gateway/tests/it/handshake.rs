//! A handshake is answered where it was read, or goes through the router: nobody can tell.

use parlor_testkit::{Engine, TestServer, soon};
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// `{"type":"ping"}`, masked with zeros.
const PING: &[u8] = b"\x81\x8f\0\0\0\0{\"type\":\"ping\"}";

fn handshake(path: &str, more: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
    .into_bytes()
}

async fn says(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.expect("written");
}

/// Everything up to a word.
async fn hears(stream: &mut TcpStream, word: &str) -> String {
    let mut heard = Vec::new();
    soon(word, async {
        while !String::from_utf8_lossy(&heard).contains(word) {
            let count = stream.read_buf(&mut heard).await.expect("readable");
            assert_ne!(count, 0, "it ended: {}", String::from_utf8_lossy(&heard));
        }
    })
    .await;
    String::from_utf8_lossy(&heard).into_owned()
}

/// Headers enough for the usual way.
fn many_headers() -> String {
    "x-more: y\r\n".repeat(40)
}

#[rstest]
#[case::at_once(String::new())]
#[case::through_the_router(many_headers())]
#[tokio::test]
async fn what_comes_behind_it_is_heard(#[case] more: String) {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let token = &ada.auth.access_token;
    for path in ["/api/v1/ws", "/api/ws", "/messages/subscribe"] {
        let mut stream = TcpStream::connect(server.address())
            .await
            .expect("connects");
        let bearer = format!("authorization: Bearer {token}\r\n{more}");
        let request = [&handshake(path, &bearer), PING].concat();
        says(&mut stream, &request).await;
        let heard = hears(&mut stream, r#""type":"pong""#).await;
        assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
        let head = heard.to_ascii_lowercase();
        for header in [
            "\r\nconnection: upgrade\r\n",
            "\r\nupgrade: websocket\r\n",
            // RFC 6455, 1.3.
            "\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n",
            "\r\nx-request-id: ",
        ] {
            assert!(head.contains(header), "{header:?} in {heard}");
        }
        assert!(heard.contains(r#""type":"connected""#), "{heard}");
    }
}

#[tokio::test]
async fn it_may_come_in_pieces() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let path = format!("/api/v1/ws?token={}", ada.auth.access_token);
    let request = [&handshake(&path, ""), PING].concat();
    for at in (1..request.len()).step_by(7) {
        let mut stream = TcpStream::connect(server.address())
            .await
            .expect("connects");
        stream.set_nodelay(true).expect("set");
        says(&mut stream, &request[..at]).await;
        tokio::task::yield_now().await;
        says(&mut stream, &request[at..]).await;
        let heard = hears(&mut stream, r#""type":"pong""#).await;
        assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
    }
}

#[rstest]
#[case::another_version("/api/v1/ws", "sec-websocket-version: 12\r\n", "400")]
#[case::two_cursors("/api/v1/ws?cursor=a&cursor=b", "", "400")]
#[case::an_unknown_parameter("/api/v1/ws?key=a", "", "400")]
#[case::elsewhere("/api/v1/wss", "", "404")]
#[tokio::test]
async fn what_is_to_be_refused_is_refused_by_the_router(
    #[case] path: &str,
    #[case] header: &str,
    #[case] status: &str,
) {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("connects");
    let mut request = String::from_utf8(handshake(path, "")).expect("text");
    if !header.is_empty() {
        request = request.replace("sec-websocket-version: 13\r\n", header);
    }
    says(&mut stream, request.as_bytes()).await;
    let heard = hears(&mut stream, r#""code""#).await;
    assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{heard}");
    assert!(heard.contains("application/problem+json"), "{heard}");
}

#[tokio::test]
async fn without_a_token_it_is_answered_before_one_comes() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ada = server.actor("ada").await;
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("connects");
    says(&mut stream, &handshake("/api/v1/ws", "")).await;
    hears(&mut stream, "\r\n\r\n").await;
    let auth = format!(r#"{{"type":"auth","token":"{}"}}"#, ada.auth.access_token);
    let length = u16::try_from(auth.len()).expect("short").to_be_bytes();
    let frame = [&[0x81, 0xfe], &length[..], &[0; 4], auth.as_bytes()].concat();
    says(&mut stream, &frame).await;
    hears(&mut stream, r#""type":"connected""#).await;
}
