//! How a run ends: exit codes, signals, closed streams, and limits of the system.

use rustix::event::{PollFd, PollFlags};

use crate::support::Answer::{Chunked, HeldAfter, Silent, SilentAfter, Status, Well};
use crate::support::{Gate, Origin, Room, bytes};

/// Exit 2, one complaint that names what is wrong, nothing requested.
#[track_caller]
fn is_usage(args: &[&str], complaint: &str) {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    let room = Room::new();
    room.give("list.txt", origin.list(["/a"]));
    room.give("file", "mine");
    let url = origin.url("/a");
    let outcome = room.haul().args(args).arg(&url).run();
    outcome
        .exits_with(2)
        .says(complaint)
        .is_plain_text()
        .never_says("panicked");
    assert_eq!(origin.connections(), 0, "nothing is requested");
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn an_unknown_option_is_usage() {
    is_usage(&["--no-such-option"], "--no-such-option");
}

#[test]
fn a_value_that_makes_no_sense_is_usage() {
    for args in [
        ["--jobs", "0"],
        ["--jobs", "many"],
        ["--per-host", "0"],
        ["--retries", "-1"],
        ["--timeout", "0"],
        ["--timeout", "soon"],
        ["--existing", "guess"],
        ["--header", "no colon"],
    ] {
        is_usage(&[&args.join("=")], args[0]);
    }
}

#[test]
fn a_source_that_cannot_be_read_is_usage() {
    is_usage(&["../given/missing.txt"], "missing.txt");
    is_usage(&["../given/list.txt", "../given/missing.txt"], "missing.txt");
    is_usage(&["../given"], "given");
}

#[test]
fn a_folder_that_cannot_be_is_usage() {
    is_usage(&["-d", "../given/file"], "../given/file");
    is_usage(&["-d", "../given/file/below"], "../given/file/below");
    is_usage(&["-d", "/proc/self/no/such"], "/proc/self/no/such");
}

#[test]
fn a_list_of_failures_that_cannot_be_written_is_usage() {
    is_usage(&["--failed", "../given/file/below"], "../given/file/below");
}

#[test]
fn a_certificate_file_that_is_none_is_usage() {
    is_usage(&["--ca-cert", "../given/missing.pem"], "missing.pem");
    is_usage(&["--ca-cert", "../given/file"], "file");
}

#[test]
fn the_first_signal_parks_and_the_next_run_goes_on() {
    for (is_interrupt, code) in [(true, 130), (false, 143)] {
        let origin = Origin::new();
        let body = bytes(300_000, 1);
        origin.file("/a.bin", &body).etag("v1").then(SilentAfter(200_000));
        origin.file("/b.bin", &body).then(Silent);
        origin.file("/c.bin", &body).then(Silent);
        let room = Room::new();
        let (list, failed) = (room.beside("list.txt"), room.beside("failed.txt"));
        room.give("list.txt", origin.list(["/a.bin", "/b.bin", "/c.bin"]));
        let haul = room
            .haul()
            .args(["-j", "2"])
            .arg(&list)
            .arg("--failed")
            .arg(&failed)
            .start();
        origin.wait_for_requests(2);
        if is_interrupt {
            haul.interrupt();
        } else {
            haul.terminate();
        }
        let outcome = haul.finish();
        outcome
            .exits_with(code)
            .stopped(0, 3)
            .never_says("panicked")
            .is_plain_text();
        let left = std::fs::read_to_string(&failed).unwrap();
        for name in ["/a.bin", "/b.bin", "/c.bin"] {
            assert!(left.contains(name), "{name} in {left}");
            assert!(!room.path(&name[1..]).exists());
        }
        assert_eq!(origin.requests().len(), 2, "no new entries");
        let again = room.haul().impatient().args(["--timeout", "300ms"]);
        again.arg(&list).run().succeeds();
        room.holds_exactly(&[("a.bin", &body), ("b.bin", &body), ("c.bin", &body)]);
    }
}

#[test]
fn a_second_signal_ends_it_too() {
    let origin = Origin::new();
    origin.file_elsewhere("").always(Silent);
    let room = Room::new();
    let haul = room.haul().arg(origin.url("/a")).start();
    origin.wait_for_requests(1);
    haul.interrupt();
    // Two of one kind might count as one.
    haul.terminate();
    haul.finish().exits_with_one_of(&[130, 143]).never_says("panicked");
}

#[test]
fn who_hangs_up_parks_the_run_unless_it_was_told_not_to_care() {
    for (before, code) in [("true", 129), ("trap '' HUP", 0)] {
        let (origin, gate) = (Origin::new(), Gate::new());
        let body = bytes(300_000, 1);
        let resource = origin.file("/a.bin", &body).etag("v1");
        resource.then(HeldAfter(200_000, gate.clone()));
        let room = Room::new();
        let haul = room.haul().after(before);
        let haul = haul.arg(origin.url("/a.bin")).start();
        origin.wait_for("/a.bin");
        haul.hang_up();
        if code == 0 {
            gate.open();
        }
        haul.finish().exits_with(code);
        room.haul().arg(origin.url("/a.bin")).run().succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
    }
}

#[test]
fn one_signal_that_is_sent_twice_at_once_is_one() {
    let origin = Origin::new();
    origin.file("/a.bin", "").always(Silent);
    let room = Room::new();
    for _ in 0..10 {
        let before = origin.requests().len();
        let haul = room
            .haul()
            .args(["--failed", "failed.txt", &origin.url("/a.bin")])
            .start();
        origin.wait_for_requests(before + 1);
        haul.terminate();
        haul.terminate();
        haul.finish().exits_with(143).stopped(0, 1);
        assert!(
            std::fs::read_to_string(room.path("failed.txt"))
                .unwrap()
                .contains("/a.bin")
        );
    }
}

#[test]
fn a_second_signal_ends_a_run_that_nobody_listens_to() {
    let room = Room::new();
    let mut haul = room.haul().unread().start();
    let taken = haul.write_while_taken((0..100_000).map(|n| format!("nonsense {n}\n")));
    assert!(taken < 100_000, "it waits for its reader");
    haul.interrupt();
    // Two of one kind might count as one.
    haul.terminate();
    haul.ends_with_its_pipe_open().exits_with_one_of(&[130, 143]);
}

#[test]
fn the_first_signal_ends_a_run_that_nobody_listens_to_a_little_later() {
    let room = Room::new();
    let mut haul = room.haul().unread().start();
    let taken = haul.write_while_taken((0..100_000).map(|n| format!("nonsense {n}\n")));
    assert!(taken < 100_000, "it waits for its reader");
    haul.interrupt();
    haul.ends_with_its_pipe_open().exits_with(130);
}

#[test]
fn what_came_is_kept_in_a_part() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    origin.file("/a.bin", &body).etag("v1").then(SilentAfter(700_000));
    let room = Room::new();
    let haul = room.haul().arg(origin.url("/a.bin")).start();
    room.wait_for("a.bin.part", 1);
    haul.interrupt();
    haul.finish().exits_with(130).stopped(0, 1);
    let part = room.read("a.bin.part");
    assert!(!part.is_empty() && body.starts_with(&part), "{} bytes", part.len());
    assert!(!room.path("a.bin").exists());
    room.haul().arg(origin.url("/a.bin")).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
}

