//! People who are in many conversations, as those who leave a socket open are.

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use parlor_protocol::ConversationId;

use crate::server::{Measured, Person};

/// People who share their conversations: most are small.
pub(crate) const CIRCLE: usize = 10;
/// Conversations that are made at once.
const AT_ONCE: usize = 16;

/// Circles of people.
#[derive(Debug, Clone)]
pub(crate) struct Town {
    pub(crate) people: Vec<Person>,
    /// One for each circle, in all of its conversations, not one of the people.
    pub(crate) writers: Vec<Person>,
    /// The conversations of each circle.
    pub(crate) talks: Vec<Vec<ConversationId>>,
}

impl Town {
    /// Makes so many people, each in so many conversations.
    pub(crate) async fn found(
        server: &Measured,
        people: usize,
        conversations: usize,
    ) -> anyhow::Result<Self> {
        let people = server.people(people).await?;
        let writers = server.people(people.len().div_ceil(CIRCLE)).await?;
        let circles = people.chunks(CIRCLE).zip(&writers);
        let wanted = circles.flat_map(|circle| std::iter::repeat_n(circle, conversations));
        let made: Vec<ConversationId> = stream::iter(wanted)
            .map(|(circle, writer)| server.group(writer, circle))
            .buffered(AT_ONCE)
            .try_collect()
            .await
            .context("no conversations")?;
        let talks = made.chunks(conversations.max(1)).map(<[_]>::to_vec);
        Ok(Self {
            talks: talks.collect(),
            people,
            writers,
        })
    }

    /// The first conversation of a person, if they are in any.
    pub(crate) fn talk_of(&self, person: usize) -> Option<ConversationId> {
        self.talks.get(person / CIRCLE)?.first().copied()
    }
}
