//! CSV, TSV, JSON, Google's transfer lists and `sha256sum`: as the programs write them that people use.

use std::fs;

use crate::support::{Origin, Room, gzip};
use crate::tool::{tool, written};

/// Writes the same entries with Python's own modules, in every form that it has.
const PYTHON: &str = r#"
import csv, hashlib, json, sys
base, folder = sys.argv[1:]
rows = [(base + "/1,2", 'a "quoted", name.bin'), (base + "/2;x", "deep/er/ünï.bin"), (base + "/3", "plain.bin")]
def table(name, header, **how):
    with open(f"{folder}/{name}", "w", newline="", encoding="utf-8") as f:
        w = csv.writer(f, **how)
        if header: w.writerow(header)
        for url, out in rows:
            w.writerow([url, out] if not header else [url, "a\nlong, caption", out, 2])
table("plain.csv", None)
table("quoted.csv", None, quoting=csv.QUOTE_ALL)
table("named.csv", ["url", "caption", "out", "size"])
table("excel.tsv", None, dialect="excel-tab")
with open(f"{folder}/laion.csv", "w", newline="") as f:
    w = csv.DictWriter(f, ["key", "caption", "url", "out"])
    w.writeheader()
    for n, (url, out) in enumerate(rows): w.writerow({"key": n, "caption": "a, b", "url": url, "out": out})
table("unix.csv", ["URL", "caption", "path", "size"], dialect="unix")
with open(f"{folder}/lines.jsonl", "w") as f:
    for url, out in rows: print(json.dumps({"url": url, "out": out, "size": 2}), file=f)
with open(f"{folder}/utf8.jsonl", "w", encoding="utf-8") as f:
    for url, out in rows: print(json.dumps({"out": out, "url": url}, ensure_ascii=False, separators=(",", ":")), file=f)
"#;

#[test]
fn what_python_writes_is_read_as_it_was_meant() {
    let origin = Origin::new();
    origin.file("/1,2", "1\n");
    origin.file("/2;x", "2\n");
    origin.file("/3", "3\n");
    let expected = [
        ("a _quoted_, name.bin", "1\n"),
        ("deep/er/ünï.bin", "2\n"),
        ("plain.bin", "3\n"),
    ];
    let expected = expected.map(|(name, body)| (name.replace('_', "\""), body));
    let expected: Vec<_> = expected.iter().map(|(name, body)| (name.as_str(), *body)).collect();
    let given = Room::new();
    let Some(mut python) = tool("python3") else { return };
    python.args(["-c", PYTHON, origin.url("").trim_end_matches('/')]);
    written({
        python.arg(given.beside(""));
        python
    });
    for list in [
        "plain.csv",
        "quoted.csv",
        "named.csv",
        "excel.tsv",
        "unix.csv",
        "laion.csv",
        "lines.jsonl",
        "utf8.jsonl",
    ] {
        let room = Room::new();
        let outcome = room.haul().arg(given.beside(list)).run();
        outcome.succeeds().finished(3, 3);
        room.holds_exactly(&expected);
        let unused = [("named.csv", 1), ("unix.csv", 1), ("laion.csv", 2)];
        let unused = unused
            .iter()
            .find(|(of, _)| *of == list)
            .map_or(0, |(_, unused)| *unused);
        outcome.says_times("warning", unused);
        // The same through a pipe, which has no name.
        let format = list.rsplit('.').next().unwrap();
        let room = Room::new();
        let bytes = fs::read(given.beside(list)).unwrap();
        room.haul().args(["--format", format]).stdin(bytes).run().succeeds();
        room.holds_exactly(&expected);
    }
}

#[test]
fn a_table_is_never_guessed() {
    let origin = Origin::new();
    origin.file("/a,b", "a");
    let room = Room::new();
    let list = room.give("list.txt", origin.url("/a,b") + "\n");
    room.haul().arg(list).run().succeeds();
    room.holds_exactly(&[("a,b", "a")]);
}

