//! A body becomes a file when it is whole, and not before.

use crate::support::Answer::{
    self, Chunked, CutAfter, CutChunked, EndlessHead, HeldAfter, PartFrom, Raw, ResetAfter, SilentAfter, Trickle,
    UntilClose, Well,
};
use crate::support::{Gate, Origin, Room, bytes};

/// The first try ends like this, and the file is to come whole all the same.
#[track_caller]
fn comes_whole_after(answer: Answer) {
    let origin = Origin::new();
    let body = bytes(300_000, 7);
    origin.file("/a.bin", &body).etag("v1").then(answer);
    let room = Room::new();
    let args = ["--timeout", "300ms", &origin.url("/a.bin")];
    room.haul()
        .impatient()
        .args(args)
        .run()
        .succeeds()
        .finished(1, 1)
        .is_plain_text();
    room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(origin.requests().len(), 2, "one try more");
}

#[test]
fn a_cut_body_is_tried_again_and_comes_whole() {
    comes_whole_after(CutAfter(100_000));
}

#[test]
fn a_body_cut_at_its_first_byte_is_tried_again_and_comes_whole() {
    comes_whole_after(CutAfter(0));
}

#[test]
fn a_reset_body_is_tried_again_and_comes_whole() {
    comes_whole_after(ResetAfter(100_000));
}

#[test]
fn a_chunked_body_without_its_end_is_tried_again_and_comes_whole() {
    comes_whole_after(CutChunked(300_000));
}

#[test]
fn a_chunked_body_that_breaks_off_is_tried_again_and_comes_whole() {
    comes_whole_after(CutChunked(1500));
}

#[test]
fn a_body_that_falls_silent_is_tried_again_and_comes_whole() {
    comes_whole_after(SilentAfter(100_000));
}

#[test]
fn a_server_that_says_nothing_is_tried_again() {
    comes_whole_after(Answer::Silent);
}

#[test]
fn headers_that_never_end_are_tried_again() {
    comes_whole_after(EndlessHead);
}

#[test]
fn what_did_not_come_in_time_is_named_and_bytes_that_came_are_not_denied() {
    for (answer, said) in [
        (Answer::Silent, "no answer within 500 ms"),
        (EndlessHead, "no answer within 500 ms"),
        (SilentAfter(100), "no byte for 500 ms"),
    ] {
        let (origin, room) = (Origin::new(), Room::new());
        let url = origin.file("/a.bin", bytes(1000, 1)).always(answer).url();
        let haul = room.haul().args(["--timeout", "500ms", "--retries", "0", &url]);
        haul.run().fails().says_in_a_line(&[said, "/a.bin"]);
    }
}

#[test]
fn a_body_that_is_always_cut_never_gets_its_name() {
    let origin = Origin::new();
    let body = bytes(100_000, 1);
    origin.file("/cut.bin", &body).always(CutAfter(60_000));
    origin.file("/chunked.bin", &body).always(CutChunked(60_000));
    origin.file("/good.bin", &body);
    let room = Room::new();
    let list = origin.list(["/cut.bin", "/chunked.bin", "/good.bin"]);
    let outcome = room.haul().impatient().args(["--retries", "2"]).stdin(list).run();
    outcome
        .fails()
        .finished(1, 3)
        .says_in_a_line(&["body", "/cut.bin"])
        .says_in_a_line(&["/chunked.bin"]);
    room.holds(&[("good.bin", &body)]);
    let names = room.names();
    assert!(
        !names.iter().any(|name| name == "cut.bin" || name == "chunked.bin"),
        "{names:?}"
    );
    assert_eq!(origin.requests_for("/cut.bin").len(), 3);
}

#[test]
fn every_way_to_end_a_body_well_makes_a_file() {
    let origin = Origin::new();
    let body = bytes(200_000, 1);
    for (path, answer) in [("/length", Well), ("/chunks", Chunked), ("/close", UntilClose)] {
        origin.file(path, &body).then(answer.clone());
        origin.file(&format!("{path}-of-nothing"), "").then(answer);
    }
    let room = Room::new();
    let list = origin.list([
        "/length",
        "/chunks",
        "/close",
        "/length-of-nothing",
        "/chunks-of-nothing",
        "/close-of-nothing",
    ]);
    room.haul().args(["--retries", "0"]).stdin(list).run().succeeds();
    room.holds_exactly(&[
        ("length", &body[..]),
        ("chunks", &body),
        ("close", &body),
        ("length-of-nothing", b""),
        ("chunks-of-nothing", b""),
        ("close-of-nothing", b""),
    ]);
}

#[test]
fn an_answer_that_is_unusual_is_an_answer() {
    for raw in [
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello",
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n00\r\nTrailer: x\r\n\r\n",
    ] {
        let origin = Origin::new();
        origin.file("/a", "").then(Raw(raw.into()));
        let room = Room::new();
        room.haul().args(["--retries", "0", &origin.url("/a")]).run().succeeds();
        room.holds_exactly(&[("a", "hello")]);
    }
}

#[test]
fn slow_is_not_silent() {
    let origin = Origin::new();
    let body = bytes(2000, 1);
    origin.file("/a.bin", &body).then(Trickle(20));
    let room = Room::new();
    let args = ["--timeout", "1500ms", &origin.url("/a.bin")];
    room.haul().args(args).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_large_file_comes_whole() {
    let origin = Origin::new();
    let body = bytes(20_000_000, 1);
    origin.file("/a.bin", &body);
    let room = Room::new();
    room.haul().arg(origin.url("/a.bin")).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn the_name_appears_when_the_file_is_whole() {
    let origin = Origin::new();
    let gate = Gate::new();
    let body = bytes(500_000, 1);
    origin.file("/a.bin", &body).then(HeldAfter(400_000, gate.clone()));
    origin.file("/b.bin", "b");
    let room = Room::new();
    let mut haul = room.haul().arg("-v").start();
    haul.write(origin.list(["/a.bin"]));
    origin.wait_for("/a.bin");
    haul.write(origin.list(["/b.bin"]));
    haul.wait_for_stderr("b.bin");
    assert!(!room.path("a.bin").exists());
    gate.open();
    haul.finish().succeeds();
    room.holds_exactly(&[("a.bin", &body[..]), ("b.bin", b"b")]);
}

#[test]
fn a_part_that_nobody_asked_for_is_not_taken_for_the_file() {
    let origin = Origin::new();
    origin.file("/a.bin", bytes(1000, 1)).always(PartFrom(500));
    let room = Room::new();
    room.haul()
        .impatient()
        .args(["--retries", "1", &origin.url("/a.bin")])
        .run()
        .fails();
    assert!(!room.path("a.bin").exists());
}

#[test]
fn an_answer_without_the_file_is_not_taken_for_it() {
    for raw in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "hello",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\0\0\0",
    ] {
        let origin = Origin::new();
        origin.file("/a.bin", "").always(Raw(raw.into()));
        let room = Room::new();
        let outcome = room
            .haul()
            .impatient()
            .args(["--retries", "1", &origin.url("/a.bin")])
            .run();
        outcome.fails().is_plain_text();
        assert!(!room.path("a.bin").exists(), "{raw:?}");
    }
}
