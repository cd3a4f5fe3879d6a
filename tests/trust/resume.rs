//! A body that breaks off is continued where it can be proved that the bytes fit, and begun again where not.

use std::time::{Duration, SystemTime};

use crate::support::Answer::{self, CutAfter, CutChunked, PartFrom, ResetAfter, ShortPart, Status, UntilClose, Well};
use crate::support::{Origin, Outcome, Request, Room, bytes};

const SIZE: usize = 300_000;
/// Where the first body breaks off.
const CUT: usize = 120_000;

fn body() -> Vec<u8> {
    bytes(SIZE, 3)
}

/// Fetches `/a.bin`, which comes whole.
#[track_caller]
fn comes(origin: &Origin, body: &[u8]) -> Outcome {
    let room = Room::new();
    let outcome = room.haul().impatient().arg(origin.url("/a.bin")).run();
    outcome.succeeds().finished(1, 1);
    room.holds_exactly(&[("a.bin", body)]);
    outcome
}

fn conditions(request: &Request) -> (Option<&str>, Option<&str>) {
    (request.field("Range"), request.field("If-Range"))
}

/// A 206 with this `Content-Range`, of the file that is asked for.
fn tagged_part(range: &str, body: &[u8]) -> Answer {
    Answer::part(range, body).field("ETag", "\"v1\"")
}

/// After a cut at [`CUT`] the next request gets this answer, which does not fit. What follows is the file, from its
/// beginning.
#[track_caller]
fn starts_over_after(answer: Answer) {
    let origin = Origin::new();
    let resource = origin.file("/a.bin", body()).etag("v1");
    resource.then(CutAfter(CUT)).then(answer);
    comes(&origin, &body());
    let requests = origin.requests();
    assert_eq!(requests.len(), 3, "the file, the rest, the file");
    assert_eq!(requests[1].field("Range"), Some(&*format!("bytes={CUT}-")));
    assert_eq!(conditions(&requests[2]), (None, None));
}

#[test]
fn a_cut_body_is_continued_with_range_and_if_range_and_nothing_comes_twice() {
    for (answer, is_reset) in [(CutAfter(CUT), false), (ResetAfter(CUT), true)] {
        let origin = Origin::new();
        origin.file("/a.bin", body()).etag("v1").then(answer);
        comes(&origin, &body());
        let requests = origin.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(conditions(&requests[0]), (None, None));
        let (range, validator) = conditions(&requests[1]);
        assert_eq!(validator, Some("\"v1\""));
        // A reset may throw away what was sent before it.
        let first: usize = range
            .and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
            .unwrap();
        assert!(if is_reset { first <= CUT } else { first == CUT }, "{range:?}");
    }
}

#[test]
fn a_chunked_body_that_breaks_off_is_continued() {
    let origin = Origin::new();
    origin
        .file("/a.bin", body())
        .etag("v1")
        .then(CutChunked(CUT))
        .then(Answer::Chunked);
    comes(&origin, &body());
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    let range = format!("bytes={CUT}-");
    assert_eq!(conditions(&requests[1]), (Some(&*range), Some("\"v1\"")));
}

#[test]
fn a_chunked_body_that_lacks_only_its_end_is_not_fetched_again() {
    let origin = Origin::new();
    origin.file("/a.bin", body()).etag("v1").then(CutChunked(SIZE));
    comes(&origin, &body());
    let requests = origin.requests();
    assert_eq!(requests.len(), 2, "the second is a 416 and the end of it");
    assert_eq!(requests[1].field("Range"), Some(&*format!("bytes={SIZE}-")));
}

#[test]
fn a_416_on_a_part_that_is_not_all_begins_again() {
    starts_over_after(Status(416));
    starts_over_after(Status(416).field("Content-Range", "bytes */300000"));
    starts_over_after(Status(416).field("Content-Range", "bytes */100"));
    starts_over_after(Status(416).field("Content-Range", &format!("bytes */{CUT}")));
}

