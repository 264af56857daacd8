//! The demo's people and conversations as they stand in `content.json`.

use std::collections::HashMap;

use parlor_protocol::{ConversationKind, Timestamp};
use serde::Deserialize;

const DAY_MS: i64 = 24 * 3600 * 1000;
const MINUTE_MS: i64 = 60 * 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) people: Vec<Person>,
    pub(super) conversations: Vec<Conversation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) handle: String,
    pub(super) name: String,
    pub(super) bio: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conversation {
    pub(super) kind: ConversationKind,
    pub(super) title: Option<String>,
    pub(super) label: Option<String>,
    /// Handles; the first is the owner.
    pub(super) members: Vec<String>,
    pub(super) messages: Vec<Line>,
    /// How many of the newest messages a member has not read; the others have read everything.
    #[serde(default)]
    pub(super) read: HashMap<String, usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) from: String,
    /// `-12d 09:14`: days before today, and the time of day in UTC.
    pub(super) at: String,
    pub(super) text: String,
}

impl Content {
    pub(super) fn load() -> Self {
        serde_json::from_str(include_str!("content.json"))
            .expect("the demo's content is checked by a test")
    }

    /// The newest message's time as if today were day 0.
    pub(super) fn newest(&self) -> i64 {
        self.conversations
            .iter()
            .flat_map(|c| &c.messages)
            .filter_map(|line| offset_ms(&line.at))
            .max()
            .unwrap_or(0)
    }
}

/// Where midnight of "today" is put so that no message lies in the future.
pub(super) fn today(now: Timestamp, newest_ms: i64) -> i64 {
    let midnight = now.0 - now.0.rem_euclid(DAY_MS);
    if midnight + newest_ms <= now.0 {
        midnight
    } else {
        midnight - DAY_MS
    }
}

/// `-12d 09:14` as milliseconds from today's midnight.
pub(super) fn offset_ms(at: &str) -> Option<i64> {
    let (days, time) = at.split_once("d ")?;
    let (hours, minutes) = time.split_once(':')?;
    let days: i64 = days.strip_prefix('-')?.parse().ok()?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    Some(minutes * MINUTE_MS - days * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_whole() {
        let content = Content::load();
        assert_eq!(content.people.len(), 8);
        assert!(content.conversations.len() >= 6);
        let handles: Vec<&str> = content.people.iter().map(|p| p.handle.as_str()).collect();
        for conversation in &content.conversations {
            let times: Vec<i64> = conversation
                .messages
                .iter()
                .map(|line| offset_ms(&line.at).expect("a time"))
                .collect();
            assert!(
                times.is_sorted(),
                "{:?} is out of order",
                conversation.title
            );
            assert!(
                conversation
                    .members
                    .iter()
                    .all(|m| handles.contains(&m.as_str()))
            );
            assert!(
                conversation
                    .messages
                    .iter()
                    .all(|l| conversation.members.contains(&l.from))
            );
            assert!(
                conversation
                    .read
                    .keys()
                    .all(|m| conversation.members.contains(m))
            );
        }
        assert!(
            content
                .conversations
                .iter()
                .map(|c| c.messages.len())
                .sum::<usize>()
                >= 300
        );
    }

    #[test]
    fn nothing_lies_in_the_future() {
        let newest = 8 * 3600 * 1000;
        for now in [0, 3 * 3600 * 1000, 9 * 3600 * 1000, 23 * 3600 * 1000] {
            let now = Timestamp(20_000 * DAY_MS + now);
            assert!(today(now, newest) + newest <= now.0);
        }
    }
}
