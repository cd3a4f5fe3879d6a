//! When to try again, how often, and how patiently.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::support::Answer::{HangUp, Status, ThenClose, Well};
use crate::support::{Gate, Origin, Room, bytes};

#[test]
fn a_503_is_tried_again() {
    let origin = Origin::new();
    origin.file("/a", "a").then(Status(503));
    let room = Room::new();
    room.haul()
        .impatient()
        .arg(origin.url("/a"))
        .run()
        .succeeds()
        .finished(1, 1);
    room.holds_exactly(&[("a", "a")]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn what_may_pass_is_tried_again() {
    let codes = [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524];
    let origin = Origin::new();
    let paths = codes.map(|code| format!("/{code}"));
    for (path, code) in paths.iter().zip(codes) {
        origin.file(path, "well").then(Status(code));
    }
    let room = Room::new();
    room.haul().impatient().stdin(origin.list(&paths)).run().succeeds();
    for path in paths {
        assert_eq!(origin.requests_for(&path).len(), 2, "{path}");
    }
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    let codes = [400, 401, 403, 404, 405, 406, 409, 410, 414, 416, 418, 451, 501, 505];
    let origin = Origin::new();
    let paths = codes.map(|code| format!("/{code}"));
    for (path, code) in paths.iter().zip(codes) {
        origin.file(path, "well").then(Status(code));
    }
    let room = Room::new();
    let outcome = room.haul().impatient().stdin(origin.list(&paths)).run();
    outcome.fails().finished(0, codes.len());
    room.holds_exactly::<&str>(&[]);
    for path in paths {
        outcome.says_in_a_line(&[&path[1..], &path]);
        assert_eq!(origin.requests_for(&path).len(), 1, "{path}");
    }
}

#[test]
fn a_failure_leaves_its_connection_of_use() {
    let origin = Origin::new();
    let room = Room::new();
    let paths: Vec<_> = (0..10).map(|n| format!("/{n}")).collect();
    room.haul().args(["-j", "1"]).stdin(origin.list(&paths)).run().fails();
    assert_eq!((origin.requests().len(), origin.connections()), (10, 1));
}

#[test]
fn retries_are_the_tries_after_the_first() {
    for retries in [0, 1, 4] {
        let origin = Origin::new();
        origin.file("/a", "a").always(Status(503));
        let room = Room::new();
        let outcome = room
            .haul()
            .impatient()
            .args(["--retries", &retries.to_string(), &origin.url("/a")])
            .run();
        outcome.fails().finished(0, 1).says("503");
        assert_eq!(origin.requests().len(), retries + 1);
        room.holds_exactly::<&str>(&[]);
    }
}

#[test]
fn five_retries_are_made_unless_told_otherwise() {
    let origin = Origin::new();
    origin.file("/a", "a").times(5, &Status(503));
    origin.file("/b", "b").times(6, &Status(503));
    let room = Room::new();
    room.haul()
        .impatient()
        .stdin(origin.list(["/a", "/b"]))
        .run()
        .fails()
        .finished(1, 2);
    room.holds_exactly(&[("a", "a")]);
    assert_eq!(origin.requests_for("/b").len(), 6);
}

#[test]
fn retry_after_in_seconds_is_obeyed() {
    let origin = Origin::new();
    origin.file("/a", "a").then(Status(503).retry_after("1"));
    let room = Room::new();
    room.haul().arg(origin.url("/a")).run().succeeds();
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
}

#[test]
fn retry_after_as_a_date_is_obeyed() {
    let origin = Origin::new();
    let (now, clock) = (Instant::now(), SystemTime::now());
    let wait = Duration::from_secs(3);
    origin.file("/a", "a").then(Status(429).retry_after_date(wait));
    let date = httpdate::parse_http_date(&httpdate::fmt_http_date(clock + wait)).unwrap();
    let until = now + date.duration_since(clock).unwrap();
    let room = Room::new();
    room.haul().arg(origin.url("/a")).run().succeeds();
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].at >= until, "{:?} too early", until - requests[1].at);
}

