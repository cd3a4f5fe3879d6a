//! Events of a run that never was, for the tests of what is shown.

use std::borrow::Borrow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use super::board::Board;
use super::snapshot::Snapshot;
use crate::error::TransferError;
use crate::event::{Event, Meter};
use crate::job::{Job, JobId, Place, SourceUrl};
use crate::report::{Outcome, Row, Source, Summary, Tally};

pub(super) const MIB: u64 = 1 << 20;

pub(super) fn url(path: &str) -> SourceUrl {
    SourceUrl::new(format!("http://example.org/{path}").parse().unwrap())
}

pub(super) fn started(id: u64, path: &str, meter: &Arc<Meter>) -> Event {
    Event::Started {
        id: JobId(id),
        url: url(path),
        path: Arc::new(PathBuf::from(path)),
        meter: Arc::clone(meter),
        attempt: 1,
    }
}

pub(super) fn row(id: u64, path: &str, outcome: Outcome) -> Row {
    let place = Place { list: None, line: id };
    let job = Job::new(JobId(id), place.clone(), url(path));
    Row {
        id: JobId(id),
        place,
        source: Source::Job(Arc::new(job)),
        path: Some(Arc::new(PathBuf::from(path))),
        outcome,
        size: 0,
        received: 0,
        tries: 1,
        disk: Duration::ZERO,
        busy: Duration::from_secs(2),
        elapsed: Duration::from_secs(2),
        queue: Duration::ZERO,
        begun: None,
        spans: crate::report::Spans::default(),
        redirects: 0,
        exchange: None,
        answered: None,
        checksum: None,
    }
}

pub(super) fn downloaded(id: u64, path: &str, bytes: u64) -> Row {
    Row {
        size: bytes,
        received: bytes,
        ..row(id, path, Outcome::Downloaded)
    }
}

pub(super) fn failed(id: u64, path: &str, tries: u32, error: TransferError) -> Row {
    Row {
        tries,
        ..row(id, path, Outcome::Failed(Arc::new(error)))
    }
}

pub(super) fn status(code: u16) -> TransferError {
    TransferError::Status {
        status: StatusCode::from_u16(code).unwrap(),
        retry_after: None,
    }
}

pub(super) fn summed(rows: &[Row], wall: Duration, stopped: bool) -> Summary {
    let mut tally = Tally::default();
    for row in rows {
        tally.add(row);
    }
    tally.finish(wall, stopped)
}

/// A board and its clock.
pub(super) struct Run {
    pub(super) board: Board,
    pub(super) now: Instant,
}

impl Run {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            board: Board::new(now),
            now,
        }
    }

    pub(super) fn tell(&mut self, event: impl Borrow<Event>) {
        self.board.apply(event.borrow(), self.now);
    }

    pub(super) fn listed(&mut self, total: u64, complete: bool) {
        self.tell(Event::Listed { total, complete });
    }

    pub(super) fn start(&mut self, id: u64, path: &str, size: Option<u64>) -> Arc<Meter> {
        let meter = Arc::new(Meter::default());
        meter.restart(0, size);
        self.tell(started(id, path, &meter));
        meter
    }

    /// Time passes in steps of a tick while each meter gets its bytes a second.
    pub(super) fn pass(&mut self, seconds: u32, flows: &[(&Arc<Meter>, u64)]) {
        for _ in 0..seconds * 10 {
            self.now += Duration::from_millis(100);
            for (meter, flow) in flows {
                meter.add(flow / 10);
            }
            self.board.sample(self.now);
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.board.snapshot(self.now)
    }
}
