//! Many at a time: how many, in which order, and that nobody waits for a stranger.

use std::time::Duration;

use crate::support::Answer::{CutAfter, HangUp, HeldAfter, Silent, Status, Trickle, Well};
use crate::support::{Gate, Origin, Room, bytes, sha256};

fn paths(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

#[test]
fn one_job_is_strictly_one_after_the_other_in_list_order() {
    let origin = Origin::new();
    origin.file_elsewhere(bytes(50_000, 1));
    let room = Room::new();
    let mut asked = paths("/", 30);
    asked.reverse();
    room.haul()
        .args(["-j", "1"])
        .stdin(origin.list(&asked))
        .run()
        .succeeds();
    assert_eq!(origin.paths(), asked);
    assert_eq!(origin.most_at_once(), 1);
    assert_eq!(origin.connections(), 1, "connections are kept");
}

#[test]
fn so_many_jobs_run_at_once_and_no_more() {
    for jobs in [2, 5] {
        let origin = Origin::new();
        let gate = Gate::new();
        origin.file_elsewhere(bytes(5000, 1)).always(Well.held_by(&gate));
        let room = Room::new();
        let mut haul = room.haul().args(["-j", &jobs.to_string()]).start();
        haul.write(origin.list(paths("/", 30)));
        origin.wait_for_requests(jobs);
        gate.open();
        haul.finish().succeeds();
        assert_eq!(origin.most_at_once(), jobs);
    }
}

#[test]
fn with_one_job_a_retry_comes_before_the_next_entry() {
    let origin = Origin::new();
    origin
        .file_elsewhere("x")
        .then(Status(503))
        .then(HangUp)
        .then(CutAfter(0));
    let room = Room::new();
    room.haul()
        .impatient()
        .args(["-j", "1"])
        .stdin(origin.list(["/1", "/2", "/3"]))
        .run()
        .succeeds();
    assert_eq!(origin.paths(), ["/1", "/1", "/1", "/1", "/2", "/3"]);
}

#[test]
fn the_jobs_of_all_hosts_together_are_no_more() {
    let (first, second) = (Origin::new(), Origin::new());
    for origin in [&first, &second] {
        origin.file_elsewhere("xx").always(Trickle(2));
    }
    let room = Room::new();
    let list = first.list(paths("/a", 6)) + &second.list(paths("/b", 6));
    let haul = room.haul().args(["-j", "3", "--per-host", "2"]).stdin(list);
    haul.run().succeeds();
    assert_eq!(Origin::most_at_once_of(&[&first, &second]), 3);
}

#[test]
fn sixteen_run_at_once_unless_told_otherwise() {
    let origin = Origin::new();
    let gate = Gate::new();
    origin.file_elsewhere("x").always(Well.held_by(&gate));
    let room = Room::new();
    let mut haul = room.haul().start();
    haul.write(origin.list(paths("/", 40)));
    origin.wait_for_requests(16);
    gate.open();
    haul.finish().succeeds();
    assert_eq!(origin.most_at_once(), 16);
}

#[test]
fn a_host_gets_no_more_than_its_share_and_holds_nobody_up() {
    // Fewer than have a task each at once, and more.
    for waiting in [12, 900] {
        let (slow, quick) = (Origin::new(), Origin::new());
        let gate = Gate::new();
        slow.file_elsewhere("slow").always(Well.held_by(&gate));
        quick.file_elsewhere("quick");
        let room = Room::new();
        let mut haul = room.haul().args(["-j", "8", "--per-host", "2"]).start();
        haul.write(slow.list(paths("/s", waiting)) + &quick.list(paths("/q", 5)));
        quick.wait_for_requests(5);
        slow.wait_for_requests(2);
        assert_eq!(slow.requests().len(), 2);
        gate.open();
        haul.finish().succeeds().finished(waiting + 5, waiting + 5);
        assert_eq!(slow.most_at_once(), 2);
        assert!(quick.most_at_once() <= 2);
    }
}

#[test]
fn files_that_wait_for_their_server_keep_no_other_from_the_disk() {
    let origin = Origin::new();
    let gate = Gate::new();
    let (slow, quick) = (bytes(2 << 20, 1), bytes(4 << 20, 2));
    origin
        .file_elsewhere(&slow)
        .etag("v1")
        .always(HeldAfter(600_000, gate.clone()));
    origin.file("/quick", &quick).etag("v1");
    let room = Room::new();
    let mut haul = room.haul().args(["-j", "9", "--timeout", "10m"]).start();
    haul.write(origin.list(paths("/s", 8)));
    for n in 0..8 {
        // A quarter of a mebibyte may be in memory, whatever the steps were.
        room.wait_for(&format!("s{n}.part"), 330_000);
    }
    // What has to add up goes to the disk in its turn, however quick the disk is.
    haul.write(format!("{}  {}\n", sha256(&quick), origin.url("/quick")));
    room.wait_for("quick", quick.len() as u64);
    gate.open();
    haul.finish().succeeds().finished(9, 9);
}

#[test]
fn a_host_that_asks_for_patience_pauses_as_a_whole_and_alone() {
    let (busy, other) = (Origin::new(), Origin::new());
    busy.file_elsewhere("busy").then(Status(429).retry_after("2"));
    other.file_elsewhere("other");
    let room = Room::new();
    let list = busy.list(paths("/b", 3)) + &other.list(paths("/o", 3));
    let outcome = room.haul().args(["-j", "4", "--per-host", "1"]).stdin(list).run();
    outcome.succeeds().finished(6, 6);
    let asked = busy.requests();
    assert_eq!(asked.len(), 4, "one of them twice");
    let pause = asked[1].at - asked[0].at;
    assert!(pause >= Duration::from_secs(2), "asked again after {pause:?}");
    let last_other = other.requests().iter().map(|r| r.at).max().unwrap();
    assert!(last_other < asked[1].at, "the other host was held up");
}

#[test]
fn an_entry_that_waits_holds_no_slot() {
    let (busy, other) = (Origin::new(), Origin::new());
    busy.file_elsewhere("busy").times(2, &Status(503).retry_after("2"));
    other.file_elsewhere("other");
    let room = Room::new();
    let list = busy.list(paths("/b", 2)) + &other.list(paths("/o", 6));
    room.haul().args(["-j", "2"]).stdin(list).run().succeeds();
    let asked = busy.requests();
    assert_eq!(asked.len(), 4, "each of them twice");
    let last_other = other.requests().iter().map(|r| r.at).max().unwrap();
    assert!(last_other < asked[2].at, "the waiting ones kept the others out");
}

#[test]
fn a_silent_host_does_not_hold_up_another() {
    let (silent, other) = (Origin::new(), Origin::new());
    silent.file_elsewhere("").always(Silent);
    other.file_elsewhere("other");
    let room = Room::new();
    let mut haul = room.haul().args(["-j", "4", "--per-host", "3"]).start();
    haul.write(silent.list(paths("/s", 3)) + &other.list(paths("/o", 10)));
    other.wait_for_requests(10);
    silent.wait_for_requests(3);
    assert_eq!(silent.requests().len(), 3);
    haul.interrupt();
    haul.finish().exits_with(130);
}

#[test]
fn the_environment_gives_options_and_the_command_line_wins() {
    for (args, most) in [(&[][..], 1), (&["-j", "3"], 3)] {
        let origin = Origin::new();
        let gate = Gate::new();
        origin.file_elsewhere("x").always(Well.held_by(&gate));
        let room = Room::new();
        let mut haul = room.haul().args(args).env("HAUL_JOBS", "1").start();
        haul.write(origin.list(paths("/", 9)));
        origin.wait_for_requests(most);
        gate.open();
        haul.finish().succeeds();
        assert_eq!(origin.most_at_once(), most);
    }
}
