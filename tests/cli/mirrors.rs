//! Several sources of one file: one that fails is left for the next, and with a checksum several send it at once.

use crate::support::Answer::{self, CutAfter, HeldAfter, Status, Well};
use crate::support::{Authority, Gate, Origin, Room, TlsFront, bytes, sha256};

const MIB: usize = 1 << 20;
const LARGE: usize = 36 * MIB;

/// The option of an entry that is to add up to this.
fn sum_of(body: &[u8]) -> String {
    format!(" checksum=sha-256={}\n", sha256(body))
}

fn list(origins: &[&Origin], more: &str) -> String {
    let urls: Vec<_> = origins.iter().map(|origin| origin.url("/a.bin")).collect();
    format!("{}\n{more}", urls.join("\t"))
}

#[test]
fn a_source_that_fails_is_left_for_the_next() {
    for answer in [Status(404), Status(503), Answer::HangUp, CutAfter(0)] {
        let (bad, good, room) = (Origin::new(), Origin::new(), Room::new());
        bad.file("/a.bin", "a").always(answer);
        good.file("/a.bin", "right");
        let haul = room.haul().impatient().stdin(list(&[&bad, &good], ""));
        haul.run().succeeds().finished(1, 1);
        room.holds_exactly(&[("a.bin", "right")]);
        assert_eq!((bad.requests().len(), good.requests().len()), (1, 1));
    }
}

#[test]
fn when_all_fail_they_are_asked_again_but_for_those_that_cannot_come_back() {
    let (gone, busy, room) = (Origin::new(), Origin::new(), Room::new());
    gone.file("/a.bin", "").always(Status(404));
    busy.file("/a.bin", "right").then(Status(503)).then(Status(503));
    let haul = room.haul().impatient().stdin(list(&[&gone, &busy], ""));
    haul.run().succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", "right")]);
    assert_eq!((gone.requests().len(), busy.requests().len()), (1, 3));
    let (gone, also, room) = (Origin::new(), Origin::new(), Room::new());
    let haul = room.haul().impatient().stdin(list(&[&gone, &also], ""));
    haul.run().fails().says("404 Not Found");
    assert_eq!((gone.requests().len(), also.requests().len()), (1, 1));
}

#[test]
fn where_nobody_is_at_the_first_source_all_come_from_the_second() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (second, room) = (Origin::new(), Room::new());
    let names: Vec<_> = (0..200).map(|n| format!("{n}.bin")).collect();
    let line = |name: &String| {
        second.file(&format!("/{name}"), name);
        format!("http://{nobody}/{name}\t{}\n", second.url(&format!("/{name}")))
    };
    let list: String = names.iter().map(line).collect();
    let haul = room.haul().impatient().args(["-j", "4", "--retries", "1"]);
    haul.stdin(list).run().succeeds().finished(200, 200);
    let whole: Vec<_> = names.iter().map(|name| (&**name, &**name)).collect();
    room.holds_exactly(&whole);
}

#[test]
fn a_source_that_always_breaks_and_one_that_is_busy_are_given_up() {
    let (cut, busy, room) = (Origin::new(), Origin::new(), Room::new());
    cut.file("/a.bin", bytes(600_000, 1))
        .etag("1")
        .always(CutAfter(300_000).deaf());
    busy.file("/a.bin", "").always(Status(503));
    let haul = room.haul().impatient().args(["--retries", "3"]);
    haul.stdin(list(&[&cut, &busy], "")).run().fails().finished(0, 1);
    assert!(cut.requests().len() < 12, "{}", cut.requests().len());
}

#[test]
fn what_one_source_sent_is_not_mixed_with_another_s() {
    const SIZE: usize = 600_000;
    let (old, new) = (bytes(SIZE, 1), bytes(SIZE, 2));
    let (first, second, room) = (Origin::new(), Origin::new(), Room::new());
    // The same validator for something else.
    first
        .file("/a.bin", &old)
        .etag("1")
        .then(CutAfter(300_000))
        .always(Status(500));
    second.file("/a.bin", &new).etag("1");
    let haul = room.haul().impatient().stdin(list(&[&first, &second], ""));
    haul.run().succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", &new)]);
    assert_eq!(second.requests()[0].field("Range"), None);
}

