//! One list on its way: its entries in their order, the names they get, the tasks they become, the rows they end as.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::task::{JoinError, JoinSet};

use super::ahead::{Ahead, Waiting};
use super::names::Given;
use super::notes::Notes;
use super::{Shared, delivery, mirrors, names, row};
use crate::disk::claims::Claims;
use crate::error::{Kind, TransferError};
use crate::event::{Event, Events};
use crate::job::{BadLine, HostKey, Job};
use crate::lock::lock;
use crate::report::{Outcome, Row, Source, Tally};
use crate::settings::OnFailure;
use crate::slots::Turn;
use crate::stop::Stop;

/// Entries that wait with a task already, as long as all connections are in use. A task is some kilobytes that are to
/// be near when its turn comes.
const NEAR: usize = 64;
/// Those of them whose names are looked at, at most: only then it shows whether they need a connection.
const LOOKING: usize = 256;
/// Entries that are told one by one when they are read.
const MANY: u64 = 1000;
/// Lines that are read before others get on.
const BREATH: u64 = 64;

/// What the tasks of one list share.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) shared: Arc<Shared>,
    pub(super) events: Events,
    pub(super) stop: Stop,
    /// The names given away.
    pub(super) claims: Mutex<Claims>,
}

impl Round {
    pub(super) fn new(shared: &Arc<Shared>, events: &Events, stop: &Stop) -> Self {
        let claims = Claims::without(shared.tools.disk.case(), &shared.settings.taken);
        Self {
            shared: Arc::clone(shared),
            events: events.clone(),
            stop: stop.clone(),
            claims: Mutex::new(claims),
        }
    }
}

/// One list on its way.
pub(super) struct Run<'a> {
    pub(super) round: &'a Arc<Round>,
    pub(super) tasks: JoinSet<Row>,
    /// Those who help with files of others.
    pub(super) helpers: JoinSet<()>,
    /// Entries that were read, and have no task yet.
    pub(super) queue: VecDeque<delivery::Entry>,
    /// The host of the last entry: most have the same.
    last_host: Option<HostKey>,
    pub(super) tally: Tally,
    listed: u64,
    /// Nothing more of the list is read.
    pub(super) is_read: bool,
    /// It was read to its end.
    pub(super) is_whole: bool,
    /// One of its lists was not: it breaks off, or is none.
    breaks_off: bool,
    pub(super) ahead: Ahead,
    /// Bytes of text in tasks.
    waiting: usize,
    notes: Notes,
}

impl<'a> Run<'a> {
    pub(super) fn new(round: &'a Arc<Round>) -> Self {
        Self {
            round,
            tasks: JoinSet::new(),
            helpers: JoinSet::new(),
            queue: VecDeque::new(),
            last_host: None,
            tally: Tally::default(),
            listed: 0,
            is_read: false,
            is_whole: false,
            breaks_off: false,
            ahead: Ahead::of(round.shared.settings.jobs.get()),
            waiting: 0,
            notes: Notes::default(),
        }
    }

    /// May another line be read?
    pub(super) fn has_room(&self) -> bool {
        let waiting = Waiting {
            all: self.tasks.len() + self.queue.len(),
            idle: self.queue.len(),
            bytes: self.waiting,
        };
        !self.is_read && self.ahead.has_room(waiting)
    }

    /// Gives the entry its name, in list order. What is of another share is given its name, for the others' sake, and
    /// nothing else.
    pub(super) async fn start(&mut self, mut job: Job) {
        let is_ours = self.round.shared.settings.shard.is_none_or(|shard| shard.holds(&job));
        if is_ours {
            self.count().await;
            self.warn(&job).await;
        }
        let Shared { settings, tools, .. } = &*self.round.shared;
        let named = names::give(&mut job, settings, &mut lock(&self.round.claims), Some(&tools.disk));
        if !is_ours {
            return;
        }
        let job = Arc::new(job);
        let Given { wanted, path, listed } = match named {
            Ok(names::Naming::Given(given)) => given,
            Ok(names::Naming::Repeated) => return self.end(row(Source::Job(job), Outcome::Duplicate)).await,
            Err(error) => return self.end(row(Source::Job(job), Outcome::Failed(Arc::new(error)))).await,
        };
        self.waiting += job.weight();
        let to_come = names::is_to_come(&job, self.round.shared.settings.naming).then_some(wanted);
        let schemes = self.round.shared.settings.http.schemes;
        let url = mirrors::allowed(&job, schemes).next().unwrap_or(&job.url).reveal();
        let host = self
            .last_host
            .as_ref()
            .map_or_else(|| HostKey::of(url), |last| last.or_of(url));
        self.last_host = Some(host.clone());
        self.queue.push_back(delivery::Entry {
            host,
            job,
            path: Arc::new(path),
            listed,
            to_come,
            since: Instant::now(),
        });
        if self.listed.is_multiple_of(BREATH) {
            tokio::task::yield_now().await;
        }
    }

    /// Gives tasks to the next entries, in list order.
    pub(super) async fn begin(&mut self) {
        while self.may_begin()
            && let Some(entry) = self.queue.pop_front()
        {
            self.spawn(entry).await;
        }
    }

    /// May another entry have a task? With one job, it begins when the one before has ended, its retries included. Slots
    /// that are left although entries wait are of no use to these: their hosts are slow or paused.
    fn may_begin(&self) -> bool {
        match self.round.shared.settings.jobs.get() {
            1 => self.tasks.is_empty(),
            jobs if self.tasks.len() < jobs.saturating_add(NEAR) => true,
            _ => self.round.shared.looking.load(Ordering::Relaxed) < LOOKING && self.round.shared.slots.has_spare(),
        }
    }

    /// Tells once what the list says that haul does not know.
    async fn warn(&mut self, job: &Job) {
        for warning in self.notes.news(job) {
            self.round.events.send(|| Event::Warning(warning)).await;
        }
    }

    async fn spawn(&mut self, entry: delivery::Entry) {
        let turn = Turn::take(&self.round.shared.slots, entry.host.clone()).await;
        let looking = Looking::at(self.round);
        self.tasks.spawn(delivery::deliver(looking, entry, turn));
    }

    pub(super) async fn refuse(&mut self, bad: BadLine) {
        self.breaks_off |= bad.why.ends_the_list();
        if self
            .round
            .shared
            .settings
            .shard
            .is_some_and(|shard| !shard.reports(&bad))
        {
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
            self.round
                .events
                .send(|| Event::Listed { total, complete: false })
                .await;
        }
    }

    pub(super) async fn end_list(&mut self) {
        self.is_read = true;
        let complete = !self.round.stop.is_asked();
        self.is_whole = complete && !self.breaks_off;
        let total = self.listed;
        self.round.events.send(|| Event::Listed { total, complete }).await;
    }

    pub(super) async fn collect(&mut self, ended: Result<Row, JoinError>) {
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
        if has_failed && self.round.shared.settings.on_failure == OnFailure::Stop {
            self.round.stop.park();
        }
        self.tally.add(&row);
        self.round.events.end(row).await;
    }
}

/// An entry whose name is looked at.
#[derive(Debug)]
pub(super) struct Looking(pub(super) Arc<Round>);

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
