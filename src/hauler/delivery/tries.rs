//! The tries of an entry: one after the other, at one source or the next, as many as it takes.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Delivery;
use crate::disk::Found;
use crate::disk::part::Earlier;
use crate::error::TransferError;
use crate::hauler::Shared;
use crate::hauler::names;
use crate::hauler::retry::{Allowance, Next, next};
use crate::job::{HostKey, Job, OwnRequest};
use crate::lock::lock;
use crate::report::{Outcome, Phase};
use crate::settings::Existing;
use crate::slots::Slot;
use crate::transfer::{Held, Plan, Sender, Tools, plan};

impl<'a> Delivery<'a> {
    pub(super) async fn try_until_done(
        &mut self,
        first: Result<Slot, TransferError>,
    ) -> Result<(Outcome, u64), TransferError> {
        let retry = &self.shared.settings.retry;
        let (mut waits, mut allowance) = (retry.waits(), Allowance::default());
        let (mut slot, mut met_another) = (self.slot_or_elsewhere(first).await?, false);
        loop {
            let error = match self.attempt(slot).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if matches!(error, TransferError::Appeared) {
                self.name_anew()?;
            }
            if error.lacks_descriptors() {
                self.shared.tools.http.forget_idle();
            }
            // With more of the file than ever before, the try was worth it: what follows is counted anew. The same
            // bytes again are not: a server that cannot go on would be asked for ever.
            let has_more = allowance.has_grown(self.cost.held, self.meter.size());
            if has_more {
                waits = retry.waits();
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
                        // One word is enough of how long another process takes.
                        let is_news = !matches!(error, TransferError::Locked) || !met_another;
                        met_another = matches!(error, TransferError::Locked);
                        if met_another {
                            self.tell_of_another().await;
                        }
                        if is_news {
                            self.tell_retry(error, wait).await;
                        }
                        self.shared.resting.notify_one();
                        self.stop.unless(tokio::time::sleep(wait)).await?;
                    }
                }
            }
            self.way.over = allowance.over();
            let next = self.slot_at_home().await;
            slot = self.slot_or_elsewhere(next).await?;
        }
    }

    /// The name is another run's by now: one that came with the answer is given anew, and where free names are taken, so is
    /// the list's.
    fn name_anew(&mut self) -> Result<(), TransferError> {
        let is_listed = self.given.take().is_none_or(|given| given.path == self.path);
        let Shared { settings, tools, .. } = self.shared;
        if settings.existing == Existing::Rename && is_listed {
            self.path = Arc::new(names::give_another(
                self.job,
                settings,
                &mut lock(self.claims),
                &tools.disk,
            )?);
        }
        Ok(())
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
    pub(super) async fn slot_at_home(&mut self) -> Result<Slot, TransferError> {
        self.answered = None;
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
        } else if let (_, Earlier::Part(part, _)) = self.shared.tools.survey(&self.path).await? {
            let _ = part.discard().await;
            self.cost.held = 0;
        }
        Ok(())
    }

    /// Who sends what is begun or gone on with: any of the entry's sources, or the one that is asked.
    pub(super) fn sender(&self) -> Sender<'a> {
        let mixes = self.mixes();
        let is_of_the_entry = mixes || *self.source == self.job.url;
        Sender {
            known_as: if is_of_the_entry {
                Cow::Borrowed(&*self.entry.shown)
            } else {
                self.source.shown()
            },
            source: self.source.reveal(),
            own: self.own_for(&self.home),
            is_mixed: mixes && !self.job.mirrors().is_empty(),
            is_checked: self.listed.checksum.is_some(),
        }
    }

    /// May several sources have a part in the file?
    pub(super) fn mixes(&self) -> bool {
        self.listed.checksum.is_some() && !self.is_alone
    }

    /// What is said for an entry is for its own origin.
    pub(super) fn own_for(&self, host: &HostKey) -> Option<&'a OwnRequest> {
        self.job.request().filter(|_| *host == self.job.url.host())
    }

    /// One try: looks at what is there, asks, and follows where the answers lead. The slot is given back at its end,
    /// whatever that is.
    async fn attempt(&mut self, slot: Slot) -> Result<(Outcome, u64), TransferError> {
        let (found, earlier) = if std::mem::take(&mut self.is_unseen) {
            (Found::Nothing, Earlier::Nothing)
        } else {
            self.shared.tools.survey(&self.path).await?
        };
        // A name that is still to come is looked at when it has come.
        let found = if self.to_come.is_some() { Found::Nothing } else { found };
        let want = match plan(self.shared.settings.existing, found, self.entry, self.listed) {
            Plan::Ask(want) => want,
            // It did not.
            Plan::AddUp { otherwise, .. } if self.summed.is_some() => otherwise?,
            Plan::AddUp {
                size,
                checksum,
                otherwise,
            } => {
                let adding = self.shared.tools.adds_up(&self.path, checksum.clone());
                let adds_up = self.stop.unless(adding).await??;
                self.summed = Some(checksum);
                if adds_up {
                    Tools::tidy(earlier, &self.sender()).await;
                    return Ok((Outcome::AlreadyThere, size));
                }
                otherwise?
            }
            Plan::Done(outcome, size) => {
                Tools::tidy(earlier, &self.sender()).await;
                return Ok((outcome, size));
            }
            Plan::Fail(error) => return Err(error),
        };
        let held = Tools::held(earlier, &self.sender(), &self.cost)?;
        self.cost.is_mixed |= held.as_ref().is_some_and(Held::is_mixed);
        // What has a part has its room, or learns early that it has none. With a name that is still to come, its file may be
        // there.
        if held.is_none() && want.is_for_bytes() && self.to_come.is_none() {
            self.needs_a_place().await?;
        }
        self.tries += 1;
        self.tell_start().await;
        self.ask_around(slot, want, held).await
    }
}
