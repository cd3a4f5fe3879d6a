//! How fast: bytes a second, requests in a time, and servers that are too slow.

use std::time::{Duration, Instant};

use crate::support::Answer::{Status, Trickle};
use crate::support::{Answer, Origin, Room, bytes};

#[test]
fn all_transfers_together_stay_under_the_limit() {
    let origin = Origin::new();
    let files: Vec<_> = (0..4).map(|n| (format!("{n}"), bytes(100_000, n))).collect();
    for (name, body) in &files {
        origin.file(&format!("/{name}"), body);
    }
    let room = Room::new();
    let since = Instant::now();
    let list = origin.list(files.iter().map(|(name, _)| format!("/{name}")));
    let haul = room.haul().args(["--limit-rate", "200K"]).stdin(list);
    haul.run().succeeds();
    let (took, needed) = (since.elapsed(), 400_000.0 / f64::from(200 << 10));
    assert!(
        took.as_secs_f64() >= needed * 0.97,
        "{took:?}, and {needed} s are needed"
    );
    let files: Vec<_> = files.iter().map(|(name, body)| (name.as_str(), body)).collect();
    room.holds_exactly(&files);
}

#[test]
fn a_wait_of_our_own_is_no_silence_and_no_slowness_of_the_server() {
    let origin = Origin::new();
    let body = bytes(600_000, 1);
    origin.file("/a", &body);
    let room = Room::new();
    let paced = ["--limit-rate", "300K", "--timeout", "500ms", "--min-speed", "1M"];
    room.haul()
        .args(paced)
        .args(["--retries", "0", &origin.url("/a")])
        .run()
        .succeeds();
    room.holds_exactly(&[("a", &body)]);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_body_on_standard_output_is_limited_too() {
    let origin = Origin::new();
    let body = "x".repeat(100_000);
    origin.file("/a", &body);
    let room = Room::new();
    let since = Instant::now();
    let haul = room.haul().args(["--limit-rate", "100K", "-o", "-", &origin.url("/a")]);
    assert_eq!(haul.run().succeeds().stdout, body);
    assert!(since.elapsed() >= Duration::from_millis(940), "{:?}", since.elapsed());
}

#[test]
fn every_request_counts_also_of_retries_and_redirects() {
    let origin = Origin::new();
    origin.file("/a", "a");
    origin.file("/b", "b").then(Status(503));
    origin.file("/c", "").always(Answer::to("/d"));
    origin.file("/d", "d");
    let room = Room::new();
    let list = origin.list(["/a", "/b", "/c"]);
    let haul = room.haul().impatient().args(["--rate", "4/s"]).stdin(list);
    haul.run().succeeds();
    let times: Vec<_> = origin.requests().iter().map(|request| request.at).collect();
    assert_eq!(times.len(), 5);
    // The last may be no earlier; the first may have come late.
    let took = times[4] - times[0];
    assert!(took >= Duration::from_millis(900), "{took:?}");
}

#[test]
fn what_is_too_slow_is_given_up_and_gone_on_with() {
    let origin = Origin::new();
    let body = bytes(40_000, 3);
    origin.file("/a", &body).etag("v1").then(Trickle(400));
    let room = Room::new();
    let slow = ["-v", "--min-speed", "100K", "--timeout", "1s"];
    let outcome = room.haul().impatient().args(slow).arg(origin.url("/a")).run();
    outcome
        .succeeds()
        .says("slower than 100 KiB/s for 1.00 s (--min-speed)");
    room.holds_exactly(&[("a", &body)]);
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1].field("Range").is_some_and(|range| range != "bytes=0-"),
        "{:?}",
        requests[1]
    );
}

#[test]
fn what_is_always_too_slow_fails_in_words_of_its_own() {
    let origin = Origin::new();
    origin.file("/a", bytes(40_000, 3)).always(Trickle(400));
    let room = Room::new();
    let slow = ["--min-speed", "100K", "--timeout", "600ms", "--retries", "1"];
    let outcome = room.haul().impatient().args(slow).arg(origin.url("/a")).run();
    outcome.fails().says("slower than 100 KiB/s");
    assert_eq!(origin.requests().len(), 2);
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn a_small_file_is_never_too_slow() {
    let origin = Origin::new();
    origin.file("/a", "abc").always(Trickle(3));
    let room = Room::new();
    let haul = room
        .haul()
        .args(["--min-speed", "1G", "--retries", "0", &origin.url("/a")]);
    haul.run().succeeds();
}
