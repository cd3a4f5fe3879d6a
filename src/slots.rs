//! Who may open a connection now: one semaphore for all, one for each host, and a host's pause. What makes a host have
//! fewer connections, or none, is decided in the rooms below, most of them pure.

mod brake;
mod breath;
mod doubt;
mod host;
mod hosts;
mod patience;
mod trouble;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::doubt::{Doubt, Standing, Verdict};
use self::host::{Down, Host, HostPermit};
use self::hosts::Hosts;
use self::trouble::{Few, Granted};
use crate::error::TransferError;
use crate::job::HostKey;
use crate::lock::lock;
use crate::settings::Retry;
use crate::throttle::Steps;

/// The connections of a run.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    /// Those of them that hosts in trouble may have as long as others want them.
    few: Few,
    per_host: usize,
    hosts: Mutex<Hosts>,
    /// When the next request may begin, where there is a rate.
    steps: Option<Steps>,
    retry: Retry,
}

/// The right to open a connection to one host; given back by dropping it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Slot {
    all: OwnedSemaphorePermit,
    host: HostPermit,
    /// It is one of the few for hosts in trouble, until the host answers.
    few: Mutex<Option<OwnedSemaphorePermit>>,
}

/// A place in the queue for a slot. Tasks begin in no order, so places are given out before there is a task.
#[must_use]
pub(crate) enum Turn {
    Now(Result<Slot, TransferError>),
    Later(BoxFuture<'static, Result<Slot, TransferError>>),
}

impl Turn {
    /// Takes the next place, or a slot that is free.
    pub(crate) async fn take(slots: &Arc<Slots>, key: HostKey) -> Self {
        let slots = Arc::clone(slots);
        let mut waiting = async move { slots.acquire(&key).await }.boxed();
        match futures::poll!(&mut waiting) {
            Poll::Ready(slot) => Self::Now(slot),
            Poll::Pending => Self::Later(waiting),
        }
    }

    /// Waits until it is this one's turn. An error: the host was given up first.
    pub(crate) async fn come(self) -> Result<Slot, TransferError> {
        match self {
            Self::Now(slot) => slot,
            Self::Later(waiting) => waiting.await,
        }
    }
}

impl Slots {
    /// So many connections at once, to all hosts and to each, with requests that begin so far apart. A host where nobody is
    /// reached is given up when the tries of one entry are over.
    pub(crate) fn new(all: usize, per_host: usize, apart: Option<Duration>, retry: &Retry) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            few: Few::of(all),
            per_host,
            hosts: Mutex::default(),
            steps: apart.map(Steps::new),
            retry: retry.clone(),
        }
    }

    /// Waits for a slot. Whoever waits for a host's pause or permit holds nothing that another host could use. An error:
    /// the host is given up.
    pub(crate) async fn acquire(&self, key: &HostKey) -> Result<Slot, TransferError> {
        let host = self.host(key);
        loop {
            host.resumed().await;
            host.check()?;
            let Some(permit) = permit(&host.permits).await else {
                continue;
            };
            let granted = if host.is_in_trouble() {
                self.few.acquire(&host, &self.all).await
            } else {
                let all = self::permit(&self.all).await;
                all.map(|all| Granted { all, few: None })
            };
            let Some(Granted { all, few }) = granted else { continue };
            if !host.is_paused() {
                let slot = Slot::new(all, host, permit);
                *lock(&slot.few) = few;
                return Ok(slot);
            }
        }
    }

    /// Could another connection be opened, if its host has room?
    pub(crate) fn has_spare(&self) -> bool {
        self.all.available_permits() > 0
    }

    /// A slot that nobody waits for, if there is one.
    pub(crate) fn try_acquire(&self, key: &HostKey) -> Option<Slot> {
        let host = self.host(key);
        let permit = Arc::clone(&host.permits).try_acquire_owned().ok()?;
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Slot::new(all, host, permit)).filter(|slot| {
            let host = &slot.host.host;
            !host.is_paused() && !host.is_in_trouble()
        })
    }

    /// Exchanges a slot for one at another host, at once when that host has room.
    pub(crate) async fn exchange(&self, slot: Slot, key: &HostKey) -> Result<Slot, TransferError> {
        let host = self.host(key);
        let is_open = !host.is_paused() && !host.is_in_trouble();
        // Whoever waits holds nothing: not what was tried for a moment, either.
        let permit = Arc::clone(&host.permits).try_acquire_owned().ok().filter(|_| is_open);
        if let Some(permit) = permit {
            return Ok(Slot::new(slot.all, host, permit));
        }
        drop(slot);
        self.acquire(key).await
    }

    /// Waits until the next request may begin. A slot is held meanwhile: no other request could begin before, either.
    /// When its host is paused by then, the slot is given back, and there is another when the pause is over.
    pub(crate) async fn in_step(&self, mut slot: Slot, key: &HostKey) -> Result<Slot, TransferError> {
        let Some(steps) = &self.steps else { return Ok(slot) };
        loop {
            steps.next().await;
            if !slot.host.host.is_paused() {
                return Ok(slot);
            }
            drop(slot);
            slot = self.acquire(key).await?;
        }
    }

    /// The host pushed back a request that began then: it gets fewer connections from now on. If it did not say for how long
    /// it wants to be left alone, but serves others, it is left alone for a moment.
    pub(crate) fn push_back(&self, key: &HostKey, began: Instant, asked: Option<Duration>) {
        let host = self.host(key);
        let lost = lock(&host.brake).pushed_back(began, Instant::now());
        let moment = lock(&host.breath).pushed_back(lost.is_some());
        for _ in 0..lost.unwrap_or(0) {
            match host.permits.try_acquire() {
                Ok(permit) => permit.forget(),
                Err(_) => drop(host.owed.fetch_add(1, Ordering::Relaxed)),
            }
        }
        let says_so = asked.is_some_and(|asked| !asked.is_zero());
        if let Some(moment) = moment.filter(|_| !says_so) {
            self.pause(key, moment.min(self.retry.max_wait));
        }
    }

    /// Nobody was reached at the slot's host by a request that began then. It is left alone for a while; one that has never
    /// answered is given up after that, with all that wait for it.
    pub(crate) fn in_vain(&self, slot: &Slot, key: &HostKey, began: Instant, why: &TransferError) {
        let host = &slot.host.host;
        let mut standing = lock(&host.standing);
        if let Standing::Alive = *standing {
            *standing = Standing::Missed(Doubt::default());
        }
        let (Standing::Doubtful(doubt) | Standing::Missed(doubt)) = &mut *standing else {
            return;
        };
        if doubt.in_vain(began, Instant::now(), &self.retry) == Verdict::Wait {
            return;
        }
        if let Standing::Missed(_) = *standing {
            *standing = Standing::Away;
            return;
        }
        *standing = Standing::Down(Down {
            host: key.clone(),
            kind: why.kind(),
            why: why.to_string().into(),
        });
        drop(standing);
        host.close();
    }

    /// The host asks a request that began then for more time than anybody waits. When it asks everybody for it, it is given
    /// up: to ask it once more for each entry is not to leave it alone.
    pub(crate) fn asks_too_much(&self, key: &HostKey, began: Instant, why: &TransferError) {
        let host = self.host(key);
        if !lock(&host.patience).asked_too_much(began, Instant::now()) {
            return;
        }
        *lock(&host.standing) = Standing::Down(Down {
            host: key.clone(),
            kind: why.kind(),
            why: format!("{why}, and it asks for more patience than --retry-max-wait").into(),
        });
        host.close();
    }

    /// Was an answer of this host a good one?
    pub(crate) fn has_served(&self, key: &HostKey) -> bool {
        self.host(key).has_served.load(Ordering::Relaxed)
    }

    /// How long nobody tries this host, which has not answered yet or does not any more.
    pub(crate) fn held_for(&self, key: &HostKey) -> Duration {
        let (host, now) = (self.host(key), Instant::now());
        let held = host.held_until(now);
        held.map_or(Duration::ZERO, |until| until - now)
    }

    /// A new list begins: what was given up for the last one may be there again.
    pub(crate) fn begin(&self) {
        lock(&self.hosts).forgive();
    }

    /// Leaves a host alone for so long; a longer pause is not shortened. Returns by how much the pause grew.
    pub(crate) fn pause(&self, key: &HostKey, wait: Duration) -> Duration {
        let now = Instant::now();
        let until = after(now, wait);
        let host = self.host(key);
        let mut paused = lock(&host.paused_until);
        let before = paused.unwrap_or(now).max(now);
        *paused = Some(before.max(until));
        until.saturating_duration_since(before)
    }

    /// The host's state, kept as long as somebody uses it or it is paused.
    fn host(&self, key: &HostKey) -> Arc<Host> {
        lock(&self.hosts).get(key, self.per_host)
    }
}

