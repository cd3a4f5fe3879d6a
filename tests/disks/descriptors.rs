//! Fewer file descriptors than hosts, jobs and files would like to have.

use std::process::Command;

use crate::support::Answer::Well;
use crate::support::{Gate, Origin, Room, bytes};

const HOSTS: usize = 60;

/// Origins with keep-alive, and a list that asks each of them for one file after all the others.
fn hosts(body: &[u8], rounds: usize) -> (Vec<Origin>, String) {
    let origins: Vec<_> = (0..HOSTS).map(|_| Origin::new()).collect();
    for origin in &origins {
        origin.file_elsewhere(body);
    }
    let round = |round| (0..HOSTS).map(move |n| (n, format!("/{round}-{n}")));
    let lines = (0..rounds).flat_map(round).map(|(n, path)| origins[n].list([path]));
    let list = lines.collect();
    (origins, list)
}

#[test]
fn idle_connections_to_many_hosts_do_not_use_up_the_descriptors() {
    let body = bytes(300_000, 1);
    let (_origins, list) = hosts(&body, 4);
    let room = Room::new();
    // No second try: that a descriptor is not there for a moment is nobody's failure.
    let haul = room.haul().limit_nofile(32).args(["-j", "64", "--retries", "0"]);
    let mut haul = haul.start();
    haul.write(list);
    let (outcome, peak) = haul.finish_and_weigh();
    outcome
        .succeeds()
        .finished(4 * HOSTS, 4 * HOSTS)
        .never_says("too many open files");
    let files = room.files();
    assert!(files.len() == 4 * HOSTS && files.values().all(|found| *found == body));
    assert!(peak < 64 << 20, "{} KiB", peak / 1024);
}

#[test]
fn one_host_keeps_its_connections_although_there_are_few_descriptors() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file_elsewhere("x");
    let paths: Vec<_> = (0..200).map(|n| format!("/{n}")).collect();
    let haul = room.haul().limit_nofile(32).args(["-j", "64"]);
    haul.stdin(origin.list(&paths)).run().succeeds();
    let made = origin.connections();
    assert!(made <= 8, "{made} connections");
}

#[test]
fn an_entry_waits_for_a_descriptor_and_is_not_lost() {
    let (origin, other, room) = (Origin::new(), Origin::new(), Room::new());
    let (body, gate) = (bytes(300_000, 1), Gate::new());
    origin.file("/held", &body).always(Well.held_by(&gate));
    other.file_elsewhere(&body);
    let mut haul = room.haul().args(["-j", "16", "--retries", "0", "-v"]).start();
    haul.write(origin.list(["/held"]));
    origin.wait_for("/held");
    limit(haul.id(), 3);
    gate.open();
    haul.write(other.list((0..30).map(|n| format!("/{n}"))));
    haul.wait_for_stderr("too many open files");
    limit(haul.id(), 1000);
    haul.finish().succeeds().finished(31, 31);
    assert!(room.files().values().all(|found| *found == body));
}

/// From now on, it may open no descriptor of this number or above.
fn limit(process: u32, descriptors: u32) {
    let (process, limit) = (format!("--pid={process}"), format!("--nofile={descriptors}:"));
    let status = Command::new("prlimit").args([process, limit]).status();
    assert!(status.expect("prlimit").success());
}

#[test]
fn too_few_descriptors_for_anything_are_named_before_the_first_request() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    for limit in [6, 7, 11, 13] {
        let run = room
            .haul()
            .after(&format!("ulimit -n {limit}"))
            .arg(origin.url("/a"))
            .run();
        run.exits_with(2).says("file descriptors are too few");
    }
    assert_eq!(origin.requests().len(), 0);
    let run = room.haul().after("ulimit -n 14").arg(origin.url("/a")).run();
    run.succeeds().finished(1, 1);
}
