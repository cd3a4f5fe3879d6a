//! Who fetches which bytes of a file that several fetch at once. Decisions over plain numbers; the time is passed in.
//!
//! The first share is that of the transfer itself, which owns the part and its record. The others are helpers': each was
//! cut off the end of the largest, and what of it was written is told here, for the owner to hear.

mod state;

use std::ops::Range;
use std::sync::Mutex;

use tokio::sync::Notify;
use tokio::time::Instant;

use self::state::{LAST, Share, State};
use crate::lock::lock;

/// The owner's share.
pub(crate) const OWNER: usize = 0;
/// Helpers of one file that may fail before it is left to its owner.
const FAILURES: u32 = 3;

/// Is an answer up to here worth it, to who asked for this range?
pub(crate) fn is_worth_it(range: &Range<u64>, end: u64) -> bool {
    end >= range.end || end - range.start >= LAST
}

/// How many may fetch one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Most {
    /// As many as are of use, by the time that is left.
    Useful,
    /// So many, as soon as the file is large enough.
    Exactly(usize),
}

/// The shares of one file.
#[derive(Debug)]
pub(crate) struct Shares {
    state: Mutex<State>,
    /// For the owner: a helper wrote, ended, or waits for the record.
    told: Notify,
    /// For helpers: the record is written, or they are to end.
    heard: Notify,
}

impl Shares {
    /// The owner fetches this range, and these are missing besides.
    pub(crate) fn new(own: Range<u64>, left: Vec<Range<u64>>, now: Instant) -> Self {
        let owner = Share {
            id: OWNER,
            next: own.start,
            end: own.end,
            covers: own.end,
            is_proven: true,
            seen: (now, own.start),
            speed: None,
        };
        Self {
            state: Mutex::new(State {
                shares: vec![owner],
                ids: 1,
                left,
                ..State::default()
            }),
            told: Notify::new(),
            heard: Notify::new(),
        }
    }

    /// The file can be had from several places.
    pub(crate) fn with_mirrors(self) -> Self {
        lock(&self.state).has_mirrors = true;
        self
    }

    /// Gives a share away: a range that nobody fetches, or the second half of the largest share, if it is worth that.
    pub(crate) fn cut(&self, most: Most, now: Instant) -> Option<(usize, Range<u64>)> {
        let mut state = lock(&self.state);
        let is_enough = matches!(most, Most::Exactly(n) if state.shares.len() >= n);
        if state.is_closed || state.failures >= FAILURES || is_enough {
            return None;
        }
        state.look(now);
        let (range, speed) = match state.left.pop() {
            Some(range) => (range, None),
            None => state.halve(most)?,
        };
        let id = state.ids;
        state.ids += 1;
        state.shares.push(Share {
            id,
            next: range.start,
            end: range.end,
            covers: range.end,
            is_proven: false,
            seen: (now, range.start),
            speed,
        });
        drop(state);
        // The owner writes the record.
        self.told.notify_one();
        Some((id, range))
    }

    /// Bytes that are still to come of the share that has the most, if it is worth cutting.
    pub(crate) fn longest(&self, most: Most, now: Instant) -> Option<u64> {
        let mut state = lock(&self.state);
        state.look(now);
        let has_mirrors = state.has_mirrors;
        let worth = state
            .shares
            .iter()
            .filter(|share| share.is_worth_cutting(most, has_mirrors));
        let longest = worth.map(Share::left).max();
        longest.or_else(|| state.left.iter().map(|range| range.end - range.start).max())
    }

    /// So many bytes came for a share. How many of them belong to it: the rest is somebody else's by now.
    pub(crate) fn take(&self, id: usize, came: u64) -> u64 {
        let mut state = lock(&self.state);
        let Some(share) = state.shares.iter().find(|share| share.id == id) else {
            return 0;
        };
        let mut share = share.clone();
        let mut taken = 0;
        loop {
            let some = (came - taken).min(share.left());
            share.next += some;
            taken += some;
            if share.left() > 0 || !state.takes_back(&mut share) {
                break;
            }
        }
        state
            .shares
            .iter_mut()
            .filter(|other| other.id == id)
            .for_each(|other| *other = share.clone());
        taken
    }

