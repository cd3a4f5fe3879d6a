//! Memory at 64 jobs against everything that is large or has no end.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::Answer::{self, Flood, HeldAfter, Silent};
use crate::support::{Gate, Origin, Room, Running, bytes, gzip};

const JOBS: usize = 64;
const LIMIT: u64 = 64 << 20;
/// For bodies that come faster than a disk takes them: hyper keeps two or three read buffers of 408 KiB for each, and
/// reqwest has no option that would make them smaller.
const LIMIT_OF_BODIES: u64 = 128 << 20;

fn start(room: &Room, origin: &Origin, args: &[&str]) -> Running {
    let mut haul = room.haul().args(["-j", "64", "--retries", "0"]).args(args).start();
    let paths: Vec<_> = (0..JOBS).map(|n| format!("/{n}.bin")).collect();
    haul.write(origin.list(&paths));
    haul
}

#[track_caller]
fn is_small(haul: &Running, limit: u64) {
    let peak = haul.peak_memory();
    assert!(peak < limit, "{} KiB", peak / 1024);
}

/// Waits until every body has so many bytes in the folder.
#[track_caller]
fn wait_for_parts(room: &Room, size: u64) {
    for n in 0..JOBS {
        room.wait_for(&format!("{n}.bin.part"), size);
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n";

#[test]
fn large_bodies_at_64_jobs_stay_under_128_mib() {
    let origin = Origin::new();
    let gate = Gate::new();
    let body = bytes(3 << 20, 1);
    origin
        .file_elsewhere(&body)
        .etag("v1")
        .always(HeldAfter(body.len() - 1, gate.clone()));
    let room = Room::new();
    let haul = start(&room, &origin, &[]);
    wait_for_parts(&room, 2 << 20);
    is_small(&haul, LIMIT_OF_BODIES);
    gate.open();
    haul.finish().succeeds().finished(JOBS, JOBS);
    assert!(room.files().values().all(|found| *found == body));
}

#[test]
fn bodies_without_end_at_64_jobs_stay_under_128_mib() {
    let origin = Origin::new();
    let again = chunk(&bytes(100_000, 1));
    origin
        .file_elsewhere("")
        .always(Flood(format!("{CHUNKED}\r\n").into(), again));
    let room = Room::new();
    let haul = start(&room, &origin, &[]);
    wait_for_parts(&room, 2 << 20);
    is_small(&haul, LIMIT_OF_BODIES);
    haul.interrupt();
    haul.finish().exits_with(130);
}

#[test]
fn gzip_bombs_at_64_jobs_stay_under_64_mib() {
    let origin = Origin::new();
    let member = gzip(&vec![0; 4 << 20]);
    let head = format!("{CHUNKED}Content-Encoding: gzip\r\n\r\n");
    origin.file_elsewhere("").always(Flood(head.into(), chunk(&member)));
    let room = Room::new();
    let haul = start(&room, &origin, &[]);
    wait_for_parts(&room, 1 << 20);
    is_small(&haul, LIMIT);
    haul.interrupt();
    haul.finish().exits_with(130);
}

#[test]
fn one_gzip_bomb_of_200_mib_is_a_file_of_200_mib() {
    let origin = Origin::new();
    let members = gzip(&vec![0; 4 << 20]).repeat(50);
    origin
        .file("/bomb", "")
        .always(Answer::Says(200, vec![], members).field("Content-Encoding", "gzip"));
    origin.file("/last", "").always(Silent);
    let room = Room::new();
    let mut haul = room.haul().args(["-v", "-j", "2", "--timeout", "1h"]).start();
    haul.write(origin.list(["/bomb"]));
    haul.wait_for_stderr("done   bomb");
    let peak = haul.peak_memory();
    assert!(peak < 32 << 20, "{} KiB", peak / 1024);
    assert_eq!(room.path("bomb").metadata().unwrap().len(), 200 << 20);
    haul.finish().succeeds();
}

#[test]
fn heads_without_end_at_64_jobs_stay_under_64_mib() {
    for again in ["X-Again: and again\r\n".repeat(800), "x".repeat(16_384)] {
        let origin = Origin::new();
        let head = "HTTP/1.1 200 OK\r\nX-First: ";
        origin.file_elsewhere("").always(Flood(head.into(), again.into()));
        let room = Room::new();
        let mut haul = start(&room, &origin, &[]);
        origin.wait_for_requests(JOBS);
        wait_for_failures(&haul, JOBS);
        is_small(&haul, LIMIT);
        haul.close_stdin();
        haul.finish().fails().finished(0, JOBS);
    }
}

#[track_caller]
fn wait_for_failures(haul: &Running, count: usize) {
    let begun = Instant::now();
    while haul.stderr_so_far().matches("haul: failed line").count() < count {
        assert!(begun.elapsed() < Duration::from_secs(60), "not all failed");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn heads_that_are_just_not_too_large_at_64_jobs_stay_under_64_mib() {
    let origin = Origin::new();
    let fields: Vec<_> = (0..90).map(|n| format!("X-{n}: {}\r\n", "y".repeat(4000))).collect();
    let fields = fields.concat();
    let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 400000\r\n\r\n");
    let answer = Answer::Flood(head.into(), vec![b'x'; 1000]);
    origin.file_elsewhere("").always(answer);
    let room = Room::new();
    let haul = start(&room, &origin, &["-v"]);
    origin.wait_for_requests(JOBS);
    let begun = Instant::now();
    while haul.stderr_so_far().matches("haul: done").count() < JOBS {
        assert!(begun.elapsed() < Duration::from_secs(60), "not all are done");
        thread::sleep(Duration::from_millis(5));
    }
    is_small(&haul, LIMIT);
    haul.finish().succeeds();
}
