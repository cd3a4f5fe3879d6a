//! What happens, for whoever watches: changes of state come through a bounded channel, bytes are counters to sample.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::sync::mpsc;

use crate::error::TransferError;
use crate::job::{HostKey, Job, JobId, SourceUrl};
use crate::report::Row;

/// A change of state. Readers ignore what they do not know.
#[derive(Debug)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "a copy costs less than an allocation for each entry"
)]
pub enum Event {
    /// This many entries were read so far; `complete` when the list has ended. Sent from time to time and at the end.
    Listed {
        /// Entries, bad lines and duplicates included.
        total: u64,
        /// The list has ended.
        complete: bool,
    },
    /// An entry holds a connection slot and begins a try.
    Started {
        /// Which one.
        id: JobId,
        /// From where.
        url: SourceUrl,
        /// The path it will have, relative to the folder.
        path: Arc<PathBuf>,
        /// Its bytes, to sample.
        meter: Arc<Meter>,
        /// Which try, from 1.
        attempt: u32,
    },
    /// The server gave the entry another name.
    Named {
        /// Which one.
        id: JobId,
        /// The path it will have, relative to the folder.
        path: Arc<PathBuf>,
    },
    /// A try failed; the entry gave its slot back and waits.
    Retrying {
        /// Which one.
        id: JobId,
        /// From where.
        url: SourceUrl,
        /// Which try failed, from 1.
        attempt: u32,
        /// Why, in words.
        why: String,
        /// Why.
        error: Arc<TransferError>,
        /// The status of the answer to its last request, if that had one.
        answered: Option<StatusCode>,
        /// For how long it waits.
        wait: Duration,
    },
    /// A host asked to be left alone; none of its entries starts before that.
    Paused {
        /// Which host.
        host: HostKey,
        /// For how long from now.
        wait: Duration,
        /// Why, in words.
        why: String,
    },
    /// Something a person should know that fails no entry.
    Warning(String),
    /// An entry has ended. Every entry of the list ends exactly once.
    Finished(Row),
}

impl Event {
    /// This try of an entry failed, and another follows.
    pub(crate) fn retrying(
        job: &Job,
        attempt: u32,
        (error, answered): (TransferError, Option<StatusCode>),
        wait: Duration,
    ) -> Self {
        Self::Retrying {
            id: job.id,
            url: job.url.clone(),
            attempt,
            answered,
            why: error.to_string(),
            error: Arc::new(error),
            wait,
        }
    }
}

/// The way events take: to a reader, or nowhere. A full channel holds the engine back, so a slow reader costs
/// time and never memory.
#[derive(Debug, Clone, Default)]
pub struct Events {
    sender: Option<mpsc::Sender<Event>>,
    wanted: Interest,
}

/// Which of them the reader wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interest {
    /// All there are.
    #[default]
    All,
    /// Entries that end without a file.
    Failures,
}

impl Interest {
    /// Is the end of this entry one of them?
    pub(crate) fn covers(self, row: &Row) -> bool {
        self == Self::All || row.error().is_some()
    }
}

impl Events {
    /// Events for nobody.
    pub fn none() -> Self {
        Self::default()
    }

    /// A channel of 1,024 events. A reader that goes away is no error.
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        Self::of(Interest::All)
    }

    /// The same for a reader that wants to hear of these: the others cost nothing.
    pub fn of(wanted: Interest) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(1024);
        let sender = Some(sender);
        (Self { sender, wanted }, receiver)
    }

    /// Tells; waits while the channel is full. The event is only made when somebody listens.
    pub(crate) async fn send(&self, event: impl FnOnce() -> Event) {
        if self.wanted == Interest::All {
            self.tell(event).await;
        }
    }

    /// Tells that an entry has ended.
    pub(crate) async fn end(&self, row: Row) {
        if self.wanted.covers(&row) {
            self.tell(|| Event::Finished(row)).await;
        }
    }

    async fn tell(&self, event: impl FnOnce() -> Event) {
        let Some(sender) = &self.sender else { return };
        // Room first: a future that holds an event is as large as the event, and every transfer has several.
        if let Ok(room) = sender.reserve().await {
            room.send(event());
        }
    }
}

/// Counters of one entry, written by the transfer and sampled by whoever draws.
#[derive(Debug, Default)]
pub struct Meter {
    received: AtomicU64,
    /// Bytes that an earlier try or run had fetched.
    kept: AtomicU64,
    /// Announced size plus one; zero is unknown.
    size: AtomicU64,
}

impl Meter {
    /// Body bytes received, over all tries; it only grows.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes of the file that are here now; falls back when a try starts over.
    pub fn here(&self) -> u64 {
        self.kept.load(Ordering::Relaxed).wrapping_add(self.received())
    }

    /// The file's size in bytes, once it is known.
    pub fn size(&self) -> Option<u64> {
        self.size.load(Ordering::Relaxed).checked_sub(1)
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A body begins, of a file of which so many bytes are here.
    pub(crate) fn restart(&self, here: u64, size: Option<u64>) {
        self.kept.store(here.wrapping_sub(self.received()), Ordering::Relaxed);
        self.size
            .store(size.map_or(0, |s| s.saturating_add(1)), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hauler::row;
    use crate::job::{Job, Place, SourceUrl};
    use crate::report::{Outcome, Source};

    #[tokio::test]
    async fn who_wants_failures_hears_of_nothing_else() {
        let place = Place { list: None, line: 1 };
        let url = SourceUrl::new("http://h/a".parse().unwrap());
        let job = Arc::new(Job::new(JobId(1), place, url));
        let row = |outcome| row(Source::Job(Arc::clone(&job)), outcome);
        let failed = || Outcome::Failed(Arc::new(TransferError::DiskFull));
        for ((events, mut receiver), heard) in [(Events::channel(), 3), (Events::of(Interest::Failures), 1)] {
            events.send(|| Event::Warning("w".into())).await;
            events.end(row(Outcome::Downloaded)).await;
            events.end(row(failed())).await;
            drop(events);
            assert_eq!(receiver.len(), heard);
            let mut last = None;
            while let Some(event) = receiver.recv().await {
                last = Some(event);
            }
            assert!(matches!(last, Some(Event::Finished(row)) if row.error().is_some()));
        }
    }
}
