//! What holds the best level back. A guess from outside, by rules that a person would use.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::measure::{Comparison, Level, ratio};
use crate::job::HostKey;
use crate::report::{Summary, in_seconds};

/// What the best level is bound by.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// A host asked to be left alone for this long, counted over its whole run.
    PushBack {
        /// The one that asked for the longest wait.
        host: Option<HostKey>,
        /// For how long some host had asked to be left alone.
        paused: Duration,
    },
    /// Transfers waited for the disk.
    Disk {
        /// This part of their time, from 0 to 1.
        share: f64,
    },
    /// One file took as long as all of them together.
    LongestFile(Duration),
    /// The link, or the server: more connections brought nothing.
    Link,
    /// Nothing yet: it was still growing with the number of connections.
    Jobs,
    /// Transfers waited for connections and answers, so that more of them at once may help.
    Latency {
        /// This part of their time, from 0 to 1.
        share: f64,
    },
    /// There was not enough to do at once: the list came slowly, or entries waited for another try.
    Idle {
        /// Slots did nothing for this part of the time, from 0 to 1.
        share: f64,
    },
}

/// In words, which go on after "16 jobs:".
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        match self {
            Self::PushBack { host, paused } => {
                let host = host.as_ref().map_or_else(|| "a host".into(), ToString::to_string);
                write!(f, "bound by {host}: it asked for pauses ({})", in_seconds(*paused))
            }
            Self::Disk { share } => write!(f, "bound by the disk ({} of the transfers' time)", percent(*share)),
            Self::LongestFile(longest) => write!(f, "bound by its longest file ({})", in_seconds(*longest)),
            Self::Link => f.write_str("bound by the link or the server"),
            Self::Jobs => f.write_str("still growing: more jobs may help"),
            Self::Latency { share } => write!(
                f,
                "waiting for answers ({} of the transfers' time): more jobs may help",
                percent(*share)
            ),
            Self::Idle { share } => write!(
                f,
                "not enough to do at once ({} of the slots' time idle): the list came slowly, or entries waited for \
                 another try",
                percent(*share)
            ),
        }
    }
}

impl Bound {
    /// What a single run is bound by, as far as one can tell without another to compare it with. `pushed_back` is the host
    /// that asked for the longest wait.
    pub fn of_run(summary: &Summary, jobs: NonZeroUsize, pushed_back: Option<&HostKey>) -> Option<Self> {
        let facts = Facts::of_sums(jobs, 1, |time| time(summary))?;
        Some(match judge(&[Some(facts)], 0)? {
            Cause::PushBack(_) => Self::PushBack {
                host: pushed_back.cloned(),
                paused: facts.paused,
            },
            cause => Self::of(&cause, &facts),
        })
    }

    /// `PushBack` needs more than facts.
    fn of(cause: &Cause, facts: &Facts) -> Self {
        match *cause {
            Cause::PushBack(_) => Self::PushBack {
                host: None,
                paused: facts.paused,
            },
            Cause::Disk(share) => Self::Disk { share },
            Cause::LongestFile => Self::LongestFile(facts.longest),
            Cause::Link => Self::Link,
            Cause::Jobs => Self::Jobs,
            Cause::Latency(share) => Self::Latency { share },
            Cause::Idle(share) => Self::Idle { share },
        }
    }
}

/// Of the wall-clock time, for a pause to matter.
const PAUSED: f64 = 0.25;
/// Of the transfers' time, for the disk to matter.
const ON_DISK: f64 = 0.5;
/// Of the slots' time, for idleness to matter.
const IDLE: f64 = 0.5;
/// Of the transfers' time, for the wait for answers to matter.
const WAITING: f64 = 0.5;
/// Of the wall-clock time, for a file to be what all others wait for.
const LONGEST: f64 = 0.75;
/// With at least twice the connections, less than this is no gain.
const GAIN: f64 = 1.15;
/// A file that takes this much longer than at the other level is slowed down by its neighbours.
const CROWDED: f64 = 1.25;

impl Comparison {
    /// Index of the best level and what it is bound by; `None` when nothing can be said.
    pub fn bound(&self) -> Option<(usize, Bound)> {
        let measured: Vec<_> = self.levels.iter().map(Facts::of).collect();
        let best = self.best()?;
        let bound = match judge(&measured, best)? {
            Cause::PushBack(level) => Bound::PushBack {
                host: self.levels[level].pushed_back().cloned(),
                paused: measured[level]?.paused,
            },
            cause => Bound::of(&cause, &measured[best]?),
        };
        Some((best, bound))
    }
}

