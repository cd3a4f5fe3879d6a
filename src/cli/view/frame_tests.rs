use std::time::Duration;

use super::*;
use crate::cli::view::fixture::{MIB, Run, downloaded, failed, status, url};
use crate::cli::view::text::width;
use crate::event::Event;

const KIB: u64 = 1024;

/// Twelve files are there, two failed, eleven are on their way at 16 jobs, one host is on hold.
fn under_way() -> Run {
    let mut run = Run::new();
    run.listed(40, true);
    for id in 1..=12 {
        run.tell(Event::Finished(downloaded(id, "x.bin", MIB)));
    }
    for id in 13..=14 {
        run.tell(Event::Finished(failed(id, "y.bin", 6, status(503))));
    }
    let data = run.start(15, "002-データセット.bin", Some(5 * MIB));
    let model = run.start(16, "004-model-of-00040.safetensors", Some(2 * MIB));
    let iso = run.start(
        17,
        "006-linux-6.9.1-amd64-netinst-very-long-release-name-of-the-year-with-even-more-text.iso",
        Some(2 * MIB),
    );
    let unknown = run.start(18, "unknown-size.json", None);
    run.start(19, "empty.txt", Some(0));
    run.start(20, "q\u{301}tq\u{301}-\u{1b}[31m-\u{202E}.txt", Some(40 * MIB));
    for id in 21..=25 {
        run.start(id, &format!("{id:03}.bin"), Some(700 * KIB));
    }
    run.pass(
        4,
        &[
            (&data, 430 * KIB),
            (&model, 400 * KIB),
            (&iso, 400 * KIB),
            (&unknown, 12 * KIB),
        ],
    );
    run
}

fn shown(run: &Run, jobs: usize, columns: usize, rows: usize) -> String {
    let room = Room {
        columns,
        rows,
        colour: false,
    };
    frame(&run.snapshot(), jobs, room).join("\n")
}

