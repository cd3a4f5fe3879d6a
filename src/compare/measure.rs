//! What was measured, and the statistics of it.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::{Round, Turn};
use crate::event::Event;
use crate::job::{HostKey, JobId};
use crate::report::{Row, Spread, Summary};

/// The same list at several levels of concurrency.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Comparison {
    /// In the order of the plan; the first is what the others are measured against.
    pub levels: Vec<Level>,
    /// Somebody stopped it: some runs are missing.
    pub stopped: bool,
}

/// All measured runs with the same number of connections.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Level {
    /// Connections at once.
    pub jobs: NonZeroUsize,
    /// Those that ended by themselves, in the order they were run.
    pub runs: Vec<Run>,
}

/// One run of the list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Run {
    /// What the engine says of it.
    pub summary: Summary,
    /// How long its files took: every entry that was requested, from its first slot to its end.
    pub files: Spread,
    /// The host that asked for the longest wait, if one did.
    pub pushed_back: Option<HostKey>,
    /// A sum over the ids of the failed entries: equal for equal sets, whatever their order.
    failed_ids: u64,
}

impl Run {
    pub(super) fn new(summary: Summary, watched: Watched) -> Self {
        Self {
            summary,
            files: watched.files,
            pushed_back: watched.pushed_back.map(|(host, _)| host),
            failed_ids: watched.failed_ids,
        }
    }
}

/// What the events of a run tell beyond its summary. Its size does not grow with their number.
#[derive(Debug, Default)]
pub(super) struct Watched {
    files: Spread,
    pushed_back: Option<(HostKey, Duration)>,
    failed_ids: u64,
}

impl Watched {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Finished(row) => self.note_row(row),
            Event::Paused { host, wait, .. } if self.pushed_back.as_ref().is_none_or(|(_, longest)| wait > longest) => {
                self.pushed_back = Some((host.clone(), *wait));
            }
            _ => {}
        }
    }

    fn note_row(&mut self, row: &Row) {
        if row.tries > 0 {
            self.files.add(row.elapsed);
        }
        if row.error().is_some() {
            self.failed_ids = self.failed_ids.wrapping_add(scattered(row.id));
        }
    }
}

/// The id, spread over 64 bits (the finalizer of `SplitMix64`), so that different sets have different sums.
fn scattered(JobId(id): JobId) -> u64 {
    let x = id.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl Comparison {
    pub(super) fn of(levels: &[NonZeroUsize]) -> Self {
        let levels = levels.iter().map(|&jobs| Level { jobs, runs: Vec::new() });
        Self {
            levels: levels.collect(),
            stopped: false,
        }
    }

    /// Takes a run in, unless it was a warm-up or did not get to its end.
    pub(super) fn add(&mut self, round: &Round, run: Run) {
        if run.summary.stopped {
            self.stopped = true;
        } else if let Turn::Measured(_) = round.turn {
            self.levels[round.level].runs.push(run);
        }
    }

    /// The level with the shortest mean wall-clock time.
    pub fn best(&self) -> Option<usize> {
        let walls = self.levels.iter().enumerate();
        let walls = walls.filter_map(|(index, level)| Some((index, level.wall()?.mean)));
        walls.min_by_key(|(_, wall)| *wall).map(|(index, _)| index)
    }

    /// How many times faster than the first level, by mean wall-clock time.
    pub fn speed_up(&self, level: &Level) -> Option<f64> {
        let (first, this) = (self.levels.first()?.wall()?.mean, level.wall()?.mean);
        Some(ratio(first, this))
    }

    /// The speed-up for each connection more than the first level has: 1 is all that can be hoped for.
    pub fn efficiency(&self, level: &Level) -> Option<f64> {
        let more = as_f64(level.jobs.get()) / as_f64(self.levels.first()?.jobs.get());
        Some(self.speed_up(level)? / more)
    }

    /// Did the same entries fail in every run? If not, the levels did not do the same work.
    pub fn fails_alike(&self) -> bool {
        let mut failed = self.runs().map(|run| (run.summary.failed, run.failed_ids));
        let first = failed.next();
        failed.all(|other| Some(other) == first)
    }

    /// Did every run get to its end, and every entry its file?
    pub fn is_complete(&self) -> bool {
        !self.stopped && self.runs().all(|run| run.summary.is_complete())
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.levels.iter().flat_map(|level| &level.runs)
    }
}

impl Level {
    /// Wall-clock time of its runs; `None` when there is none.
    pub fn wall(&self) -> Option<Stats> {
        let walls: Vec<_> = self.runs.iter().map(|run| run.summary.wall).collect();
        Stats::of(&walls)
    }

    /// Received bytes a second of wall-clock time, over all its runs.
    pub fn speed(&self) -> f64 {
        let received: f64 = self.runs.iter().map(|run| bytes(run.summary.received)).sum();
        received / self.sum(|run| run.summary.wall).as_secs_f64().max(1e-9)
    }

    /// How long files took, over all its runs.
    pub fn files(&self) -> Spread {
        self.runs.iter().fold(Spread::default(), |mut all, run| {
            all.merge(&run.files);
            all
        })
    }

    /// Failed entries of the run that had the most.
    pub fn failed(&self) -> u64 {
        self.runs.iter().map(|run| run.summary.failed).max().unwrap_or(0)
    }

    /// The host that pushed back, if one did.
    pub(super) fn pushed_back(&self) -> Option<&HostKey> {
        self.runs.iter().find_map(|run| run.pushed_back.as_ref())
    }

    pub(super) fn sum(&self, time: impl Fn(&Run) -> Duration) -> Duration {
        self.runs.iter().map(time).sum()
    }
}

/// What several times have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Arithmetic mean.
    pub mean: Duration,
    /// Sample standard deviation (divided by n - 1); `None` of a single time.
    pub stddev: Option<Duration>,
    /// The middle one, or the mean of the two in the middle.
    pub median: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Stats {
    /// Of these times; `None` when there are none.
    pub fn of(times: &[Duration]) -> Option<Self> {
        let mut times: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        times.sort_by(f64::total_cmp);
        let (min, max) = (*times.first()?, *times.last()?);
        let count = as_f64(times.len());
        let mean = times.iter().sum::<f64>() / count;
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        let stddev = (times.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        let half = times.len() / 2;
        let median = f64::midpoint(times[(times.len() - 1) / 2], times[half]);
        Some(Self {
            mean: Duration::from_secs_f64(mean),
            stddev: stddev.map(Duration::from_secs_f64),
            median: Duration::from_secs_f64(median),
            min: Duration::from_secs_f64(min),
            max: Duration::from_secs_f64(max),
        })
    }
}

/// How many times longer `a` is than `b`.
pub(super) fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

#[expect(clippy::cast_precision_loss, reason = "counts of connections and runs are small")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a speed needs three digits")]
fn bytes(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