/// A level in the mean of its runs, as far as it matters here.
#[derive(Debug, Clone, Copy)]
struct Facts {
    jobs: usize,
    wall: Duration,
    longest: Duration,
    paused: Duration,
    /// Part of the transfers' time that was spent waiting for the disk.
    on_disk: f64,
    /// Part of the transfers' time that was spent waiting for connections and answers.
    waiting: f64,
    /// Part of the slots' time in which nothing was done.
    idle: f64,
}

impl Facts {
    fn of(level: &Level) -> Option<Self> {
        let runs = u32::try_from(level.runs.len()).ok()?;
        Self::of_sums(level.jobs, runs, |time| level.sum(|run| time(&run.summary)))
    }

    /// Of so many runs, of which `sum` adds a time up.
    fn of_sums(jobs: NonZeroUsize, runs: u32, sum: impl Fn(fn(&Summary) -> Duration) -> Duration) -> Option<Self> {
        if runs == 0 {
            return None;
        }
        let (wall, busy) = (sum(|run| run.wall), sum(|run| run.task_time));
        #[expect(clippy::cast_precision_loss, reason = "numbers of connections are small")]
        let slots = jobs.get() as f64;
        Some(Self {
            jobs: jobs.get(),
            wall: wall / runs,
            longest: sum(|run| run.longest) / runs,
            paused: sum(|run| run.paused) / runs,
            on_disk: ratio(sum(|run| run.disk_time), busy),
            waiting: ratio(sum(|run| run.latency), busy),
            idle: (1.0 - ratio(busy, wall) / slots).max(0.0),
        })
    }

    fn is_pushed_back(&self) -> bool {
        ratio(self.paused, self.wall) >= PAUSED
    }

