//! `--fail-fast` and `--https-only`.

use crate::support::Answer::{self, HeldAfter, Status};
use crate::support::{Authority, Gate, Origin, Room, TlsFront, bytes};

#[test]
fn the_first_failure_ends_the_run_and_what_is_under_way_is_kept() {
    let origin = Origin::new();
    let (body, gate) = (bytes(3_000_000, 1), Gate::new());
    origin
        .file("/slow.bin", &body)
        .etag("v1")
        .then(HeldAfter(2_000_000, gate.clone()));
    let room = Room::new();
    let mut haul = room.haul().args(["--fail-fast", "-j", "2"]).start();
    haul.write(origin.list(["/slow.bin"]));
    room.wait_for("slow.bin.part", 1_000_000);
    haul.write(origin.list(["/missing.bin"]));
    haul.wait_for_stderr("/missing.bin");
    // The list may go on: nobody reads it any more.
    let outcome = haul.ends_with_its_pipe_open();
    outcome
        .fails()
        .stopped(0, 2)
        .says("--fail-fast")
        .says_in_a_line(&["1 failed", "1 unfinished"]);
    assert!(room.has("slow.bin.part.json"), "the part is kept");
    gate.open();
    room.haul().arg(origin.url("/slow.bin")).run().succeeds();
    room.holds_exactly(&[("slow.bin", &body)]);
    let requests = origin.requests_for("/slow.bin");
    assert!(requests[1].field("Range").is_some(), "the second run goes on");
}

#[test]
fn with_one_job_nothing_after_the_failure_is_asked_for() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    origin.file("/b.bin", "").always(Status(404));
    let room = Room::new();
    let list = origin.list(["/a.bin", "/b.bin", "/c.bin", "/d.bin"]);
    let outcome = room.haul().args(["--fail-fast", "-j", "1"]).stdin(list).run();
    outcome.fails();
    assert_eq!(origin.paths(), ["/a.bin", "/b.bin"]);
    room.holds_exactly(&[("a.bin", "x")]);
}

#[test]
fn a_bad_line_is_a_failure_too_and_retries_come_before_it() {
    let origin = Origin::new();
    origin.file("/a.bin", "a").then(Status(503)).then(Status(503));
    let room = Room::new();
    let args = ["--fail-fast", "-j", "1"];
    room.haul()
        .impatient()
        .args(args)
        .stdin(origin.list(["/a.bin"]))
        .run()
        .succeeds();
    let list = "nonsense\n".to_owned() + &origin.list(["/b.bin"]);
    room.haul().args(args).stdin(list).run().fails().says("line 1");
    assert_eq!(origin.requests_for("/b.bin").len(), 0);
}

#[test]
fn plain_http_is_refused_and_takes_no_name_from_another() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    let outcome = room.haul().args(["--https-only", &origin.url("/a.bin")]).run();
    outcome.fails().says("plain http, and --https-only refuses that");
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(room.names(), [""; 0]);
    let list = "http://h/a.bin\nhttps://h/a.bin\n";
    let outcome = room.haul().args(["-n", "--https-only"]).stdin(list).run();
    outcome.fails().says_in_a_line(&["line 1", "--https-only"]);
    assert!(
        outcome.stdout.starts_with("https://h/a.bin -> a-2.bin"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_redirect_from_https_to_http_is_refused() {
    let authority = Authority::new();
    let origin = Origin::new();
    let front = TlsFront::new(&origin, &authority.certifies("127.0.0.1"));
    origin.file("/plain.bin", "x");
    origin
        .file("/down.bin", "")
        .always(Answer::to(&origin.url("/plain.bin")));
    origin
        .file("/across.bin", "")
        .always(Answer::to(&front.url("/secure.bin")));
    origin.file("/secure.bin", "secure");
    let room = Room::new();
    let pem = room.give("authority.pem", authority.pem()).display().to_string();
    let list = front.url("/down.bin\n") + &front.url("/across.bin\n");
    let outcome = room.haul().args(["--https-only", "--ca-cert", &pem]).stdin(&list).run();
    outcome
        .fails()
        .says("redirects to plain http, and --https-only refuses that");
    assert_eq!(origin.requests_for("/plain.bin").len(), 0);
    room.holds_exactly(&[("across.bin", "secure")]);
    // Without it, the same redirect is followed, with a warning.
    room.haul()
        .args(["--ca-cert", &pem])
        .stdin(list)
        .run()
        .succeeds()
        .says("from https to plain http");
}
