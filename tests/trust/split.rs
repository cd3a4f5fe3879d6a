//! A large file that several fetch at once is right and whole, whatever one of their servers' answers is.

use std::time::Duration;

use crate::support::Answer::{self, CutAfter, HangUp, HeldAfter, LongPart, PartFrom, ShortPart, Status, Trickle, Well};
use crate::support::{DEADLINE, Gate, Origin, Request, Resource, Room, Victim, bytes, sha256};

const MIB: usize = 1 << 20;
const SIZE: usize = 36 * MIB;

fn body() -> Vec<u8> {
    bytes(SIZE, 7)
}

fn file<'o>(origin: &'o Origin, body: &[u8]) -> Resource<'o> {
    origin.file("/a.bin", body).etag("v1")
}

/// First byte and end of the range asked for.
fn range(request: &Request) -> Option<(usize, usize)> {
    let (first, last) = request.field("Range")?.strip_prefix("bytes=")?.split_once('-')?;
    let end = last.parse().map_or(SIZE, |last: usize| last + 1);
    Some((first.parse().ok()?, end))
}

#[test]
fn a_second_connection_fetches_the_end_and_the_first_stops_there() {
    let (origin, gate, body) = (Origin::new(), Gate::new(), body());
    file(&origin, &body).then(HeldAfter(MIB, gate.clone()));
    let room = Room::new();
    let running = room.haul().args(["--split", "2"]).arg(origin.url("/a.bin")).start();
    origin.wait_for_requests(2);
    gate.open();
    running.finish().succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", &body)]);
    let requests = origin.requests();
    // Who is done first may help the other once more.
    assert!((2..=3).contains(&requests.len()), "{requests:?}");
    let (first, end) = range(&requests[1]).expect("a range");
    assert!(
        (SIZE / 2..SIZE / 2 + MIB).contains(&first) && end == SIZE,
        "{first} {end}"
    );
    assert_eq!(requests[1].field("If-Range"), Some("\"v1\""));
}

#[test]
fn a_helper_that_gets_something_else_harms_nothing() {
    let body = body();
    let answers = [
        Status(404),
        Status(503),
        HangUp,
        Well.deaf(),
        PartFrom(5),
        CutAfter(3 * MIB),
        Answer::part(&format!("bytes 0-9/{SIZE}"), [0; 10]),
        LongPart(MIB),
        ShortPart(1),
        ShortPart(2 * MIB),
    ];
    for answer in answers {
        let (origin, gate, room) = (Origin::new(), Gate::new(), Room::new());
        let held = HeldAfter(MIB, gate.clone());
        file(&origin, &body).then(held).times(3, &answer);
        let haul = room.haul().impatient().args(["--split", "2"]);
        let running = haul.arg(origin.url("/a.bin")).start();
        origin.wait_for_requests(2);
        gate.open();
        running.finish().succeeds().finished(1, 1);
        room.holds_exactly(&[("a.bin", &body)]);
    }
}

#[test]
fn a_server_that_refuses_all_helpers_sends_the_file_by_one_connection() {
    let body = bytes(64 * MIB, 7);
    for answer in [
        Status(403),
        Status(416),
        Well.deaf(),
        ShortPart(1),
        Answer::becomes(&body, "v2", Well),
    ] {
        let (origin, gate, room) = (Origin::new(), Gate::new(), Room::new());
        let held = HeldAfter(MIB, gate.clone());
        let file = origin.file("/a.bin", &body).etag("v1");
        file.then(held).times(9, &answer);
        let haul = room.haul().args(["--retries", "0", "--split", "4"]);
        let running = haul.arg(origin.url("/a.bin")).start();
        origin.wait_for_requests(4);
        gate.open();
        running.finish().succeeds().finished(1, 1);
        room.holds_exactly(&[("a.bin", &body)]);
    }
}

#[test]
fn a_refused_helper_waits_as_long_as_the_server_asks() {
    let (origin, gate, room, body) = (Origin::new(), Gate::new(), Room::new(), body());
    let resource = file(&origin, &body).then(HeldAfter(MIB, gate.clone()));
    resource.then(Status(429).retry_after("1"));
    let haul = room.haul().args(["--split", "2", &origin.url("/a.bin")]);
    let running = haul.start();
    origin.wait_for_requests(3);
    gate.open();
    running.finish().succeeds().finished(1, 1);
    let requests = origin.requests();
    let waited = requests[2].at - requests[1].at;
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
}

#[test]
fn a_refused_helper_takes_no_connection_from_other_files() {
    let (origin, gate, room, body) = (Origin::new(), Gate::new(), Room::new(), body());
    let resource = file(&origin, &body).then(HeldAfter(MIB, gate.clone()));
    resource.always(Status(429).retry_after("60"));
    let paths = ["/b", "/c", "/d"];
    for path in paths {
        origin.file(path, path).then(Well.held_by(&gate));
    }
    let mut running = room.haul().args(["--split", "2", "--jobs", "4"]).start();
    running.write(origin.list(["/a.bin"]));
    origin.wait_for_requests(2);
    running.write(origin.list(paths));
    for path in paths {
        origin.wait_for(path);
    }
    gate.open();
    running.finish().succeeds().finished(4, 4);
    assert_eq!(origin.requests_for("/a.bin").len(), 2);
}

