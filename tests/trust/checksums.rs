//! What a file has to add up to, said by a list, an option, a file of sums or the server itself.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::Answer::{CutAfter, CutChunked};
use crate::support::{Answer, Origin, Outcome, Room, bytes};

const ALGORITHMS: [&str; 4] = ["md5", "sha1", "sha256", "sha512"];
/// Of the bytes `hello`, by its own program.
const BLAKE3_OF_HELLO: &str = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";

/// What another program says that these bytes add up to, in hexadecimal digits.
fn sum(algorithm: &str, bytes: &[u8]) -> String {
    let program = format!("{algorithm}sum");
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("coreutils");
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

pub(crate) fn base64(algorithm: &str, bytes: &[u8]) -> String {
    let hex = sum(algorithm, bytes);
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    STANDARD.encode((0..hex.len()).step_by(2).map(digit).collect::<Vec<_>>())
}

/// Another digest of the same length.
fn wrong(hex: &str) -> String {
    hex.chars().rev().collect()
}

/// The ways to say what `/a.bin` adds up to: arguments and what comes on standard input.
fn ways(room: &Room, origin: &Origin, algorithm: &str, hex: &str) -> Vec<(Vec<String>, String)> {
    let url = origin.url("/a.bin");
    let sums = |text: String| {
        let path = room.give("sums", text);
        vec!["--checksums".to_owned(), path.display().to_string()]
    };
    let tag = algorithm.to_uppercase();
    let mut ways = vec![
        (
            vec!["--checksum".into(), format!("{algorithm}:{hex}"), url.clone()],
            String::new(),
        ),
        (
            vec![
                "--checksum".into(),
                format!("{tag}={}", hex.to_uppercase()),
                url.clone(),
            ],
            String::new(),
        ),
        (sums(format!("{tag} (a.bin) = {hex}\n")), url.clone() + "\n"),
    ];
    if algorithm != "blake3" {
        ways.push((vec![], format!("{hex}  {url}\n")));
        ways.push((vec![], format!("{} *{url}\n", hex.to_uppercase())));
        ways.push((sums(format!("# sums\n{hex}  other\n{hex} *a.bin\n")), url + "\n"));
    }
    ways
}

fn run(room: &Room, (args, list): &(Vec<String>, String)) -> Outcome {
    room.haul().impatient().args(args).stdin(list).run()
}

/// All ways for all algorithms, one after the other; `sums` differ for each way, so each is written before its run.
fn each_way(mut check: impl FnMut(&Origin, &Room, &str, usize)) {
    for algorithm in ALGORITHMS.into_iter().chain(["blake3"]) {
        let origin = Origin::new();
        let count = ways(&Room::new(), &origin, algorithm, "").len();
        for way in 0..count {
            let (origin, room) = (Origin::new(), Room::new());
            origin.file("/a.bin", "hello").etag("v1");
            check(&origin, &room, algorithm, way);
        }
    }
}

fn right(algorithm: &str) -> String {
    match algorithm {
        "blake3" => BLAKE3_OF_HELLO.to_owned(),
        other => sum(other, b"hello"),
    }
}

/// One way, with only its own file of sums.
fn way(room: &Room, origin: &Origin, algorithm: &str, hex: &str, way: usize) -> (Vec<String>, String) {
    let chosen = ways(room, origin, algorithm, hex).swap_remove(way);
    if way == 2 {
        room.give("sums", format!("{} (a.bin) = {hex}\n", algorithm.to_uppercase()));
    }
    chosen
}

#[test]
fn a_file_that_adds_up_is_the_file_however_that_was_said() {
    each_way(|origin, room, algorithm, n| {
        run(room, &way(room, origin, algorithm, &right(algorithm), n)).succeeds();
        room.holds_exactly(&[("a.bin", "hello")]);
        assert_eq!(origin.requests().len(), 1, "{algorithm} {n}");
    });
}

#[test]
fn a_file_that_does_not_add_up_is_tried_once_more_and_leaves_nothing() {
    each_way(|origin, room, algorithm, n| {
        let outcome = run(room, &way(room, origin, algorithm, &wrong(&right(algorithm)), n));
        outcome
            .fails()
            .says_in_a_line(&[&format!("wrong {algorithm} checksum"), "/a.bin"]);
        room.holds_exactly::<&str>(&[]);
        let ranges: Vec<_> = origin
            .requests()
            .iter()
            .map(|r| r.field("Range").map(str::to_owned))
            .collect();
        assert_eq!(ranges, [None, None], "{algorithm} {n}");
    });
}

#[test]
fn a_large_file_that_does_not_add_up_leaves_nothing_either() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    let room = Room::new();
    room.put("mine", "mine");
    let line = format!("{}  {url}\n", wrong(&sum("sha256", &body)));
    room.haul().impatient().stdin(line).run().fails();
    room.holds_exactly(&[("mine", "mine")]);
}

