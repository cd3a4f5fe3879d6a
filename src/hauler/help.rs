//! Slots that nobody needs help with the largest files.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::run::Run;
use crate::settings::Split;
use crate::slots::Slot;
use crate::stop::Stop;
use crate::transfer::{Most, Offer, Offers};

/// How often to look whether there is something to help with.
const LOOK: Duration = Duration::from_millis(50);

/// Where large files find help; nowhere if each has one connection.
pub(super) fn offers(split: Split) -> Option<Arc<Offers>> {
    let most = match split {
        Split::Auto => Most::Useful,
        Split::UpTo(n) if n.get() == 1 => return None,
        Split::UpTo(n) => Most::Exactly(n.get()),
    };
    Some(Arc::new(Offers::new(most)))
}

/// A panic in a helper goes on here.
pub(super) fn ended(helper: Result<(), JoinError>) {
    if let Err(error) = helper {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Waits until there may be something to help with.
pub(super) async fn look(shared: &Shared) {
    let Some(offers) = &shared.offers else { return };
    if offers.is_empty() {
        return offers.changed().await;
    }
    tokio::select! {
        () = offers.changed() => {}
        () = sleep(LOOK) => {}
    }
}

impl Run<'_> {
    /// Is there a file to help with, and does no entry of the list need the slots, as far as that matters?
    pub(super) fn may_help(&self) -> bool {
        let Some(offers) = &self.round.shared.offers else {
            return false;
        };
        let is_at_the_end = self.is_read && self.queue.is_empty();
        let has_work = !self.tasks.is_empty() && !self.round.stop.is_asked();
        has_work && (is_at_the_end || offers.most() != Most::Useful)
    }

    /// Gives the slots that are free to the files that have the most left, again and again.
    pub(super) fn help(&mut self) {
        let Some(offers) = &self.round.shared.offers else {
            return;
        };
        let (most, now) = (offers.most(), Instant::now());
        let mut open = offers.open();
        loop {
            let left = |offer: &Arc<Offer>| offer.shares.longest(most, now);
            open.retain(|offer| left(offer).is_some());
            let Some(offer) = open.iter().max_by_key(|offer| left(offer)).cloned() else {
                return;
            };
            let slot_at = |place: usize| Some((place, self.round.shared.slots.try_acquire(&offer.places[place].host)?));
            let free = offer.in_turn().into_iter().find_map(slot_at);
            let given = free.and_then(|(place, slot)| Some((place, slot, offer.shares.cut(most, now)?)));
            let Some((place, slot, share)) = given else {
                // Its hosts have no room; another's may have.
                open.retain(|other| !Arc::ptr_eq(other, &offer));
                continue;
            };
            let (shared, stop) = (Arc::clone(&self.round.shared), self.round.stop.clone());
            self.helpers.spawn(help(shared, (offer, place), share, slot, stop));
        }
    }
}

async fn help(
    shared: Arc<Shared>,
    (offer, place): (Arc<Offer>, usize),
    share: (usize, std::ops::Range<u64>),
    slot: Slot,
    stop: Stop,
) {
    let (id, range) = share.clone();
    let host = &offer.places[place].host;
    let Some(Ok(slot)) = stop.or(shared.slots.in_step(slot, host)).await else {
        return offer.shares.end(id, range, 0, false);
    };
    let began = Instant::now();
    let helped = shared.tools.help((&offer, place), share, &stop).await;
    drop(slot);
    if let Err(error) = helped
        && error.is_push_back()
    {
        shared.slots.push_back(host, began, error.retry_after());
    }
}
