//! The loop: read ahead a little, keep so many going, collect rows.

mod ahead;
mod delivery;
mod help;
mod mirrors;
pub(crate) mod names;
pub(crate) mod notes;
pub mod pour;
mod retry;
mod run;
mod way;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _};
use tokio::sync::{Notify, Semaphore};

use self::run::{Round, Run};
use crate::disk::{Disk, Site};
use crate::error::SetupError;
use crate::event::Events;
use crate::http::Http;
use crate::job::{BadLine, HostKey, Job};
use crate::lock::lock;
use crate::report::{Outcome, Row, Source, Spans, Summary};
use crate::settings::Settings;
use crate::slots::Slots;
use crate::stop::Stop;
use crate::tame::tame;
use crate::transfer::{Offers, Tools};

/// Bodies that may wait for the disk beyond those that hold a connection. Each is as large as a small file at most.
const FINISHING: usize = 64;

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
    /// Hosts that want none.
    refusals: help::Refusals,
    /// Bodies that may wait for the disk without a slot.
    finishing: Semaphore,
    /// An entry that had a slot waits without one, or all that have a task wait for one: another one may begin.
    resting: Notify,
    /// Entries whose names are looked at.
    looking: AtomicUsize,
    /// Hosts that were seen to lead from https to http, each warned of once.
    downgraded: Mutex<HashSet<HostKey>>,
    /// A part that another process holds was told of.
    met_another: AtomicBool,
    /// Places that take no new files, and whether that was told.
    unwritable: Mutex<HashMap<Place, (Unwritable, bool)>>,
    /// The run's folder was asked whether it takes any.
    tested: tokio::sync::Mutex<bool>,
    /// Hosts that were given up, each told of once: their digests.
    given_up: Mutex<HashSet<u64>>,
    /// Microseconds of pauses that hosts asked for.
    paused: AtomicU64,
}

/// What takes no new files.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Place {
    Device(u64),
    /// A folder of a device.
    Folder(u64, u64),
}

/// Why a place takes no new files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unwritable {
    Full,
    ReadOnly,
    /// Not for this user.
    Denied,
}

impl Unwritable {
    /// What an error says of where it happened, if it does.
    fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::Full),
            io::ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            io::ErrorKind::PermissionDenied => Some(Self::Denied),
            _ => None,
        }
    }
}

impl Hauler {
    /// Makes the folder, where it is missing, and the client. Needs no network and no runtime.
    ///
    /// # Errors
    /// The folder cannot be made or opened, or the settings name certificates that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let jobs = settings.jobs.get();
        let disk = Disk::open(&settings.dir, jobs, settings.durability).map_err(|source| SetupError::Dir {
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
            refusals: help::Refusals::default(),
            finishing: Semaphore::new(FINISHING),
            resting: Notify::new(),
            looking: AtomicUsize::new(0),
            settings,
            downgraded: Mutex::default(),
            met_another: AtomicBool::new(false),
            unwritable: Mutex::default(),
            tested: tokio::sync::Mutex::default(),
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
        lock(&self.shared.unwritable).clear();
        *self.shared.tested.lock().await = false;
        let shared = &self.shared;
        let round = Arc::new(Round::new(shared, events, &own));
        let mut run = Run::new(&round);
        let mut list = pin!(list);
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
        summary.unread = !run.is_whole;
        summary.failed_fast = own.is_asked() && !stop.is_asked();
        summary.paused = Duration::from_micros(self.shared.paused.load(Ordering::Relaxed) - paused);
        summary
    }
}

impl Shared {
    /// Why the disk or the folder of this path takes no new files; and what is to be said of that, the first time.
    async fn refusal_at(&self, path: &Arc<PathBuf>) -> Option<(Unwritable, Option<String>)> {
        if lock(&self.unwritable).is_empty() {
            return None;
        }
        let site = self.tools.disk.site(path).await.ok()?;
        let places = [Place::Device(site.device), Place::Folder(site.device, site.inode)];
        let mut unwritable = lock(&self.unwritable);
        let place = places.iter().find(|place| unwritable.contains_key(place))?;
        let (why, is_told) = unwritable.get_mut(place)?;
        let is_news = !std::mem::replace(is_told, true);
        let why = *why;
        drop(unwritable);
        Some((why, is_news.then(|| self.warning(&site, why))))
    }

    /// Notes that nothing new can be written where this is. That it is denied, the folder has to say itself: a single file
    /// may be another user's.
    fn note_unwritable(&self, site: &Site, why: Unwritable) {
        let place = match why {
            Unwritable::Full => Place::Device(site.device),
            Unwritable::Denied if site.refused.is_none() => return,
            // Of one device, a mount may be read-only and another not.
            Unwritable::Denied | Unwritable::ReadOnly => Place::Folder(site.device, site.inode),
        };
        lock(&self.unwritable).entry(place).or_insert((why, false));
    }

    fn warning(&self, site: &Site, why: Unwritable) -> String {
        let folder: PathBuf = self.settings.dir.join(&site.path).components().collect();
        let folder = folder.to_string_lossy();
        let what = match why {
            Unwritable::Full => "the disk is full; what came is kept".to_owned(),
            Unwritable::ReadOnly => format!("the file system is read-only in {}", tame(&folder)),
            Unwritable::Denied => format!("permission denied in {}", tame(&folder)),
        };
        format!("no new files are begun: {what}")
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
        answered: None,
        checksum: None,
    }
}
