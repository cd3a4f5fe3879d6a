//! Large files that are written at once: the right to give steps to the disk, and how large a step is.
//!
//! The more bytes a step has, the fewer hops to the disk there are; but each transfer has so many in memory, and a block
//! more.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Files whose turn it is at a time.
const TURNS: usize = 4;
/// Bytes of one turn, unless one step has more. While a file waits for its turn, a block of its bytes waits with the
/// connection; in its turn, as many more are in memory as come meanwhile.
const TURN: usize = 1 << 20;
/// Large files that need no turns where their steps take no time.
const FEW: usize = 8;
/// Bytes of a step.
const STEP: RangeInclusive<usize> = 64 * 1024..=1024 * 1024;
/// What all files together have in memory for their steps, as far as the least step allows.
const ALL_STEPS: usize = 4 << 20;

/// The right to give steps to the disk, one after the other. It lasts as long as one of them is on its way.
#[derive(Debug)]
pub(super) struct Turn {
    right: Arc<OwnedSemaphorePermit>,
    /// Bytes that it is still good for.
    left: usize,
}

impl Turn {
    /// What is left of it after a step of so many bytes.
    pub(super) fn after(&self, bytes: usize) -> Option<Self> {
        let left = self.left.checked_sub(bytes).filter(|&left| left > 0)?;
        let right = Arc::clone(&self.right);
        Some(Self { right, left })
    }
}

/// The large files of a run.
#[derive(Debug)]
pub(super) struct Crowd {
    turns: Arc<Semaphore>,
    /// Files that may come at once.
    jobs: usize,
    /// Large files that are being written.
    writing: Arc<AtomicUsize>,
}

/// One large file that is being written.
#[derive(Debug)]
pub(super) struct Member(Arc<AtomicUsize>);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Crowd {
    /// Of so many files at once.
    pub(super) fn of(jobs: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(TURNS)),
            jobs,
            writing: Arc::default(),
        }
    }

    /// Are there so few large files that each may have a block here and another one with its connection?
    pub(super) fn is_small(&self) -> bool {
        self.writing.load(Ordering::Relaxed) <= FEW
    }

    /// Is there one large file only?
    pub(super) fn is_single(&self) -> bool {
        self.writing.load(Ordering::Relaxed) <= 1
    }

    /// One more file, as long as the handle lives.
    pub(super) fn join(&self) -> Member {
        self.writing.fetch_add(1, Ordering::Relaxed);
        Member(Arc::clone(&self.writing))
    }

    /// Waits until the disk can take another file's steps. It is never closed; `None` is there for the type.
    pub(super) async fn turn(&self) -> Option<Turn> {
        let right = Arc::new(Arc::clone(&self.turns).acquire_owned().await.ok()?);
        Some(Turn { right, left: TURN })
    }

    /// Bytes of a step of a large file.
    pub(super) fn step(&self) -> usize {
        step(self.jobs, Some(self.writing.load(Ordering::Relaxed)))
    }

    /// Bytes of the first step of a file that does not tell its size.
    pub(super) fn first_step(&self) -> usize {
        step(self.jobs, None)
    }
}

/// Bytes of a step, with so many large files of so many jobs. A few more may be large soon; where nobody knows how many
/// are, all may be.
fn step(jobs: usize, large: Option<usize>) -> usize {
    let files = large.map_or(jobs, |large| large.max(jobs / 4));
    (ALL_STEPS / files.max(1)).clamp(*STEP.start(), *STEP.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_files_the_smaller_the_steps() {
        const KIB: usize = 1024;
        for (jobs, large, bytes) in [
            (1, Some(1), 1024 * KIB),
            (16, Some(0), 1024 * KIB),
            (16, Some(1), 1024 * KIB),
            (16, Some(8), 512 * KIB),
            (16, Some(16), 256 * KIB),
            (16, None, 256 * KIB),
            (64, Some(1), 256 * KIB),
            (64, Some(64), 64 * KIB),
            (64, None, 64 * KIB),
            (1000, None, 64 * KIB),
            (0, None, 1024 * KIB),
        ] {
            assert_eq!(step(jobs, large), bytes, "{jobs} {large:?}");
        }
    }

    #[test]
    fn who_has_left_does_not_count() {
        let crowd = Crowd::of(1);
        let members: Vec<_> = (0..16).map(|_| crowd.join()).collect();
        let crowded = crowd.step();
        drop(members);
        assert!(crowded < crowd.step());
    }

    #[tokio::test]
    async fn a_turn_is_good_for_so_many_bytes_and_lasts_until_its_last_step_is_done() {
        let crowd = Crowd::of(1);
        let turn = crowd.turn().await.unwrap();
        let mut others = Vec::new();
        for _ in 1..TURNS {
            others.push(crowd.turn().await);
        }
        let is_free = || crowd.turns.available_permits() > 0;
        let after = turn.after(TURN / 2).expect("another half");
        drop(turn);
        assert!(after.after(TURN / 2).is_none(), "used up");
        assert!(after.after(TURN).is_none(), "more than used up");
        assert!(!is_free(), "the step is on its way");
        drop(after);
        assert!(is_free());
        drop(others);
    }
}
