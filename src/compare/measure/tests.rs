use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn level(jobs: usize, walls: &[u64]) -> Level {
    let runs = walls.iter().map(|wall| {
        let summary = Summary {
            wall: ms(*wall),
            received: 1 << 20,
            ..Summary::default()
        };
        Run {
            summary,
            ..Run::default()
        }
    });
    Level {
        jobs: NonZeroUsize::new(jobs).unwrap(),
        runs: runs.collect(),
    }
}

#[test]
fn statistics_of_times_are_those_of_the_textbook() {
    for (times, mean, stddev, median, min, max) in [
        (&[1000][..], 1000, None, 1000, 1000, 1000),
        (&[3000, 1000], 2000, Some(1_414), 2000, 1000, 3000),
        (&[9, 2, 4, 4, 4, 5, 5, 7], 5, Some(2), 4, 2, 9),
        (&[5000, 1000, 3000], 3000, Some(2000), 3000, 1000, 5000),
        (&[7, 7, 7], 7, Some(0), 7, 7, 7),
    ] {
        let times: Vec<_> = times.iter().copied().map(ms).collect();
        let stats = Stats::of(&times).unwrap();
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap();
        assert_eq!(whole(stats.mean), mean);
        assert_eq!(stats.stddev.map(whole), stddev);
        assert_eq!(whole(stats.median), median);
        assert_eq!((stats.min, stats.max), (ms(min), ms(max)));
    }
    assert_eq!(Stats::of(&[]), None);
}

#[test]
fn speed_up_and_efficiency_are_relative_to_the_first_level() {
    for (levels, expected) in [
        (vec![level(1, &[8000]), level(16, &[1000])], (8.0, 0.5)),
        (vec![level(4, &[2000]), level(16, &[1000])], (2.0, 0.5)),
        (vec![level(16, &[1000]), level(1, &[8000])], (0.125, 2.0)),
        (vec![level(1, &[3000, 5000]), level(2, &[2000, 2000])], (2.0, 1.0)),
    ] {
        let comparison = Comparison { levels, stopped: false };
        let last = comparison.levels.last().unwrap();
        let close = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-9;
        assert!(close(comparison.speed_up(last), expected.0));
        assert!(close(comparison.efficiency(last), expected.1));
    }
}

#[test]
fn a_level_without_a_run_says_nothing() {
    let comparison = Comparison {
        levels: vec![level(1, &[8000]), level(16, &[])],
        stopped: true,
    };
    assert_eq!(comparison.best(), Some(0));
    assert_eq!(comparison.speed_up(&comparison.levels[1]), None);
    assert_eq!(comparison.efficiency(&comparison.levels[1]), None);
    assert!(!comparison.is_complete());
}

#[test]
fn a_run_that_was_stopped_and_a_warm_up_do_not_count() {
    let mut comparison = Comparison::of(&[NonZeroUsize::MIN]);
    let round = |turn| Round {
        level: 0,
        jobs: NonZeroUsize::MIN,
        turn,
    };
    comparison.add(&round(Turn::Warmup(1)), Run::default());
    comparison.add(&round(Turn::Measured(1)), Run::default());
    let mut stopped = Run::default();
    stopped.summary.stopped = true;
    comparison.add(&round(Turn::Measured(2)), stopped);
    assert_eq!(comparison.levels[0].runs.len(), 1);
    assert!(comparison.stopped);
}

#[test]
fn runs_fail_alike_when_the_same_entries_fail_in_any_order() {
    for (a, b, alike) in [
        (&[][..], &[][..], true),
        (&[3, 17], &[17, 3], true),
        (&[3], &[4], false),
        (&[3], &[3, 4], false),
        (&[1, 4], &[2, 3], false),
    ] {
        let run = |ids: &[u64]| {
            let mut run = Run::default();
            run.summary.failed = ids.len() as u64;
            run.failed_ids = ids.iter().fold(0, |sum, id| sum.wrapping_add(scattered(JobId(*id))));
            run
        };
        let level = |ids| Level {
            jobs: NonZeroUsize::MIN,
            runs: vec![run(ids)],
        };
        let comparison = Comparison {
            levels: vec![level(a), level(b)],
            stopped: false,
        };
        assert_eq!(comparison.fails_alike(), alike, "{a:?} {b:?}");
    }
}
