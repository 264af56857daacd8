//! Counting: the median of a few ratios, and the spread of many latencies.

use std::time::Duration;

use serde::Serialize;

/// Buckets of each power of two: a bucket is then at most 1.6 % wide.
const PARTS: u64 = 64;
/// Powers of two of nanoseconds beyond the first bucket: up to 2^42 ns, more than an hour.
const POWERS: u64 = 36;

/// Latencies, counted in buckets that grow with them. Recording allocates nothing.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            counts: vec![0; (PARTS * (POWERS + 1)) as usize],
            total: 0,
        }
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(ns)] += 1;
        self.total += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The latency that this share of all does not exceed; none of none.
    pub(crate) fn at(&self, share: f64) -> Option<Duration> {
        let place = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= place
        })?;
        Some(Duration::from_nanos(upper_bound(bucket as u64)))
    }

    /// How many there are.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }
}

fn bucket(ns: u64) -> usize {
    let place = if ns < PARTS {
        ns
    } else {
        let power = u64::from(ns.ilog2()) - u64::from(PARTS.ilog2());
        PARTS * (power + 1) + ((ns >> power) - PARTS)
    };
    place.min(PARTS * (POWERS + 1) - 1) as usize
}

fn upper_bound(bucket: u64) -> u64 {
    if bucket < PARTS {
        return bucket;
    }
    let power = bucket / PARTS - 1;
    ((bucket % PARTS + PARTS + 1) << power) - 1
}

/// The middle of some figures with the least and the most of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// None of no figures.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        };
        Some(Self {
            median,
            least,
            most,
        })
    }
}

/// Slope of a line through points whose both axes are logarithmic: y grows like x to this power.
pub(crate) fn log_slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (sum_x, sum_y) = logs
        .iter()
        .fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = logs.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        (
            over + (x - mean_x) * (y - mean_y),
            under + (x - mean_x).powi(2),
        )
    });
    (under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_falls_into_it_and_is_narrow() {
        for ns in (0..60).map(|n| 3_u64.pow(n % 25) + u64::from(n)) {
            let bound = upper_bound(bucket(ns) as u64);
            assert!(bound >= ns, "{ns} lies above its bucket's bound {bound}");
            assert!(
                bound as f64 <= ns as f64 * 1.016 + 1.0,
                "{ns} in a bucket up to {bound}"
            );
        }
    }

    #[test]
    fn a_share_of_latencies() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.at(0.5), None);
        for ms in 1..=100 {
            latencies.record(Duration::from_millis(ms));
        }
        let near = |share: f64, ms: f64| {
            let found = latencies.at(share).expect("some").as_secs_f64() * 1000.0;
            assert!(
                (found - ms).abs() <= ms * 0.016,
                "{found} ms is not {ms} ms"
            );
        };
        near(0.5, 50.0);
        near(0.99, 99.0);
        near(1.0, 100.0);
    }

    #[test]
    fn the_middle_of_figures() {
        assert_eq!(Spread::of(vec![]), None);
        let odd = Spread::of(vec![3.0, 1.0, 2.0]).expect("some");
        assert_eq!((odd.median, odd.least, odd.most), (2.0, 1.0, 3.0));
        let even = Spread::of(vec![4.0, 1.0]).expect("some");
        assert!((even.median - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_slope_is_the_power() {
        let squares = [1.0, 10.0, 100.0].map(|x: f64| (x, 7.0 * x * x));
        assert!((log_slope(&squares).expect("a slope") - 2.0).abs() < 1e-9);
        assert_eq!(log_slope(&[(10.0, 3.0)]), None);
    }
}
