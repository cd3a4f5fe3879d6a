//! Is the disk as quick as memory? Pure.
//!
//! A step is a hop to another thread, because a disk may take its time. One that takes less than the hop is better made
//! where the bytes are: they are in that processor's cache. tokio's rule of thumb is that a task may keep its thread for
//! 10 to 100 microseconds.

use std::time::Duration;

/// Bytes of a step that is to be short.
const BLOCK: u32 = 128 * 1024;
/// How long it may take: 1.2 GiB/s.
const SHORT: Duration = Duration::from_micros(100);
/// A step that takes as long holds up everybody.
const LONG: Duration = Duration::from_millis(2);
/// Short steps in a row after which the disk is called quick: at first, and at most, after long ones.
const FEWEST: u32 = 4;
const MOST: u32 = 1024;
/// So many times the short steps that are needed, in place and in a row, and half of the long ones is forgotten.
const FORGETTING: u32 = 64;

/// How quick the disk was of late.
#[derive(Debug)]
pub(super) struct Pace {
    /// Short steps in a row.
    short: u32,
    /// So many are needed.
    needed: u32,
}

/// Where a step was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// On a thread that may wait.
    Aside,
    /// On the one that runs all tasks.
    InPlace,
}

impl Pace {
    pub(super) fn new() -> Self {
        let needed = FEWEST;
        Self { short: 0, needed }
    }

    #[cfg(test)]
    pub(super) fn always_quick() -> Self {
        Self { short: 0, needed: 0 }
    }

    /// A step of so many bytes took so long. A long one in place held up everybody: that is not to happen often.
    pub(super) fn note(&mut self, bytes: usize, took: Duration, made: Made) {
        if is_short(bytes, took) {
            self.short = self.short.saturating_add(1);
            if made == Made::InPlace && self.needed > FEWEST && self.short >= self.needed * FORGETTING {
                (self.needed, self.short) = (self.needed / 2, self.needed / 2);
            }
        } else {
            self.short = 0;
            if made == Made::InPlace && took >= LONG {
                self.needed = (self.needed * 2).min(MOST);
            }
        }
    }

    /// May the next step be made in place?
    pub(super) fn is_quick(&self) -> bool {
        self.short >= self.needed
    }
}

/// Is it short for its size? A small one is no shorter than its system call.
fn is_short(bytes: usize, took: Duration) -> bool {
    let blocks = u32::try_from(bytes).unwrap_or(u32::MAX).div_ceil(BLOCK).max(1);
    took <= SHORT.saturating_mul(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: Duration = Duration::from_micros(1);
    const STEP: usize = BLOCK as usize;

    #[test]
    fn a_step_is_short_for_its_size() {
        for (bytes, micros, short) in [
            (1, 100, true),
            (1, 101, false),
            (STEP, 100, true),
            (STEP, 101, false),
            (STEP + 1, 200, true),
            (8 * STEP, 800, true),
            (8 * STEP, 801, false),
        ] {
            assert_eq!(is_short(bytes, MICRO * micros), short, "{bytes} bytes in {micros} us");
        }
    }

    #[test]
    fn a_disk_is_quick_after_some_short_steps_and_later_after_more_when_it_kept_everybody_waiting() {
        let mut pace = Pace::new();
        let steps_until_quick = |pace: &mut Pace| {
            let mut steps = 0;
            while !pace.is_quick() {
                pace.note(STEP, MICRO, Made::Aside);
                steps += 1;
            }
            steps
        };
        assert_eq!(steps_until_quick(&mut pace), FEWEST);
        for (took, made, needed) in [
            (SHORT * 2, Made::InPlace, FEWEST),
            (LONG, Made::Aside, FEWEST),
            (LONG, Made::InPlace, 2 * FEWEST),
            (LONG, Made::InPlace, 4 * FEWEST),
            (SHORT * 2, Made::Aside, 4 * FEWEST),
        ] {
            pace.note(STEP, took, made);
            assert!(!pace.is_quick(), "after {took:?}");
            assert_eq!(steps_until_quick(&mut pace), needed, "after {took:?} {made:?}");
        }
        for (needed, then) in [(4 * FEWEST, 2 * FEWEST), (2 * FEWEST, FEWEST)] {
            for _ in 0..needed * FORGETTING {
                pace.note(STEP, MICRO, Made::InPlace);
            }
            pace.note(STEP, LONG, Made::Aside);
            assert_eq!(steps_until_quick(&mut pace), then, "half of it was long ago");
        }
        for _ in 0..20 {
            pace.note(STEP, LONG, Made::InPlace);
        }
        assert_eq!(steps_until_quick(&mut pace), MOST);
    }
}
