//! What is in the folder already: marked, changed, or no file at all.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::{Answer, Origin, Outcome, Room, bytes, sha256};

const MODES: [&str; 6] = ["check", "skip", "update", "overwrite", "rename", "fail"];

fn methods(origin: &Origin) -> Vec<String> {
    origin.requests().into_iter().map(|r| r.method).collect()
}

fn run(room: &Room, mode: &str, url: &str) -> Outcome {
    room.haul().impatient().args(["--existing", mode, url]).run()
}

fn touch(path: &Path, time: SystemTime) {
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn what_haul_finished_needs_no_request() {
    for body in [Vec::new(), bytes(10, 1), bytes(1_000_000, 1)] {
        for validator in ["ETag", "X-None"] {
            let origin = Origin::new();
            let url = origin.file("/a.bin", &body).field(validator, "\"v1\"").url();
            let room = Room::new();
            room.haul().arg(&url).run().succeeds();
            let before = origin.requests().len();
            room.haul().arg(&url).run().succeeds().says("already there");
            assert_eq!(origin.requests().len(), before);
            room.holds_exactly(&[("a.bin", &body)]);
        }
    }
}

#[test]
fn what_somebody_wrote_to_is_asked_about() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "0123456789").etag("v1").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    // The same inode, and so the same attribute.
    let path = room.path("a.bin");
    let inode = fs::metadata(&path).unwrap().ino();
    fs::write(&path, "abcdefghij").unwrap();
    touch(&path, SystemTime::now() - Duration::from_secs(100));
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    room.haul().arg(&url).run().succeeds().says("already there");
    assert_eq!(methods(&origin), ["GET", "HEAD"]);
    room.holds_exactly(&[("a.bin", "abcdefghij")]);
}

#[test]
fn what_somebody_made_longer_is_asked_about_and_stays() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "0123456789").etag("v1").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    let path = room.path("a.bin");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "0123456789 and more").unwrap();
    touch(&path, time);
    room.haul().arg(&url).run().fails().says("another size");
    room.holds_exactly(&[("a.bin", "0123456789 and more")]);
}

#[test]
fn a_mark_does_not_vouch_for_another_url() {
    let (origin, other) = (Origin::new(), Origin::new());
    let url = origin.file("/a.bin", "0123456789").url();
    let longer = other.file("/a.bin", "0123456789 and more").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    room.haul().arg(&longer).run().fails().says("another size");
    assert_eq!(methods(&other), ["HEAD"]);
    room.holds_exactly(&[("a.bin", "0123456789")]);
}

#[test]
fn another_version_of_the_same_size_is_not_taken_for_the_one_that_is_there() {
    let origin = Origin::new();
    let first = origin.file("/1/a.bin", "first").etag("1").url();
    let second = origin.file("/2/a.bin", "other").etag("2").url();
    let third = origin.file("/3/a.bin", "first").etag("1").url();
    let mirror = Origin::new();
    let fourth = mirror.file("/a.bin", "first").etag("of the mirror").url();
    let room = Room::new();
    room.haul().arg(first).run().succeeds();
    let outcome = room.haul().arg(second).run();
    outcome.fails().says_in_a_line(&["another version; -f replaces it"]);
    room.haul().arg(third).run().succeeds();
    // Another server's tags mean nothing here.
    room.haul().arg(fourth).run().succeeds();
    room.holds_exactly(&[("a.bin", "first")]);
}

