use std::time::Duration;

use super::*;
use crate::cli::view::fixture::{MIB, downloaded, failed, row, status, summed};
use crate::error::LineError;
use crate::report::{Outcome, Source};

const LOG: Style<'_> = Style {
    columns: None,
    colour: false,
    repeatable: true,
    failed_list: None,
};

fn at(columns: usize) -> Style<'static> {
    Style {
        columns: Some(columns),
        ..LOG
    }
}

fn forty(stopped: bool) -> Summary {
    let mut rows = Vec::new();
    for id in 1..=34 {
        let mut row = downloaded(id, "x.bin", 906_000);
        row.busy = Duration::from_millis(3400);
        row.tries = if id <= 3 { 2 } else { 1 };
        rows.push(row);
    }
    rows.push(row(35, "y.bin", Outcome::AlreadyThere));
    rows.push(row(36, "z.bin", Outcome::Duplicate));
    rows.push(failed(12, "missing.bin", 1, status(404)));
    rows.push(failed(
        17,
        "a/rather/long/path/to/a/file/that/is/broken.bin",
        6,
        status(500),
    ));
    rows.push(failed(
        23,
        "truncated.bin",
        6,
        TransferError::ShortBody {
            got: 60 << 10,
            of: Some(500 << 10),
        },
    ));
    let mut bad = failed(31, "x", 0, TransferError::Line(LineError::NoUrl));
    bad.source = Source::Line("not a \u{1b}[31murl".into());
    rows.push(bad);
    if stopped {
        for id in 41..=44 {
            rows.push(failed(id, "cut.bin", 1, TransferError::Cancelled));
        }
    }
    summed(&rows, Duration::from_millis(18_100), stopped)
}

fn many() -> Summary {
    let mut rows = vec![downloaded(1, "x.bin", MIB)];
    rows.extend((2..=1205).map(|id| failed(id, "y.bin", 1, status(404))));
    rows.extend((1206..=1240).map(|id| failed(id, "y.bin", 6, status(503))));
    rows.extend((1..=12).map(|id| failed(id, "y.bin", 1, status(400 + 5 + id as u16))));
    summed(&rows, Duration::from_secs(245), false)
}

#[test]
fn a_run_with_few_failures_names_each() {
    insta::assert_snapshot!(summary(&forty(false), &at(100)), @"");
    insta::assert_snapshot!(summary(&forty(false), &at(80)), @"");
    insta::assert_snapshot!(summary(&forty(false), &at(60)), @"");
    insta::assert_snapshot!(summary(&forty(false), &at(40)), @"");
}

#[test]
fn a_run_with_many_failures_counts_them_by_reason_and_host() {
    insta::assert_snapshot!(summary(&many(), &at(100)), @"");
    insta::assert_snapshot!(summary(&many(), &LOG), @"");
}

#[test]
fn a_log_gets_the_same_facts_and_ends_with_the_verdict() {
    insta::assert_snapshot!(summary(&forty(false), &LOG), @"");
}

#[test]
fn a_stopped_run_says_what_it_kept() {
    let style = Style {
        failed_list: Some("left.txt"),
        ..at(100)
    };
    insta::assert_snapshot!(summary(&forty(true), &style), @"");
    insta::assert_snapshot!(summary(&forty(true), &LOG), @"");
}

#[test]
fn a_run_without_failures_is_short() {
    let rows = [downloaded(1, "x.bin", 3 * MIB)];
    let run = summed(&rows, Duration::from_millis(2100), false);
    insta::assert_snapshot!(summary(&run, &at(80)), @"");
    insta::assert_snapshot!(summary(&run, &LOG), @"");
    let rows = [
        row(1, "x.bin", Outcome::AlreadyThere),
        row(2, "x.bin", Outcome::AlreadyThere),
    ];
    let rows = rows.map(|row| Row {
        busy: Duration::ZERO,
        ..row
    });
    let run = summed(&rows, Duration::from_millis(21), false);
    insta::assert_snapshot!(summary(&run, &at(80)), @"");
    assert_eq!(summary(&Summary::default(), &at(80)), "");
}

#[test]
fn bad_lines_alone_are_not_worth_the_same_command_again() {
    let mut bad = failed(3, "x", 0, TransferError::Line(LineError::NoUrl));
    bad.source = Source::Line("oops".into());
    let run = summed(&[bad], Duration::from_millis(3), false);
    assert!(!summary(&run, &at(80)).contains("again"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for run in [forty(false), forty(true), many()] {
        for columns in 1..=160 {
            for line in summary(&run, &at(columns)).lines() {
                assert!(width(line) < columns, "{columns}: {line}");
            }
        }
    }
}
