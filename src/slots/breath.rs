//! How long a host that pushes back without saying for how long is left alone: a moment, and twice that as long as nothing
//! else comes of it. Its limit may be one of requests in a time, and then fewer connections are of no use. A few resources
//! that are always refused say nothing of that: it takes many among its answers. Pure.

use std::time::Duration;

/// The first moment.
const MOMENT: Duration = Duration::from_millis(100);
/// How often in a row it is doubled. A host that then still pushes everybody back does not serve at all.
const MOST: u32 = 3;
/// A push-back weighs as much as so many good answers.
const WEIGHT: u32 = 4;
/// From here on it is left alone, ...
const HIGH: u32 = 3 * WEIGHT;
/// ... and no more than this is remembered.
const HIGHEST: u32 = 10 * WEIGHT;

/// The moments of one host.
#[derive(Debug, Default)]
pub(super) struct Breath {
    /// Push-backs of late, less the good answers.
    pressure: u32,
    /// Moments that were of no use.
    level: u32,
    /// It has served since it was last left alone.
    serves: bool,
}

impl Breath {
    /// It pushed back. How long it is left alone, if that is news and may be of use.
    pub(super) fn pushed_back(&mut self, is_news: bool) -> Option<Duration> {
        self.pressure = (self.pressure + WEIGHT).min(HIGHEST);
        let may_help = self.serves || (1..=MOST).contains(&self.level);
        if !is_news || !may_help || self.pressure < HIGH {
            return None;
        }
        self.serves = false;
        let moment = MOMENT * 2_u32.pow(self.level.min(MOST));
        self.level = (self.level + 1).min(MOST + 1);
        Some(moment)
    }

    /// It answered well: the next moment is shorter.
    pub(super) fn went_well(&mut self) {
        self.pressure = self.pressure.saturating_sub(1);
        self.level = self.level.saturating_sub(1);
        self.serves = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` is a good answer, `-` a push-back, `=` one that is no news: the moments in tenths of a second, `.` where there
    /// is none.
    fn moments(answers: &str) -> String {
        let mut breath = Breath::default();
        let said = answers.chars().filter_map(|answer| {
            if answer == '+' {
                breath.went_well();
                return None;
            }
            let moment = breath.pushed_back(answer == '-');
            Some(moment.map_or(".".into(), |moment| (moment.as_millis() / 100).to_string()))
        });
        said.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_host_that_serves_is_left_alone_for_a_moment_and_longer_when_that_is_of_no_use() {
        for (answers, expected) in [
            ("-----", ". . . . ."),
            ("+--", ". ."),
            ("+==-", ". . 1"),
            ("+---+-+-", ". . 1 1 1"),
            ("+-----+-", ". . 1 2 4 4"),
            ("+--------+-", ". . 1 2 4 8 . . 8"),
            ("+----+++++++++--", ". . 1 2 . 1"),
            ("+-++++-++++-++++-++++-++++-++++-", ". . . . . . ."),
        ] {
            assert_eq!(moments(answers), expected, "{answers}");
        }
    }
}
