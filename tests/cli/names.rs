//! Names: planned in list order, safe, and the same again the next time.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::Answer::Well;
use crate::support::{Gate, Origin, Room, bytes};

#[test]
fn two_urls_with_one_name_both_arrive_in_list_order() {
    let origin = Origin::new();
    let gate = Gate::new();
    let bodies: Vec<_> = (0..4).map(|n| bytes(1000, n)).collect();
    origin.file("/x/a.tar.gz", &bodies[0]).then(Well.held_by(&gate));
    origin.file("/y/a.tar.gz", &bodies[1]);
    origin.file("/x/b.bin", &bodies[2]).then(Well.held_by(&gate));
    origin.file("/z/b.bin", &bodies[3]);
    let room = Room::new();
    let mut haul = room.haul().start();
    haul.write(origin.list(["/x/a.tar.gz", "/y/a.tar.gz", "/x/b.bin", "/z/b.bin"]));
    origin.wait_for_requests(4);
    gate.open();
    haul.finish().succeeds();
    room.holds_exactly(&[
        ("a.tar.gz", &bodies[0]),
        ("a-2.tar.gz", &bodies[1]),
        ("b.bin", &bodies[2]),
        ("b-2.bin", &bodies[3]),
    ]);
}

#[test]
fn the_same_list_again_gives_the_same_names_and_downloads_nothing() {
    let origin = Origin::new();
    let (x, y) = (bytes(1000, 1), bytes(2000, 2));
    origin.file("/x/a.bin", &x);
    origin.file("/y/a.bin", &y);
    let room = Room::new();
    let list = room.give("list.txt", origin.list(["/x/a.bin", "/y/a.bin"]));
    room.haul().arg(&list).run().succeeds();
    for _ in 0..2 {
        room.haul()
            .arg(&list)
            .run()
            .succeeds()
            .finished(2, 2)
            .says("already there");
        room.holds_exactly(&[("a.bin", &x), ("a-2.bin", &y)]);
    }
    let gets = origin.requests().into_iter().filter(|r| r.method == "GET");
    assert_eq!(gets.count(), 2);
}

#[test]
fn a_name_that_was_made_up_never_takes_one_that_the_list_gives() {
    let origin = Origin::new();
    let bodies: Vec<_> = (0..3).map(|n| bytes(1000, n)).collect();
    let paths = ["/x/a.bin", "/y/a.bin", "/z/a-2.bin"];
    for (path, body) in paths.iter().zip(&bodies) {
        origin.file(path, body);
    }
    let room = Room::new();
    room.haul().stdin(origin.list(paths)).run().succeeds();
    let mut arrived: Vec<_> = room.files().into_values().collect();
    let mut sent = bodies;
    arrived.sort();
    sent.sort();
    assert!(arrived == sent, "{:?}", room.names());
}

#[test]
fn names_that_differ_by_case_only_both_arrive() {
    let origin = Origin::new();
    origin.file("/a.bin", "small");
    origin.file("/A.BIN", "LARGE");
    let room = Room::new();
    room.haul().stdin(origin.list(["/a.bin", "/A.BIN"])).run().succeeds();
    let mut arrived: Vec<_> = room.files().into_values().collect();
    arrived.sort();
    assert_eq!(arrived, [b"LARGE", b"small"]);
}

#[test]
fn a_file_and_a_folder_of_one_name_both_arrive() {
    let origin = Origin::new();
    origin.file("/file", "file");
    origin.file("/below", "below");
    let (file, below) = (origin.url("/file"), origin.url("/below"));
    for list in [format!("{file} a\n{below} a/b\n"), format!("{below} a/b\n{file} a\n")] {
        let room = Room::new();
        room.haul().stdin(&list).run().succeeds().finished(2, 2);
        let mut arrived: Vec<_> = room.files().into_values().collect();
        arrived.sort();
        assert_eq!(arrived, [&b"below"[..], b"file"], "{list}");
    }
}

#[test]
fn a_url_that_ends_in_the_temporary_suffix_meets_nobody() {
    let origin = Origin::new();
    let (whole, part) = (bytes(200_000, 1), bytes(100_000, 2));
    origin.file("/a.bin", &whole);
    origin.file("/a.bin.part", &part);
    for paths in [["/a.bin", "/a.bin.part"], ["/a.bin.part", "/a.bin"]] {
        let room = Room::new();
        room.haul().stdin(origin.list(paths)).run().succeeds();
        let mut arrived: Vec<_> = room.files().into_values().collect();
        arrived.sort_by_key(Vec::len);
        assert!(arrived == [&*part, &*whole], "{:?}", room.names());
    }
}

#[test]
fn no_url_leads_out_of_the_folder() {
    let paths = [
        "/%2e%2e%2fescaped",
        "/..%2f..%2fescaped",
        "/x/%2e%2e/%2e%2e/escaped",
        "/x/..",
        "/%2e%2e",
        "/a%2f..%2f..%2f..%2fescaped",
        "/%2fescaped",
        "/%2ftmp%2fescaped",
        "/..%5c..%5cescaped",
        "/x%00/../escaped",
        "/escaped%00",
    ];
    let origin = Origin::new();
    origin.file_elsewhere("caught");
    let room = Room::new();
    let outcome = room.haul().stdin(origin.list(paths)).run();
    outcome.is_plain_text();
    room.is_clean_outside_the_folder(&[]);
    for name in room.names() {
        assert!(!name.contains(['/', '\\']) && !name.starts_with('.'), "{name:?}");
    }
}

