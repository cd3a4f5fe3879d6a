//! What the next run makes of a part: it goes on where that is proven to fit, and starts over where it is not.

use std::fs;

use crate::support::Answer::{self, CutAfter, PartFrom, Raw, SilentAfter};
use crate::support::{Gate, Origin, Request, Room, bytes};

/// What may be fetched again after a kill: what is gathered before it is written.
const BUFFER: u64 = 256 * 1024;

/// A record as haul writes it.
fn record(url: &str, validator: &str, size: usize, missing_from: usize, boot: Option<&str>) -> String {
    let boot = boot.map_or_else(|| "null".to_owned(), |boot| format!("{boot:?}"));
    format!(
        r#"{{"v":1,"url":{url:?},"validator":{validator:?},"size":{size},"gaps":[[{missing_from},{size}]],"boot":{boot}}}"#
    )
}

fn this_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn range_start(request: &Request) -> Option<u64> {
    request
        .field("Range")?
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}

/// The next run asks for the whole file, and gets it.
#[track_caller]
fn starts_over(origin: &Origin, room: &Room, body: &[u8]) {
    let before = origin.requests().len();
    room.haul().impatient().arg(origin.url("/a.bin")).run().succeeds();
    room.holds_exactly(&[("a.bin", body)]);
    let requests = origin.requests();
    assert_eq!(requests[before].field("Range"), None, "the first request of that run");
}

#[test]
fn after_a_kill_only_what_was_in_memory_is_fetched_again() {
    let origin = Origin::new();
    let body = bytes(5_000_000, 1);
    let sent = 3_000_000;
    origin.file("/a.bin", &body).etag("v1").then(SilentAfter(sent));
    let room = Room::new();
    let haul = room.haul().arg(origin.url("/a.bin")).start();
    let sent = sent as u64;
    room.wait_for("a.bin.part", sent - BUFFER);
    // Dropped is killed.
    drop(haul);
    let kept = room.read("a.bin.part").len() as u64;
    room.haul().arg(origin.url("/a.bin")).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].field("If-Range"), Some("\"v1\""));
    assert_eq!(range_start(&requests[1]), Some(kept), "goes on where the part ends");
    assert!(sent - kept <= BUFFER, "{} bytes again", sent - kept);
}

#[test]
fn a_record_that_is_damaged_or_of_something_else_means_starting_over() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    origin.file("/a.bin", &body).etag("v1");
    let url = origin.url("/a.bin");
    let good = record(&url, "\"v1\"", body.len(), 0, Some(&this_boot()));
    for damaged in [
        String::new(),
        "\0".repeat(300),
        good[..good.len() - 5].to_owned(),
        good.replace("\"v\":1", "\"v\":2"),
        good.replace("a.bin", "b.bin"),
        good.replace("[[0,", "[[600000,"),
        good.replace("\\\"v1\\\"", ""),
    ] {
        let room = Room::new();
        // Not the file's bytes: who trusts them makes a wrong file.
        room.put("a.bin.part", bytes(500_000, 2));
        room.put("a.bin.part.json", &damaged);
        starts_over(&origin, &room, &body);
    }
}

#[test]
fn a_record_that_is_good_is_gone_on_with() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    origin.file("/a.bin", &body).etag("v1");
    let url = origin.url("/a.bin");
    for (boot, trusted) in [(this_boot(), 500_000), ("another".to_owned(), 300_000)] {
        let room = Room::new();
        room.put("a.bin.part", &body[..500_000]);
        room.put(
            "a.bin.part.json",
            record(&url, "\"v1\"", body.len(), 300_000, Some(&boot)),
        );
        room.haul().arg(&url).run().succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
        assert_eq!(
            range_start(origin.requests().last().unwrap()),
            Some(trusted),
            "boot {boot}"
        );
    }
}

