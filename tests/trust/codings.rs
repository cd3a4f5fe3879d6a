//! Content codings that nobody asked for: the file is what is inside, unless its name says otherwise.

use crate::checksums::base64;
use crate::support::Answer::{self, Raw, Says};
use crate::support::{Origin, Outcome, Room, bytes, gzip, zlib};

fn coded(coding: &str, body: Vec<u8>) -> Answer {
    Says(200, vec![], body)
        .field("Content-Encoding", coding)
        .field("ETag", "\"v1\"")
}

fn fetch(room: &Room, path: &str, answer: Answer) -> (Origin, Outcome) {
    let origin = Origin::new();
    let url = origin.file(path, "").always(answer).url();
    let outcome = room.haul().impatient().args(["--retries", "1", &url]).run();
    (origin, outcome)
}

#[track_caller]
fn is_saved_as(path: &str, answer: Answer, body: &[u8]) {
    let room = Room::new();
    fetch(&room, path, answer).1.succeeds();
    room.holds_exactly(&[(&path[1..], body)]);
}

#[track_caller]
fn is_refused(answer: Answer, reason: &str) {
    let room = Room::new();
    let (_origin, outcome) = fetch(&room, "/a.txt", answer);
    outcome.fails().says_in_a_line(&[reason]).is_plain_text();
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn a_coding_that_nobody_asked_for_is_taken_off() {
    for body in [b"hello".to_vec(), Vec::new(), bytes(700_000, 1), vec![0; 700_000]] {
        is_saved_as("/a.txt", coded("gzip", gzip(&body)), &body);
        is_saved_as("/a.txt", coded("X-GZip", gzip(&body)), &body);
        is_saved_as("/a.txt", coded("deflate", zlib(&body)), &body);
        is_saved_as("/a.txt", coded("identity", body.clone()), &body);
    }
}

#[test]
fn a_name_that_says_so_is_saved_as_sent() {
    let body = gzip(b"hello");
    for path in ["/a.gz", "/a.tar.gz", "/a.tgz", "/a.GZ", "/a.svgz"] {
        is_saved_as(path, coded("gzip", body.clone()), &body);
    }
    // It says xz, and that is what is inside.
    is_saved_as("/a.tar.xz", coded("gzip", body), b"hello");
    is_saved_as("/a.gz", coded("x-unheard-of", b"anything".to_vec()), b"anything");
}

#[test]
fn several_gzip_members_are_one_file() {
    let body = [gzip(b"hello, "), gzip(b"world")].concat();
    is_saved_as("/a.txt", coded("gzip", body), b"hello, world");
}

#[test]
fn no_bytes_at_all_are_an_empty_file_whatever_their_coding() {
    is_saved_as("/a.txt", coded("gzip", Vec::new()), b"");
    is_saved_as("/a.txt", coded("deflate", Vec::new()), b"");
}

#[test]
fn a_coding_that_breaks_off_or_is_damaged_is_no_file() {
    let whole = gzip(&bytes(700_000, 1));
    let damaged = |at: usize| {
        let mut body = whole.clone();
        body[at] ^= 0xFF;
        body
    };
    let broken = "the content coding is broken";
    is_refused(coded("gzip", whole[..whole.len() - 1].to_vec()), broken);
    is_refused(coded("gzip", whole[..whole.len() / 2].to_vec()), broken);
    is_refused(coded("gzip", whole[..5].to_vec()), broken);
    is_refused(coded("gzip", damaged(0)), broken);
    is_refused(coded("gzip", damaged(whole.len() / 2)), broken);
    is_refused(coded("gzip", damaged(whole.len() - 6)), broken);
    is_refused(coded("gzip", [&whole[..], b"and more"].concat()), broken);
    is_refused(coded("gzip", b"hello".to_vec()), broken);
    let whole = zlib(&bytes(700_000, 1));
    is_refused(coded("deflate", whole[..whole.len() - 1].to_vec()), broken);
    is_refused(coded("deflate", [&whole[..], b"and more"].concat()), broken);
    is_refused(coded("deflate", b"hello".to_vec()), broken);
}

#[test]
fn a_coded_body_that_is_cut_is_fetched_anew_from_its_beginning() {
    let origin = Origin::new();
    let body = bytes(700_000, 1);
    let sent = gzip(&body);
    let resource = origin
        .file("/a.txt", &sent)
        .etag("v1")
        .field("Content-Encoding", "gzip");
    let url = resource
        .then(Answer::CutAfter(600_000))
        .then(Answer::CutChunked(300_000))
        .url();
    let room = Room::new();
    room.haul().impatient().arg(url).run().succeeds();
    room.holds_exactly(&[("a.txt", &body)]);
    assert!(origin.requests().iter().all(|r| r.field("Range").is_none()));
    assert!(
        origin
            .requests()
            .iter()
            .all(|r| r.field("Accept-Encoding") == Some("identity"))
    );
}

#[test]
fn a_coded_body_of_another_length_than_it_says_is_no_file() {
    let sent = gzip(b"hello");
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    let raw = |length: usize| Raw([head(length).as_bytes(), &sent].concat());
    is_refused(raw(sent.len() + 1), "body ended");
    is_refused(raw(sent.len() - 1), "the content coding is broken");
}

#[test]
fn a_coding_that_is_not_known_is_refused() {
    for coding in ["br", "zstd", "compress", "gzip, gzip", "deflate, gzip", "x\u{7f}"] {
        let room = Room::new();
        let (origin, outcome) = fetch(&room, "/a.txt", coded(coding, gzip(b"hello")));
        outcome.fails().is_plain_text();
        room.holds_exactly::<&str>(&[]);
        assert_eq!(origin.requests().len(), 1, "{coding}");
    }
}

#[test]
fn a_checksum_is_of_the_file_and_a_digest_is_of_what_was_sent() {
    let sum = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let origin = Origin::new();
    let url = origin.file("/a.txt", "").always(coded("gzip", gzip(b"hello"))).url();
    let room = Room::new();
    room.haul().args(["--checksum", sum, &url]).run().succeeds();
    room.holds_exactly(&[("a.txt", "hello")]);
}

#[test]
fn a_digest_of_what_was_sent_is_checked_when_the_coding_is_taken_off() {
    let (sent, other) = (gzip(b"hello"), gzip(b"other"));
    for (of, is_right) in [(&sent, true), (&other, false)] {
        let answer = coded("gzip", sent.clone()).field("Content-MD5", &base64("md5", of));
        let room = Room::new();
        let (origin, outcome) = fetch(&room, "/a.txt", answer);
        if is_right {
            outcome.succeeds();
            room.holds_exactly(&[("a.txt", "hello")]);
        } else {
            outcome.fails().says_in_a_line(&["wrong md5 checksum"]);
            room.holds_exactly::<&str>(&[]);
            assert_eq!(origin.requests().len(), 2);
        }
    }
}

#[test]
fn a_coded_body_that_only_the_connection_ends_is_fetched_again_when_it_is_cut() {
    let sent = gzip(&bytes(100_000, 1));
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    let raw = |body: &[u8]| Raw([head.as_bytes(), body].concat());
    let origin = Origin::new();
    let resource = origin.file("/a.bin", "");
    let url = resource.then(raw(&sent[..sent.len() / 2])).always(raw(&sent)).url();
    let room = Room::new();
    room.haul().impatient().arg(url).run().succeeds();
    room.holds_exactly(&[("a.bin", bytes(100_000, 1))]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_coded_file_of_which_a_part_of_the_url_is_hidden_is_known_by_its_tag() {
    let origin = Origin::new();
    let answer = coded("gzip", gzip(b"hello"));
    let url = format!("{}?sig=secret", origin.file("/a.txt", "").always(answer).url());
    let room = Room::new();
    for args in [&[][..], &[], &["-J"]] {
        room.haul().args(args).arg(&url).run().succeeds();
    }
    room.holds_exactly(&[("a.txt", "hello")]);
}

#[test]
fn a_coded_file_is_known_again() {
    let origin = Origin::new();
    let url = origin.file("/a.txt", "").always(coded("gzip", gzip(b"hello"))).url();
    let room = Room::new();
    for _ in 0..2 {
        room.haul().arg(&url).run().succeeds();
    }
    assert_eq!(origin.requests().len(), 1);
}
