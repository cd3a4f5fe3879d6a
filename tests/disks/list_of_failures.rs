//! `--failed FILE` where it cannot be written.

use std::fs;

use crate::mounted::{Mount, alone};
use crate::support::Answer::{Status, Well};
use crate::support::{Gate, Origin, Outcome, Room};

/// What is said of it, and what is not.
#[track_caller]
fn is_lost(outcome: &Outcome, path: &str) {
    let why = format!("haul: cannot write {path}: no space left on device");
    outcome.fails().says(&why).never_says("lists what");
}

#[test]
fn a_list_of_failures_on_a_full_disk_is_said_and_makes_the_run_incomplete() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        origin.file_elsewhere("").always(Status(404));
        let _disk = Mount::tmpfs(&room.path("full"), "64k");
        room.put("full/filling", vec![0; 64 << 10]);
        let haul = room.haul().args(["--failed", "full/failed.txt"]);
        is_lost(&haul.stdin(origin.list(["/a", "/b"])).run(), "full/failed.txt");
        assert_eq!(room.names(), ["full/filling"], "nothing half-written stays");
    });
}

#[test]
fn a_device_that_is_full_counts_only_when_there_was_something_to_write() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a", "a");
    let run = |path: &str| room.haul().args(["--failed", "/dev/full"]).arg(origin.url(path)).run();
    run("/a").succeeds();
    is_lost(&run("/b"), "/dev/full");
}

#[test]
fn a_list_of_failures_that_cannot_be_made_is_a_mistake_of_use_and_nothing_is_asked_for() {
    let (origin, room) = (Origin::new(), Room::new());
    let haul = room.haul().args(["--failed", "nowhere/failed.txt"]);
    haul.arg(origin.url("/a"))
        .run()
        .exits_with(2)
        .says("nowhere/failed.txt");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_full_standard_error_is_no_reason_to_stop() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file_elsewhere("x");
    let paths: Vec<_> = (0..20).map(|n| format!("/{n}")).collect();
    room.haul()
        .after("exec 2>/dev/full")
        .arg("-v")
        .stdin(origin.list(&paths))
        .run()
        .succeeds();
    assert_eq!(room.names().len(), 20);
}

#[test]
fn what_cannot_be_written_at_the_end_is_in_every_exit_code() {
    for option in ["--failed=sub/again.txt", "--report=sub/run.md", "--report=sub/run.csv"] {
        let (origin, room) = (Origin::new(), Room::new());
        let gate = Gate::new();
        origin.file("/a", "a").then(Well.held_by(&gate));
        let folder = room.path("sub");
        fs::create_dir(&folder).unwrap();
        let haul = room.haul().args(["--json", "--report", "../given/run.json", option]);
        let running = haul.arg(origin.url("/a")).start();
        origin.wait_for("/a");
        fs::remove_dir_all(&folder).unwrap();
        gate.open();
        let outcome = running.finish();
        outcome.fails().says("cannot write sub/");
        let report = fs::read_to_string(room.beside("run.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let summary = outcome.stdout.lines().last().unwrap();
        let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
        assert_eq!(summary["event"], "summary");
        assert_eq!([&report["exit_code"], &summary["exit_code"]], [1, 1], "{option}");
    }
}
