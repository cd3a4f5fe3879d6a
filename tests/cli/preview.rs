//! `--dry-run`: names, and not a single request.

use std::fmt::Write as _;

use crate::support::{Origin, Room};

#[test]
fn each_entry_has_its_path_and_nothing_is_requested_or_made() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    let room = Room::new();
    let list = origin.list(["/a.bin", "/x/a.bin", "/a.bin"]) + "no-url\n" + &origin.url("/b.bin sub/c.bin\n");
    let outcome = room.haul().args(["-n", "-d", "new/folder"]).stdin(list).run();
    outcome.fails().says("failed line 4").says("nothing was requested");
    let expected = [
        ("/a.bin", "new/folder/a.bin"),
        ("/x/a.bin", "new/folder/a-2.bin  (not a.bin: taken)"),
        ("/a.bin", "(stands in the list before)"),
        ("/b.bin", "new/folder/sub/c.bin"),
    ];
    let lines = expected.map(|(path, file)| format!("{} -> {file}\n", origin.url(path)));
    assert_eq!(outcome.stdout, lines.concat());
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn the_names_are_those_of_the_run() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    let paths = [
        "/a",
        "/b/a",
        "/c/a?x=1",
        "/c/a?x=2",
        "/a.part",
        "/",
        "/%2e%2e%2fx",
        "/a",
        "/A",
        "/con.txt",
    ];
    let list = origin.list(paths) + &origin.url("/d a/b\n") + &origin.url("/e a/\n");
    let room = Room::new();
    let said = room.haul().arg("-n").stdin(&list).run();
    said.succeeds();
    let mut said: Vec<_> = said
        .stdout
        .lines()
        .filter_map(|line| line.split(" -> ").nth(1))
        .collect();
    said.retain(|path| !path.starts_with('('));
    let mut said: Vec<_> = said
        .iter()
        .map(|path| path.split("  ").next().unwrap_or(path))
        .collect();
    said.sort_unstable();
    room.haul().stdin(&list).run().succeeds();
    assert_eq!(room.names(), said);
}

#[test]
fn what_is_there_is_said_as_far_as_no_request_is_needed() {
    let origin = Origin::new();
    origin.file("/ours.bin", "ours");
    let room = Room::new();
    room.haul().arg(origin.url("/ours.bin")).run().succeeds();
    room.put("other.bin", "other");
    let requests = origin.requests().len();
    for (how, ours, other, code) in [
        ("check", "(already there)", "(there; the server's size decides)", 0),
        ("skip", "(already there)", "(already there)", 0),
        ("update", "newer)", "(there; fetched if the server's is newer)", 0),
        ("overwrite", "(there; will be replaced)", "(there; will be replaced)", 0),
        ("rename", "(not ours.bin: taken)", "other-2.bin", 0),
        ("fail", "is there already", "is there already", 1),
    ] {
        let list = origin.list(["/ours.bin", "/other.bin"]);
        let outcome = room.haul().args(["--dry-run", "--existing", how]).stdin(list).run();
        outcome.exits_with(code);
        let said = outcome.stdout.clone() + &outcome.stderr;
        for (name, note) in [("ours.bin", ours), ("other.bin", other)] {
            let mut lines = said.lines();
            assert!(
                lines.any(|line| line.contains(name) && line.contains(note)),
                "{how} {name} {note}: {said}"
            );
        }
    }
    assert_eq!(origin.requests().len(), requests);
    let names: Vec<_> = room.names();
    assert_eq!(names, ["other.bin", "ours.bin"]);
}

#[test]
fn a_line_is_answered_while_the_list_is_still_written() {
    let room = Room::new();
    let mut haul = room.haul().arg("-n").start();
    haul.write("nonsense\n");
    haul.wait_for_stderr("failed line 1");
    haul.finish().fails();
}

#[test]
fn a_dry_run_shows_no_secret_and_moves_no_cursor() {
    let room = Room::new();
    let list = "http://user:hush@h/a?sig=hush\nhttp://h/%1b%5b31mb\n\x1b[31mc hush@\nhttp://h/d \x1b[31me\n";
    let outcome = room
        .haul()
        .arg("-n")
        .stdin(list.replace("c hush@", "http://u:hush@["))
        .run();
    outcome.fails().never_says("hush").is_plain_text();
}

#[test]
fn a_long_list_costs_no_memory_beyond_its_names() {
    let room = Room::new();
    let mut haul = room.haul().args(["-n", "-q"]).start();
    let mut stdin = haul.take_stdin();
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        for block in 0..200 {
            let mut text = String::new();
            for line in 0..1000 {
                let _ = writeln!(text, "http://example.org/a/long/way/to/a/file/{block}-{line}.bin");
            }
            stdin.write_all(text.as_bytes()).expect("somebody reads the pipe");
        }
    });
    let (outcome, peak) = haul.finish_and_weigh();
    writer.join().unwrap();
    outcome.succeeds();
    assert_eq!(outcome.stdout.lines().count(), 200_000);
    // Two hashes a name, and a table that may just have doubled.
    assert!(peak < 40 << 20, "{} MiB", peak >> 20);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    let room = Room::new();
    let list = "http://h/a\n".repeat(100_000);
    room.haul().args(["-n", "-q"]).stdin(list).unheard().run().succeeds();
}

#[test]
fn a_dry_run_stops_at_the_first_failure_when_asked() {
    let room = Room::new();
    let outcome = room
        .haul()
        .args(["-n", "--fail-fast"])
        .stdin("http://h/a\nx\ny\n")
        .run();
    outcome.fails().says("line 2").never_says("line 3");
    assert_eq!(outcome.stdout, "http://h/a -> a\n");
}

#[test]
fn what_the_list_says_and_haul_does_not_use_is_told_once_as_in_a_run() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    let room = Room::new();
    let table = format!("url,filename\n{},x\n{},y\n", origin.url("/a"), origin.url("/b"));
    let list = room.give("list.csv", table);
    let told = |options: &[&str]| {
        let outcome = room.haul().args(options).arg(&list).run();
        outcome.succeeds();
        let warnings = outcome.stderr.lines().filter(|line| line.contains("warning"));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    let warning = "haul: warning: column filename is not used (line 2)";
    assert_eq!([told(&["-n"]), told(&[])], [[warning], [warning]]);
    assert!(told(&["-n", "-q"]).is_empty());
}