#[test]
fn a_byte_that_went_wrong_on_the_way_is_made_good_by_one_fresh_try() {
    let origin = Origin::new();
    let (body, mut flawed) = (bytes(600_000, 1), bytes(600_000, 1));
    flawed[300_000] ^= 1;
    let answer = Answer::Says(200, vec![], flawed).field("ETag", "\"v1\"");
    let url = origin.file("/a.bin", &body).etag("v1").then(answer).url();
    let room = Room::new();
    let line = format!("{}  {url}\n", sum("sha256", &body));
    room.haul().args(["--retries", "0"]).stdin(line).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_file_that_came_in_pieces_adds_up_as_a_whole() {
    for cut in [CutAfter(400_000), CutAfter(100_000), CutChunked(400_000)] {
        for is_right in [true, false] {
            let origin = Origin::new();
            let body = bytes(600_000, 1);
            let url = origin.file("/a.bin", &body).etag("v1").then(cut.clone()).url();
            let room = Room::new();
            let hex = sum("sha256", &body);
            let hex = if is_right { hex } else { wrong(&hex) };
            let outcome = room.haul().impatient().stdin(format!("{hex}  {url}\n")).run();
            outcome.exits_with(i32::from(!is_right));
            assert_eq!(room.names().len(), usize::from(is_right));
            assert!(origin.requests()[1].field("Range").is_some());
        }
    }
}

#[test]
fn the_pieces_of_two_files_do_not_add_up() {
    // A server that gives a part of another file under the same tag: only the sum can tell.
    let origin = Origin::new();
    let (body, other) = (bytes(600_000, 1), bytes(600_000, 2));
    let part = Answer::part("bytes 400000-599999/600000", &other[400_000..]).field("ETag", "\"v1\"");
    let url = origin
        .file("/a.bin", &body)
        .etag("v1")
        .then(CutAfter(400_000))
        .then(part)
        .url();
    let room = Room::new();
    room.haul()
        .impatient()
        .stdin(format!("{}  {url}\n", sum("sha256", &body)))
        .run()
        .succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn a_listed_checksum_decides_about_a_file_that_is_there_without_a_request() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "hello").url();
    for (content, exit) in [("hello", 0), ("jello", 1), ("hello!", 1), ("", 1)] {
        let room = Room::new();
        let path = room.put("a.bin", content);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let outcome = room.haul().stdin(format!("{}  {url}\n", sum("sha256", b"hello"))).run();
        outcome.exits_with(exit);
        if exit == 1 {
            outcome.says_in_a_line(&["another checksum", "-f replaces it"]);
        }
        room.holds_exactly(&[("a.bin", content)]);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn force_replaces_a_file_only_by_one_that_adds_up() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "hello").url();
    let hex = sum("sha256", b"hello");
    for (hex, exit, content) in [(wrong(&hex), 1, "mine"), (hex, 0, "hello")] {
        let room = Room::new();
        room.put("a.bin", "mine");
        room.haul()
            .impatient()
            .arg("-f")
            .stdin(format!("{hex}  {url}\n"))
            .run()
            .exits_with(exit);
        room.holds_exactly(&[("a.bin", content)]);
    }
}

#[test]
fn a_second_run_with_checksums_asks_nothing() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "hello").url();
    let room = Room::new();
    let line = format!("{}  {url}\n", sum("sha256", b"hello"));
    for _ in 0..3 {
        room.haul().stdin(&line).run().succeeds();
    }
    let other = format!("{}  {url}\n", sum("md5", b"hello"));
    room.haul().stdin(other).run().succeeds();
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn what_the_server_says_of_its_file_is_believed() {
    for algorithm in ["sha256", "sha512"] {
        let name = format!("sha-{}", &algorithm[3..]);
        for (field, value) in [
            ("Repr-Digest", format!("{name}=:DIGEST:")),
            ("Content-Digest", format!("{name}=:DIGEST:")),
            ("Digest", format!("{name}=DIGEST")),
            ("Digest", format!("{}=DIGEST, unixsum=30637", name.to_uppercase())),
            ("Repr-Digest", format!("unixsum=:AAA=:, {name}=:DIGEST:")),
        ] {
            says(field, &value, algorithm);
        }
    }
    says("Content-MD5", "DIGEST", "md5");
}

/// With the right digest in this field the file comes; with a wrong one it fails and leaves nothing.
#[track_caller]
fn says(field: &str, value: &str, algorithm: &str) {
    for (of, exit) in [(&b"hello"[..], 0), (b"jello", 1)] {
        let origin = Origin::new();
        let value = value.replace("DIGEST", &base64(algorithm, of));
        let url = origin.file("/a.bin", "hello").field(field, &value).url();
        let room = Room::new();
        let outcome = room.haul().impatient().arg(url).run();
        outcome.exits_with(exit);
        assert_eq!(
            room.names().len(),
            1 - usize::try_from(exit).unwrap(),
            "{field}: {value}"
        );
        if exit == 1 {
            outcome.says_in_a_line(&[&format!("wrong {algorithm} checksum")]);
            assert_eq!(origin.requests().len(), 2);
        }
    }
}

