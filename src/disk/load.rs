//! Are the threads that run the tasks busy all the time? Pure, but for the look at the runtime.
//!
//! What is done in place is done by them. When they have no time left, others are to do it, even if it costs more.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How long they are watched before it is said.
const WINDOW: Duration = Duration::from_millis(10);
/// How long it is believed that they have no time, until it is tried again.
const BELIEVED: Duration = Duration::from_millis(100);
/// The share of the time, in percent, that is all of it.
const ALL: u32 = 85;

/// How much they had to do of late.
#[derive(Debug)]
pub(super) struct Load {
    /// When the window began, and how long they had been busy by then.
    since: Instant,
    busy: Duration,
    /// They have no time, as far as is known.
    full_until: Option<Instant>,
}

impl Load {
    pub(super) fn new(now: Instant, busy: Duration) -> Self {
        Self {
            since: now,
            busy,
            full_until: None,
        }
    }

    /// They have been busy for so long, all in all. Have they no time left?
    pub(super) fn is_full(&mut self, now: Instant, busy: Duration) -> bool {
        let is_over = match self.full_until {
            Some(until) => now >= until,
            None => now.saturating_duration_since(self.since) >= WINDOW,
        };
        if is_over {
            let share = busy.saturating_sub(self.busy) * 100;
            let is_full = self.full_until.is_none() && share >= (now - self.since) * ALL;
            self.full_until = is_full.then(|| now + BELIEVED);
            (self.since, self.busy) = (now, busy);
        }
        self.full_until.is_some()
    }
}

/// How long the runtime's threads were busy so far, on average.
pub(super) fn busy() -> Duration {
    Handle::try_current().map_or(Duration::ZERO, |runtime| {
        let metrics = runtime.metrics();
        let count = metrics.num_workers();
        let all: Duration = (0..count).map(|n| metrics.worker_total_busy_duration(n)).sum();
        all / u32::try_from(count).unwrap_or(1).max(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_all_the_time_is_left_alone_for_a_while_and_then_watched_again() {
        let start = Instant::now();
        let mut load = Load::new(start, Duration::ZERO);
        for (at, busy, full, what) in [
            (5, 5, false, "too early to say"),
            (10, 8, false, "had time"),
            (20, 18, true, "had none"),
            (119, 20, true, "not asked again yet"),
            (120, 20, false, "asked again"),
            (125, 25, false, "too early to say"),
            (130, 30, true, "had none again"),
            (230, 30, false, "asked again"),
            (500, 260, true, "a long window"),
            (600, 260, false, "asked again"),
            (610, 268, false, "had time"),
        ] {
            let ms = Duration::from_millis;
            assert_eq!(load.is_full(start + ms(at), ms(busy)), full, "after {at} ms: {what}");
        }
    }
}
