//! What is said where there is no terminal, and what never is.

use crate::support::Answer::{self, Raw, Status};
use crate::support::{Origin, Room};

#[test]
fn the_summary_counts_and_each_failure_has_its_line_its_reason_and_its_tries() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    origin.file("/there.bin", "there");
    origin.file("/broken.bin", "").always(Status(500));
    let room = Room::new();
    room.put("there.bin", "there");
    let list = origin.list(["/a.bin", "/missing.bin", "/broken.bin", "/there.bin"]);
    let outcome = room.haul().impatient().args(["--retries", "2"]).stdin(list).run();
    outcome.fails().finished(2, 4).is_plain_text();
    outcome.says("1 already there").says("2 failed");
    outcome
        .says_in_a_line(&["404 Not Found", "/missing.bin"])
        .says_in_a_line(&["line 2"]);
    outcome
        .says_in_a_line(&["500 Internal Server Error", "/broken.bin"])
        .says_in_a_line(&["line 3"]);
    assert!(
        outcome.stderr.contains("x3") || outcome.stderr.contains("3 tries"),
        "three tries"
    );
    assert_eq!(outcome.stdout, "");
    room.holds_exactly(&[("a.bin", "a"), ("there.bin", "there")]);
}

#[test]
fn no_stranger_moves_the_cursor() {
    let origin = Origin::new();
    origin.file("/%1b%5b31mname", "x");
    origin
        .file("/reason", "")
        .always(Raw(b"HTTP/1.1 404 \x1b[31mNo\r\nContent-Length: 0\r\n\r\n".into()));
    origin
        .file("/location", "")
        .always(Answer::to("ftp://h/%1b[31m\u{9b}31m"));
    let room = Room::new();
    let mut list = origin
        .list(["/%1b%5b31mname", "/reason", "/location", "/%0d%1b%5b2Kgone"])
        .into_bytes();
    list.extend_from_slice(b"\x1b[31mbad line\r\x1b[2K\n\xc2\x9b31m\n");
    for args in [&["-v"][..], &["-q"], &["--progress", "plain"], &["--progress", "none"]] {
        room.haul()
            .impatient()
            .args(args)
            .stdin(&list)
            .run()
            .fails()
            .is_plain_text();
    }
}

#[test]
fn a_pipe_gets_no_bars_whatever_the_terminal_is_called() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    for (name, value) in [
        ("NO_COLOR", "1"),
        ("TERM", "xterm-256color"),
        ("TERM", "dumb"),
        ("COLORTERM", "truecolor"),
    ] {
        let room = Room::new();
        let list = origin.list(["/a.bin", "/missing.bin"]);
        room.haul().env(name, value).stdin(list).run().fails().is_plain_text();
    }
}

#[test]
fn no_secret_of_a_url_is_shown() {
    let origin = Origin::new();
    let secret = "/a.bin?X-Amz-Signature=deadbeef&token=hush";
    origin.file(secret, "a").then(Status(503)).then(Status(404));
    origin
        .file("/redirect", "")
        .always(Answer::to("ftp://user:hunter2@h/?sig=deadbeef"));
    let url = origin.url(secret).replace("http://", "http://user:hunter2@");
    let room = Room::new();
    let failed = room.beside("failed.txt");
    for args in [&["-v"][..], &[], &["-q"]] {
        let list = format!(
            "{url}\n{}\nhttp://user:hunter2@[::1/?sig=deadbeef\n",
            origin.url("/redirect")
        );
        let haul = room
            .haul()
            .impatient()
            .args(args)
            .arg("--failed")
            .arg(&failed)
            .stdin(list);
        let outcome = haul.run();
        outcome.fails();
        for word in ["deadbeef", "hush", "hunter2"] {
            outcome.never_says(word);
        }
    }
    for name in room.names() {
        assert!(!name.contains("deadbeef") && !name.contains("hush"), "{name}");
    }
}

#[test]
fn quiet_says_nothing_but_failures() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    let outcome = room.haul().args(["-q", &origin.url("/a.bin")]).run();
    outcome.succeeds();
    assert_eq!((&*outcome.stderr, &*outcome.stdout), ("", ""));
    let outcome = room.haul().args(["-q", &origin.url("/missing.bin")]).run();
    outcome.fails().says_in_a_line(&["404", "/missing.bin"]);
}

#[test]
fn verbose_names_what_arrived() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    room.haul()
        .args(["-v", &origin.url("/a.bin")])
        .run()
        .succeeds()
        .says("a.bin");
}

#[test]
fn a_failure_is_said_when_it_happens() {
    let origin = Origin::new();
    let room = Room::new();
    let mut haul = room.haul().start();
    haul.write(origin.url("/missing.bin") + "\n");
    haul.wait_for_stderr("/missing.bin");
    haul.finish().fails();
}

#[test]
fn many_failures_are_counted_and_a_failed_list_is_the_place_for_each() {
    let origin = Origin::new();
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let paths: Vec<_> = (0..50).map(|n| format!("/{n}")).collect();
    let outcome = room
        .haul()
        .arg("--failed")
        .arg(&failed)
        .stdin(origin.list(&paths))
        .run();
    outcome.fails().finished(0, 50).says("50 failed");
    let left = std::fs::read_to_string(&failed).unwrap();
    for path in paths {
        assert!(left.contains(&origin.url(&path)), "{path}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let room = Room::new();
    for (arg, word) in [("--help", "--per-host"), ("--version", "haul 0."), ("-h", "--jobs")] {
        let outcome = room.haul().arg(arg).run();
        outcome.succeeds();
        assert!(outcome.stdout.contains(word), "{arg}");
        assert_eq!(outcome.stderr, "");
    }
}
