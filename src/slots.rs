//! Who may open a connection now: one semaphore for all, one for each host, and a host's pause.

mod brake;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::brake::Brake;
use crate::job::HostKey;
use crate::lock::lock;

/// The connections of a run.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<HostKey, Arc<Host>>>,
}

#[derive(Debug)]
struct Host {
    permits: Arc<Semaphore>,
    brake: Mutex<Brake>,
    /// Permits that are out and are not to come back.
    owed: AtomicUsize,
    paused_until: Mutex<Option<Instant>>,
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
    Now(Slot),
    Later(BoxFuture<'static, Slot>),
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

    /// Waits until it is this one's turn.
    pub(crate) async fn come(self) -> Slot {
        match self {
            Self::Now(slot) => slot,
            Self::Later(waiting) => waiting.await,
        }
    }
}

impl Slots {
    pub(crate) fn new(all: usize, per_host: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            per_host,
            hosts: Mutex::default(),
        }
    }

    /// Waits for a slot. Whoever waits for a host's pause or permit holds nothing that another host could use.
    pub(crate) async fn acquire(&self, key: &HostKey) -> Slot {
        let host = self.host(key);
        loop {
            host.resumed().await;
            let Some(permit) = permit(&host.permits).await else {
                continue;
            };
            let Some(all) = self::permit(&self.all).await else {
                continue;
            };
            if !host.is_paused() {
                return Slot {
                    all,
                    host: HostPermit {
                        host,
                        permit: Some(permit),
                    },
                };
            }
        }
    }

    /// A slot that nobody waits for, if there is one.
    pub(crate) fn try_acquire(&self, key: &HostKey) -> Option<Slot> {
        let host = self.host(key);
        let permit = Arc::clone(&host.permits).try_acquire_owned().ok()?;
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let permit = Some(permit);
        let host = HostPermit { host, permit };
        (!host.host.is_paused()).then_some(Slot { all, host })
    }

    /// Exchanges a slot for one at another host, at once when that host has room.
    pub(crate) async fn exchange(&self, slot: Slot, key: &HostKey) -> Slot {
        let host = self.host(key);
        match Arc::clone(&host.permits).try_acquire_owned() {
            Ok(permit) if !host.is_paused() => Slot {
                all: slot.all,
                host: HostPermit {
                    host,
                    permit: Some(permit),
                },
            },
            _ => {
                drop(slot);
                self.acquire(key).await
            }
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
        });
        hosts.insert(key.clone(), Arc::clone(&host));
        host
    }
}

impl Slot {
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
        while let Some(until) = self.pause_end() {
            tokio::time::sleep_until(until).await;
        }
    }

    fn is_paused(&self) -> bool {
        self.pause_end().is_some()
    }

    fn pause_end(&self) -> Option<Instant> {
        let until = *lock(&self.paused_until);
        until.filter(|&until| until > Instant::now())
    }

    /// A permit is out, or a pause is on.
    fn is_busy(&self) -> bool {
        Arc::strong_count(&self.permits) > 1 || self.is_paused()
    }
}

/// The semaphores are never closed; `None` is there for the type.
async fn permit(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(of).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use url::Url;

    use super::*;

    fn host(name: &str) -> HostKey {
        HostKey::of(&Url::parse(name).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_host_holds_up_no_other() {
        let slots = Slots::new(2, 1);
        let (a, b) = (host("http://a"), host("http://b"));
        let first = slots.acquire(&a).await;
        let mut second = pin!(slots.acquire(&a));
        assert!(second.as_mut().now_or_never().is_none());
        let other = slots.acquire(&b).now_or_never();
        assert!(other.is_some());
        drop(first);
        let _second = second.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_host_holds_no_slot_and_goes_on_afterwards() {
        let slots = Slots::new(1, 1);
        let (a, b) = (host("http://a"), host("http://b"));
        assert_eq!(slots.pause(&a, Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(slots.pause(&a, Duration::from_secs(7)), Duration::from_secs(2));
        assert_eq!(slots.pause(&a, Duration::from_secs(1)), Duration::ZERO);
        let start = Instant::now();
        let waiting = slots.acquire(&a);
        drop(slots.acquire(&b).now_or_never().expect("the other host is free"));
        let _slot = waiting.await;
        assert_eq!(start.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test]
    async fn turns_come_in_the_order_they_were_taken() {
        let slots = Arc::new(Slots::new(1, 1));
        let mut turns = Vec::new();
        for _ in 0..5 {
            turns.push(Turn::take(&slots, host("http://a")).await);
        }
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        for (n, turn) in turns.into_iter().enumerate().rev() {
            let order = order.clone();
            tokio::spawn(async move {
                let _slot = turn.come().await;
                order.send(n).unwrap();
            });
        }
        for n in 0..5 {
            assert_eq!(came.recv().await, Some(n));
        }
    }

    #[tokio::test]
    async fn a_redirect_takes_its_slot_along() {
        let slots = Slots::new(1, 1);
        let slot = slots.acquire(&host("http://a")).await;
        let slot = slots
            .exchange(slot, &host("http://b"))
            .now_or_never()
            .expect("b has room");
        assert!(slots.acquire(&host("http://a")).now_or_never().is_none());
        drop(slot);
        assert!(slots.acquire(&host("http://a")).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_pushes_back_gets_half_and_earns_the_rest_back() {
        let slots = Slots::new(4, 4);
        let a = host("http://a");
        let free = |slots: &Slots| slots.host(&a).permits.available_permits();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(slots.acquire(&a).await);
        }
        slots.push_back(&a, Instant::now());
        assert_eq!(free(&slots), 0);
        drop(held.pop());
        assert_eq!(free(&slots), 0, "one was owed");
        held.clear();
        assert_eq!(free(&slots), 2);
        let slot = slots.acquire(&a).await;
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
        let slots = Slots::new(4, 4);
        for n in 0..5000 {
            drop(slots.acquire(&host(&format!("http://h{n}"))).await);
        }
        assert!(lock(&slots.hosts).len() <= 64, "{}", lock(&slots.hosts).len());
    }
}
