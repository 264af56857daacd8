//! What the framing takes, byte by byte and beside another implementation.

use proptest::prelude::*;
use tungstenite::{
    error::ProtocolError,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::*;

const MASK: [u8; 4] = [7, 0, 255, 33];

fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(MASKED | length as u8),
        length @ 126..=0xffff => {
            bytes.push(MASKED + 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(MASKED + 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bytes
}

/// All that a stream of bytes says when it comes in pieces, and how it ends.
fn decoded(pieces: &[&[u8]]) -> (Vec<Received>, Option<Broken>) {
    let mut decoder = Decoder::default();
    let mut received = VecDeque::new();
    for piece in pieces {
        if let Err(broken) = decoder.take(&mut piece.to_vec(), &mut received) {
            return (received.into(), Some(broken));
        }
    }
    (received.into(), None)
}

fn text(text: &str) -> Received {
    Received::Text(text.into())
}

#[test]
fn frames_are_found_wherever_they_are_cut() {
    let long = "ä".repeat(200);
    let stream: Vec<u8> = [
        client_frame(FIN | TEXT, b"hello"),
        client_frame(TEXT, b"in "),
        client_frame(FIN | PING, b"between"),
        client_frame(FIN | CONTINUATION, b"pieces"),
        client_frame(FIN | TEXT, long.as_bytes()),
        client_frame(FIN | BINARY, &[1; 70]),
        client_frame(FIN | PONG, b""),
        client_frame(FIN | CLOSE, b"\x03\xe8bye"),
    ]
    .concat();
    let expected = vec![
        text("hello"),
        Received::Ping(Bytes::from_static(b"between")),
        text("in pieces"),
        text(&long),
        Received::Binary,
        Received::Pong,
        Received::Close(Some(1000)),
    ];
    for cut in 0..stream.len() {
        let (before, after) = stream.split_at(cut);
        assert_eq!(decoded(&[before, after]), (expected.clone(), None), "{cut}");
    }
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decoded(&single), (expected, None));
}

#[test]
fn what_is_not_the_protocol_is_refused() {
    let unmasked = [FIN | TEXT, 2, b'h', b'i'];
    assert_eq!(decoded(&[&unmasked]).1, Some(Broken::Protocol));
    for (first, payload) in [
        (FIN | 0x40 | TEXT, &b"reserved bit"[..]),
        (FIN | 3, b"unknown opcode"),
        (FIN | CONTINUATION, b"of nothing"),
        (PING, b"in pieces"),
        (FIN | PING, &[0; 126]),
        (FIN | CLOSE, b"\x03"),
        (FIN | CLOSE, b"\x03\xedabnormal is never sent"),
    ] {
        let bytes = client_frame(first, payload);
        assert_eq!(decoded(&[&bytes]).1, Some(Broken::Protocol), "{bytes:?}");
    }
    let two_begun = [client_frame(TEXT, b"a"), client_frame(TEXT, b"b")].concat();
    assert_eq!(decoded(&[&two_begun]).1, Some(Broken::Protocol));
    let not_text = client_frame(FIN | TEXT, b"\xff\xfe");
    assert_eq!(decoded(&[&not_text]).1, Some(Broken::NotUtf8));
}

#[test]
fn what_is_too_big_is_refused_before_it_has_come() {
    let most = "x".repeat(FRAME_BYTES_MAX);
    let whole = client_frame(FIN | TEXT, most.as_bytes());
    assert_eq!(decoded(&[&whole]), (vec![text(&most)], None));
    let mut announced = vec![FIN | BINARY, MASKED + 127];
    announced.extend((FRAME_BYTES_MAX as u64 + 1).to_be_bytes());
    assert_eq!(decoded(&[&announced]).1, Some(Broken::TooBig));
    announced.truncate(2);
    announced.extend(u64::MAX.to_be_bytes());
    assert_eq!(decoded(&[&announced]).1, Some(Broken::TooBig));
    let pieces = [
        client_frame(TEXT, most.as_bytes()),
        client_frame(FIN | CONTINUATION, b"x"),
    ];
    assert_eq!(decoded(&[&pieces.concat()]).1, Some(Broken::TooBig));
}

#[test]
fn a_decoder_at_rest_holds_nothing() {
    let mut decoder = Decoder::default();
    let mut received = VecDeque::new();
    let bytes = client_frame(FIN | TEXT, &[b'x'; 4000]);
    for piece in bytes.chunks(900) {
        decoder
            .take(&mut piece.to_vec(), &mut received)
            .expect("good");
    }
    assert_eq!(received.len(), 1);
    assert_eq!(decoder.partial.capacity(), 0);
    assert!(decoder.message.is_none());
}

#[test]
fn control_frames_are_as_the_protocol_says() {
    assert_eq!(&ping()[..], [0x89, 0]);
    assert_eq!(&pong(b"hi")[..], [0x8a, 2, b'h', b'i']);
    assert_eq!(&close(Some(4008), "slow")[..], b"\x88\x06\x0f\xa8slow");
    assert_eq!(&close(None, "")[..], [0x88, 0]);
}

/// What another implementation makes of the same bytes: its messages, and whether it went on.
fn elsewhere(bytes: &[u8]) -> (Vec<Received>, bool) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut stream = std::io::Cursor::new(bytes.to_vec());
    let mut received = Vec::new();
    loop {
        let message = match context.read(&mut ReadOnly(&mut stream)) {
            Ok(message) => message,
            Err(
                tungstenite::Error::Io(_)
                | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
            ) => return (received, true),
            Err(_) => return (received, false),
        };
        received.push(match message {
            tungstenite::Message::Text(text) => Received::Text(text.as_str().into()),
            tungstenite::Message::Binary(_) => Received::Binary,
            tungstenite::Message::Ping(payload) => Received::Ping(payload),
            tungstenite::Message::Pong(_) => Received::Pong,
            tungstenite::Message::Close(frame) => {
                received.push(Received::Close(frame.map(|frame| frame.code.into())));
                return (received, true);
            }
            tungstenite::Message::Frame(_) => unreachable!("never read"),
        });
    }
}

/// Writes go nowhere: the other implementation answers pings by itself.
struct ReadOnly<'a>(&'a mut std::io::Cursor<Vec<u8>>);

