//! Who is writing where: begun, said again, over.
//!
//! A state machine without I/O. Each call says what is to be announced; [`Typing::due`] says what time
//! alone has brought about. However often somebody begins and stops, a conversation hears of one
//! beginning and one end in a second.

use std::collections::HashMap;

use parlor_protocol::{
    ConversationId, UserId,
    limits::{TYPING_MS, TYPING_REPEAT_MS},
};

/// The least time between two beginnings that a conversation hears of, in milliseconds.
const BEGINNINGS_APART_MS: u64 = 1_000;
/// People who write at once, on the whole server: a hundred bytes each. Of more nobody hears.
const TYPISTS_MAX: usize = 100_000;

/// A word for everybody in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
    /// Whether they write.
    pub on: bool,
}

#[derive(Debug, Default)]
struct Typist {
    /// Until when they write unless they say so again; `None` when they have stopped.
    until_ms: Option<u64>,
    /// When the conversation last heard that they do.
    said_ms: Option<u64>,
    /// Whether it still believes so.
    is_believed: bool,
    /// Whether they may.
    is_allowed: bool,
}

impl Typist {
    fn may_be_said(&self, now_ms: u64) -> bool {
        let apart_ms = if self.is_believed {
            TYPING_REPEAT_MS
        } else {
            BEGINNINGS_APART_MS
        };
        self.said_ms.is_none_or(|said| now_ms >= said + apart_ms)
    }

    fn say(&mut self, now_ms: u64) {
        self.said_ms = Some(now_ms);
        self.is_believed = true;
    }
}

/// Everybody who writes.
#[derive(Debug)]
pub struct Typing {
    lasting_ms: u64,
    typists: HashMap<(UserId, ConversationId), Typist>,
}

impl Default for Typing {
    fn default() -> Self {
        Self::lasting(TYPING_MS)
    }
}

impl Typing {
    /// Nobody writes; whoever begins does for so long, in milliseconds.
    pub fn lasting(lasting_ms: u64) -> Self {
        Self {
            lasting_ms,
            typists: HashMap::new(),
        }
    }

    /// Whether there is nobody to remember.
    pub fn is_empty(&self) -> bool {
        self.typists.is_empty()
    }

    /// Somebody says that they write. `false` when it must be asked whether they may, and then
    /// [allowed](Self::allow) or [refused](Self::refuse): what they do meanwhile counts. Soon after the
    /// conversation has heard of it there is nothing to ask.
    pub fn start(
        &mut self,
        user_id: &UserId,
        conversation_id: ConversationId,
        now_ms: u64,
    ) -> bool {
        let key = (user_id.clone(), conversation_id);
        if self.typists.len() >= TYPISTS_MAX && !self.typists.contains_key(&key) {
            return false;
        }
        let typist = self.typists.entry(key).or_default();
        typist.until_ms = Some(now_ms + self.lasting_ms);
        typist.is_believed && !typist.may_be_said(now_ms)
    }

    /// Whoever has started may. `true` when the conversation is to hear it now.
    pub fn allow(
        &mut self,
        user_id: &UserId,
        conversation_id: ConversationId,
        now_ms: u64,
    ) -> bool {
        let typist = self.typists.get_mut(&(user_id.clone(), conversation_id));
        typist.is_some_and(|typist| {
            typist.is_allowed = true;
            let now = typist.until_ms.is_some() && typist.may_be_said(now_ms);
            if now {
                typist.say(now_ms);
            }
            now
        })
    }

    /// They may not, or no more. `true` when the conversation is to hear that it is over.
    pub fn refuse(&mut self, user_id: &UserId, conversation_id: ConversationId) -> bool {
        let typist = self.typists.remove(&(user_id.clone(), conversation_id));
        typist.is_some_and(|typist| typist.is_believed)
    }

    /// Somebody writes no more, or has sent what they wrote. `true` when the conversation is to hear it.
    pub fn stop(&mut self, user_id: &UserId, conversation_id: ConversationId) -> bool {
        let typist = self.typists.get_mut(&(user_id.clone(), conversation_id));
        typist.is_some_and(|typist| {
            typist.until_ms = None;
            std::mem::replace(&mut typist.is_believed, false)
        })
    }

    /// Somebody has no device any more. The conversations that are to hear that they have stopped.
    pub fn leave(&mut self, user_id: &UserId) -> Vec<ConversationId> {
        let mut heard = Vec::new();
        self.typists.retain(|(who, conversation_id), typist| {
            if who == user_id && typist.is_believed {
                heard.push(*conversation_id);
            }
            who != user_id
        });
        heard
    }

