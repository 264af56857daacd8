//! Users of the host app who are known to be stored as its tokens say, so that the store need not be
//! asked again. Bounded: who is forgotten is only looked up once more.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use parking_lot::Mutex;
use parlor_auth::HostClaims;
use parlor_protocol::UserId;

/// Users that are remembered for sure; up to twice as many are. One takes some hundred bytes.
const REMEMBERED_MAX: usize = 250_000;

/// What is remembered of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    /// Of name, picture and address.
    fingerprint: u64,
    /// When it was said, if the token tells.
    issued_ms: Option<u64>,
}

impl Said {
    /// Whether these claims are stored, or older than what is: two tokens of one user that are both
    /// good and say different things must not take turns.
    fn covers(self, claims: Self) -> bool {
        let is_older = claims.issued_ms.zip(self.issued_ms);
        self.fingerprint == claims.fingerprint || is_older.is_some_and(|(its, known)| its < known)
    }
}

/// Users and what was said of them, in two generations: when the young one is full,
/// the old one is forgotten.
pub(crate) struct Known {
    hasher: RandomState,
    generations: Mutex<[HashMap<UserId, Said>; 2]>,
    generation_max: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            generations: Mutex::default(),
            generation_max: REMEMBERED_MAX,
        }
    }
}

impl Known {
    /// Whether this user is stored as these claims say, or as newer ones do.
    pub(crate) fn remembers(&self, claims: &HostClaims) -> bool {
        let said = self.said(claims);
        let mut generations = self.generations.lock();
        let [young, old] = &*generations;
        let known = young.get(&claims.sub).or_else(|| old.get(&claims.sub));
        let Some(known) = known.copied().filter(|known| known.covers(said)) else {
            return false;
        };
        // Who is here stays young, and is known since the newest token that says the same.
        let newest = known.issued_ms.max(said.issued_ms);
        if !young.contains_key(&claims.sub) || known.issued_ms != newest {
            let said = Said {
                issued_ms: newest,
                ..known
            };
            self.put(&mut generations, &claims.sub, said);
        }
        true
    }

    /// Notes that this user is stored as these claims say.
    pub(crate) fn remember(&self, claims: &HostClaims) {
        let said = self.said(claims);
        self.put(&mut self.generations.lock(), &claims.sub, said);
    }

    fn said(&self, claims: &HostClaims) -> Said {
        let HostClaims {
            sub: _,
            name,
            picture,
            email,
            email_verified,
            issued_ms,
        } = claims;
        Said {
            fingerprint: self.hasher.hash_one((name, picture, email, email_verified)),
            issued_ms: *issued_ms,
        }
    }

    fn put(&self, generations: &mut [HashMap<UserId, Said>; 2], id: &UserId, said: Said) {
        let [young, old] = generations;
        if young.len() >= self.generation_max {
            *old = std::mem::take(young);
        }
        young.insert(id.clone(), said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(id: &str, name: &str) -> HostClaims {
        HostClaims {
            sub: id.parse().expect("a valid id"),
            name: Some(name.into()),
            picture: None,
            email: None,
            email_verified: None,
            issued_ms: None,
        }
    }

    #[test]
    fn of_two_tokens_the_newer_one_counts() {
        let known = Known::default();
        let said = |name: &str, issued_ms| HostClaims {
            issued_ms,
            ..claims("ada", name)
        };
        known.remember(&said("Ada", Some(2_000)));
        assert!(known.remembers(&said("Ida", Some(1_000))), "older");
        assert!(!known.remembers(&said("Ida", Some(3_000))), "newer");
        assert!(!known.remembers(&said("Ida", Some(2_000))), "as new");
        assert!(!known.remembers(&said("Ida", None)), "nobody knows");
        assert!(known.remembers(&said("Ada", Some(5_000))), "the same");
        assert!(known.remembers(&said("Ida", Some(3_000))), "older by now");
    }

    #[test]
    fn a_user_is_remembered_with_what_was_said_of_them() {
        let known = Known::default();
        known.remember(&claims("ada", "Ada"));
        assert!(known.remembers(&claims("ada", "Ada")));
        assert!(!known.remembers(&claims("ada", "Ida")));
        assert!(!known.remembers(&claims("grace", "Ada")));
        known.remember(&claims("ada", "Ida"));
        assert!(known.remembers(&claims("ada", "Ida")));
        assert!(!known.remembers(&claims("ada", "Ada")));
    }

    #[test]
    fn who_is_here_stays_remembered_and_the_others_are_bounded() {
        let known = Known {
            generation_max: 10,
            ..Known::default()
        };
        for n in 0..1000 {
            known.remember(&claims(&n.to_string(), "x"));
            assert!(n % 5 != 0 || n == 0 || known.remembers(&claims("0", "x")));
        }
        assert!(!known.remembers(&claims("1", "x")));
        let remembered: usize = known.generations.lock().iter().map(HashMap::len).sum();
        assert!(remembered <= 20, "{remembered}");
        // An older entry of theirs does not come back.
        known.remember(&claims("0", "y"));
        assert!(!known.remembers(&claims("0", "x")));
    }
}
