//! The same list at several levels of concurrency: what do more connections bring, and what holds the best level back?
//!
//! [`compare`] runs, a [`Comparison`] is what was measured, and everything said about it is computed from it: a view, an
//! export and a test see the same data.

mod bound;
mod export;
mod measure;
mod replay;
mod scratch;

use std::num::NonZeroUsize;
use std::path::Path;

use futures::Stream;
use tokio::sync::mpsc;

pub use bound::Bound;
pub use measure::{Comparison, Level, Run, Stats};
pub use replay::Replay;

use crate::Hauler;
use crate::error::SetupError;
use crate::event::{Event, Events};
use crate::job::{BadLine, Job};
use crate::settings::{Existing, Settings};
use crate::stop::Stop;
use measure::Watched;
use scratch::Scratch;

/// Which levels are run, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Connections at once, a level each. The first is what the others are measured against.
    pub levels: Vec<NonZeroUsize>,
    /// Measured runs of each level.
    pub runs: NonZeroUsize,
    /// Runs of each level before those that do not count: they fill the caches of servers, proxies and name services.
    pub warmup: usize,
}

impl Plan {
    /// Each level once, without warm-up.
    pub fn once(levels: Vec<NonZeroUsize>) -> Self {
        Self {
            levels,
            runs: NonZeroUsize::MIN,
            warmup: 0,
        }
    }

    /// Every run in its order. Each turn begins one level further on, so that no level always goes first, when the
    /// far side's caches are cold.
    fn rounds(&self) -> impl Iterator<Item = Round> {
        let count = self.levels.len();
        let warmup = (0..self.warmup)
            .flat_map(move |run| (0..count).filter_map(move |level| self.round(level, Turn::Warmup(run + 1))));
        let measured = (0..self.runs.get()).flat_map(move |run| {
            (0..count).filter_map(move |step| self.round((run + step) % count, Turn::Measured(run + 1)))
        });
        warmup.chain(measured)
    }

    fn round(&self, level: usize, turn: Turn) -> Option<Round> {
        let jobs = *self.levels.get(level)?;
        Some(Round { level, jobs, turn })
    }
}

/// One run of the list, about to begin or just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Round {
    /// Index of its level in [`Plan::levels`].
    pub level: usize,
    /// Connections at once.
    pub jobs: NonZeroUsize,
    /// Does it count, and which one is it?
    pub turn: Turn,
}

/// Does a run count? Both are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Before the measured ones; it does not count.
    Warmup(usize),
    /// The so-manieth measured run of its level.
    Measured(usize),
}

/// Whoever watches a comparison. `()` is nobody.
pub trait Observer {
    /// A run begins; its events go where this says.
    fn begin(&mut self, round: &Round) -> Events {
        let _ = round;
        Events::none()
    }

    /// A run has ended, and its events with it. Its files still lie in `dir`; they are removed right afterwards.
    fn end(&mut self, round: &Round, dir: &Path, run: &Run) -> impl Future<Output = ()> {
        let _ = (round, dir, run);
        async {}
    }
}

impl Observer for () {}

/// Runs the list that `list` opens anew for each run, at every level of the plan. Each run has a fresh folder of its own
/// below [`Settings::dir`] and a client of its own, so that none profits from another's files or connections; the folder
/// is removed when the run ends, however it ends. [`Settings::jobs`] and [`Settings::existing`] are of no account here.
///
/// A run that is stopped half-way is not part of the result, and none begins after it.
pub async fn compare<L>(
    settings: &Settings,
    plan: &Plan,
    list: impl Fn() -> L,
    observer: &mut impl Observer,
    stop: &Stop,
) -> Result<Comparison, SetupError>
where
    L: Stream<Item = Result<Job, BadLine>>,
{
    let mut comparison = Comparison::of(&plan.levels);
    for round in plan.rounds() {
        if stop.is_asked() {
            comparison.stopped = true;
            break;
        }
        let run = run(settings, &round, &list, observer, stop).await?;
        comparison.add(&round, run);
    }
    Ok(comparison)
}