#[test]
fn lines_end_as_on_any_system_in_each_form() {
    let origin = Origin::new();
    let names = ["a", "b", "c"];
    for name in names {
        origin.file(&format!("/{name}"), name);
    }
    let [a, b, c] = names.map(|name| origin.url(&format!("/{name}")));
    let forms = [
        ("text", format!("# list\n{a}\n{b} b\n\n{c}\n")),
        ("text", format!("{a}\n  out=a\n{b}\n{c}\n  out=c")),
        ("csv", format!("url,out\n{a},a\n\"{b}\",b\n{c},c\n")),
        ("tsv", format!("{a}\ta\n{b}\tb\n{c}\tc")),
        (
            "jsonl",
            format!("{{\"url\":\"{a}\"}}\n{{\"url\":\"{b}\"}}\n{{\"url\":\"{c}\"}}\n"),
        ),
        ("gcs", format!("TsvHttpData-1.0\n{a}\n{b}\t1\n{c}\n")),
        ("curl", format!("url = {a}\nurl = \"{b}\"\nnext\nurl = {c}\n")),
    ];
    for (format, list) in forms {
        for end in ["\n", "\r\n", "\r"] {
            let room = Room::new();
            let list = list.replace('\n', end);
            room.haul().args(["--format", format, "-"]).stdin(list).run().succeeds();
            room.holds_exactly(&names.map(|name| (name, name)));
        }
    }
}

#[test]
fn a_quote_too_many_fails_its_row_and_exit_status_0_is_out_of_reach() {
    let origin = Origin::new();
    let url = |name: &str| origin.file(name, name).url();
    let (a, b, c) = (url("/a"), url("/b"), url("/c"));
    let room = Room::new();
    let list = format!("{a},\"x\n{b},y\n{c},\"z\n{a},w\n");
    let outcome = room.haul().args(["--format", "csv", "-"]).stdin(list).run();
    outcome
        .fails()
        .says_in_a_line(&["line 1", "a quoted cell that goes on behind its quote"]);
    room.holds_exactly(&[("w", "/a")]);
}

#[test]
fn the_first_download_starts_with_the_first_line_of_each_form() {
    let origin = Origin::new();
    for path in ["/a", "/b"] {
        origin.file(path, path);
    }
    let (a, b) = (origin.url("/a"), origin.url("/b"));
    for (format, first, second) in [
        (
            "jsonl",
            format!("{{\"url\":\"{a}\"}}\n"),
            format!("{{\"url\":\"{b}\"}}"),
        ),
        ("auto", format!("{{\"url\":\"{a}\"}}\n"), format!("{{\"url\":\"{b}\"}}")),
        ("csv", format!("url,size\r\n{a},2\r\n"), format!("\"{b}\",2")),
        ("tsv", format!("{a}\ta\n"), format!("{b}\tb")),
        ("auto", format!("TsvHttpData-1.0\n{a}\n"), format!("{b}\t2\n")),
        ("curl", format!("url = {a}\n"), format!("next\nurl = {b}\n")),
        ("text", format!("{a}\n out=a\n\n"), b.clone()),
    ] {
        let room = Room::new();
        let before = origin.requests().len();
        let mut haul = room.haul().args(["--format", format]).start();
        haul.write(first);
        origin.wait_for_requests(before + 1);
        haul.write(second);
        haul.finish().succeeds().finished(2, 2);
        room.holds_exactly(&[("a", "/a"), ("b", "/b")]);
    }
}

#[test]
fn a_megabyte_is_one_bad_line_in_each_form_and_the_next_one_is_read() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let (url, long) = (origin.url("/a"), "x".repeat(1 << 20));
    for (format, bad, good) in [
        (
            "jsonl",
            format!("{{\"url\":\"http://h/?hush={long}\"}}"),
            format!("{{\"url\":\"{url}\"}}"),
        ),
        ("csv", format!("http://h/?k=hush,{long}"), url.clone()),
        ("tsv", format!("http://h/?k=hush\t{long}"), url.clone()),
        ("gcs", format!("http://h/?k=hush{long}"), url.clone()),
        ("curl", format!("user = \"hush:{long}\""), format!("url = {url}")),
        ("text", format!(" http-passwd=hush{long}"), url.clone()),
        ("auto", format!("{{\"token\": \"hush{long}"), url.clone()),
    ] {
        let room = Room::new();
        let outcome = room
            .haul()
            .args(["--format", format])
            .stdin(format!("{bad}\n{good}\n"))
            .run();
        outcome
            .fails()
            .finished(1, 2)
            .says_in_a_line(&["line 1", "longer than 64 KiB"])
            .never_says("hush");
        assert!(outcome.stderr.len() < 5_000, "a long line is not shown whole");
        room.holds_exactly(&[("a", "a")]);
    }
}

