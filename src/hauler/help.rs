//! Slots that nobody needs help with the largest files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::run::Run;
use crate::job::HostKey;
use crate::lock::lock;
use crate::settings::Split;
use crate::slots::{self, Slot};
use crate::stop::Stop;
use crate::transfer::{Most, Offer, Offers};

/// How often to look whether there is something to help with.
const LOOK: Duration = Duration::from_millis(50);

/// How long a host that refused a helper, and did not say for how long, is asked by none.
const MOMENT: Duration = Duration::from_secs(1);

/// Hosts that refused helpers, and until when none asks them again. What they say of one request too many says nothing
/// of the files that they send anyway.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<HostKey, Instant>>);

impl Refusals {
    /// The host refused a helper, and asks for so long a wait.
    fn note(&self, host: &HostKey, asked: Option<Duration>, now: Instant) {
        let wait = asked.filter(|wait| !wait.is_zero()).unwrap_or(MOMENT);
        let until = slots::after(now, wait);
        let mut refusals = lock(&self.0);
        refusals.retain(|_, until| *until > now);
        let longest = refusals.entry(host.clone()).or_insert(until);
        *longest = until.max(*longest);
    }

    /// Is it left alone?
    fn hold(&self, host: &HostKey, now: Instant) -> bool {
        lock(&self.0).get(host).is_some_and(|until| *until > now)
    }
}

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
            let free = offer.in_turn().into_iter().find_map(|place| {
                let (host, shared) = (&offer.places[place].host, &self.round.shared);
                let is_open = !shared.refusals.hold(host, now);
                Some((place, is_open.then(|| shared.slots.try_acquire(host))??))
            });
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
    let helped = shared.tools.help((&offer, place), share, &stop).await;
    if let Err(error) = helped
        && error.is_push_back()
    {
        shared.refusals.note(host, error.retry_after(), Instant::now());
    }
    drop(slot);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_refuses_helpers_is_asked_by_none_for_as_long_as_it_says_or_a_moment() {
        let [host, other] = ["h", "i"].map(|host| HostKey::of(&format!("http://{host}/").parse().unwrap()));
        for (asked, seconds) in [(None, 1), (Some(0), 1), (Some(7), 7)] {
            let (refusals, now) = (Refusals::default(), Instant::now());
            refusals.note(&host, asked.map(Duration::from_secs), now);
            // A shorter wait that is asked for meanwhile changes nothing.
            refusals.note(&host, None, now);
            let holds = |host, after| refusals.hold(host, now + Duration::from_millis(after));
            let ends = seconds * 1000;
            assert_eq!([holds(&host, ends - 1), holds(&host, ends)], [true, false], "{asked:?}");
            assert!(!holds(&other, 0));
        }
    }
}
