//! `--output`: another name for a single URL, or no file at all.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::Answer::{self, Chunked, CutAfter, CutChunked, HangUp, HeldAfter, ShortPart, Status};
use crate::support::{Gate, Origin, Outcome, Room, Schema, gzip, sha256};

/// Lines that are all different.
fn text(lines: usize) -> String {
    let lines: Vec<_> = (0..lines).map(|line| format!("line {line} of a file\n")).collect();
    lines.concat()
}

fn poured(origin: &Origin, path: &str, args: &[&str]) -> Outcome {
    let room = Room::new();
    let outcome = room
        .haul()
        .impatient()
        .args(["-o", "-", "-d", "made"])
        .args(args)
        .arg(origin.url(path))
        .run();
    assert_eq!(room.names(), [""; 0], "no file and no folder");
    outcome
}

#[test]
fn a_single_url_goes_where_it_is_told_to() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    for (args, name) in [
        (&["-o", "b.bin"][..], "b.bin"),
        (&["-o", "sub/b.bin"], "sub/b.bin"),
        (&["-o", "sub/"], "sub/a.bin"),
        (&["-d", "there", "--output", "b c.bin"], "there/b c.bin"),
        (&["--output=./b.bin"], "b.bin"),
    ] {
        let room = Room::new();
        room.haul().args(args).arg(origin.url("/a.bin")).run().succeeds();
        room.holds_exactly(&[(name, "a")]);
        // It is there then, and known.
        room.haul()
            .args(args)
            .arg(origin.url("/a.bin"))
            .run()
            .succeeds()
            .says("1 already there");
    }
    let room = Room::new();
    let outcome = room.haul().args(["-n", "-o", "b", &origin.url("/a.bin")]).run();
    outcome.succeeds();
    assert_eq!(outcome.stdout, origin.url("/a.bin -> b\n"));
}

#[test]
fn what_cannot_be_is_a_usage_error_that_says_what_can() {
    let origin = Origin::new();
    let url = origin.url("/a.bin");
    let room = Room::new();
    room.put("urls.txt", origin.list(["/a.bin"]));
    for (args, helps) in [
        (&["-o", "x", "urls.txt"][..], "in a list, a path stands behind its URL"),
        (&["-o", "-", "-"], "single URL"),
        (&["-o", "x", &url, &url], "single URL"),
        (&["-o", "-", "-i", "urls.txt"], "single URL"),
        (&["-o", "/tmp/some/x.bin", &url], "-d /tmp/some -o x.bin"),
        (&["-o", "../x.bin", &url], "-d .. -o x.bin"),
        (&["-o", "x", "-J", &url], "cannot be used with"),
        (&["-n", "-o", "-", &url], "it has none"),
        (&["-n", "--report", "r.json", &url], "cannot be used with"),
        (&["-n", "--failed", "again.txt", &url], "cannot be used with"),
        (&["--json", "-o", "-", &url], "both write to standard output"),
    ] {
        room.haul().args(args).run().exits_with(2).says(helps);
    }
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(room.names(), ["urls.txt"]);
}

#[test]
fn the_body_goes_to_stdout_and_everything_else_to_stderr() {
    let origin = Origin::new();
    let body = text(50_000);
    for answer in [Answer::Well, Chunked, Answer::UntilClose] {
        origin.file("/a.txt", &body).then(answer);
        let outcome = poured(&origin, "/a.txt", &["-v"]);
        outcome.succeeds().finished(1, 1);
        assert!(outcome.stdout == body, "{} bytes", outcome.stdout.len());
    }
    let outcome = poured(&origin, "/a.txt", &["-q"]);
    assert_eq!(outcome.stderr, "");
    origin.file("/empty", "");
    assert_eq!(poured(&origin, "/empty", &[]).succeeds().stdout, "");
}

#[test]
fn a_cut_body_goes_on_where_it_broke_when_the_server_proves_that_it_fits() {
    let origin = Origin::new();
    let body = text(50_000);
    for cut in [CutAfter(300_000), CutChunked(300_000)] {
        origin
            .file("/a.txt", &body)
            .etag("v1")
            .then(Status(503))
            .then(HangUp)
            .then(cut)
            .then(Status(503));
        let before = origin.requests().len();
        let outcome = poured(&origin, "/a.txt", &[]);
        outcome.succeeds();
        assert!(outcome.stdout == body, "{} bytes", outcome.stdout.len());
        let last = origin.requests().pop().unwrap();
        assert_eq!(last.field("Range"), Some("bytes=300000-"));
        assert_eq!(last.field("If-Range"), Some("\"v1\""));
        assert_eq!(origin.requests().len() - before, 5);
    }
}