impl Slot {
    fn new(all: OwnedSemaphorePermit, host: Arc<Host>, permit: OwnedSemaphorePermit) -> Self {
        let permit = Some(permit);
        Self {
            all,
            host: HostPermit { host, permit },
            few: Mutex::default(),
        }
    }

    /// How many answers of the host there were.
    pub(crate) fn heard(&self) -> u64 {
        self.host.host.answers.load(Ordering::Relaxed)
    }

    /// Nothing came for too long, of any request, since so many answers. As long as nothing comes, the host gets few
    /// connections: all of them could wait for nothing.
    pub(crate) fn fell_silent(&self, heard: u64) {
        if self.heard() == heard {
            self.host.host.is_silent.store(true, Ordering::Relaxed);
        }
    }

    /// There is somebody at the host.
    pub(crate) fn answered(&self) {
        let host = &self.host.host;
        host.answers.fetch_add(1, Ordering::Relaxed);
        host.is_silent.store(false, Ordering::Relaxed);
        drop(lock(&self.few).take());
        let mut standing = lock(&host.standing);
        if let Standing::Doubtful(_) | Standing::Missed(_) | Standing::Away = *standing {
            *standing = Standing::Alive;
            drop(standing);
            host.changed.notify_waiters();
        }
    }

    /// What it answers with is good, as far as its head tells.
    pub(crate) fn serves(&self) {
        let host = &self.host.host;
        host.has_served.store(true, Ordering::Relaxed);
        lock(&host.patience).served();
    }

    /// The host answered well: after a while it gets its connections back.
    pub(crate) fn answered_well(&self) {
        let host = &self.host.host;
        lock(&host.breath).went_well();
        let is_more = lock(&host.brake).went_well();
        if is_more && !host.pays_back() {
            host.permits.add_permits(1);
        }
    }
}

/// The moment when a wait is over. One that ends later than time does lasts for as long as anybody will know.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait)
        .unwrap_or(now + Duration::from_secs(u64::from(u32::MAX)))
}

/// `None`: the host was given up meanwhile. The semaphore of all is never closed.
async fn permit(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(of).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests;
