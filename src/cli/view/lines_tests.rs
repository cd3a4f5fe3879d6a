use std::time::Duration;

use super::*;
use crate::cli::view::fixture::{MIB, Run, downloaded, failed, row, status, url};
use crate::error::LineError;
use crate::job::{JobId, Place};

const PLAIN: Voice = Voice::Plain { colour: false };

fn block(columns: usize) -> Voice {
    Voice::Block(Room {
        columns,
        rows: 24,
        colour: false,
    })
}

fn events() -> Vec<Event> {
    let bad = Row {
        path: None,
        source: Source::Line("ftp://\u{1b}[2Jx".into()),
        place: Place {
            list: Some("urls.txt".into()),
            line: 17,
        },
        tries: 0,
        ..failed(17, "x", 0, TransferError::Line(LineError::Scheme("ftp".into())))
    };
    vec![
        Event::Finished(downloaded(1, "a.bin", 3 * MIB)),
        Event::Finished(row(2, "b.bin", Outcome::AlreadyThere)),
        Event::Finished(row(3, "c.bin", Outcome::Duplicate)),
        Event::Finished(failed(12, "missing.bin", 1, status(404))),
        Event::Finished(failed(
            13,
            "018-データ-with-a-name-that-goes-on-and-on-and-on.csv.gz",
            6,
            status(503),
        )),
        Event::Finished(bad),
        Event::Finished(failed(14, "cut.bin", 1, TransferError::Cancelled)),
        Event::Warning("fewer files than jobs\u{7}".into()),
        Event::Retrying {
            id: JobId(4),
            url: url("retry.bin"),
            attempt: 1,
            why: "503 Service Unavailable".into(),
            error: std::sync::Arc::new(status(503)),
            answered: None,
            wait: Duration::from_secs(4),
        },
        Event::Paused {
            host: url("x").host(),
            wait: Duration::from_secs(12),
            why: "429 Too Many Requests".into(),
        },
    ]
}

fn all(verbosity: Verbosity, voice: Voice) -> String {
    let lines: Vec<_> = events()
        .iter()
        .filter_map(|event| said(event, verbosity, voice))
        .collect();
    lines.join("\n")
}

#[test]
fn quiet_tells_of_failures_only() {
    insta::assert_snapshot!(all(Verbosity::Quiet, PLAIN), @"
    haul: failed line 12: 404 Not Found: http://example.org/missing.bin
    haul: failed line 13: 503 Service Unavailable (6 tries): http://example.org/018-%E3%83%87%E3%83%BC%E3%82%BF-with-a-name-that-goes-on-and-on-and-on.csv.gz
    haul: failed urls.txt:17: ftp: is not http or https: ftp://�[2Jx
    ");
}

#[test]
fn normally_warnings_are_told_too() {
    insta::assert_snapshot!(all(Verbosity::Normal, block(80)), @"
    failed missing.bin  404 Not Found
    failed 018-データ-with-a-name-that-goes-on-…  503 Service Unavailable (6 tries)
    failed urls.txt:17: ftp://�[2Jx  ftp: is not http or https
    warning: fewer files than jobs�
    ");
}

#[test]
fn verbose_tells_of_every_end_retry_and_pause() {
    insta::assert_snapshot!(all(Verbosity::Verbose, PLAIN), @"
    haul: done   a.bin  3.00 MiB  2.00 s  1.50 MiB/s
    haul: there  b.bin  already there
    haul: there  c.bin  stands in the list twice
    haul: failed line 12: 404 Not Found: http://example.org/missing.bin
    haul: failed line 13: 503 Service Unavailable (6 tries): http://example.org/018-%E3%83%87%E3%83%BC%E3%82%BF-with-a-name-that-goes-on-and-on-and-on.csv.gz
    haul: failed urls.txt:17: ftp: is not http or https: ftp://�[2Jx
    haul: warning: fewer files than jobs�
    haul: retry in 4s: 503 Service Unavailable: http://example.org/retry.bin
    haul: example.org waits 12s (429 Too Many Requests)
    ");
    insta::assert_snapshot!(all(Verbosity::Verbose, block(60)), @"
    done   a.bin  3.00 MiB  2.00 s  1.50 MiB/s
    there  b.bin  already there
    there  c.bin  stands in the list twice
    failed missing.bin  404 Not Found
    failed 018-データ-with-…  503 Service Unavailable (6 tries)
    failed urls.txt:17: ftp://�[2Jx  ftp: is not http or https
    warning: fewer files than jobs�
    retry http…/retry.bin  503 Service Unavailable, again in 4s
    example.org waits 12s (429 Too Many Requests)
    ");
}

#[test]
fn no_line_above_the_block_is_wider_than_the_room() {
    for columns in 0..=120 {
        for line in all(Verbosity::Verbose, block(columns)).lines() {
            assert!(
                crate::cli::view::text::width(line) <= columns.saturating_sub(1),
                "{columns}: {line}"
            );
        }
    }
}

#[test]
fn progress_is_one_line_without_carriage_return() {
    let mut run = Run::new();
    run.listed(40, true);
    let meter = run.start(1, "a.bin", Some(50 * MIB));
    run.pass(10, &[(&meter, 3 * MIB)]);
    insta::assert_snapshot!(progress(&run.snapshot(), PLAIN), @"haul: 0/40 files  30.0 MiB  3.00 MiB/s  (10 s)");
    run.tell(Event::Finished(failed(2, "b.bin", 1, status(404))));
    run.tell(Event::Finished(failed(3, "b.bin", 1, status(404))));
    run.tell(Event::Finished(downloaded(4, "b.bin", MIB)));
    run.pass(60, &[]);
    run.tell(Event::Paused {
        host: url("x").host(),
        wait: Duration::from_secs(12),
        why: "429 Too Many Requests".into(),
    });
    insta::assert_snapshot!(progress(&run.snapshot(), PLAIN), @"haul: 1/40 files  31.0 MiB  0 B/s  2 failed  example.org waits 12s (429 Too Many Requests)  (1:10)");
}
