//! How fast bytes come, averaged over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Seconds that are looked back on: long enough to be read, short enough to follow.
const WINDOW: Duration = Duration::from_secs(5);
/// Samples are this far apart, so that many files cost little memory.
const STEP: Duration = Duration::from_millis(200);
/// Before this much time has passed nobody knows.
const SOONEST: Duration = Duration::from_millis(300);

/// A speed is told anew this often: what changes faster can not be read.
const TELL: Duration = Duration::from_millis(500);

/// Samples of a growing number of bytes.
#[derive(Debug)]
pub(super) struct Pace {
    samples: VecDeque<(Instant, u64)>,
    told: Option<(Instant, f64)>,
}

impl Pace {
    pub(super) fn new(start: Instant, bytes: u64) -> Self {
        Self {
            samples: VecDeque::from([(start, bytes)]),
            told: None,
        }
    }

    pub(super) fn sample(&mut self, now: Instant, bytes: u64) {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        if self.samples.back().is_some_and(|(at, _)| since(at) >= STEP) {
            self.samples.push_back((now, bytes));
        }
        // One sample from before the window stays: without it the average would be of less than the window.
        while self.samples.get(1).is_some_and(|(at, _)| since(at) >= WINDOW) {
            self.samples.pop_front();
        }
        if self.told.as_ref().is_none_or(|(at, _)| since(at) >= TELL) {
            self.told = self.average(now, bytes).map(|speed| (now, speed));
        }
    }

    /// Bytes a second, when enough time has passed to say.
    pub(super) fn speed(&self) -> Option<f64> {
        self.told.map(|(_, speed)| speed)
    }

    fn average(&self, now: Instant, bytes: u64) -> Option<f64> {
        let (from, before) = *self.samples.front()?;
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
        pace.sample(at(100), 1000);
        assert_eq!(pace.speed(), None);
        let mut bytes = 1000;
        for tick in 2..=200 {
            bytes += if tick <= 100 { 100 } else { 50 };
            pace.sample(at(tick * 100), bytes);
        }
        assert_eq!(pace.speed(), Some(500.0));
        assert!(pace.samples.len() <= 27, "{} samples", pace.samples.len());
        for tick in 201..=260 {
            pace.sample(at(tick * 100), bytes);
        }
        assert_eq!(pace.speed(), Some(0.0));
    }

    #[test]
    fn a_speed_stands_long_enough_to_be_read() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 0);
        let mut told = Vec::new();
        for tick in 1..=20 {
            pace.sample(start + Duration::from_millis(tick * 100), tick * tick);
            told.extend(pace.speed());
        }
        told.dedup();
        assert_eq!(told.len(), 4, "{told:?}");
    }

    #[test]
    fn without_speed_there_is_no_end_in_sight() {
        assert_eq!(time_for(1000, None), None);
        assert_eq!(time_for(1000, Some(0.0)), None);
        assert_eq!(time_for(1000, Some(500.0)), Some(Duration::from_secs(2)));
        assert_eq!(time_for(u64::MAX, Some(1.0)), None);
    }
}