#[test]
fn nothing_is_ever_mixed() {
    let origin = Origin::new();
    let (old, new) = (text(50_000), text(50_000).to_uppercase());
    let cut = || CutAfter(300_000);
    for (name, tag, then) in [
        ("without a validator", None, Answer::Well),
        (
            "another file by now",
            Some("v1"),
            Answer::becomes(&new, "v2", Answer::Well),
        ),
        ("a server that knows no ranges", Some("v1"), Answer::Well.deaf()),
        (
            "the rest as if it were all",
            Some("v1"),
            Answer::Says(
                200,
                vec![("ETag".into(), "\"v1\"".into())],
                old.as_bytes()[300_000..].into(),
            ),
        ),
        ("a part from elsewhere", Some("v1"), Answer::PartFrom(200_000)),
        (
            "a part of another",
            Some("v1"),
            Answer::becomes(&new, "v2", Answer::PartFrom(300_000)),
        ),
    ] {
        let file = origin.file("/a.txt", &old).then(cut()).then(then);
        if let Some(tag) = tag {
            file.etag(tag);
        }
        let outcome = poured(&origin, "/a.txt", &["--retries", "1"]);
        outcome.fails().says("300000 bytes (293 KiB) went to standard output");
        assert!(
            outcome.stdout == old[..300_000],
            "{name}: {} bytes",
            outcome.stdout.len()
        );
    }
}

#[test]
fn a_few_bytes_at_a_time_use_up_the_tries_and_large_pieces_none() {
    let (origin, body) = (Origin::new(), text(50_000));
    let file = |path: &str, piece| {
        let file = origin.file(path, &body).etag("v1");
        drop(file.then(CutAfter(300_000)).always(ShortPart(piece)));
    };
    file("/small", 1);
    poured(&origin, "/small", &["--retries", "2"])
        .fails()
        .says("body ended");
    assert!(origin.requests().len() <= 5, "{}", origin.requests().len());
    file("/large", 200_000);
    let outcome = poured(&origin, "/large", &["--retries", "1"]);
    outcome.succeeds();
    assert!(outcome.stdout == body, "{} bytes", outcome.stdout.len());
}

#[test]
fn a_checksum_that_does_not_come_out_is_told_at_the_end() {
    let origin = Origin::new();
    let body = text(10);
    origin.file("/a.txt", &body);
    let right = format!("sha256:{}", sha256(body.as_bytes()));
    let wrong = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        poured(&origin, "/a.txt", &["--checksum", &right]).succeeds().stdout,
        body
    );
    let outcome = poured(&origin, "/a.txt", &["--checksum", &wrong]);
    outcome
        .fails()
        .says("wrong sha256 checksum")
        .says("not the whole, right file");
    assert_eq!(outcome.stdout, body);
    assert_eq!(origin.requests().len(), 2, "what is out is not fetched again");
    // One that goes on is added up as a whole.
    origin.file("/b.txt", &body).etag("v1").then(CutAfter(30));
    assert_eq!(
        poured(&origin, "/b.txt", &["--checksum", &right]).succeeds().stdout,
        body
    );
}

#[test]
fn what_is_no_file_is_no_output() {
    let origin = Origin::new();
    origin.file("/moved", "").always(Answer::to("/a.txt"));
    origin.file("/round", "").always(Answer::to("/round"));
    origin.file("/a.txt", "a");
    origin
        .file("/coded.txt", gzip(b"plain"))
        .field("Content-Encoding", "gzip");
    assert_eq!(poured(&origin, "/moved", &[]).succeeds().stdout, "a");
    assert_eq!(poured(&origin, "/coded.txt", &[]).succeeds().stdout, "plain");
    for (path, why) in [("/missing", "404 Not Found"), ("/round", "more than 10 redirects")] {
        let outcome = poured(&origin, path, &[]);
        outcome.fails().says(why).says("0 bytes");
        assert_eq!(outcome.stdout, "");
    }
    poured(&origin, "/a.txt", &["--https-only"])
        .fails()
        .says("--https-only");
}

