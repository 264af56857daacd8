//! Full jitter: how long to wait before the next try.

/// Ceiling of the first pause, in milliseconds; doubled for each further one.
const BACKOFF_BASE_MS: u64 = 500;
/// Ceiling of every pause, in milliseconds.
const BACKOFF_MAX_MS: u64 = 30_000;

/// A random time below min(30 s, 500 ms × 2ⁿ), for the `failures`-th failure in a row, counted from 0.
pub(crate) fn backoff_ms(failures: u32, random: f64) -> u64 {
    let ceiling_ms = BACKOFF_BASE_MS
        .saturating_mul(1 << failures.min(16))
        .min(BACKOFF_MAX_MS);
    (ceiling_ms as f64 * random) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r13_pauses_double_up_to_thirty_seconds_and_begin_at_nothing() {
        let ceilings: Vec<u64> = (0..9).map(|n| backoff_ms(n, 1.0)).collect();
        assert_eq!(
            ceilings,
            [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
        );
        assert_eq!(backoff_ms(u32::MAX, 1.0), 30_000);
        assert_eq!(backoff_ms(5, 0.0), 0);
        assert_eq!(backoff_ms(0, 0.5), 250);
    }
}
