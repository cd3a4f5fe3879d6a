//! One entry, from its name to its row: as many [`tries`] as it takes. Nobody below here knows that there are retries.

mod asking;
mod tries;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use super::mirrors::Sources;
use super::run::{Looking, Round};
use super::way::Way;
use super::{Shared, row};
use crate::checksum::Checksum;
use crate::disk::Glance;
use crate::disk::claims::Claims;
use crate::error::TransferError;
use crate::event::{Event, Events, Meter};
use crate::http::Over;
use crate::job::{HostKey, Job, Known, SourceUrl};
use crate::lock::lock;
use crate::report::{Life, Outcome, Row, Source};
use crate::settings::Existing;
use crate::slots::{Slot, Turn};
use crate::stop::Stop;
use crate::transfer::{Cost, Expect, Named, Plan, Want, plan};

/// What a delivery is of.
pub(super) struct Entry {
    pub(super) job: Arc<Job>,
    pub(super) host: HostKey,
    pub(super) path: Arc<PathBuf>,
    /// What the file has to be, as the user said.
    pub(super) listed: Expect,
    /// The path that the entry's URL asks for, when the server names the file.
    pub(super) to_come: Option<PathBuf>,
    /// When it was listed.
    pub(super) since: Instant,
}

/// Delivers one entry when its turn comes. Until then it is small and holds nothing.
pub(super) async fn deliver(looking: Looking, entry: Entry, turn: Turn) -> Row {
    let Entry {
        job,
        host,
        path,
        listed,
        to_come,
        since,
    } = entry;
    let round = Arc::clone(&looking.0);
    let Round {
        shared,
        events,
        stop,
        claims,
    } = &*round;
    let mut seen = None;
    let known = job.known();
    // A name that is still to come is looked at when it has come.
    if to_come.is_none() {
        let glance = shared.tools.glance(&path).await;
        match glance.map(|glance| at_first_sight(shared.settings.existing, glance, &known, &listed)) {
            Some(Sight::Done(outcome, size)) => {
                let secured = shared.tools.secure(&path).await;
                let (outcome, size) = secured.map_or_else(failed, |()| (outcome, size));
                return Row {
                    path: Some(path),
                    size,
                    queue: since.elapsed(),
                    checksum: listed.checksum,
                    ..row(Source::Job(Arc::clone(&job)), outcome)
                };
            }
            Some(Sight::Nothing(at)) => seen = Some(at),
            Some(Sight::Unclear) | None => {}
        }
    }
    drop(looking);
    let turn = stop.or(turn.come()).await.unwrap_or(Err(TransferError::Cancelled));
    let first = match turn {
        Ok(slot) => Ok(slot),
        Err(error @ TransferError::HostDown { .. }) if !job.mirrors().is_empty() => Err(error),
        Err(error) => {
            shared.tell_given_up(&error, events).await;
            return Row {
                path: Some(path),
                queue: since.elapsed(),
                ..row(Source::Job(Arc::clone(&job)), Outcome::Failed(Arc::new(error)))
            };
        }
    };
    let is_unseen = to_come.is_none() && shared.tools.is_unseen(&path, seen);
    let begun = Instant::now();
    // The state of a transfer is large: only an entry that has a slot has one, and it is made where it stays.
    let delivered = Box::pin(async {
        let sources = Sources::of(&job, shared.settings.http.schemes);
        let source = sources.now().unwrap_or(&job.url);
        let mut delivery = Delivery {
            shared,
            entry: &known,
            source,
            sources,
            is_alone: false,
            wants_all: false,
            way: Way::home(source, host.clone(), Over::Any),
            home: host,
            is_unseen,
            job: &job,
            path,
            listed: &listed,
            to_come: to_come.as_deref(),
            claims,
            given: OnceLock::new(),
            events,
            stop,
            meter: Arc::default(),
            cost: Cost::default(),
            life: Life::begin(begun),
            busy: Duration::ZERO,
            tries: 0,
            answered: None,
            summed: None,
        };
        delivery.run(first).await
    });
    let queue = begun.saturating_duration_since(since);
    Row {
        queue,
        ..delivered.await
    }
}

/// What a look at an entry's name says before its turn.
#[derive(Debug)]
enum Sight {
    /// Its file is there, as far as the settings ask.
    Done(Outcome, u64),
    /// There was nothing of it then.
    Nothing(Instant),
    /// That is to be found out in its turn.
    Unclear,
}

