//! Lists: what a line means, and that no line is lost.

use std::fs::File;
use std::io::Write as _;

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::support::{Origin, Room, bytes};

/// An origin with `/1`, `/2`, …, each a small file of its own.
fn numbered(count: u64) -> (Origin, Vec<Vec<u8>>) {
    let origin = Origin::new();
    let bodies: Vec<_> = (1..=count).map(|n| bytes(1000, n)).collect();
    for (n, body) in (1..).zip(&bodies) {
        origin.file(&format!("/{n}"), body);
    }
    (origin, bodies)
}

#[test]
fn the_first_download_starts_while_the_pipe_stays_open() {
    let (origin, bodies) = numbered(2);
    let room = Room::new();
    let mut haul = room.haul().start();
    haul.write(origin.url("/1") + "\n");
    origin.wait_for("/1");
    haul.write(origin.url("/2") + "\n");
    origin.wait_for("/2");
    haul.finish().succeeds().finished(2, 2);
    room.holds_exactly(&[("1", &bodies[0]), ("2", &bodies[1])]);
}

#[test]
fn a_line_may_come_in_pieces_and_the_last_one_needs_no_end() {
    let (origin, bodies) = numbered(2);
    let room = Room::new();
    let mut haul = room.haul().arg("-").start();
    for byte in (origin.url("/1") + "\n").as_bytes() {
        haul.write([*byte]);
    }
    origin.wait_for("/1");
    haul.write(origin.url("/2"));
    haul.finish().succeeds();
    room.holds_exactly(&[("1", &bodies[0]), ("2", &bodies[1])]);
}

