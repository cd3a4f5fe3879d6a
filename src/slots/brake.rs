//! How many connections a host that pushes back is still given: half at a push-back, one more for a round of answers that
//! went well. Where that one is pushed back, it goes again, and the next is given after twice as many rounds: a host that
//! takes just so many is found out, and not asked for more with every answer. Pure: the time is passed in.

use tokio::time::Instant;

/// The connections of one host.
#[derive(Debug)]
pub(super) struct Brake {
    most: usize,
    allowed: usize,
    /// Answers that went well since the last change.
    well: usize,
    /// Rounds of them that it takes for one more.
    patience: usize,
    /// The last change gave one more.
    is_probed: bool,
    lost: Option<Instant>,
}

/// The most rounds that one more connection takes.
const PATIENCE: usize = 32;

impl Brake {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            allowed: most,
            well: 0,
            patience: 1,
            is_probed: false,
            lost: None,
        }
    }

    /// The host pushed back a request that began then. How many connections it loses; `None` when the request was already
    /// under way at the last loss, for then it is part of the same push-back.
    pub(super) fn pushed_back(&mut self, began: Instant, now: Instant) -> Option<usize> {
        if self.lost.is_some_and(|lost| began <= lost) {
            return None;
        }
        let allowed = if std::mem::take(&mut self.is_probed) {
            self.patience = (2 * self.patience).min(PATIENCE);
            self.allowed - 1
        } else {
            (self.allowed / 2).max(1)
        };
        let lost = self.allowed - allowed;
        (self.allowed, self.well, self.lost) = (allowed, 0, Some(now));
        Some(lost)
    }

    /// The host answered well. Does it get another connection back?
    pub(super) fn went_well(&mut self) -> bool {
        self.well += 1;
        if self.is_probed && self.well >= self.allowed {
            self.is_probed = false;
            self.patience = (self.patience / 2).max(1);
        }
        if self.allowed == self.most {
            return false;
        }
        let is_round = self.well >= self.allowed * self.patience;
        if is_round {
            self.well = 0;
            self.allowed += 1;
            self.is_probed = true;
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

    #[test]
    fn a_host_that_takes_just_so_many_is_asked_for_more_less_and_less_often() {
        let start = Instant::now();
        for limit in [1, 2, 5] {
            let (mut brake, mut refused) = (Brake::new(16), 0);
            for request in 0..2000 {
                let at = start + Duration::from_millis(request);
                if brake.allowed > limit {
                    refused += usize::from(brake.pushed_back(at, at).is_some());
                } else {
                    brake.went_well();
                }
            }
            assert!(refused < 70, "{limit}: {refused} of 2000");
        }
        // It takes more again.
        let mut brake = Brake::new(16);
        for request in 0..100 {
            let at = start + Duration::from_millis(request);
            brake.pushed_back(at, at);
            brake.went_well();
        }
        let answers = (0..20_000)
            .take_while(|_| {
                brake.allowed < 16 && {
                    brake.went_well();
                    true
                }
            })
            .count();
        assert!(answers < 1000, "{answers}");
        // Of all that it has for long, half goes.
        let _ = (0..16).filter(|_| brake.went_well()).count();
        let later = start + Duration::from_secs(60);
        assert_eq!(brake.pushed_back(later, later), Some(8));
    }
}
