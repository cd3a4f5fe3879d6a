//! What is run again: lists of failures whose run had other names than those of URLs, lists that were not read to their
//! end, and what is said of them.

use std::fs;
use std::path::Path;

use crate::support::Answer::{CutAfter, Status};
use crate::support::{Origin, Outcome, Room, bytes, gzip};

const READ_ON: &str = "the same command again goes on from here";
const ONLY_THESE: &str = "the same command again fetches only these";

/// A list that nobody reads as far as its end before its first entry has failed.
fn long_list(origin: &Origin) -> String {
    origin.file_elsewhere("x");
    origin.file("/gone", "late").then(Status(404));
    let paths: Vec<_> = (0..9000).map(|number| format!("/{number}")).collect();
    origin.list(["/gone"]) + &origin.list(paths)
}

/// What is in the list of failures.
fn left(outcome: &Outcome, list: &Path) -> String {
    outcome.fails();
    fs::read_to_string(list).unwrap()
}

#[test]
fn a_list_that_was_not_read_to_its_end_is_not_replaced_by_its_failures() {
    let origin = Origin::new();
    let all = long_list(&origin);
    for (options, again) in [
        (&["--fail-fast"][..], READ_ON),
        (&["--fail-fast", "-f"], "the same command again fetches everything anew"),
    ] {
        origin.file("/gone", "late").then(Status(404));
        let room = Room::new();
        let list = room.give("list.txt", &all);
        let haul = room.haul().args(options).arg("--failed").arg(&list).arg(&list).run();
        assert!(left(&haul, &list) == all, "{options:?}");
        haul.says("list.txt stays as it was, for it was not read to its end")
            .says(again);
    }
}

#[test]
fn a_list_on_standard_input_is_not_replaced_either_nor_one_that_a_link_names() {
    let origin = Origin::new();
    let all = long_list(&origin);
    for (redirect, source) in [("exec <../given/list.txt", "-"), (":", "../given/link.txt")] {
        origin.file("/gone", "late").then(Status(404));
        let room = Room::new();
        let list = room.give("list.txt", &all);
        std::os::unix::fs::symlink(&list, room.beside("link.txt")).unwrap();
        let haul = room.haul().after(redirect).arg("--fail-fast");
        let haul = haul.args(["--failed", "../given/list.txt", source]).run();
        assert!(left(&haul, &list) == all, "{source}");
    }
}

#[test]
fn a_list_of_failures_says_itself_that_more_may_be_missing() {
    let origin = Origin::new();
    let all = long_list(&origin);
    let room = Room::new();
    let (list, failed) = (room.give("list.txt", all), room.beside("again.txt"));
    let haul = room.haul().arg("--fail-fast").arg("--failed").arg(&failed).arg(list);
    let left = left(&haul.run(), &failed);
    assert!(left.ends_with("\n# the rest of the list was not read\n"), "{left}");
}

#[test]
fn a_list_that_is_none_is_not_replaced_by_the_reason() {
    let room = Room::new();
    let page = "<!doctype html>\n<p>Log in\n";
    let list = room.give("list.txt", page);
    let haul = room.haul().arg("--failed").arg(&list).arg(&list).run();
    assert_eq!(left(&haul, &list), page);
    haul.says("this is a web page").never_says("to run again");
}

#[test]
fn a_list_that_breaks_off_is_not_said_to_be_in_the_list_of_failures() {
    let origin = Origin::new();
    let room = Room::new();
    let mut packed = gzip(origin.list(["/gone"]).as_bytes());
    packed.truncate(packed.len() - 4);
    let list = room.give("list.gz", packed);
    let haul = room.haul().args(["--failed", "again.txt"]).arg(list).run();
    haul.fails()
        .says("cannot be read on")
        .says("the rest of the list was not read")
        .never_says("to run again")
        .never_says("breaks off: \n");
}

#[test]
fn a_list_of_failures_that_holds_nothing_but_comments_is_not_said_to_run_again() {
    let room = Room::new();
    let haul = room.haul().args(["--failed", "again.txt"]).stdin("nonsense\n").run();
    haul.fails()
        .says("again.txt says in comments what failed, to be mended")
        .never_says("again ");
}

