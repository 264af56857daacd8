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

/// Users and a fingerprint of what was said of them, in two generations: when the young one is full,
/// the old one is forgotten.
pub(crate) struct Known {
    hasher: RandomState,
    generations: Mutex<[HashMap<UserId, u64>; 2]>,
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
    /// Whether this user was stored as these claims say.
    pub(crate) fn remembers(&self, claims: &HostClaims) -> bool {
        let fingerprint = self.hasher.hash_one(claims);
        let mut generations = self.generations.lock();
        let [young, old] = &*generations;
        if young.get(&claims.sub) == Some(&fingerprint) {
            return true;
        }
        // A newer entry goes before an older one of the same user.
        let remembered =
            !young.contains_key(&claims.sub) && old.get(&claims.sub) == Some(&fingerprint);
        if remembered {
            self.put(&mut generations, claims, fingerprint);
        }
        remembered
    }

    /// Notes that this user is stored as these claims say.
    pub(crate) fn remember(&self, claims: &HostClaims) {
        let fingerprint = self.hasher.hash_one(claims);
        self.put(&mut self.generations.lock(), claims, fingerprint);
    }

    fn put(
        &self,
        generations: &mut [HashMap<UserId, u64>; 2],
        claims: &HostClaims,
        fingerprint: u64,
    ) {
        let [young, old] = generations;
        if young.len() >= self.generation_max {
            *old = std::mem::take(young);
        }
        young.insert(claims.sub.clone(), fingerprint);
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
        }
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