#[test]
fn what_a_source_sent_in_an_earlier_run_is_not_gone_on_with_by_another() {
    const SIZE: usize = 900_000;
    let (old, new) = (bytes(SIZE, 1), bytes(SIZE, 2));
    let (first, second, room) = (Origin::new(), Origin::new(), Room::new());
    first.file("/a.bin", &old).etag("1").then(Status(404));
    second.file("/a.bin", &new).etag("1").then(CutAfter(400_000));
    let haul = || {
        let haul = room.haul().impatient().args(["--retries", "0"]);
        haul.stdin(list(&[&first, &second], "")).run()
    };
    haul().fails();
    haul().succeeds().finished(1, 1);
    room.holds(&[("a.bin", &old)]);
    assert_eq!(first.requests()[1].field("Range"), None);
}

#[test]
fn what_several_sources_may_have_sent_is_not_gone_on_with_where_no_checksum_tells() {
    const SIZE: usize = 600_000;
    let (old, new) = (bytes(SIZE, 1), bytes(SIZE, 2));
    for is_alone in [false, true] {
        let (first, second, room) = (Origin::new(), Origin::new(), Room::new());
        first.file("/a.bin", &old).etag("1").then(Status(503));
        second.file("/a.bin", &new).etag("1").then(CutAfter(300_000));
        let haul = |list: String| room.haul().impatient().args(["--retries", "0"]).stdin(list).run();
        haul(list(&[&first, &second], &sum_of(&old))).fails();
        assert_eq!(room.names().len(), 2, "a part and its record");
        let sources = if is_alone { &[&first][..] } else { &[&first, &second] };
        haul(list(sources, "")).succeeds();
        room.holds_exactly(&[("a.bin", &old)]);
        assert_eq!(first.requests()[1].field("Range"), None);
    }
}

