//! What was there when the run began and is not any more.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Answer::{HeldAfter, Well};
use crate::support::{Gate, Haul, Origin, Outcome, Room, bytes};

const LARGE: usize = 2 << 20;

/// A large file is half here and a small one is asked for when this happens; then come more.
fn meanwhile(room: &Room, origin: &Origin, haul: Haul<'_>, happens: impl FnOnce()) -> (Outcome, u64) {
    let gate = Gate::new();
    origin
        .file("/large", bytes(LARGE, 1))
        .etag("v1")
        .then(HeldAfter(LARGE / 2, gate.clone()));
    origin.file("/small", "small").then(Well.held_by(&gate));
    origin.file_elsewhere(bytes(400_000, 2));
    let mut haul = haul
        .args(["-j", "64", "--retries", "1", "--retry-max-wait", "20ms"])
        .start();
    haul.write(origin.list(["/large", "/small"]));
    origin.wait_for("/small");
    room.wait_for("large.part", (LARGE / 4) as u64);
    happens();
    gate.open();
    let paths: Vec<_> = (0..100).map(|n| format!("/more{n}")).collect();
    haul.write(origin.list(&paths));
    haul.finish_and_weigh()
}

#[test]
fn a_folder_that_is_removed_midway_fails_its_entries_with_a_reason() {
    let (origin, room) = (Origin::new(), Room::new());
    let folder = room.folder();
    let (outcome, peak) = meanwhile(&room, &origin, room.haul(), || fs::remove_dir_all(&folder).unwrap());
    outcome
        .fails()
        .finished(0, 102)
        .says("no such file or directory")
        .never_says("panicked");
    assert!(peak < 64 << 20, "{} KiB", peak / 1024);
    assert!(!room.folder().exists(), "it is not made again behind the user's back");
}

#[test]
fn a_folder_that_may_not_be_used_any_more_fails_its_entries_and_keeps_what_came() {
    for mode in [0o000, 0o555] {
        let (origin, room) = (Origin::new(), Room::new());
        let set = |mode| fs::set_permissions(room.folder(), fs::Permissions::from_mode(mode)).unwrap();
        let haul = room.haul().without_privileges();
        let (outcome, peak) = meanwhile(&room, &origin, haul, || set(mode));
        set(0o755);
        outcome
            .fails()
            .finished(0, 102)
            .says("permission denied")
            .never_says("panicked");
        assert!(peak < 64 << 20, "{} KiB", peak / 1024);
        let before = origin.requests_for("/large").len();
        room.haul().stdin(origin.list(["/large", "/small"])).run().succeeds();
        let again = &origin.requests_for("/large")[before..];
        assert!(
            again.iter().all(|request| request.field("Range").is_some()),
            "mode {mode:o}"
        );
        room.holds_exactly(&[("large", bytes(LARGE, 1)), ("small", b"small".to_vec())]);
    }
}