#[test]
fn update_takes_a_file_that_grew_under_the_same_tag_and_asks_another_url_without_a_condition() {
    let (origin, other) = (Origin::new(), Origin::new());
    let resource = origin.file("/a.bin", "first").etag("1");
    let grown = Answer::Raw(b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 8\r\n\r\nand more".into());
    let url = resource.then(Answer::Well).then(grown).url();
    let elsewhere = other.file("/a.bin", "elsewhere").etag("1").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    for (url, body) in [(&url, "and more"), (&elsewhere, "elsewhere")] {
        room.haul().args(["--existing", "update", url]).run().succeeds();
        room.holds_exactly(&[("a.bin", body)]);
    }
    for field in ["If-None-Match", "If-Modified-Since"] {
        assert_eq!(other.requests()[0].field(field), None);
    }
}

#[test]
fn update_believes_a_tag_more_than_a_date() {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let origin = Origin::new();
    let date = httpdate::fmt_http_date(old);
    let before = httpdate::fmt_http_date(old - Duration::from_secs(9));
    let resource = origin.file("/a.bin", "first").etag("1").field("Last-Modified", &date);
    let rolled_back = Answer::Raw(
        format!("HTTP/1.1 200 OK\r\nETag: \"2\"\r\nLast-Modified: {before}\r\nContent-Length: 5\r\n\r\nother").into(),
    );
    let url = resource.then(Answer::Well).then(rolled_back).url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    let outcome = room.haul().args(["--existing", "update", &url]).run();
    outcome.succeeds();
    room.holds_exactly(&[("a.bin", "other")]);
}

#[test]
fn update_goes_on_with_what_it_began() {
    let origin = Origin::new();
    let (old, new) = (bytes(600_000, 1), bytes(600_000, 2));
    let resource = origin.file("/a.bin", &old).etag("1");
    let becomes = Answer::becomes(&new, "2", Answer::CutAfter(400_000));
    let url = resource.then(Answer::Well).then(becomes).url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    let update = || room.haul().args(["--existing", "update", "--retries", "0", &url]).run();
    update().fails();
    update().succeeds();
    room.holds_exactly(&[("a.bin", &new)]);
    let requests = origin.requests();
    let fields = |n: usize| ["If-None-Match", "Range", "If-Range"].map(|name| requests[n].field(name));
    assert_eq!(fields(1), [Some("\"1\""), None, None]);
    assert_eq!(fields(2), [None, Some("bytes=400000-"), Some("\"2\"")]);
}

#[test]
fn what_a_killed_run_left_of_a_small_replacement_goes_with_the_next_run() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", "first").etag("1").url();
    let room = Room::new();
    room.haul().arg(&url).run().succeeds();
    // As `-f` writes it, before its bytes.
    let record =
        r#"{"v":1,"url":"","validator":"","size":null,"gaps":[[0,18446744073709551615]],"replaces":false,"boot":null}"#;
    room.put("a.bin.part", "fir");
    room.put("a.bin.part.json", record);
    room.haul().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", "first")]);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn each_mode_does_what_it_says_to_what_haul_finished() {
    for (mode, exit, requests, files) in [
        ("check", 0, &[][..], &["a.bin"][..]),
        ("skip", 0, &[], &["a.bin"]),
        ("update", 0, &["GET"], &["a.bin"]),
        ("overwrite", 0, &["GET"], &["a.bin"]),
        ("rename", 0, &["GET"], &["a-2.bin", "a.bin"]),
        ("fail", 1, &[], &["a.bin"]),
    ] {
        let origin = Origin::new();
        let url = origin.file("/a.bin", "old").etag("v1").url();
        let room = Room::new();
        room.haul().arg(&url).run().succeeds();
        let outcome = run(&room, mode, &url);
        outcome.exits_with(exit);
        assert_eq!(methods(&origin)[1..], *requests, "{mode}");
        assert_eq!(room.names(), files, "{mode}");
        room.holds(&[("a.bin", "old")]);
        let asked = origin
            .requests()
            .pop()
            .and_then(|r| r.field("If-None-Match").map(str::to_owned));
        assert_eq!(asked.as_deref(), (mode == "update").then_some("\"v1\""), "{mode}");
    }
}

#[test]
fn update_and_overwrite_take_the_new_one_and_the_others_do_not() {
    for mode in MODES {
        let origin = Origin::new();
        let url = origin.file("/a.bin", "old").etag("v1").url();
        let room = Room::new();
        room.haul().arg(&url).run().succeeds();
        origin.file("/a.bin", "the new one").etag("v2");
        let outcome = run(&room, mode, &url);
        outcome.exits_with(i32::from(mode == "fail"));
        let is_taken = ["update", "overwrite"].contains(&mode);
        room.holds(&[("a.bin", if is_taken { "the new one" } else { "old" })]);
        if mode == "rename" {
            room.holds(&[("a-2.bin", "the new one")]);
        }
    }
}

/// Something that is no file has the name `a.bin`. Whatever the mode: it stays as it is, nothing comes of it outside
/// the folder, and the entry fails or takes another name.
#[track_caller]
fn stays(put: impl Fn(&Room, &Path), is_there: impl Fn(&Path) -> bool) {
    let origin = Origin::new();
    let body = bytes(400_000, 1);
    for url in [
        origin.file("/a.bin", "new").url(),
        origin.file("/large/a.bin", &body).etag("v1").url(),
    ] {
        for mode in MODES {
            let room = Room::new();
            let (mine, path) = (room.give("mine", "mine"), room.path("a.bin"));
            put(&room, &path);
            let outcome = run(&room, mode, &url);
            outcome.exits_with(i32::from(mode != "rename"));
            assert!(is_there(&path), "{mode}");
            assert_eq!(fs::read(mine).unwrap(), b"mine", "{mode}");
            room.is_clean_outside_the_folder(&["mine"]);
            assert_eq!(room.has("a-2.bin"), mode == "rename");
            assert!(!room.names().iter().any(|name| name.contains(".part")), "{mode}");
        }
    }
}