impl std::io::Read for ReadOnly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl std::io::Write for ReadOnly<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        4 => Just(TEXT), 2 => Just(CONTINUATION), 1 => Just(BINARY), 1 => Just(PING), 1 => Just(PONG), 1 => 0u8..16,
    ];
    let first = (
        opcode,
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.02),
    );
    // Text only: the other one looks at each piece of a message, this one at the whole.
    let payload = "[a-zä€😀]{0,40}".prop_map(String::into_bytes);
    (first, payload).prop_map(|((opcode, is_final, reserved), payload)| {
        // A goodbye ends the comparison, and which codes are good is a list of its own.
        let opcode = if opcode == CLOSE { TEXT } else { opcode };
        let bits = if is_final { FIN } else { 0 } | if reserved { 0x20 } else { 0 };
        client_frame(bits | opcode, &payload)
    })
}

proptest! {
    #[test]
    fn another_implementation_reads_the_same(
        frames in prop::collection::vec(frames(), 0..12),
        cuts in prop::collection::vec(1usize..60, 1..40),
    ) {
        let stream = frames.concat();
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let (received, broken) = decoded(&pieces);
        let (expected, goes_on) = elsewhere(&stream);
        prop_assert_eq!(&received, &expected);
        prop_assert_eq!(broken.is_none(), goes_on);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
        let cut = cut.min(bytes.len());
        let (before, after) = bytes.split_at(cut);
        prop_assert_eq!(decoded(&[before, after]), decoded(&[&bytes]));
    }
}
