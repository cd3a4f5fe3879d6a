//! What a stranger put where haul works: it is not followed, not overwritten, and nobody waits for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};

use crate::support::{Origin, Room, bytes};

/// Larger than what is gathered in memory, so that a part is needed.
const SIZE: usize = 700_000;
const SECRET: &str = "outside";

/// The ways to stand in the way, by the name they stand under.
type Plant = fn(&Path, &Path);

const PLANTS: [(&str, Plant); 6] = [
    ("a link to a file outside", |path, outside| {
        symlink(outside, path).unwrap();
    }),
    ("a hard link to it", |path, outside| {
        fs::hard_link(outside, path).unwrap();
    }),
    ("a link to nothing outside", |path, outside| {
        symlink(outside.with_extension("new"), path).unwrap();
    }),
    ("a pipe", |path, _| {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }),
    ("a folder", |path, _| fs::create_dir(path).unwrap()),
    ("a file of somebody's", |path, _| fs::write(path, "somebody's").unwrap()),
];

/// What stands there, without following it.
fn look(path: &Path) -> String {
    let kind = fs::symlink_metadata(path).map(|stat| stat.file_type());
    let content = kind
        .as_ref()
        .is_ok_and(fs::FileType::is_file)
        .then(|| fs::read(path).unwrap());
    format!("{kind:?} {content:?}")
}

