//! Who fetches which bytes of a file that several fetch at once. Decisions over plain numbers; the time is passed in.
//!
//! The first share is that of the transfer itself, which owns the part and its record. The others are helpers': each was
//! cut off the end of the largest, and what of it was written is told here, for the owner to hear.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::lock::lock;

/// The owner's share.
pub(crate) const OWNER: usize = 0;
/// A share that is not worth a request of its own, in bytes.
const SMALLEST: u64 = 8 << 20;
/// A share that will be done sooner than this is left alone.
const SOON: Duration = Duration::from_secs(2);
/// Where a file has mirrors, one of them may be slow. What would take it longer than this is not left alone, ...
const LONG: Duration = Duration::from_secs(10);
/// ... down to a share of so many bytes.
const LAST: u64 = 1 << 20;
/// How long a share is watched before its speed is believed.
const LOOK: Duration = Duration::from_millis(50);
/// Helpers of one file that may fail before it is left to its owner.
const FAILURES: u32 = 3;

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

#[derive(Debug, Default)]
struct State {
    shares: Vec<Share>,
    ids: usize,
    /// Ranges that are nobody's.
    left: Vec<Range<u64>>,
    /// Written by helpers, and not heard of by the owner.
    written: Vec<Range<u64>>,
    /// Body bytes that helpers received.
    received: u64,
    failures: u32,
    has_mirrors: bool,
    is_closed: bool,
    /// The record says that the bytes come in no order.
    is_recorded: bool,
}

/// What one of them has to fetch.
#[derive(Debug, Clone)]
struct Share {
    id: usize,
    next: u64,
    end: u64,
    /// Up to where its answer goes: the bytes from `end` on were cut off, and would come as well.
    covers: u64,
    /// Its server has shown that it has these bytes. Until then, who comes to them first fetches them.
    is_proven: bool,
    /// When it was last looked at, and where it was then.
    seen: (Instant, u64),
    /// Bytes a second, as of the last look; at first as of the one it was cut from.
    speed: Option<f64>,
}

impl Share {
    fn left(&self) -> u64 {
        self.end - self.next
    }

    /// Tells how fast it is of late: what came at once, because it had waited somewhere, is soon forgotten.
    fn look(&mut self, now: Instant) {
        let (at, next) = self.seen;
        let time = now.saturating_duration_since(at);
        if time >= LOOK && self.next > next {
            #[expect(clippy::cast_precision_loss, reason = "a speed need not be exact")]
            let speed = (self.next - next) as f64 / time.as_secs_f64();
            (self.speed, self.seen) = (Some(speed), (now, self.next));
        }
    }

    fn is_worth_cutting(&self, most: Most, has_mirrors: bool) -> bool {
        let lasts = |time: Duration| {
            #[expect(clippy::cast_precision_loss, reason = "a time need not be exact")]
            let left = self.left() as f64;
            self.speed.is_some_and(|speed| left >= speed * time.as_secs_f64())
        };
        let is_large = self.left() >= 2 * SMALLEST && (most != Most::Useful || lasts(SOON));
        is_large || (has_mirrors && self.left() >= 2 * LAST && lasts(LONG))
    }
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

