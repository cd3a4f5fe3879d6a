//! Redirects (RFC 9110 section 15.4): followed with care.

use crate::support::Answer::{self, HangUp, Status};
use crate::support::{Origin, Room};

/// An origin on which `/0` leads to `/1`, …, and after so many steps there is a file.
fn chain(steps: usize) -> Origin {
    let origin = Origin::new();
    for step in 0..steps {
        origin
            .file(&format!("/{step}"), "")
            .always(Answer::to(&format!("/{}", step + 1)));
    }
    origin.file(&format!("/{steps}"), "at last");
    origin
}

#[test]
fn ten_redirects_are_followed_and_do_not_rename() {
    let origin = chain(10);
    let room = Room::new();
    room.haul().args(["--retries", "0", &origin.url("/0")]).run().succeeds();
    room.holds_exactly(&[("0", "at last")]);
    assert_eq!(origin.requests().len(), 11);
}

#[test]
fn a_keep_alive_that_is_not_kept_on_the_way_does_not_begin_the_way_anew() {
    let origin = chain(9);
    for step in 1..9 {
        // The connection is the one that `/0` came over, or the last one that was made since.
        origin
            .file(&format!("/{step}"), "")
            .then(HangUp)
            .then(Answer::to(&format!("/{}", step + 1)));
    }
    let room = Room::new();
    room.haul().args(["--retries", "0", &origin.url("/0")]).run().succeeds();
    room.holds_exactly(&[("0", "at last")]);
    assert_eq!(origin.requests().len(), 10 + 8);
}

#[test]
fn the_eleventh_redirect_is_refused() {
    let origin = chain(11);
    let room = Room::new();
    room.haul()
        .impatient()
        .arg(origin.url("/0"))
        .run()
        .fails()
        .says("redirect");
    room.holds_exactly::<&str>(&[]);
    assert_eq!(origin.requests().len(), 11);
}

#[test]
fn a_loop_ends_and_is_not_tried_again() {
    let origin = Origin::new();
    origin.file("/a", "").always(Answer::to("/b"));
    origin.file("/b", "").always(Answer::to("/a"));
    let room = Room::new();
    room.haul()
        .impatient()
        .arg(origin.url("/a"))
        .run()
        .fails()
        .says("redirect");
    room.holds_exactly::<&str>(&[]);
    assert!(origin.requests().len() <= 11);
}

#[test]
fn each_kind_of_redirect_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let origin = Origin::new();
        origin.file("/a", "").always(Status(status).field("Location", "/b"));
        origin.file("/b", "b");
        let room = Room::new();
        room.haul().arg(origin.url("/a")).run().succeeds();
        room.holds_exactly(&[("a", "b")]);
    }
}

#[test]
fn a_location_is_resolved_against_the_url_that_gave_it() {
    let authority = Origin::new();
    authority.file("/there", "there");
    let other = authority.url("/there").replace("http:", "");
    for (from, location, to) in [
        ("/dir/a?x=/y", "b", "/dir/b"),
        ("/dir/a", "../b", "/b"),
        ("/dir/a?x", "?y=1", "/dir/a?y=1"),
        ("/dir/a", "b#fragment", "/dir/b"),
        ("/dir/a", "b c", "/dir/b%20c"),
        ("/dir/a", "/b//c;d=e:f", "/b//c;d=e:f"),
        ("/dir/a", &other, ""),
    ] {
        let origin = Origin::new();
        origin.file(from, "").always(Answer::to(location));
        if !to.is_empty() {
            origin.file(to, "there");
        }
        let room = Room::new();
        room.haul().arg(origin.url(from)).run().succeeds();
        room.holds_exactly(&[("a", "there")]);
    }
}

#[test]
fn a_location_that_leads_nowhere_fails_at_once() {
    let origin = Origin::new();
    origin.file("/none", "").always(Status(302));
    origin.file("/empty", "").always(Answer::to("http://"));
    origin.file("/ftp", "").always(Answer::to("ftp://127.0.0.1/a"));
    origin.file("/file", "").always(Answer::to("file:///etc/passwd"));
    origin.file("/data", "").always(Answer::to("data:text/plain,hello"));
    origin.file("/choices", "").always(Status(300));
    let paths = ["/none", "/empty", "/ftp", "/file", "/data", "/choices"];
    let room = Room::new();
    let outcome = room.haul().impatient().stdin(origin.list(paths)).run();
    outcome.fails().finished(0, paths.len()).is_plain_text();
    room.holds_exactly::<&str>(&[]);
    assert_eq!(origin.requests().len(), paths.len());
}

