use super::*;
use crate::report::Summary;
use std::num::NonZeroUsize;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A run: wall-clock time, a usual file and the longest one in milliseconds, and failures.
fn run(wall: u64, usual: u64, longest: u64, failed: u64) -> Run {
    let mut run = Run::default();
    run.summary = Summary {
        total: 40,
        downloaded: 40 - failed,
        failed,
        received: 30_829_184,
        wall: ms(wall),
        longest: ms(longest),
        ..Summary::default()
    };
    for time in [usual, usual, usual, longest] {
        run.files.add(ms(time));
    }
    run
}

fn levels(levels: Vec<(usize, Vec<Run>)>) -> Comparison {
    let levels = levels.into_iter().map(|(jobs, runs)| Level {
        jobs: NonZeroUsize::new(jobs).unwrap(),
        runs,
    });
    Comparison {
        levels: levels.collect(),
        stopped: false,
    }
}

fn drawn() -> Comparison {
    levels(vec![
        (1, vec![run(76_400, 1510, 12_700, 0)]),
        (4, vec![run(20_900, 1520, 12_800, 0)]),
        (16, vec![run(13_200, 1550, 12_900, 0)]),
    ])
}

fn repeated() -> Comparison {
    levels(vec![
        (1, vec![run(76_400, 1510, 12_700, 0), run(76_000, 1510, 12_700, 0)]),
        (16, vec![run(13_200, 1550, 12_900, 0), run(14_200, 1550, 13_000, 0)]),
    ])
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap()
}