#[test]
fn a_name_that_is_to_come_is_not_chosen_by_the_list_of_failures_and_its_part_is_gone_on_with() {
    let origin = Origin::new();
    let body = bytes(400_000, 1);
    for number in 1..=3 {
        let named = format!("attachment; filename=\"{number}.bin\"");
        let file = origin.file(&format!("/get?{number}"), &body).etag("v1");
        let file = file.field("Content-Disposition", &named);
        if number > 1 {
            file.then(CutAfter(300_000));
        }
    }
    origin.file("/never", "").then(Status(503));
    let room = Room::new();
    let failed = room.beside("again.txt");
    let haul = || room.haul().impatient().args(["-J", "-j", "1", "--retries", "0"]);
    let list = origin.list(["/get?1", "/get?2", "/get?3", "/never"]);
    let first = haul().arg("--failed").arg(&failed).stdin(list).run();
    let [two, three, never] = ["/get?2", "/get?3", "/never"].map(|path| origin.url(path));
    let expected = format!("{two}\n meanwhile=get-2\n{three}\n meanwhile=get-3\n{never}\n");
    assert_eq!(left(&first, &failed), expected);
    // In whatever order.
    fs::write(
        &failed,
        format!("{never}\n{three}\n meanwhile=get-3\n{two}\n meanwhile=get-2\n"),
    )
    .unwrap();
    haul().arg(&failed).run().succeeds();
    room.holds_exactly(&[("1.bin", &body), ("2.bin", &body), ("3.bin", &body), ("never", &vec![])]);
    for path in ["/get?2", "/get?3"] {
        let sent = origin.requests().into_iter().filter(|request| request.target == path);
        let ranges: Vec<_> = sent.map(|request| request.field("Range").map(str::to_owned)).collect();
        assert!(
            matches!(&ranges[..], [None, Some(range)] if range.starts_with("bytes=")),
            "{ranges:?}"
        );
    }
}

#[test]
fn a_folder_that_the_list_gives_is_said_again_where_the_server_names_the_file() {
    let (origin, room) = (Origin::new(), Room::new());
    let file = origin.file("/get", "a").then(Status(503));
    file.field("Content-Disposition", "attachment; filename=a.bin");
    let failed = room.beside("again.txt");
    let haul = || room.haul().impatient().args(["-J", "--retries", "0"]);
    let url = origin.url("/get");
    let first = haul().arg("--failed").arg(&failed).stdin(format!("{url} sub/\n")).run();
    assert_eq!(left(&first, &failed), format!("{url}\n dir=sub\n"));
    haul().arg(&failed).run().succeeds();
    room.holds_exactly(&[("sub/a.bin", "a")]);
}

#[test]
fn no_path_of_a_list_adds_a_line_to_the_list_of_failures() {
    let (origin, room) = (Origin::new(), Room::new());
    let url = origin.file("/get", "").always(Status(404)).url();
    let failed = room.beside("again.txt");
    for path in [
        "x\\nhttp://127.0.0.1:1/evil\\n out=/tmp/p\\n #/",
        "x\\rhttp://127.0.0.1:1/evil",
    ] {
        for args in [&["-J"][..], &[]] {
            let haul = room.haul().args(args).arg("--failed").arg(&failed);
            let outcome = haul.stdin(format!("{{\"url\":\"{url}\",\"path\":\"{path}\"}}\n")).run();
            let written = left(&outcome, &failed);
            let lines: Vec<_> = written.split(['\n', '\r']).collect();
            let is_right = matches!(&lines[..], [first, option, ""] if *first == url && option.starts_with(' '));
            assert!(is_right, "{written}");
        }
    }
}

#[test]
fn what_is_meanwhile_cannot_leave_the_folder_and_is_of_no_matter_where_the_url_names_the_file() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    let list = origin.url("/a") + "\n meanwhile=../b\n";
    let server = room.haul().arg("-J").stdin(&list).run();
    server.fails().says("its path leads out of the folder");
    room.haul().stdin(list).run().succeeds().never_says("warning");
    room.holds_exactly(&[("a", "a")]);
    room.is_clean_outside_the_folder(&[]);
}

#[test]
fn a_name_of_the_list_s_own_stays_whatever_the_url_or_the_server_would_say() {
    for (options, entry, out) in [
        (&["--layout", "path"][..], "/d/u.bin u.bin", Some("u.bin")),
        (&["--layout", "path"], "/d/u.bin", Some("d/u.bin")),
        (&["--layout", "path"], "/u.bin u.bin", None),
        (&["-J"], "/d/u.bin u.bin", Some("u.bin")),
        (&["-J"], "/d/u.bin", None),
        (&["-J", "--layout", "path"], "/d/u.bin", None),
        (&[], "/d/u.bin u.bin", None),
        (&[], "/d/u.bin x/u.bin", Some("x/u.bin")),
    ] {
        let origin = Origin::new();
        let room = Room::new();
        let failed = room.beside("again.txt");
        let haul = room.haul().args(options).arg("--failed").arg(&failed);
        let outcome = haul.stdin(origin.url(entry)).run();
        let url = origin.url(entry.split(' ').next().unwrap());
        let out = out.map_or_else(String::new, |out| format!(" out={out}\n"));
        assert_eq!(left(&outcome, &failed), format!("{url}\n{out}"), "{options:?} {entry}");
    }
}

