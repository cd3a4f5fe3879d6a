//! Whether a host asks everybody for more patience than there is. Pure.

use tokio::time::Instant;

/// So many answers, one after the other, that ask for it are the host's word to everybody.
pub(super) const EVERYBODY: u32 = 8;

/// The answers of one host that asked for too much.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// In a row.
    count: u32,
    /// When the last of them came.
    last: Option<Instant>,
}

impl Patience {
    /// A request that began then is asked for too much. Is everybody? What was under way together counts once.
    pub(super) fn asked_too_much(&mut self, began: Instant, now: Instant) -> bool {
        if self.last.is_some_and(|last| began <= last) {
            return false;
        }
        (self.count, self.last) = (self.count + 1, Some(now));
        self.count >= EVERYBODY
    }

    /// It served somebody.
    pub(super) fn served(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_takes_many_one_after_the_other_and_nobody_who_is_served() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut patience = Patience::default();
        for together in 0..2 * u64::from(EVERYBODY) {
            assert!(!patience.asked_too_much(start, at(together + 1)), "{together}");
        }
        patience.served();
        for n in 1..u64::from(EVERYBODY) {
            assert!(!patience.asked_too_much(at(10 * n), at(10 * n + 1)), "{n}");
        }
        assert!(patience.asked_too_much(at(1000), at(1001)));
    }
}