#[test]
fn a_digest_of_the_whole_is_checked_when_the_file_came_in_pieces() {
    for (of, exit) in [(bytes(600_000, 1), 0), (bytes(600_000, 2), 1)] {
        let origin = Origin::new();
        let value = format!("sha-256=:{}:", base64("sha256", &of));
        let resource = origin
            .file("/a.bin", bytes(600_000, 1))
            .etag("v1")
            .field("Repr-Digest", &value);
        let url = resource.then(CutAfter(400_000)).url();
        let room = Room::new();
        room.haul().impatient().arg(url).run().exits_with(exit);
        assert!(origin.requests()[1].field("Range").is_some());
    }
}

#[test]
fn a_digest_is_not_forgotten_when_the_rest_comes_without_one_and_in_another_run() {
    for (of, exit) in [(bytes(600_000, 1), 0), (bytes(600_000, 2), 1)] {
        let origin = Origin::new();
        let body = bytes(600_000, 1);
        let rest = Answer::part("bytes 400000-599999/600000", &body[400_000..]).field("ETag", "\"v1\"");
        let value = format!("sha-256=:{}:", base64("sha256", &of));
        let resource = origin.file("/a.bin", &body).etag("v1").field("Repr-Digest", &value);
        let url = resource
            .then(CutAfter(400_000))
            .then(rest.clone())
            .then(CutAfter(400_000))
            .then(rest)
            .url();
        let room = Room::new();
        room.haul().args(["--retries", "0"]).arg(&url).run().fails();
        let outcome = room.haul().impatient().arg(&url).run();
        outcome.exits_with(exit);
        assert!(origin.requests()[1].field("Range").is_some());
        assert_eq!(room.has("a.bin"), exit == 0);
    }
}

#[test]
fn a_digest_of_a_part_is_not_taken_for_one_of_the_file() {
    let origin = Origin::new();
    let body = bytes(600_000, 1);
    let rest = &body[400_000..];
    let part = Answer::part("bytes 400000-599999/600000", rest)
        .field("ETag", "\"v1\"")
        .field("Content-MD5", &base64("md5", rest))
        .field("Content-Digest", &format!("sha-256=:{}:", base64("sha256", rest)));
    let url = origin
        .file("/a.bin", &body)
        .etag("v1")
        .then(CutAfter(400_000))
        .then(part)
        .url();
    let room = Room::new();
    room.haul().impatient().arg(url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body)]);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_digest_that_cannot_be_read_is_none() {
    for (field, value) in [
        ("Repr-Digest", "sha-256"),
        ("Repr-Digest", "sha-256=:::"),
        ("Repr-Digest", "sha-256=:AAAA:"),
        ("Repr-Digest", "sha-256=:not base64!:"),
        ("Repr-Digest", "sha-256=?1"),
        ("Repr-Digest", "sha-1024=:AAAA:"),
        ("Digest", "=,=,=,;"),
        ("Digest", "sha-256="),
        ("Digest", "crc32c=AAAA"),
        ("Content-MD5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("Content-MD5", "\"\""),
        ("Content-MD5", "\u{fc}"),
    ] {
        let origin = Origin::new();
        let url = origin.file("/a.bin", "hello").field(field, value).url();
        let room = Room::new();
        room.haul().impatient().arg(url).run().succeeds();
        room.holds_exactly(&[("a.bin", "hello")]);
    }
}

#[test]
fn sums_of_files_that_are_not_in_the_list_do_not_matter() {
    let origin = Origin::new();
    let hex = sum("sha256", b"hello");
    let sums = format!(
        "{hex}  somebody-else.bin\n\n# {hex}  a.bin\n{}  b.bin\n",
        sum("sha256", b"b")
    );
    origin.file("/a.bin", "anything");
    origin.file("/b.bin", "b");
    let room = Room::new();
    let path = room.give("SHA256SUMS", sums);
    let list = origin.list(["/a.bin", "/b.bin"]);
    room.haul().arg("--checksums").arg(path).stdin(list).run().succeeds();
    room.holds_exactly(&[("a.bin", "anything"), ("b.bin", "b")]);
}

#[test]
fn sums_of_none_of_the_files_are_warned_of() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "hello").url();
    let room = Room::new();
    let path = room.give("SHA256SUMS", format!("{}  x/a.bin\n", sum("sha256", b"other")));
    let outcome = room.haul().arg("--checksums").arg(path).arg(url).run();
    outcome
        .succeeds()
        .says_in_a_line(&["warning", "--checksums names none of these files"]);
}

