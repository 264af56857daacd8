//! Who connects to a peer, and into which rooms.

use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::{town::CIRCLE, wire::Seat};

/// When tokens end: the year 2100. No round lasts longer.
const EXPIRES: u64 = 4_102_444_800;

/// The people of one run against one server. Its rooms are new: their first message has the number 1.
#[derive(Debug, Clone)]
pub(crate) struct People {
    secret: String,
    /// What tells this run's rooms from those that the server has stored before.
    run: String,
    /// Rooms of each person in which nothing is said.
    quiet: usize,
}

#[derive(Serialize)]
struct Claims {
    sub: String,
    /// The same for ejabberd, which takes nothing but a whole address.
    jid: String,
    rooms: Vec<String>,
    exp: u64,
}

impl People {
    /// People whose tokens are signed with this secret.
    pub(crate) fn new(secret: String) -> Self {
        // The end of an id of version 7 is chance; its beginning is the time.
        let run = uuid::Uuid::now_v7().simple().to_string()[20..].to_owned();
        Self {
            secret,
            run,
            quiet: 0,
        }
    }

    /// The same in so many rooms each: nothing is said in all but one.
    pub(crate) fn in_rooms(self, rooms: usize) -> Self {
        Self {
            quiet: rooms.saturating_sub(1),
            ..self
        }
    }

    pub(crate) fn name(seat: &Seat) -> String {
        format!("u{}", seat.member)
    }

    /// The room that is talked in.
    pub(crate) fn room(&self, seat: &Seat) -> String {
        format!("{}-{}", self.run, seat.room)
    }

    /// All rooms of a person; the one that is talked in comes first.
    pub(crate) fn rooms(&self, seat: &Seat) -> Vec<String> {
        let circle = seat.member / CIRCLE;
        let quiet = (0..self.quiet).map(|number| format!("{}-q{circle}-{number}", self.run));
        std::iter::once(self.room(seat)).chain(quiet).collect()
    }

    pub(crate) fn token(&self, seat: &Seat) -> anyhow::Result<String> {
        let name = Self::name(seat);
        let claims = Claims {
            jid: format!("{name}@localhost"),
            sub: name,
            rooms: self.rooms(seat),
            exp: EXPIRES,
        };
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        encode(&Header::new(Algorithm::HS256), &claims, &key).context("no token for a peer")
    }
}
