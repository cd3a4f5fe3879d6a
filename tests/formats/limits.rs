//! Sizes that a list or the user sets, and the folders of URLs.

use crate::support::Answer::{Chunked, CutAfter, Flood, SilentAfter, UntilClose};
use crate::support::{Answer, Origin, Room, bytes};

const LIMIT: usize = 100_000;

#[test]
fn a_size_that_the_server_does_not_announce_is_refused_before_the_body() {
    let origin = Origin::new();
    let url = origin.file("/a", bytes(LIMIT, 1)).url();
    for size in [LIMIT - 1, LIMIT + 1] {
        let room = Room::new();
        let outcome = room.haul().stdin(format!("{url}\n size={size}\n")).run();
        outcome
            .fails()
            .says(&format!("the server has {LIMIT} bytes, the list says {size}"))
            .never_says("x6");
        assert_eq!(room.names(), [""; 0]);
    }
    assert_eq!(origin.requests().len(), 2);
    let room = Room::new();
    room.haul().stdin(format!("{url}\n size={LIMIT}\n")).run().succeeds();
}

#[test]
fn a_body_of_unknown_length_is_measured_by_the_list() {
    for answer in [Chunked, UntilClose] {
        let origin = Origin::new();
        let url = origin.file("/a", bytes(LIMIT, 1)).always(answer).url();
        let list = |size: usize| format!("{url}\n size={size}\n");
        let room = Room::new();
        let outcome = room.haul().impatient().stdin(list(LIMIT - 1)).run();
        outcome
            .fails()
            .says("the server has more than the 99999 bytes that the list says");
        assert_eq!((origin.requests().len(), room.names().len()), (1, 0));
        // It may have been cut.
        let outcome = room
            .haul()
            .impatient()
            .args(["--retries", "1"])
            .stdin(list(LIMIT + 1))
            .run();
        outcome.fails().says("body ended at 100000 of 100001 bytes");
        assert_eq!((origin.requests().len(), room.names().len()), (3, 0));
        room.haul().stdin(list(LIMIT)).run().succeeds();
        room.holds_exactly(&[("a", bytes(LIMIT, 1))]);
    }
}

#[test]
fn a_body_that_was_cut_where_only_the_list_knows_comes_with_the_next_try() {
    let origin = Origin::new();
    let whole = bytes(LIMIT, 1);
    let cut = Answer::Raw([b"HTTP/1.0 200 OK\r\n\r\n", &whole[..60_000]].concat());
    let url = origin.file("/a", &whole).then(cut).url();
    let room = Room::new();
    room.haul()
        .impatient()
        .stdin(format!("{url}\n size={LIMIT}\n"))
        .run()
        .succeeds();
    room.holds_exactly(&[("a", &whole)]);
}

#[test]
fn a_listed_size_decides_about_a_file_that_is_there_without_a_request() {
    let origin = Origin::new();
    let url = origin.file("/a", "right").url();
    let room = Room::new();
    room.put("a", "right");
    let outcome = room.haul().stdin(format!("{url}\n size=5\n")).run();
    outcome.succeeds().says("1 already there");
    let outcome = room.haul().stdin(format!("{url}\n size=6\n")).run();
    outcome
        .fails()
        .says("is there with another size than the list says; -f replaces it");
    assert_eq!(origin.requests().len(), 0);
    room.holds_exactly(&[("a", "right")]);
    room.put("a", "old");
    room.haul()
        .arg("-f")
        .stdin(format!("{url}\n size=5\n"))
        .run()
        .succeeds();
    room.holds_exactly(&[("a", "right")]);
}