#[test]
fn a_416_that_says_the_size_that_is_here_but_another_tag_begins_again() {
    let origin = Origin::new();
    let other = bytes(SIZE, 4);
    let answer = Answer::becomes(&other, "v2", Well);
    origin
        .file("/a.bin", body())
        .etag("v1")
        .then(CutChunked(SIZE))
        .then(answer);
    comes(&origin, &other);
}

#[test]
fn a_206_that_does_not_fit_begins_again() {
    let body = body();
    let rest = &body[CUT..];
    let part = |range: &str| tagged_part(range, rest);
    for answer in [
        part("bytes 119999-299999/300000"),
        part("bytes 120001-299999/300000"),
        part("bytes 0-179999/300000"),
        part("bytes 120000-299999/300001"),
        part("bytes 120000-299999/299999"),
        part("bytes 120000-299998/300000"),
        part("bytes */300000"),
        part("bytes 120000-299999"),
        part("items 120000-299999/300000"),
        part("bytes 120000-299999/300000").field("Content-Range", "bytes 120000-299999/300000"),
        part("bytes 120000-299999/300000").field("Content-Range", "bytes 0-99/300000"),
        part("bytes 120000-299999/300000").field("Content-Encoding", "gzip"),
        Answer::part("bytes 120000-299999/300000", rest),
        Answer::part("bytes 120000-299999/300000", rest).field("ETag", "\"v2\""),
        Answer::part("bytes 120000-299999/300000", rest).field("ETag", "W/\"v1\""),
        Answer::Says(206, vec![], rest.to_owned()).field("ETag", "\"v1\""),
        Answer::Says(
            206,
            vec![],
            b"--x\r\nContent-Range: bytes 0-1/2\r\n\r\nab\r\n--x--\r\n".into(),
        )
        .field("Content-Type", "multipart/byteranges; boundary=x"),
    ] {
        starts_over_after(answer);
    }
}

#[test]
fn multipart_byteranges_begin_again_even_with_a_content_range() {
    let answer = tagged_part("bytes 120000-299999/300000", &body()[CUT..]);
    starts_over_after(answer.field("Content-Type", "multipart/byteranges; boundary=x"));
}

#[test]
fn a_206_without_the_total_is_enough() {
    for range in [
        "bytes 120000-299999/*",
        "bytes 120000-299999/300000",
        "Bytes 120000-299999/300000",
    ] {
        let origin = Origin::new();
        let answer = tagged_part(range, &body()[CUT..]);
        origin
            .file("/a.bin", body())
            .etag("v1")
            .then(CutAfter(CUT))
            .then(answer);
        comes(&origin, &body());
        assert_eq!(origin.requests().len(), 2, "{range}");
    }
}

#[test]
fn a_206_that_gives_less_than_was_asked_is_taken_and_the_rest_asked_for() {
    let origin = Origin::new();
    let answer = tagged_part("bytes 120000-199999/300000", &body()[CUT..200_000]);
    origin
        .file("/a.bin", body())
        .etag("v1")
        .then(CutAfter(CUT))
        .then(answer);
    comes(&origin, &body());
    let requests = origin.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(conditions(&requests[2]), (Some("bytes=200000-"), Some("\"v1\"")));
}

#[test]
fn a_206_that_is_longer_than_it_says_does_not_become_the_file() {
    let raw = [
        b"HTTP/1.1 206 A Reason\r\nETag: \"v1\"\r\nContent-Range: bytes 120000-199999/300000\r\n\r\n",
        &body()[..],
    ]
    .concat();
    let origin = Origin::new();
    let resource = origin.file("/a.bin", body()).etag("v1");
    resource.then(CutAfter(CUT)).then(Answer::Raw(raw));
    // Nothing of it is believed: the next try fetches the whole file.
    comes(&origin, &body());
    let requests = origin.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(conditions(&requests[2]), (None, None));
}

