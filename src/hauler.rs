//! The loop: read ahead a little, keep so many going, collect rows.

mod ahead;
mod delivery;
mod help;
mod mirrors;
pub(crate) mod names;
pub mod pour;
mod retry;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinError, JoinSet};

use self::ahead::{Ahead, Waiting};
use crate::disk::Disk;
use crate::disk::claims::Claims;
use crate::error::{Kind, SetupError, TransferError};
use crate::event::{Event, Events};
use crate::http::Http;
use crate::job::{BadLine, HostKey, Job};
use crate::lock::lock;
use crate::report::{Outcome, Row, Source, Spans, Summary, Tally};
use crate::settings::{Naming, OnFailure, Settings};
use crate::slots::{Slots, Turn};
use crate::stop::Stop;
use crate::transfer::{Offers, Tools};

/// Entries that wait with a task already, as long as all connections are in use. A task is some kilobytes that are to
/// be near when its turn comes.
const NEAR: usize = 64;
/// Those of them whose names are looked at, at most: only then it shows whether they need a connection.
const LOOKING: usize = 256;
/// Entries that are told one by one when they are read.
const MANY: u64 = 1000;
/// Lines that are read before others get on.
const BREATH: u64 = 64;
/// Bodies that may wait for the disk beyond those that hold a connection. Each is as large as a small file at most.
const FINISHING: usize = 64;
/// What a list may say that nobody knows: so many kinds of it are told.
const WARNINGS: usize = 100;

/// Downloads lists. It keeps its connections from one list to the next.
#[derive(Debug)]
pub struct Hauler {
    shared: Arc<Shared>,
}

/// What the tasks of a run share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    tools: Tools,
    slots: Arc<Slots>,
    /// Large files that could do with help.
    offers: Option<Arc<Offers>>,
    /// Bodies that may wait for the disk without a slot.
    finishing: Semaphore,
    /// An entry that had a slot waits without one, or all that have a task wait for one: another one may begin.
    resting: Notify,
    /// Entries whose names are looked at.
    looking: AtomicUsize,
    /// Hosts that were seen to lead from https to http, each warned of once.
    downgraded: Mutex<HashSet<HostKey>>,
    /// Devices that take no new files.
    unwritable: Mutex<HashMap<u64, Unwritable>>,
    /// Hosts that were given up, each told of once.
    given_up: Mutex<HashSet<HostKey>>,
    /// Microseconds of pauses that hosts asked for.
    paused: AtomicU64,
}

/// Why a device takes no new files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unwritable {
    Full,
    ReadOnly,
}

impl Hauler {
    /// Makes the folder, where it is missing, and the client. Needs no network and no runtime.
    ///
    /// # Errors
    /// The folder cannot be made or opened, or the settings name certificates that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let jobs = settings.jobs.get();
        let disk = Disk::open(&settings.dir, jobs).map_err(|source| SetupError::Dir {
            dir: settings.dir.clone(),
            source,
        })?;
        let http = crate::settings::Http {
            kept: settings.http.kept.max(jobs),
            ..settings.http.clone()
        };
        let http = Http::new(&http, &settings.timeouts)?.paced(&settings.pace);
        let per_host = settings.per_host.map_or(jobs, |n| n.get().min(jobs));
        let shared = Shared {
            tools: Tools {
                http,
                disk,
                durability: settings.durability,
            },
            slots: Arc::new(Slots::new(jobs, per_host, settings.pace.apart, &settings.retry)),
            offers: help::offers(settings.split),
            finishing: Semaphore::new(FINISHING),
            resting: Notify::new(),
            looking: AtomicUsize::new(0),
            settings,
            downgraded: Mutex::default(),
            unwritable: Mutex::default(),
            given_up: Mutex::default(),
            paused: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Downloads a list: every entry ends as one row of `events`, and all of them are in the summary. Returns when the
    /// list has ended and all its entries have, or soon after `stop` was asked. Runs inside a tokio runtime.
    ///
    /// # Panics
    /// Only if a task of its own did.
    pub async fn run<L>(&self, list: L, events: &Events, stop: &Stop) -> Summary
    where
        L: Stream<Item = Result<Job, BadLine>>,
    {
        let begun = Instant::now();
        let paused = self.shared.paused.load(Ordering::Relaxed);
        let own = stop.child();
        self.shared.slots.begin();
        self.shared.tools.disk.forget_seen();
        let mut run = Run::new(&self.shared, events, &own);
        let mut list = pin!(list);
        let shared = &self.shared;
        let mut often = ahead::often();
        loop {
            run.begin().await;
            tokio::select! {
                biased;
                Some(ended) = run.tasks.join_next() => run.collect(ended).await,
                Some(ended) = run.helpers.join_next() => help::ended(ended),
                entry = own.or(list.next()), if run.has_room() => match entry.flatten() {
                    Some(Ok(job)) => run.start(job).await,
                    Some(Err(bad)) => run.refuse(bad).await,
                    None => run.end_list().await,
                },
                _ = often.tick(), if !run.is_read && !run.has_room() => run.ahead.tick(),
                () = shared.resting.notified(), if !run.queue.is_empty() => {}
                () = help::look(shared), if run.may_help() => run.help(),
                else => break,
            }
        }
        let mut summary = run.tally.finish(begun.elapsed(), own.is_asked());
        summary.failed_fast = own.is_asked() && !stop.is_asked();
        summary.paused = Duration::from_micros(self.shared.paused.load(Ordering::Relaxed) - paused);
        summary
    }
}

/// What the tasks of one list share.
#[derive(Debug)]
struct Round {
    shared: Arc<Shared>,
    events: Events,
    stop: Stop,
}

/// One list on its way.
struct Run<'a> {
    shared: &'a Arc<Shared>,
    round: Arc<Round>,
    events: &'a Events,
    stop: &'a Stop,
    tasks: JoinSet<Row>,
    /// Those who help with files of others.
    helpers: JoinSet<()>,
    /// Entries that were read, and have no task yet.
    queue: VecDeque<delivery::Entry>,
    /// The host of the last entry: most have the same.
    last_host: Option<HostKey>,
    claims: Arc<Mutex<Claims>>,
    tally: Tally,
    listed: u64,
    is_read: bool,
    ahead: Ahead,
    /// Bytes of URLs in tasks.
    waiting: usize,
    /// What was warned of.
    warned: HashSet<String>,
}

