//! Login links: codes that sign somebody in once, soon. Only a demo server hands them out.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use parlor_protocol::{Timestamp, UserId};

/// How long a link works.
const LIFETIME: Duration = Duration::from_mins(30);
/// Links that wait at once; more are not made.
const LINKS_MAX: usize = 1000;

#[derive(Default)]
pub(crate) struct LoginLinks {
    waiting: Mutex<HashMap<String, (UserId, Timestamp)>>,
}

impl LoginLinks {
    pub(crate) fn make(&self, user_id: UserId, now: Timestamp) -> Option<String> {
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, (_, end)| *end > now);
        if waiting.len() >= LINKS_MAX {
            return None;
        }
        let code = parlor_auth::code();
        waiting.insert(code.clone(), (user_id, now.plus(LIFETIME)));
        Some(code)
    }

    pub(crate) fn take(&self, code: &str, now: Timestamp) -> Option<UserId> {
        self.waiting
            .lock()
            .remove(code)
            .filter(|(_, end)| *end > now)
            .map(|(user_id, _)| user_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_works_once_and_not_for_long() {
        let links = LoginLinks::default();
        let ada: UserId = "ada".parse().expect("a valid id");
        let code = links.make(ada.clone(), Timestamp(0)).expect("made");
        assert_eq!(links.take(&code, Timestamp(1)), Some(ada.clone()));
        assert_eq!(links.take(&code, Timestamp(1)), None);
        let code = links.make(ada, Timestamp(0)).expect("made");
        assert_eq!(links.take(&code, Timestamp(0).plus(LIFETIME)), None);
    }
}