    /// What a level is bound by that cannot be compared with another.
    fn alone(&self) -> Option<Cause> {
        match () {
            () if self.wall.is_zero() => None,
            () if self.idle >= IDLE => Some(Cause::Idle(self.idle)),
            () if self.waiting >= WAITING => Some(Cause::Latency(self.waiting)),
            () => Some(Cause::Link),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Cause {
    /// At this level.
    PushBack(usize),
    Disk(f64),
    LongestFile,
    Link,
    Jobs,
    Latency(f64),
    Idle(f64),
}

fn judge(levels: &[Option<Facts>], best: usize) -> Option<Cause> {
    let this = levels.get(best)?.as_ref()?;
    let pair = pair(levels, best, this);
    let more = pair.map_or(best, |(_, more)| more);
    if let Some(level) = [best, more]
        .into_iter()
        .find(|l| levels[*l].is_some_and(|f| f.is_pushed_back()))
    {
        return Some(Cause::PushBack(level));
    }
    if this.on_disk >= ON_DISK {
        return Some(Cause::Disk(this.on_disk));
    }
    let trend = pair.and_then(|(fewer, more)| Trend::between(levels[fewer]?, levels[more]?));
    let waits_for_one = ratio(this.longest, this.wall) >= LONGEST;
    match trend {
        // Every file got slower: the last one is late because all share what there is.
        Some(Trend::Crowded) => Some(Cause::Link),
        _ if waits_for_one => Some(Cause::LongestFile),
        Some(Trend::Flat) => Some(Cause::Link),
        Some(Trend::Growing) => Some(Cause::Jobs),
        None => this.alone(),
    }
}

/// The best level and one with at least twice its connections, if there is one, else at most half of them.
fn pair(levels: &[Option<Facts>], best: usize, this: &Facts) -> Option<(usize, usize)> {
    let others = levels.iter().enumerate();
    let others = others.filter_map(|(index, facts)| Some((index, facts.as_ref()?.jobs)));
    let more = others.clone().filter(|(_, jobs)| *jobs >= 2 * this.jobs);
    let fewer = others.filter(|(_, jobs)| 2 * *jobs <= this.jobs);
    let more = more.min_by_key(|(_, jobs)| *jobs).map(|(index, _)| (best, index));
    more.or_else(|| fewer.max_by_key(|(_, jobs)| *jobs).map(|(index, _)| (index, best)))
}

/// What came of having more connections.
enum Trend {
    Growing,
    Flat,
    /// Flat, and each file took longer.
    Crowded,
}

impl Trend {
    fn between(fewer: Facts, more: Facts) -> Option<Self> {
        if fewer.wall.is_zero() || more.wall.is_zero() {
            return None;
        }
        Some(if ratio(fewer.wall, more.wall) >= GAIN {
            Self::Growing
        } else if ratio(more.longest, fewer.longest) >= CROWDED {
            Self::Crowded
        } else {
            Self::Flat
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn facts(jobs: usize, wall: u64, longest: u64) -> Facts {
        Facts {
            jobs,
            wall: Duration::from_millis(wall),
            longest: Duration::from_millis(longest),
            paused: Duration::ZERO,
            on_disk: 0.0,
            waiting: 0.0,
            idle: 0.0,
        }
    }

    #[test]
    fn the_best_level_is_bound_by_what_a_person_would_blame() {
        let paused = |jobs, wall, longest, paused| Facts {
            paused: Duration::from_millis(paused),
            ..facts(jobs, wall, longest)
        };
        let on_disk = |jobs, wall, longest, on_disk| Facts {
            on_disk,
            ..facts(jobs, wall, longest)
        };
        let cases = [
            (
                "as drawn: 1, 4, 16 jobs and a file of 12.9 s",
                vec![
                    facts(1, 76_400, 12_700),
                    facts(4, 20_900, 12_800),
                    facts(16, 13_200, 12_900),
                ],
                2,
                Some(Cause::LongestFile),
            ),
            (
                "twice the jobs, nothing gained, the longest file just as long",
                vec![facts(8, 13_300, 12_900), facts(16, 13_200, 12_900)],
                1,
                Some(Cause::LongestFile),
            ),
            (
                "all files at once share the link, so the last is late",
                vec![facts(1, 16_000, 1_000), facts(16, 15_900, 15_800)],
                1,
                Some(Cause::Link),
            ),
            (
                "hardly faster, and no file to blame",
                vec![facts(4, 10_000, 500), facts(16, 9_500, 600)],
                1,
                Some(Cause::Link),
            ),
            (
                "more jobs were slower",
                vec![facts(4, 10_000, 500), facts(8, 9_000, 500), facts(16, 9_900, 900)],
                1,
                Some(Cause::Link),
            ),
            (
                "more jobs made the host push back",
                vec![facts(1, 9_000, 500), paused(16, 30_000, 20_000, 20_000)],
                0,
                Some(Cause::PushBack(1)),
            ),
            (
                "a host that pushes back makes its last file late",
                vec![facts(1, 50_000, 500), paused(16, 20_000, 19_000, 10_000)],
                1,
                Some(Cause::PushBack(1)),
            ),
            (
                "waiting for the disk",
                vec![on_disk(1, 9_000, 900, 0.3), on_disk(16, 8_900, 8_000, 0.7)],
                1,
                Some(Cause::Disk(0.7)),
            ),
            (
                "still growing",
                vec![facts(1, 80_000, 900), facts(4, 20_000, 900), facts(16, 5_000, 900)],
                2,
                Some(Cause::Jobs),
            ),
            (
                "a single level and a single file",
                vec![facts(16, 5_000, 4_900)],
                0,
                Some(Cause::LongestFile),
            ),
            ("an empty list", vec![facts(1, 0, 0), facts(16, 0, 0)], 0, None),
        ];
        for (what, levels, best, expected) in cases {
            let levels: Vec<_> = levels.into_iter().map(Some).collect();
            assert_eq!(judge(&levels, best), expected, "{what}");
        }
    }

    #[test]
    fn without_another_level_to_compare_with_its_own_times_tell() {
        let cases = [
            (
                "a single level, and bodies came all the time",
                vec![facts(16, 5_000, 900)],
                0,
                Some(Cause::Link),
            ),
            (
                "a single level that mostly waited for answers",
                vec![Facts {
                    waiting: 0.8,
                    ..facts(16, 5_000, 900)
                }],
                0,
                Some(Cause::Latency(0.8)),
            ),
            (
                "a single level whose list came slowly",
                vec![Facts {
                    waiting: 0.8,
                    idle: 0.7,
                    ..facts(16, 5_000, 900)
                }],
                0,
                Some(Cause::Idle(0.7)),
            ),
            (
                "too near to each other",
                vec![facts(16, 5_000, 900), facts(20, 4_900, 900)],
                1,
                Some(Cause::Link),
            ),
        ];
        for (what, levels, best, expected) in cases {
            let levels: Vec<_> = levels.into_iter().map(Some).collect();
            assert_eq!(judge(&levels, best), expected, "{what}");
        }
    }

    #[test]
    fn a_level_that_was_not_run_is_no_evidence() {
        let levels = [Some(facts(1, 8_000, 900)), None];
        assert_eq!(judge(&levels, 0), Some(Cause::Link));
    }

    #[test]
    fn every_bound_has_words() {
        for (bound, expected) in [
            (
                Bound::LongestFile(Duration::from_millis(12_900)),
                "bound by its longest file (12.9 s)",
            ),
            (Bound::Link, "bound by the link or the server"),
            (
                Bound::Disk { share: 0.62 },
                "bound by the disk (62 % of the transfers' time)",
            ),
            (Bound::Jobs, "still growing: more jobs may help"),
            (
                Bound::PushBack {
                    host: None,
                    paused: Duration::from_millis(4200),
                },
                "bound by a host: it asked for pauses (4.20 s)",
            ),
        ] {
            assert_eq!(bound.to_string(), expected);
        }
    }
}
