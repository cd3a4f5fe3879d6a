//! One entry, from its name to its row: as many tries as it takes. Nobody below here knows that there are retries.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use url::Url;

use super::mirrors::Sources;
use super::retry::{Allowance, Next, next};
use super::{Looking, Round, Shared, Unwritable, row};
use crate::checksum::Checksum;
use crate::disk::claims::Claims;
use crate::disk::part::Earlier;
use crate::disk::{Found, Glance};
use crate::error::TransferError;
use crate::event::{Event, Events, Meter};
use crate::http::Leg;
use crate::job::{HostKey, Job, OwnRequest, SourceUrl};
use crate::lock::lock;
use crate::report::{Life, Outcome, Phase, Row, Source};
use crate::settings::Existing;
use crate::slots::{Slot, Turn};
use crate::stop::Stop;
use crate::transfer::{Cost, Expect, Held, Namer, Plan, RESERVE, Received, Step, Tools, Try, Want, plan};

/// Redirects followed for one answer.
pub(super) const REDIRECTS: u32 = 10;

/// What a delivery is of.
pub(super) struct Entry {
    pub(super) job: Arc<Job>,
    pub(super) host: HostKey,
    pub(super) path: Arc<PathBuf>,
    /// What the file has to be, as the user said.
    pub(super) listed: Expect,
    /// The names given away, when the server names the file.
    pub(super) claims: Option<Arc<Mutex<Claims>>>,
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
        claims,
        since,
    } = entry;
    let round = Arc::clone(&looking.0);
    let Round { shared, events, stop } = &*round;
    let mut seen = None;
    let shown = job.url.shown();
    // A name that is still to come is looked at when it has come.
    if claims.is_none() {
        let glance = shared.tools.glance(&path).await;
        match glance.map(|glance| at_first_sight(shared.settings.existing, glance, &shown, &listed)) {
            Some(Sight::Done(outcome, size)) => {
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
    let sources = Sources::of(&job, shared.settings.http.schemes);
    let is_unseen = claims.is_none() && shared.tools.is_unseen(&path, seen);
    let delivery = Delivery {
        shared,
        entry: &shown,
        source: sources.now().unwrap_or(&job.url),
        sources,
        is_alone: false,
        home: host,
        is_unseen,
        job: &job,
        path: &path,
        listed: &listed,
        claims: claims.as_deref(),
        given: OnceLock::new(),
        events,
        stop,
        meter: Arc::default(),
        cost: Cost::default(),
        life: Life::begin(Instant::now()),
        busy: Duration::ZERO,
        tries: 0,
        redirects: 0,
        summed: None,
    };
    let queue = delivery.life.begun.saturating_duration_since(since);
    // The state of a transfer is large, and only an entry that has a slot has one.
    let row = Box::pin(delivery.run(first)).await;
    Row { queue, ..row }
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

fn at_first_sight(existing: Existing, glance: Glance, entry: &str, listed: &Expect) -> Sight {
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
    /// Its URL as it is shown.
    entry: &'a str,
    sources: Sources<'a>,
    /// The one of them that is asked.
    source: &'a SourceUrl,
    /// What several sources sent did not add up: from now on, each is to have sent all of it.
    is_alone: bool,
    /// That one's host.
    home: HostKey,
    path: &'a Arc<PathBuf>,
    /// There was nothing of it in the folder a moment ago, and no try of ours since.
    is_unseen: bool,
    listed: &'a Expect,
    claims: Option<&'a Mutex<Claims>>,
    /// The path that the server's name made of it.
    given: OnceLock<Arc<PathBuf>>,
    events: &'a Events,
    stop: &'a Stop,
    meter: Arc<Meter>,
    cost: Cost,
    life: Life,
    busy: Duration,
    /// Tries that count.
    tries: u32,
    /// Redirects of the last try.
    redirects: u32,
    /// What the file that was there adds up to.
    summed: Option<Checksum>,
}

impl<'a> Delivery<'a> {
    /// With its first slot, or without one where nobody is at its first source.
    async fn run(mut self, first: Result<Slot, TransferError>) -> Row {
        let result = self.try_until_done(first).await;
        if let Err(error) = &result {
            self.shared.tell_given_up(error, self.events).await;
        }
        let (outcome, size) = result.unwrap_or_else(|error| (Outcome::Failed(Arc::new(error)), 0));
        let checksum = match outcome {
            Outcome::Downloaded | Outcome::Resumed | Outcome::Updated => self.listed.checksum.clone(),
            _ => self.summed,
        };
        Row {
            path: Some(Arc::clone(self.given.get().unwrap_or(self.path))),
            size,
            received: self.cost.received,
            tries: self.tries,
            busy: self.busy,
            disk: self.cost.disk,
            elapsed: self.life.begun.elapsed(),
            begun: Some(self.life.begun),
            spans: self.life.spans,
            redirects: self.redirects,
            exchange: self.cost.exchange,
            checksum,
            ..row(Source::Job(Arc::clone(self.job)), outcome)
        }
    }

    async fn try_until_done(&mut self, first: Result<Slot, TransferError>) -> Result<(Outcome, u64), TransferError> {
        let retry = &self.shared.settings.retry;
        let (mut waits, mut allowance) = (retry.waits(), Allowance::default());
        let (mut slot, mut most) = (self.slot_or_elsewhere(first).await?, 0);
        loop {
            let error = match self.attempt(slot).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if error.lacks_descriptors() {
                self.shared.tools.http.forget_idle();
            }
            // With more of the file than ever before, the try was worth it: what follows is counted anew. The same
            // bytes again are not: a server that cannot go on would be asked for ever.
            let has_more = self.cost.held > most;
            if has_more {
                most = self.cost.held;
                waits = retry.waits();
                allowance.renew();
            }
            // Which one of several was wrong is found out by asking one alone.
            let was_mixed = matches!(error, TransferError::Checksum(_)) && self.cost.is_mixed;
            self.is_alone |= was_mixed;
            self.cost.is_mixed &= !was_mixed;
            // Who brought more of it is asked for the rest.
            let moves_on = !has_more && !was_mixed && self.sources.moves_on(&error);
            self.turn_to_next().await?;
            if moves_on {
                self.tell_retry(error, Duration::ZERO).await;
            } else {
                match next(error, &mut waits, &mut allowance, retry.max_wait) {
                    Next::GiveUp(error) => return Err(error),
                    Next::AtOnce => self.tries = self.tries.saturating_sub(1),
                    Next::After(wait, error) => {
                        let wait = wait.max(self.shared.slots.held_for(&self.home));
                        self.tell_retry(error, wait).await;
                        self.shared.resting.notify_one();
                        self.stop.unless(tokio::time::sleep(wait)).await?;
                    }
                }
            }
            let next = self.slot_at_home().await;
            slot = self.slot_or_elsewhere(next).await?;
        }
    }

    /// The slot, or one at another source when nobody is at this one.
    async fn slot_or_elsewhere(&mut self, mut slot: Result<Slot, TransferError>) -> Result<Slot, TransferError> {
        while let Err(error @ TransferError::HostDown { .. }) = &slot
            && self.sources.leaves()
        {
            self.shared.tell_given_up(error, self.events).await;
            self.turn_to_next().await?;
            slot = self.slot_at_home().await;
        }
        slot
    }

    /// A slot for the source that is asked.
    async fn slot_at_home(&mut self) -> Result<Slot, TransferError> {
        let slot = self.stop.unless(self.shared.slots.acquire(&self.home)).await??;
        self.life.was(Phase::Rest, Instant::now());
        Ok(slot)
    }

    /// From here on the next source is asked. Only a checksum can tell that what came from another one belongs to the same
    /// file; without one, it goes.
    async fn turn_to_next(&mut self) -> Result<(), TransferError> {
        let job: &'a Job = self.job;
        let source = self.sources.now().unwrap_or(&job.url);
        if source == self.source {
            return Ok(());
        }
        (self.source, self.home) = (source, source.host());
        if self.mixes() {
            self.cost.is_mixed |= self.cost.held > 0;
        } else if let (_, Earlier::Part(part, _)) = self.shared.tools.survey(self.path).await? {
            let _ = part.discard().await;
            self.cost.held = 0;
        }
        Ok(())
    }

    /// Whose part it is that is begun or gone on with: the entry's, or that of the one source that may send it.
    fn part_of(&self) -> Cow<'a, str> {
        if self.mixes() || *self.source == self.job.url {
            Cow::Borrowed(self.entry)
        } else {
            self.source.shown()
        }
    }

    /// May several sources have a part in the file?
    fn mixes(&self) -> bool {
        self.listed.checksum.is_some() && !self.is_alone
    }

    /// What is said for an entry is for its own origin.
    fn own_for(&self, host: &HostKey) -> Option<&'a OwnRequest> {
        self.job.request().filter(|_| *host == self.job.url.host())
    }

    /// One try: looks at what is there, asks, and follows where the answers lead. The slot is given back at its end,
    /// whatever that is.
    async fn attempt(&mut self, slot: Slot) -> Result<(Outcome, u64), TransferError> {
        let (found, earlier) = if std::mem::take(&mut self.is_unseen) {
            (Found::Nothing, Earlier::Nothing)
        } else {
            self.shared.tools.survey(self.path).await?
        };
        // A name that is still to come is looked at when it has come.
        let found = if self.claims.is_some() { Found::Nothing } else { found };
        let want = match plan(self.shared.settings.existing, found, self.entry, self.listed) {
            Plan::Ask(want) => want,
            Plan::AddUp { size, checksum } => {
                self.summed = Some(checksum.clone());
                self.shared.tools.adds_up(self.path, checksum).await?;
                Tools::tidy(earlier, self.entry).await;
                return Ok((Outcome::AlreadyThere, size));
            }
            Plan::Done(outcome, size) => {
                Tools::tidy(earlier, self.entry).await;
                return Ok((outcome, size));
            }
            Plan::Fail(error) => return Err(error),
        };
        let held = Tools::held(earlier, &self.part_of(), &self.cost)?;
        // What an earlier run left may be of any of them.
        let is_of_any = self.sources.others().next().is_some() && held.as_ref().is_some_and(Held::is_foreign);
        self.cost.is_mixed |= is_of_any;
        // What has a part has its room, or learns early that it has none.
        if held.is_none() && want.is_for_bytes() {
            self.shared.refuse_if_unwritable(self.path).await?;
        }
        self.tries += 1;
        self.tell_start().await;
        self.ask_around(slot, want, held).await
    }

    async fn ask_around(
        &mut self,
        mut slot: Slot,
        mut want: Want,
        mut held: Option<Held>,
    ) -> Result<(Outcome, u64), TransferError> {
        let mut url = Cow::Borrowed(self.source.reveal());
        let (mut host, mut leg) = (self.home.clone(), Leg::Home);
        self.redirects = 0;
        loop {
            slot = self.stop.unless(self.shared.slots.in_step(slot, &host)).await??;
            let began = tokio::time::Instant::now();
            let step = match self.ask((&slot, &host, began), &url, leg, &want, &mut held).await {
                Ok(step) => step,
                Err(error) => {
                    self.heed(&host, &error, began).await;
                    self.note_unwritable(&error).await;
                    return Err(error);
                }
            };
            match step {
                Step::Done { outcome, size } => {
                    slot.answered_well();
                    return Ok((outcome, size));
                }
                Step::Received(received) => {
                    slot.answered_well();
                    if let Some(done) = self.finish(received, slot).await? {
                        return Ok(done);
                    }
                    slot = self.slot_at_home().await?;
                    url = Cow::Borrowed(self.source.reveal());
                    (host, leg) = (self.home.clone(), Leg::Home);
                    held = self.look_again().await?;
                }
                Step::AskAgain(other) => want = other,
                Step::GoOn => held = self.look_again().await?,
                Step::Moved(_) if self.redirects == REDIRECTS => {
                    return Err(TransferError::Redirect(format!("more than {REDIRECTS} redirects")));
                }
                Step::Moved(to) => {
                    self.shared.settings.http.schemes.allow_redirect(&to)?;
                    self.redirects += 1;
                    if to.origin() != url.origin() {
                        self.warn_of_downgrade(&url, &to).await;
                        (host, leg) = (HostKey::of(&to), Leg::Away);
                        self.shared.resting.notify_one();
                        slot = self.stop.unless(self.shared.slots.exchange(slot, &host)).await??;
                        self.life.was(Phase::Rest, Instant::now());
                    }
                    url = Cow::Owned(to);
                }
            }
        }
    }

    /// What is here of the file by now.
    async fn look_again(&self) -> Result<Option<Held>, TransferError> {
        let (_, earlier) = self.shared.tools.survey(self.path).await?;
        Tools::held(earlier, &self.part_of(), &self.cost)
    }

    /// Gives a file its name. A permit is a connection, and that is not needed any more; but only so many bodies may wait
    /// for the disk.
    async fn finish(&mut self, received: Box<Received>, slot: Slot) -> Result<Option<(Outcome, u64)>, TransferError> {
        let (waiting, is_helped) = (self.shared.finishing.try_acquire(), received.is_helped());
        if is_helped {
            self.shared.resting.notify_one();
        }
        let has_to_wait = waiting.is_err() && !is_helped;
        let _slot = has_to_wait.then_some(slot);
        let finished = received.finish(&mut self.cost).await;
        self.life.was(Phase::Rest, Instant::now());
        if let Err(error) = &finished {
            self.note_unwritable(error).await;
        }
        finished
    }

    async fn ask(
        &mut self,
        (slot, host, began): (&Slot, &HostKey, tokio::time::Instant),
        url: &Url,
        leg: Leg,
        want: &Want,
        held: &mut Option<Held>,
    ) -> Result<Step, TransferError> {
        let since = began.into_std();
        self.life.was(Phase::Local, since);
        let was_named = self.given.get().is_some();
        let namer = self.claims.map(|claims| Namer {
            claims,
            given: &self.given,
            existing: self.shared.settings.existing,
            entry: self.entry,
            listed: self.listed,
        });
        let others = self.sources.others().filter(|_| self.mixes());
        let mirrors: Vec<_> = others.map(|source| (source, self.own_for(&source.host()))).collect();
        let part_of = self.part_of();
        let asked = Try {
            url,
            entry: self.entry,
            part_of: &part_of,
            leg,
            path: self.path,
            want,
            listed: self.listed,
            own: self.own_for(&self.home),
            mirrors: &mirrors,
            namer: namer.as_ref(),
            meter: &self.meter,
            offers: self.shared.offers.as_ref(),
            stop: self.stop,
        };
        let earlier = self.cost.exchange.take();
        let step = self.shared.tools.attempt(asked, held, &mut self.cost).await;
        let now = Instant::now();
        self.busy += now - since;
        self.note_phases(step.as_ref().err(), now);
        self.note_standing(slot, host, step.as_ref().err(), began);
        match &mut self.cost.exchange {
            None => self.cost.exchange = earlier,
            Some(exchange) if leg == Leg::Away => exchange.away = Some(host.clone()),
            Some(_) => {}
        }
        if let Some(path) = self.given.get().filter(|_| !was_named) {
            let (id, path) = (self.job.id, Arc::clone(path));
            self.events.send(|| Event::Named { id, path }).await;
        }
        step
    }

    /// What the time of a request was spent on.
    fn note_phases(&mut self, error: Option<&TransferError>, now: Instant) {
        match &self.cost.exchange {
            Some(exchange) => {
                self.life.was_for(Phase::Connect, exchange.connect, now);
                self.life.was_for(Phase::Wait, exchange.wait, now);
                self.life.was(Phase::Body, now);
            }
            None if error.is_some_and(TransferError::has_no_connection) => self.life.was(Phase::Connect, now),
            None => self.life.was(Phase::Wait, now),
        }
    }

    /// Is there anybody at the host?
    fn note_standing(&self, slot: &Slot, host: &HostKey, error: Option<&TransferError>, began: tokio::time::Instant) {
        match error {
            _ if self.cost.exchange.is_some() => slot.answered(),
            Some(error) if error.had_a_connection() => slot.answered(),
            Some(error) if error.found_nobody() => {
                self.shared.slots.in_vain(slot, host, began, error);
            }
            _ => {}
        }
    }

    /// A server that pushes back gets fewer connections, and the time it asks for, from every entry: its host pauses.
    async fn heed(&self, host: &HostKey, error: &TransferError, began: tokio::time::Instant) {
        if error.is_push_back() {
            self.shared.slots.push_back(host, began);
        }
        let asked = error.retry_after().filter(|wait| error.is_passing() && !wait.is_zero());
        let Some(wait) = asked.filter(|&wait| wait <= self.shared.settings.retry.max_wait) else {
            return;
        };
        let grown = self.shared.slots.pause(host, wait);
        if grown.is_zero() {
            return;
        }
        let micros = u64::try_from(grown.as_micros()).unwrap_or(u64::MAX);
        self.shared.paused.fetch_add(micros, Ordering::Relaxed);
        // Answers that came a moment later and ask for the same move the end by that moment: it is one pause.
        if grown < wait / 2 {
            return;
        }
        let (host, why) = (host.clone(), error.to_string());
        self.events.send(|| Event::Paused { host, wait, why }).await;
    }

    /// A full disk gets no new files; those that have their room go on. Neither does one that cannot be written.
    async fn note_unwritable(&self, error: &TransferError) {
        let TransferError::Disk { doing, source } = error else {
            return;
        };
        let why = match source.kind() {
            // A file too large for what is left says nothing about the next one.
            _ if *doing == RESERVE => return,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Unwritable::Full,
            io::ErrorKind::ReadOnlyFilesystem => Unwritable::ReadOnly,
            _ => return,
        };
        if self.shared.is_newly_unwritable(self.path, why).await {
            let warning = format!("no new files are begun: {error}; what came is kept");
            self.events.send(|| Event::Warning(warning)).await;
        }
    }

    async fn warn_of_downgrade(&self, from: &Url, to: &Url) {
        let host = HostKey::of(from);
        if from.scheme() == "https" && to.scheme() == "http" && self.shared.is_new_downgrade(&host) {
            let warning = downgrade(&host);
            self.events.send(|| Event::Warning(warning)).await;
        }
    }

    async fn tell_start(&self) {
        let event = || Event::Started {
            id: self.job.id,
            url: self.job.url.clone(),
            path: Arc::clone(self.path),
            meter: Arc::clone(&self.meter),
            attempt: self.tries,
        };
        self.events.send(event).await;
    }

    async fn tell_retry(&self, error: TransferError, wait: Duration) {
        self.events
            .send(|| Event::retrying(self.job, self.tries, error, wait))
            .await;
    }
}

impl Shared {
    /// Says once of a host that it is given up, when the first entry fails because of that.
    async fn tell_given_up(&self, error: &TransferError, events: &Events) {
        let TransferError::HostDown { host, .. } = error else {
            return;
        };
        let is_news = lock(&self.given_up).insert(host.clone());
        if is_news {
            let warning = format!("{error}; its other entries fail without a try");
            events.send(|| Event::Warning(warning)).await;
        }
    }
}

pub(super) fn downgrade(host: &HostKey) -> String {
    format!("{host} redirects from https to plain http; followed without credentials")
}
