use std::time::Duration;

use super::*;
use crate::cli::view::fixture::{MIB, downloaded, failed, row, status, summed};
use crate::error::LineError;
use crate::report::{Outcome, Source};

const LOG: Style<'_> = Style {
    columns: None,
    colour: false,
    again: Again::Missing,
    failed_list: &Listed::Unasked,
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
    rows.extend((406..=417).map(|code| failed(code.into(), "y.bin", 1, status(code))));
    summed(&rows, Duration::from_secs(245), false)
}

#[test]
fn a_run_with_few_failures_names_each() {
    insta::assert_snapshot!(summary(&forty(false), &at(100)), @"
        Finished 35 of 39 files in 18.1 s   29.4 MiB   1.62 MiB/s
                 34 downloaded   1 already there   1 listed twice   4 failed   13 retries
                 7.0 transfers at once on average: 2:08 of transfers in 18.1 s of wall-clock time

    failed (4)
      404 Not Found                                          http://example.org/missing.bin     line 12
      500 Internal Server Error                         x6   http://exa…ile/that/is/broken.bin  line 17
      body ended at 60.0 KiB of 500 KiB                 x6   http://example.org/truncated.bin   line 23
      not a URL (a URL begins with http:// or https://)      not a �[31murl                     line 31
    the same command again fetches only these
    ");
    insta::assert_snapshot!(summary(&forty(false), &at(80)), @"
        Finished 35 of 39 files in 18.1 s   29.4 MiB   1.62 MiB/s
                 34 downloaded   1 already there   1 listed twice   4 failed
                 13 retries
                 7.0 transfers at once on average (2:08 of transfers in 18.1 s)

    failed (4)
      404 Not Found
        http://example.org/missing.bin  line 12
      500 Internal Server Error                         x6
        http://example.org/a/rather/long/path/to/a/file/that/is/broken.bin  line 17
      body ended at 60.0 KiB of 500 KiB                 x6
        http://example.org/truncated.bin  line 23
      not a URL (a URL begins with http:// or https://)
        not a �[31murl  line 31
    the same command again fetches only these
    ");
    insta::assert_snapshot!(summary(&forty(false), &at(60)), @"
    Finished 35 of 39 files in 18.1 s   29.4 MiB   1.62 MiB/s
      34 downloaded   1 already there   1 listed twice
      4 failed   13 retries
      7.0 transfers at once on average

    failed (4)
      404 Not Found
        http://example.org/missing.bin  line 12
      500 Internal Server Error                         x6
        http://example.…h/to/a/file/that/is/broken.bin  line 17
      body ended at 60.0 KiB of 500 KiB                 x6
        http://example.org/truncated.bin  line 23
      not a URL (a URL begins with http:// or https://)
        not a �[31murl  line 31
    the same command again fetches only these
    ");
    insta::assert_snapshot!(summary(&forty(false), &at(40)), @"
    Finished 35 of 39 files in 18.1 s
             29.4 MiB   1.62 MiB/s
      34 downloaded   1 already there
      1 listed twice   4 failed
      13 retries
      7.0 transfers at once on average

    failed (4)
      404 Not Found
        http://e…e.org/missing.bin  line 12
      500 Internal Server Error        x6
        http://e…hat/is/broken.bin  line 17
      body ended at 60.0 KiB of 500 K… x6
        http://e…org/truncated.bin  line 23
      not a URL (a URL begins with ht…
        not a �[31murl  line 31
    the same command again fetches only th…
    ");
}

#[test]
fn a_run_with_many_failures_counts_them_by_reason_and_host() {
    insta::assert_snapshot!(summary(&many(), &at(100)), @"
        Finished 1 of 1,252 files in 4:05   1.00 MiB   4.18 KiB/s
                 1 downloaded   1,251 failed   175 retries
                 10.2 transfers at once on average: 41:44 of transfers in 4:05 of wall-clock time

    failed (1,251)
      1,204  404 Not Found                      example.org
         35  503 Service Unavailable            example.org
          1  406 Not Acceptable                 example.org
          1  407 Proxy Authentication Required  example.org
          1  408 Request Timeout                example.org
          1  409 Conflict                       example.org
          1  410 Gone                           example.org
          1  411 Length Required                example.org
          1  412 Precondition Failed            example.org
          1  413 Payload Too Large              example.org
          4  for other reasons
    --failed FILE lists each one
    the same command again fetches only these
    ");
    insta::assert_snapshot!(summary(&many(), &LOG), @"
    haul: failed (1,251)
    haul:   1,204  404 Not Found                      example.org
    haul:      35  503 Service Unavailable            example.org
    haul:       1  406 Not Acceptable                 example.org
    haul:       1  407 Proxy Authentication Required  example.org
    haul:       1  408 Request Timeout                example.org
    haul:       1  409 Conflict                       example.org
    haul:       1  410 Gone                           example.org
    haul:       1  411 Length Required                example.org
    haul:       1  412 Precondition Failed            example.org
    haul:       1  413 Payload Too Large              example.org
    haul:       4  for other reasons
    haul: --failed FILE lists each one
    haul: the same command again fetches only these
    haul: finished 1 of 1,252 files in 4:05, 1.00 MiB, 4.18 KiB/s, 1,251 failed, 175 retries, 10.2 transfers at once on average
    ");
}

#[test]
fn a_log_gets_the_same_facts_and_ends_with_the_verdict() {
    insta::assert_snapshot!(summary(&forty(false), &LOG), @"
    haul: failed (4)
    haul:   404 Not Found                                          http://example.org/missing.bin                                      line 12
    haul:   500 Internal Server Error                         x6   http://example.org/a/rather/long/path/to/a/file/that/is/broken.bin  line 17
    haul:   body ended at 60.0 KiB of 500 KiB                 x6   http://example.org/truncated.bin                                    line 23
    haul:   not a URL (a URL begins with http:// or https://)      not a �[31murl                                                      line 31
    haul: the same command again fetches only these
    haul: finished 35 of 39 files in 18.1 s, 29.4 MiB, 1.62 MiB/s, 1 already there, 1 listed twice, 4 failed, 13 retries, 7.0 transfers at once on average
    ");
}

#[test]
fn a_stopped_run_says_what_it_kept() {
    let style = Style {
        failed_list: &Listed::Written("left.txt".into(), Holds::Entries),
        ..at(100)
    };
    insta::assert_snapshot!(summary(&forty(true), &style), @"
        Stopped: 35 of 43 files in 18.1 s   29.4 MiB   1.62 MiB/s
                 34 downloaded   1 already there   1 listed twice   4 failed   4 unfinished
                 13 retries
                 7.5 transfers at once on average: 2:16 of transfers in 18.1 s of wall-clock time

    failed (4)
      404 Not Found                                          http://example.org/missing.bin     line 12
      500 Internal Server Error                         x6   http://exa…ile/that/is/broken.bin  line 17
      body ended at 60.0 KiB of 500 KiB                 x6   http://example.org/truncated.bin   line 23
      not a URL (a URL begins with http:// or https://)      not a �[31murl                     line 31
    left.txt lists what has no file yet, to run again
    the same command again goes on from here
    ");
    insta::assert_snapshot!(summary(&forty(true), &LOG), @"
    haul: failed (4)
    haul:   404 Not Found                                          http://example.org/missing.bin                                      line 12
    haul:   500 Internal Server Error                         x6   http://example.org/a/rather/long/path/to/a/file/that/is/broken.bin  line 17
    haul:   body ended at 60.0 KiB of 500 KiB                 x6   http://example.org/truncated.bin                                    line 23
    haul:   not a URL (a URL begins with http:// or https://)      not a �[31murl                                                      line 31
    haul: the same command again goes on from here
    haul: stopped: 35 of 43 files in 18.1 s, 29.4 MiB, 1.62 MiB/s, 1 already there, 1 listed twice, 4 failed, 4 unfinished, 13 retries, 7.5 transfers at once on average
    ");
}

#[test]
fn a_run_without_failures_is_short() {
    let rows = [downloaded(1, "x.bin", 3 * MIB)];
    let run = summed(&rows, Duration::from_millis(2100), false);
    insta::assert_snapshot!(summary(&run, &at(80)), @"
    Finished 1 of 1 file in 2.10 s   3.00 MiB   1.43 MiB/s
             1 downloaded
    ");
    insta::assert_snapshot!(summary(&run, &LOG), @"haul: finished 1 of 1 file in 2.10 s, 3.00 MiB, 1.43 MiB/s");
    let rows = [
        row(1, "x.bin", Outcome::AlreadyThere),
        row(2, "x.bin", Outcome::AlreadyThere),
    ];
    let rows = rows.map(|row| Row {
        busy: Duration::ZERO,
        ..row
    });
    let run = summed(&rows, Duration::from_millis(21), false);
    insta::assert_snapshot!(summary(&run, &at(80)), @"
    Finished 2 of 2 files in 21 ms
             2 already there
    ");
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

#[test]
fn a_reason_takes_what_short_urls_leave() {
    let mut bad = failed(1, "x", 0, TransferError::Line(LineError::NoUrl));
    bad.source = Source::Line("nonsense".into());
    let text = summary(&summed(&[bad], Duration::from_secs(1), false), &at(80));
    let whole = "not a URL (a URL begins with http:// or https://)";
    let line = text.lines().find(|line| line.contains("nonsense")).unwrap();
    assert!(line.contains(whole), "{text}");
}

#[test]
fn the_list_of_what_failed_is_told_as_it_is() {
    let told = |failed_list: &Listed, unread| {
        let run = Summary { unread, ..many() };
        let style = Style { failed_list, ..at(100) };
        let text = summary(&run, &style);
        text.lines().rev().nth(1).map(str::to_owned).unwrap()
    };
    let written = |holds| Listed::Written("F".into(), holds);
    for (list, unread, line) in [
        (Listed::Unasked, false, "--failed FILE lists each one"),
        (Listed::Unasked, true, "--failed FILE lists each one"),
        (
            written(Holds::Entries),
            false,
            "F lists what has no file yet, to run again",
        ),
        (
            written(Holds::Entries),
            true,
            "F lists what was read and has no file yet; the rest of the list was not read",
        ),
        (
            written(Holds::Comments),
            false,
            "F says in comments what failed, to be mended",
        ),
        (
            written(Holds::Comments),
            true,
            "F says in comments what failed, to be mended; the rest of the list was not read",
        ),
        (
            written(Holds::Nothing),
            true,
            "F is empty, for what was read has its files; the rest of the list was not read",
        ),
        (
            Listed::Kept("F".into()),
            true,
            "F stays as it was, for it was not read to its end",
        ),
        (Listed::Lost, false, "     4  for other reasons"),
    ] {
        assert_eq!(told(&list, unread).trim(), line.trim(), "{list:?} {unread}");
    }
}

#[test]
fn what_the_same_command_does_again_is_told_as_it_is() {
    const ASK: &str = "--failed FILE lists what has no file yet, to run again";
    const LIST: &str = "F lists what has no file yet, to run again";
    let asked = Listed::Written("F".into(), Holds::Entries);
    for (again, list, stopped, unread, told) in [
        (
            Again::Missing,
            &Listed::Unasked,
            false,
            false,
            &["the same command again fetches only these"][..],
        ),
        (
            Again::Missing,
            &Listed::Unasked,
            false,
            true,
            &["the same command again goes on from here"],
        ),
        (
            Again::Missing,
            &Listed::Unasked,
            true,
            true,
            &["the same command again goes on from here"],
        ),
        (
            Again::Anew,
            &Listed::Unasked,
            false,
            false,
            &[ASK, "the same command again fetches everything anew"],
        ),
        (
            Again::Refused,
            &Listed::Unasked,
            true,
            false,
            &[ASK, "the same command again fails what is there"],
        ),
        (
            Again::Anew,
            &asked,
            false,
            false,
            &[LIST, "the same command again fetches everything anew"],
        ),
        (Again::Unknown, &asked, true, false, &[LIST]),
        (Again::Unknown, &Listed::Unasked, true, false, &[]),
    ] {
        let run = Summary {
            unread,
            ..forty(stopped)
        };
        let style = Style {
            again,
            failed_list: list,
            ..at(100)
        };
        let text = summary(&run, &style);
        let lines: Vec<_> = text.lines().filter(|line| line.contains("again")).collect();
        assert_eq!(lines, told, "{again:?} {list:?} {stopped} {unread}");
    }
}