#[test]
fn a_signal_ends_the_wait_for_a_list() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    let mut haul = room.haul().start();
    haul.write(origin.url("/a") + "\nhttp://half a li");
    origin.wait_for("/a");
    haul.interrupt();
    haul.ends_with_its_pipe_open().exits_with(130);
}

#[test]
fn a_signal_ends_the_wait_for_a_retry() {
    let origin = Origin::new();
    origin.file("/a", "a").always(Status(503).retry_after("50"));
    let room = Room::new();
    let haul = room.haul().args(["-v", &origin.url("/a")]).start();
    haul.wait_for_stderr("503");
    haul.interrupt();
    haul.finish().exits_with(130);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_signal_ends_the_reading_of_a_file_that_is_there() {
    for args in [&["-v"][..], &["-J"]] {
        let origin = Origin::new();
        origin.file("/a", "a");
        origin.file("/b", "b").always(Silent);
        let room = Room::new();
        // All of it is a hole: it takes no room, and longer to read than any test waits.
        room.put("a", "");
        let file = std::fs::File::options().write(true).open(room.path("a")).unwrap();
        file.set_len(1 << 40).unwrap();
        let list = format!("{}  {}\n{}\n", "0".repeat(64), origin.url("/a"), origin.url("/b"));
        let haul = room.haul().args(args).arg(room.give("list.txt", list)).start();
        origin.wait_for("/b");
        haul.terminate();
        haul.finish().exits_with(143).stopped(0, 2);
        assert_eq!(file.metadata().unwrap().len(), 1 << 40, "it stays");
    }
}

#[test]
fn a_signal_ends_the_wait_for_who_reads_what_is_written_at_the_end() {
    let origin = Origin::new();
    origin.file_elsewhere("").always(Status(404));
    let room = Room::new();
    let pipe = room.beside("report.json");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // More than a pipe holds.
    let long = "long/".repeat(30);
    let list: String = (0..2_000)
        .map(|n| origin.url(&format!("/missing/{long}{n}\n")))
        .collect();
    let list = room.give("list.txt", list);
    let haul = room.haul().args(["-q", "--report"]).arg(&pipe).arg(list).start();
    // It reads nothing.
    let reader = std::fs::File::open(&pipe).unwrap();
    rustix::event::poll(&mut [PollFd::new(&reader, PollFlags::IN)], None).unwrap();
    haul.interrupt();
    haul.terminate();
    haul.finish().exits_with_one_of(&[130, 143]);
}

#[test]
fn closed_streams_are_no_reason_to_stop() {
    let origin = Origin::new();
    let body = bytes(100_000, 1);
    origin.file("/a.bin", &body);
    origin.file("/b.bin", &body);
    let room = Room::new();
    let list = room.give("list.txt", origin.list(["/a.bin", "/missing.bin", "/b.bin"]));
    let quiet = room.haul().closed_stdout().closed_stderr();
    let hauls = [
        room.haul().closed_stdout(),
        room.haul().closed_stderr(),
        quiet,
        room.haul().unheard(),
    ];
    for haul in hauls {
        haul.args(["-f", "-v"]).arg(&list).run().fails().never_says("panicked");
        room.holds_exactly(&[("a.bin", &body), ("b.bin", &body)]);
    }
}

#[test]
fn help_into_a_closed_pipe_is_no_panic() {
    let room = Room::new();
    for haul in [room.haul().closed_stdout(), room.haul().unheard()] {
        haul.arg("--help").run().never_says("panicked");
    }
}

#[test]
fn more_jobs_than_file_descriptors_still_bring_every_file() {
    let origin = Origin::new();
    let body = bytes(50_000, 1);
    origin.file_elsewhere(&body).always(Chunked);
    let paths: Vec<_> = (0..150).map(|n| format!("/{n}")).collect();
    let room = Room::new();
    let haul = room.haul().limit_nofile(32).args(["-j", "64", "--retries", "0"]);
    haul.stdin(origin.list(&paths)).run().succeeds().finished(150, 150);
    let files = room.files();
    assert!(files.len() == 150 && files.values().all(|file| *file == body));
}

#[test]
fn a_soft_limit_of_file_descriptors_is_raised() {
    let origin = Origin::new();
    let gate = Gate::new();
    origin.file_elsewhere("x").always(Well.held_by(&gate));
    let paths: Vec<_> = (0..80).map(|n| format!("/{n}")).collect();
    let room = Room::new();
    let mut haul = room.haul().soft_limit_nofile(32).args(["-j", "64"]).start();
    haul.write(origin.list(&paths));
    origin.wait_for_requests(64);
    gate.open();
    haul.finish().succeeds();
    assert_eq!(origin.most_at_once(), 64);
}

#[test]
fn what_is_whole_before_the_signal_stays() {
    let origin = Origin::new();
    let gate = Gate::new();
    origin.file("/a", "a");
    origin.file("/b", bytes(100, 1)).then(HeldAfter(50, gate));
    let room = Room::new();
    let mut haul = room.haul().arg("-v").start();
    haul.write(origin.list(["/a", "/b"]));
    origin.wait_for("/b");
    haul.wait_for_stderr("done");
    haul.interrupt();
    haul.finish().exits_with(130).stopped(1, 2);
    room.holds(&[("a", "a")]);
}

#[test]
fn a_flag_is_a_variable_that_says_yes_or_no() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    for (value, is_quiet) in [("1", true), ("yes", true), ("0", false), ("false", false)] {
        let room = Room::new();
        let outcome = room.haul().env("HAUL_QUIET", value).arg(origin.url("/a.bin")).run();
        outcome.succeeds();
        assert_eq!(outcome.stderr.is_empty(), is_quiet, "{value}");
    }
    let room = Room::new();
    let haul = room.haul().env("HAUL_QUIET", "perhaps").arg(origin.url("/a.bin"));
    haul.run().exits_with(2).says("--quiet");
}

#[test]
fn a_folder_that_cannot_be_made_is_said_once() {
    let room = Room::new();
    room.put("file", "");
    let outcome = room.haul().args(["-d", "file/folder", "http://127.0.0.1:9/a"]).run();
    outcome.exits_with(2).never_says("os error");
}