#[test]
fn a_file_larger_than_allowed_is_not_fetched() {
    let origin = Origin::new();
    let (large, small) = (bytes(LIMIT, 1), bytes(1024, 2));
    origin.file("/large", &large);
    origin.file("/grows", &large).always(Chunked);
    origin.file("/small", &small);
    let room = Room::new();
    let list = origin.list(["/large", "/grows", "/small"]);
    let outcome = room.haul().impatient().args(["--max-size", "50K"]).stdin(&list).run();
    outcome.fails().finished(1, 3).says("larger than 50.0 KiB (--max-size)");
    assert_eq!(origin.requests().len(), 3, "it is asked once");
    room.holds_exactly(&[("small", &small)]);
    let room = Room::new();
    room.haul().args(["--max-size", "97.7K"]).stdin(&list).run().succeeds();
    room.holds_exactly(&[("small", &small), ("large", &large), ("grows", &large)]);
    for wrong in ["0", "x", "-1", "1X"] {
        room.haul().args(["--max-size", wrong]).stdin(&list).run().exits_with(2);
    }
}

#[test]
fn what_is_too_large_is_left_at_once() {
    let origin = Origin::new();
    // The head announces what never comes.
    origin.file("/announced", bytes(LIMIT, 1)).always(SilentAfter(0));
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = [b"4000\r\n", &bytes(0x4000, 1)[..], b"\r\n"].concat();
    origin.file("/endless", "").always(Flood(head.to_vec(), chunk));
    let room = Room::new();
    let list = origin.list(["/announced", "/endless"]);
    let outcome = room
        .haul()
        .args(["--max-size", "50K", "--timeout", "1h"])
        .stdin(&list)
        .run();
    outcome.fails().finished(0, 2).says("larger than 50.0 KiB (--max-size)");
    let listed = list.replace('\n', "\n size=50000\n");
    let outcome = room.haul().args(["--timeout", "1h"]).stdin(listed).run();
    outcome
        .fails()
        .says("the server has 100000 bytes, the list says 50000")
        .says("the server has more than the 50000 bytes that the list says");
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn a_file_that_turned_out_larger_is_not_gone_on_with() {
    let origin = Origin::new();
    let url = origin
        .file("/a", bytes(LIMIT, 1))
        .etag("v1")
        .then(CutAfter(60_000))
        .url();
    let room = Room::new();
    room.haul().args(["--retries", "0"]).arg(&url).run().fails();
    let outcome = room.haul().args(["--max-size", "80K"]).arg(&url).run();
    outcome.fails().says("larger than 80.0 KiB (--max-size)");
    room.haul().arg(&url).run().succeeds();
    room.holds_exactly(&[("a", bytes(LIMIT, 1))]);
}

#[test]
fn a_url_s_folders_are_kept_where_that_is_wanted() {
    let origin = Origin::new();
    let port = origin.authority().replace("127.0.0.1:", "");
    for (path, body) in [
        ("/x/y/a", "1"),
        ("/x/z/a", "2"),
        ("/..%2f..%2f..%2fb/c", "3"),
        ("/d/", "4"),
    ] {
        origin.file(path, body);
    }
    let list = origin.list(["/x/y/a", "/x/z/a?k=v", "/..%2f..%2f..%2fb/c", "/d/"]) + &origin.url("/x/y/a") + " own\n";
    for (layout, paths) in [
        ("flat", ["a", "a-2", "c", "index.html", "own"].map(str::to_owned)),
        (
            "path",
            ["x/y/a", "x/z/a", "_.._.._b/c", "d/index.html", "own"].map(str::to_owned),
        ),
        (
            "host",
            ["x/y/a", "x/z/a", "_.._.._b/c", "d/index.html", "../own"].map(|path| {
                let path = format!("127.0.0.1+{port}/{path}");
                path.rsplit_once("../").map_or(path.clone(), |(before, own)| {
                    if own == "own" {
                        own.to_owned()
                    } else {
                        format!("{before}../{own}")
                    }
                })
            }),
        ),
    ] {
        let room = Room::new();
        for _ in 0..2 {
            let outcome = room.haul().args(["--layout", layout]).stdin(&list).run();
            outcome.succeeds().finished(5, 5);
            let bodies = ["1", "2", "3", "4", "1"];
            let expected: Vec<_> = paths.iter().map(String::as_str).zip(bodies).collect();
            room.holds_exactly(&expected);
        }
        room.is_clean_outside_the_folder(&[]);
    }
}
