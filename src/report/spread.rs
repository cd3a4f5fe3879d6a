//! How times are spread.

use std::collections::BTreeMap;
use std::time::Duration;

/// How times are spread, in memory that does not grow with their number: they are counted in buckets, each 1/128 of its
/// power of two wide, so that a quantile is right to half a percent. The longest is exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many times fell into which bucket of microseconds.
    buckets: BTreeMap<u32, u64>,
    count: u64,
    longest: Duration,
}

impl Spread {
    /// Takes in a time.
    pub fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        *self.buckets.entry(bucket(micros)).or_default() += 1;
        self.count += 1;
        self.longest = self.longest.max(time);
    }

    /// Takes in all times of another.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Half of the times are no longer than this; `None` when there are none.
    pub fn median(&self) -> Option<Duration> {
        self.percentile(50)
    }

    /// So many of a hundred times are no longer than this; `None` when there are none.
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let rank = u128::from(self.count) * u128::from(percent);
        let rank = u64::try_from(rank.div_ceil(100)).unwrap_or(self.count).max(1);
        if rank >= self.count {
            return self.longest();
        }
        let mut seen = 0;
        let (&bucket, _) = self.buckets.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        })?;
        Some(Duration::from_micros(middle(bucket)).min(self.longest))
    }

    /// The longest; `None` when there are none.
    pub fn longest(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.longest)
    }
}

/// The eight leading bits, and how many follow them.
fn bucket(micros: u64) -> u32 {
    let follow = micros.checked_ilog2().unwrap_or(0).saturating_sub(7);
    let leading = u32::try_from(micros >> follow).unwrap_or(u32::MAX);
    (follow << 8) + leading
}

fn middle(bucket: u32) -> u64 {
    let (follow, leading) = (bucket >> 8, u64::from(bucket & 0xFF));
    (leading << follow) + (1_u64 << follow) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_knows_its_middle_to_half_a_percent_and_its_end_exactly() {
        for (times, middle, longest) in [
            (vec![1510], 1510, 1510),
            (vec![10, 20, 30], 20, 30),
            (vec![12_900, 1, 1550, 1549, 1551], 1550, 12_900),
            ((1..=100_000).collect(), 50_000, 100_000),
            (vec![0, 0, 0], 0, 0),
        ] {
            let mut spread = Spread::default();
            for time in &times {
                spread.add(Duration::from_millis(*time));
            }
            let found = spread.median().unwrap();
            let off = found.abs_diff(Duration::from_millis(middle)).as_secs_f64();
            assert!(
                off <= Duration::from_millis(middle).as_secs_f64() * 0.005,
                "{found:?} {middle}"
            );
            assert_eq!(spread.percentile(100), Some(Duration::from_millis(longest)));
            assert_eq!(spread.longest(), Some(Duration::from_millis(longest)));
        }
        let hundred = (1..=100).map(Duration::from_millis);
        let mut spread = Spread::default();
        hundred.for_each(|time| spread.add(time));
        let p95 = spread.percentile(95).unwrap().as_secs_f64();
        assert!((p95 - 0.095).abs() < 0.0005, "{p95}");
        assert_eq!(Spread::default().median(), None);
        assert_eq!(Spread::default().longest(), None);
    }

    #[test]
    fn buckets_are_in_order_and_hold_their_middle() {
        let mut before = 0;
        for micros in (0..70_000).chain([u64::MAX / 3, u64::MAX]) {
            let here = bucket(micros);
            assert!(here >= before, "{micros}");
            assert_eq!(bucket(middle(here)), here, "{micros}");
            before = here;
        }
    }
}