#[test]
fn where_the_server_names_the_file_the_sum_of_that_name_counts() {
    let origin = Origin::new();
    let named = |name: &str| format!("attachment; filename={name}");
    for (path, name) in [("/get/1", "a.bin"), ("/get/2", "b.bin")] {
        origin.file(path, name).field("Content-Disposition", &named(name));
    }
    origin.file("/get/c.bin", "c.bin");
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let (right, other) = (sum("sha256", b"a.bin"), sum("sha256", b"other"));
    let sums = room.give(
        "SHA256SUMS",
        format!("{right}  a.bin\n{other}  b.bin\n{other}  1\n{other}  c.bin\n"),
    );
    let list = origin.list(["/get/1", "/get/2", "/get/c.bin"]);
    let haul = || room.haul().impatient().arg("-J").arg("--checksums").arg(&sums);
    let outcome = haul().arg("--failed").arg(&failed).stdin(&list).run();
    outcome
        .fails()
        .finished(1, 3)
        .says_in_a_line(&["failed", "wrong sha256 checksum", "/get/2"])
        .says_in_a_line(&["failed", "wrong sha256 checksum", "/get/c.bin"])
        .never_says("names none");
    room.holds(&[("a.bin", "a.bin")]);
    assert!(!room.path("b.bin").exists() && !room.path("c.bin").exists());
    let left = fs::read_to_string(failed).unwrap();
    assert_eq!(
        left.matches(&format!(" checksum=sha-256={other}\n")).count(),
        2,
        "{left}"
    );
    // And what is there is right by its name.
    let again = haul().arg(origin.url("/get/1")).run();
    again.succeeds().says("1 already there");
}

#[test]
fn a_checksum_that_cannot_be_is_a_usage_error() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "hello").url();
    let hex = sum("sha256", b"hello");
    let room = Room::new();
    for value in [
        "",
        "sha256",
        "sha256:",
        "sha256:xyz",
        &hex,
        &format!("md5:{hex}"),
        "crc32:00000000",
        &format!("sha256:{hex}0"),
    ] {
        room.haul().args(["--checksum", value, &url]).run().exits_with(2);
    }
    let other = sum("sha256", b"other");
    for broken in [
        "this is no sum\n".to_owned(),
        format!("{hex}  a.bin\r{hex}  b.bin\r"),
        format!("{hex}  a.bin\0{hex}  b.bin\0"),
        format!("{hex}  a.bin\n{other}  a.bin\n"),
        String::new(),
        "# none\n".to_owned(),
    ] {
        let broken = room.give("sums", broken);
        let outcome = room.haul().arg("--checksums").arg(&broken).arg(&url).run();
        outcome.exits_with(2).says("sums");
    }
    room.haul()
        .args(["--checksums", "/nowhere/sums", &url])
        .run()
        .exits_with(2);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn one_checksum_for_many_files_is_a_usage_error() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "hello").url();
    let value = format!("sha256:{}", sum("sha256", b"hello"));
    let room = Room::new();
    let list = room.give("list", format!("{url}\n"));
    let list = list.to_str().unwrap();
    for sources in [&[list][..], &[&url, &url], &["-"], &[&url, list]] {
        let outcome = room.haul().args(["--checksum", &value]).args(sources).stdin(&url).run();
        outcome.exits_with(2).says("--checksum");
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn with_fsync_a_file_that_is_there_has_to_reach_the_disk_too() {
    use std::os::unix::fs::PermissionsExt;
    let (origin, room) = (Origin::new(), Room::new());
    let list = origin.list(["/a", "/b"]);
    room.put("a", "a");
    // What cannot be opened cannot be synchronised.
    let locked = room.put("b", "b");
    std::fs::set_permissions(locked, PermissionsExt::from_mode(0o0)).unwrap();
    let haul = |args: &[&str]| {
        let haul = room.haul().without_privileges().args(["--existing", "skip"]).args(args);
        haul.stdin(&list).run()
    };
    haul(&[]).succeeds().finished(2, 2);
    let outcome = haul(&["--fsync"]);
    outcome.fails().finished(1, 2);
    outcome.says_in_a_line(&["cannot synchronise the file that is there: permission denied", "/b"]);
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn fsync_makes_the_same_files() {
    let origin = Origin::new();
    let body = bytes(1_000_000, 1);
    origin.file("/small", "small");
    origin.file("/large", &body).etag("v1").then(CutAfter(500_000));
    let room = Room::new();
    let list = origin.list(["/small", "/large"]) + &origin.url("/small?again") + " sub/folder/small\n";
    room.haul().impatient().arg("--fsync").stdin(list).run().succeeds();
    room.holds_exactly(&[
        ("small", &b"small"[..]),
        ("large", &body),
        ("sub/folder/small", b"small"),
    ]);
}