#[test]
fn what_the_machine_lost_in_a_crash_stays_lost_when_the_next_run_is_ended_too() {
    let origin = Origin::new();
    let body = bytes(2_000_000, 1);
    let url = origin.file("/a.bin", &body).etag("v1").then(SilentAfter(100_000)).url();
    for is_killed in [false, true] {
        let room = Room::new();
        // The record vouches for 300 kB; behind them is what a crash may leave.
        let part = [&body[..300_000], &vec![0; 700_000]].concat();
        room.put("a.bin.part", part);
        room.put(
            "a.bin.part.json",
            record(&url, "\"v1\"", body.len(), 300_000, Some("another")),
        );
        origin.file("/a.bin", &body).etag("v1").then(SilentAfter(400_000));
        let before = origin.requests().len();
        let haul = room.haul().arg(&url).start();
        origin.wait_for_requests(before + 1);
        if is_killed {
            room.wait_for("a.bin.part", 1);
            drop(haul);
        } else {
            haul.interrupt();
            haul.finish().exits_with(130);
        }
        room.haul().arg(&url).run().succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
    }
}

#[test]
fn a_file_that_changed_between_two_runs_comes_new_and_whole() {
    let room = Room::new();
    let origin = Origin::new();
    let (old, new) = (bytes(1_500_000, 1), bytes(1_500_000, 2));
    origin.file("/a.bin", &old).etag("v1").then(SilentAfter(900_000));
    let haul = room.haul().arg(origin.url("/a.bin")).start();
    room.wait_for("a.bin.part", 500_000);
    drop(haul);
    origin.file("/a.bin", &new).etag("v2");
    let again = room.haul().args(["--json", &origin.url("/a.bin")]).run();
    again.succeeds();
    let (status, told) = ("\"status\":\"downloaded\"", &again.stdout);
    assert!(told.contains(status), "nothing of it was kept: {told}");
    room.holds_exactly(&[("a.bin", &new)]);
    let requests = origin.requests();
    assert_eq!(
        requests.len(),
        2,
        "a server that knows If-Range sends the new file at once"
    );
    assert_eq!(requests[1].field("If-Range"), Some("\"v1\""));
}

#[test]
fn a_server_that_does_not_know_if_range_mixes_nothing() {
    let body = bytes(1_000_000, 2);
    for (validator, field, value) in [
        ("\"v1\"", "ETag", "\"v2\"".to_owned()),
        (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Last-Modified",
            httpdate::fmt_http_date(std::time::SystemTime::now()),
        ),
        ("\"v1\"", "X-Nothing", String::new()),
    ] {
        let origin = Origin::new();
        let url = origin
            .file("/a.bin", &body)
            .field(field, &value)
            .then(PartFrom(500_000))
            .url();
        let room = Room::new();
        room.put("a.bin.part", bytes(500_000, 1));
        room.put("a.bin.part.json", record(&url, validator, body.len(), 500_000, None));
        room.haul().impatient().arg(&url).run().succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
    }
}

#[test]
fn what_has_no_validator_starts_over() {
    let origin = Origin::new();
    let body = bytes(1_500_000, 1);
    origin.file("/a.bin", &body).then(SilentAfter(900_000));
    let room = Room::new();
    let haul = room.haul().arg(origin.url("/a.bin")).start();
    room.wait_for("a.bin.part", 500_000);
    drop(haul);
    starts_over(&origin, &room, &body);
}

#[test]
fn a_part_of_unknown_length_is_not_taken_for_the_rest() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    let some = |from: usize, to: usize| {
        let head = format!(
            "HTTP/1.1 206 P\r\nETag: \"v1\"\r\nContent-Range: bytes {from}-{}/*\r\n",
            to - 1
        );
        Raw([
            format!("{head}Content-Length: {}\r\n\r\n", to - from).as_bytes(),
            &body[from..to],
        ]
        .concat())
    };
    let answers = [Answer::CutChunked(400_000), some(400_000, 700_000)];
    let url = origin.file("/a.bin", &body).etag("v1");
    let url = answers.into_iter().fold(url, crate::support::Resource::then).url();
    let room = Room::new();
    room.haul().impatient().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn a_body_that_is_always_cut_at_the_same_place_is_given_up() {
    let origin = Origin::new();
    let url = origin
        .file("/a.bin", bytes(900_000, 1))
        .field("Accept-Ranges", "none")
        .always(Raw([
            &b"HTTP/1.1 200 O\r\nETag: \"v1\"\r\nContent-Length: 900000\r\n\r\n"[..],
            &bytes(500_000, 1),
        ]
        .concat()));
    let url = url.url();
    let room = Room::new();
    room.haul()
        .impatient()
        .args(["--retries", "3", &url])
        .run()
        .fails()
        .says("body ended");
    assert!(origin.requests().len() <= 5, "{} requests", origin.requests().len());
}

