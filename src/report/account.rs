//! What the events of a run tell beyond its summary.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Failure, Hosts, Outcome, Phase, Row, in_seconds};
use crate::error::TransferError;
use crate::event::Event;

/// Gathered from the events of a run. Its size does not grow with their number.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Account {
    /// What each host did.
    pub hosts: Hosts,
    /// Answers that ask for patience, 429 and 503, by their status.
    pub push_back: BTreeMap<u16, u64>,
    /// The first failures, in the order they happened; at most [`Account::KEPT`].
    pub failures: Vec<Failure>,
    /// Files that took the place of an older one because the server had a newer.
    pub updated: u64,
    /// Size of all files that were fetched, in bytes.
    pub fetched: u64,
    /// The entry that took the longest from its first slot to its end.
    pub longest: Option<Longest>,
}

/// The entry that took the longest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Longest {
    /// Its path, or its URL without secrets.
    pub name: String,
    /// From its first slot to its end.
    pub elapsed: Duration,
    /// Of that, without a slot: it waited for another try.
    pub rest: Duration,
}

impl Longest {
    fn of(row: &Row) -> Self {
        let path = row
            .path
            .as_ref()
            .map(|path| crate::tame::tame(&path.to_string_lossy()).into_owned());
        Self {
            name: path.unwrap_or_else(|| row.shown()),
            elapsed: row.elapsed,
            rest: row.spans.total(Phase::Rest),
        }
    }
}

/// Its name, and how much of its time it did nothing when that was most of it.
impl fmt::Display for Longest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.rest > self.elapsed / 2 {
            write!(f, ", which waited {} for another try", in_seconds(self.rest))?;
        }
        Ok(())
    }
}

impl Account {
    /// Failures that are kept whole.
    pub const KEPT: usize = 1000;

    /// Takes in an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Retrying { url, error, .. } if error.is_push_back() => {
                self.count(error);
                self.hosts.of(&url.host()).push_backs += 1;
            }
            Event::Paused { host, wait, .. } => self.hosts.of(host).paused += *wait,
            Event::Finished(row) => self.note_row(row),
            _ => {}
        }
    }

    fn note_row(&mut self, row: &Row) {
        self.hosts.add(row);
        let known = self.longest.as_ref().map_or(Duration::ZERO, |longest| longest.elapsed);
        if row.tries > 0 && row.elapsed > known {
            self.longest = Some(Longest::of(row));
        }
        match &row.outcome {
            Outcome::Downloaded | Outcome::Resumed => self.fetched += row.size,
            Outcome::Updated => {
                self.fetched += row.size;
                self.updated += 1;
            }
            Outcome::Failed(error) => {
                if self.failures.len() < Self::KEPT {
                    self.failures.extend(Failure::of(row));
                }
                if error.is_push_back() {
                    self.count(error);
                    row.host()
                        .into_iter()
                        .for_each(|host| self.hosts.of(&host).push_backs += 1);
                }
            }
            Outcome::AlreadyThere | Outcome::Unchanged | Outcome::Duplicate => {}
        }
    }

    fn count(&mut self, error: &TransferError) {
        let status = error.status().map_or(0, |status| status.as_u16());
        *self.push_back.entry(status).or_default() += 1;
    }
}