#[test]
fn no_secret_goes_along_to_where_a_url_on_stdout_leads() {
    let (origin, other) = (Origin::new(), Origin::new());
    other.file("/a.txt", "a");
    origin.file("/a.txt", "").always(Answer::to(&other.url("/a.txt")));
    let outcome = poured(&origin, "/a.txt", &["-u", "me:hush", "-H", "X-Key: hush"]);
    assert_eq!(outcome.succeeds().stdout, "a");
    assert!(origin.requests()[0].field("Authorization").is_some());
    let there = &other.requests()[0];
    assert_eq!((there.field("Authorization"), there.field("X-Key")), (None, None));
}

/// A reader that takes so many lines and goes away ends it quietly; what it has read.
#[track_caller]
#[test]
fn a_redirect_is_followed_though_each_connection_takes_one_request() {
    let origin = Origin::new();
    origin.hang_up_on_reuse();
    origin.file("/a", "").always(Answer::to("/b"));
    origin.file("/b", "b");
    let outcome = poured(&origin, "/a", &["--retries", "0"]);
    outcome.succeeds();
    assert_eq!(outcome.stdout, "b");
    assert_eq!(origin.paths(), ["/a", "/b", "/b"]);
}

fn read_by_head(args: &str, lines: usize) -> String {
    let program = env!("CARGO_BIN_EXE_haul");
    let script = format!("set -o pipefail; '{program}' {args} | head -n {lines}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let origin = Origin::new();
    origin.file("/a.txt", text(500_000));
    let room = Room::new();
    let (report, failed) = (room.beside("run.json"), room.beside("again.txt"));
    let files = format!("--report '{}' --failed '{}'", report.display(), failed.display());
    let read = read_by_head(&format!("-o - {files} {}", origin.url("/a.txt")), 2);
    assert_eq!(read, text(2));
    let report = Schema::shipped().report(&fs::read_to_string(report).unwrap());
    assert_eq!(
        (&report["exit_code"], &report["files"]["failed"]),
        (&0.into(), &0.into())
    );
    assert!(report["bytes"]["received"].as_u64() > Some(0), "{report}");
    assert_eq!(fs::read_to_string(failed).unwrap(), "", "nothing failed");
}

#[test]
fn a_full_disk_behind_stdout_is_a_failure() {
    let origin = Origin::new();
    origin.file("/a.txt", text(100_000));
    let room = Room::new();
    let haul = room
        .haul()
        .after("exec >/dev/full")
        .args(["-o", "-", &origin.url("/a.txt")]);
    let outcome = haul.run();
    outcome.fails().says("cannot write it out: no space left on device");
    // Tokio's stdout had taken some already.
    outcome.says("haul: what could be written went to standard output, and that is not the whole");
}

#[test]
fn a_preview_whose_reader_has_read_enough_says_no_more() {
    let list = (0..20_000).fold(String::new(), |list, n| list + &format!("http://h/{n}\n"));
    let room = Room::new();
    let list = room.give("list.txt", list);
    let read = read_by_head(&format!("-n '{}'", list.display()), 1);
    assert_eq!(read, "http://h/0 -> 0\n");
}

#[test]
fn a_full_disk_behind_a_preview_or_a_man_page_is_a_failure() {
    let room = Room::new();
    for line in [&["-n", "http://h/a"][..], &["--generate", "man"]] {
        let run = room.haul().after("exec >/dev/full").args(line).run();
        run.exits_with(2).says("cannot write to standard output: ");
    }
}

#[test]
fn a_signal_ends_the_wait_for_who_reads_nothing() {
    let origin = Origin::new();
    let url = origin.file("/a.txt", text(100_000)).url();
    let room = Room::new();
    let haul = room.haul().args(["-o", "-", &url]).unconsumed().start();
    haul.wait_for_a_full_stdout();
    haul.terminate();
    let outcome = haul.finish();
    outcome.exits_with(143).stopped(0, 1);
    outcome.says("haul: what could be written went to standard output, and that is not the whole");
}

#[test]
fn a_signal_says_how_much_went_out() {
    let origin = Origin::new();
    let gate = Gate::new();
    origin
        .file("/a.txt", text(50_000))
        .etag("v1")
        .then(HeldAfter(100_000, gate.clone()));
    let room = Room::new();
    let haul = room.haul().args(["-o", "-", &origin.url("/a.txt")]).start();
    origin.wait_for("/a.txt");
    haul.interrupt();
    haul.finish().exits_with(130).says("went to standard output");
    gate.open();
}
