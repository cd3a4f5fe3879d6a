//! The server of these tests keeps its own promises.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::support::Answer::{
    Chunked, CutAfter, CutChunked, HangUp, Raw, ResetAfter, Silent, SilentAfter, Status, ThenClose, UntilClose, Well,
};
use crate::support::{Gate, Origin, Resource, bytes};

/// A client as bare as the server.
struct Client(TcpStream);

impl Client {
    fn of(origin: &Origin) -> Self {
        Self(TcpStream::connect(origin.authority()).unwrap())
    }

    fn ask(mut self, request: &str) -> Self {
        let request = request.replace('\n', "\r\n");
        self.0.write_all(format!("{request}\r\n\r\n").as_bytes()).unwrap();
        self
    }

    fn everything(mut self) -> String {
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn receive(&mut self, length: usize) -> String {
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn get(origin: &Origin, path: &str, fields: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\nHost: h\nConnection: close{fields}");
    Client::of(origin).ask(&request).everything()
}

#[test]
fn each_request_gets_the_next_answer_and_then_the_file() {
    let origin = Origin::new();
    origin
        .file("/a", "hello")
        .then(Status(503).retry_after("1"))
        .then(CutAfter(2));
    let first = get(&origin, "/a", "");
    assert!(
        first.starts_with("HTTP/1.1 503 ") && first.contains("\r\nRetry-After: 1\r\n"),
        "{first}"
    );
    let second = get(&origin, "/a", "");
    assert!(
        second.contains("Content-Length: 5\r\n") && second.ends_with("\r\n\r\nhe"),
        "{second}"
    );
    for _ in 0..2 {
        assert!(get(&origin, "/a", "").ends_with("\r\n\r\nhello"));
    }
    assert!(get(&origin, "/b", "").starts_with("HTTP/1.1 404 "));
    assert_eq!(origin.paths(), ["/a", "/a", "/a", "/a", "/b"]);
}

#[test]
fn conditions_and_ranges_are_answered_as_rfc_9110_wants_it() {
    let origin = Origin::new();
    origin.file("/a", "0123456789").etag("v1");
    for (fields, status, body) in [
        ("", "200", "0123456789"),
        ("\nRange: bytes=3-5", "206", "345"),
        ("\nRange: bytes=7-", "206", "789"),
        ("\nRange: bytes=-2", "206", "89"),
        ("\nRange: bytes=7-\nIf-Range: \"v1\"", "206", "789"),
        ("\nRange: bytes=7-\nIf-Range: \"v2\"", "200", "0123456789"),
        ("\nRange: bytes=10-", "416", ""),
        ("\nIf-None-Match: \"v1\"", "304", ""),
    ] {
        let answer = get(&origin, "/a", fields);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{fields}: {answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{fields}: {answer}");
    }
    assert!(get(&origin, "/a", "\nRange: bytes=3-5").contains("Content-Range: bytes 3-5/10\r\n"));
    let head = Client::of(&origin)
        .ask("HEAD /a HTTP/1.1\nConnection: close")
        .everything();
    assert!(
        head.contains("Content-Length: 10\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn each_way_of_ending_a_body_is_what_it_says() {
    let origin = Origin::new();
    let answers = [
        Chunked,
        CutChunked(2),
        UntilClose,
        ThenClose,
        HangUp,
        Raw(b"\x00?".to_vec()),
    ];
    answers.into_iter().fold(origin.file("/a", "hello"), Resource::then);
    for end in [
        "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "chunked\r\n\r\n2\r\nhe\r\n",
        "close\r\n\r\nhello",
        "Content-Length: 5\r\n\r\nhello",
        "",
        "\0?",
    ] {
        let answer = get(&origin, "/a", "");
        assert!(answer.ends_with(end), "{answer:?} ends with {end:?}");
    }
}

#[test]
fn a_reset_is_an_error_and_not_an_end() {
    let origin = Origin::new();
    origin.file("/a", bytes(100_000, 1)).then(ResetAfter(10));
    let mut client = Client::of(&origin).ask("GET /a HTTP/1.1");
    let error = client.0.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_gate_holds_an_answer_until_the_test_opens_it() {
    let origin = Origin::new();
    let gate = Gate::new();
    origin.file("/held", "late").then(Well.held_by(&gate));
    origin.file("/a", "hello");
    let held = Client::of(&origin).ask("GET /held HTTP/1.1\nConnection: close");
    origin.wait_for("/held");
    assert!(get(&origin, "/a", "").ends_with("hello"));
    assert_eq!(origin.most_at_once(), 2);
    gate.open();
    assert!(held.everything().ends_with("\r\n\r\nlate"));
}

#[test]
fn a_connection_serves_many_requests_and_a_silent_one_ends_with_the_origin() {
    let origin = Origin::new();
    origin
        .file("/a", "hello")
        .then(Well)
        .then(Well)
        .then(SilentAfter(2))
        .then(Silent);
    let mut client = Client::of(&origin);
    let mut length = 0;
    for _ in 0..2 {
        client = client.ask("GET /a HTTP/1.1");
        length = "HTTP/1.1 200 A Reason\r\nAccept-Ranges: bytes\r\nContent-Length: 5\r\n\r\nhello".len();
        assert!(client.receive(length).ends_with("\r\n\r\nhello"));
    }
    client = client.ask("GET /a HTTP/1.1");
    assert!(client.receive(length - 3).ends_with("\r\n\r\nhe"));
    let silent = Client::of(&origin).ask("GET /a HTTP/1.1");
    origin.wait_for_requests(4);
    assert_eq!(origin.connections(), 2);
    assert_eq!(origin.most_at_once(), 2);
    drop(origin);
    assert_eq!(client.everything() + &silent.everything(), "");
}
