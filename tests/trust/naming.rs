//! Names from servers (`-J`): understood, cleaned, and never in anybody's way.

use std::fs;

use crate::support::Answer::{CutAfter, Status};
use crate::support::{Answer, Gate, Origin, Room, bytes};

/// With this field, `/get` is saved under this name.
#[track_caller]
fn is_named(disposition: &str, name: &str) {
    let origin = Origin::new();
    let url = origin
        .file("/get", "hello")
        .field("Content-Disposition", disposition)
        .url();
    let room = Room::new();
    let outcome = room.haul().args(["-J", "-v", &url]).run();
    outcome.succeeds().is_plain_text();
    assert_eq!(room.names(), [name], "{disposition}");
    room.is_clean_outside_the_folder(&[]);
}

#[test]
fn a_server_names_its_file_in_many_ways() {
    for (disposition, name) in [
        ("attachment; filename=a.bin", "a.bin"),
        (r#"attachment; filename="a b.bin""#, "a b.bin"),
        (r#"attachment; filename="a;b, c.bin"; size=5"#, "a;b, c.bin"),
        (r#"attachment; filename="a\"b.bin""#, "a\"b.bin"),
        (
            r#"attachment; filename="plain.bin"; filename*=UTF-8''%e2%82%ac.bin"#,
            "€.bin",
        ),
        (
            r#"attachment; filename*=UTF-8''%e2%82%ac.bin; filename="plain.bin""#,
            "€.bin",
        ),
        ("attachment; filename*=iso-8859-1'de'%FC.bin", "ü.bin"),
        (r#"attachment; filename="plain.bin"; filename*=UTF-8''%ff"#, "plain.bin"),
        (r#"attachment; filename="plain.bin"; filename*=UTF-8''"#, "plain.bin"),
        (
            r#"attachment; filename="plain.bin"; filename*=UTF-8''%2e%2e"#,
            "plain.bin",
        ),
        ("attachment; filename=\"naïve.bin\"", "naïve.bin"),
        ("INLINE;FILENAME=a.bin", "a.bin"),
        ("attachment; filename*0=\"a\"; filename*1=\"b\"", "get"),
        ("attachment", "get"),
        ("attachment; filename=\"\"", "get"),
        ("attachment; filename=\"   \"", "get"),
        ("", "get"),
    ] {
        is_named(disposition, name);
    }
}

#[test]
fn evil_names_are_cleaned() {
    for (name, cleaned) in [
        ("../../evil", "evil"),
        ("/etc/passwd", "passwd"),
        ("/tmp/evil", "evil"),
        (r"C:\\Windows\\evil.exe", "evil.exe"),
        (r"..\\..\\evil", "evil"),
        ("..", "get"),
        (".", "get"),
        ("dir/", "get"),
        (".bashrc", "bashrc"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("lpt1.tar.gz", "_lpt1.tar.gz"),
        ("x\u{202e}gpj.exe", "x_gpj.exe"),
        ("a\u{200b}b", "a_b"),
        ("trailing. . .", "trailing"),
        ("~/evil", "evil"),
        ("-rf", "-rf"),
    ] {
        is_named(&format!("attachment; filename=\"{name}\""), cleaned);
    }
    for (encoded, cleaned) in [
        ("..%2f..%2fevil", "evil"),
        ("%2e%2e", "get"),
        ("a%00b", "a_b"),
        ("a%0ab%1b%5b31m", "a_b_[31m"),
        ("a%e2%80%aeb", "a_b"),
    ] {
        is_named(&format!("attachment; filename*=UTF-8''{encoded}"), cleaned);
    }
}

#[test]
fn a_name_that_is_too_long_keeps_its_ending() {
    let origin = Origin::new();
    let field = format!("attachment; filename=\"{}.tar.gz\"", "n".repeat(300));
    let body = bytes(600_000, 1);
    let url = origin
        .file("/get", &body)
        .etag("v1")
        .field("Content-Disposition", &field)
        .then(CutAfter(300_000))
        .url();
    let room = Room::new();
    room.haul().impatient().args(["-J", &url]).run().succeeds();
    let names = room.names();
    assert!(
        names.len() == 1 && names[0].ends_with("n.tar.gz") && names[0].len() <= 255,
        "{names:?}"
    );
}

#[test]
fn without_the_option_no_server_names_a_file() {
    let origin = Origin::new();
    let url = origin
        .file("/get", "hello")
        .field("Content-Disposition", "attachment; filename=evil")
        .url();
    let room = Room::new();
    room.haul().arg(url).run().succeeds();
    room.holds_exactly(&[("get", "hello")]);
}

/// A field that names this.
fn named(name: &str) -> (&'static str, String) {
    ("Content-Disposition", format!("attachment; filename=\"{name}\""))
}

#[test]
fn two_files_of_one_name_both_arrive() {
    for jobs in ["1", "4"] {
        let origin = Origin::new();
        let (field, value) = named("report.pdf");
        for n in ["1", "2", "3"] {
            origin.file(&format!("/get?id={n}"), n).field(field, &value);
        }
        let room = Room::new();
        let list = origin.list(["/get?id=1", "/get?id=2", "/get?id=3"]);
        room.haul()
            .args(["-J", "-j", jobs])
            .stdin(list)
            .run()
            .succeeds()
            .finished(3, 3);
        assert_eq!(room.names(), ["report-2.pdf", "report-3.pdf", "report.pdf"]);
        let mut contents: Vec<_> = room.files().into_values().collect();
        contents.sort();
        assert_eq!(contents, [b"1", b"2", b"3"]);
    }
}

#[test]
fn a_server_s_name_that_is_in_the_list_is_left_to_the_list() {
    // The list's file is late, and its name is its own all the same.
    let origin = Origin::new();
    let gate = Gate::new();
    let (field, value) = named("a.bin");
    origin.file("/get", "the server's").field(field, &value);
    origin.file("/a.bin", "the list's").then(Answer::Well.held_by(&gate));
    let room = Room::new();
    let mut haul = room.haul().args(["-J", "-v", "-j", "2"]).start();
    haul.write(origin.list(["/a.bin", "/get"]));
    haul.wait_for_stderr("a-2.bin");
    gate.open();
    haul.finish().succeeds();
    room.holds_exactly(&[("a.bin", "the list's"), ("a-2.bin", "the server's")]);
}

#[test]
fn a_server_s_name_that_is_another_s_temporary_name_is_avoided() {
    let origin = Origin::new();
    let gate = Gate::new();
    let body = bytes(600_000, 1);
    origin
        .file("/a.bin", &body)
        .etag("v1")
        .then(Answer::HeldAfter(500_000, gate.clone()));
    for (path, name) in [("/1", "a.bin.part"), ("/2", "a.bin.part.json"), ("/3", "A.BIN.PART")] {
        let (field, value) = named(name);
        origin.file(path, name).field(field, &value);
    }
    let room = Room::new();
    let mut haul = room.haul().args(["-J", "-v", "-j", "2"]).start();
    haul.write(origin.list(["/a.bin", "/1", "/2", "/3"]));
    haul.wait_for_stderr("A.BIN.PART");
    gate.open();
    haul.finish().succeeds().finished(4, 4);
    room.holds(&[("a.bin", &body)]);
    assert_eq!(room.names().len(), 4);
}

#[test]
fn a_download_without_a_name_yet_is_continued() {
    let origin = Origin::new();
    let body = bytes(600_000, 1);
    let (field, value) = named("named.bin");
    let resource = origin.file("/get", &body).etag("v1").field(field, &value);
    drop(resource.then(CutAfter(400_000)).times(2, &Status(404)));
    let room = Room::new();
    let url = origin.url("/get");
    room.haul().impatient().args(["-J", &url]).run().fails();
    assert!(!room.has("named.bin"));
    room.haul().impatient().args(["-J", &url]).run().succeeds();
    room.holds_exactly(&[("named.bin", &body)]);
    assert_eq!(origin.requests()[3].field("Range"), Some("bytes=400000-"));
}

#[test]
fn a_part_that_no_longer_has_a_name_keeps_the_one_it_got() {
    let origin = Origin::new();
    let body = bytes(600_000, 1);
    let (field, value) = named("named.bin");
    let first = Answer::Says(200, vec![], body.clone())
        .field("ETag", "\"v1\"")
        .field(field, &value);
    let cut = Answer::Becomes(
        body.clone(),
        vec![("ETag".into(), "\"v1\"".into()), (field.into(), value.clone())],
        Box::new(CutAfter(300_000)),
    );
    let bare = Answer::part("bytes 300000-599999/600000", &body[300_000..]).field("ETag", "\"v1\"");
    drop(first);
    let url = origin.file("/get", &body).then(cut).then(bare).url();
    let room = Room::new();
    room.haul().impatient().args(["-J", &url]).run().succeeds();
    room.holds_exactly(&[("named.bin", &body)]);
}

#[test]
fn a_second_run_fetches_no_body_again() {
    let origin = Origin::new();
    let (field, value) = named("named.bin");
    let body = bytes(5_000_000, 1);
    let url = origin.file("/get", &body).etag("v1").field(field, &value).url();
    let plain = origin.file("/plain.bin", "plain").url();
    let room = Room::new();
    let list = format!("{url}\n{plain}\n");
    room.haul().arg("-J").stdin(&list).run().succeeds();
    let inode = fs::metadata(room.path("named.bin")).unwrap();
    let outcome = room.haul().args(["-J", "-v"]).stdin(&list).run();
    outcome.succeeds().says("2 already there");
    room.holds_exactly(&[("named.bin", &body[..]), ("plain.bin", b"plain")]);
    assert_eq!(
        fs::metadata(room.path("named.bin")).unwrap().modified().unwrap(),
        inode.modified().unwrap()
    );
}

#[test]
fn a_second_run_of_files_of_one_name_finds_each_its_own() {
    for turn in 0..4 {
        let origin = Origin::new();
        let (field, value) = named("report.pdf");
        let gate = Gate::new();
        origin.file("/get?id=1", "one").field(field, &value);
        origin
            .file("/get?id=2", "the second")
            .field(field, &value)
            .then(Answer::Well.held_by(&gate));
        let room = Room::new();
        let list = origin.list(["/get?id=1", "/get?id=2"]);
        let mut haul = room.haul().args(["-J", "-v"]).start();
        haul.write(&list);
        haul.wait_for_stderr("report.pdf");
        gate.open();
        haul.finish().succeeds();
        let files = room.files();
        // Now the other one answers first.
        let gate = Gate::new();
        origin
            .file("/get?id=1", "one")
            .field(field, &value)
            .then(Answer::Well.held_by(&gate));
        let mut haul = room.haul().args(["-J", "-v"]).start();
        haul.write(&list);
        haul.wait_for_stderr("already there");
        gate.open();
        haul.finish().succeeds().says("2 already there");
        assert_eq!(room.files(), files, "{turn}");
    }
}

#[test]
fn a_file_of_the_server_s_name_that_is_not_ours_stays() {
    for (mode, exit, names) in [
        ("check", 1, &["named.bin"][..]),
        ("skip", 0, &["named.bin"]),
        ("fail", 1, &["named.bin"]),
        ("rename", 0, &["named-2.bin", "named.bin"]),
    ] {
        let origin = Origin::new();
        let (field, value) = named("named.bin");
        let url = origin.file("/get", "the server's").field(field, &value).url();
        let room = Room::new();
        room.put("named.bin", "mine");
        room.haul()
            .impatient()
            .args(["-J", "--existing", mode, &url])
            .run()
            .exits_with(exit);
        assert_eq!(room.names(), names, "{mode}");
        room.holds(&[("named.bin", "mine")]);
    }
}

#[test]
fn a_server_s_name_does_not_follow_a_link() {
    let origin = Origin::new();
    let (field, value) = named("named.bin");
    let url = origin
        .file("/get", bytes(600_000, 1))
        .etag("v1")
        .field(field, &value)
        .url();
    for args in [&["-J"][..], &["-J", "-f"]] {
        let room = Room::new();
        let mine = room.give("mine", "mine");
        std::os::unix::fs::symlink(&mine, room.path("named.bin")).unwrap();
        room.haul().impatient().args(args).arg(&url).run().fails();
        assert_eq!(fs::read(mine).unwrap(), b"mine");
        assert!(room.path("named.bin").is_symlink());
    }
}

#[test]
fn a_name_of_the_list_comes_before_the_server_s() {
    let (origin, room) = (Origin::new(), Room::new());
    for path in ["/a", "/b"] {
        let (field, value) = named("server.bin");
        origin.file(path, path).field(field, &value);
    }
    let list = format!("{} mine.bin\n{}\n", origin.url("/a"), origin.url("/b"));
    room.haul().arg("-J").stdin(list).run().succeeds();
    room.holds_exactly(&[("mine.bin", "/a"), ("server.bin", "/b")]);
}

#[test]
fn entries_of_one_name_that_look_the_same_find_each_its_own_in_any_order() {
    let (origin, room) = (Origin::new(), Room::new());
    for token in ["one", "three", "two"] {
        let (field, value) = named("x.bin");
        let file = origin.file(&format!("/get?token={token}"), token.repeat(3));
        file.etag(token).field(field, &value);
    }
    let run = |tokens: [&str; 3]| {
        let list = origin.list(tokens.map(|token| format!("/get?token={token}")));
        room.haul().args(["-J", "-j", "1"]).stdin(list).run().succeeds();
        room.holds_exactly(&[
            ("x.bin", "one".repeat(3)),
            ("x-2.bin", "two".repeat(3)),
            ("x-3.bin", "three".repeat(3)),
        ]);
    };
    run(["one", "two", "three"]);
    run(["three", "two", "one"]);
    run(["two", "one", "three"]);
}

#[test]
fn a_file_of_another_entry_that_looks_the_same_is_not_taken_for_one_s_own() {
    for mode in ["check", "skip", "update"] {
        let (origin, room) = (Origin::new(), Room::new());
        let (field, value) = named("x.bin");
        for doc in ["one", "two"] {
            origin.file(&format!("/get?doc={doc}"), doc).field(field, &value);
        }
        drop(
            origin
                .file("/get?doc=one", "one")
                .field(field, &value)
                .then(Status(404)),
        );
        let run = || {
            let list = origin.list(["/get?doc=one", "/get?doc=two"]);
            room.haul()
                .args(["-J", "-j", "1", "--existing", mode])
                .stdin(list)
                .run()
        };
        run().fails();
        room.holds_exactly(&[("x.bin", "two")]);
        for _ in 0..2 {
            run().succeeds();
            room.holds_exactly(&[("x.bin", "two"), ("x-2.bin", "one")]);
        }
    }
}

#[test]
fn an_entry_with_fields_of_its_own_and_one_without_keep_their_files() {
    let (origin, room) = (Origin::new(), Room::new());
    let (field, value) = named("x.bin");
    origin.file("/get", "x").field(field, &value);
    let url = origin.url("/get");
    let (plain, other) = (format!("{url}\n"), format!("{url}\n header=X-Part: 1\n"));
    for list in [[&plain, &other], [&other, &plain], [&plain, &other]] {
        let list = list.map(String::as_str).concat();
        room.haul().args(["-J", "-j", "1"]).stdin(list).run().succeeds();
        room.holds_exactly(&[("x.bin", "x"), ("x-2.bin", "x")]);
    }
}

#[test]
fn numbers_that_are_missing_hide_no_file_behind_them() {
    let (origin, room) = (Origin::new(), Room::new());
    let (field, value) = named("x.bin");
    let paths = ["/1", "/2", "/3", "/4", "/5"];
    for path in paths {
        origin.file(path, path).field(field, &value);
    }
    let run = |paths: [&str; 5]| room.haul().args(["-J", "-j", "1"]).stdin(origin.list(paths)).run();
    run(paths).succeeds();
    for name in ["x-2.bin", "x-3.bin"] {
        fs::remove_file(room.path(name)).unwrap();
    }
    let again = ["/5", "/4", "/3", "/2", "/1"];
    run(again).succeeds().says("3 already there");
    let all = [
        ("x.bin", "/1"),
        ("x-2.bin", "/3"),
        ("x-3.bin", "/2"),
        ("x-4.bin", "/4"),
        ("x-5.bin", "/5"),
    ];
    room.holds_exactly(&all);
    run(paths).succeeds().says("5 already there");
}

#[test]
fn of_files_that_may_be_an_entry_s_it_has_the_one_that_fits() {
    let (origin, room) = (Origin::new(), Room::new());
    for token in ["a", "bb", "ccc"] {
        let (field, value) = named("x.bin");
        origin.file(&format!("/get?token={token}"), token).field(field, &value);
    }
    for tokens in [["a", "bb", "ccc"], ["ccc", "a", "bb"], ["bb", "ccc", "a"]] {
        let list = origin.list(tokens.map(|token| format!("/get?token={token}")));
        room.haul().args(["-J", "-j", "1"]).stdin(list).run().succeeds();
        room.holds_exactly(&[("x.bin", "a"), ("x-2.bin", "bb"), ("x-3.bin", "ccc")]);
    }
}

#[test]
fn what_is_overwritten_is_an_entry_s_own_file() {
    let (origin, room) = (Origin::new(), Room::new());
    let (field, value) = named("x.bin");
    let put = |path: &str, body: &str| origin.file(path, body).field(field, &value);
    let run = |list: String| room.haul().args(["-J", "-f", "-j", "1"]).stdin(list).run();
    drop((put("/1", "one"), put("/2", "two")));
    run(origin.list(["/1", "/2"])).succeeds();
    drop((put("/1", "").then(Status(404)), put("/2", "two anew")));
    run(origin.list(["/2", "/1"])).fails();
    room.holds_exactly(&[("x.bin", "one"), ("x-2.bin", "two anew")]);
    drop(put("/1", "one anew"));
    run(origin.list(["/2", "/1"])).succeeds();
    room.holds_exactly(&[("x.bin", "one anew"), ("x-2.bin", "two anew")]);
    // Not haul's, or said by the list.
    room.put("x-2.bin", "mine");
    run(format!("{}{} x.bin\n", origin.list(["/1"]), origin.url("/2"))).succeeds();
    let both = [("x.bin", "two anew"), ("x-2.bin", "one anew")];
    room.holds_exactly(&both);
}

/// While a run waits for this file of its own, another one finishes a file that its server calls `x.bin`: that keeps it.
#[track_caller]
fn is_left_to_who_finished_first(mode: &str, path: &str, fields: &[(&str, &str)], answer: impl Fn(&Gate) -> Answer) {
    let (origin, room, gate) = (Origin::new(), Room::new(), Gate::new());
    let file = origin.file(path, "one").then(answer(&gate));
    drop(fields.iter().fold(file, |file, (name, value)| file.field(name, value)));
    let (field, value) = named("x.bin");
    let other = origin.file("/2", "two").field(field, &value).url();
    let args = ["-J", "-v", "--existing", mode];
    let first = room.haul().args(args).arg(origin.url(path)).start();
    origin.wait_for_requests(1);
    room.haul().args(args).arg(other).run().succeeds();
    gate.open();
    first.finish().succeeds();
    room.holds_exactly(&[("x.bin", "two"), ("x-2.bin", "one")]);
}

#[test]
fn two_runs_at_once_leave_each_other_s_files_alone() {
    let (field, value) = named("x.bin");
    for mode in ["check", "update", "overwrite", "rename"] {
        let answer = |gate: &Gate| Answer::HeldAfter(1, gate.clone());
        is_left_to_who_finished_first(mode, "/1", &[(field, &value)], answer);
    }
}

#[test]
fn a_url_s_own_name_that_another_run_gave_away_meanwhile_is_left_to_it() {
    for mode in ["check", "skip", "update", "overwrite", "rename"] {
        is_left_to_who_finished_first(mode, "/1/x.bin", &[], |gate| Answer::Well.held_by(gate));
    }
}

#[test]
fn a_folder_of_the_list_is_no_name() {
    let (origin, room) = (Origin::new(), Room::new());
    for path in ["/a", "/b", "/c"] {
        let (field, value) = named("server.bin");
        origin.file(path, path).field(field, &value);
    }
    let [a, b, c] = ["/a", "/b", "/c"].map(|path| origin.url(path));
    let list = format!("{a} one/\n{b}\n dir=two\n{c}\n dir=two\n out=c.bin\n");
    room.haul().arg("-J").stdin(list).run().succeeds();
    room.holds_exactly(&[("one/server.bin", "/a"), ("two/server.bin", "/b"), ("two/c.bin", "/c")]);
}

#[test]
fn an_entry_that_has_its_file_takes_no_name_that_became_free() {
    let (origin, room) = (Origin::new(), Room::new());
    for path in ["/a", "/b", "/c"] {
        let (field, value) = named("x.bin");
        origin.file(path, path).field(field, &value);
    }
    let run = |paths: &[&str]| {
        let haul = room.haul().args(["-J", "-j", "1"]);
        haul.stdin(origin.list(paths)).run().succeeds();
    };
    run(&["/a", "/b", "/c"]);
    fs::remove_file(room.path("x.bin")).unwrap();
    run(&["/b", "/c"]);
    room.holds_exactly(&[("x-2.bin", "/b"), ("x-3.bin", "/c")]);
    run(&["/a", "/b", "/c"]);
    room.holds_exactly(&[("x.bin", "/a"), ("x-2.bin", "/b"), ("x-3.bin", "/c")]);
}

#[test]
fn a_url_s_own_name_is_left_to_the_entry_that_a_server_gave_it_to() {
    let (origin, room) = (Origin::new(), Room::new());
    let (field, value) = named("b.bin");
    origin.file("/get", "of the server's name").field(field, &value);
    origin.file("/b.bin", "of the URL's name");
    // Such a name is claimed when its entry is answered, which may be before another one is read.
    room.haul().args(["-J", &origin.url("/get")]).run().succeeds();
    let both = [("b.bin", "of the server's name"), ("b-2.bin", "of the URL's name")];
    for _ in 0..2 {
        let list = origin.list(["/get", "/b.bin"]);
        room.haul().arg("-J").stdin(list).run().succeeds();
        room.holds_exactly(&both);
    }
}

#[test]
fn a_new_version_of_the_one_file_that_an_entry_has_is_that_file_although_its_url_is_hidden() {
    let (origin, room) = (Origin::new(), Room::new());
    let (field, value) = named("report.bin");
    let url = origin.url("/get?token=abc");
    let put = |body: &str, tag: &str| drop(origin.file("/get?token=abc", body).etag(tag).field(field, &value));
    let run = |mode: &str| room.haul().args(["-J", "--existing", mode, &url]).run();
    put("one", "1");
    run("check").succeeds();
    put("two", "2");
    run("check").fails().says("another version");
    run("skip").succeeds();
    room.holds_exactly(&[("report.bin", "one")]);
    run("update").succeeds();
    room.holds_exactly(&[("report.bin", "two")]);
}

#[test]
fn a_server_s_own_name_that_ends_in_a_number_is_none_that_haul_gave() {
    for args in [&["--existing", "update"][..], &["-f"], &[]] {
        let room = Room::new();
        let origin = Origin::new();
        let url = origin.file_elsewhere("").url();
        let day = |number: usize, name: &str, body: &str| {
            let answer = Answer::Says(
                200,
                vec![("Content-Disposition".into(), format!("attachment; filename={name}"))],
                body.into(),
            );
            origin.file_elsewhere("").times(number, &answer);
        };
        day(1, "report-2024.pdf", "old");
        room.haul().args(["-J", &url]).args(args).run().succeeds();
        day(1, "report.pdf", "new");
        room.haul().args(["-J", &url]).args(args).run().succeeds();
        room.holds_exactly(&[("report-2024.pdf", "old"), ("report.pdf", "new")]);
    }
}