#[test]
fn what_the_same_command_does_is_told_as_it_is_and_the_list_of_failures_runs_in_every_mode() {
    let anew = "the same command again fetches everything anew";
    for (existing, again) in [
        ("check", ONLY_THESE),
        ("skip", ONLY_THESE),
        ("update", ONLY_THESE),
        ("overwrite", anew),
        ("rename", anew),
        ("fail", "the same command again fails what is there"),
    ] {
        let origin = Origin::new();
        origin.file("/a", "a");
        origin.file("/b", "b").times(2, &Status(404));
        let room = Room::new();
        let list = room.give("list.txt", origin.list(["/a", "/b"]));
        let haul = || room.haul().args(["-j", "1", "--existing", existing]).arg(&list);
        let first = haul().run();
        first.fails().says(again);
        let is_of_use = again == ONLY_THESE;
        first.says_times("--failed FILE lists what has no file yet", usize::from(!is_of_use));
        fs::remove_file(room.path("a")).unwrap();
        // What it reads the next time is what is missing now.
        haul().arg("--failed").arg(&list).run().fails().says(ONLY_THESE);
        haul().run().succeeds();
        room.holds_exactly(&[("a", "a"), ("b", "b")]);
    }
}

#[test]
fn a_list_of_failures_has_to_be_read_as_what_it_is() {
    let room = Room::new();
    let list = room.give("list.txt", "http://h/a,b\n");
    for ending in ["csv", "TSV", "json", "jsonl", "gz", "zst", "xz", "bz2"] {
        let haul = room.haul().arg("--failed").arg(format!("again.{ending}")).arg(&list);
        haul.run().exits_with(2).says("it holds lines of text");
    }
    for (options, why) in [
        (
            &["--format", "curl"][..],
            "lines of text, which are not of this --format",
        ),
        (&["--shard", "0/2"], "the list that other shards are to read"),
    ] {
        let haul = room.haul().args(options).arg("--failed").arg(&list).arg(&list);
        haul.run().exits_with(2).says(why);
    }
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn what_an_entry_sends_comes_back_as_it_was_sent() {
    let origin = Origin::new();
    let sent = |path: &str| {
        let request = origin.requests_for(path).pop().unwrap();
        let names = ["authorization", "referer", "user-agent", "x-a"];
        let is_said = |name: &str| names.contains(&name.to_ascii_lowercase().as_str());
        let mut fields: Vec<_> = request.fields.into_iter().filter(|(name, _)| is_said(name)).collect();
        fields.sort();
        fields
    };
    let list = format!(
        "{}\n header=Referer: a\n header=X-A: 1\n referer=b\n header=X-A: 2\n header=User-Agent: c\n header=Referer: d\n\
         {{\"url\":\"{}\",\"user\":\"me: pw \",\"headers\":{{\"Authorization\":\"Bearer q\"}}}}\n\
         {}\n header=Authorization: Bearer q\n header=Authorization: Bearer r\n",
        origin.url("/a"),
        origin.url("/b"),
        origin.url("/c")
    );
    let room = Room::new();
    let failed = room.beside("again.txt");
    room.haul().arg("--failed").arg(&failed).stdin(list).run().fails();
    let first = ["/a", "/b", "/c"].map(sent);
    let of = |fields: &[(String, String)], name: &str| {
        let values = fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of(&first[0], "referer"), of(&first[0], "x-a")),
        (vec!["d".into()], vec!["1".into(), "2".into()])
    );
    assert_eq!(of(&first[1], "authorization"), ["Basic bWU6IHB3IA=="]);
    assert_eq!(of(&first[2], "authorization"), ["Bearer r"]);
    let written = fs::read_to_string(&failed).unwrap();
    assert_eq!(written.to_lowercase().matches("authorization").count(), 2, "{written}");
    room.haul().arg(&failed).run().fails();
    assert_eq!(["/a", "/b", "/c"].map(sent), first);
}
