//! Answers that lie about their length, or are no answers.

use crate::support::Answer::{self, Flood, Raw, RawKept};
use crate::support::{Origin, Outcome, Room, bytes};

/// The most memory a hostile answer may cost. A program that does nothing has about 10 MiB.
const LIMIT: u64 = 64 << 20;

/// Fetches `/a.bin` from a server that always answers like this.
fn fetch(room: &Room, answer: Answer) -> Outcome {
    let origin = Origin::new();
    origin.file("/a.bin", "").always(answer);
    let args = ["--retries", "1", "--timeout", "2s", &origin.url("/a.bin")];
    room.haul().impatient().args(args).run()
}

fn raw(fields: &str, body: &str) -> Answer {
    Raw(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}").into())
}

/// The entry fails, its line says this, and nothing has its name.
#[track_caller]
fn is_no_file(answer: Answer, reason: &str) {
    let room = Room::new();
    let shown = format!("{answer:.100?}");
    let outcome = fetch(&room, answer);
    outcome
        .fails()
        .is_plain_text()
        .finished(0, 1)
        .says_in_a_line(&[reason, "/a.bin"]);
    room.holds_exactly::<&str>(&[]);
    assert!(!outcome.stderr.contains("panicked"), "{shown}");
}

/// It is understood as this file.
#[track_caller]
fn is_a_file(answer: Answer, body: &str) {
    let room = Room::new();
    fetch(&room, answer).succeeds();
    room.holds_exactly(&[("a.bin", body)]);
}

#[test]
fn a_length_that_cannot_be_is_no_length() {
    for length in [
        "-5",
        "+5",
        "5.0",
        "0x5",
        "5 5",
        "five",
        "",
        "18446744073709551616",
        "99999999999999999999999999",
        "5, 6",
        "5;6",
    ] {
        is_no_file(
            raw(&format!("Content-Length: {length}\r\n"), "hello"),
            "not a valid HTTP answer",
        );
    }
}