fn at_first_sight(existing: Existing, glance: Glance, entry: &Known<'_>, listed: &Expect) -> Sight {
    let Glance { found, is_begun, at } = glance;
    match plan(existing, found, entry, listed) {
        _ if is_begun => Sight::Unclear,
        Plan::Done(outcome, size) => Sight::Done(outcome, size),
        Plan::Ask(Want::File) => Sight::Nothing(at),
        _ => Sight::Unclear,
    }
}

struct Delivery<'a> {
    shared: &'a Shared,
    job: &'a Arc<Job>,
    entry: &'a Known<'a>,
    sources: Sources<'a>,
    /// The one of them that is asked.
    source: &'a SourceUrl,
    /// What several sources sent did not add up: from now on, each is to have sent all of it.
    is_alone: bool,
    /// In this try, the server sends no parts.
    wants_all: bool,
    /// That one's host.
    home: HostKey,
    /// Where the requests of the last try went.
    way: Way<'a>,
    path: Arc<PathBuf>,
    /// There was nothing of it in the folder a moment ago, and no try of ours since.
    is_unseen: bool,
    listed: &'a Expect,
    to_come: Option<&'a Path>,
    claims: &'a Mutex<Claims>,
    /// What the server's name made of it.
    given: OnceLock<Named>,
    events: &'a Events,
    stop: &'a Stop,
    meter: Arc<Meter>,
    cost: Cost,
    life: Life,
    busy: Duration,
    /// Tries that count.
    tries: u32,
    /// The status of the answer to the last request, if that had one.
    answered: Option<StatusCode>,
    /// What the file that was there was to add up to, when it was looked whether it does.
    summed: Option<Checksum>,
}

impl Delivery<'_> {
    /// With its first slot, or without one where nobody is at its first source.
    async fn run(&mut self, first: Result<Slot, TransferError>) -> Row {
        let result = self.try_until_done(first).await;
        if let Err(error) = &result {
            self.shared.tell_given_up(error, self.events).await;
        }
        let given = self.given.get();
        let (path, listed) = given.map_or((&self.path, self.listed), |given| (&given.path, &given.listed));
        let result = match result {
            Ok((outcome @ (Outcome::AlreadyThere | Outcome::Unchanged), size)) => {
                let secured = self.shared.tools.secure(path).await;
                secured.map(|()| (outcome, size))
            }
            result => result,
        };
        let (outcome, size) = result.unwrap_or_else(failed);
        let checksum = match outcome {
            Outcome::Downloaded | Outcome::Resumed | Outcome::Updated => listed.checksum.clone(),
            Outcome::AlreadyThere => self.summed.take(),
            _ => None,
        };
        let mut job = Arc::clone(self.job);
        if job.checksum != listed.checksum {
            Arc::make_mut(&mut job).checksum.clone_from(&listed.checksum);
        }
        Row {
            path: Some(Arc::clone(path)),
            size,
            received: self.cost.received,
            tries: self.tries,
            busy: self.busy,
            disk: self.cost.disk,
            elapsed: self.life.begun.elapsed(),
            begun: Some(self.life.begun),
            spans: std::mem::take(&mut self.life.spans),
            redirects: self.way.redirects,
            exchange: self.cost.exchange.take(),
            answered: self.answered,
            checksum,
            ..row(Source::Job(job), outcome)
        }
    }

    async fn tell_start(&self) {
        let event = || Event::Started {
            id: self.job.id,
            url: self.job.url.clone(),
            path: Arc::clone(&self.path),
            meter: Arc::clone(&self.meter),
            attempt: self.tries,
        };
        self.events.send(event).await;
    }

    /// Says once in a run that it waits for another one: nobody would know why.
    async fn tell_of_another(&self) {
        if !self.shared.met_another.swap(true, Ordering::Relaxed) {
            let path = self.path.to_string_lossy();
            let warning = format!("another haul is at {}; waiting for it", crate::tame::tame(&path));
            self.events.send(|| Event::Warning(warning)).await;
        }
    }

    async fn tell_retry(&self, error: TransferError, wait: Duration) {
        self.events
            .send(|| Event::retrying(self.job, self.tries, (error, self.answered), wait))
            .await;
    }
}

/// How an entry ends that has no file, and its size.
fn failed(error: TransferError) -> (Outcome, u64) {
    (Outcome::Failed(Arc::new(error)), 0)
}

impl Shared {
    /// Says once of a host that it is given up, when the first entry fails because of that.
    async fn tell_given_up(&self, error: &TransferError, events: &Events) {
        let TransferError::HostDown { host, .. } = error else {
            return;
        };
        let is_news = lock(&self.given_up).insert(host.digest());
        if is_news {
            let warning = format!("{error}; its other entries fail without a try");
            events.send(|| Event::Warning(warning)).await;
        }
    }
}
