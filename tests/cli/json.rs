//! `--json`: what happens, for programs.

use std::io::Read as _;

use serde_json::Value;

use crate::support::Answer::{self, SilentAfter, Status, Well};
use crate::support::{Gate, Origin, Outcome, Room, Schema, bytes};

/// The lines, and that they are as the schema says.
#[track_caller]
fn lines(outcome: &Outcome) -> Vec<Value> {
    Schema::shipped().lines(&outcome.stdout)
}

/// The lines of one event.
fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// The event about the entry in this line of the list.
#[track_caller]
fn entry<'a>(lines: &'a [Value], event: &str, id: u64) -> &'a Value {
    let found = of(lines, event).into_iter().find(|line| line["id"] == id);
    found.unwrap_or_else(|| panic!("no {event} of {id}"))
}

#[test]
fn every_line_is_as_the_schema_says_and_tells_what_happened() {
    let origin = Origin::new();
    origin.file("/a.bin", "12345").etag("v1");
    origin.file("/moved.bin", "").always(Answer::to("/a.bin"));
    origin.file("/later.bin", "later").then(Status(503));
    origin.file("/there.bin", "there");
    let room = Room::new();
    room.put("there.bin", "there");
    let paths = [
        "/a.bin",
        "/moved.bin",
        "/later.bin",
        "/gone.bin",
        "/there.bin",
        "/a.bin",
    ];
    let outcome = room
        .haul()
        .impatient()
        .args(["--json", "-j2", "-"])
        .stdin(origin.list(paths) + "nonsense\n")
        .run();
    outcome.fails().finished(4, 6);
    let lines = lines(&outcome);
    assert_eq!((&lines[0]["event"], &lines[0]["jobs"]), (&"start".into(), &2.into()));
    let shown = |path: &str| Value::from(origin.url(path));

    let a = entry(&lines, "done", 1);
    assert_eq!((&a["url"], &a["path"]), (&shown("/a.bin"), &"a.bin".into()));
    assert_eq!((&a["status"], &a["response_code"]), (&"downloaded".into(), &200.into()));
    assert_eq!((&a["size"], &a["size_download"]), (&5.into(), &5.into()));
    assert_eq!(
        (&a["http_version"], &a["remote_ip"]),
        (&"1.1".into(), &"127.0.0.1".into())
    );
    assert_eq!((&a["etag"], &a["num_retries"]), (&"\"v1\"".into(), &0.into()));
    assert_eq!(entry(&lines, "done", 2)["num_redirects"], 1);
    assert_eq!(entry(&lines, "done", 3)["num_retries"], 1);
    let retry = entry(&lines, "retry", 3);
    assert_eq!(
        (&retry["attempt"], &retry["error"]["response_code"]),
        (&1.into(), &503.into())
    );
    assert_eq!(retry["error"]["permanent"], false);
    let attempts = of(&lines, "begin").iter().filter(|line| line["id"] == 3).count();
    assert_eq!(attempts, 2);
    assert_eq!(entry(&lines, "done", 5)["status"], "already_there");
    let twice = entry(&lines, "done", 6);
    assert_eq!((&twice["status"], twice.get("path")), (&"duplicate".into(), None));

    let gone = entry(&lines, "failed", 4);
    assert_eq!(
        (&gone["error"]["kind"], &gone["error"]["response_code"]),
        (&"http".into(), &404.into())
    );
    assert_eq!(gone["error"]["permanent"], true);
    let nonsense = entry(&lines, "failed", 7);
    assert_eq!(
        (&nonsense["error"]["kind"], &nonsense["text"]),
        (&"bad_line".into(), &"nonsense".into())
    );

    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["event"], &summary["exit_code"]),
        (&"summary".into(), &1.into())
    );
    let files = &summary["files"];
    assert_eq!(
        [
            &files["total"],
            &files["downloaded"],
            &files["already_there"],
            &files["duplicate"],
            &files["failed"]
        ],
        [7, 3, 1, 1, 2]
    );
    assert_eq!(
        (&summary["retries"], &summary["push_back"]["503"]),
        (&1.into(), &1.into())
    );
    assert_eq!(summary["hosts"][0]["host"], origin.authority());
    assert_eq!(summary["failures"].as_array().unwrap().len(), 2);
}