#[test]
fn a_file_that_changes_meanwhile_is_not_mixed() {
    let (origin, gate, room) = (Origin::new(), Gate::new(), Room::new());
    let (old, new) = (body(), bytes(SIZE, 8));
    let resource = file(&origin, &old).then(HeldAfter(MIB, gate.clone()));
    resource.then(Answer::becomes(&new, "v2", Well));
    let haul = room.haul().impatient().args(["--split", "2"]);
    let running = haul.arg(origin.url("/a.bin")).start();
    origin.wait_for_requests(2);
    gate.open();
    running.finish().succeeds().finished(1, 1);
    // The first answer goes on to its end.
    room.holds_exactly(&[("a.bin", &old)]);
}

#[test]
fn a_checksum_is_of_the_whole_file_whoever_fetched_its_parts() {
    let (origin, gate, body) = (Origin::new(), Gate::new(), body());
    file(&origin, &body).then(HeldAfter(MIB, gate.clone()));
    let room = Room::new();
    let haul = room
        .haul()
        .args(["--split", "2", "--checksum", &format!("sha256:{}", sha256(&body))]);
    let running = haul.arg(origin.url("/a.bin")).start();
    origin.wait_for_requests(2);
    gate.open();
    running.finish().succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn without_ranges_or_a_validator_or_with_a_split_of_one_nothing_comes_twice() {
    let body = body();
    for (etag, answer, split) in [(false, Well, "2"), (true, Well.deaf(), "2"), (true, Well, "1")] {
        let (origin, room) = (Origin::new(), Room::new());
        let resource = origin.file("/a.bin", &body).always(answer);
        if etag {
            resource.etag("v1");
        }
        let haul = room.haul().args(["--split", split]);
        haul.arg(origin.url("/a.bin")).run().succeeds().finished(1, 1);
        room.holds_exactly(&[("a.bin", &body)]);
        let requests = origin.requests();
        let whole = requests.iter().filter(|request| range(request).is_none());
        assert_eq!(whole.count(), 1, "{requests:?}");
        assert!(split == "2" && etag || requests.len() == 1, "{requests:?}");
    }
}

#[test]
fn slots_that_nobody_needs_help_with_the_last_file() {
    let (origin, body) = (Origin::new(), body());
    // Six seconds of work for one.
    file(&origin, &body).then(Trickle(60));
    let small: Vec<_> = (0..5).map(|n| format!("/small-{n}")).collect();
    for path in &small {
        origin.file(path, b"small");
    }
    let list = origin.list(["/a.bin"].into_iter().chain(small.iter().map(String::as_str)));
    let room = Room::new();
    room.haul().stdin(list).arg("-").run().succeeds().finished(6, 6);
    assert_eq!(room.read("a.bin"), body);
    assert!(origin.requests_for("/a.bin").len() > 1);
}

/// What the record names as missing, once it names less than so many bytes.
fn missing(room: &Room, less_than: u64) -> Vec<(u64, u64)> {
    let begun = std::time::Instant::now();
    loop {
        // It is replaced in one step.
        let text = std::fs::read(room.path("a.bin.part.json")).unwrap_or_default();
        let record: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let missing: Vec<(u64, u64)> = serde_json::from_value(record["missing"].clone()).unwrap_or_default();
        let count: u64 = missing.iter().map(|(start, end)| end - start).sum();
        if !missing.is_empty() && count < less_than {
            return missing;
        }
        assert!(begun.elapsed() < DEADLINE, "waited for the record in vain");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn after_a_kill_only_what_was_in_memory_comes_again_although_the_parts_are_scattered() {
    let (origin, gate, body) = (Origin::new(), Gate::new(), body());
    // Both have some, and wait.
    let resource = file(&origin, &body).then(HeldAfter(2 * MIB, gate.clone()));
    resource.then(HeldAfter(14 * MIB, gate));
    let room = Room::new();
    let victim = Victim::start(&room, &origin.url("/a.bin"), &["--split", "2"]);
    let missing = missing(&room, (SIZE - 8 * MIB) as u64);
    victim.end_by(rustix::process::Signal::KILL);
    assert!(missing.len() > 1, "{missing:?}");
    let before = origin.requests().len();
    room.haul()
        .args(["--split", "1"])
        .arg(origin.url("/a.bin"))
        .run()
        .succeeds();
    assert_eq!(room.read("a.bin"), body);
    let asked: Vec<_> = origin.requests()[before..]
        .iter()
        .map(|request| range(request).expect("a range"))
        .collect();
    let again: usize = asked.iter().map(|(first, end)| end - first).sum();
    assert!(
        asked.len() > 1 && again <= SIZE - 8 * MIB,
        "{asked:?}, missing: {missing:?}"
    );
}

#[test]
fn a_signal_keeps_what_all_of_them_fetched() {
    let (origin, gate, body) = (Origin::new(), Gate::new(), body());
    let resource = file(&origin, &body).then(HeldAfter(2 * MIB, gate.clone()));
    resource.then(HeldAfter(14 * MIB, gate));
    let room = Room::new();
    let running = room.haul().args(["--split", "2"]).arg(origin.url("/a.bin")).start();
    let missing = missing(&room, (SIZE - 8 * MIB) as u64);
    running.interrupt();
    running.finish().exits_with(130);
    let before = origin.requests().len();
    room.haul()
        .args(["--split", "1"])
        .arg(origin.url("/a.bin"))
        .run()
        .succeeds();
    assert_eq!(room.read("a.bin"), body);
    let asked: Vec<_> = origin.requests()[before..]
        .iter()
        .map(|request| range(request).expect("a range"))
        .collect();
    let again: usize = asked.iter().map(|(first, end)| end - first).sum();
    assert!(again <= SIZE - 8 * MIB, "{asked:?}, missing: {missing:?}");
}