#[test]
fn a_200_to_a_range_is_the_file_from_its_beginning() {
    let origin = Origin::new();
    origin
        .file("/a.bin", body())
        .etag("v1")
        .then(CutAfter(CUT))
        .then(Well.deaf());
    comes(&origin, &body());
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_200_to_a_range_may_be_another_file() {
    for other in [bytes(SIZE, 4), bytes(50_000, 4), bytes(400_000, 4), Vec::new()] {
        for ending in [Well, UntilClose, Answer::Chunked] {
            let origin = Origin::new();
            let answer = Answer::becomes(&other, "v2", ending);
            origin
                .file("/a.bin", body())
                .etag("v1")
                .then(CutAfter(CUT))
                .then(answer);
            comes(&origin, &other);
            assert_eq!(origin.requests().len(), 2);
        }
    }
}

#[test]
fn a_file_that_changes_at_every_try_comes_whole_or_not_at_all() {
    let origin = Origin::new();
    let mut resource = origin.file("/a.bin", body()).etag("v0").then(CutAfter(CUT));
    for n in 1..5 {
        let tag = format!("v{n}");
        resource = resource.then(Answer::becomes(bytes(SIZE, n), &tag, CutAfter(CUT + 1)));
    }
    let last = bytes(SIZE, 9);
    drop(resource.then(Answer::becomes(&last, "v9", Well)));
    comes(&origin, &last);
}

#[test]
fn a_server_that_ignores_if_range_is_found_out_by_its_tag() {
    let origin = Origin::new();
    let other = bytes(SIZE, 4);
    let mixed = Answer::part("bytes 120000-299999/300000", &other[CUT..]).field("ETag", "\"v2\"");
    let resource = origin.file("/a.bin", body()).etag("v1");
    drop(
        resource
            .then(CutAfter(CUT))
            .then(mixed)
            .then(Answer::becomes(&other, "v2", Well)),
    );
    comes(&origin, &other);
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn a_date_that_is_old_enough_is_a_validator() {
    let origin = Origin::new();
    let then = SystemTime::now() - Duration::from_secs(86_400);
    let date = httpdate::fmt_http_date(SystemTime::now());
    let resource = origin.file("/a.bin", body()).last_modified(then).field("Date", &date);
    drop(resource.then(CutAfter(CUT)));
    comes(&origin, &body());
    let (range, then) = (format!("bytes={CUT}-"), httpdate::fmt_http_date(then));
    assert_eq!(conditions(&origin.requests()[1]), (Some(&*range), Some(&*then)));
}

#[test]
fn what_proves_nothing_is_not_sent_as_a_proof() {
    let now = httpdate::fmt_http_date(SystemTime::now());
    let old = "Sun, 06 Nov 1994 08:49:37 GMT";
    for fields in [
        &[][..],
        &[("ETag", "W/\"v1\"")],
        &[("ETag", "v1")],
        &[("ETag", "\"v1")],
        &[("ETag", "W/\"v1\""), ("Last-Modified", old), ("Date", &now)],
        &[("Last-Modified", &now), ("Date", &now)],
        &[("Last-Modified", old)],
        &[("Last-Modified", "yesterday"), ("Date", &now)],
    ] {
        let origin = Origin::new();
        let mut resource = origin.file("/a.bin", body()).then(CutAfter(CUT));
        for (name, value) in fields {
            resource = resource.field(name, value);
        }
        drop(resource);
        comes(&origin, &body());
        assert_eq!(conditions(&origin.requests()[1]), (None, None), "{fields:?}");
    }
}

#[test]
fn a_206_that_nobody_asked_for_is_a_failure() {
    let origin = Origin::new();
    origin.file("/a.bin", body()).etag("v1").always(PartFrom(0));
    let room = Room::new();
    let outcome = room.haul().impatient().arg(origin.url("/a.bin")).run();
    outcome.fails().says_in_a_line(&["206"]);
    room.holds_exactly::<&str>(&[]);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_try_that_brought_bytes_is_no_lost_try() {
    let origin = Origin::new();
    let piece = SIZE / 20;
    origin.file("/a.bin", body()).etag("v1").always(CutAfter(piece));
    let room = Room::new();
    let args = ["--retries", "2", &origin.url("/a.bin")];
    room.haul().impatient().args(args).run().succeeds();
    room.holds_exactly(&[("a.bin", &body())]);
    let asked: Vec<_> = origin
        .requests()
        .iter()
        .map(|r| r.field("Range").map(str::to_owned))
        .collect();
    let expected: Vec<_> = (0..20)
        .map(|n| (n > 0).then(|| format!("bytes={}-", n * piece)))
        .collect();
    assert_eq!(asked, expected);
}

#[test]
fn a_try_that_brought_nothing_new_is_a_lost_try() {
    // The same first bytes again and again, from a server that does not know ranges.
    let origin = Origin::new();
    origin.file("/a.bin", body()).etag("v1").always(CutAfter(CUT).deaf());
    let room = Room::new();
    let args = ["--retries", "3", &origin.url("/a.bin")];
    let outcome = room.haul().impatient().args(args).run();
    outcome.fails().says_in_a_line(&["body ended"]);
    assert!(!room.has("a.bin"));
    assert_eq!(origin.requests().len(), 4);
}

#[test]
fn a_file_that_never_stops_changing_is_given_up() {
    let origin = Origin::new();
    let mut resource = origin.file("/a.bin", body()).etag("v0").then(CutAfter(CUT));
    for n in 1..60 {
        let tag = format!("v{n}");
        resource = resource.then(Answer::becomes(bytes(SIZE, n), &tag, CutAfter(CUT)));
    }
    drop(resource);
    let room = Room::new();
    let args = ["--retries", "3", &origin.url("/a.bin")];
    room.haul().impatient().args(args).run().fails();
    assert!(!room.has("a.bin"));
    assert_eq!(origin.requests().len(), 4);
}

#[test]
fn a_server_that_contradicts_every_range_is_given_up() {
    // The body is always cut, and every part is of something else: there is no way through, and so there has to be an end.
    let origin = Origin::new();
    let other = Answer::part("bytes 120000-299999/300000", &body()[CUT..]).field("ETag", "\"v2\"");
    let mut resource = origin.file("/a.bin", body()).etag("v1");
    for _ in 0..60 {
        resource = resource.then(CutAfter(CUT)).then(other.clone());
    }
    drop(resource);
    let room = Room::new();
    let args = ["--retries", "3", &origin.url("/a.bin")];
    room.haul().impatient().args(args).run().fails();
    assert!(!room.has("a.bin"));
    assert!(origin.requests().len() <= 9, "{}", origin.requests().len());
}

#[test]
fn a_redirect_may_lead_elsewhere_at_every_try_and_the_part_goes_on() {
    let origin = Origin::new();
    origin
        .file("/a.bin", "")
        .then(Answer::to("/one?sig=1"))
        .then(Answer::to("/two?sig=2"));
    origin.file("/one", body()).etag("v1").then(CutAfter(CUT));
    origin.file("/two", body()).etag("v1");
    comes(&origin, &body());
    assert_eq!(origin.paths(), ["/a.bin", "/one", "/a.bin", "/two"]);
    let range = format!("bytes={CUT}-");
    assert_eq!(conditions(&origin.requests()[3]), (Some(&*range), Some("\"v1\"")));
}

#[test]
fn a_later_run_goes_on_where_the_one_before_gave_up() {
    let origin = Origin::new();
    origin
        .file("/a.bin", body())
        .etag("v1")
        .then(CutAfter(CUT))
        .times(2, &Status(404));
    let room = Room::new();
    let url = origin.url("/a.bin");
    room.haul().impatient().arg(&url).run().fails();
    assert_eq!(room.names(), ["a.bin.part", "a.bin.part.json"]);
    room.haul().impatient().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body())]);
    let range = format!("bytes={CUT}-");
    assert_eq!(conditions(&origin.requests()[3]), (Some(&*range), Some("\"v1\"")));
}