#[test]
fn a_server_that_gives_a_few_bytes_a_try_is_not_asked_for_each_of_them() {
    let (origin, room) = (Origin::new(), Room::new());
    let body = bytes(300_000, 1);
    origin.file("/a.bin", &body).etag("v1").always(Answer::CutAfter(5));
    let outcome = room.haul().impatient().arg(origin.url("/a.bin")).run();
    outcome.fails().says_in_a_line(&["body ended"]);
    assert!(origin.requests().len() < 20, "{}", origin.requests().len());
}

#[test]
fn a_try_that_brings_more_is_no_reason_to_give_up() {
    let origin = Origin::new();
    let body = bytes(2_000_000, 1);
    let url = origin
        .file("/a.bin", &body)
        .etag("v1")
        .times(8, &CutAfter(200_000))
        .url();
    let room = Room::new();
    room.haul().impatient().args(["--retries", "1", &url]).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    let starts: Vec<_> = origin
        .requests()
        .iter()
        .map(|request| range_start(request).unwrap_or(0))
        .collect();
    assert_eq!(starts, (0..9).map(|n| n * 200_000).collect::<Vec<_>>());
}

#[test]
fn a_run_that_is_killed_while_it_waits_for_the_answer_loses_nothing() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    let gate = Gate::new();
    let url = origin
        .file("/a.bin", &body)
        .etag("v1")
        .then(Answer::Well.held_by(&gate))
        .url();
    let room = Room::new();
    room.put("a.bin.part", &body[..600_000]);
    room.put(
        "a.bin.part.json",
        record(&url, "\"v1\"", body.len(), 0, Some(&this_boot())),
    );
    let haul = room.haul().arg(&url).start();
    origin.wait_for_requests(1);
    drop(haul);
    gate.open();
    room.haul().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(range_start(origin.requests().last().unwrap()), Some(600_000));
}

#[test]
fn a_part_of_a_file_that_is_there_goes_unless_it_was_to_replace_it() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    let record = record(&url, "\"v0\"", 900_000, 400_000, None);
    room.put("a.bin.part", &body[..400_000]);
    room.put(
        "a.bin.part.json",
        record.replace("\"v\":1", "\"v\":1,\"replaces\":true"),
    );
    room.haul().arg(&url).run().succeeds();
    assert_eq!(room.names(), ["a.bin", "a.bin.part", "a.bin.part.json"]);
    room.put("a.bin.part.json", record);
    room.haul().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn a_record_without_its_part_goes_when_the_file_is_there() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    room.put("a.bin.part.json", record(&url, "\"v1\"", body.len(), 400_000, None));
    room.haul().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn what_a_kill_left_beside_a_finished_file_goes_whatever_its_name() {
    type Left<'a> = &'a dyn Fn(&Room);
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    let named = "attachment; filename=\"named.bin\"";
    let file = origin
        .file("/a.bin", &body)
        .etag("v1")
        .field("Content-Disposition", named);
    let url = file.url();
    let record = record(&url, "\"v1\"", body.len(), 400_000, None);
    let link = |room: &Room| fs::hard_link(room.path("a.bin"), room.path("a.bin.part")).unwrap();
    let numbered: Left = &|room| {
        room.put("a.bin.part", "somebody's");
        room.put("a.bin.2.part.json", &record);
    };
    let alone: Left = &|room| drop(room.put("a.bin.part.json", &record));
    let second: Left = &|room| {
        link(room);
        alone(room);
    };
    let somebodys: Left = &link;
    for (what, args, left, stays) in [
        (
            "beside a stranger's part",
            &[][..],
            numbered,
            &["a.bin", "a.bin.part"][..],
        ),
        ("of a file with another name", &["-J"], alone, &["named.bin"]),
        ("a second name", &[], second, &["a.bin"]),
        ("a second name, but no record", &[], somebodys, &["a.bin", "a.bin.part"]),
    ] {
        let room = Room::new();
        let run = || room.haul().args(args).arg(&url).run();
        run().succeeds();
        left(&room);
        run().succeeds();
        assert_eq!(room.names(), stays, "{what}");
        assert!(room.read(stays[0]) == body, "{what}");
    }
}
