//! Who may open a connection now: one semaphore for all, one for each host, and a host's pause.

mod brake;
mod doubt;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::brake::Brake;
use self::doubt::{Doubt, Standing, Verdict};
use crate::error::{Kind, TransferError};
use crate::job::HostKey;
use crate::lock::lock;
use crate::settings::Retry;
use crate::throttle::Steps;

/// The connections of a run.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<HostKey, Arc<Host>>>,
    /// When the next request may begin, where there is a rate.
    steps: Option<Steps>,
    retry: Retry,
}

#[derive(Debug)]
struct Host {
    permits: Arc<Semaphore>,
    brake: Mutex<Brake>,
    /// Permits that are out and are not to come back.
    owed: AtomicUsize,
    paused_until: Mutex<Option<Instant>>,
    standing: Mutex<Standing<Down>>,
    /// It is not what it was: whoever waits for it looks again.
    changed: Notify,
}

/// A host that is given up.
#[derive(Debug)]
struct Down {
    host: HostKey,
    kind: Kind,
    /// What went wrong the first time.
    why: Arc<str>,
}

/// The right to open a connection to one host; given back by dropping it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Slot {
    all: OwnedSemaphorePermit,
    host: HostPermit,
}

/// The host's share of a slot.
#[derive(Debug)]
struct HostPermit {
    host: Arc<Host>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        if self.host.pays_back() {
            self.permit.take().into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
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
            host.is_given_up().map_or(Ok(()), Err)?;
            let Some(permit) = permit(&host.permits).await else {
                continue;
            };
            let Some(all) = self::permit(&self.all).await else {
                continue;
            };
            if !host.is_paused() {
                return Ok(Slot::new(all, host, permit));
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
        Some(Slot::new(all, host, permit)).filter(|slot| !slot.host.host.is_paused())
    }

    /// Exchanges a slot for one at another host, at once when that host has room.
    pub(crate) async fn exchange(&self, slot: Slot, key: &HostKey) -> Result<Slot, TransferError> {
        let host = self.host(key);
        match Arc::clone(&host.permits).try_acquire_owned() {
            Ok(permit) if !host.is_paused() => Ok(Slot::new(slot.all, host, permit)),
            _ => {
                drop(slot);
                self.acquire(key).await
            }
        }
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

    /// The host pushed back a request that began then: it gets fewer connections from now on.
    pub(crate) fn push_back(&self, key: &HostKey, began: Instant) {
        let host = self.host(key);
        let lost = lock(&host.brake).pushed_back(began, Instant::now());
        for _ in 0..lost {
            match host.permits.try_acquire() {
                Ok(permit) => permit.forget(),
                Err(_) => drop(host.owed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Nobody was reached at the slot's host by a request that began then. A host that has never answered is left alone for
    /// a while, or given up with all that wait for it.
    pub(crate) fn in_vain(&self, slot: &Slot, key: &HostKey, began: Instant, why: &TransferError) {
        let host = &slot.host.host;
        let mut standing = lock(&host.standing);
        let Standing::Doubtful(doubt) = &mut *standing else {
            return;
        };
        if doubt.in_vain(began, Instant::now(), &self.retry) == Verdict::GiveUp {
            *standing = Standing::Down(Down {
                host: key.clone(),
                kind: why.kind(),
                why: why.to_string().into(),
            });
            drop(standing);
            host.permits.close();
            host.changed.notify_waiters();
        }
    }

    /// How long nobody tries this host, which has not answered yet.
    pub(crate) fn held_for(&self, key: &HostKey) -> Duration {
        let (host, now) = (self.host(key), Instant::now());
        let held = host.held_until(now);
        held.map_or(Duration::ZERO, |until| until - now)
    }

    /// A new list begins: what was given up for the last one may be there again.
    pub(crate) fn begin(&self) {
        lock(&self.hosts).retain(|_, host| host.is_given_up().is_none());
    }

    /// Leaves a host alone for so long; a longer pause is not shortened. Returns by how much the pause grew.
    pub(crate) fn pause(&self, key: &HostKey, wait: Duration) -> Duration {
        let now = Instant::now();
        let until = now
            .checked_add(wait)
            .unwrap_or(now + Duration::from_secs(u64::from(u32::MAX)));
        let host = self.host(key);
        let mut paused = lock(&host.paused_until);
        let before = paused.unwrap_or(now).max(now);
        *paused = Some(before.max(until));
        until.saturating_duration_since(before)
    }

    /// The host's state, kept as long as somebody uses it or it is paused.
    fn host(&self, key: &HostKey) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.get(key) {
            return Arc::clone(host);
        }
        // A list of a million hosts does not keep a million of them.
        if hosts.len() >= 64 && hosts.len().is_power_of_two() {
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || host.is_busy());
        }
        let host = Arc::new(Host {
            permits: Arc::new(Semaphore::new(self.per_host)),
            brake: Mutex::new(Brake::new(self.per_host)),
            owed: AtomicUsize::new(0),
            paused_until: Mutex::default(),
            standing: Mutex::new(Standing::Doubtful(Doubt::default())),
            changed: Notify::new(),
        });
        hosts.insert(key.clone(), Arc::clone(&host));
        host
    }
}

impl Slot {
    fn new(all: OwnedSemaphorePermit, host: Arc<Host>, permit: OwnedSemaphorePermit) -> Self {
        let permit = Some(permit);
        let host = HostPermit { host, permit };
        Self { all, host }
    }

    /// There is somebody at the host.
    pub(crate) fn answered(&self) {
        let host = &self.host.host;
        let mut standing = lock(&host.standing);
        if let Standing::Doubtful(_) = *standing {
            *standing = Standing::Alive;
            drop(standing);
            host.changed.notify_waiters();
        }
    }

    /// The host answered well: after a while it gets its connections back.
    pub(crate) fn answered_well(&self) {
        let host = &self.host.host;
        let is_more = lock(&host.brake).went_well();
        if is_more && !host.pays_back() {
            host.permits.add_permits(1);
        }
    }
}

impl Host {
    /// Takes one off what is owed, if anything is.
    fn pays_back(&self) -> bool {
        let less = |owed: usize| owed.checked_sub(1);
        self.owed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    async fn resumed(&self) {
        while self.is_paused() {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let Some(until) = self.pause_end() else { return };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = changed => {}
            }
        }
    }

    /// Is there nothing that anybody could wait for? Without a look at the clock.
    fn is_open(&self) -> bool {
        lock(&self.paused_until).is_none() && matches!(*lock(&self.standing), Standing::Alive)
    }

    fn held_until(&self, now: Instant) -> Option<Instant> {
        match &*lock(&self.standing) {
            Standing::Doubtful(doubt) => doubt.until(now),
            Standing::Alive | Standing::Down(_) => None,
        }
    }

    /// Is it given up, and why?
    fn is_given_up(&self) -> Option<TransferError> {
        match &*lock(&self.standing) {
            Standing::Doubtful(_) | Standing::Alive => None,
            Standing::Down(Down { host, kind, why }) => Some(TransferError::HostDown {
                host: host.clone(),
                kind: *kind,
                why: Arc::clone(why),
            }),
        }
    }

    fn is_paused(&self) -> bool {
        self.pause_end().is_some()
    }

    fn pause_end(&self) -> Option<Instant> {
        if self.is_open() {
            return None;
        }
        let now = Instant::now();
        let until = *lock(&self.paused_until);
        until.filter(|&until| until > now).max(self.held_until(now))
    }

    /// A permit is out, a pause is on, or it is given up.
    fn is_busy(&self) -> bool {
        Arc::strong_count(&self.permits) > 1 || self.is_paused() || self.is_given_up().is_some()
    }
}

/// The semaphores are never closed; `None` is there for the type.
async fn permit(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(of).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn host(name: &str) -> HostKey {
        HostKey::of(&Url::parse(name).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_host_holds_up_no_other() {
        let slots = Slots::new(2, 1, None, &Retry::default());
        let (a, b) = (host("http://a"), host("http://b"));
        let first = slots.acquire(&a).await.unwrap();
        let mut second = pin!(slots.acquire(&a));
        assert!(second.as_mut().now_or_never().is_none());
        let other = slots.acquire(&b).now_or_never();
        assert!(other.is_some());
        drop(first);
        let _second = second.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_host_holds_no_slot_and_goes_on_afterwards() {
        let slots = Slots::new(1, 1, None, &Retry::default());
        let (a, b) = (host("http://a"), host("http://b"));
        assert_eq!(slots.pause(&a, Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(slots.pause(&a, Duration::from_secs(7)), Duration::from_secs(2));
        assert_eq!(slots.pause(&a, Duration::from_secs(1)), Duration::ZERO);
        let start = Instant::now();
        let waiting = slots.acquire(&a);
        let other = slots.acquire(&b).now_or_never().expect("the other host is free");
        drop(other.unwrap());
        let _slot = waiting.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test]
    async fn turns_come_in_the_order_they_were_taken() {
        let slots = Arc::new(Slots::new(1, 1, None, &Retry::default()));
        let mut turns = Vec::new();
        for _ in 0..5 {
            turns.push(Turn::take(&slots, host("http://a")).await);
        }
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        for (n, turn) in turns.into_iter().enumerate().rev() {
            let order = order.clone();
            tokio::spawn(async move {
                let _slot = turn.come().await.unwrap();
                order.send(n).unwrap();
            });
        }
        for n in 0..5 {
            assert_eq!(came.recv().await, Some(n));
        }
    }

    #[tokio::test]
    async fn a_redirect_takes_its_slot_along() {
        let slots = Slots::new(1, 1, None, &Retry::default());
        let slot = slots.acquire(&host("http://a")).await.unwrap();
        let slot = slots
            .exchange(slot, &host("http://b"))
            .now_or_never()
            .expect("b has room")
            .unwrap();
        assert!(slots.acquire(&host("http://a")).now_or_never().is_none());
        drop(slot);
        assert!(slots.acquire(&host("http://a")).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_its_time_to_begin_does_not_begin_in_a_pause() {
        let slots = Slots::new(2, 2, Some(Duration::from_secs(1)), &Retry::default());
        let (a, b) = (host("http://a"), host("http://b"));
        let (start, first) = (Instant::now(), slots.acquire(&a).await.unwrap());
        let _first = slots.in_step(first, &a).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        let second = slots.acquire(&a).await.unwrap();
        let mut second = pin!(slots.in_step(second, &a));
        assert!(second.as_mut().now_or_never().is_none());
        slots.pause(&a, Duration::from_secs(10));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(second.as_mut().now_or_never().is_none());
        assert!(
            slots.acquire(&b).now_or_never().is_some(),
            "it holds no slot in the pause"
        );
        let _second = second.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_pushes_back_gets_half_and_earns_the_rest_back() {
        let slots = Slots::new(4, 4, None, &Retry::default());
        let a = host("http://a");
        let free = |slots: &Slots| slots.host(&a).permits.available_permits();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(slots.acquire(&a).await.unwrap());
        }
        slots.push_back(&a, Instant::now());
        assert_eq!(free(&slots), 0);
        drop(held.pop());
        assert_eq!(free(&slots), 0, "one was owed");
        held.clear();
        assert_eq!(free(&slots), 2);
        let slot = slots.acquire(&a).await.unwrap();
        for _ in 0..5 {
            slot.answered_well();
        }
        assert_eq!(free(&slots), 3);
        slot.answered_well();
        drop(slot);
        assert_eq!(free(&slots), 4);
    }

    #[tokio::test]
    async fn hosts_that_nobody_uses_are_forgotten() {
        let slots = Slots::new(4, 4, None, &Retry::default());
        for n in 0..5000 {
            drop(slots.acquire(&host(&format!("http://h{n}"))).await.unwrap());
        }
        assert!(lock(&slots.hosts).len() <= 64, "{}", lock(&slots.hosts).len());
    }

    fn refused() -> TransferError {
        TransferError::Connect(std::io::ErrorKind::ConnectionRefused.into())
    }

    /// A slot at once, whose request is in vain.
    async fn try_in_vain(slots: &Slots, key: &HostKey) {
        let slot = slots.acquire(key).await.unwrap();
        slots.in_vain(&slot, key, Instant::now(), &refused());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_where_nobody_is_reached_is_tried_in_rounds_and_then_fails_all_that_wait() {
        let slots = Slots::new(1, 1, None, &Retry::default());
        let (a, b, start) = (host("http://a"), host("http://b"), Instant::now());
        for _ in 0..5 {
            try_in_vain(&slots, &a).await;
        }
        assert_eq!(start.elapsed(), Duration::from_millis(500 + 1000 + 2000 + 4000));
        let last = slots.acquire(&a).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(15_500));
        let mut waiting = pin!(slots.acquire(&a));
        assert!(waiting.as_mut().now_or_never().is_none());
        slots.in_vain(&last, &a, Instant::now(), &refused());
        let error = waiting.now_or_never().expect("no wait any more").unwrap_err();
        assert_eq!(error.to_string(), "a is given up: connection refused");
        assert_eq!((error.kind(), error.is_passing()), (Kind::Connect, false));
        drop(last);
        assert!(slots.acquire(&a).now_or_never().unwrap().is_err());
        assert!(slots.acquire(&b).now_or_never().unwrap().is_ok());
        slots.begin();
        assert!(
            slots.acquire(&a).now_or_never().unwrap().is_ok(),
            "a new list, a new chance"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_ends_the_doubt_for_good_and_all_go_on_at_once() {
        let slots = Slots::new(2, 2, None, &Retry::default());
        let a = host("http://a");
        let (first, second) = (slots.acquire(&a).await.unwrap(), slots.acquire(&a).await.unwrap());
        slots.in_vain(&first, &a, Instant::now(), &refused());
        drop(first);
        let mut waiting = pin!(slots.acquire(&a));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(slots.held_for(&a), Duration::from_millis(500));
        second.answered();
        drop(waiting.now_or_never().expect("no wait any more").unwrap());
        for _ in 0..100 {
            slots.in_vain(&second, &a, Instant::now(), &refused());
        }
        assert!(slots.acquire(&a).now_or_never().unwrap().is_ok());
    }
}
