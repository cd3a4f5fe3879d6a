//! What came of it: a row for each entry, a summary for the run.

mod account;
mod document;
mod exchange;
mod hosts;
mod markdown;
pub mod picture;
mod rows;
mod spans;
mod spread;
mod units;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::checksum::{Algorithm, Checksum};
use crate::error::TransferError;
use crate::job::{HostKey, Job, JobId, Place, SourceUrl};

pub use account::{Account, Longest};
pub(crate) use document::secs;
pub use document::{About, FORMAT, Failure, Reason, Report, Usage, rfc3339};
pub use exchange::Exchange;
pub use hosts::{Host, Hosts};
pub use markdown::markdown;
pub use rows::Rows;
pub(crate) use spans::Life;
pub use spans::{Phase, Span, Spans};
pub use spread::Spread;
pub(crate) use units::per_second;
pub use units::{count, in_seconds, seconds, size, speed};

/// How one entry of the list ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Row {
    /// Which entry.
    pub id: JobId,
    /// Where it was read.
    pub place: Place,
    /// What it was: an entry, or the text of a bad line.
    pub source: Source,
    /// Its path relative to the folder, when it got as far as a name.
    pub path: Option<Arc<PathBuf>>,
    /// How it ended.
    pub outcome: Outcome,
    /// Size of the file in bytes, when there is one.
    pub size: u64,
    /// Body bytes received, over all tries.
    pub received: u64,
    /// Tries made; 0 when nothing was requested.
    pub tries: u32,
    /// Time in which it held a connection slot.
    pub busy: Duration,
    /// Time of that in which it waited for the disk.
    pub disk: Duration,
    /// From its first slot to its end, waits included.
    pub elapsed: Duration,
    /// From being listed to its first slot.
    pub queue: Duration,
    /// When it got its first slot; `None` when it had none.
    pub begun: Option<Instant>,
    /// What it did from then on, up to its end.
    pub spans: Spans,
    /// Redirects followed in its last try.
    pub redirects: u32,
    /// The last answer that it got; `None` when nothing was asked, or nobody answered.
    pub exchange: Option<Exchange>,
    /// The status of the answer to its last request; `None` when that had none.
    pub answered: Option<StatusCode>,
    /// What its file adds up to, where this run computed it because the user had said it.
    pub checksum: Option<Checksum>,
}

/// What an entry was before it ended.
#[derive(Debug, Clone)]
pub enum Source {
    /// An entry.
    Job(Arc<Job>),
    /// A line that is none; its text is not tamed.
    Line(String),
}

impl Row {
    /// The entry's URL; `None` for a bad line.
    pub fn url(&self) -> Option<&SourceUrl> {
        match &self.source {
            Source::Job(job) => Some(&job.url),
            Source::Line(_) => None,
        }
    }

    /// What to show of the entry: its URL without secrets, or the tamed beginning of the line.
    pub fn shown(&self) -> String {
        match &self.source {
            Source::Job(job) => job.url.to_string(),
            Source::Line(text) => crate::tame::tame(text).into_owned(),
        }
    }

    /// Who served it: the host that its last answer came from, else that of its URL.
    pub fn host(&self) -> Option<HostKey> {
        let away = self.exchange.as_ref().and_then(|exchange| exchange.away.clone());
        away.or_else(|| self.url().map(SourceUrl::host))
    }

    /// Received bytes per second of its own time, waits included.
    pub fn speed(&self) -> f64 {
        if self.received == 0 {
            return 0.0;
        }
        per_second(self.received, self.elapsed)
    }

