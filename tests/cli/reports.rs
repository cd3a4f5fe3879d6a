//! `--report`: what a run was like, in several forms.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Answer::{self, Status};
use crate::support::{Origin, Outcome, Room, Schema};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A run with every kind of end, and a report of it in each of these forms.
fn reported(room: &Room, origin: &Origin, forms: &[&str]) -> (Outcome, Vec<String>) {
    origin.file("/a.bin", "12345").etag("v1");
    origin.file("/moved.bin", "").always(Answer::to("/a.bin"));
    origin.file("/later.bin", "later").then(Status(503));
    let paths: Vec<_> = forms
        .iter()
        .map(|form| room.beside(&format!("report.{form}")))
        .collect();
    let args = paths.iter().flat_map(|path| ["--report".as_ref(), path.as_os_str()]);
    let list = origin.list(["/a.bin", "/moved.bin", "/later.bin", "/gone.bin", "/a.bin"]) + "nonsense\n";
    let outcome = room.haul().impatient().args(args).stdin(list).run();
    outcome.fails().finished(3, 5);
    let texts = paths.iter().map(|path| text(path)).collect();
    (outcome, texts)
}

#[test]
fn the_json_report_is_as_the_schema_says() {
    let (origin, room) = (Origin::new(), Room::new());
    let (_outcome, texts) = reported(&room, &origin, &["json"]);
    let report = Schema::shipped().report(&texts[0]);
    assert_eq!((&report["exit_code"], &report["jobs"]), (&1.into(), &16.into()));
    assert_eq!(
        (&report["files"]["total"], &report["files"]["failed"]),
        (&6.into(), &2.into())
    );
    assert_eq!(report["push_back"]["503"], 1);
    assert_eq!(report["bytes"]["fetched"], 15);
    let host = &report["hosts"][0];
    assert_eq!((&host["host"], &host["files"]), (&origin.authority().into(), &4.into()));
    for time in ["connect_p50", "connect_p95", "ttfb_p50", "ttfb_p95"] {
        assert!(host[time].as_f64().is_some_and(|time| time > 0.0), "{time}: {host}");
    }
    assert!(report["max_rss"].as_u64().is_some_and(|bytes| bytes > 1 << 20));
    let command: Vec<_> = report["command"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(command[..2], ["haul", "--retry-max-wait=20ms"]);
}

#[test]
fn the_table_has_a_row_for_every_entry() {
    let (origin, room) = (Origin::new(), Room::new());
    let (_outcome, texts) = reported(&room, &origin, &["csv"]);
    let mut table = csv::Reader::from_reader(texts[0].as_bytes());
    let columns = table.headers().unwrap().clone();
    let mut rows: Vec<_> = table.records().map(Result::unwrap).collect();
    rows.sort_by_key(|row| row[0].parse::<u64>().unwrap());
    let column = |name: &str| columns.iter().position(|column| column == name).expect(name);
    let shown = |name: &str| rows.iter().map(|row| &row[column(name)]).collect::<Vec<_>>().join(" ");
    assert_eq!(shown("id"), "1 2 3 4 5 6");
    assert_eq!(
        shown("status"),
        "downloaded downloaded downloaded failed duplicate failed"
    );
    assert_eq!(shown("path"), "a.bin moved.bin later.bin gone.bin  ");
    assert_eq!(shown("response_code"), "200 200 200 404  ");
    assert_eq!(shown("num_retries"), "0 0 1 0 0 0");
    assert_eq!(shown("num_redirects"), "0 1 0 0 0 0");
    assert_eq!(shown("error_kind"), "   http  bad_line");
}

#[test]
fn the_page_of_markdown_tells_hosts_and_failures() {
    let (origin, room) = (Origin::new(), Room::new());
    let (_outcome, texts) = reported(&room, &origin, &["md"]);
    for line in [
        "# haul: 3 of 5 files, ",
        "| retries | 1 |",
        "| push-back | 503: 1 |",
        "| why it took that long | ",
        &format!("| {} | 4 | 1 | ", origin.authority()),
        "| 404 Not Found | 1 |",
        "| 6 | nonsense | not a URL (a URL begins with http:// or https://) | – |",
    ] {
        assert!(texts[0].contains(line), "no {line:?} in\n{}", texts[0]);
    }
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_is_requested() {
    let (origin, room) = (Origin::new(), Room::new());
    let url = origin.file("/a.bin", "a").url();
    for report in [
        "report.txt",
        "report",
        "nowhere/report.json",
        "nowhere/report.csv",
        "nowhere/report.md",
    ] {
        let outcome = room.haul().args(["--report", report, &url]).run();
        outcome.exits_with(2).says("report");
        let outcome = room.haul().args(["--compare", "--report", report, &url]).run();
        outcome.exits_with(2).says("report");
    }
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(room.everything(), Room::new().everything());
}

#[test]
fn a_report_takes_the_place_of_no_list_and_of_no_other_report() {
    let (origin, room) = (Origin::new(), Room::new());
    let list = room.give("list.csv", origin.file("/a.bin", "a").url());
    let link = room.beside("link.csv");
    std::os::unix::fs::symlink(&list, &link).unwrap();
    let other = room.beside("other.md");
    for (args, reason) in [
        (vec!["--report".as_ref(), list.as_path(), list.as_path()], "list"),
        (vec!["--report".as_ref(), list.as_path(), link.as_path()], "list"),
        (
            vec!["--report".as_ref(), &other, "--report".as_ref(), &other, &list],
            "two",
        ),
        (
            vec!["--failed".as_ref(), &other, "--report".as_ref(), &other, &list],
            "two",
        ),
    ] {
        room.haul().args(args).run().exits_with(2).says(reason);
    }
    assert_eq!(text(&list), origin.url("/a.bin"));
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn no_report_holds_a_secret() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file_elsewhere("a");
    origin.file("/gone", "").always(Status(404));
    let names = ["r.json", "r.csv", "r.md", "r.html", "r.svg"].map(|name| room.beside(name));
    let with_password = |path: &str| origin.url(path).replace("://", "://me:s3cret@");
    let outcome = room
        .haul()
        .args(names.iter().flat_map(|name| ["--report".as_ref(), name.as_os_str()]))
        .args(["-uyou:s3cret", "-HX-Key: s3cret"])
        .args([with_password("/a?sig=s3cret"), with_password("/gone?sig=s3cret")])
        .run();
    outcome.fails().never_says("s3cret");
    for name in &names {
        let text = text(name);
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("sig=…") || name.ends_with("r.svg"), "{text}");
    }
}

#[test]
fn a_hundred_thousand_entries_are_reported_in_little_memory() {
    let room = Room::new();
    let names = ["r.json", "r.csv", "r.md", "r.html", "r.svg"].map(|name| room.beside(name));
    let reports = names.iter().flat_map(|name| ["--report".as_ref(), name.as_os_str()]);
    let lines: Vec<_> = (0..100_000).map(|n| format!("ftp://host-{n}.example/{n}\n")).collect();
    let list = lines.concat();
    let list = room.give("list.txt", list);
    let (outcome, peak) = room
        .haul()
        .args(reports)
        .args(["-q", "--json"])
        .arg(&list)
        .unheard()
        .start()
        .finish_and_weigh();
    // Nobody reads what it says.
    outcome.exits_with(141);
    let haul = room
        .haul()
        .args(names.iter().flat_map(|name| ["--report".as_ref(), name.as_os_str()]));
    let (outcome, whole) = haul
        .arg("-q")
        .arg(&list)
        .after("exec 2>/dev/null")
        .start()
        .finish_and_weigh();
    outcome.fails();
    assert!(peak.max(whole) < 32 << 20, "{} KiB", peak.max(whole) / 1024);
    assert_eq!(text(&names[1]).lines().count(), 100_001);
    let report = Schema::shipped().report(&text(&names[0]));
    assert_eq!(
        (&report["files"]["failed"], &report["failures_left_out"]),
        (&100_000.into(), &99_000.into())
    );
}

#[test]
fn a_comparison_is_reported_under_the_names_of_hyperfine() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a.bin", "a");
    origin.file("/b.bin", "b");
    let names = ["r.json", "r.csv", "r.md", "r.html", "r.svg"].map(|name| room.beside(name));
    let reports = names.iter().flat_map(|name| ["--report".as_ref(), name.as_os_str()]);
    let haul = room.haul().args(["--compare=1,2", "--runs", "2"]).args(reports);
    haul.stdin(origin.list(["/a.bin", "/b.bin"])).run().succeeds();
    let report: Value = serde_json::from_str(&text(&names[0])).unwrap();
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for (result, jobs) in results.iter().zip(["1", "2"]) {
        for key in ["mean", "stddev", "median", "min", "max"] {
            assert!(result[key].is_f64(), "{key}: {result}");
        }
        assert_eq!(result["times"].as_array().map(Vec::len), Some(2));
        assert_eq!(result["parameters"]["jobs"], jobs);
        assert_eq!(result["command"], format!("haul --jobs={jobs}"));
    }
    let table = text(&names[1]);
    assert!(
        table.starts_with("command,mean,stddev,median,min,max,parameter_jobs"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 3);
    assert!(text(&names[2]).contains("| jobs | wall | speed |"));
}

#[test]
fn no_share_of_the_transfers_time_is_more_than_all_of_it() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file_elsewhere(vec![7; 1000]);
    let haul = room.haul().arg("--compare=1,2");
    let outcome = haul.stdin(origin.list((0..100).map(|n| format!("/{n}")))).run();
    let said = &outcome.succeeds().stderr;
    for (at, _) in said.match_indices(" % of the transfers' time") {
        let share = said[..at].rsplit('(').next().unwrap();
        assert!(share.parse::<u32>().unwrap() <= 100, "{said}");
    }
    assert!(said.contains("2 jobs: "), "{said}");
}

#[test]
fn a_run_that_is_stopped_is_reported_and_told_to_its_end() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a.bin", "a");
    origin
        .file("/b.bin", vec![7; 100_000])
        .etag("v1")
        .then(Answer::SilentAfter(50_000));
    let report = room.beside("r.json");
    let mut haul = room.haul().args(["--json", "--report"]).arg(&report).start();
    haul.write(origin.list(["/a.bin", "/b.bin"]));
    haul.wait_for_stdout("\"done\"");
    origin.wait_for("/b.bin");
    haul.interrupt();
    let outcome = haul.finish();
    outcome.exits_with(130);
    let lines = Schema::shipped().lines(&outcome.stdout);
    let summary = lines.last().unwrap();
    for said in [&Schema::shipped().report(&text(&report)), summary] {
        assert_eq!(
            (&said["exit_code"], &said["files"]["cancelled"]),
            (&130.into(), &1.into()),
            "{said}"
        );
    }
}
