//! Limits of the process and of names.

use std::process::Command;
use std::thread::{self, ScopedJoinHandle};

use crate::mounted::skip;
use crate::support::Answer::{Chunked, HeldAfter};
use crate::support::{Gate, Origin, Room, bytes};

#[test]
fn a_file_over_the_size_limit_is_one_failed_entry_and_the_others_arrive() {
    let (origin, room) = (Origin::new(), Room::new());
    let small = bytes(50_000, 1);
    // One is found out on the way, one before its body, and one in its only write.
    origin.file("/unknown", bytes(2 << 20, 2)).etag("v1").always(Chunked);
    origin
        .file("/known", bytes(2 << 20, 3))
        .always(HeldAfter(1000, Gate::new()));
    origin.file("/medium", bytes(240_000, 3));
    origin.file_elsewhere(&small);
    let list = origin.list(["/unknown", "/known", "/medium", "/a", "/b"]);
    // The second time, the size of the first is known.
    for (jobs, unknown) in [("1", "cannot write: file too large"), ("8", "/unknown")] {
        let haul = room.haul().after("ulimit -f 200").args(["-j", jobs, "--timeout", "1h"]);
        let outcome = haul.stdin(&list).run();
        outcome.fails().finished(2, 5).never_says("no new files are begun");
        outcome.says(unknown);
        outcome.says("cannot reserve room for the whole file: file too large");
        room.holds(&[("a", &small), ("b", &small)]);
    }
    origin.file("/unknown", bytes(2 << 20, 2)).etag("v1");
    origin.file("/known", bytes(2 << 20, 3));
    room.haul().stdin(&list).run().succeeds().finished(5, 5);
    let asked = origin.requests_for("/unknown");
    assert!(asked.last().unwrap().field("Range").is_some(), "its part is resumed");
    room.holds(&[("unknown", bytes(2 << 20, 2)), ("known", bytes(2 << 20, 3))]);
}

#[test]
fn a_path_longer_than_the_system_takes_in_one_call_is_made_step_by_step() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a", "deep");
    origin.file("/b", "flat");
    let folder = format!("{}/", "d".repeat(200));
    let list = format!("{} {}a\n{}\n", origin.url("/a"), folder.repeat(30), origin.url("/b"));
    for _ in 0..2 {
        room.haul().stdin(&list).run().succeeds().finished(2, 2);
    }
    assert_eq!(origin.requests().len(), 2, "the second time, both are there");
    room.holds(&[("b", "flat")]);
}

#[test]
fn names_of_every_length_are_kept_or_cut_so_that_the_system_takes_them() {
    let (origin, room) = (Origin::new(), Room::new());
    let body = bytes(300_000, 1);
    origin.file_elsewhere(&body);
    let paths: Vec<_> = (200..300)
        .map(|length| format!("/{}.bin", "n".repeat(length)))
        .collect();
    room.haul()
        .stdin(origin.list(&paths))
        .run()
        .succeeds()
        .finished(100, 100);
    assert_eq!(room.names().len(), 100);
    assert!(room.files().values().all(|found| *found == body));
}

/// A room in which every user may run it. The limit of threads is not for root.
fn room_for_all() -> Room {
    let room = Room::new();
    let binary = room.give("haul", std::fs::read(env!("CARGO_BIN_EXE_haul")).unwrap());
    for path in [&binary, room.root(), binary.parent().unwrap(), &room.folder()] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(path, mode).unwrap();
    }
    room
}

/// Runs it with these arguments as this user, who has no other process, and may have no more than so many threads: how it
/// ends, and what it says. `None`: nobody else may run a program here.
fn with_threads(room: &Room, user: u32, limit: u32, args: &str) -> Option<(Option<i32>, String)> {
    let binary = room.beside("haul");
    let user = format!("setpriv --reuid={user} --regid={user} --clear-groups");
    let line = format!(
        "ulimit -u {limit}; exec timeout 60 {user} '{}' {args}",
        binary.display()
    );
    let output = Command::new("bash")
        .args(["-c", &line])
        .current_dir(room.folder())
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!said.contains("setpriv")).then_some((output.status.code(), said))
}

#[test]
fn too_few_threads_are_said_at_once() {
    let (room, origin) = (room_for_all(), Origin::new());
    origin.file("/a", "a");
    for limit in 1..4 {
        let Some((code, said)) = with_threads(&room, 64_321, limit, &origin.url("/a")) else {
            return skip("nobody else may run a program here (setpriv)");
        };
        assert_eq!(code, Some(2), "{limit}: {said}");
        assert!(
            said.contains("cannot start a thread") && !said.contains("panicked"),
            "{limit}: {said}"
        );
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn of_several_that_share_few_threads_each_says_what_is_missing_or_has_its_files() {
    let (room, origin) = (room_for_all(), Origin::new());
    origin.file_elsewhere(bytes(1 << 20, 1)).etag("v1");
    let list = room.give("list.txt", origin.list((0..5).map(|n| format!("/{n}"))));
    for limit in 8..16 {
        let run = |n: u32| {
            let args = format!("--no-netrc --json -f -d {n} {}", list.display());
            with_threads(&room, 64_322, limit, &args)
        };
        let ended = thread::scope(|scope| {
            [1, 2, 3]
                .map(|n| scope.spawn(move || run(n)))
                .map(ScopedJoinHandle::join)
        });
        for ended in ended {
            let Some((code, said)) = ended.unwrap() else {
                return skip("nobody else may run a program here (setpriv)");
            };
            let is_told = matches!(code, Some(1 | 2)) && said.contains("cannot start a thread");
            assert!(code == Some(0) || is_told, "{limit}: {code:?} {said}");
            assert!(!said.contains("panicked"), "{limit}: {said}");
        }
    }
}
