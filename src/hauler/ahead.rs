//! How far ahead of its entries a list is read.
//!
//! Enough may wait to get past a host that is slow or paused, and to know how many there are of a list that is not long.
//! But where entries end by the thousand in a second, those that wait are to be few: then they are still in the
//! processor's cache when their turn comes, and that is a twelfth of all CPU.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Entries that may wait, beyond those that hold a connection.
const MOST: usize = 4096;
/// Those of them that are read at once. The rest is read when there is time.
const SOON: usize = 128;
/// How many more are read when there was time.
const MORE: usize = 256;
/// How often that is asked.
const OFTEN: Duration = Duration::from_millis(100);
/// Bytes of URLs and paths that may wait.
const BYTES: usize = 4 << 20;

/// How far that is now.
#[derive(Debug)]
pub(super) struct Ahead {
    jobs: usize,
    soon: usize,
    /// Entries that ended since it was asked whether there is time.
    ended: usize,
}

/// What waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// Entries, those that hold a connection among them.
    pub(super) all: usize,
    /// Those of them that have no task: they wait for nothing but others.
    pub(super) idle: usize,
    /// Bytes of their URLs and paths.
    pub(super) bytes: usize,
}

impl Ahead {
    pub(super) fn of(jobs: usize) -> Self {
        Self {
            jobs,
            soon: SOON,
            ended: 0,
        }
    }

    /// May another line be read? Where every entry has a task and there is room for more, their hosts are slow or paused,
    /// and one of another host is looked for.
    pub(super) fn has_room(&self, waiting: Waiting) -> bool {
        let most = if waiting.idle == 0 { MOST } else { self.soon };
        waiting.all < self.jobs.saturating_add(most) && waiting.bytes < BYTES
    }

    pub(super) fn note_end(&mut self) {
        self.ended += 1;
    }

    /// Is told [`often`].
    pub(super) fn tick(&mut self) {
        self.soon = next(self.soon, std::mem::take(&mut self.ended));
    }
}

/// When it is asked whether there is time to read on.
pub(super) fn often() -> Interval {
    let mut often = interval_at(Instant::now() + OFTEN, OFTEN);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    often
}

/// How many are read at once, after so many ended while it was `soon`.
fn next(soon: usize, ended: usize) -> usize {
    if ended < MORE { MOST.min(soon + MORE) } else { SOON }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_further_ahead_while_its_entries_take_their_time() {
        for (soon, ended, then) in [
            (SOON, 0, SOON + MORE),
            (SOON, MORE - 1, SOON + MORE),
            (SOON, MORE, SOON),
            (3000, 5, 3000 + MORE),
            (3000, 5000, SOON),
            (MOST - 1, 0, MOST),
            (MOST, 0, MOST),
        ] {
            assert_eq!(next(soon, ended), then, "after {ended} ended with {soon}");
        }
    }

    #[test]
    fn few_wait_at_first_and_more_where_all_have_a_task_or_there_is_time() {
        let mut ahead = Ahead::of(16);
        let room = |ahead: &Ahead, all, idle, bytes| ahead.has_room(Waiting { all, idle, bytes });
        assert!(room(&ahead, 16 + SOON - 1, 400, 0));
        assert!(!room(&ahead, 16 + SOON, 400, 0));
        assert!(room(&ahead, 16 + SOON, 0, 0));
        assert!(!room(&ahead, 16 + MOST, 0, 0));
        assert!(!room(&ahead, 1, 0, BYTES));
        ahead.tick();
        assert!(room(&ahead, 16 + SOON, 400, 0));
        for _ in 0..MORE {
            ahead.note_end();
        }
        ahead.tick();
        assert!(!room(&ahead, 16 + SOON, 400, 0));
    }
}
