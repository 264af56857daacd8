//! Rate limits by key (an account, an address), in a bounded map.

use std::collections::HashMap;

use parking_lot::Mutex;
use parlor_core::{Bucket, Rate};

/// Keys that are remembered at once. When they are all in use, strangers share one bucket: a flood
/// of made-up keys cannot grow the map or lift the limit.
const KEYS_MAX: usize = 100_000;

/// One rate for many keys.
pub(crate) struct Limiter {
    rate: Rate,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_key: HashMap<String, Bucket>,
    strangers: Bucket,
}

impl Limiter {
    /// A limiter that gives each key this rate.
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::default(),
        }
    }

    /// Takes one unit for a key, or says in how many milliseconds one is there.
    pub(crate) fn take(&self, key: &str, now_ms: u64) -> Result<(), u64> {
        let mut buckets = self.buckets.lock();
        if !buckets.by_key.contains_key(key) {
            if buckets.by_key.len() >= KEYS_MAX {
                buckets.by_key.retain(|_, bucket| !bucket.is_full(now_ms));
            }
            if buckets.by_key.len() >= KEYS_MAX {
                return buckets.strangers.take(self.rate, now_ms);
            }
            buckets.by_key.insert(key.to_owned(), Bucket::default());
        }
        let rate = self.rate;
        buckets
            .by_key
            .get_mut(key)
            .expect("inserted above")
            .take(rate, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_allowance() {
        let limiter = Limiter::new(Rate {
            per_minute: 60,
            burst: 2,
        });
        assert!(limiter.take("ada", 1000).is_ok() && limiter.take("ada", 1000).is_ok());
        assert_eq!(limiter.take("ada", 1000), Err(1000));
        assert!(limiter.take("grace", 1000).is_ok());
        assert!(limiter.take("ada", 2000).is_ok());
    }

    #[test]
    fn made_up_keys_do_not_grow_the_map() {
        let limiter = Limiter::new(Rate {
            per_minute: 60,
            burst: 1,
        });
        for n in 0..KEYS_MAX {
            assert!(limiter.take(&n.to_string(), 1000).is_ok());
        }
        assert!(limiter.take("one more", 1000).is_ok());
        assert!(limiter.take("and another", 1000).is_err());
        assert!(limiter.take("later", 10_000).is_ok());
        assert_eq!(limiter.buckets.lock().by_key.len(), 1);
    }
}