#[test]
fn no_path_of_a_list_leads_out_of_the_folder() {
    let origin = Origin::new();
    origin.file_elsewhere("caught");
    let room = Room::new();
    let absolute = room.beside("absolute").display().to_string();
    let paths = [
        "../escaped",
        "../files2/x",
        "sub/../../escaped",
        "..",
        ".",
        "../../../../../../tmp/escaped",
        &absolute,
    ];
    let lines = (1..)
        .zip(paths)
        .map(|(n, path)| format!("{} {path}\n", origin.url(&format!("/{n}"))));
    room.haul().stdin(lines.collect::<String>()).run();
    room.is_clean_outside_the_folder(&[]);
}

#[test]
fn no_symbolic_link_leads_out_of_the_folder() {
    let origin = Origin::new();
    origin.file("/1", "caught");
    origin.file("/link.bin", "caught");
    let room = Room::new();
    let outside = room.give("outside.bin", "mine");
    std::os::unix::fs::symlink(room.beside(""), room.path("link")).unwrap();
    std::os::unix::fs::symlink(&outside, room.path("link.bin")).unwrap();
    let list = format!("{} link/escaped\n{}\n", origin.url("/1"), origin.url("/link.bin"));
    for args in [&[][..], &["-f"]] {
        room.haul().args(args).stdin(&list).run();
        room.is_clean_outside_the_folder(&["outside.bin"]);
        assert_eq!(fs::read(&outside).unwrap(), b"mine");
    }
}

#[test]
fn a_name_too_long_is_cut_before_its_extension() {
    let origin = Origin::new();
    let (first, second) = (bytes(1000, 1), bytes(1000, 2));
    let stem = "n".repeat(300);
    let wide = "%E3%83%87".repeat(100);
    origin.file(&format!("/{stem}1.tar.gz"), &first);
    origin.file(&format!("/{stem}2.tar.gz"), &second);
    origin.file(&format!("/{wide}.bin"), &first);
    let room = Room::new();
    let list = origin.list([
        format!("/{stem}1.tar.gz"),
        format!("/{stem}2.tar.gz"),
        format!("/{wide}.bin"),
    ]);
    room.haul().stdin(list).run().succeeds().finished(3, 3);
    let names = room.names();
    assert_eq!(names.len(), 3);
    assert!(
        names.iter().all(|name| name.len() <= 255 && !name.contains('\u{fffd}')),
        "{names:?}"
    );
    assert_eq!(
        names.iter().filter(|name| name.ends_with(".tar.gz")).count(),
        2,
        "{names:?}"
    );
    assert_eq!(
        names.iter().filter(|name| name.ends_with("デ.bin")).count(),
        1,
        "{names:?}"
    );
}

#[test]
fn a_path_that_nobody_can_mean_fails_alone_and_at_once() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    let room = Room::new();
    let (deep, long) = ("d/".repeat(30_000), "n".repeat(200) + "/");
    let url = origin.url("/a.bin");
    let list = format!(
        "{url} {deep}a.bin\n{}\n{url} {}a.bin\n{url}?2 {}a.bin\n",
        origin.url(&format!("/{deep}b.bin")),
        long.repeat(80),
        long.repeat(82)
    );
    let outcome = room.haul().args(["--layout", "path"]).stdin(list).run();
    outcome
        .fails()
        .finished(1, 4)
        .says_times("its path is longer than 16 KiB", 6);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn the_name_is_the_last_component_decoded_and_without_the_query() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    for (target, name) in [
        ("/dir/a.bin?x=/y.bin", "a.bin"),
        ("/caf%C3%A9%20menu.pdf", "café menu.pdf"),
        ("/a+b.bin", "a+b.bin"),
        ("/", "index.html"),
        ("/dir/?a=b", "index.html"),
        ("/100%25.bin", "100%.bin"),
    ] {
        let room = Room::new();
        room.haul().arg(origin.url(target)).run().succeeds();
        assert_eq!(room.names(), [name], "{target}");
    }
}

#[test]
fn a_name_holds_nothing_that_a_terminal_or_a_file_system_obeys() {
    let origin = Origin::new();
    origin.file_elsewhere("x");
    for target in [
        "/a%1b%5b31mred.bin",
        "/a%0d%0ab.bin",
        "/gpj%e2%80%aexe.bin",
        "/.bashrc",
        "/...",
        "/%20.bin",
        "/a.bin.%20",
        "/%7fx",
        "/a%00b",
        "/a%ffb.bin",
    ] {
        let room = Room::new();
        room.haul()
            .args(["-v", &origin.url(target)])
            .run()
            .succeeds()
            .is_plain_text();
        let [name] = &room.names()[..] else {
            panic!("{target}: {:?}", room.names())
        };
        let is_bad = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!name.contains(is_bad), "{target}: {name:?}");
        assert!(
            !name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']),
            "{target}: {name:?}"
        );
    }
}

#[test]
fn the_folder_is_made_and_holds_what_was_asked_for_and_nothing_else() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    room.haul()
        .args(["-d", "new/folder", &origin.url("/a.bin")])
        .run()
        .succeeds();
    room.holds_exactly(&[("new/folder/a.bin", "a")]);
    room.is_clean_outside_the_folder(&[]);
}

#[test]
fn last_modified_becomes_the_time_of_the_file() {
    let origin = Origin::new();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    origin.file("/a.bin", "a").last_modified(then);
    let room = Room::new();
    room.haul().arg(origin.url("/a.bin")).run().succeeds();
    let metadata = fs::metadata(room.path("a.bin")).unwrap();
    assert_eq!(metadata.modified().unwrap(), then);
}
