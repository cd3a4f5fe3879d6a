//! One try: asks, follows where the answers lead, and notes what they say of their host and of the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use reqwest::StatusCode;

use super::Delivery;
use crate::error::TransferError;
use crate::event::Event;
use crate::hauler::Unwritable;
use crate::hauler::retry::Reached;
use crate::hauler::way::{Way, downgrade};
use crate::http::{Leg, Over};
use crate::job::HostKey;
use crate::report::{Outcome, Phase};
use crate::slots::Slot;
use crate::transfer::{Hears, Held, Namer, RESERVE, Received, Step, Tools, Try, Want};

impl<'a> Delivery<'a> {
    pub(super) async fn ask_around(
        &mut self,
        mut slot: Slot,
        mut want: Want,
        mut held: Option<Held>,
    ) -> Result<(Outcome, u64), TransferError> {
        self.way = self.way_home();
        self.wants_all = false;
        let mut most = Reached(self.cost.held);
        loop {
            slot = self
                .stop
                .unless(self.shared.slots.in_step(slot, &self.way.host))
                .await??;
            let began = tokio::time::Instant::now();
            let step = match self.ask(&slot, began, &want, &mut held).await {
                Err(error) if self.way.asks_again(&error) => continue,
                Ok(Step::Refused(error)) | Err(error) if self.way.is_used_up(&error) => {
                    drop((slot, held));
                    (slot, held) = self.begin_again().await?;
                    continue;
                }
                Ok(step) => step,
                Err(error) => {
                    self.heed(&error, began).await;
                    self.note_unwritable(&error).await;
                    return Err(self.way.with_its_end(error));
                }
            };
            // Whether there is anything, a refusal of a part does not say.
            if !matches!(step, Step::Refused(_)) {
                self.way.was_answered();
            }
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
                    drop(held);
                    self.goes_on_at_once(&mut most)?;
                    (slot, held) = self.begin_again().await?;
                }
                Step::AskAgain(other) => want = other,
                Step::Refused(_) => self.wants_all = true,
                Step::GoOn => held = self.look_again().await?,
                Step::CameShort => {
                    self.goes_on_at_once(&mut most)?;
                    held = self.look_again().await?;
                }
                Step::Moved(to) => {
                    let followed = self.way.follow(to, self.shared.settings.http.schemes)?;
                    if let Some(host) = followed.downgraded_by {
                        self.warn_of_downgrade(&host).await;
                    }
                    if followed.is_elsewhere {
                        self.answered = None;
                        self.shared.resting.notify_one();
                        slot = self
                            .stop
                            .unless(self.shared.slots.exchange(slot, &self.way.host))
                            .await??;
                        self.life.was(Phase::Rest, Instant::now());
                    }
                }
            }
        }
    }

    /// Where the entry's source is.
    fn way_home(&self) -> Way<'a> {
        Way::home(self.source, self.home.clone(), self.way.over)
    }

    /// What it takes to ask there for the rest.
    async fn begin_again(&mut self) -> Result<(Slot, Option<Held>), TransferError> {
        (self.way, self.wants_all) = (self.way_home(), false);
        Ok((self.slot_at_home().await?, self.look_again().await?))
    }

    /// Is the rest asked for at once? A few bytes at a time would be asked for as long as the file has some: that is a try.
    fn goes_on_at_once(&self, most: &mut Reached) -> Result<(), TransferError> {
        let (held, size) = (self.cost.held, self.meter.size());
        if most.grows(held, size) {
            return Ok(());
        }
        Err(TransferError::ShortBody { got: held, of: size })
    }

    /// What is here of the file by now.
    async fn look_again(&self) -> Result<Option<Held>, TransferError> {
        let (_, earlier) = self.shared.tools.survey(&self.path).await?;
        Tools::held(earlier, &self.sender(), &self.cost)
    }

    /// Gives a file its name. A permit is a connection, and that is not needed any more; but only so many bodies may wait
    /// for the disk.
    async fn finish(&mut self, received: Box<Received>, slot: Slot) -> Result<Option<(Outcome, u64)>, TransferError> {
        let (waiting, is_helped) = (self.shared.finishing.try_acquire(), received.is_helped());
        if is_helped {
            self.shared.resting.notify_one();
        }
        let has_to_wait = waiting.is_err() && !is_helped;
        let slot = has_to_wait.then_some(slot);
        let since = Instant::now();
        let finished = received.finish(&mut self.cost).await;
        if slot.is_some() {
            let waited = since.elapsed();
            self.busy += waited;
            self.cost.disk += waited;
        }
        self.life.was(Phase::Rest, Instant::now());
        if let Err(error) = &finished {
            self.note_unwritable(error).await;
        }
        finished
    }

    async fn ask(
        &mut self,
        slot: &Slot,
        began: tokio::time::Instant,
        want: &Want,
        held: &mut Option<Held>,
    ) -> Result<Step, TransferError> {
        let since = began.into_std();
        self.life.was(Phase::Local, since);
        let was_named = self.given.get().is_some();
        let namer = self.to_come.map(|wanted| Namer {
            claims: self.claims,
            wanted,
            given: &self.given,
            checksums: &self.shared.settings.checksums,
            existing: self.shared.settings.existing,
            entry: self.entry,
            listed: self.listed,
        });
        let others = self.sources.others().filter(|_| self.mixes());
        let mirrors: Vec<_> = others.map(|source| (source, self.own_for(&source.host()))).collect();
        let sender = self.sender();
        let asked = Try {
            url: &self.way.url,
            entry: self.entry,
            sender: &sender,
            wants_all: self.wants_all,
            leg: self.way.leg,
            over: self.way.over,
            path: &self.path,
            want,
            listed: self.listed,
            mirrors: &mirrors,
            namer: namer.as_ref(),
            meter: &self.meter,
            hears: slot,
            offers: self.shared.offers.as_ref(),
            stop: self.stop,
        };
        let (heard, earlier) = (slot.heard(), self.cost.exchange.take());
        let step = self.shared.tools.attempt(asked, held, &mut self.cost).await;
        self.answered = self.cost.exchange.as_ref().map(|exchange| exchange.status);
        let now = Instant::now();
        self.busy += now - since;
        self.note_phases(step.as_ref().err(), now);
        self.note_standing(slot, began, step.as_ref().err(), heard);
        match &mut self.cost.exchange {
            None => self.cost.exchange = earlier,
            Some(exchange) if self.way.leg == Leg::Away => exchange.away = Some(self.way.host.clone()),
            Some(_) => {}
        }
        if let Some(named) = self.given.get().filter(|_| !was_named) {
            let (id, path) = (self.job.id, Arc::clone(&named.path));
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

    /// Is there anybody at the host? `heard` is how many answers there were before.
    fn note_standing(&self, slot: &Slot, began: tokio::time::Instant, error: Option<&TransferError>, heard: u64) {
        match error {
            // That was heard.
            _ if self.cost.exchange.is_some() => {}
            Some(error) if matches!(error.bare(), TransferError::NoAnswer(_)) => slot.fell_silent(heard),
            Some(error) if error.had_a_connection() => slot.answered(),
            Some(error) if error.found_nobody() => {
                self.shared.slots.in_vain(slot, &self.way.host, began, error);
            }
            _ => {}
        }
    }

    /// Was a connection closed that any request might have had? One that only this request had says nothing of others.
    fn is_turned_away(&self, error: &TransferError) -> bool {
        error.is_turned_away() && matches!(self.way.over, Over::Any)
    }

    /// A server that pushes back gets fewer connections, and the time it asks for, from every entry: its host pauses. So
    /// does one that closes new connections while it serves others: it has no other way to say so.
    async fn heed(&self, error: &TransferError, began: tokio::time::Instant) {
        let host = &self.way.host;
        if error.is_push_back() || (self.is_turned_away(error) && self.shared.slots.has_served(host)) {
            self.shared.slots.push_back(host, began, error.retry_after());
        }
        let Some(wait) = error.retry_after().filter(|wait| error.is_passing() && !wait.is_zero()) else {
            return;
        };
        if wait > self.shared.settings.retry.max_wait {
            self.shared.slots.asks_too_much(host, began, error);
            return;
        }
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

    /// A full disk gets no new files; those that have their room go on. Neither does what cannot be written.
    async fn note_unwritable(&self, error: &TransferError) {
        let TransferError::Disk { doing, source } = error else {
            return;
        };
        // A file too large for what is left says nothing about the next one.
        if let Some(why) = Unwritable::of(source).filter(|_| *doing != RESERVE)
            && let Ok(site) = self.shared.tools.disk.site(&self.path).await
        {
            self.shared.note_unwritable(&site, why);
            let _told = self.refuse_if_unwritable().await;
        }
    }

    /// Is there a place for a new file? Of the run's own folder, that is known before anything is requested.
    pub(super) async fn needs_a_place(&self) -> Result<(), TransferError> {
        let mut is_tested = self.shared.tested.lock().await;
        if !std::mem::replace(&mut *is_tested, true)
            && let Ok(site) = self.shared.tools.disk.site(&Arc::default()).await
            && let Some(why) = site.refused.as_ref().and_then(Unwritable::of)
        {
            self.shared.note_unwritable(&site, why);
        }
        drop(is_tested);
        self.refuse_if_unwritable().await
    }

    /// Why nothing is begun where the entry's file would be, which is told once of each place.
    async fn refuse_if_unwritable(&self) -> Result<(), TransferError> {
        let Some((why, warning)) = self.shared.refusal_at(&self.path).await else {
            return Ok(());
        };
        if let Some(warning) = warning {
            self.events.send(|| Event::Warning(warning)).await;
        }
        Err(match why {
            Unwritable::Full => TransferError::DiskFull,
            Unwritable::ReadOnly => TransferError::ReadOnly,
            Unwritable::Denied => TransferError::Denied,
        })
    }

    async fn warn_of_downgrade(&self, host: &HostKey) {
        if self.shared.is_new_downgrade(host) {
            self.events.send(|| Event::Warning(downgrade(host))).await;
        }
    }
}

impl Hears for Slot {
    fn head(&self, status: StatusCode) {
        self.answered();
        if !status.is_client_error() && !status.is_server_error() {
            self.serves();
        }
    }
}
