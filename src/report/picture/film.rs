//! Gathers what a picture needs while a run goes on. Its size does not grow with the run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::raster::{Raster, stretches};
use super::series::Series;
use crate::error::TransferError;
use crate::event::{Event, Meter};
use crate::job::{HostKey, JobId};
use crate::report::{Phase, Row, Spans};

/// Entries that are drawn one by one. With more of them, they merge.
const BARS: usize = 2000;
/// Pauses that are drawn.
const PAUSES: usize = 200;

/// What was seen of a run.
#[derive(Debug)]
pub struct Film {
    start: Instant,
    jobs: usize,
    meters: HashMap<JobId, Watched>,
    pub(super) bytes: Series,
    /// Seconds in which slots were held.
    pub(super) busy: Series,
    pub(super) retries: Series,
    pub(super) push_backs: Series,
    pub(super) pauses: Vec<Pause>,
    pub(super) bars: Vec<Bar>,
    pub(super) raster: Option<Raster>,
    /// Seconds from the start to the last that was seen.
    end: f64,
}

/// A transfer whose bytes are counted.
#[derive(Debug)]
struct Watched {
    meter: Arc<Meter>,
    seen: u64,
    /// When it was looked at last.
    at: Option<f64>,
}

/// A host asked to be left alone.
#[derive(Debug)]
pub(super) struct Pause {
    pub(super) host: HostKey,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// One entry.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) begin: f64,
    pub(super) spans: Spans,
    pub(super) path: Option<Arc<PathBuf>>,
    pub(super) line: u64,
    pub(super) size: u64,
    pub(super) tries: u32,
    pub(super) elapsed: Duration,
    pub(super) error: Option<Arc<TransferError>>,
}

impl Film {
    /// Begins now, of a run with so many connections at once.
    pub fn new(start: Instant, jobs: usize) -> Self {
        Self {
            start,
            jobs,
            meters: HashMap::new(),
            bytes: Series::default(),
            busy: Series::default(),
            retries: Series::default(),
            push_backs: Series::default(),
            pauses: Vec::new(),
            bars: Vec::new(),
            raster: None,
            end: 0.0,
        }
    }

    /// Takes in an event, which happened just now.
    pub fn note(&mut self, event: &Event, now: Instant) {
        let time = self.time(now);
        match event {
            Event::Started { id, meter, .. } => {
                let watched = || Watched {
                    meter: Arc::clone(meter),
                    seen: 0,
                    at: None,
                };
                self.meters.entry(*id).or_insert_with(watched);
            }
            Event::Retrying { error, .. } => {
                self.retries.add_at(time, 1.0);
                self.note_push_back(error, time);
            }
            Event::Paused { host, wait, .. } if self.pauses.len() < PAUSES => self.pauses.push(Pause {
                host: host.clone(),
                from: time,
                to: time + wait.as_secs_f64(),
            }),
            Event::Finished(row) => self.end_row(row),
            _ => {}
        }
    }

    /// Reads the counters of what is under way: from time to time, say ten times a second.
    pub fn sample(&mut self, now: Instant) {
        let time = self.time(now);
        for watched in self.meters.values_mut() {
            let received = watched.meter.received();
            if let Some(at) = watched.at {
                self.bytes.add(at, time, bytes(received - watched.seen));
            } else if received > watched.seen {
                self.bytes.add_at(time, bytes(received - watched.seen));
            }
            (watched.seen, watched.at) = (received, Some(time));
        }
    }

    fn end_row(&mut self, row: &Row) {
        let watched = self.meters.remove(&row.id);
        let Some(begin) = row.begun.map(|begun| self.time(begun)) else {
            return;
        };
        let end = begin + row.elapsed.as_secs_f64();
        self.end = self.end.max(end);
        let (seen, at) = watched.map_or((0, None), |watched| (watched.seen, watched.at));
        let body = begin + body_begins(&row.spans);
        self.bytes.add(
            at.unwrap_or(body).min(end),
            end,
            bytes(row.received.saturating_sub(seen)),
        );
        if let Some(error) = row.error() {
            self.note_push_back(error, end);
        }
        if row.tries > 0 {
            self.draw(row, begin);
        }
    }

    fn note_push_back(&mut self, error: &TransferError, time: f64) {
        if error.is_push_back() {
            self.push_backs.add_at(time, 1.0);
        }
    }

    fn draw(&mut self, row: &Row, begin: f64) {
        for (offset, spans) in stretches(&row.spans) {
            let length: f64 = spans.iter().map(|(_, length)| length).sum();
            self.busy.add(begin + offset, begin + offset + length, length);
        }
        let bar = Bar {
            begin,
            spans: row.spans.clone(),
            path: row.path.clone(),
            line: row.place.line,
            size: row.size,
            tries: row.tries,
            elapsed: row.elapsed,
            error: row.error().cloned(),
        };
        match &mut self.raster {
            Some(raster) => bar.paint(raster),
            None => self.bars.push(bar),
        }
        if self.bars.len() > BARS {
            let raster = self.raster.insert(Raster::new(self.jobs, self.end));
            self.bars.drain(..).for_each(|bar| bar.paint(raster));
        }
    }

    /// Seconds since the start.
    fn time(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.start).as_secs_f64()
    }

    /// Seconds from the start to the end of what was seen.
    pub(super) fn end(&self) -> f64 {
        self.end
    }

    /// Connections at once.
    pub(super) fn jobs(&self) -> usize {
        self.jobs
    }
}

impl Bar {
    fn paint(&self, raster: &mut Raster) {
        let stretches = stretches(&self.spans);
        let last = stretches.len();
        for (index, (offset, spans)) in stretches.into_iter().enumerate() {
            raster.add(self.begin + offset, &spans, self.error.is_some() && index + 1 == last);
        }
    }
}

/// Seconds from the beginning of an entry to its first body.
fn body_begins(spans: &Spans) -> f64 {
    let before = spans.iter().take_while(|span| span.phase != Phase::Body);
    before.map(|span| span.length.as_secs_f64()).sum()
}

fn bytes(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is drawn in pixels")]
    let count = count as f64;
    count
}