#[test]
fn times_say_what_a_connection_that_is_kept_saves() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    origin.file("/b.bin", "b").then(Answer::Trickle(3));
    let room = Room::new();
    let haul = room.haul().args(["--json", "-j1", "-"]);
    let outcome = haul.stdin(origin.list(["/a.bin", "/b.bin"])).run();
    outcome.succeeds();
    let lines = lines(&outcome);
    let time = |id, name: &str| entry(&lines, "done", id)[name].as_f64().unwrap();
    assert!(time(1, "time_connect") > 0.0);
    assert!(time(2, "time_connect") == 0.0, "the connection was there");
    for id in [1, 2] {
        assert!(time(id, "time_starttransfer") >= time(id, "time_connect"));
        assert!(time(id, "time_total") >= time(id, "time_starttransfer"));
    }
    assert!(time(2, "time_queue") > 0.0, "the second waits for the first");
}

#[test]
fn what_adds_up_is_told_with_its_digits() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    let digits = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let list = format!("{digits}  {}\n", origin.url("/a.bin"));
    let outcome = room.haul().args(["--json", "-"]).stdin(list).run();
    outcome.succeeds();
    assert_eq!(entry(&lines(&outcome), "done", 1)["sha256"], digits);
}

#[test]
fn a_slow_run_shows_each_event_at_once() {
    let (origin, gate) = (Origin::new(), Gate::new());
    origin.file("/a.bin", "a");
    origin.file("/b.bin", "b").then(Well.held_by(&gate));
    let room = Room::new();
    let mut haul = room.haul().args(["--json", "-"]).start();
    haul.wait_for_stdout("\"start\"");
    haul.write(origin.list(["/b.bin", "/a.bin"]));
    haul.wait_for_stdout("\"done\"");
    gate.open();
    haul.finish().succeeds().finished(2, 2);
}