#[test]
fn bom_cr_blanks_and_comments_cost_no_entry() {
    let (origin, bodies) = numbered(3);
    let room = Room::new();
    let url = |n: u32| origin.url(&format!("/{n}"));
    let list = format!(
        "\u{feff}{}\r\n\r\n   \n# a comment\r\n  \t# another\n\t {} \t\r\n#{}/none\n{}",
        url(1),
        url(2),
        url(1),
        url(3)
    );
    room.haul().stdin(list).run().succeeds().finished(3, 3);
    room.holds_exactly(&[("1", &bodies[0]), ("2", &bodies[1]), ("3", &bodies[2])]);
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn a_second_field_is_the_path() {
    let (origin, bodies) = numbered(3);
    let room = Room::new();
    let list = format!(
        "{} one.bin\n  {}\t deep/er/two.bin \r\n{} ./folder/\n",
        origin.url("/1"),
        origin.url("/2"),
        origin.url("/3")
    );
    room.haul().stdin(list).run().succeeds();
    room.holds_exactly(&[
        ("one.bin", &bodies[0]),
        ("deep/er/two.bin", &bodies[1]),
        ("folder/3", &bodies[2]),
    ]);
}

#[test]
fn each_bad_line_is_one_failed_entry_and_the_rest_arrives() {
    let (origin, bodies) = numbered(2);
    let mut megabytes = b"http://h/".to_vec();
    megabytes.resize(3 << 20, b'x');
    let bad: [&[u8]; 9] = [
        b"no url",
        b"www.example.org/a",
        b"ftp://127.0.0.1/a",
        b"file:///etc/passwd",
        b"http://",
        b"http://[::1/a",
        b"http://127.0.0.1/\xff\xfe",
        b"http://127.0.0.1/\0a",
        &megabytes,
    ];
    let mut list = origin.url("/1").into_bytes();
    for line in bad {
        list.extend_from_slice(b"\n");
        list.extend_from_slice(line);
    }
    list.extend_from_slice(format!("\n{}\n", origin.url("/2")).as_bytes());
    let room = Room::new();
    let outcome = room.haul().stdin(&list).run();
    outcome.fails().finished(2, 11).is_plain_text();
    for line in 2..=10 {
        outcome.says_in_a_line(&["line", &line.to_string()]);
    }
    assert!(outcome.stderr.len() < 20_000, "a long line is not shown whole");
    room.holds_exactly(&[("1", &bodies[0]), ("2", &bodies[1])]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_list_of_nothing_but_bad_lines_fails() {
    let room = Room::new();
    let outcome = room.haul().stdin("one\ntwo\n").run();
    outcome
        .fails()
        .finished(0, 2)
        .says_in_a_line(&["line 1"])
        .says_in_a_line(&["line 2"]);
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn an_identical_entry_is_fetched_once() {
    let (origin, bodies) = numbered(2);
    let room = Room::new();
    let list = origin.list(["/1", "/2", "/1", "/1#fragment", "/2"]);
    let outcome = room.haul().args(["-j", "1"]).stdin(list).run();
    outcome.succeeds().finished(2, 2).says("3 listed twice");
    room.holds_exactly(&[("1", &bodies[0]), ("2", &bodies[1])]);
    assert_eq!(origin.paths(), ["/1", "/2"]);
}

#[test]
fn an_entry_that_fails_is_no_file_however_often_it_is_listed() {
    let (origin, bodies) = numbered(1);
    let room = Room::new();
    let list = origin.list(["/gone", "/1", "/gone", "/gone"]);
    let outcome = room.haul().stdin(list).run();
    outcome
        .fails()
        .finished(1, 2)
        .says_in_a_line(&["2 listed twice", "1 failed"]);
    room.holds_exactly(&[("1", &bodies[0])]);
}

#[test]
fn one_url_with_two_paths_is_two_entries() {
    let (origin, bodies) = numbered(1);
    let room = Room::new();
    let url = origin.url("/1");
    room.haul()
        .stdin(format!("{url} x\n{url} y\n{url} x\n"))
        .run()
        .succeeds();
    room.holds_exactly(&[("x", &bodies[0]), ("y", &bodies[0])]);
}

#[test]
fn a_named_pipe_is_a_list_too() {
    let (origin, bodies) = numbered(2);
    let room = Room::new();
    let pipe = room.beside("pipe");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
    let haul = room.haul().arg(&pipe).start();
    let mut list = File::options().write(true).open(&pipe).unwrap();
    list.write_all((origin.url("/1") + "\n").as_bytes()).unwrap();
    origin.wait_for("/1");
    list.write_all(origin.url("/2").as_bytes()).unwrap();
    drop(list);
    haul.finish().succeeds();
    room.holds_exactly(&[("1", &bodies[0]), ("2", &bodies[1])]);
}

#[test]
fn several_sources_are_read_one_after_the_other_as_one_list() {
    let (origin, bodies) = numbered(5);
    let room = Room::new();
    let first = room.give("first.txt", origin.list(["/3", "/1"]));
    let second = room.give("second.txt", origin.list(["/5"]));
    let haul = room
        .haul()
        .args(["-j", "1"])
        .arg(first)
        .arg(origin.url("/2"))
        .arg("-")
        .arg(second);
    haul.stdin(origin.url("/4")).run().succeeds().finished(5, 5);
    assert_eq!(origin.paths(), ["/3", "/1", "/2", "/4", "/5"]);
    room.holds(&[("5", &bodies[4])]);
}

#[test]
fn of_several_lists_a_failure_names_the_list_and_its_line() {
    let (origin, _) = numbered(1);
    let room = Room::new();
    let first = room.give("first.txt", origin.url("/1"));
    let second = room.give("second.txt", "# hello\n\nnonsense\n");
    let outcome = room.haul().arg(first).arg(second).run();
    outcome.fails().finished(1, 2).says("second.txt:3");
}

#[test]
fn of_several_urls_a_failure_names_which_argument_it_was() {
    let (origin, bodies) = numbered(1);
    let room = Room::new();
    room.give("list.txt", "nonsense\n");
    let urls = ["/1", "/gone", "/away"].map(|path| origin.url(path));
    let outcome = room.haul().args(&urls).arg("../given/list.txt").arg("ftp://h/a").run();
    outcome
        .fails()
        .says_in_a_line(&["failed argument:2: 404", "/gone"])
        .says_in_a_line(&["failed argument:3: 404", "/away"])
        .says("failed ../given/list.txt:1: not a URL")
        .says("failed argument:5: ftp");
    room.holds_exactly(&[("1", &bodies[0])]);
}

#[test]
fn an_empty_list_is_a_success_with_a_warning() {
    for list in ["", "\n\n", "# nothing\n", "\u{feff}"] {
        let room = Room::new();
        let outcome = room.haul().stdin(list).run();
        outcome.succeeds();
        assert!(!outcome.stderr.trim().is_empty(), "no warning for {list:?}");
        room.holds_exactly::<&str>(&[]);
    }
}

#[test]
fn a_fragment_is_neither_sent_nor_part_of_the_name() {
    let (origin, bodies) = numbered(1);
    let room = Room::new();
    room.haul().arg(origin.url("/1#part")).run().succeeds();
    room.holds_exactly(&[("1", &bodies[0])]);
    assert_eq!(origin.requests()[0].target, "/1");
}

#[test]
#[cfg(target_os = "linux")]
fn a_list_whose_first_byte_cannot_be_read_is_a_mistake_of_use_and_nothing_is_requested() {
    let origin = Origin::new();
    let room = Room::new();
    let url = origin.url("/a");
    let of_file = room.haul().args(["/proc/self/mem", &url]).run();
    of_file
        .exits_with(2)
        .says("cannot read list /proc/self/mem: input/output error");
    let of_stdin = room.haul().after("exec <.").args(["-", &url]).run();
    of_stdin.exits_with(2).says("cannot read list stdin: is a directory");
    assert_eq!(origin.requests().len(), 0);
}