#[test]
fn the_block_at_120_columns() {
    insta::assert_snapshot!(shown(&under_way(), 16, 120, 24), @"
     002-データセット.bin                                    ━━━━━━──────────────  1.68 MiB / 5.00 MiB   430 KiB/s       8s
     004-model-of-00040.safetensors                          ━━━━━━━━━━━━━━━─────  1.56 MiB / 2.00 MiB   400 KiB/s       2s
     006-linux-6.9.1-am…-of-the-year-with-even-more-text.iso ━━━━━━━━━━━━━━━─────  1.56 MiB / 2.00 MiB   400 KiB/s       2s
     unknown-size.json                                       ────────────────────  48.0 KiB /       --  12.0 KiB/s       --
     empty.txt                                               ━━━━━━━━━━━━━━━━━━━━       0 B /      0 B       0 B/s       --
     q́tq́-�[31m-�.txt                                         ────────────────────       0 B / 40.0 MiB       0 B/s       --
     021.bin                                                 ────────────────────       0 B /  700 KiB       0 B/s       --
     022.bin                                                 ────────────────────       0 B /  700 KiB       0 B/s       --
    12/40 files  16.9 MiB / ~111 MiB  4.37 MiB/s  ETA 22s  11 active  2 failed  (+3 not shown)
    ");
}

#[test]
fn the_block_at_100_columns() {
    insta::assert_snapshot!(shown(&under_way(), 16, 100, 24), @"
     002-データセット.bin                ━━━━━━──────────────  1.68 MiB / 5.00 MiB   430 KiB/s       8s
     004-model-of-00040.safetensors      ━━━━━━━━━━━━━━━─────  1.56 MiB / 2.00 MiB   400 KiB/s       2s
     006-linux-6…with-even-more-text.iso ━━━━━━━━━━━━━━━─────  1.56 MiB / 2.00 MiB   400 KiB/s       2s
     unknown-size.json                   ────────────────────  48.0 KiB /       --  12.0 KiB/s       --
     empty.txt                           ━━━━━━━━━━━━━━━━━━━━       0 B /      0 B       0 B/s       --
     q́tq́-�[31m-�.txt                     ────────────────────       0 B / 40.0 MiB       0 B/s       --
     021.bin                             ────────────────────       0 B /  700 KiB       0 B/s       --
     022.bin                             ────────────────────       0 B /  700 KiB       0 B/s       --
    12/40 files  16.9 MiB / ~111 MiB  4.37 MiB/s  ETA 22s  11 active  2 failed  (+3 not shown)
    ");
}

#[test]
fn the_block_at_80_columns() {
    insta::assert_snapshot!(shown(&under_way(), 16, 80, 24), @"
     002-データセット.bin             ━━━━────────  1.68 MiB / 5.00 MiB   430 KiB/s
     004-model-of-00040.safetensors   ━━━━━━━━━───  1.56 MiB / 2.00 MiB   400 KiB/s
     006-linux-…th-even-more-text.iso ━━━━━━━━━───  1.56 MiB / 2.00 MiB   400 KiB/s
     unknown-size.json                ────────────  48.0 KiB /       --  12.0 KiB/s
     empty.txt                        ━━━━━━━━━━━━       0 B /      0 B       0 B/s
     q́tq́-�[31m-�.txt                  ────────────       0 B / 40.0 MiB       0 B/s
     021.bin                          ────────────       0 B /  700 KiB       0 B/s
     022.bin                          ────────────       0 B /  700 KiB       0 B/s
    12/40 files  16.9 MiB / ~111 MiB  4.37 MiB/s  ETA 22s  11 active  2 failed
    ");
}

#[test]
fn the_block_at_60_columns() {
    insta::assert_snapshot!(shown(&under_way(), 16, 60, 24), @"
     002-データセット.bin         ━━━━────────  33%   430 KiB/s
     004-model…-00040.safetensors ━━━━━━━━━───  78%   400 KiB/s
     006-linux…even-more-text.iso ━━━━━━━━━───  78%   400 KiB/s
     unknown-size.json            ────────────   --  12.0 KiB/s
     empty.txt                    ━━━━━━━━━━━━ 100%       0 B/s
     q́tq́-�[31m-�.txt              ────────────   0%       0 B/s
     021.bin                      ────────────   0%       0 B/s
     022.bin                      ────────────   0%       0 B/s
    12/40  4.37 MiB/s  ETA 22s  11 act  2 failed  (+3)
    ");
}

#[test]
fn the_block_at_40_columns() {
    insta::assert_snapshot!(shown(&under_way(), 16, 40, 24), @"
     002-データセット.bin   33%   430 KiB/s
     004-mo…0.safetensors   78%   400 KiB/s
     006-li…more-text.iso   78%   400 KiB/s
     unknown-size.json       --  12.0 KiB/s
     empty.txt             100%       0 B/s
     q́tq́-�[31m-�.txt         0%       0 B/s
     021.bin                 0%       0 B/s
     022.bin                 0%       0 B/s
    12/40  4.37 MiB/s  ETA 22s  2 failed
    ");
}

#[test]
fn the_block_at_20_columns() {
    insta::assert_snapshot!(shown(&under_way(), 16, 20, 24), @"
     002…ット.bin   33%
     004…etensors   78%
     006…text.iso   78%
     unk…ize.json    --
     empty.txt     100%
     q́tq́…1m-�.txt    0%
     021.bin         0%
     022.bin         0%
    12/40  2 failed
    ");
}

#[test]
fn no_line_is_wider_than_the_room_and_no_room_is_too_small() {
    let mut run = under_way();
    hold(&mut run, 5);
    retry(&mut run, 16);
    for columns in 0..=200 {
        for rows in [0, 1, 6, 7, 9, 24, 100] {
            let room = Room {
                columns,
                rows,
                colour: false,
            };
            let lines = frame(&run.snapshot(), 16, room);
            assert!(lines.len() <= 1 + 8.min(rows.saturating_sub(6)), "{columns}x{rows}");
            for line in &lines {
                assert!(width(line) <= columns.saturating_sub(1), "{columns}: {line}");
                assert!(!line.contains(crate::tame::is_treacherous), "{line}");
            }
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let run = under_way();
    let room = |colour| Room {
        columns: 100,
        rows: 24,
        colour,
    };
    let coloured = frame(&run.snapshot(), 16, room(true)).join("\n");
    assert!(coloured.contains("\x1b[31m2 failed\x1b[0m"), "{coloured}");
    let mut bare = String::new();
    for (at, piece) in coloured.split('\x1b').enumerate() {
        bare.push_str(if at == 0 {
            piece
        } else {
            piece.split_once('m').unwrap().1
        });
    }
    assert_eq!(bare, frame(&run.snapshot(), 16, room(false)).join("\n"));
}

#[test]
fn a_list_still_being_read_has_no_end() {
    let mut run = Run::new();
    run.listed(40, false);
    let meter = run.start(1, "a.bin", Some(4 * MIB));
    run.pass(2, &[(&meter, MIB)]);
    insta::assert_snapshot!(shown(&run, 16, 80, 24), @"
     a.bin                            ━━━━━───────  2.00 MiB / 4.00 MiB  1.00 MiB/s
    0/40+ files  2.00 MiB / --  1.00 MiB/s  ETA --  1 active
    ");
}

#[test]
fn hosts_on_hold_and_files_that_wait_say_so() {
    let mut run = under_way();
    hold(&mut run, 1);
    retry(&mut run, 16);
    retry(&mut run, 17);
    insta::assert_snapshot!(shown(&run, 5, 80, 24), @"
     002-データセット.bin             ━━━━────────  1.68 MiB / 5.00 MiB   430 KiB/s
     004-model-of-00040.safetensors              waits 4s (503 Service Unavailable)
     006-linux-6.9.…year-with-even-more-text.iso waits 4s (503 Service Unavailable)
     unknown-size.json                ────────────  48.0 KiB /       --  12.0 KiB/s
    … example.org waits 12s (429 Too Many Requests)
    12/40 files  16.9 MiB / ~111 MiB  4.37 MiB/s  ETA 22s  9 active  2 failed
    ");
    for id in 18..=25 {
        retry(&mut run, id);
    }
    hold(&mut run, 4);
    run.board.sample(run.now);
    insta::assert_snapshot!(shown(&run, 5, 80, 24), @"
     002-データセット.bin             ━━━━────────  1.68 MiB / 5.00 MiB   430 KiB/s
     004-model-of-00040.safetensors              waits 4s (503 Service Unavailable)
     006-linux-6.9.…year-with-even-more-text.iso waits 4s (503 Service Unavailable)
    … example.org waits 12s (429 Too Many Requests)
    … 3 more hosts wait
    12/40 files  16.9 MiB / ~111 MiB  4.37 MiB/s  ETA 22s  1 active  2 failed
    ");
}

#[test]
fn the_block_leaves_six_rows_alone() {
    let run = under_way();
    for (jobs, rows, lines) in [
        (16, 24, 9),
        (16, 14, 9),
        (16, 13, 8),
        (16, 7, 2),
        (16, 6, 1),
        (16, 1, 1),
        (1, 24, 2),
        (4, 24, 5),
    ] {
        assert_eq!(
            shown(&run, jobs, 80, rows).lines().count(),
            lines,
            "{jobs} jobs, {rows} rows"
        );
    }
}

fn hold(run: &mut Run, hosts: u64) {
    for host in 1..=hosts {
        let url = if host == 1 {
            url("x")
        } else {
            crate::job::SourceUrl::new(format!("http://h{host}.net/").parse().unwrap())
        };
        run.tell(Event::Paused {
            host: url.host(),
            wait: Duration::from_secs(12),
            why: "429 Too Many Requests".into(),
        });
    }
}

fn retry(run: &mut Run, id: u64) {
    run.tell(Event::Retrying {
        id: crate::job::JobId(id),
        url: url("x"),
        attempt: 1,
        why: "503 Service Unavailable".into(),
        error: std::sync::Arc::new(status(503)),
        answered: None,
        wait: Duration::from_secs(4),
    });
}

#[test]
fn behind_the_last_line_there_is_room_for_a_ctrl_c() {
    let run = under_way();
    for columns in 4..130 {
        let shown = shown(&run, 16, columns, 24);
        let last = width(shown.lines().last().unwrap());
        assert!(last + "^C".len() < columns, "{columns}: {last}");
    }
}
