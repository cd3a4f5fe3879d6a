//! `--failed`: what is missing, as a list that runs again.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Answer::{self, Status};
use crate::support::{Origin, Room};

#[test]
fn the_list_of_failures_runs_again_and_gives_the_same_names() {
    let origin = Origin::new();
    origin.file("/x/a.bin", "x");
    origin.file("/y/a.bin", "y").then(Status(404));
    origin.file("/b.bin", "b").then(Status(404));
    origin.file("/c", "c").then(Status(404));
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let list = origin.list(["/x/a.bin", "/y/a.bin", "/b.bin"]) + &origin.url("/c") + " sub/c.bin\n";
    room.haul()
        .arg("--failed")
        .arg(&failed)
        .stdin(list)
        .run()
        .fails()
        .finished(1, 4);
    room.holds_exactly(&[("a.bin", "x")]);
    room.haul().arg(&failed).run().succeeds().finished(3, 3);
    room.holds_exactly(&[("a.bin", "x"), ("a-2.bin", "y"), ("b.bin", "b"), ("sub/c.bin", "c")]);
    assert_eq!(origin.requests_for("/x/a.bin").len(), 1);
}

#[test]
fn a_quiet_run_tells_of_the_same_failures_whoever_else_listens() {
    let origin = Origin::new();
    origin.file("/a", "a");
    origin.file("/b", "b").always(Status(404));
    let why = format!("haul: failed line 2: 404 Not Found: {}\n", origin.url("/b"));
    for json in [false, true] {
        let room = Room::new();
        let failed = room.beside("failed.txt");
        let mut haul = room.haul().args(["-q", "--failed"]).arg(&failed);
        if json {
            haul = haul.arg("--json");
        }
        let outcome = haul.stdin(origin.list(["/a", "/b"])).run();
        assert_eq!(outcome.fails().stderr, why);
        assert_eq!(outcome.stdout.matches(r#""event":"done""#).count(), usize::from(json));
        assert_eq!(fs::read_to_string(&failed).unwrap(), origin.list(["/b"]));
        room.holds_exactly(&[("a", "a")]);
    }
}

#[test]
fn what_failed_keeps_its_checksum() {
    let origin = Origin::new();
    origin.file("/a.bin", "not what it adds up to");
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (path, option) in [("", ""), (" other.bin", " out=other.bin\n")] {
        let url = origin.url("/a.bin");
        let list = format!("{sum}  {url}{path}\n");
        let haul = room.haul().impatient().arg("--failed").arg(&failed).stdin(&list);
        haul.run().fails().says("wrong sha256 checksum");
        let left = format!("{url}\n{option} checksum=sha-256={sum}\n");
        assert_eq!(fs::read_to_string(&failed).unwrap(), left);
        let again = room.haul().impatient().arg("--failed").arg(&failed).arg(&failed).run();
        again.fails().says("wrong sha256 checksum");
        assert_eq!(fs::read_to_string(&failed).unwrap(), left);
    }
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn what_failed_keeps_a_checksum_that_a_file_of_sums_had_for_its_name() {
    let origin = Origin::new();
    origin.file("/x/a.bin", "").then(Status(404));
    origin.file("/y/a.bin", "not what it adds up to").then(Status(404));
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let sums = room.beside("SHA256SUMS");
    fs::write(&sums, format!("{sum}  a.bin\n")).unwrap();
    let haul = room.haul().arg("--checksums").arg(&sums).arg("--failed").arg(&failed);
    haul.args(["-j", "1"])
        .stdin(origin.list(["/x/a.bin", "/y/a.bin"]))
        .run()
        .fails();
    let (x, y) = (origin.url("/x/a.bin"), origin.url("/y/a.bin"));
    let left = format!("{x}\n checksum=sha-256={sum}\n{y}\n out=a-2.bin\n checksum=sha-256={sum}\n");
    assert_eq!(fs::read_to_string(&failed).unwrap(), left);
    let again = room.haul().impatient().arg(&failed).run();
    again.fails().finished(1, 2).says("wrong sha256 checksum");
    room.holds_exactly(&[("a.bin", "")]);
}

#[test]
fn a_path_that_is_refused_is_told_in_a_comment_and_no_other_leads_anywhere() {
    let origin = Origin::new();
    let (a, b) = (origin.url("/a?t=hush"), origin.url("/b"));
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let list = format!("{a} ../esc\n{a}\n out=/etc/passwd\n{b} .git/hooks/\n");
    let haul = room.haul().arg("--https-only").arg("--failed").arg(&failed);
    haul.stdin(list).run().fails().finished(0, 3);
    let shown = a.replace("hush", "…");
    let why = "its path leads out of the folder";
    let left = format!("# line 1: {why}: {shown}\n# line 2: {why}: {shown}\n{b}\n out=git/hooks/b\n");
    assert_eq!(fs::read_to_string(&failed).unwrap(), left);
}

#[test]
fn a_password_comes_back_as_it_was_said_blanks_and_all() {
    let origin = Origin::new();
    for path in ["/a", "/b"] {
        origin.file(path, path).then(Status(404));
    }
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let list = ["/a", "/b"].map(|path| {
        let password = if path == "/a" { " p=w " } else { "p w" };
        format!(
            "{{\"url\":\"{}\",\"http-user\":\"me\",\"http-passwd\":\"{password}\"}}\n",
            origin.url(path)
        )
    });
    let haul = room.haul().arg("--failed").arg(&failed).stdin(list.concat());
    haul.run().fails().finished(0, 2);
    room.haul().arg(&failed).run().succeeds();
    for path in ["/a", "/b"] {
        let sent: Vec<_> = origin.requests_for(path);
        assert_eq!(sent[0].field("Authorization"), sent[1].field("Authorization"), "{path}");
    }
}

#[test]
fn a_list_may_be_replaced_by_its_own_failures() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    origin.file("/b.bin", "b").then(Status(404));
    let room = Room::new();
    let list = room.give("list.txt", origin.list(["/a.bin", "/b.bin"]));
    room.haul()
        .arg(&list)
        .arg("--failed")
        .arg(&list)
        .run()
        .fails()
        .finished(1, 2);
    let left = fs::read_to_string(&list).unwrap();
    assert!(left.contains("/b.bin") && !left.contains("/a.bin"), "{left}");
    room.haul()
        .arg(&list)
        .arg("--failed")
        .arg(&list)
        .run()
        .succeeds()
        .finished(1, 1);
    room.holds_exactly(&[("a.bin", "a"), ("b.bin", "b")]);
    room.haul().arg(&list).run().succeeds();
    assert_eq!(origin.paths().len(), 3);
}

#[test]
fn a_bad_line_is_in_the_list_of_failures_and_harms_it_not() {
    let origin = Origin::new();
    origin.file("/b.bin", "b").then(Status(404));
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let list = format!("nonsense\n{}\n", origin.url("/b.bin"));
    room.haul().arg("--failed").arg(&failed).stdin(list).run().fails();
    assert!(fs::read_to_string(&failed).unwrap().contains("nonsense"));
    room.haul().arg(&failed).run();
    room.holds_exactly(&[("b.bin", "b")]);
}

#[test]
fn the_failures_can_be_fetched_although_their_urls_hold_secrets() {
    let origin = Origin::new();
    origin.file("/a.bin?token=s3cret", "a").then(Status(404));
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let url = origin.url("/a.bin?token=s3cret");
    let outcome = room.haul().arg("--failed").arg(&failed).arg(&url).run();
    outcome.fails().never_says("s3cret");
    room.haul().arg(&failed).run().succeeds();
    room.holds_exactly(&[("a.bin", "a")]);
}

#[test]
fn where_nothing_failed_the_list_is_empty() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    let failed = room.give("failed.txt", "old news\n");
    room.haul()
        .arg("--failed")
        .arg(&failed)
        .arg(origin.url("/a.bin"))
        .run()
        .succeeds();
    assert!(!fs::read_to_string(&failed).unwrap_or_default().contains("old news"));
}

#[test]
fn no_entry_gets_the_name_of_a_report_or_of_the_list_of_failures() {
    let origin = Origin::new();
    origin.file("/run.json", "downloaded");
    origin.file("/again.txt", "downloaded, too");
    let room = Room::new();
    let (report, failed) = (room.path("run.json"), room.path("again.txt"));
    let list = origin.list(["/run.json", "/again.txt"]);
    for _ in 0..2 {
        let haul = room.haul().arg("--report").arg(&report).arg("--failed").arg(&failed);
        haul.stdin(list.clone()).run().succeeds();
        room.holds(&[
            ("run-2.json", "downloaded"),
            ("again-2.txt", "downloaded, too"),
            ("again.txt", ""),
        ]);
        assert!(String::from_utf8_lossy(&room.read("run.json")).contains("\"wall_time\""));
    }
    assert_eq!(origin.requests().len(), 2, "they are known again");
}

#[test]
fn what_a_link_names_is_written_where_it_leads_and_the_link_stays() {
    let origin = Origin::new();
    let room = Room::new();
    for (option, name) in [("--failed", "again.txt"), ("--report", "run.json")] {
        let target = room.give(name, "old");
        let link = room.path(name);
        symlink(&target, &link).unwrap();
        let url = origin.url("/gone");
        room.haul().arg(option).arg(&link).arg(url).run().fails();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "{option}");
        assert!(fs::read_to_string(&target).unwrap().contains("/gone"), "{option}");
    }
    room.is_clean_outside_the_folder(&["again.txt", "run.json"]);
}