impl<'a> Run<'a> {
    fn new(shared: &'a Arc<Shared>, events: &'a Events, stop: &'a Stop) -> Self {
        let round = Arc::new(Round {
            shared: Arc::clone(shared),
            events: events.clone(),
            stop: stop.clone(),
        });
        Self {
            shared,
            round,
            events,
            stop,
            tasks: JoinSet::new(),
            helpers: JoinSet::new(),
            queue: VecDeque::new(),
            last_host: None,
            claims: Arc::new(Mutex::new(Claims::without(
                shared.tools.disk.case(),
                &shared.settings.taken,
            ))),
            tally: Tally::default(),
            listed: 0,
            is_read: false,
            ahead: Ahead::of(shared.settings.jobs.get()),
            waiting: 0,
            warned: HashSet::new(),
        }
    }

    /// May another line be read?
    fn has_room(&self) -> bool {
        let waiting = Waiting {
            all: self.tasks.len() + self.queue.len(),
            idle: self.queue.len(),
            bytes: self.waiting,
        };
        !self.is_read && self.ahead.has_room(waiting)
    }

    /// Gives the entry its name, in list order. What is of another share is given its name, for the others' sake, and
    /// nothing else.
    async fn start(&mut self, job: Job) {
        let is_ours = self.shared.settings.shard.is_none_or(|shard| shard.holds(&job));
        if is_ours {
            self.count().await;
            self.warn(&job).await;
        }
        let job = Arc::new(job);
        let is_there = |path: &_| self.shared.tools.disk.is_taken(path);
        let named = names::give(&job, &self.shared.settings, &mut lock(&self.claims), is_there);
        if !is_ours {
            return;
        }
        let (path, listed) = match named {
            Ok(names::Naming::Given(given)) => (Arc::new(given.path), given.listed),
            Ok(names::Naming::Repeated) => return self.end(row(Source::Job(job), Outcome::Duplicate)).await,
            Err(error) => return self.end(row(Source::Job(job), Outcome::Failed(Arc::new(error)))).await,
        };
        self.waiting += job.weight();
        let claims = (self.shared.settings.naming == Naming::Server).then(|| Arc::clone(&self.claims));
        let schemes = self.shared.settings.http.schemes;
        let url = mirrors::allowed(&job, schemes).next().unwrap_or(&job.url).reveal();
        let host = self
            .last_host
            .as_ref()
            .map_or_else(|| HostKey::of(url), |last| last.or_of(url));
        self.last_host = Some(host.clone());
        self.queue.push_back(delivery::Entry {
            host,
            job,
            path,
            listed,
            claims,
            since: Instant::now(),
        });
        if self.listed.is_multiple_of(BREATH) {
            tokio::task::yield_now().await;
        }
    }

    /// Gives tasks to the next entries, in list order.
    async fn begin(&mut self) {
        while self.may_begin()
            && let Some(entry) = self.queue.pop_front()
        {
            self.spawn(entry).await;
        }
    }