    /// The server of this share has it. Is it still wanted?
    pub(crate) fn prove(&self, id: usize) -> bool {
        let mut state = lock(&self.state);
        let share = state.shares.iter_mut().find(|share| share.id == id);
        share.map(|share| share.is_proven = true).is_some()
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

impl State {
    fn look(&mut self, now: Instant) {
        for share in &mut self.shares {
            share.look(now);
        }
    }

    /// Takes back what was cut off, if nobody has shown yet that it can be had elsewhere, or nobody is at it any more.
    fn takes_back(&mut self, share: &mut Share) -> bool {
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
    fn give_back(&mut self, rest: Range<u64>) {
        let before = |share: &&mut Share| share.end == rest.start && share.covers >= rest.end && share.left() > 0;
        match self.shares.iter_mut().find(before) {
            _ if rest.is_empty() => {}
            Some(share) => share.end = rest.end,
            None => self.left.push(rest),
        }
    }

    fn halve(&mut self, most: Most) -> Option<(Range<u64>, Option<f64>)> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn who_fetches_the_whole_file_gets_to_its_end_in_whichever_order_helpers_are_refused() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let now = Instant::now();
            let shares = Shares::new(0..400 * MIB, Vec::new(), now);
            let given: Vec<_> = (0..3).filter_map(|_| shares.cut(Most::Exactly(4), now)).collect();
            assert_eq!(given.len(), 3);
            for (id, range) in order.map(|n| given[n].clone()) {
                shares.end(id, range, 0, true);
            }
            assert_eq!(shares.take(OWNER, 400 * MIB), 400 * MIB, "{order:?}");
            assert!(shares.is_done(OWNER));
        }
    }

    #[test]
    fn only_what_lasts_is_cut() {
        let since = Instant::now();
        let at = |ms| since + Duration::from_millis(ms);
        for (size, came, ms, most, cut) in [
            // 20 MiB/s, 380 MiB to go.
            (400, 20, 1000, Most::Useful, Some(210)),
            // Too little is left of it, in bytes or in time.
            (30, 20, 1000, Most::Useful, None),
            (400, 200, 1000, Most::Useful, None),
            // Nobody knows yet.
            (400, 20, 49, Most::Useful, None),
            (400, 0, 1000, Most::Useful, None),
            // Asked for.
            (400, 0, 0, Most::Exactly(2), Some(200)),
            (400, 0, 0, Most::Exactly(1), None),
            (15, 0, 0, Most::Exactly(9), None),
        ] {
            let shares = Shares::new(0..size * MIB, Vec::new(), since);
            assert_eq!(shares.take(OWNER, came * MIB), came * MIB);
            let given = shares.cut(most, at(ms)).map(|(_, range)| range);
            assert_eq!(
                given,
                cut.map(|from| from * MIB..size * MIB),
                "{size} {came} {ms} {most:?}"
            );
        }
    }

    #[test]
    fn a_slow_source_keeps_little_where_there_are_others() {
        let since = Instant::now();
        let at = |ms| since + Duration::from_millis(ms);
        // A mebibyte a second of twelve.
        let alone = Shares::new(0..12 * MIB, Vec::new(), since);
        let helped = Shares::new(0..12 * MIB, Vec::new(), since).with_mirrors();
        for shares in [&alone, &helped] {
            shares.take(OWNER, MIB);
        }
        assert_eq!(alone.cut(Most::Useful, at(1000)), None);
        let (_, range) = helped.cut(Most::Useful, at(1000)).unwrap();
        assert_eq!(range.end, 12 * MIB);
        assert_eq!(helped.cut(Most::Useful, at(1000)), None, "soon done by now");
    }

    #[test]
    fn what_was_cut_off_is_not_the_owner_s_and_what_is_left_goes_first() {
        let now = Instant::now();
        let rest = std::iter::once(200 * MIB..201 * MIB).collect();
        let shares = Shares::new(0..100 * MIB, rest, now);
        let later = now + Duration::from_secs(1);
        shares.take(OWNER, MIB);
        assert_eq!(shares.cut(Most::Useful, later), Some((1, 200 * MIB..201 * MIB)));
        let (id, range) = shares.cut(Most::Useful, later).unwrap();
        assert_eq!((id, range.end), (2, 100 * MIB));
        assert!(shares.prove(1) && shares.prove(id));
        let own = range.start - MIB;
        assert_eq!(shares.take(OWNER, 100 * MIB), own);
        assert!(shares.is_done(OWNER) && !shares.is_done(id));
        // A helper that fails leaves what it did not write.
        assert_eq!(shares.take(id, 5), 5);
        shares.end(id, range.start + 3..range.end, 5, true);
        assert_eq!(shares.received(), 5);
        let rest = range.start + 3..100 * MIB;
        assert_eq!(shares.cut(Most::Useful, later), Some((3, rest.clone())));
        // To the one it was cut off from, where its answer still comes to it.
        let (_, half) = shares.cut(Most::Exactly(9), later).unwrap();
        shares.end(4, half, 0, true);
        let state = lock(&shares.state);
        let is_whole = |share: &Share| share.id == 3 && share.end == rest.end;
        assert!(state.left.is_empty() && state.shares.iter().any(is_whole));
        drop(state);
        assert!(!shares.close_if_alone());
        shares.close();
        assert_eq!(shares.cut(Most::Useful, later), None);
    }

    #[test]
    fn what_nobody_has_proven_goes_to_who_comes_to_it_first() {
        let now = Instant::now();
        let shares = Shares::new(0..100 * MIB, Vec::new(), now);
        let (first, _) = shares.cut(Most::Exactly(9), now).unwrap();
        let (second, range) = shares.cut(Most::Exactly(9), now).unwrap();
        assert!(shares.prove(second));
        assert_eq!(
            shares.take(OWNER, 90 * MIB),
            if range.start < 50 * MIB { 25 } else { 75 } * MIB
        );
        assert!(shares.is_done(OWNER));
        assert_eq!(shares.prove(first), range.start < 50 * MIB);
        let alone = Shares::new(0..100 * MIB, Vec::new(), now);
        let (helper, _) = alone.cut(Most::Exactly(9), now).unwrap();
        assert_eq!((alone.take(OWNER, 100 * MIB), alone.is_done(OWNER)), (100 * MIB, true));
        assert!(!alone.prove(helper));
    }

    #[test]
    fn a_file_whose_helpers_fail_is_left_to_its_owner() {
        let now = Instant::now();
        let shares = Shares::new(0..1000 * MIB, Vec::new(), now);
        for _ in 0..FAILURES {
            let (id, range) = shares.cut(Most::Exactly(9), now).unwrap();
            shares.end(id, range, 0, true);
        }
        assert_eq!(shares.cut(Most::Exactly(9), now), None);
    }

    /// One connection after the other gets a slot each time one is free, as in a run; each has so many bytes a second.
    async fn fetched_by(slots: usize, size: u64, speed: u64) -> Duration {
        const TICK: Duration = Duration::from_millis(20);
        let since = Instant::now();
        let shares = Shares::new(0..size, Vec::new(), since);
        let mut at_work = vec![OWNER];
        while !at_work.is_empty() {
            tokio::time::sleep(TICK).await;
            at_work.retain(|&id| {
                shares.take(id, speed / 50);
                let is_done = shares.is_done(id);
                if is_done && id != OWNER {
                    shares.end(id, u64::MAX..u64::MAX, 0, false);
                } else if is_done {
                    shares.end_owner();
                }
                !is_done
            });
            while at_work.len() < slots
                && let Some((id, _)) = shares.cut(Most::Useful, Instant::now())
            {
                assert!(shares.prove(id));
                at_work.push(id);
            }
        }
        since.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn idle_slots_share_the_work_that_is_left() {
        for (slots, size, speed, most) in [
            // 20 s of work for one; sixteen need 1.25 s, and some time to see how fast it goes.
            (16, 400 * MIB, 20 * MIB, 1.6),
            (4, 400 * MIB, 20 * MIB, 5.5),
            (1, 400 * MIB, 20 * MIB, 20.1),
            // Not worth it.
            (16, 15 * MIB, MIB, 15.1),
            (16, 400 * MIB, 300 * MIB, 1.4),
        ] {
            let time = fetched_by(slots, size, speed).await.as_secs_f64();
            assert!(time <= most, "{slots} x {speed} for {size}: {time} s");
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_somebody_s_and_only_one_s(steps in proptest::collection::vec((0_usize..4, 0_u64..40), 0..60)) {
            let now = Instant::now();
            let shares = Shares::new(0..500 * MIB, Vec::new(), now);
            let mut helpers: Vec<(usize, u64)> = Vec::new();
            let mut written = vec![(0, 0)];
            for (what, n) in steps {
                match what {
                    0 => if let Some((id, range)) = shares.cut(Most::Exactly(9), now) {
                        // Not everybody answers in time.
                        if n > 9 {
                            prop_assert!(shares.prove(id));
                            helpers.push((id, range.start));
                        }
                    },
                    1 => {
                        let taken = shares.take(OWNER, n * MIB);
                        written[0].1 += taken;
                    }
                    2 => if let Some((id, at)) = helpers.first_mut() {
                        let taken = shares.take(*id, n * MIB);
                        written.push((*at, *at + taken));
                        *at += taken;
                    },
                    _ => if !helpers.is_empty() {
                        let (id, at) = helpers.swap_remove(0);
                        shares.end(id, at..at, 0, n == 0);
                    },
                }
            }
            let state = lock(&shares.state);
            let to_come = state.shares.iter().map(|share| (share.next, share.end));
            let left = state.left.iter().map(|range| (range.start, range.end));
            let mut all: Vec<_> = written.into_iter().chain(to_come).chain(left).filter(|(a, b)| a < b).collect();
            all.sort_unstable();
            let mut at = 0;
            for (start, end) in all {
                prop_assert_eq!(start, at);
                at = end;
            }
            prop_assert_eq!(at, 500 * MIB);
        }
    }
}