    /// The digits of what its file adds up to, if that was computed in this way.
    pub fn digits_of(&self, algorithm: Algorithm) -> Option<String> {
        let checksum = self.checksum.as_ref().filter(|sum| sum.algorithm() == algorithm)?;
        let text = checksum.to_string();
        text.split_once(':').map(|(_, digits)| digits.to_owned())
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&Arc<TransferError>> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// How an entry ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// Fetched whole.
    Downloaded,
    /// Fetched on from what an earlier run had left.
    Resumed,
    /// It was there before, and right as far as the settings ask.
    AlreadyThere,
    /// The server had a newer one, and it took the old one's place.
    Updated,
    /// The server has none newer.
    Unchanged,
    /// The same entry stood earlier in the list; its file is that one's.
    Duplicate,
    /// No file.
    Failed(Arc<TransferError>),
}

/// The whole run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Entries that ended, bad lines and duplicates included.
    pub total: u64,
    /// Fetched whole, updates and resumed ones included.
    pub downloaded: u64,
    /// Of those, how many went on from what an earlier run had left.
    pub resumed: u64,
    /// Already there, or unchanged on the server.
    pub already_there: u64,
    /// Identical to an earlier entry.
    pub duplicates: u64,
    /// Without a file.
    pub failed: u64,
    /// Of those, how many only because the run was stopped.
    pub cancelled: u64,
    /// Tries after the first, over all entries.
    pub retries: u64,
    /// Body bytes received, over all entries and tries.
    pub received: u64,
    /// From the start of the run to its end.
    pub wall: Duration,
    /// Slot-holding time of all entries, added up; by [`wall`](Self::wall) it is the mean of transfers at once.
    pub task_time: Duration,
    /// The longest time from an entry's first slot to its end.
    pub longest: Duration,
    /// Time in which at least one host had asked to be left alone, added up over hosts.
    pub paused: Duration,
    /// Time that transfers spent waiting for the disk, added up.
    pub disk_time: Duration,
    /// Time that transfers spent making connections and waiting for the heads of answers, added up.
    pub latency: Duration,
    /// The run was stopped before its list ended.
    pub stopped: bool,
    /// It stopped by itself, at the first entry that failed, as the settings ask.
    pub failed_fast: bool,
    /// Its list was not read to the end: there may be entries that nothing here tells of.
    pub unread: bool,
    /// The first failures, in the order they happened.
    pub failures: Vec<Row>,
    /// All failures, counted by reason and host. At most [`Summary::GROUPS`] groups; the rest is in [`other_failures`](Self::other_failures).
    pub groups: Vec<Group>,
    /// Failures that found no group.
    pub other_failures: u64,
}

/// Failures with one reason at one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// In words.
    pub reason: String,
    /// Where; `None` for bad lines.
    pub host: Option<HostKey>,
    /// How many.
    pub count: u64,
}

impl Summary {
    /// Failures that are kept whole.
    pub const KEPT: usize = 10;
    /// Groups that are counted.
    pub const GROUPS: usize = 100;

    /// Files that were asked for: an entry that is listed again asks for no other, and its file may be missing.
    pub fn files(&self) -> u64 {
        self.total - self.duplicates
    }

    /// Of those, how many are there.
    pub fn arrived(&self) -> u64 {
        self.files().saturating_sub(self.failed)
    }

    /// Does every entry have its file?
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && !self.stopped
    }

    /// Received bytes per second of wall-clock time.
    pub fn speed(&self) -> f64 {
        per_second(self.received, self.wall)
    }

    /// The mean of transfers at once.
    pub fn parallelism(&self) -> f64 {
        self.task_time.as_secs_f64() / self.wall.as_secs_f64().max(1e-9)
    }
}

/// Adds rows up. Its size does not grow with their number.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sum: Summary,
    groups: HashMap<(String, Option<HostKey>), u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, row: &Row) {
        let sum = &mut self.sum;
        sum.total += 1;
        sum.received += row.received;
        sum.retries += u64::from(row.tries.saturating_sub(1));
        sum.task_time += row.busy;
        sum.disk_time += row.disk;
        sum.latency += row.spans.total(Phase::Connect) + row.spans.total(Phase::Wait);
        sum.longest = sum.longest.max(row.elapsed);
        match &row.outcome {
            Outcome::Downloaded | Outcome::Updated => sum.downloaded += 1,
            Outcome::Resumed => {
                sum.downloaded += 1;
                sum.resumed += 1;
            }
            Outcome::AlreadyThere | Outcome::Unchanged => sum.already_there += 1,
            Outcome::Duplicate => sum.duplicates += 1,
            Outcome::Failed(error) => self.add_failure(row, error),
        }
    }

    fn add_failure(&mut self, row: &Row, error: &TransferError) {
        self.sum.failed += 1;
        self.sum.cancelled += u64::from(matches!(error, TransferError::Cancelled));
        if self.sum.failures.len() < Summary::KEPT {
            self.sum.failures.push(row.clone());
        }
        let key = (error.to_string(), row.url().map(SourceUrl::host));
        let known = self.groups.len();
        match self.groups.get_mut(&key) {
            Some(count) => *count += 1,
            None if known < Summary::GROUPS => drop(self.groups.insert(key, 1)),
            None => self.sum.other_failures += 1,
        }
    }

    pub(crate) fn finish(self, wall: Duration, stopped: bool) -> Summary {
        let groups = self.groups.into_iter();
        let mut groups: Vec<_> = groups
            .map(|((reason, host), count)| Group { reason, host, count })
            .collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        Summary {
            wall,
            stopped,
            groups,
            ..self.sum
        }
    }
}