fn is_link(path: &Path) -> bool {
    path.is_symlink()
}

#[test]
fn a_link_that_leads_nowhere_stays_and_nothing_appears_at_its_end() {
    stays(|room, path| symlink(room.beside("nothing"), path).unwrap(), is_link);
    stays(
        |_, path| symlink("nothing", path).unwrap(),
        |path| is_link(path) && !path.exists(),
    );
}

#[test]
fn a_link_to_a_file_outside_stays_and_so_does_the_file() {
    stays(|room, path| symlink(room.beside("mine"), path).unwrap(), is_link);
}

#[test]
fn a_link_to_a_file_in_the_folder_stays_and_so_does_the_file() {
    let put = |room: &Room, path: &Path| {
        room.put("own", "own");
        symlink("own", path).unwrap();
    };
    stays(put, |path| is_link(path) && fs::read(path).unwrap() == b"own");
}

#[test]
fn a_pipe_stays_and_nobody_waits_for_it() {
    let put = |_: &Room, path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    stays(put, |path| {
        fs::symlink_metadata(path).unwrap().nlink() == 1 && !path.is_file()
    });
}

#[test]
fn a_folder_stays() {
    stays(|_, path| fs::create_dir(path).unwrap(), Path::is_dir);
}

#[test]
fn a_folder_that_is_a_link_is_not_entered() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", bytes(400_000, 1)).url();
    for mode in MODES {
        let room = Room::new();
        fs::create_dir(room.beside("elsewhere")).unwrap();
        symlink(room.beside("elsewhere"), room.path("sub")).unwrap();
        let list = format!("{url} sub/a.bin\n");
        room.haul()
            .impatient()
            .args(["--existing", mode])
            .stdin(list)
            .run()
            .fails();
        assert_eq!(fs::read_dir(room.beside("elsewhere")).unwrap().count(), 0, "{mode}");
    }
}

#[test]
fn a_read_only_file_is_a_file() {
    for (mode, exit, content) in [
        ("check", 1, "mine"),
        ("skip", 0, "mine"),
        ("overwrite", 0, "new one"),
        ("rename", 0, "mine"),
        ("fail", 1, "mine"),
    ] {
        let origin = Origin::new();
        let url = origin.file("/a.bin", "new one").url();
        let room = Room::new();
        let path = room.put("a.bin", "mine");
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        run(&room, mode, &url).exits_with(exit);
        room.holds(&[("a.bin", content)]);
    }
}