#[test]
fn with_a_checksum_another_source_goes_on_where_one_ended_and_a_wrong_one_is_found_out() {
    const SIZE: usize = 600_000;
    let body = bytes(SIZE, 1);
    let options = sum_of(&body);
    let (first, second, room) = (Origin::new(), Origin::new(), Room::new());
    first
        .file("/a.bin", &body)
        .etag("1")
        .then(CutAfter(300_000))
        .always(Status(404));
    second.file("/a.bin", &body).etag("1");
    let haul = room.haul().impatient().stdin(list(&[&first, &second], &options));
    haul.run().succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", &body)]);
    assert!(second.requests()[0].field("Range").is_some(), "{:?}", second.requests());
    let (wrong, right, room) = (Origin::new(), Origin::new(), Room::new());
    wrong.file("/a.bin", bytes(SIZE, 3)).always(Well);
    right.file("/a.bin", &body);
    let haul = room.haul().impatient().stdin(list(&[&wrong, &right], &options));
    haul.run().succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn what_is_said_for_an_entry_goes_to_its_own_origin_alone() {
    let (own, mirror, room) = (Origin::new(), Origin::new(), Room::new());
    own.file("/a.bin", "").always(Status(404));
    mirror.file("/a.bin", "right");
    let options = " header=X-Key: hush\n http-user=me\n http-passwd=hush\n";
    room.haul().stdin(list(&[&own, &mirror], options)).run().succeeds();
    room.holds_exactly(&[("a.bin", "right")]);
    assert_eq!(own.requests()[0].field("X-Key"), Some("hush"));
    let request = &mirror.requests()[0];
    assert_eq!((request.field("X-Key"), request.field("Authorization")), (None, None));
}

/// The first source of a large file holds its answer until the second one was asked, if it is to be.
struct Two {
    first: Origin,
    second: Origin,
    room: Room,
    gate: Gate,
}

impl Two {
    fn new(body: &[u8]) -> Self {
        let (first, gate) = (Origin::new(), Gate::new());
        first.file("/a.bin", body).etag("1").then(HeldAfter(MIB, gate.clone()));
        Self {
            first,
            second: Origin::new(),
            room: Room::new(),
            gate,
        }
    }

    fn run(&self, args: &[&str], options: &str, asked: &Origin, times: usize) {
        let haul = self.room.haul().impatient().args(["--split", "2"]).args(args);
        let list = self.room.give("list.txt", list(&[&self.first, &self.second], options));
        let running = haul.arg(list).start();
        asked.wait_for_requests(times);
        self.gate.open();
        running.finish().succeeds().finished(1, 1);
    }
}

#[test]
fn with_a_checksum_two_sources_send_one_file_at_once() {
    let body = bytes(LARGE, 1);
    let two = Two::new(&body);
    two.second.file("/a.bin", &body).etag("another server's");
    let options = sum_of(&body) + " header=X-Key: hush\n";
    // The first host has no room for a second connection.
    two.run(&["--per-host", "1"], &options, &two.second, 1);
    two.room.holds_exactly(&[("a.bin", &body)]);
    // Each has its half, and more of the other one where that is slow to be sent.
    assert_eq!(two.first.requests()[0].field("Range"), None);
    let request = &two.second.requests()[0];
    assert!(
        request.field("Range").is_some_and(|range| range.ends_with('-')),
        "{request:?}"
    );
    assert_eq!((request.field("If-Range"), request.field("X-Key")), (None, None));
}

#[test]
fn without_a_checksum_nothing_tells_that_two_sources_have_one_file() {
    let body = bytes(LARGE, 1);
    let two = Two::new(&body);
    two.second.file("/a.bin", &body).etag("1");
    two.run(&[], "", &two.first, 2);
    two.room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(two.second.requests().len(), 0);
}

#[test]
fn a_source_with_something_else_has_no_part_in_the_file() {
    let (body, other) = (bytes(LARGE, 1), bytes(LARGE, 2));
    let longer = [&body[..], b"and more"].concat();
    for (second, answer) in [
        (&other, Well),
        (&longer, Well),
        (&body, Well.deaf()),
        (&body, Status(404)),
    ] {
        let two = Two::new(&body);
        two.second.file("/a.bin", second).etag("1").always(answer);
        two.run(&[], &sum_of(&body), &two.second, 1);
        two.room.holds_exactly(&[("a.bin", &body)]);
        assert_eq!(two.second.requests().len(), 1, "it is left alone then");
    }
}

#[test]
fn when_the_first_of_two_is_the_one_that_is_wrong_the_second_is_asked_for_all() {
    let (body, other) = (bytes(LARGE, 1), bytes(LARGE, 2));
    let two = Two::new(&other);
    two.second.file("/a.bin", &body).etag("1");
    two.run(&[], &sum_of(&body), &two.second, 1);
    two.room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn a_source_over_plain_http_is_no_way_around_https_only() {
    let authority = Authority::new();
    let (secure, plain, room) = (Origin::new(), Origin::new(), Room::new());
    let front = TlsFront::new(&secure, &authority.certifies("127.0.0.1"));
    let pem = room.give("authority.pem", authority.pem()).display().to_string();
    let args = ["--https-only", "--ca-cert", &pem];
    secure.file("/a.bin", "secure").then(Status(404));
    plain.file("/a.bin", "plain");
    let (secure_url, plain_url) = (front.url("/a.bin"), plain.url("/a.bin"));
    let haul = |first: &str, second: &str| {
        let list = format!("{first}\t{second}\n");
        room.haul().impatient().args(args).stdin(list).run()
    };
    haul(&secure_url, &plain_url).fails().says("404 Not Found");
    haul(&plain_url, &secure_url).succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", "secure")]);
    assert_eq!(plain.requests().len(), 0);
    haul(&plain_url, &plain_url).fails().says("--https-only");
}

#[test]
fn an_entry_with_another_mirror_is_another_entry() {
    let (origin, room) = (Origin::new(), Room::new());
    let good = origin.file("/good/a", "a").url();
    let bad = origin.url("/bad/a");
    let list = format!("{bad}\n{bad}\t{good}\n{bad}\t{good}\n");
    let outcome = room.haul().impatient().stdin(list).run();
    outcome.fails();
    room.holds_exactly(&[("a-2", "a")]);
}