    /// The server of this share sends it, up to here; what is behind that is somebody else's. Is it still wanted?
    pub(crate) fn prove(&self, id: usize, end: u64) -> bool {
        let mut state = lock(&self.state);
        let Some(share) = state.shares.iter_mut().find(|share| share.id == id) else {
            return false;
        };
        share.is_proven = true;
        share.covers = share.covers.min(end);
        let rest = end..share.end;
        if !rest.is_empty() {
            share.end = end;
            state.give_back(rest);
            drop(state);
            self.told.notify_one();
        }
        true
    }

    /// Has all of a share come?
    pub(crate) fn is_done(&self, id: usize) -> bool {
        let state = lock(&self.state);
        let share = state.shares.iter().find(|share| share.id == id);
        share.is_none_or(|share| share.left() == 0)
    }

    /// A helper wrote this.
    pub(crate) fn wrote(&self, range: Range<u64>) {
        lock(&self.state).written.push(range);
        self.told.notify_one();
    }

    /// A helper ends. What it did not write is somebody else's.
    pub(crate) fn end(&self, id: usize, rest: Range<u64>, received: u64, has_failed: bool) {
        let mut state = lock(&self.state);
        if let Some(at) = state.shares.iter().position(|share| share.id == id) {
            let end = state.shares.swap_remove(at).end;
            state.give_back(rest.start..end);
        }
        state.received += received;
        state.failures += u32::from(has_failed);
        drop(state);
        self.told.notify_one();
    }

    /// What helpers wrote since the last time.
    pub(crate) fn heard(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut lock(&self.state).written)
    }

    /// Body bytes that helpers received since the last time.
    pub(crate) fn received(&self) -> u64 {
        std::mem::take(&mut lock(&self.state).received)
    }

    /// Does a helper wait for the record?
    pub(crate) fn wants_record(&self) -> bool {
        let state = lock(&self.state);
        !state.is_recorded && state.ids > 1
    }

    /// The record says that bytes come in no order.
    pub(crate) fn set_recorded(&self) {
        lock(&self.state).is_recorded = true;
        self.heard.notify_waiters();
    }

    /// Waits until a helper may write; `false` when it is to end instead.
    pub(crate) async fn may_write(&self) -> bool {
        loop {
            let heard = self.heard.notified();
            {
                let state = lock(&self.state);
                if state.is_closed || state.is_recorded {
                    return !state.is_closed;
                }
            }
            heard.await;
        }
    }

    /// Helpers are to end, and none may begin.
    pub(crate) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.heard.notify_waiters();
    }

    fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    /// Closes, if nobody else is at it.
    pub(crate) fn close_if_alone(&self) -> bool {
        let mut state = lock(&self.state);
        let is_alone = state.shares.iter().all(|share| share.id == OWNER);
        state.is_closed |= is_alone;
        is_alone
    }

    /// Waits until helpers are to end.
    pub(crate) async fn closing(&self) {
        loop {
            let heard = self.heard.notified();
            if self.is_closed() {
                return;
            }
            heard.await;
        }
    }

    /// The owner fetches nothing any more: what it did not come to is somebody else's.
    pub(crate) fn end_owner(&self) {
        let mut state = lock(&self.state);
        if let Some(at) = state.shares.iter().position(|share| share.id == OWNER) {
            let share = state.shares.swap_remove(at);
            state.left.extend((share.left() > 0).then_some(share.next..share.end));
        }
    }

    /// Waits for news from helpers.
    pub(crate) async fn news(&self) {
        self.told.notified().await;
    }
}

#[cfg(test)]
mod tests;
