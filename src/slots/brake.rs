//! How many connections a host that pushes back is still given: half at each push-back, one more for each round of
//! answers that went well. Pure: the time is passed in.

use tokio::time::Instant;

/// The connections of one host.
#[derive(Debug)]
pub(super) struct Brake {
    most: usize,
    allowed: usize,
    /// Answers that went well since the last change.
    well: usize,
    halved: Option<Instant>,
}

impl Brake {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            allowed: most,
            well: 0,
            halved: None,
        }
    }

    /// The host pushed back a request that began then. How many connections it loses; `None` when the request was already
    /// under way at the last loss, for then it is part of the same push-back.
    pub(super) fn pushed_back(&mut self, began: Instant, now: Instant) -> Option<usize> {
        if self.halved.is_some_and(|halved| began <= halved) {
            return None;
        }
        let allowed = (self.allowed / 2).max(1);
        let lost = self.allowed - allowed;
        (self.allowed, self.well, self.halved) = (allowed, 0, Some(now));
        Some(lost)
    }

    /// The host answered well. Does it get another connection back?
    pub(super) fn went_well(&mut self) -> bool {
        if self.allowed == self.most {
            return false;
        }
        self.well += 1;
        let is_round = self.well >= self.allowed;
        if is_round {
            self.well = 0;
            self.allowed += 1;
        }
        is_round
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_push_back_halves_once_and_rounds_of_good_answers_give_back() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut brake = Brake::new(16);
        assert_eq!(brake.pushed_back(at(0), at(10)), Some(8));
        // These were under way already.
        assert_eq!(
            [brake.pushed_back(at(5), at(11)), brake.pushed_back(at(10), at(12))],
            [None, None]
        );
        assert_eq!(brake.pushed_back(at(20), at(30)), Some(4));
        assert_eq!(brake.pushed_back(at(40), at(50)), Some(2));
        assert_eq!(brake.pushed_back(at(60), at(70)), Some(1));
        assert_eq!(brake.pushed_back(at(80), at(90)), Some(0));
        let back: Vec<_> = (0..6).map(|_| brake.went_well()).collect();
        assert_eq!(back, [true, false, true, false, false, true]);
        let rest = (0..1000).filter(|_| brake.went_well()).count();
        assert_eq!(rest, 16 - 4);
    }
}