#[test]
fn more_patience_than_allowed_is_a_failure_at_once() {
    let origin = Origin::new();
    origin.file("/seconds", "").always(Status(429).retry_after("3600"));
    origin
        .file("/date", "")
        .always(Status(503).retry_after_date(Duration::from_secs(3600)));
    for (path, code) in [("/seconds", "429"), ("/date", "503")] {
        let room = Room::new();
        let outcome = room.haul().arg(origin.url(path)).run();
        outcome.fails().says_in_a_line(&[code, "--retry-max-wait"]);
        assert_eq!(origin.requests_for(path).len(), 1);
    }
}

#[test]
fn a_retry_after_that_says_nothing_is_not_there() {
    for value in ["soon", "-1", "", "99999999999999999999999999x", "1.5"] {
        let origin = Origin::new();
        origin.file("/a", "a").then(Status(503).retry_after(value));
        let room = Room::new();
        room.haul().impatient().arg(origin.url("/a")).run().succeeds();
    }
}

#[test]
fn a_connection_closed_between_requests_costs_no_retry() {
    let origin = Origin::new();
    origin.hang_up_on_reuse();
    let paths: Vec<_> = (0..40).map(|n| format!("/{n}")).collect();
    origin.file_elsewhere(bytes(5000, 1));
    for jobs in ["1", "4"] {
        let room = Room::new();
        let haul = room
            .haul()
            .args(["-j", jobs, "--retries", "0"])
            .stdin(origin.list(&paths));
        haul.run().succeeds().finished(40, 40);
        assert_eq!(room.names().len(), 40);
    }
}

#[test]
fn a_request_that_closes_connections_does_not_use_up_those_of_others() {
    let (origin, gate) = (Origin::new(), Gate::new());
    let paths: Vec<_> = (0..16).map(|n| format!("/{n}")).collect();
    origin.file_elsewhere("a").always(Well.held_by(&gate));
    let bad = origin.file("/bad", "b").always(HangUp).url();
    let room = Room::new();
    let mut haul = room.haul().args(["--retries", "0"]).start();
    haul.write(origin.list(&paths));
    origin.wait_for_requests(16);
    gate.open();
    for path in &paths {
        room.wait_for(&path[1..], 1);
    }
    haul.write(bad + "\n");
    haul.finish().fails().finished(16, 17);
    assert_eq!(
        origin.requests_for("/bad").len(),
        3,
        "two old connections and a new one"
    );
}

#[test]
fn a_keep_alive_that_was_promised_and_not_kept_costs_no_retry() {
    let origin = Origin::new();
    origin.file_elsewhere(bytes(5000, 1)).always(ThenClose);
    let paths: Vec<_> = (0..40).map(|n| format!("/{n}")).collect();
    for jobs in ["1", "4"] {
        let room = Room::new();
        let haul = room
            .haul()
            .args(["-j", jobs, "--retries", "0"])
            .stdin(origin.list(&paths));
        haul.run().succeeds().finished(40, 40);
    }
}

#[test]
fn a_fresh_connection_closed_without_an_answer_is_a_try() {
    let origin = Origin::new();
    origin.file("/a", "a").always(HangUp);
    for retries in [0, 2] {
        let before = origin.requests().len();
        let room = Room::new();
        room.haul()
            .impatient()
            .args(["--retries", &retries.to_string(), &origin.url("/a")])
            .run()
            .fails();
        assert_eq!(origin.requests().len() - before, retries + 1);
    }
}

#[test]
fn a_refused_connection_is_named_and_the_rest_arrives() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    let list = format!("http://{closed}/b\n{}\n", origin.url("/a"));
    let outcome = room.haul().impatient().args(["--retries", "1"]).stdin(list).run();
    outcome
        .fails()
        .finished(1, 2)
        .says_in_a_line(&["refused", &closed.to_string()]);
    room.holds_exactly(&[("a", "a")]);
}

#[test]
fn a_server_that_refuses_before_it_is_asked_is_asked_again() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    thread::spawn(move || {
        for number in 0.. {
            let Ok((mut client, _)) = listener.accept() else { return };
            let said: &[u8] = if number % 2 == 0 {
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            } else {
                let _ = client.read(&mut [0; 16 * 1024]);
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na"
            };
            let _ = client.write_all(said);
            let _ = client.shutdown(Shutdown::Write);
            let _ = io::copy(&mut client, &mut io::sink());
        }
    });
    // Whether the client sees the words or only the end is a matter of luck.
    for _ in 0..10 {
        let room = Room::new();
        room.haul().impatient().arg(&url).run().succeeds();
    }
}