#[test]
fn no_secret_goes_along_to_another_origin() {
    let (first, second) = (Origin::new(), Origin::new());
    first.file("/a", "").always(Answer::to("/b"));
    first.file("/b", "").always(Answer::to(&second.url("/c")));
    second.file("/c", "c");
    let secrets = ["Authorization", "Cookie", "X-Api-Key"];
    let room = Room::new();
    let args = [
        "-H",
        "Authorization: Bearer s1",
        "-H",
        "Cookie: k=s2",
        "-H",
        "X-Api-Key: s3",
    ];
    room.haul().args(args).arg(first.url("/a")).run().succeeds();
    room.holds_exactly(&[("a", "c")]);
    for name in secrets {
        assert!(first.requests().iter().all(|r| r.field(name).is_some()), "{name}");
        assert_eq!(second.requests()[0].field(name), None, "{name}");
    }
}

#[test]
fn no_credentials_go_along_to_another_origin() {
    for in_url in [true, false] {
        let (first, second) = (Origin::new(), Origin::new());
        first.file("/a", "").always(Answer::to(&second.url("/c")));
        second.file("/c", "c");
        let room = Room::new();
        let haul = if in_url {
            room.haul().arg(first.url("/a").replace("http://", "http://user:hush@"))
        } else {
            room.haul().args(["-u", "user:hush", &first.url("/a")])
        };
        haul.run().succeeds().never_says("hush");
        assert!(first.requests()[0].field("Authorization").is_some());
        let request = &second.requests()[0];
        assert_eq!(request.field("Authorization"), None);
        assert_eq!(request.field("Referer"), None);
    }
}

#[test]
fn a_redirect_that_ends_in_a_404_is_a_404() {
    let origin = Origin::new();
    origin.file("/a", "").always(Answer::to("/nothing"));
    let room = Room::new();
    room.haul().impatient().arg(origin.url("/a")).run().fails().says("404");
    room.holds_exactly::<&str>(&[]);
    assert_eq!(origin.paths(), ["/a", "/nothing"]);
}

/// The address of a port that nobody listens at.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn where_a_redirect_leads_to_nobody_it_is_said_where_that_is() {
    let (origin, room, nobody) = (Origin::new(), Room::new(), nobody());
    origin.file("/a", "").always(Answer::to(&format!("http://{nobody}/a")));
    let outcome = room.haul().args(["--retries", "0", &origin.url("/a")]).run();
    outcome
        .fails()
        .says(&format!("connection refused (redirected to {nobody})"));
}

#[test]
fn a_location_that_serves_one_request_is_asked_for_again_where_it_came_from() {
    let (home, other, room) = (Origin::new(), Origin::new(), Room::new());
    let signed = |number: u8| Answer::to(&other.url(&format!("/a?signed={number}")));
    home.file("/a", "").then(signed(1)).then(signed(2)).always(signed(3));
    // It is there, and whether it has this size is asked.
    room.put("a", "0123456789");
    other.file("/a?signed=1", "").then(Status(405)).always(Status(403));
    other.file("/a?signed=2", "0123456789");
    room.haul().arg(home.url("/a")).run().succeeds();
    let asked: Vec<_> = other.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(asked, ["/a?signed=1", "/a?signed=1", "/a?signed=2"]);
    // What is refused wherever home leads is refused.
    room.put("a", "another size");
    other.file("/a?signed=3", "").always(Status(403));
    room.haul().impatient().arg(home.url("/a")).run().fails().says("403");
    assert_eq!((home.requests().len(), other.requests().len()), (4, 6));
}

#[test]
fn a_used_location_of_the_same_server_is_no_different_and_nobody_waits_for_himself() {
    let (origin, room) = (Origin::new(), Room::new());
    let body = crate::support::bytes(300_000, 1);
    let to = |number: u8| Answer::to(&format!("/a?signed={number}"));
    origin.file("/a", "").then(to(1)).then(to(2)).always(to(3));
    // Each serves one request, and a piece at a time.
    let piece = |range: std::ops::Range<usize>| {
        let field = format!("bytes {}-{}/300000", range.start, range.end - 1);
        Answer::part(&field, &body[range]).field("ETag", "\"v1\"")
    };
    let file = |number: u8| origin.file(&format!("/a?signed={number}"), &body).etag("v1");
    file(1).then(Answer::CutAfter(100_000)).always(Status(403));
    file(2).then(piece(100_000..200_000)).always(Status(403));
    file(3);
    let outcome = room.haul().impatient().args(["-v", &origin.url("/a")]).run();
    outcome.succeeds().never_says("another haul");
    room.holds_exactly(&[("a", &body)]);
    // No byte of it comes again.
    let third = &origin.requests_for("/a?signed=3")[0];
    assert_eq!(third.field("Range"), Some("bytes=200000-"));
}
