//! Where nothing can be written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::mounted::{Mount, alone, skip};
use crate::support::{Origin, Room, bytes};

/// Folders that nobody may write to, as long as something is done.
fn closed<T>(folders: &[PathBuf], work: impl FnOnce() -> T) -> T {
    let change = |mode: u32| {
        for folder in folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    change(0o555);
    let done = work();
    change(0o755);
    done
}

#[test]
fn a_folder_that_takes_no_files_fails_each_entry_before_its_request_and_what_is_there_counts() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/there", "here");
    origin.file("/small", "s");
    origin.file("/large", bytes(1 << 20, 1));
    room.haul().arg(origin.url("/there")).run().succeeds();
    let run = |paths: &[&str]| {
        let haul = room.haul().without_privileges().stdin(origin.list(paths));
        closed(&[room.folder()], || haul.run())
    };
    let outcome = run(&["/there", "/small", "/large", "/new/folder"]);
    outcome
        .fails()
        .finished(1, 4)
        .says("not begun: permission denied in its folder");
    let told = outcome
        .stderr
        .matches("no new files are begun: permission denied in .")
        .count();
    assert_eq!(told, 1, "told once");
    run(&["/there"]).succeeds().never_says("no new files");
    assert_eq!(origin.requests().len(), 1, "nothing was asked for in vain");
    room.holds_exactly(&[("there", "here")]);
}

#[test]
fn what_is_there_and_asked_about_is_there_where_nothing_new_can_be() {
    let (origin, room) = (Origin::new(), Room::new());
    let file = origin.file("/get", "a").etag("v1");
    let url = file.field("Content-Disposition", "attachment; filename=a.bin").url();
    room.haul().args(["-J", &url]).run().succeeds();
    room.haul().arg(&url).run().succeeds();
    for args in [&["--existing", "update"][..], &["-J"], &["-J", "--existing", "update"]] {
        let haul = room.haul().without_privileges().args(args).arg(&url);
        closed(&[room.folder()], || haul.run()).succeeds().finished(1, 1);
    }
}

#[test]
fn a_folder_that_takes_no_files_is_of_no_matter_where_all_go_into_one_that_does() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a", "a");
    fs::create_dir(room.path("sub")).unwrap();
    fs::set_permissions(room.path("sub"), fs::Permissions::from_mode(0o777)).unwrap();
    let haul = room
        .haul()
        .without_privileges()
        .stdin(format!("{} sub/a\n", origin.url("/a")));
    let outcome = closed(&[room.folder()], || haul.run());
    outcome.succeeds().never_says("warning");
}

#[test]
fn a_folder_below_that_takes_no_files_is_told_once_and_the_others_do() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file_elsewhere("s");
    fs::create_dir(room.path("sub")).unwrap();
    let line = |n: usize| {
        format!(
            "{} sub/{n}\n{} {n}\n",
            origin.url(&format!("/a{n}")),
            origin.url(&format!("/b{n}"))
        )
    };
    let haul = room.haul().without_privileges().args(["-j", "1"]);
    let haul = haul.stdin((0..20).map(line).collect::<String>());
    let outcome = closed(&[room.path("sub")], || haul.run());
    outcome.fails().finished(20, 40);
    let told = outcome
        .stderr
        .matches("no new files are begun: permission denied in ./sub")
        .count();
    assert_eq!(told, 1, "told once");
    assert_eq!(origin.requests().len(), 21, "one was asked for in vain");
}

#[test]
fn a_read_only_file_system_is_one_line_and_what_is_there_counts() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let disk = Mount::tmpfs(&room.folder(), "8m");
        origin.file_elsewhere("here");
        room.haul().arg(origin.url("/there")).run().succeeds();
        disk.change("ro");
        let mut paths = vec!["/there".to_owned()];
        paths.extend((0..50).map(|n| format!("/new{n}")));
        let outcome = room.haul().args(["-j", "1"]).stdin(origin.list(&paths)).run();
        outcome.fails().finished(1, 51).says("read-only");
        assert_eq!(outcome.stderr.matches("no new files are begun").count(), 1);
        assert_eq!(origin.requests().len(), 1, "nothing was asked for in vain");
        room.holds_exactly(&[("there", "here")]);
    });
}

