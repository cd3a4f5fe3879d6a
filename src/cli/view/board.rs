//! The state of a run, gathered from its events. Time comes in with every call and is never read here; what has ended
//! leaves nothing behind but numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pace::{Pace, time_for};
use super::snapshot::{Expected, FILES, File, HeldHost, Snapshot};
use crate::event::{Event, Meter};
use crate::job::{HostKey, JobId};
use crate::report::{Outcome, Row};
use crate::tame::tame;

/// What is known of a run that is under way.
#[derive(Debug)]
pub(super) struct Board {
    start: Instant,
    listed: u64,
    complete: bool,
    done: u64,
    failed: u64,
    /// Entries that stand in the list once more: no files of their own.
    twice: u64,
    /// Bytes that came, over all files and tries. It only grows, so a speed can be taken from it.
    received: u64,
    /// Sizes of the files that came whole, to guess those of the files that nobody has asked for yet.
    known: Mean,
    entries: HashMap<JobId, Entry>,
    begun: u64,
    /// Who has a line. A file keeps its line until it ends: what shifts with every end cannot be read.
    lines: Vec<JobId>,
    held: Vec<Held>,
    pace: Pace,
}

/// An entry that has begun and not ended.
#[derive(Debug)]
struct Entry {
    order: u64,
    name: String,
    meter: Arc<Meter>,
    /// The meter's last reading.
    seen: u64,
    /// What of this entry is in [`Board::received`].
    counted: u64,
    /// Grows like `counted`, one file's share of the bytes.
    pace: Pace,
    rest: Option<Rest>,
}

/// Why an entry does nothing now, and until when.
#[derive(Debug)]
struct Rest {
    until: Instant,
    why: String,
}

#[derive(Debug)]
struct Held {
    host: HostKey,
    until: Instant,
    why: String,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mean {
    sum: u64,
    of: u64,
}

impl Mean {
    fn add(&mut self, size: u64) {
        self.sum = self.sum.saturating_add(size);
        self.of += 1;
    }