    /// What time has brought about. To be asked a few times a second while anybody is remembered.
    pub fn due(&mut self, now_ms: u64) -> Vec<Typed> {
        let mut due = Vec::new();
        self.typists.retain(|(user_id, conversation_id), typist| {
            let mut say = |on| {
                due.push(Typed {
                    conversation_id: *conversation_id,
                    user_id: user_id.clone(),
                    on,
                });
            };
            if typist.until_ms.is_some_and(|until| until <= now_ms) {
                typist.until_ms = None;
            }
            let writes = typist.until_ms.is_some();
            if !writes && std::mem::replace(&mut typist.is_believed, false) {
                say(false);
            }
            if writes && typist.is_allowed && !typist.is_believed && typist.may_be_said(now_ms) {
                typist.say(now_ms);
                say(true);
            }
            // Who has stopped is remembered until they may begin again.
            writes || !typist.may_be_said(now_ms)
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ada() -> UserId {
        "ada".parse().expect("a valid id")
    }

    fn kitchen() -> ConversationId {
        "0190b2c8-0000-7000-8000-000000000001"
            .parse()
            .expect("a valid id")
    }

    /// Somebody who may says that they write; whether the conversation is to hear it.
    fn starts(typing: &mut Typing, user_id: &UserId, now_ms: u64) -> bool {
        !typing.start(user_id, kitchen(), now_ms) && typing.allow(user_id, kitchen(), now_ms)
    }

    fn typed(on: bool) -> Vec<Typed> {
        vec![Typed {
            conversation_id: kitchen(),
            user_id: ada(),
            on,
        }]
    }

    #[test]
    fn it_is_over_when_nobody_says_so_again() {
        let mut typing = Typing::default();
        assert!(starts(&mut typing, &ada(), 0));
        assert_eq!(typing.due(TYPING_MS - 1), []);
        assert_eq!(typing.due(TYPING_MS), typed(false));
        assert_eq!(typing.due(TYPING_MS + 1), []);
        assert!(typing.is_empty(), "nothing is kept");
    }

    #[test]
    fn who_goes_on_is_heard_of_every_three_seconds() {
        let mut typing = Typing::default();
        let mut heard = 0;
        for now_ms in (0..30_000).step_by(100) {
            heard += u32::from(starts(&mut typing, &ada(), now_ms));
            assert_eq!(typing.due(now_ms), []);
        }
        assert_eq!(heard, 10);
    }

    #[test]
    fn a_second_beginning_waits_a_second() {
        let mut typing = Typing::default();
        assert!(starts(&mut typing, &ada(), 0));
        assert!(typing.stop(&ada(), kitchen()));
        assert!(!typing.stop(&ada(), kitchen()), "once");
        assert!(!starts(&mut typing, &ada(), 10));
        assert_eq!(typing.due(BEGINNINGS_APART_MS - 1), []);
        assert_eq!(typing.due(BEGINNINGS_APART_MS), typed(true));
        assert!(typing.stop(&ada(), kitchen()));
    }

    #[test]
    fn who_is_gone_has_stopped_everywhere() {
        let mut typing = Typing::default();
        starts(&mut typing, &ada(), 0);
        assert_eq!(typing.leave(&ada()), [kitchen()]);
        assert_eq!(typing.leave(&ada()), []);
        assert!(typing.is_empty());
    }

    #[test]
    fn a_crowd_is_bounded() {
        let mut typing = Typing::default();
        let nth = |n: usize| n.to_string().parse::<UserId>().expect("a valid id");
        for n in 0..TYPISTS_MAX {
            assert!(starts(&mut typing, &nth(n), 0));
        }
        assert!(!starts(&mut typing, &ada(), 0));
        assert!(typing.start(&nth(0), kitchen(), 1), "still one of them");
        let later_ms = 2 * TYPING_MS;
        typing.due(later_ms);
        assert!(starts(&mut typing, &ada(), later_ms));
    }

    #[test]
    fn who_stops_while_it_is_asked_has_not_begun() {
        let mut typing = Typing::default();
        assert!(!typing.start(&ada(), kitchen(), 0));
        assert!(!typing.stop(&ada(), kitchen()));
        assert!(!typing.allow(&ada(), kitchen(), 1));
        assert_eq!(typing.due(2), []);
        assert!(typing.is_empty());
    }

    #[test]
    fn of_those_who_may_not_nobody_hears() {
        let mut typing = Typing::default();
        assert!(!typing.start(&ada(), kitchen(), 0));
        assert_eq!(typing.due(1), []);
        assert!(!typing.refuse(&ada(), kitchen()));
        assert!(typing.is_empty());
        assert!(starts(&mut typing, &ada(), 2));
        assert!(typing.refuse(&ada(), kitchen()), "removed while they write");
    }

    proptest! {
        /// Whatever somebody does: words alternate but for repetitions, are never more than two in a second,
        /// and in the end nobody is believed to write.
        #[test]
        fn floods_are_thin(steps in prop::collection::vec((0_u8..3, 0_u64..700), 1..300)) {
            let mut typing = Typing::default();
            let mut now_ms = 0;
            let mut words = Vec::new();
            for (step, later_ms) in steps {
                now_ms += later_ms;
                words.extend(typing.due(now_ms).into_iter().map(|typed| (now_ms, typed.on)));
                match step {
                    0 => if typing.stop(&ada(), kitchen()) { words.push((now_ms, false)); },
                    _ => if starts(&mut typing, &ada(), now_ms) {
                        words.push((now_ms, true));
                    },
                }
            }
            words.extend(typing.due(now_ms + TYPING_MS).into_iter().map(|typed| (now_ms + TYPING_MS, typed.on)));
            let starts: Vec<u64> = words.iter().filter(|(_, on)| *on).map(|(at, _)| *at).collect();
            prop_assert!(starts.windows(2).all(|pair| pair[1] >= pair[0] + BEGINNINGS_APART_MS));
            prop_assert!(words.windows(2).all(|pair| pair[0].1 || pair[1].1), "no end without a beginning");
            prop_assert!(words.last().is_none_or(|(_, on)| !on));
        }
    }
}