#[test]
fn what_stands_where_a_part_would_be_is_left_alone_and_the_file_comes() {
    let origin = Origin::new();
    let body = bytes(SIZE, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    for suffix in [".part", ".part.json", ".part.json~"] {
        for (what, plant) in PLANTS {
            // Nobody can tell a record that is being written from a file of that name.
            if suffix == ".part.json~" && what == "a file of somebody's" {
                continue;
            }
            let room = Room::new();
            let outside = room.give("outside", SECRET);
            let path = room.path(&format!("a.bin{suffix}"));
            plant(&path, &outside);
            let before = look(&path);
            room.haul().impatient().arg(&url).run().succeeds();
            assert_eq!(look(&path), before, "{what} at {suffix}");
            room.holds(&[("a.bin", &body)]);
            room.is_clean_outside_the_folder(&["outside"]);
            assert_eq!(fs::read(&outside).unwrap(), SECRET.as_bytes(), "{what} at {suffix}");
            let left: Vec<_> = room
                .names()
                .into_iter()
                .filter(|name| !name.starts_with(&format!("a.bin{suffix}")))
                .collect();
            assert_eq!(left, ["a.bin"], "{what} at {suffix}");
        }
    }
}

#[test]
fn a_part_that_is_a_link_is_not_written_through_although_it_has_a_record() {
    let origin = Origin::new();
    let body = bytes(SIZE, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    for (what, plant) in &PLANTS[..5] {
        let room = Room::new();
        let outside = room.give("outside", SECRET);
        let path = room.path("a.bin.part");
        plant(&path, &outside);
        let record =
            format!(r#"{{"v":1,"url":{url:?},"validator":"\"v1\"","size":{SIZE},"gaps":[[0,{SIZE}]],"boot":null}}"#);
        room.put("a.bin.part.json", record);
        let before = look(&path);
        room.haul().impatient().arg(&url).run().succeeds();
        assert_eq!(look(&path), before, "{what}");
        room.holds(&[("a.bin", &body)]);
        room.is_clean_outside_the_folder(&["outside"]);
        assert_eq!(fs::read(&outside).unwrap(), SECRET.as_bytes(), "{what}");
    }
}

#[test]
fn a_stranger_s_part_without_a_record_survives_and_the_file_comes_even_over_a_kill() {
    let origin = Origin::new();
    let body = bytes(SIZE, 1);
    let url = origin
        .file("/a.bin", &body)
        .etag("v1")
        .then(crate::support::Answer::SilentAfter(600_000))
        .url();
    let room = Room::new();
    room.put("a.bin.part", "somebody's");
    let haul = room.haul().arg(&url).start();
    room.wait_for("a.bin.2.part", 300_000);
    drop(haul);
    room.haul().arg(&url).run().succeeds();
    room.holds_exactly(&[("a.bin", &body[..]), ("a.bin.part", b"somebody's")]);
    let resumed = origin.requests().pop().unwrap();
    assert!(resumed.field("Range").is_some(), "{resumed:?}");
}

#[test]
fn what_stands_under_the_name_is_left_alone_whether_it_may_be_replaced_or_not() {
    let origin = Origin::new();
    for size in [1000, SIZE] {
        let url = origin.file("/a.bin", bytes(size, 1)).etag("v1").url();
        for (what, plant) in PLANTS
            .into_iter()
            .filter(|(what, _)| !what.contains("file of") && !what.contains("hard"))
        {
            for args in [&[][..], &["-f"], &["--existing", "update"]] {
                let room = Room::new();
                let outside = room.give("outside", SECRET);
                plant(&room.path("a.bin"), &outside);
                let before = look(&room.path("a.bin"));
                let outcome = room.haul().impatient().args(args).arg(&url).run();
                let why = if what.contains("link") {
                    "is a symbolic link, which is not followed"
                } else {
                    "something that is no file has its name"
                };
                outcome.fails().says(why);
                assert_eq!(look(&room.path("a.bin")), before, "{what} {args:?}");
                assert_eq!(room.names().len(), 1, "{what} {args:?}: {:?}", room.names());
                assert_eq!(fs::read(&outside).unwrap(), SECRET.as_bytes(), "{what} {args:?}");
            }
        }
    }
}

#[test]
fn a_hard_link_is_replaced_and_what_it_shares_stays() {
    let origin = Origin::new();
    for size in [1000, SIZE] {
        let body = bytes(size, 1);
        let url = origin.file("/a.bin", &body).etag("v1").url();
        let room = Room::new();
        let outside = room.give("outside", SECRET);
        fs::hard_link(&outside, room.path("a.bin")).unwrap();
        room.haul().args(["-f", &url]).run().succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
        assert_eq!(fs::read(&outside).unwrap(), SECRET.as_bytes());
    }
}

#[test]
fn a_folder_that_is_a_link_leads_nowhere() {
    let origin = Origin::new();
    let url = origin.file("/a.bin", bytes(SIZE, 1)).etag("v1").url();
    let room = Room::new();
    symlink(room.beside(""), room.path("sub")).unwrap();
    let outcome = room.haul().stdin(format!("{url} sub/a.bin\n")).run();
    outcome.fails().says("it is a symbolic link, which is not followed");
    room.is_clean_outside_the_folder(&[]);
}

#[test]
fn a_file_that_appears_while_it_comes_is_never_overwritten() {
    let origin = Origin::new();
    for size in [1000, SIZE] {
        let gate = crate::support::Gate::new();
        let answer = crate::support::Answer::HeldAfter(size - 500, gate.clone());
        let url = origin.file("/a.bin", bytes(size, 1)).etag("v1").then(answer).url();
        let room = Room::new();
        let before = origin.requests().len();
        let haul = room.haul().impatient().arg(&url).start();
        origin.wait_for_requests(before + 1);
        if size == SIZE {
            room.wait_for("a.bin.part", 1);
        }
        room.put("a.bin", "mine");
        gate.open();
        haul.finish().fails().says("another size");
        room.holds_exactly(&[("a.bin", "mine")]);
    }
}

#[test]
fn a_part_that_another_process_holds_is_waited_for() {
    let origin = Origin::new();
    let body = bytes(SIZE, 1);
    let url = origin.file("/a.bin", &body).etag("v1").url();
    let room = Room::new();
    let part = fs::File::create(room.path("a.bin.part")).unwrap();
    flock(&part, FlockOperation::LockExclusive).unwrap();
    let haul = room.haul().arg(&url).start();
    haul.wait_for_stderr("another haul is at a.bin; waiting for it");
    assert_eq!(origin.requests().len(), 0, "nothing is fetched meanwhile");
    room.holds_exactly(&[("a.bin.part", "")]);
    drop(part);
    haul.finish().succeeds().says_times("another haul", 1);
    room.holds_exactly(&[("a.bin", &body)]);
}
