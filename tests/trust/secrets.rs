//! Where a redirect may lead, and what goes along: nothing that is meant for somebody else.

use crate::support::{Answer, Origin, Room};

#[test]
fn other_schemes_are_not_followed_whatever_they_are() {
    let room = Room::new();
    let mine = room.give("mine", "a secret");
    for (location, scheme) in [
        (format!("file://{}", mine.display()), "file:"),
        (format!("FILE://{}", mine.display()), "file:"),
        ("ftp://127.0.0.1/a".into(), "ftp:"),
        ("data:text/plain,hello".into(), "data:"),
        ("javascript:alert(1)".into(), "javascript:"),
        ("gopher://127.0.0.1:70/_a".into(), "gopher:"),
        ("about:blank".into(), "about:"),
        (" \tfile:///etc/passwd".into(), "file:"),
    ] {
        let origin = Origin::new();
        let url = origin.file("/a", "").always(Answer::to(&location)).url();
        let outcome = room.haul().impatient().arg(url).run();
        outcome
            .fails()
            .says_in_a_line(&[scheme, "not http or https"])
            .is_plain_text();
        room.holds_exactly::<&str>(&[]);
        assert_eq!(origin.requests().len(), 1);
    }
}

/// Everything that may be a secret, on its way from one origin to another.
const SECRETS: [&str; 8] = [
    "-H",
    "Authorization: Bearer hush-1",
    "-H",
    "Cookie: k=hush-2",
    "-H",
    "X-Api-Key: hush-3",
    "-H",
    "Proxy-Authorization: Basic hush-4",
];

#[track_caller]
fn holds_no_secret(origin: &Origin) {
    for request in origin.requests() {
        assert!(!format!("{request:?}").contains("hush"), "{request:?}");
        assert_eq!(request.field("Authorization"), None);
        assert_eq!(request.field("Referer"), None);
    }
}

#[test]
fn nothing_goes_along_to_another_origin_nor_comes_back_from_it() {
    for status in [301, 302, 303, 307, 308] {
        let (first, second) = (Origin::new(), Origin::new());
        let back = Answer::Status(status).field("Location", &first.url("/back"));
        first
            .file("/a", "")
            .always(Answer::Status(status).field("Location", &second.url("/b")));
        second.file("/b", "").always(back);
        first.file("/back", "c");
        let room = Room::new();
        let url = first.url("/a").replace("http://", "http://hush-u:hush-p@");
        room.haul().args(SECRETS).arg(url).run().succeeds().never_says("hush");
        room.holds_exactly(&[("a", "c")]);
        holds_no_secret(&second);
        // What came back from a stranger is a stranger's request.
        let back = &first.requests_for("/back")[0];
        assert!(!format!("{back:?}").contains("hush"), "{back:?}");
    }
}

#[test]
fn nothing_goes_along_in_a_retry_or_a_range_either() {
    let (first, second) = (Origin::new(), Origin::new());
    first.file("/a", "").always(Answer::to(&second.url("/b")));
    second
        .file("/b", "0123456789")
        .etag("v1")
        .then(Answer::Status(503))
        .then(Answer::CutAfter(4));
    let room = Room::new();
    let args = ["-u", "hush-u:hush-p", &first.url("/a")];
    room.haul()
        .impatient()
        .args(SECRETS)
        .args(args)
        .run()
        .succeeds()
        .never_says("hush");
    room.holds_exactly(&[("a", "0123456789")]);
    assert_eq!(second.requests().len(), 3);
    holds_no_secret(&second);
}

#[test]
fn userinfo_in_a_location_is_not_sent_nor_shown() {
    let (first, second) = (Origin::new(), Origin::new());
    let to = second
        .url("/b?X-Signature=hush-s")
        .replace("http://", "http://hush-u:hush-p@");
    first.file("/a", "").always(Answer::to(&to));
    second.file("/b?X-Signature=hush-s", "").always(Answer::Status(404));
    let room = Room::new();
    let outcome = room.haul().impatient().args(["-v", &first.url("/a")]).run();
    outcome.fails().never_says("hush");
    assert_eq!(second.requests()[0].field("Authorization"), None);
}

#[test]
fn a_secret_of_the_list_is_in_no_part_and_no_mark() {
    let origin = Origin::new();
    let path = "/a.bin?token=hush-t";
    origin.file(path, "0123456789").etag("v1").always(Answer::CutAfter(4));
    let room = Room::new();
    let url = origin.url(path).replace("http://", "http://hush-u:hush-p@");
    let args = ["--retries", "0", "-v", &url];
    room.haul().impatient().args(args).run().fails().never_says("hush");
    let record = room.read("a.bin.part.json");
    let record = String::from_utf8(record).unwrap();
    assert!(!record.contains("hush"), "{record}");
}

#[test]
fn a_location_with_a_control_character_does_no_harm() {
    let origin = Origin::new();
    for location in [
        "/b\x1b[31mred",
        "/b\u{202e}gpj.exe",
        "http://\x07/",
        "//",
        "http://[::1",
        "http://a b/",
    ] {
        origin.file("/a", "").always(Answer::to(location));
        let room = Room::new();
        let outcome = room
            .haul()
            .impatient()
            .args(["--connect-timeout", "1s", "-v", &origin.url("/a")])
            .run();
        outcome.fails().is_plain_text();
        room.holds_exactly::<&str>(&[]);
    }
}
