//! Limits of the process and of names.

use std::process::Command;

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

#[test]
fn too_few_threads_are_said_at_once() {
    // The limit is not for root.
    let room = Room::new();
    let origin = Origin::new();
    origin.file("/a", "a");
    let binary = room.give("haul", std::fs::read(env!("CARGO_BIN_EXE_haul")).unwrap());
    let shared = |path: &std::path::Path| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    };
    [&binary, room.root(), binary.parent().unwrap()]
        .into_iter()
        .for_each(shared);
    // A user that has no other process.
    let user = "setpriv --reuid=64321 --regid=64321 --clear-groups";
    for limit in 1..4 {
        let line = format!(
            "ulimit -u {limit}; exec timeout 60 {user} '{}' -d /tmp/none-{limit} {}",
            binary.display(),
            origin.url("/a")
        );
        let Ok(output) = Command::new("bash")
            .args(["-c", &line])
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .output()
        else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("setpriv") {
            return skip("nobody else may run a program here (setpriv)");
        }
        assert_eq!(output.status.code(), Some(2), "{limit}: {said}");
        assert!(
            said.contains("cannot start a thread") && !said.contains("panicked"),
            "{limit}: {said}"
        );
    }
    assert_eq!(origin.connections(), 0);
}