async fn run<L>(
    settings: &Settings,
    round: &Round,
    list: &impl Fn() -> L,
    observer: &mut impl Observer,
    stop: &Stop,
) -> Result<Run, SetupError>
where
    L: Stream<Item = Result<Job, BadLine>>,
{
    let scratch = Scratch::make(&settings.dir).await?;
    let hauler = Hauler::new(Settings {
        dir: scratch.path().to_owned(),
        jobs: round.jobs,
        existing: Existing::Overwrite,
        ..settings.clone()
    })?;
    let (events, inbox) = Events::channel();
    // The block owns the sending end: when the run is over it is dropped, and the watching ends with it.
    let running = async move { hauler.run(list(), &events, stop).await };
    let (summary, watched) = tokio::join!(running, watch(inbox, observer.begin(round)));
    let run = Run::new(summary, watched);
    observer.end(round, scratch.path(), &run).await;
    scratch.remove().await?;
    Ok(run)
}

/// Notes what the summary does not hold, and passes every event on.
async fn watch(mut inbox: mpsc::Receiver<Event>, onward: Events) -> Watched {
    let mut watched = Watched::default();
    while let Some(event) = inbox.recv().await {
        watched.note(&event);
        onward.send(|| event).await;
    }
    watched
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list;

    fn order(levels: &[usize], runs: usize, warmup: usize) -> String {
        let plan = Plan {
            levels: levels.iter().map(|n| NonZeroUsize::new(*n).unwrap()).collect(),
            runs: NonZeroUsize::new(runs).unwrap(),
            warmup,
        };
        let shown = plan.rounds().map(|round| match round.turn {
            Turn::Warmup(_) => format!("w{}", round.jobs),
            Turn::Measured(_) => round.jobs.to_string(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_turn_begins_one_level_further_on() {
        for (levels, runs, warmup, expected) in [
            (&[1, 4, 16][..], 1, 0, "1 4 16"),
            (&[1, 4, 16], 3, 0, "1 4 16 4 16 1 16 1 4"),
            (&[1, 16], 3, 0, "1 16 16 1 1 16"),
            (&[1, 16], 1, 2, "w1 w16 w1 w16 1 16"),
            (&[8], 2, 1, "w8 8 8"),
            (&[], 2, 1, ""),
        ] {
            assert_eq!(order(levels, runs, warmup), expected);
        }
    }

    /// Notes which rounds it saw, and that each had a folder of its own.
    #[derive(Default)]
    struct Noting(Vec<(usize, Turn)>, Vec<std::path::PathBuf>);

    impl Observer for Noting {
        async fn end(&mut self, round: &Round, dir: &Path, run: &Run) {
            assert!(dir.is_dir() && !self.1.iter().any(|other| other == dir));
            assert_eq!(run.summary.total, 2);
            self.0.push((round.jobs.get(), round.turn));
            self.1.push(dir.to_owned());
        }
    }

    fn settings(dir: impl Into<std::path::PathBuf>) -> Settings {
        Settings {
            dir: dir.into(),
            ..Settings::default()
        }
    }

    fn plan(warmup: usize) -> Plan {
        Plan {
            warmup,
            ..Plan::once([1, 16].into_iter().filter_map(NonZeroUsize::new).collect())
        }
    }

    #[tokio::test]
    async fn every_round_reads_the_list_anew_into_a_folder_of_its_own() {
        let here = tempfile::tempdir().unwrap();
        let mut noting = Noting::default();
        let list = || list::from_lines(&b"nonsense\nftp://h/a\n"[..]);
        let settings = settings(here.path().join("dir"));
        let comparison = compare(&settings, &plan(1), list, &mut noting, &Stop::new())
            .await
            .unwrap();
        assert_eq!(
            noting.0,
            [
                (1, Turn::Warmup(1)),
                (16, Turn::Warmup(1)),
                (1, Turn::Measured(1)),
                (16, Turn::Measured(1))
            ]
        );
        for level in &comparison.levels {
            assert_eq!((level.runs.len(), level.failed()), (1, 2));
            assert_eq!(level.files().longest(), None, "nothing was requested");
        }
        assert!(comparison.fails_alike() && !comparison.is_complete());
        assert!(!here.path().join("dir").exists());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_said_before_anything_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let list = || -> futures::stream::Empty<_> { unreachable!("the list is not opened") };
        let result = compare(&settings(file.path()), &plan(0), list, &mut (), &Stop::new()).await;
        assert!(matches!(result, Err(SetupError::Dir { .. })));
    }

    #[tokio::test]
    async fn asked_to_stop_before_it_begins_it_does_not() {
        let stop = Stop::new();
        stop.park();
        let list = || -> futures::stream::Empty<_> { unreachable!("the list is not opened") };
        let comparison = compare(&settings("/nonexistent"), &plan(0), list, &mut (), &stop).await;
        assert!(comparison.unwrap().stopped);
    }
}
