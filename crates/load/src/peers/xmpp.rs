//! XMPP over bare TCP: a token by SASL PLAIN, then rooms of XEP-0045.
//!
//! Every copy names its recipient, so each is read by itself. A room has no acks: what it sends back to
//! the sender, after archiving it, is one.

use std::io::Write;

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    payload::{TEXT_BYTES, number_in, write_text},
    peers::People,
    wire::{Heard, Protocol, Seat},
};

const STREAM: &[u8] = b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";

/// The steps of a connection. From the last one on they count the rooms that were joined.
const OPENING: u8 = 0;
const AUTHENTICATING: u8 = 1;
const OPENING_AGAIN: u8 = 2;
const BINDING: u8 = 3;
const JOINING: u8 = 4;

#[derive(Debug)]
pub(crate) struct Xmpp {
    people: People,
}

impl Xmpp {
    pub(crate) fn new(people: People) -> Self {
        Self { people }
    }

    /// What is answered while a connection opens. None when the stanza is not what opens it further.
    fn opening(
        &self,
        seat: &mut Seat,
        name: &[u8],
        out: &mut Vec<u8>,
    ) -> anyhow::Result<Option<Heard>> {
        match (seat.step, name) {
            (OPENING, b"stream:features") => {
                let said = format!("\0{}\0{}", People::name(seat), self.people.token(seat)?);
                write!(
                    out,
                    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
                    STANDARD.encode(said)
                )?;
                seat.step = AUTHENTICATING;
            }
            (AUTHENTICATING, b"success") => {
                out.extend_from_slice(STREAM);
                seat.step = OPENING_AGAIN;
            }
            (OPENING_AGAIN, b"stream:features") => {
                out.extend_from_slice(
                    b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
                );
                seat.step = BINDING;
            }
            (BINDING, b"iq") => {
                let name = People::name(seat);
                for room in self.people.rooms(seat) {
                    write!(
                        out,
                        "<presence to='{room}@conference.localhost/{name}'>\
                         <x xmlns='http://jabber.org/protocol/muc'/></presence>"
                    )?;
                }
                seat.step = JOINING;
            }
            _ => return Ok(None),
        }
        Ok(Some(Heard::Nothing))
    }

    /// One's own presence ends the list of those who are there: one is in the room.
    fn presence(&self, seat: &mut Seat, stanza: &[u8]) -> anyhow::Result<Heard> {
        ensure!(
            !contains(stanza, b"type='error'"),
            "a room is closed: {}",
            String::from_utf8_lossy(stanza)
        );
        if !contains(stanza, b"code='110'") {
            return Ok(Heard::Nothing);
        }
        seat.step += 1;
        let joined = usize::from(seat.step - JOINING);
        if joined == self.people.rooms(seat).len() {
            return Ok(Heard::Ready);
        }
        Ok(Heard::Nothing)
    }

    fn message(&self, seat: &Seat, stanza: &[u8]) -> anyhow::Result<Heard> {
        let Some(number) = number_in(stanza, TEXT_BYTES)? else {
            // A room's subject.
            ensure!(
                !contains(stanza, b"type='error'"),
                "refused: {}",
                String::from_utf8_lossy(stanza)
            );
            return Ok(Heard::Nothing);
        };
        let from = format!("from='{}@conference.localhost/", self.people.room(seat));
        let at = find(stanza, from.as_bytes()).context("a message of another room")?;
        let sender = &stanza[at + from.len()..];
        let own = format!("{}'", People::name(seat));
        if sender.starts_with(own.as_bytes()) {
            return Ok(Heard::Reflection(number));
        }
        Ok(Heard::Delivery(number))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    find(bytes, what).is_some()
}

/// The name of the element at the front, which may be an end tag or a declaration.
fn name(bytes: &[u8]) -> &[u8] {
    let rest = bytes.get(1..).unwrap_or_default();
    let end = rest
        .iter()
        .position(|byte| b" \n/>".contains(byte))
        .unwrap_or(rest.len());
    &rest[..end]
}

impl Protocol for Xmpp {
    fn open(&self, _seat: &Seat, out: &mut Vec<u8>) {
        out.extend_from_slice(STREAM);
    }