#[test]
fn what_the_process_has_open_is_written_into_after_what_it_holds() {
    let origin = Origin::new();
    let room = Room::new();
    let open = room.give("open.txt", "before\n");
    let haul = room.haul().after("exec 7>>../given/open.txt");
    let haul = haul.args(["--failed", "/dev/fd/7"]).arg(origin.url("/gone"));
    haul.run().fails().says("404");
    let expected = format!("before\n{}", origin.list(["/gone"]));
    assert_eq!(fs::read_to_string(open).unwrap(), expected);
    room.is_clean_outside_the_folder(&["open.txt"]);
}

#[test]
fn what_an_earlier_process_of_the_same_number_left_is_in_nobody_s_way() {
    let origin = Origin::new();
    let room = Room::new();
    let haul = room.haul().after("touch ../given/again.txt.$$ ../given/run.json.$$");
    let haul = haul.args(["--failed", "../given/again.txt", "--report", "../given/run.json"]);
    haul.arg(origin.url("/gone")).run().fails().says("404");
    assert_eq!(
        fs::read_to_string(room.beside("again.txt")).unwrap(),
        origin.list(["/gone"])
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_killed_leaves_nothing_of_what_it_was_to_write() {
    use rustix::fs::{Mode, OFlags};
    let origin = Origin::new();
    origin.file("/a", "a").always(Answer::Silent);
    let room = Room::new();
    let haul = room
        .haul()
        .args(["--failed", "../given/again.txt", "--report", "../given/run.json"]);
    let running = haul.arg(origin.url("/a")).start();
    origin.wait_for("/a");
    running.kill();
    drop(running);
    // Not every file system has files without a name, and then nobody can help it.
    let flags = OFlags::TMPFILE | OFlags::WRONLY;
    if rustix::fs::open(room.root(), flags, Mode::empty()).is_ok() {
        room.is_clean_outside_the_folder(&[]);
    }
}

#[test]
fn the_end_of_a_link_is_no_entry_s_name_and_no_list_that_is_read() {
    let origin = Origin::new();
    origin.file("/run.json", "downloaded");
    let room = Room::new();
    let link = room.beside("link.json");
    symlink(room.path("run.json"), &link).unwrap();
    let haul = || room.haul().arg("--report").arg(&link);
    haul().arg(origin.url("/run.json")).run().succeeds();
    room.holds(&[("run-2.json", "downloaded")]);
    haul()
        .arg("run.json")
        .run()
        .exits_with(2)
        .says("would replace the list");
}

#[test]
fn a_list_that_was_not_read_to_its_end_is_not_said_to_be_in_the_list_of_failures() {
    let origin = Origin::new();
    let room = Room::new();
    let haul = || room.haul().args(["-j", "1", "--failed", "again.txt"]);
    let whole = haul().stdin(origin.list(["/a", "/b"])).run();
    whole.fails().says("again.txt lists what has no file yet, to run again");
    let mut stopped = haul().arg("--fail-fast").start();
    stopped.write(origin.list(["/a"]));
    let stopped = stopped.ends_with_its_pipe_open();
    stopped
        .fails()
        .says("again.txt lists what was read and has no file yet; the rest of the list was not read");
}
