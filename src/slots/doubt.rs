//! Is there anybody at this host? One where every try to connect was in vain is left alone between rounds of tries, and
//! given up when all rounds were. Pure: the time is passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::settings::Retry;

/// Fewer tries than this prove nothing, however few an entry has.
const ENOUGH: u32 = 5;

/// What is known of a host.
#[derive(Debug)]
pub(super) enum Standing<D> {
    /// It has not answered yet.
    Doubtful(Doubt),
    /// It answers.
    Alive,
    /// It answered once, and nobody is there now: it is left alone between tries, too, as a server is that restarts.
    Missed(Doubt),
    /// It has been away for as long as others are given up after. What goes wrong now is a matter of each entry.
    Away,
    /// It is given up.
    Down(D),
}

/// Tries to connect, all in vain.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    rounds: u32,
    tries: u32,
    /// The next round begins then.
    until: Option<Instant>,
}

/// What one more try in vain means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is another round.
    Wait,
    /// There was nobody in all of them.
    GiveUp,
}

impl Doubt {
    /// Was there a try?
    pub(super) fn has_begun(&self) -> bool {
        self.tries > 0
    }

    /// When the next round begins, if that is not yet.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|&until| until > now)
    }

    /// A try that began then was in vain. There are as many rounds as an entry has tries, with the longest waits that an
    /// entry may draw between them: so no entry has used up its tries before the host is given up, and a server that is
    /// back by then has lost none. What was under way together is one round.
    pub(super) fn in_vain(&mut self, began: Instant, now: Instant, retry: &Retry) -> Verdict {
        self.tries += 1;
        if self.until.is_none_or(|until| began >= until) {
            self.until = now.checked_add(wait_after(self.rounds, retry));
            self.rounds += 1;
        }
        if self.rounds > retry.times && self.tries >= ENOUGH {
            Verdict::GiveUp
        } else {
            Verdict::Wait
        }
    }
}

/// The wait after this round, counted from 0.
fn wait_after(round: u32, retry: &Retry) -> Duration {
    match retry.times {
        0 => Duration::ZERO,
        times => retry.bound(round.min(times - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries as (began, failed), in milliseconds: the verdicts, and when the next round begins after each.
    fn judged(times: u32, tries: &[(u64, u64)]) -> Vec<(u64, bool)> {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let retry = Retry {
            times,
            ..Retry::default()
        };
        let mut doubt = Doubt::default();
        let verdicts = tries.iter().map(|&(began, failed)| {
            let verdict = doubt.in_vain(at(began), at(failed), &retry);
            let until = doubt
                .until(at(failed))
                .map_or(failed, |until| u64::try_from((until - start).as_millis()).unwrap());
            (until, verdict == Verdict::GiveUp)
        });
        verdicts.collect()
    }

    #[test]
    fn a_host_is_given_up_after_as_many_rounds_as_an_entry_has_tries() {
        for (what, times, tries, expected) in [
            (
                "what is under way together is one round",
                5,
                &[(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 499)][..],
                &[(501, false); 6][..],
            ),
            (
                "the waits double",
                5,
                &[
                    (0, 0),
                    (500, 500),
                    (1500, 1500),
                    (3500, 3500),
                    (7500, 7500),
                    (15_500, 15_500),
                ],
                &[
                    (500, false),
                    (1500, false),
                    (3500, false),
                    (7500, false),
                    (15_500, false),
                    (23_500, true),
                ],
            ),
            (
                "a try that takes long belongs to the round it began in",
                1,
                &[(0, 100), (50, 10_000), (600, 10_600), (700, 10_700), (700, 10_701)],
                &[
                    (600, false),
                    (10_000, false),
                    (11_100, false),
                    (11_100, false),
                    (11_100, true),
                ],
            ),
            (
                "without retries some tries have to be in vain all the same",
                0,
                &[(0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
                &[(0, false), (0, false), (0, false), (0, false), (0, true)],
            ),
        ] {
            assert_eq!(judged(times, tries), expected, "{what}");
        }
    }
}