    fn split(&self, _seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        let Some(tag_end) = bytes.iter().position(|byte| *byte == b'>') else {
            return Ok(None);
        };
        ensure!(bytes[0] == b'<', "no stanza begins here");
        let name = name(bytes);
        let is_single = bytes[tag_end - 1] == b'/'
            || [b"?xml".as_slice(), b"stream:stream", b""].contains(&name);
        if is_single {
            return Ok(Some(tag_end + 1));
        }
        let end_tag = [b"</".as_slice(), name, b">"].concat();
        let rest = &bytes[tag_end..];
        Ok(find(rest, &end_tag).map(|at| tag_end + at + end_tag.len()))
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        let name = name(frame);
        if let Some(heard) = self.opening(seat, name, out)? {
            return Ok(heard);
        }
        match name {
            b"message" => self.message(seat, frame),
            b"presence" => self.presence(seat, frame),
            b"iq" | b"?xml" | b"stream:stream" => Ok(Heard::Nothing),
            _ => bail!("unexpected: {}", String::from_utf8_lossy(frame)),
        }
    }

    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "<message to='{}@conference.localhost' type='groupchat' id='{number}'><body>",
            self.people.room(seat)
        );
        write_text(number, TEXT_BYTES, out);
        out.extend_from_slice(b"</body></message>");
    }

    fn acks(&self) -> bool {
        true
    }

    fn same_bytes(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_found_however_their_bytes_are_split() {
        let stanzas = [
            "<?xml version='1.0'?>",
            "<stream:stream id='1' from='localhost'>",
            "<stream:features><a/><b>text</b></stream:features>",
            "<success xmlns='urn'/>",
            "<message from='room'><subject/></message>",
            "<presence><x><status code='110'/></x></presence>",
        ];
        let bytes = stanzas.concat();
        let xmpp = Xmpp::new(People::new("secret".to_owned()));
        let seat = Seat {
            member: 0,
            room: 0,
            step: OPENING,
        };
        for cut in 0..bytes.len() {
            let (mut found, mut parsed) = (Vec::new(), 0);
            for end in [cut, bytes.len()] {
                while let Some(length) = xmpp
                    .split(&seat, &bytes.as_bytes()[parsed..end])
                    .expect("fine")
                {
                    found.push(&bytes[parsed..parsed + length]);
                    parsed += length;
                }
            }
            assert_eq!(found, stanzas);
        }
    }
    #[test]
    fn what_the_server_says_is_understood() {
        let mut xmpp = Xmpp::new(People::new("secret".to_owned()));
        let mut seat = Seat {
            member: 1,
            room: 0,
            step: OPENING,
        };
        let room = xmpp.people.room(&seat);
        let mut text = Vec::new();
        write_text(7, TEXT_BYTES, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut hear = |stanza: &str| {
            let mut out = Vec::new();
            let heard = xmpp.hear(&mut seat, stanza.as_bytes(), &mut out);
            (heard, String::from_utf8(out).expect("text"))
        };
        let features = "<stream:features><mechanisms/></stream:features>";
        assert!(hear(features).1.starts_with("<auth "));
        assert!(
            hear("<success xmlns='urn'/>")
                .1
                .starts_with("<stream:stream ")
        );
        assert!(hear(features).1.starts_with("<iq type='set' id='bind'>"));
        assert!(hear("<iq type='result' id='bind'></iq>").1.contains(&room));
        let own = "<presence><x><status code='201'/><status code='110'/></x></presence>";
        assert_eq!(hear(own).0.expect("fine"), Heard::Ready);
        let message = |sender: &str| {
            format!(
                "<message to='u1@localhost/12' from='{room}@conference.localhost/{sender}' \
                 type='groupchat' id='7'><body>{text}</body></message>"
            )
        };
        assert_eq!(hear(&message("u10")).0.expect("fine"), Heard::Delivery(7));
        assert_eq!(hear(&message("u1")).0.expect("fine"), Heard::Reflection(7));
        assert!(hear(&message("u1").replace(&room, "elsewhere")).0.is_err());
        assert!(hear("<failure><not-authorized/></failure>").0.is_err());
    }
}