    fn get(self) -> Option<u64> {
        self.sum.checked_div(self.of)
    }
}

impl Board {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            listed: 0,
            complete: false,
            done: 0,
            failed: 0,
            twice: 0,
            received: 0,
            known: Mean::default(),
            entries: HashMap::new(),
            begun: 0,
            lines: Vec::new(),
            held: Vec::new(),
            pace: Pace::new(start, 0),
        }
    }

    pub(super) fn apply(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Listed { total, complete } => (self.listed, self.complete) = (*total, *complete),
            Event::Started { id, path, meter, .. } => self.begin(*id, &path.to_string_lossy(), meter, now),
            Event::Retrying { id, why, wait, .. } => self.rest(*id, why, after(now, *wait)),
            Event::Paused { host, wait, why } => self.hold(host, why, after(now, *wait)),
            Event::Named { id, path } => self.rename(*id, &path.to_string_lossy()),
            Event::Warning(_) => {}
            Event::Finished(row) => self.end(row),
        }
    }

    fn begin(&mut self, id: JobId, name: &str, meter: &Arc<Meter>, now: Instant) {
        self.begun += 1;
        let entry = self.entries.entry(id).or_insert_with(|| Entry {
            order: self.begun,
            name: tame(name).into_owned(),
            meter: Arc::clone(meter),
            seen: 0,
            counted: 0,
            pace: Pace::new(now, 0),
            rest: None,
        });
        if !Arc::ptr_eq(&entry.meter, meter) {
            entry.meter = Arc::clone(meter);
            entry.seen = 0;
        }
        entry.rest = None;
        // The wait before this try is no part of its speed.
        entry.pace = Pace::new(now, entry.counted);
    }

    fn rename(&mut self, id: JobId, name: &str) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.name = tame(name).into_owned();
        }
    }

    fn rest(&mut self, id: JobId, why: &str, until: Instant) {
        if let Some(entry) = self.entries.get_mut(&id) {
            let why = tame(why).into_owned();
            entry.rest = Some(Rest { until, why });
        }
    }

    fn hold(&mut self, host: &HostKey, why: &str, until: Instant) {
        self.held.retain(|held| held.host != *host);
        self.held.push(Held {
            host: host.clone(),
            until,
            why: tame(why).into_owned(),
        });
    }

    fn end(&mut self, row: &Row) {
        let counted = self.entries.remove(&row.id).map_or(0, |entry| entry.counted);
        self.received += row.received.saturating_sub(counted);
        match &row.outcome {
            Outcome::Downloaded | Outcome::Resumed | Outcome::Updated => {
                self.known.add(row.size);
                self.done += 1;
            }
            Outcome::AlreadyThere | Outcome::Unchanged => self.done += 1,
            Outcome::Duplicate => self.twice += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
    }

    /// Reads the counters. What a speed is taken from is what was read here.
    pub(super) fn sample(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            self.received += entry.sample(now);
        }
        self.held.retain(|held| held.until > now);
        self.seat();
        self.pace.sample(now, self.received);
    }

    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let waiting = self.entries.values().filter(|entry| entry.rest.is_some()).count();
        let speed = self.pace.speed();
        let (expected, left) = self.expect();
        Snapshot {
            elapsed: now.saturating_duration_since(self.start),
            listed: self.listed.max(self.ended() + self.entries.len() as u64) - self.twice,
            complete: self.complete,
            done: self.done,
            failed: self.failed,
            active: self.entries.len() - waiting,
            waiting,
            received: self.received,
            expected,
            speed,
            eta: left.and_then(|left| time_for(left, speed)),
            files: self.files(now),
            held: self.held.iter().filter_map(|held| held.show(now)).collect(),
        }
    }

    fn ended(&self) -> u64 {
        self.done + self.failed + self.twice
    }

    /// Gives the lines of those that ended to the oldest without one; active ones come before those that wait.
    fn seat(&mut self) {
        let mut standing = self.standing();
        let entries = &self.entries;
        let is_active = |id: &JobId| entries.get(id).is_some_and(|entry| entry.rest.is_none());
        self.lines.retain_mut(|id| {
            let stays = is_active(id) || (entries.contains_key(id) && !standing.front().is_some_and(is_active));
            if !stays {
                let Some(next) = standing.pop_front() else { return false };
                *id = next;
            }
            true
        });
        let free = FILES.saturating_sub(self.lines.len());
        self.lines.extend(standing.into_iter().take(free));
    }

    /// Entries without a line, in the order in which they should get one.
    fn standing(&self) -> VecDeque<JobId> {
        let entries = self.entries.iter().filter(|(id, _)| !self.lines.contains(id));
        let mut standing: Vec<_> = entries
            .map(|(id, entry)| (entry.rest.is_some(), entry.order, *id))
            .collect();
        standing.sort_unstable();
        standing.into_iter().map(|(.., id)| id).collect()
    }

    fn files(&self, now: Instant) -> Vec<File> {
        let entries = self.lines.iter().filter_map(|id| self.entries.get(id));
        entries.map(|entry| entry.show(now)).collect()
    }

    /// How many bytes there will be in all, and how many of them are still to come.
    fn expect(&self) -> (Expected, Option<u64>) {
        if !self.complete {
            return (Expected::Unknown, None);
        }
        let mean = self.mean();
        let queued = self.listed.saturating_sub(self.ended() + self.entries.len() as u64);
        let mut guessed = queued > 0;
        let mut left = Some(0u64);
        if queued > 0 {
            left = mean.map(|mean| mean.saturating_mul(queued));
        }
        for entry in self.entries.values() {
            let size = entry.meter.size();
            guessed |= size.is_none();
            let open = size.or(mean).map(|size| size.saturating_sub(entry.meter.here()));
            left = left.zip(open).map(|(left, open)| left.saturating_add(open));
        }
        let total = left.map(|left| left.saturating_add(self.received));
        let expected = match total {
            None => Expected::Unknown,
            Some(total) if guessed => Expected::About(total),
            Some(total) => Expected::Exactly(total),
        };
        (expected, left)
    }

    fn mean(&self) -> Option<u64> {
        let mut known = self.known;
        let sizes = self.entries.values().filter_map(|entry| entry.meter.size());
        sizes.for_each(|size| known.add(size));
        known.get()
    }
}

impl Entry {
    /// Bytes that came since the last reading.
    fn sample(&mut self, now: Instant) -> u64 {
        let read = self.meter.received();
        let more = read.saturating_sub(self.seen);
        self.seen = read;
        self.counted += more;
        self.pace.sample(now, self.counted);
        more
    }

    fn show(&self, now: Instant) -> File {
        let (received, size) = (self.meter.here(), self.meter.size());
        let speed = self.pace.speed();
        let waits = self.rest.as_ref();
        File {
            name: self.name.clone(),
            received,
            size,
            speed,
            eta: size.and_then(|size| time_for(size.saturating_sub(received), speed)),
            waits: waits.map(|rest| (rest.until.saturating_duration_since(now), rest.why.clone())),
        }
    }
}

impl Held {
    fn show(&self, now: Instant) -> Option<HeldHost> {
        let left = self.until.saturating_duration_since(now);
        (!left.is_zero()).then(|| HeldHost {
            host: tame(&self.host.to_string()).into_owned(),
            left,
            why: self.why.clone(),
        })
    }
}

/// Then, or in a day: nobody counts down longer than that.
fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(Duration::from_secs(86_400))
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