#[test]
fn a_comparison_is_shown_as_drawn() {
    insta::assert_snapshot!(render(&drawn(), 100, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 4, 16 jobs

       jobs      wall       speed  speed-up  efficiency   p50 file  max file  failed
          1    76.4 s   394 KiB/s     1.00x       100 %     1.51 s    12.7 s       0
          4    20.9 s  1.41 MiB/s     3.66x        91 %     1.52 s    12.8 s       0
         16    13.2 s  2.23 MiB/s     5.79x        36 %     1.55 s    12.9 s       0

       1  ████████████████████████████████████████  76.4 s
       4  ███████████                               20.9 s
      16  ███████                                   13.2 s   bound by its longest file (12.9 s)
    ");
}

#[test]
fn eighty_columns_have_room_for_the_whole_table() {
    insta::assert_snapshot!(render(&drawn(), 80, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 4, 16 jobs

       jobs      wall       speed  speed-up  efficiency   p50 file  max file  failed
          1    76.4 s   394 KiB/s     1.00x       100 %     1.51 s    12.7 s       0
          4    20.9 s  1.41 MiB/s     3.66x        91 %     1.52 s    12.8 s       0
         16    13.2 s  2.23 MiB/s     5.79x        36 %     1.55 s    12.9 s       0

       1  █████████████████████████████  76.4 s
       4  ████████                       20.9 s
      16  █████                          13.2 s   bound by its longest file (12.9 s)
    ");
}

#[test]
fn sixty_columns_have_room_for_what_matters() {
    insta::assert_snapshot!(render(&drawn(), 60, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 4, 16
    jobs

       jobs      wall       speed  speed-up  efficiency  failed
          1    76.4 s   394 KiB/s     1.00x       100 %       0
          4    20.9 s  1.41 MiB/s     3.66x        91 %       0
         16    13.2 s  2.23 MiB/s     5.79x        36 %       0

       1  ████████████████████████████████████████  76.4 s
       4  ███████████                               20.9 s
      16  ███████                                   13.2 s
          bound by its longest file (12.9 s)
    ");
}

#[test]
fn repeated_runs_show_their_spread() {
    insta::assert_snapshot!(render(&repeated(), 100, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 16 jobs

       jobs         mean ± σ        [min … max]       speed  speed-up  efficiency  max file  failed
          1  76.2 s ± 0.28 s  [76.0 s … 76.4 s]   395 KiB/s     1.00x       100 %    12.7 s       0
         16  13.7 s ± 0.71 s  [13.2 s … 14.2 s]  2.15 MiB/s     5.56x        35 %    13.0 s       0

       1  ████████████████████████████████████████  76.2 s
      16  ███████                                   13.7 s   bound by its longest file (12.9 s)
    ");
}

#[test]
fn the_spread_goes_before_the_failures_do() {
    insta::assert_snapshot!(render(&repeated(), 80, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 16 jobs

       jobs         mean ± σ        [min … max]  speed-up  efficiency  failed
          1  76.2 s ± 0.28 s  [76.0 s … 76.4 s]     1.00x       100 %       0
         16  13.7 s ± 0.71 s  [13.2 s … 14.2 s]     5.56x        35 %       0

       1  █████████████████████████████  76.2 s
      16  █████                          13.7 s   bound by its longest file (12.9 s)
    ");
    insta::assert_snapshot!(render(&repeated(), 60, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 16 jobs

       jobs         mean ± σ  speed-up  efficiency  failed
          1  76.2 s ± 0.28 s     1.00x       100 %       0
         16  13.7 s ± 0.71 s     5.56x        35 %       0

       1  ████████████████████████████████████████  76.2 s
      16  ███████                                   13.7 s
          bound by its longest file (12.9 s)
    ");
}

#[test]
fn what_differs_and_what_is_missing_is_said() {
    let mut comparison = levels(vec![
        (1, vec![run(9_000, 200, 300, 0)]),
        (8, vec![run(2_000, 200, 300, 3)]),
        (64, vec![]),
    ]);
    comparison.stopped = true;
    insta::assert_snapshot!(render(&comparison, 80, false), @r"
    Comparing 40 files, 29.4 MiB, in fresh folders: 1, 8, 64 jobs

       jobs      wall       speed  speed-up  efficiency   p50 file  max file  failed
          1    9.00 s  3.27 MiB/s     1.00x       100 %     200 ms    300 ms       0
          8    2.00 s  14.7 MiB/s     4.50x        56 %     200 ms    300 ms       3
         64        --          --        --          --         --        --      --

       1  ██████████████████████████████  9.00 s
       8  ███████                         2.00 s   still growing: more jobs may help

    warning: stopped before its end: 2 of 3 levels measured
    warning: not the same entries failed in every run, so the levels did not do the
    same work
    ");
}

#[test]
fn no_line_is_wider_than_the_screen() {
    for comparison in [drawn(), repeated()] {
        for columns in [100, 99, 80, 79, 72, 60, 59, 50, 40] {
            let text = render(&comparison, columns, false);
            assert!(widest(&text) <= columns, "{columns}\n{text}");
        }
    }
}

#[test]
fn colours_change_nothing_but_the_colours() {
    for columns in [100, 60] {
        let plain = render(&drawn(), columns, false);
        let mut coloured = render(&drawn(), columns, true);
        assert!(coloured.contains("\x1b[32m"));
        for code in ["0", "1", "31", "32", "33"] {
            coloured = coloured.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(coloured, plain);
    }
}

#[test]
fn nothing_measured_is_nothing_shown_but_why() {
    let mut comparison = levels(vec![(1, vec![]), (16, vec![])]);
    comparison.stopped = true;
    insta::assert_snapshot!(render(&comparison, 80, false), @r"
    warning: stopped before its end: 0 of 2 levels measured
    ");
}

#[test]
fn a_run_is_a_line() {
    let round = |jobs, turn| Round {
        level: 0,
        jobs: NonZeroUsize::new(jobs).unwrap(),
        turn,
    };
    for (round, runs, failed, expected) in [
        (round(1, Turn::Measured(1)), 1, 0, "1 job: 13.2 s, 2.23 MiB/s"),
        (
            round(16, Turn::Measured(2)),
            3,
            2,
            "16 jobs (run 2 of 3): 13.2 s, 2.23 MiB/s, 2 failed",
        ),
        (
            round(16, Turn::Warmup(1)),
            3,
            0,
            "16 jobs (warm-up 1): 13.2 s, 2.23 MiB/s",
        ),
    ] {
        assert_eq!(progress(&round, runs, &run(13_200, 100, 100, failed)), expected);
    }
}

#[tokio::test]
async fn a_view_has_left_the_screen_before_the_line_is_said() {
    use std::sync::{Arc, Mutex};
    let log = Arc::new(Mutex::new(Vec::new()));
    let plan = Plan {
        runs: NonZeroUsize::new(2).unwrap(),
        ..Plan::once(vec![NonZeroUsize::MIN])
    };
    let (opened, said) = (Arc::clone(&log), Arc::clone(&log));
    let open = move |round: &Round| {
        opened.lock().unwrap().push(format!("open {}", round.jobs));
        let log = Arc::clone(&opened);
        View {
            events: Events::none(),
            finish: Box::new(move || log.lock().unwrap().push("left".into())),
        }
    };
    let mut views = Views::new(&plan, open, move |line| said.lock().unwrap().push(line.to_owned()));
    let round = Round {
        level: 0,
        jobs: NonZeroUsize::MIN,
        turn: Turn::Measured(2),
    };
    drop(views.begin(&round));
    views.end(&round, Path::new("."), &run(1500, 1, 1, 0)).await;
    assert_eq!(
        *log.lock().unwrap(),
        ["open 1", "left", "1 job (run 2 of 2): 1.50 s, 19.6 MiB/s"]
    );
}
