//! Token bucket: how fast somebody may go, with a burst.

/// A steady rate and how far it may be overdrawn at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Steady rate, in units per minute.
    pub per_minute: u32,
    /// Units that may be taken at once after a rest.
    pub burst: u32,
}

/// A bucket of the generic-cell-rate kind: one number of state, exact in integers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    /// The moment at which the bucket is full again, in microseconds on the caller's clock.
    full_at_us: u64,
}

impl Bucket {
    /// Takes one unit, or says in how many milliseconds one is there (at least 1).
    pub fn take(&mut self, rate: Rate, now_ms: u64) -> Result<(), u64> {
        let now_us = now_ms.saturating_mul(1000);
        let per_unit_us = 60_000_000 / u64::from(rate.per_minute.max(1));
        let tolerance_us = per_unit_us * u64::from(rate.burst.max(1));
        let full_at_us = self.full_at_us.max(now_us) + per_unit_us;
        let overdraft_us = (full_at_us - now_us).saturating_sub(tolerance_us);
        if overdraft_us > 0 {
            return Err(overdraft_us.div_ceil(1000));
        }
        self.full_at_us = full_at_us;
        Ok(())
    }

    /// Whether the bucket is as full as a new one, so that it need not be remembered.
    pub fn is_full(&self, now_ms: u64) -> bool {
        self.full_at_us <= now_ms.saturating_mul(1000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate {
            per_minute: 600,
            burst: 5,
        };
        let mut bucket = Bucket::default();
        let taken = (0..20).filter(|_| bucket.take(rate, 1000).is_ok()).count();
        assert_eq!(taken, 5);
        let wait = bucket.take(rate, 1000).expect_err("the bucket is empty");
        assert_eq!(wait, 100);
        assert_eq!(bucket.take(rate, 1000 + wait), Ok(()));
    }

    proptest! {
        /// However it is asked, no window of time gives more than burst + rate × time.
        #[test]
        fn never_more_than_burst_and_rate(gaps in prop::collection::vec(0_u64..300, 1..200), per_minute in 1_u32..6000, burst in 1_u32..50) {
            let rate = Rate { per_minute, burst };
            let mut bucket = Bucket::default();
            let (mut now, mut taken) = (0, 0_u64);
            for gap in gaps {
                now += gap;
                taken += u64::from(bucket.take(rate, now).is_ok());
                prop_assert!(taken <= u64::from(burst) + now * u64::from(per_minute) / 60_000 + 1);
            }
        }
    }
}
