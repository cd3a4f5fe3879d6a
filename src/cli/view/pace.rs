//! How fast bytes come, averaged over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Seconds that are looked back on: long enough to be read, short enough to follow.
const WINDOW: Duration = Duration::from_secs(5);
/// Samples are this far apart, so that many files cost little memory.
const STEP: Duration = Duration::from_millis(200);
/// Before this much time has passed nobody knows.
const SOONEST: Duration = Duration::from_millis(300);

/// Samples of a growing number of bytes.
#[derive(Debug)]
pub(super) struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    pub(super) fn new(start: Instant, bytes: u64) -> Self {
        Self(VecDeque::from([(start, bytes)]))
    }

    pub(super) fn sample(&mut self, now: Instant, bytes: u64) {
        if self
            .0
            .back()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= STEP)
        {
            self.0.push_back((now, bytes));
        }
        // One sample from before the window stays: without it the average would be of less than the window.
        while self
            .0
            .get(1)
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW)
        {
            self.0.pop_front();
        }
    }

    /// Bytes a second since the oldest sample, when that is long enough ago.
    pub(super) fn speed(&self, now: Instant, bytes: u64) -> Option<f64> {
        let (from, before) = *self.0.front()?;
        let time = now.saturating_duration_since(from);
        #[expect(clippy::cast_precision_loss, reason = "a speed needs three digits")]
        let bytes = bytes.saturating_sub(before) as f64;
        (time >= SOONEST).then(|| bytes / time.as_secs_f64())
    }
}

/// How long so many bytes take at that speed, when that can be said.
pub(super) fn time_for(bytes: u64, speed: Option<f64>) -> Option<Duration> {
    #[expect(clippy::cast_precision_loss, reason = "seconds are shown")]
    let seconds = bytes as f64 / speed.filter(|speed| *speed >= 1.0)?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_five_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(start, 0);
        assert_eq!(pace.speed(at(100), 1000), None);
        let mut bytes = 0;
        for tick in 1..=200 {
            bytes += if tick <= 100 { 100 } else { 50 };
            pace.sample(at(tick * 100), bytes);
        }
        assert_eq!(pace.speed(at(20_000), bytes), Some(500.0));
        assert!(pace.0.len() <= 27, "{} samples", pace.0.len());
        assert_eq!(pace.speed(at(25_000), bytes).map(f64::round), Some(250.0));
    }

    #[test]
    fn without_speed_there_is_no_end_in_sight() {
        assert_eq!(time_for(1000, None), None);
        assert_eq!(time_for(1000, Some(0.0)), None);
        assert_eq!(time_for(1000, Some(500.0)), Some(Duration::from_secs(2)));
        assert_eq!(time_for(u64::MAX, Some(1.0)).map(|t| t.as_secs() > 1 << 60), Some(true));
    }
}
