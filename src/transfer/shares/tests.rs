use proptest::prelude::*;

use std::time::Duration;

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
    assert!(shares.prove(1, 201 * MIB) && shares.prove(id, range.end));
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
    let (first, half) = shares.cut(Most::Exactly(9), now).unwrap();
    let (second, range) = shares.cut(Most::Exactly(9), now).unwrap();
    assert!(shares.prove(second, range.end));
    assert_eq!(
        shares.take(OWNER, 90 * MIB),
        if range.start < 50 * MIB { 25 } else { 75 } * MIB
    );
    assert!(shares.is_done(OWNER));
    assert_eq!(shares.prove(first, half.end), range.start < 50 * MIB);
    let alone = Shares::new(0..100 * MIB, Vec::new(), now);
    let (helper, half) = alone.cut(Most::Exactly(9), now).unwrap();
    assert_eq!((alone.take(OWNER, 100 * MIB), alone.is_done(OWNER)), (100 * MIB, true));
    assert!(!alone.prove(helper, half.end));
}

#[test]
fn who_gets_less_than_was_asked_for_has_the_rest_no_longer() {
    let now = Instant::now();
    let shares = Shares::new(0..100 * MIB, Vec::new(), now);
    let (id, range) = shares.cut(Most::Exactly(9), now).unwrap();
    assert_eq!(range, 50 * MIB..100 * MIB);
    assert!(shares.prove(id, 60 * MIB));
    assert_eq!((shares.take(id, 20 * MIB), shares.is_done(id)), (10 * MIB, true));
    assert_eq!(shares.cut(Most::Exactly(9), now), Some((2, 60 * MIB..100 * MIB)));
}

#[test]
fn less_than_was_asked_for_is_worth_it_from_a_mebibyte_on() {
    for (end, is_worth) in [(1, false), (MIB - 1, false), (MIB, true), (9 * MIB, true)] {
        assert_eq!(is_worth_it(&(0..9 * MIB), end), is_worth, "{end}");
    }
    assert!(is_worth_it(&(0..5), 5));
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
            && let Some((id, range)) = shares.cut(Most::Useful, Instant::now())
        {
            assert!(shares.prove(id, range.end));
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
                    // Not everybody answers in time, and not with all that was asked for.
                    if n > 9 {
                        let end = if n > 29 { range.end } else { range.end.min(range.start + n * MIB) };
                        prop_assert!(shares.prove(id, end));
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