    /// May another entry have a task? With one job, it begins when the one before has ended, its retries included. Slots
    /// that are left although entries wait are of no use to these: their hosts are slow or paused.
    fn may_begin(&self) -> bool {
        match self.shared.settings.jobs.get() {
            1 => self.tasks.is_empty(),
            jobs if self.tasks.len() < jobs.saturating_add(NEAR) => true,
            _ => self.shared.looking.load(Ordering::Relaxed) < LOOKING && self.shared.slots.has_spare(),
        }
    }

    /// Tells once what the list says that haul does not know.
    async fn warn(&mut self, job: &Job) {
        let notes = job.extras.as_ref().map_or(&[][..], |extras| &extras.notes);
        for note in notes {
            if self.warned.len() < WARNINGS && self.warned.insert(note.clone()) {
                let warning = format!("{note} ({})", job.place);
                self.events.send(|| Event::Warning(warning)).await;
            }
        }
    }

    async fn spawn(&mut self, entry: delivery::Entry) {
        let turn = Turn::take(&self.shared.slots, entry.host.clone()).await;
        let looking = Looking::at(&self.round);
        self.tasks.spawn(delivery::deliver(looking, entry, turn));
    }

    async fn refuse(&mut self, bad: BadLine) {
        if self.shared.settings.shard.is_some_and(|shard| !shard.reports(&bad)) {
            return;
        }
        self.count().await;
        let failed = Outcome::Failed(Arc::new(TransferError::Line(bad.why)));
        self.end(Row {
            id: bad.id,
            place: bad.place,
            ..row(Source::Line(bad.text), failed)
        })
        .await;
    }

    /// One more entry. Of many, not each is told: nobody can read that fast.
    async fn count(&mut self) {
        self.listed += 1;
        let total = self.listed;
        if total <= MANY || total.is_multiple_of(BREATH) {
            self.events.send(|| Event::Listed { total, complete: false }).await;
        }
    }

    async fn end_list(&mut self) {
        self.is_read = true;
        let (total, complete) = (self.listed, !self.stop.is_asked());
        self.events.send(|| Event::Listed { total, complete }).await;
    }

    async fn collect(&mut self, ended: Result<Row, JoinError>) {
        let row = match ended {
            Ok(row) => row,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.ahead.note_end();
        if let Source::Job(job) = &row.source {
            self.waiting -= job.weight();
        }
        self.end(row).await;
    }

    async fn end(&mut self, row: Row) {
        let has_failed = row.error().is_some_and(|error| error.kind() != Kind::Cancelled);
        if has_failed && self.shared.settings.on_failure == OnFailure::Stop {
            self.stop.park();
        }
        self.tally.add(&row);
        self.events.end(row).await;
    }
}

/// An entry whose name is looked at.
#[derive(Debug)]
struct Looking(Arc<Round>);

impl Looking {
    fn at(round: &Arc<Round>) -> Self {
        round.shared.looking.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(round))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let shared = &self.0.shared;
        let was_last = shared.looking.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && shared.slots.has_spare() {
            shared.resting.notify_one();
        }
    }
}

impl Shared {
    /// Fails an entry whose disk takes no new files: what it fetched could not be kept.
    async fn refuse_if_unwritable(&self, path: &Arc<PathBuf>) -> Result<(), TransferError> {
        if lock(&self.unwritable).is_empty() {
            return Ok(());
        }
        let device = self.tools.disk.device(path).await;
        match device.and_then(|device| lock(&self.unwritable).get(&device).copied()) {
            None => Ok(()),
            Some(Unwritable::Full) => Err(TransferError::DiskFull),
            Some(Unwritable::ReadOnly) => Err(TransferError::ReadOnly),
        }
    }

    /// Notes that this path's disk takes no new files. Is that news?
    async fn is_newly_unwritable(&self, path: &Arc<PathBuf>, why: Unwritable) -> bool {
        let device = self.tools.disk.device(path).await;
        device.is_some_and(|device| lock(&self.unwritable).insert(device, why).is_none())
    }

    /// Is this the first time that this host leads from https to http?
    fn is_new_downgrade(&self, host: &HostKey) -> bool {
        let mut seen = lock(&self.downgraded);
        seen.len() < 1000 && seen.insert(host.clone())
    }
}

/// A row of an entry for which nothing was requested.
pub(crate) fn row(source: Source, outcome: Outcome) -> Row {
    let (id, place) = match &source {
        Source::Job(job) => (job.id, job.place.clone()),
        Source::Line(_) => (crate::job::JobId(0), crate::job::Place { list: None, line: 0 }),
    };
    Row {
        id,
        place,
        source,
        path: None,
        outcome,
        size: 0,
        received: 0,
        tries: 0,
        busy: Duration::ZERO,
        disk: Duration::ZERO,
        elapsed: Duration::ZERO,
        queue: Duration::ZERO,
        begun: None,
        spans: Spans::default(),
        redirects: 0,
        exchange: None,
        checksum: None,
    }
}