#[test]
fn the_end_of_a_part_is_not_taken_for_the_end_of_the_file() {
    let origin = Origin::new();
    let answer = tagged_part("bytes 120000-199999/*", &body()[CUT..200_000]);
    let resource = origin.file("/a.bin", body()).etag("v1");
    drop(
        resource
            .then(CutChunked(CUT))
            .then(answer)
            .then(tagged_part("bytes 200000-299999/*", &body()[200_000..])),
    );
    comes(&origin, &body());
    let ranges: Vec<_> = origin
        .requests()
        .iter()
        .filter_map(|r| r.field("Range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["bytes=120000-", "bytes=200000-", "bytes=300000-"]);
}

/// Fetches this, which breaks off, and then that; the part of the first is there when the second is asked for.
#[track_caller]
fn after_a_part_of(origin: &Origin, first: &str, second: &str, body: &[u8]) {
    let room = Room::new();
    let haul = |path: &str| {
        let haul = room.haul().args(["--retries", "0", "-v"]);
        haul.arg(origin.url(path)).run()
    };
    haul(first).fails();
    assert_eq!(room.names().len(), 2, "a part and its record");
    haul(second).succeeds();
    room.holds_exactly(&[(room.names()[0].as_str(), body)]);
}

#[test]
fn what_is_asked_for_with_another_value_is_another_file_although_the_value_is_not_shown() {
    let origin = Origin::new();
    let (alpha, beta) = (bytes(SIZE, 1), bytes(SIZE, 2));
    // Made in the same second and as long: so is their tag, on many a server.
    origin.file("/get?doc=alpha", alpha).etag("v1").then(CutAfter(CUT));
    origin.file("/get?doc=beta", &beta).etag("v1");
    after_a_part_of(&origin, "/get?doc=alpha", "/get?doc=beta", &beta);
    // A signature is new every time, and so is what is shown of it.
    for [first, second] in [
        ["/get?sig=one", "/get?sig=two"],
        ["/get?exp=1764140000&sig=one", "/get?exp=1764150000&sig=two"],
        ["/get?st=1&se=2&sig=one", "/get?st=3&se=4&sig=two"],
    ] {
        let origin = Origin::new();
        origin.file(first, &beta).etag("v1").then(CutAfter(CUT));
        origin.file(second, &beta).etag("v1");
        after_a_part_of(&origin, first, second, &beta);
        assert!(conditions(&origin.requests()[1]).0.is_some(), "{second}");
        assert_eq!(origin.requests().len(), 2);
    }
}

#[test]
fn what_another_server_has_at_the_same_path_is_another_file() {
    let (one, other, room) = (Origin::new(), Origin::new(), Room::new());
    let (alpha, beta) = (bytes(SIZE, 1), bytes(SIZE, 2));
    one.file("/a.bin", alpha).etag("v1").then(CutAfter(CUT));
    other.file("/a.bin", &beta).etag("v1");
    let run = |origin: &Origin| room.haul().args(["--retries", "0", &origin.url("/a.bin")]).run();
    run(&one).fails();
    run(&other).succeeds();
    room.holds_exactly(&[("a.bin", &beta)]);
}

#[test]
fn a_date_does_not_prove_that_a_redirect_still_leads_to_the_same_file() {
    let (origin, then) = (Origin::new(), SystemTime::now() - Duration::from_secs(3600));
    let (old, new) = (bytes(SIZE, 1), bytes(SIZE, 2));
    origin
        .file("/latest.bin", "")
        .then(Answer::to("/1/a.bin"))
        .always(Answer::to("/2/a.bin"));
    let now = httpdate::fmt_http_date(SystemTime::now());
    let file = |path: &str, body: &[u8]| origin.file(path, body).last_modified(then).field("Date", &now);
    file("/1/a.bin", &old).then(CutAfter(CUT));
    file("/2/a.bin", &new);
    after_a_part_of(&origin, "/latest.bin", "/latest.bin", &new);
}

#[test]
fn a_coding_that_is_the_file_itself_is_continued_like_any_other() {
    let origin = Origin::new();
    let packed = origin.file("/a.tar.gz", body()).etag("v1");
    packed.field("Content-Encoding", "gzip").then(CutAfter(CUT));
    let room = Room::new();
    room.haul().impatient().arg(origin.url("/a.tar.gz")).run().succeeds();
    room.holds_exactly(&[("a.tar.gz", &body())]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_416_speaks_of_its_own_body_when_it_speaks_of_digests_and_dates() {
    let (origin, then) = (Origin::new(), SystemTime::now() - Duration::from_secs(3600));
    let beyond = Answer::Says(
        416,
        vec![
            ("Content-Range".into(), format!("bytes */{SIZE}")),
            ("ETag".into(), "\"v1\"".into()),
            ("Content-MD5".into(), "1B2M2Y8AsgTpgAmY7PhCfg==".into()),
            ("Last-Modified".into(), "Sun, 06 Nov 1994 08:49:37 GMT".into()),
        ],
        Vec::new(),
    );
    let file = origin.file("/a.bin", body()).etag("v1").last_modified(then);
    drop(file.then(CutChunked(SIZE)).then(beyond));
    let room = Room::new();
    room.haul().impatient().arg(origin.url("/a.bin")).run().succeeds();
    room.holds_exactly(&[("a.bin", &body())]);
    assert_eq!(origin.requests().len(), 2);
    let modified = std::fs::metadata(room.path("a.bin")).unwrap().modified().unwrap();
    assert!(
        then.duration_since(modified)
            .is_ok_and(|since| since < Duration::from_secs(1))
    );
}

#[test]
fn what_only_the_first_answer_said_holds_for_the_file() {
    // With bytes missing, and with only the end of the chunks missing.
    for cut in [CUT, SIZE] {
        let (origin, then) = (Origin::new(), SystemTime::now() - Duration::from_secs(3600));
        let file = origin.file("/get", body()).etag("v1").last_modified(then);
        let file = file.field("Content-Disposition", "attachment; filename=named.bin");
        let becomes = Answer::becomes(body(), "v1", Well);
        drop(file.then(CutChunked(cut)).then(becomes));
        let room = Room::new();
        let haul = || room.haul().args(["-J", "--retries", "0", &origin.url("/get")]).run();
        haul().fails();
        haul().succeeds();
        room.holds_exactly(&[("named.bin", &body())]);
        let modified = std::fs::metadata(room.path("named.bin")).unwrap().modified().unwrap();
        let since = then.duration_since(modified);
        assert!(since.is_ok_and(|since| since < Duration::from_secs(1)));
        assert_eq!(origin.requests().len(), 2);
    }
}

#[test]
fn what_is_asked_for_with_other_fields_may_be_another_file() {
    let (origin, room) = (Origin::new(), Room::new());
    let (table, object) = (bytes(SIZE, 1), bytes(SIZE, 2));
    let file = |body: &[u8]| origin.file("/get", body).etag("v1");
    let run = |accept: &str| {
        let list = format!("{}\n header=Accept: {accept}\n", origin.url("/get"));
        room.haul().args(["--retries", "0"]).stdin(list).run()
    };
    file(&table).then(CutAfter(CUT));
    run("text/csv").fails();
    file(&object);
    run("application/json").succeeds();
    room.holds_exactly(&[("get", &object)]);
}

#[test]
fn a_few_bytes_at_a_time_use_up_the_tries_and_large_pieces_none() {
    for (piece, is_worth, most) in [(1, false, 6), (20_000, true, 10)] {
        let origin = Origin::new();
        let file = origin.file("/a.bin", body()).etag("v1");
        drop(file.then(CutAfter(CUT)).always(ShortPart(piece)));
        let room = Room::new();
        let args = ["--retries", "3", &origin.url("/a.bin")];
        let outcome = room.haul().impatient().args(args).run();
        if is_worth {
            outcome.succeeds().says("1 retry");
            room.holds_exactly(&[("a.bin", &body())]);
        } else {
            outcome.fails().says_in_a_line(&["body ended"]);
        }
        assert!(origin.requests().len() <= most, "{}", origin.requests().len());
    }
}

/// After a cut at [`CUT`] the next request gets this answer, in the same run and in a later one. What follows is the file,
/// asked for alone.
#[track_caller]
fn is_asked_for_alone_after(answer: &Answer) {
    for is_later in [false, true] {
        let (origin, room) = (Origin::new(), Room::new());
        let file = origin.file("/a.bin", body()).etag("v1");
        file.then(CutAfter(CUT)).then(answer.clone());
        let haul = || room.haul().impatient().arg(origin.url("/a.bin"));
        if is_later {
            haul().args(["--retries", "0"]).run().fails();
        }
        haul().run().succeeds();
        room.holds_exactly(&[("a.bin", &body())]);
        let requests = origin.requests();
        assert_eq!(requests.len(), 3, "the file, the rest, the file");
        assert_eq!(requests[1].field("Range"), Some(&*format!("bytes={CUT}-")));
        assert_eq!(conditions(&requests[2]), (None, None));
    }
}

#[test]
fn a_200_to_a_range_that_contradicts_the_same_version_is_not_the_whole_file() {
    let body = body();
    let rest = &body[CUT..];
    let says = |status, body: &[u8]| Answer::Says(status, vec![("ETag".into(), "\"v1\"".into())], body.to_owned());
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        rest.len()
    );
    let chunked = [head.as_bytes(), rest, b"\r\n0\r\n\r\n"].concat();
    let range = "bytes 120000-299999/300000";
    for answer in [
        says(200, rest),
        says(203, rest),
        says(200, b""),
        Answer::RawKept(chunked),
        says(200, &body).field("Content-Range", range),
        says(200, &body)
            .field("Content-Range", range)
            .field("Content-Range", range),
        says(200, &body).field("Content-Type", "multipart/byteranges; boundary=x"),
    ] {
        is_asked_for_alone_after(&answer);
    }
}

#[test]
fn a_server_that_refuses_a_range_is_asked_for_the_whole() {
    for status in [204, 304, 400, 403, 404, 405, 406, 410, 412, 431, 501, 505] {
        is_asked_for_alone_after(&Status(status));
    }
}

#[test]
fn a_replacement_whose_range_is_refused_is_not_unchanged() {
    let (origin, room) = (Origin::new(), Room::new());
    let (old, new) = (body(), bytes(SIZE, 4));
    let file = origin.file("/a.bin", &old).etag("v1").then(Well);
    let becomes = Answer::becomes(&new, "v2", CutAfter(CUT));
    let url = file.then(becomes).then(Status(304)).url();
    room.haul().arg(&url).run().succeeds();
    let haul = room.haul().impatient().args(["--existing", "update", &url]);
    haul.run().succeeds();
    room.holds_exactly(&[("a.bin", &new)]);
}

#[test]
fn a_location_that_refuses_ranges_is_not_asked_for_ever() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a.bin", "").always(Answer::to("/one"));
    origin
        .file("/one", body())
        .etag("v1")
        .then(CutAfter(CUT))
        .always(Status(403));
    room.haul().impatient().arg(origin.url("/a.bin")).run().fails();
    assert_eq!(room.names(), ["a.bin.part", "a.bin.part.json"]);
    assert!(origin.requests_for("/one").len() <= 4, "{:?}", origin.paths());
}

#[test]
fn a_coding_that_the_first_bytes_did_not_have_is_not_glued_to_them() {
    let (origin, room) = (Origin::new(), Room::new());
    let coded = tagged_part("bytes 120000-299999/300000", &bytes(SIZE - CUT, 4)).field("Content-Encoding", "gzip");
    let file = origin.file("/a.tar.gz", body()).etag("v1");
    drop(file.then(CutAfter(CUT)).then(coded));
    room.haul().impatient().arg(origin.url("/a.tar.gz")).run().succeeds();
    room.holds_exactly(&[("a.tar.gz", &body())]);
}
