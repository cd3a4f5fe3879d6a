//! Hosts where a connection is likely to be of no use: as long as others want slots, they have few of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::host::Host;
use super::permit;

/// One slot in so many is for them.
const SHARE: usize = 4;
/// How often somebody who waits for such a host looks whether nobody else wants a slot.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// The few slots that there are for such hosts.
#[derive(Debug)]
pub(super) struct Few {
    permits: Arc<Semaphore>,
    /// Who waits for one of them, one at a time.
    turn: Mutex<()>,
}

/// A slot for a host that was in trouble.
pub(super) struct Granted {
    pub(super) all: OwnedSemaphorePermit,
    /// It is one of the few.
    pub(super) few: Option<OwnedSemaphorePermit>,
}

impl Few {
    /// Of so many slots.
    pub(super) fn of(all: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new((all / SHARE).max(1))),
            turn: Mutex::default(),
        }
    }

    /// Waits for one of the few, for one that nobody else wants, or for the host to be out of trouble: then it has one as
    /// any other. Nothing, if there are none any more.
    pub(super) async fn acquire(&self, host: &Host, all: &Arc<Semaphore>) -> Option<Granted> {
        let turn = self.turn.lock().await;
        while host.is_in_trouble() {
            if let Ok(few) = Arc::clone(&self.permits).try_acquire_owned() {
                drop(turn);
                let (all, few) = (permit(all).await?, Some(few));
                return Some(Granted { all, few });
            }
            if let Ok(all) = Arc::clone(all).try_acquire_owned() {
                return Some(Granted { all, few: None });
            }
            tokio::time::sleep(LOOK).await;
        }
        drop(turn);
        let all = permit(all).await?;
        Some(Granted { all, few: None })
    }
}
