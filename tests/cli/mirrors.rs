//! Several sources of one file: one that fails is left for the next.

use crate::support::Answer::{self, CutAfter, Status, Well};
use crate::support::{Origin, Room, bytes};

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
fn with_a_checksum_another_source_goes_on_where_one_ended_and_a_wrong_one_is_found_out() {
    use sha2::Digest as _;
    const SIZE: usize = 600_000;
    let body = bytes(SIZE, 1);
    let sum = sha2::Sha256::digest(&body)
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let options = format!(" checksum=sha-256={sum}\n");
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
