//! Notices that too little comes. Pure: times and bytes are passed in.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::error::TransferError;

/// How much has to come. Only time that is spent waiting for the server counts: neither the disk nor a limit of our own
/// makes a server slow. A body that ends earlier than the time is over is never too slow.
#[derive(Debug)]
pub(super) struct Slowness {
    /// Bytes a second.
    least: NonZeroU64,
    /// Over so long.
    over: Duration,
    waited: Duration,
    came: u64,
    is_proven: bool,
}

impl Slowness {
    pub(super) fn new(least: NonZeroU64, over: Duration) -> Self {
        Self {
            least,
            over,
            waited: Duration::ZERO,
            came: 0,
            is_proven: false,
        }
    }

    /// So many bytes came after such a wait.
    pub(super) fn note(&mut self, waited: Duration, bytes: u64) {
        self.waited += waited;
        self.came += bytes;
        if self.waited < self.over {
            return;
        }
        let needed = u128::from(self.least.get()) * self.waited.as_nanos();
        self.is_proven = u128::from(self.came) * 1_000_000_000 < needed;
        (self.waited, self.came) = (Duration::ZERO, 0);
    }

    /// Is it proven by now?
    pub(super) fn verdict(&self) -> Option<TransferError> {
        self.is_proven.then_some(TransferError::Slow {
            least: self.least.get(),
            over: self.over,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_for_long_enough_is_too_slow() {
        for (what, chunks, is_slow) in [
            ("nothing yet", &[][..], false),
            ("little, and soon over", &[(9_000, 10)], false),
            ("too little for the whole time", &[(5_000, 10), (5_000, 10)], true),
            ("just enough", &[(5_000, 500), (5_000, 500)], false),
            ("a byte short", &[(5_000, 500), (5_000, 499)], true),
            ("without any wait", &[(0, 1), (0, 1), (0, 1)], false),
            ("quick, then slow", &[(10_000, 100_000), (9_000, 1), (1_000, 1)], true),
            ("slow, and quick in time", &[(9_000, 1), (1_000, 5_000)], false),
        ] {
            let mut slowness = Slowness::new(NonZeroU64::new(100).unwrap(), Duration::from_secs(10));
            for &(ms, bytes) in chunks {
                slowness.note(Duration::from_millis(ms), bytes);
            }
            assert_eq!(slowness.verdict().is_some(), is_slow, "{what}");
        }
    }
}