#[test]
fn a_reader_that_stops_slows_the_run_and_costs_no_memory() {
    const ALL: usize = 300_000;
    let room = Room::new();
    let mut haul = room
        .haul()
        .args(["--json", "-q", "-"])
        .after("exec 2>/dev/null")
        .unconsumed()
        .start();
    let taken = haul.write_while_taken((0..ALL).map(|n| format!("ftp://host-{n}.example/{n}\n")));
    assert!(taken < ALL, "the run went on without its reader");
    let peak = haul.peak_memory();
    assert!(peak < 32 << 20, "{} KiB", peak / 1024);
    // The reader goes on, and so does the run, without a line lost.
    haul.close_stdin();
    let mut said = String::new();
    haul.take_stdout().read_to_string(&mut said).unwrap();
    haul.finish().fails();
    let failed = said
        .lines()
        .filter(|line| line.contains("\"event\":\"failed\""))
        .count();
    // The last of the lines that were written may have been cut when nothing more was taken.
    assert_eq!(failed, taken);
    assert!(
        said.lines()
            .last()
            .is_some_and(|line| line.contains("\"event\":\"summary\""))
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly_as_other_filters_do() {
    let (origin, gate) = (Origin::new(), Gate::new());
    origin.file("/a.bin", "a").etag("v1").then(Well.held_by(&gate));
    let room = Room::new();
    let mut haul = room.haul().args(["--json", "-"]).unconsumed().start();
    haul.write(origin.list(["/a.bin"]));
    origin.wait_for("/a.bin");
    drop(haul.take_stdout());
    gate.open();
    // The pipe of the list stays open: nobody waits for its end.
    let outcome = haul.ends_with_its_pipe_open();
    outcome.exits_with(141);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_run_whose_reader_stopped_still_ends_by_a_second_signal() {
    let room = Room::new();
    let mut haul = room.haul().args(["--json", "-"]).unconsumed().start();
    // More than a pipe holds, and fewer than wait for it: the run itself ends.
    let lines: Vec<_> = (0..700).map(|n| format!("ftp://host-{n}.example/{n}\n")).collect();
    haul.write(lines.concat());
    haul.close_stdin();
    haul.wait_for_stderr("host-0.example");
    haul.interrupt();
    haul.terminate();
    // Two signals that come at once come in any order.
    haul.finish().exits_with_one_of(&[130, 143]);
}

#[test]
fn one_signal_is_enough_where_nobody_reads_and_what_came_is_kept() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    origin.file("/a.bin", &body).etag("v1").then(SilentAfter(700_000));
    let room = Room::new();
    let (nonsense, again) = ("nonsense\n".repeat(5_000), room.beside("again.txt"));
    let haul = room.haul().args(["--json", "-q", "--failed"]).arg(&again);
    let haul = haul.args(["-", "urls.txt"]).after("exec 2>/dev/null").unconsumed();
    room.put("urls.txt", nonsense);
    let mut haul = haul.start();
    haul.write(origin.list(["/a.bin"]));
    haul.close_stdin();
    room.wait_for("a.bin.part", 1);
    haul.wait_for_a_full_stdout();
    haul.interrupt();
    haul.finish().exits_with(130);
    assert!(body.starts_with(&room.read("a.bin.part")));
    assert!(std::fs::read_to_string(again).unwrap().contains("/a.bin"));
}

#[test]
fn events_that_cannot_be_written_are_a_failure_that_is_told() {
    let (origin, room) = (Origin::new(), Room::new());
    let url = origin.file("/a.bin", "a").url();
    let outcome = room.haul().args(["--json", &url]).after("exec >/dev/full").run();
    outcome
        .fails()
        .says("cannot write to standard output: no space left on device");
}

#[test]
fn no_secret_is_told_to_programs() {
    let origin = Origin::new();
    origin.file_elsewhere("a");
    origin.file("/gone", "").always(Status(503));
    let room = Room::new();
    let with_password = |path: &str| origin.url(path).replace("://", "://me:s3cret@");
    let outcome = room
        .haul()
        .impatient()
        .args(["--json", "--user", "you:s3cret", "-H", "X-Key: s3cret"])
        .args([with_password("/a?sig=s3cret"), with_password("/gone?sig=s3cret")])
        .run();
    outcome.fails().never_says("s3cret");
    assert!(outcome.stdout.contains("sig=…"), "{}", outcome.stdout);
    lines(&outcome);
}

#[test]
fn a_comparison_has_no_events() {
    let outcome = Room::new().haul().args(["--json", "--compare", "-"]).run();
    outcome.exits_with(2);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn what_fails_after_an_answer_is_told_with_its_status() {
    let origin = Origin::new();
    origin.file("/part", "a").always(Answer::PartFrom(0));
    origin.file("/nowhere", "").always(Answer::Status(302));
    origin.file("/round", "").always(Answer::to("/round"));
    origin.file("/coded", "a").field("Content-Encoding", "unknown");
    origin.file("/cut", "0123456789").always(Answer::CutAfter(3));
    origin.file("/large", bytes(2_000, 1));
    origin.file("/silent", "").always(Answer::HangUp);
    origin
        .file("/then-silent", "")
        .then(Answer::Status(503))
        .always(Answer::HangUp);
    let expected = [
        ("/part", Some(206)),
        ("/nowhere", Some(302)),
        ("/round", Some(302)),
        ("/coded", Some(200)),
        ("/cut", Some(200)),
        ("/large", Some(200)),
        ("/silent", None),
        ("/then-silent", None),
    ];
    let room = Room::new();
    let args = ["--json", "--retries", "1", "--max-size", "1000", "-j", "1", "-"];
    let list = origin.list(expected.map(|(path, _)| path));
    let outcome = room.haul().impatient().args(args).stdin(list).run();
    outcome.fails();
    let lines = lines(&outcome);
    for (id, (path, code)) in (1..).zip(expected) {
        let told = entry(&lines, "failed", id)["error"]["response_code"].as_u64();
        assert_eq!(told, code, "{path}");
    }
    assert_eq!(entry(&lines, "retry", 5)["error"]["response_code"], 200);
}
