//! What is known of one host.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::brake::Brake;
use super::breath::Breath;
use super::doubt::{Doubt, Standing};
use super::patience::Patience;
use crate::error::{Kind, TransferError};
use crate::job::HostKey;
use crate::lock::lock;

/// A host: how many connections it takes now, whether it is paused, what is thought of it.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) permits: Arc<Semaphore>,
    pub(super) brake: Mutex<Brake>,
    pub(super) breath: Mutex<Breath>,
    /// Permits that are out and are not to come back.
    pub(super) owed: AtomicUsize,
    pub(super) paused_until: Mutex<Option<Instant>>,
    pub(super) standing: Mutex<Standing<Down>>,
    pub(super) answers: AtomicU64,
    /// One of them was a good one.
    pub(super) has_served: AtomicBool,
    /// Nothing came from it for too long, and nothing has since.
    pub(super) is_silent: AtomicBool,
    pub(super) patience: Mutex<Patience>,
    /// It is not what it was: whoever waits for it looks again.
    pub(super) changed: Notify,
}

/// A host that is given up.
#[derive(Debug)]
pub(super) struct Down {
    pub(super) host: HostKey,
    pub(super) kind: Kind,
    /// What went wrong when it was given up.
    pub(super) why: Arc<str>,
}

/// The host's share of a slot.
#[derive(Debug)]
pub(super) struct HostPermit {
    pub(super) host: Arc<Host>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        if self.host.pays_back() {
            self.permit.take().into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

impl Host {
    /// It takes so many connections, and nobody has answered yet.
    pub(super) fn new(permits: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            brake: Mutex::new(Brake::new(permits)),
            breath: Mutex::default(),
            owed: AtomicUsize::new(0),
            paused_until: Mutex::default(),
            standing: Mutex::new(Standing::Doubtful(Doubt::default())),
            answers: AtomicU64::new(0),
            has_served: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            patience: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Takes one off what is owed, if anything is.
    pub(super) fn pays_back(&self) -> bool {
        let less = |owed: usize| owed.checked_sub(1);
        self.owed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    pub(super) async fn resumed(&self) {
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
    pub(super) fn is_open(&self) -> bool {
        lock(&self.paused_until).is_none() && matches!(*lock(&self.standing), Standing::Alive | Standing::Away)
    }

    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        match &*lock(&self.standing) {
            Standing::Doubtful(doubt) | Standing::Missed(doubt) => doubt.until(now),
            Standing::Alive | Standing::Away | Standing::Down(_) => None,
        }
    }

    /// Is it likely that a connection to it is a connection lost?
    pub(super) fn is_in_trouble(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
            || match &*lock(&self.standing) {
                Standing::Doubtful(doubt) => doubt.has_begun(),
                Standing::Missed(_) | Standing::Away => true,
                Standing::Alive | Standing::Down(_) => false,
            }
    }

    /// It is given up: whoever waits for it need not.
    pub(super) fn close(&self) {
        self.permits.close();
        self.changed.notify_waiters();
    }

    /// Is it given up, and why?
    pub(super) fn given_up_because(&self) -> Option<(Kind, Arc<str>)> {
        match &*lock(&self.standing) {
            Standing::Down(Down { kind, why, .. }) => Some((*kind, Arc::clone(why))),
            _ => None,
        }
    }

    /// An error means that it is given up.
    pub(super) fn check(&self) -> Result<(), TransferError> {
        match &*lock(&self.standing) {
            Standing::Down(Down { host, kind, why }) => Err(TransferError::HostDown {
                host: host.clone(),
                kind: *kind,
                why: Arc::clone(why),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pause_end().is_some()
    }

    pub(super) fn pause_end(&self) -> Option<Instant> {
        if self.is_open() {
            return None;
        }
        let now = Instant::now();
        let until = *lock(&self.paused_until);
        until.filter(|&until| until > now).max(self.held_until(now))
    }

    /// A permit is out, or a pause is on.
    pub(super) fn is_busy(&self) -> bool {
        Arc::strong_count(&self.permits) > 1 || self.is_paused()
    }
}