#[test]
fn a_folder_that_cannot_be_made_is_a_mistake_of_use_and_nothing_is_asked_for() {
    let (origin, room) = (Origin::new(), Room::new());
    fs::set_permissions(room.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    let haul = room.haul().without_privileges().args(["-d", "new/er"]);
    let outcome = haul.arg(origin.url("/a")).run();
    outcome.exits_with(2).says("permission denied");
    assert!(origin.requests().is_empty());
}

/// A file, and everybody's folder for it, as /tmp is; nothing where there can be no other user.
fn among_others() -> Option<(Origin, Room, Vec<u8>)> {
    if !rustix::process::geteuid().is_root() {
        skip("only root can be two users");
        return None;
    }
    let (origin, room) = (Origin::new(), Room::new());
    let body = bytes(1 << 20, 1);
    origin.file("/a.bin", &body).etag("v1");
    fs::set_permissions(room.folder(), fs::Permissions::from_mode(0o1777)).unwrap();
    Some((origin, room, body))
}

#[test]
fn a_part_of_another_user_stays_as_it_is_and_the_file_comes() {
    let Some((origin, room, body)) = among_others() else {
        return;
    };
    let (part, record) = (room.put("a.bin.part", "theirs"), room.put("a.bin.part.json", "{}"));
    for (path, mode) in [(&part, 0o666), (&record, 0o600)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(path, Some(64_321), None).unwrap();
    }
    std::os::unix::fs::chown(room.folder(), Some(64_321), None).unwrap();
    let haul = room
        .haul()
        .after("exec setpriv --reuid=64322 --clear-groups --bounding-set=-all --inh-caps=-all \"$0\" \"$@\"");
    let outcome = haul.args(["--no-netrc", &origin.url("/a.bin")]).run();
    outcome.succeeds();
    room.holds_exactly(&[
        ("a.bin", &body[..]),
        ("a.bin.part", b"theirs"),
        ("a.bin.part.json", b"{}"),
    ]);
}

#[test]
fn a_part_of_another_user_in_everybody_s_folder_is_not_root_s_either() {
    let Some((origin, room, body)) = among_others() else {
        return;
    };
    let part = room.put("a.bin.part", "");
    std::os::unix::fs::chown(&part, Some(64_321), None).unwrap();
    room.haul().arg(origin.url("/a.bin")).run().succeeds();
    room.holds_exactly(&[("a.bin", &body[..]), ("a.bin.part", b"")]);
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(room.path("a.bin")).unwrap());
    assert_eq!(owner, 0);
}

#[test]
fn a_folder_that_may_be_entered_and_not_read_is_folder_enough() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/in/a.bin", bytes(1 << 20, 1)).etag("v1");
    origin.file("/in/b.bin", "b");
    fs::create_dir(room.path("in")).unwrap();
    for folder in [room.path("in"), room.folder()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o333)).unwrap();
    }
    let haul = room.haul().without_privileges().args(["--layout", "path", "--fsync"]);
    let outcome = haul.stdin(origin.list(["/in/a.bin", "/in/b.bin"])).run();
    for folder in [room.folder(), room.path("in")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    outcome.succeeds().finished(2, 2);
    room.holds(&[("in/a.bin", &bytes(1 << 20, 1)[..]), ("in/b.bin", b"b")]);
}

#[test]
fn in_a_folder_that_may_be_entered_and_not_read_servers_name_files_and_each_is_found_again() {
    let (origin, room) = (Origin::new(), Room::new());
    for path in ["/1", "/2", "/3"] {
        let file = origin.file(path, path);
        file.field("Content-Disposition", "attachment; filename=x.bin");
    }
    for paths in [["/1", "/2", "/3"], ["/3", "/1", "/2"]] {
        fs::set_permissions(room.folder(), fs::Permissions::from_mode(0o333)).unwrap();
        let haul = room.haul().without_privileges().args(["-J", "-j", "1"]);
        let outcome = haul.stdin(origin.list(paths)).run();
        fs::set_permissions(room.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        outcome.succeeds().finished(3, 3);
        room.holds_exactly(&[("x.bin", "/1"), ("x-2.bin", "/2"), ("x-3.bin", "/3")]);
    }
}