#[test]
fn a_read_only_folder_fails_with_a_reason() {
    let room = Room::new();
    fs::set_permissions(room.folder(), Permissions::from_mode(0o555)).unwrap();
    let is_ignored = fs::write(room.path("probe"), "").is_ok();
    let origin = Origin::new();
    let url = origin.file("/a.bin", "a").url();
    if !is_ignored {
        room.haul()
            .impatient()
            .arg(url)
            .run()
            .fails()
            .says_in_a_line(&["ermission denied"]);
        room.holds_exactly::<&str>(&[]);
    }
    fs::set_permissions(room.folder(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_second_name_of_a_file_is_not_written_through() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", bytes(400_000, 1)).etag("v1").url();
    let room = Room::new();
    let mine = room.give("mine", "mine");
    fs::hard_link(&mine, room.path("a.bin")).unwrap();
    fs::hard_link(&mine, room.path("a.bin.part")).unwrap();
    run(&room, "overwrite", &url).succeeds();
    room.holds(&[("a.bin", &bytes(400_000, 1)[..]), ("a.bin.part", b"mine")]);
    assert_eq!(fs::read(mine).unwrap(), b"mine");
}

#[test]
fn what_has_the_name_of_a_part_stays_and_the_file_comes() {
    let origin = Origin::new();
    let body = bytes(400_000, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    for name in ["a.bin.part", "a.bin.part.json", "a.bin.part.json~"] {
        let room = Room::new();
        let mine = room.give("mine", "mine");
        symlink(&mine, room.path(name)).unwrap();
        room.haul().impatient().arg(&url).run().succeeds();
        room.holds(&[("a.bin", &body)]);
        assert_eq!(fs::read(mine).unwrap(), b"mine", "{name}");
    }
}

#[test]
fn a_mark_does_not_vouch_for_a_url_of_which_a_part_is_hidden() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a?key=one", "first");
    origin.file("/a?key=two", "second");
    room.haul().arg(origin.url("/a?key=one")).run().succeeds();
    room.haul()
        .arg(origin.url("/a?key=two"))
        .run()
        .fails()
        .says("is there with another size");
    room.holds_exactly(&[("a", "first")]);
    room.haul().arg(origin.url("/a?key=one")).run().succeeds();
    assert_eq!(origin.requests().last().unwrap().method, "HEAD");
}

#[test]
fn a_mark_does_not_vouch_for_an_entry_that_asks_with_more_than_a_url() {
    let (origin, room) = (Origin::new(), Room::new());
    let url = origin.file("/report.csv", "of the first").url();
    let run = |options: &str| room.haul().stdin(format!("{url}\n {options}\n")).run();
    run("header=X-Customer: 1").succeeds();
    origin.file("/report.csv", "of the second customer");
    run("header=X-Customer: 2").fails().says("is there with another size");
    run("http-user=second").fails().says("is there with another size");
    room.holds_exactly(&[("report.csv", "of the first")]);
    // Who asks makes no difference.
    let (origin, room) = (Origin::new(), Room::new());
    let list = origin.file("/a", "a").url() + "\n user-agent=me\n referer=http://here.test/\n";
    for _ in 0..2 {
        room.haul().stdin(&*list).run().succeeds();
    }
    assert_eq!(methods(&origin), ["GET"]);
}

#[test]
fn what_somebody_called_like_a_part_and_its_record_stays() {
    let (origin, room) = (Origin::new(), Room::new());
    let theirs = [
        ("x.part", "a part of theirs"),
        ("x.part.json", "[1, 2]"),
        ("y.part", ""),
    ];
    for (name, text) in theirs {
        origin.file(&format!("/{name}"), text);
    }
    for name in ["x", "y"] {
        origin.file(&format!("/{name}"), bytes(300_000, 1)).etag("v1");
    }
    room.haul()
        .stdin(origin.list(["/x.part", "/x.part.json", "/y.part"]))
        .run()
        .succeeds();
    room.put("x", bytes(300_000, 1));
    for _ in 0..2 {
        room.haul().stdin(origin.list(["/x", "/y"])).run().succeeds();
    }
    room.holds(&theirs);
    room.holds(&[("x", bytes(300_000, 1)), ("y", bytes(300_000, 1))]);
    assert_eq!(room.names().len(), 5, "{:?}", room.names());
}

#[test]
fn what_came_for_a_url_of_which_a_part_is_hidden_is_known_by_its_date() {
    let (origin, room, then) = (
        Origin::new(),
        Room::new(),
        SystemTime::now() - Duration::from_secs(3600),
    );
    let file = |query: &str, body: &str, age: u64| {
        let file = origin.file(query, body).last_modified(then - Duration::from_secs(age));
        let file = file.field("Date", &httpdate::fmt_http_date(SystemTime::now()));
        file.always(Answer::Chunked).url()
    };
    let alpha = file("/get?doc=alpha", "alpha", 0);
    let beta = file("/get?doc=beta", "beta!", 60);
    run(&room, "check", &alpha).succeeds();
    run(&room, "check", &beta).fails().says("another version");
    // The server does not tell its size, and yet it is the same.
    run(&room, "check", &alpha).succeeds();
    room.holds_exactly(&[("get", "alpha")]);
}

#[test]
fn what_the_machine_s_end_left_of_a_finished_file_is_fetched_again() {
    let (origin, room) = (Origin::new(), Room::new());
    let body = bytes(10_000, 1);
    let url = origin.file("/a.bin", &body).url();
    for mode in ["check", "update"] {
        run(&room, mode, &url).succeeds();
        let modified = fs::metadata(room.path("a.bin")).unwrap().modified().unwrap();
        // Its name, its date and its mark were on the disk, its bytes were not.
        let file = File::options().write(true).open(room.path("a.bin")).unwrap();
        file.set_len(0).unwrap();
        drop(file);
        touch(&room.path("a.bin"), modified);
        run(&room, mode, &url).succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
    }
    // What somebody cut is his.
    room.put("a.bin", "mine");
    run(&room, "check", &url).fails().says("another size");
    room.holds_exactly(&[("a.bin", "mine")]);
}

#[test]
fn what_haul_finished_is_there_where_the_server_tells_nothing_to_compare() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/api", "an answer").always(Answer::Chunked);
    let list = origin.url("/api") + "\n header=X-Customer: 1\n";
    for _ in 0..2 {
        room.haul().stdin(&*list).run().succeeds();
    }
    room.holds_exactly(&[("api", "an answer")]);
    room.put("api", "mine");
    room.haul().stdin(&*list).run().fails().says("does not tell its size");
}

#[test]
fn update_takes_an_older_file_for_another_where_the_url_is_hidden() {
    let (origin, room, now) = (Origin::new(), Room::new(), SystemTime::now());
    let file = |path: &str, body: &str, age: u64| {
        let file = origin.file(path, body).last_modified(now - Duration::from_secs(age));
        file.field("Date", &httpdate::fmt_http_date(now)).url()
    };
    let [one, two] = [file("/get?doc=one", "one", 3600), file("/get?doc=two", "two", 7200)];
    run(&room, "check", &one).succeeds();
    run(&room, "update", &one).succeeds();
    room.holds_exactly(&[("get", "one")]);
    run(&room, "update", &two).succeeds();
    room.holds_exactly(&[("get", "two")]);
}

#[test]
fn where_two_names_are_one_the_file_of_one_entry_is_not_taken_for_that_of_another() {
    let (clash, before) = (
        "is the file of another entry: the two names are one here",
        "is there, for another entry and under another name then",
    );
    for (mode, later) in [
        ("check", Some(before)),
        ("skip", None),
        ("update", Some(before)),
        ("overwrite", None),
    ] {
        let (origin, room) = (Origin::new(), Room::new());
        let lines = ["a", "b"].map(|name| origin.file(&format!("/{name}"), name).url() + " " + name + "\n");
        let haul = || room.haul().args(["-j", "1", "--existing", mode]);
        let mut running = haul().arg("-v").start();
        running.write(&lines[0]);
        running.wait_for_stderr("done");
        // As a file system shows it that takes the one for a spelling of the other.
        fs::hard_link(room.path("a"), room.path("b")).unwrap();
        running.write(&lines[1]);
        running.finish().fails().finished(1, 2).says(clash);
        room.holds_exactly(&[("a", "a"), ("b", "a")]);
        let outcome = haul().stdin(lines.concat()).run();
        match (mode, later) {
            ("overwrite", _) => outcome.succeeds(),
            (_, None) => outcome.succeeds().finished(2, 2),
            (_, Some(why)) => outcome.fails().finished(1, 2).says(why),
        };
    }
}

#[test]
fn update_fetches_what_is_not_what_the_list_says() {
    let (body, other) = (bytes(5_000, 1), bytes(5_000, 2));
    let old = SystemTime::now() - Duration::from_secs(9_000);
    // The server calls all of them unchanged.
    for (there, by_sum, by_size) in [
        (&body[..2_500], &["GET"][..], &["GET"][..]),
        (&other, &["GET"], &["GET"]),
        (&body, &[], &["GET"]),
    ] {
        for (is_sum, asked) in [(true, by_sum), (false, by_size)] {
            let (origin, room) = (Origin::new(), Room::new());
            let url = origin.file("/a.bin", &body).last_modified(old).url();
            room.put("a.bin", there);
            let list = if is_sum {
                format!("{}  {url}\n", sha256(&body))
            } else {
                format!("{{\"url\":\"{url}\",\"size\":5000}}\n")
            };
            room.haul().args(["--existing", "update"]).stdin(list).run().succeeds();
            assert_eq!(methods(&origin), asked);
            // A size says no more than that.
            let is_kept = !is_sum && there.len() == body.len();
            room.holds_exactly(&[("a.bin", if is_kept { there } else { &body })]);
        }
    }
}

#[test]
fn update_does_not_call_unchanged_what_somebody_made_longer() {
    let (origin, room) = (Origin::new(), Room::new());
    let old = SystemTime::now() - Duration::from_secs(9_000);
    let url = origin.file("/a.bin", "0123456789").last_modified(old).url();
    run(&room, "update", &url).succeeds();
    // The same inode, and so the same attribute.
    fs::write(room.path("a.bin"), "0123456789 and more").unwrap();
    run(&room, "update", &url).succeeds();
    room.holds_exactly(&[("a.bin", "0123456789")]);
}
