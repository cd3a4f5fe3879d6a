//! Shares as plain numbers: which is cut, which is taken back.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use super::Most;

/// A share that is not worth a request of its own, in bytes.
const SMALLEST: u64 = 8 << 20;
/// A share that will be done sooner than this is left alone.
const SOON: Duration = Duration::from_secs(2);
/// Where a file has mirrors, one of them may be slow. What would take it longer than this is not left alone, ...
const LONG: Duration = Duration::from_secs(10);
/// ... down to a share of so many bytes.
pub(super) const LAST: u64 = 1 << 20;
/// How long a share is watched before its speed is believed.
const LOOK: Duration = Duration::from_millis(50);
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) shares: Vec<Share>,
    pub(super) ids: usize,
    /// Ranges that are nobody's.
    pub(super) left: Vec<Range<u64>>,
    /// Written by helpers, and not heard of by the owner.
    pub(super) written: Vec<Range<u64>>,
    /// Body bytes that helpers received.
    pub(super) received: u64,
    pub(super) failures: u32,
    pub(super) has_mirrors: bool,
    pub(super) is_closed: bool,
    /// The record says that the bytes come in no order.
    pub(super) is_recorded: bool,
}

/// What one of them has to fetch.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) id: usize,
    pub(super) next: u64,
    pub(super) end: u64,
    /// Up to where its answer goes: the bytes from `end` on were cut off, and would come as well.
    pub(super) covers: u64,
    /// Its server has shown that it has these bytes. Until then, who comes to them first fetches them.
    pub(super) is_proven: bool,
    /// When it was last looked at, and where it was then.
    pub(super) seen: (Instant, u64),
    /// Bytes a second, as of the last look; at first as of the one it was cut from.
    pub(super) speed: Option<f64>,
}

impl Share {
    pub(super) fn left(&self) -> u64 {
        self.end - self.next
    }

    /// Tells how fast it is of late: what came at once, because it had waited somewhere, is soon forgotten.
    pub(super) fn look(&mut self, now: Instant) {
        let (at, next) = self.seen;
        let time = now.saturating_duration_since(at);
        if time >= LOOK && self.next > next {
            #[expect(clippy::cast_precision_loss, reason = "a speed need not be exact")]
            let speed = (self.next - next) as f64 / time.as_secs_f64();
            (self.speed, self.seen) = (Some(speed), (now, self.next));
        }
    }

    pub(super) fn is_worth_cutting(&self, most: Most, has_mirrors: bool) -> bool {
        let lasts = |time: Duration| {
            #[expect(clippy::cast_precision_loss, reason = "a time need not be exact")]
            let left = self.left() as f64;
            self.speed.is_some_and(|speed| left >= speed * time.as_secs_f64())
        };
        let is_large = self.left() >= 2 * SMALLEST && (most != Most::Useful || lasts(SOON));
        is_large || (has_mirrors && self.left() >= 2 * LAST && lasts(LONG))
    }
}

impl State {
    pub(super) fn look(&mut self, now: Instant) {
        for share in &mut self.shares {
            share.look(now);
        }
    }

    /// Takes back what was cut off, if nobody has shown yet that it can be had elsewhere, or nobody is at it any more.
    pub(super) fn takes_back(&mut self, share: &mut Share) -> bool {
        let is_left = |range: &Range<u64>| range.start == share.end && range.end <= share.covers;
        if let Some(at) = self.left.iter().position(is_left) {
            share.end = self.left.swap_remove(at).end;
            return true;
        }
        let is_behind = |other: &Share| other.next == share.end && other.end <= share.covers && !other.is_proven;
        let Some(at) = self.shares.iter().position(is_behind) else {
            return false;
        };
        share.end = self.shares.swap_remove(at).end;
        true
    }

    /// What is not fetched goes to the share that it was cut off from, if that is not past it; else it is nobody's.
    pub(super) fn give_back(&mut self, rest: Range<u64>) {
        let before = |share: &&mut Share| share.end == rest.start && share.covers >= rest.end && share.left() > 0;
        match self.shares.iter_mut().find(before) {
            _ if rest.is_empty() => {}
            Some(share) => share.end = rest.end,
            None => self.left.push(rest),
        }
    }

    pub(super) fn halve(&mut self, most: Most) -> Option<(Range<u64>, Option<f64>)> {
        let has_mirrors = self.has_mirrors;
        let shares = self.shares.iter_mut();
        let worth = shares.filter(|share| share.is_worth_cutting(most, has_mirrors));
        let share = worth.max_by_key(|share| share.left())?;
        let speed = share.speed;
        let middle = share.next + share.left() / 2;
        let range = middle..std::mem::replace(&mut share.end, middle);
        Some((range, speed))
    }
}