#[test]
fn a_failure_names_the_list_and_its_line() {
    let room = Room::new();
    let csv = room.give("some.csv", "url,caption\n\"ftp://h/a\",\"two\nlines\"\nnonsense,x\n");
    let json = room.give("some.jsonl", "\n{\"url\":\n");
    let outcome = room.haul().arg(csv).arg(json).run();
    outcome
        .fails()
        .finished(0, 3)
        .says_in_a_line(&["some.csv:2", "ftp: is not http or https"])
        .says_in_a_line(&["some.csv:4", "not a URL"])
        .says_in_a_line(&["some.jsonl:2", "not JSON"]);
}

#[test]
fn a_transfer_list_checks_sizes_and_sums() {
    let origin = Origin::new();
    for path in ["/a", "/b", "/c"] {
        origin.file(path, &path[1..]);
    }
    let list = format!(
        "TsvHttpData-1.0\n{}\t1\tDMF1ucDxtqgxw5niaXcmYQ==\n{}\t1\tDMF1ucDxtqgxw5niaXcmYQ==\n{}\t2\n",
        origin.url("/a"),
        origin.url("/b"),
        origin.url("/c")
    );
    let room = Room::new();
    let outcome = room.haul().impatient().stdin(list).run();
    outcome
        .fails()
        .finished(1, 3)
        .says_in_a_line(&["line 3", "wrong md5 checksum"])
        .says_in_a_line(&["line 4", "the server has 1 bytes, the list says 2"]);
    room.holds_exactly(&[("a", "a")]);
}

#[test]
fn a_transfer_list_is_one_whatever_its_name_unless_it_was_said_to_be_a_table() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let list = format!("TsvHttpData-1.0\n{}\t2\n", origin.url("/a"));
    let room = Room::new();
    let (plain, packed) = (
        room.give("list.tsv", &list),
        room.give("list.tsv.gz", gzip(list.as_bytes())),
    );
    for list in [&plain, &packed] {
        let outcome = room.haul().arg(list).run();
        outcome.fails().finished(0, 1).says("the list says 2");
        let table = room.haul().args(["--format", "tsv"]).arg(list).run();
        table.fails().finished(1, 2).says("TsvHttpData-1.0");
        room.holds(&[("2", "a")]);
        std::fs::remove_file(room.path("2")).unwrap();
    }
}

#[test]
fn what_sha256sum_writes_is_read_when_its_names_become_urls() {
    let origin = Origin::new();
    let given = Room::new();
    for (path, body) in [("/a", "one"), ("/b", "two")] {
        origin.file(path, body);
        given.give(&path[1..], body);
    }
    for mode in ["--text", "--binary"] {
        let Some(mut sha256sum) = tool("sha256sum") else { return };
        sha256sum.args([mode, "a", "b"]).current_dir(given.beside(""));
        let sums = String::from_utf8(written(sha256sum)).unwrap();
        let base = origin.url("/");
        let sums = sums
            .replace(" a\n", &format!(" {base}a\n"))
            .replace(" b\n", &format!(" {base}b\n"));
        let sums = sums
            .replace("*a\n", &format!("*{base}a\n"))
            .replace("*b\n", &format!("*{base}b\n"));
        let room = Room::new();
        room.haul().stdin(&sums).run().succeeds();
        room.holds_exactly(&[("a", "one"), ("b", "two")]);
        let room = Room::new();
        let wrong = sums.replacen(|c: char| c.is_ascii_hexdigit(), "0", 1);
        let wrong = if wrong == sums {
            sums.replacen('0', "1", 1)
        } else {
            wrong
        };
        room.haul()
            .impatient()
            .stdin(wrong)
            .run()
            .fails()
            .finished(1, 2)
            .says("wrong sha256");
    }
}

#[test]
fn a_page_instead_of_a_list_is_said_once_with_what_to_do() {
    for (list, word) in [
        (
            "<!DOCTYPE html>\n<html><head>\n".to_owned() + &"<p>x\n".repeat(1000),
            "web page",
        ),
        (
            "<?xml version=\"1.0\"?>\n<metalink>\n".to_owned() + &"<file/>\n".repeat(1000),
            "metalink",
        ),
    ] {
        let room = Room::new();
        let outcome = room.haul().stdin(list).run();
        outcome.fails().finished(0, 1).says(word);
        assert!(outcome.stderr.lines().count() < 8, "{}", outcome.stderr);
    }
}