#[test]
fn two_lengths_that_differ_are_none() {
    is_no_file(
        raw("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        "not a valid HTTP answer",
    );
    is_no_file(
        raw("Content-Length: 6\r\nContent-Length: 5\r\n", "hello!"),
        "not a valid HTTP answer",
    );
}

#[test]
fn the_same_length_twice_is_one_length() {
    is_a_file(raw("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "hello");
}

#[test]
fn a_length_that_is_too_long_is_a_body_that_is_too_short() {
    is_no_file(raw("Content-Length: 6\r\n", "hello"), "body ended at 5 B of 6 B");
    is_no_file(raw("Content-Length: 300000\r\n", "hello"), "body ended at 5 B");
}

#[test]
fn a_length_beyond_everything_costs_nothing_and_fails() {
    for length in [
        "1125899906842624",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551613",
    ] {
        let origin = Origin::new();
        let head = format!("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: {length}\r\n\r\n");
        let answer = [head.as_bytes(), &bytes(600_000, 1)].concat();
        origin.file("/a.bin", "").always(Raw(answer));
        let room = Room::new();
        let outcome = room
            .haul()
            .impatient()
            .args(["--retries", "1", &origin.url("/a.bin")])
            .run();
        outcome.fails().is_plain_text().finished(0, 1).never_says("panicked");
        assert!(!room.has("a.bin"), "{length}");
    }
}

#[test]
fn what_comes_after_the_end_of_a_body_is_not_in_the_file_nor_in_the_next() {
    let origin = Origin::new();
    let answer =
        |body: &str, more: &str| RawKept(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{body}{more}").into());
    let next = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    origin.file("/a", "").always(answer("hello", "more and more"));
    origin.file("/b", "").always(answer("world", next));
    origin.file("/c", "good");
    origin.file("/d", "").always(RawKept(
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{next}").into(),
    ));
    origin.file("/e", "fine");
    let room = Room::new();
    let list = origin.list(["/a", "/b", "/c", "/d", "/e"]);
    room.haul().impatient().args(["-j", "1"]).stdin(list).run().succeeds();
    room.holds_exactly(&[
        ("a", "hello"),
        ("b", "world"),
        ("c", "good"),
        ("d", "ok"),
        ("e", "fine"),
    ]);
}

#[test]
fn chunks_win_over_a_length() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    is_a_file(
        raw("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", chunks),
        "hello",
    );
    is_a_file(
        raw("Content-Length: 3000\r\nTransfer-Encoding: chunked\r\n", chunks),
        "hello",
    );
}

#[test]
fn a_coding_that_is_not_taken_off_is_refused() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    for coding in [
        "gzip, chunked",
        "gzip",
        "chunked, gzip",
        "identity",
        "chunked, chunked",
        "xchunked",
        "chunked;x",
    ] {
        is_no_file(
            raw(&format!("Transfer-Encoding: {coding}\r\n"), chunks),
            "transfer coding other than chunked",
        );
    }
    let twice = "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
    is_no_file(raw(twice, chunks), "transfer coding other than chunked");
}

#[test]
fn chunks_that_are_none_are_refused() {
    for chunks in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello",
        "5\r\nhel",
        "5\r\nhello\r\n",
        "5\r\nhello\r\n0\r\n",
        "",
    ] {
        is_no_file(raw("Transfer-Encoding: chunked\r\n", chunks), "body");
    }
}

#[test]
fn http_1_0_ends_with_its_connection() {
    is_a_file(Raw("HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello".into()), "hello");
    is_a_file(Raw("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello".into()), "hello");
    is_no_file(
        Raw("HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhello".into()),
        "body ended at 5 B of 9 B",
    );
    let chunked = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    is_no_file(Raw(chunked.into()), "not a valid HTTP answer");
}

#[test]
fn what_is_no_http_is_no_file() {
    for answer in [
        "hello",
        "<html><body>HTTP/0.9</body></html>\r\n",
        "HTTP/0.9 200 OK\r\n\r\nhello",
        "HTTP/1.1 99 Low\r\n\r\nhello",
        "HTTP/1.1 20 OK\r\n\r\nhello",
        "HTTP/1.1 2000 OK\r\n\r\nhello",
        "HTTP/3.0 200 OK\r\n\r\nhello",
        "ICY 200 OK\r\n\r\nhello",
        "220 ftp.example ready\r\n",
    ] {
        is_no_file(Raw(answer.into()), "not a valid HTTP answer");
    }
}

#[test]
fn empty_lines_are_no_answer() {
    is_no_file(Raw("\r\n\r\n\r\n".into()), "connection closed before the answer");
}

#[test]
fn a_status_without_the_file_is_no_file() {
    for (status, reason) in [
        (204, "204 No Content"),
        (205, "205 Reset Content"),
        (304, "304 Not Modified"),
        (206, "206"),
    ] {
        is_no_file(
            Raw(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into()),
            reason,
        );
        is_no_file(Answer::Says(status, vec![], Vec::new()), reason);
    }
    for status in [201, 202, 207, 226, 299, 305, 306, 399, 600, 999] {
        is_no_file(Answer::Says(status, vec![], b"no file".into()), &status.to_string());
    }
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_refused() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello";
    let room = Room::new();
    fetch(&room, Raw(answer.into())).fails().is_plain_text();
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn some_interim_answers_come_before_the_file() {
    let interim =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    is_a_file(
        Raw(format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").into()),
        "hello",
    );
}

#[test]
fn a_field_that_goes_on_in_the_next_line_is_one_field() {
    is_a_file(
        raw(
            "X-Long: one\r\n two\r\n\tthree\r\nContent-Length: 5\r\n",
            "hello and more",
        ),
        "hello",
    );
    is_a_file(raw("Content-Length:\r\n 5\r\n", "hello and more"), "hello");
    is_a_file(
        raw("Transfer-Encoding:\r\n chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        "hello",
    );
}

#[test]
fn a_length_that_goes_on_in_the_next_line_with_another_is_none() {
    is_no_file(raw("Content-Length: 5\r\n 5\r\n", "hello"), "not a valid HTTP answer");
    is_no_file(
        raw("Transfer-Encoding: chunked\r\n , gzip\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        "transfer coding",
    );
}

#[test]
fn a_field_that_is_none_is_not_passed_over() {
    // If it were, a body could be taken for another length than its sender meant.
    for field in [
        "Content-Length : 5\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content\0-Length: 5\r\n",
        "Content Length: 5\r\n",
        "Transfer-Encoding\x0b: chunked\r\n",
        "X-Null: a\0b\r\n",
        "no colon at all\r\n",
        ": no name\r\n",
        " begins with a blank: x\r\n",
    ] {
        is_no_file(raw(field, "5\r\nhello\r\n0\r\n\r\n"), "not a valid HTTP answer");
    }
}

/// So many fields of this value.
fn fields(count: usize, value: &str) -> String {
    let fields: Vec<_> = (0..count).map(|n| format!("X-{n}: {value}\r\n")).collect();
    fields.concat()
}

/// Many fields, or long ones, end in a failure or a file, soon and with little memory.
#[track_caller]
fn a_head_of(fields: &str) -> Outcome {
    let room = Room::new();
    let outcome = fetch(&room, raw(fields, "hello"));
    outcome.exits_with_one_of(&[0, 1]).is_plain_text();
    outcome
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let many = fields(10_000, "many");
    a_head_of(&many).fails().says_in_a_line(&["not a valid HTTP answer"]);
    let long = format!("X-Long: {}\r\n", "x".repeat(1 << 20));
    a_head_of(&long).fails().says_in_a_line(&["not a valid HTTP answer"]);
}

#[test]
fn who_gets_what_an_earlier_answer_left_behind_is_not_to_blame() {
    let origin = Origin::new();
    origin.file("/a", "a");
    origin
        .file("/b", "b")
        .then(Answer::Raw(b"the rest of something\r\n\r\n".into()));
    let room = Room::new();
    let haul = room.haul().args(["-j", "1", "--retries", "0"]);
    haul.stdin(origin.list(["/a", "/b"])).run().succeeds();
    room.holds_exactly(&[("a", "a"), ("b", "b")]);
    // Over a connection of its own, it is what the server says.
    let (origin, room) = (Origin::new(), Room::new());
    origin
        .file("/b", "b")
        .then(Answer::Raw(b"the rest of something\r\n\r\n".into()));
    let outcome = room.haul().impatient().arg(origin.url("/b")).run();
    outcome.fails().says("not a valid HTTP answer");
}

#[test]
fn a_head_that_is_merely_large_is_taken() {
    let some = fields(90, &"y".repeat(1000));
    a_head_of(&(some + "Content-Length: 5\r\n")).succeeds();
}

/// What never ends is given up, while somebody still waits for it, and costs little memory until then.
#[track_caller]
fn ends_by_time_or_size(first: &str, again: &str) {
    let origin = Origin::new();
    let again = again.repeat(16_384_usize.div_ceil(again.len()));
    origin.file("/a.bin", "").always(Flood(first.into(), again.into()));
    origin.file("/last", "").always(Answer::Silent);
    let room = Room::new();
    let args = ["-j", "2", "--retries", "0", "--timeout", "2s"];
    let mut haul = room.haul().args(args).start();
    haul.write(origin.list(["/a.bin"]));
    haul.wait_for_stderr("/a.bin");
    let peak = haul.peak_memory();
    assert!(peak < LIMIT, "{} KiB", peak / 1024);
    haul.finish().fails().is_plain_text();
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn a_head_without_end_is_given_up() {
    ends_by_time_or_size("HTTP/1.1 200 OK\r\n", "X-Again: and again\r\n");
    ends_by_time_or_size("HTTP/1.1 200 OK\r\nX-Long: ", "x");
    ends_by_time_or_size("HTTP/1.1 200 ", "reasons ");
    ends_by_time_or_size("", "\r\n");
}

#[test]
fn interim_answers_without_end_are_given_up() {
    ends_by_time_or_size("", "HTTP/1.1 100 Continue\r\n\r\n");
    ends_by_time_or_size(
        "",
        "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    );
}

#[test]
fn trailers_and_chunk_extensions_without_end_are_given_up() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    ends_by_time_or_size(&format!("{head}0\r\n"), "X-Trailer: and another\r\n");
    ends_by_time_or_size(&format!("{head}5;"), "extension;");
    ends_by_time_or_size(head, "0");
}
