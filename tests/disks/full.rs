//! A disk without room: what is too big is known early, what came stays, and the rest of the list goes on elsewhere.

use std::fs;

use crate::mounted::{Mount, alone, skip};
use crate::support::Answer::{Chunked, CutAfter, HeldAfter, Status};
use crate::support::{Gate, Origin, Outcome, Room, bytes};

const MIB: usize = 1 << 20;
/// What is said once of a disk that is full.
const FULL: &str = "no new files are begun";

#[track_caller]
fn says_once(outcome: &Outcome, text: &str) {
    assert_eq!(outcome.stderr.matches(text).count(), 1, "says {text:?} once");
}

fn a_file_too_big_for(disk: &Room) {
    let origin = Origin::new();
    // The body is never sent on: who waits for it, waits for ever.
    origin
        .file("/big", bytes(16 * MIB, 1))
        .always(HeldAfter(1000, Gate::new()));
    let small = bytes(50_000, 2);
    let paths: Vec<_> = (0..10).map(|n| format!("/small{n}")).collect();
    origin.file_elsewhere(&small);
    let list = origin.url("/big") + "\n" + &origin.list(&paths);
    let outcome = disk.haul().args(["-j", "1", "--timeout", "1h"]).stdin(list).run();
    outcome.fails().finished(10, 11).never_says(FULL);
    outcome.says("cannot reserve room for the whole file: no space left on device");
    let mut names = disk.names();
    names.retain(|name| name != "lost+found/");
    assert_eq!(names, paths.iter().map(|path| &path[1..]).collect::<Vec<_>>());
    assert!(paths.iter().all(|path| disk.read(&path[1..]) == small));
}

#[test]
fn a_file_that_is_too_big_fails_before_its_body_and_small_ones_after_it_arrive() {
    alone(|| {
        let room = Room::new();
        let _disk = Mount::tmpfs(&room.folder(), "4m");
        a_file_too_big_for(&room);
    });
}

#[test]
fn a_file_that_is_too_big_for_ext4_leaves_it_as_it_was() {
    alone(|| {
        let room = Room::new();
        match Mount::ext4(&room.folder(), &room.beside("image"), 4 << 20) {
            Some(_disk) => a_file_too_big_for(&room),
            None => skip("no loop device, or no mkfs.ext4"),
        }
    });
}

#[test]
fn a_file_that_is_whole_is_no_failure_although_its_record_cannot_be_removed() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let disk = Mount::tmpfs(&room.folder(), "64m");
        disk.change("size=64m,nr_inodes=20");
        let (body, gate) = (bytes(MIB, 1), Gate::new());
        origin
            .file("/a.bin", &body)
            .etag("v1")
            .then(HeldAfter(1000, gate.clone()));
        let haul = room.haul().arg(origin.url("/a.bin")).start();
        room.wait_for("a.bin.part.json", 1);
        let fill = |n: usize| fs::File::create(room.path(&format!("fill-{n}"))).is_ok();
        assert!((0..40).any(|n| !fill(n)), "it is full");
        gate.open();
        haul.finish().succeeds();
        assert_eq!(room.read("a.bin"), body);
        // The next run has room for that.
        fs::remove_file(room.path("fill-0")).unwrap();
        room.haul()
            .args(["--existing", "update"])
            .arg(origin.url("/a.bin"))
            .run()
            .succeeds();
        assert!(!room.path("a.bin.part.json").exists());
    });
}

#[test]
fn a_disk_that_fills_up_takes_no_new_files_keeps_its_parts_and_stops_no_other_disk() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let disk = Mount::tmpfs(&room.folder(), "4m");
        let _other = Mount::tmpfs(&room.path("other"), "16m");
        let (large, small) = (bytes(8 * MIB, 1), bytes(40_000, 2));
        origin.file("/large", &large).etag("v1").always(Chunked);
        origin.file_elsewhere(&small);
        let same = origin.list(["/large", "/b", "/c"]);
        let list = same + &origin.url("/d") + " other/d\n" + &origin.url("/e") + " other/deep/e\n";
        let haul = || room.haul().args(["-j", "1"]).stdin(&list).run();

        let outcome = haul();
        outcome.fails().finished(2, 5);
        says_once(&outcome, FULL);
        outcome
            .says("cannot write: no space left on device")
            .says("not begun: the disk is full");
        assert_eq!(origin.paths(), ["/large", "/d", "/e"], "what was asked for");
        room.holds(&[("other/d", &small), ("other/deep/e", &small)]);
        let kept = fs::metadata(room.path("large.part")).expect("a part").len();
        assert!(kept > 3 << 20, "only {kept} bytes are kept");

        origin.file("/large", &large).etag("v1");
        disk.change("size=32m");
        haul().succeeds().finished(5, 5);
        let again = origin.requests_for("/large");
        assert_eq!(again.last().unwrap().field("Range"), Some(&*format!("bytes={kept}-")));
        room.holds_exactly(&[
            ("large", &large),
            ("b", &small),
            ("c", &small),
            ("other/d", &small),
            ("other/deep/e", &small),
        ]);
    });
}

#[test]
fn many_at_once_on_a_disk_that_fills_up_are_one_line_and_all_arrive_when_there_is_room() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let disk = Mount::tmpfs(&room.folder(), "8m");
        let body = bytes(MIB, 1);
        let paths: Vec<_> = (0..64).map(|n| format!("/{n}")).collect();
        origin.file_elsewhere(&body).etag("v1").always(Chunked);
        let list = room.give("list.txt", origin.list(&paths));
        let run = |args: &[&str]| room.haul().args(args).arg(&list).start().finish_and_weigh();

        let (outcome, peak) = run(&["-j", "64"]);
        says_once(outcome.fails(), FULL);
        assert!(outcome.stderr.lines().count() < 100, "too many words");
        assert!(peak < 64 << 20, "{} KiB", peak / 1024);
        let whole = room.files().into_iter().filter(|(name, _)| !name.contains('.'));
        assert!(whole.map(|(_, found)| found).all(|found| found == body));

        disk.change("size=128m");
        run(&["-j", "64"]).0.succeeds().finished(64, 64);
        let files = room.files();
        assert!(files.len() == 64 && files.values().all(|found| *found == body));
    });
}

#[test]
fn a_cut_file_that_has_its_room_goes_on_although_the_disk_is_full_by_then() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let _disk = Mount::tmpfs(&room.folder(), "4m");
        let (whole, gate) = (bytes(2 * MIB, 1), Gate::new());
        let roomy = origin.file("/roomy", &whole).etag("v1").then(CutAfter(MIB));
        roomy.then(Status(503).held_by(&gate));
        origin.file("/greedy", bytes(8 * MIB, 2)).always(Chunked);
        let mut haul = room.haul().impatient().args(["-j", "2"]).start();
        haul.write(origin.list(["/roomy"]));
        origin.wait_for_requests(2);
        haul.write(origin.list(["/greedy"]));
        haul.wait_for_stderr(FULL);
        gate.open();
        let outcome = haul.finish();
        says_once(outcome.fails().finished(1, 2), FULL);
        room.holds(&[("roomy", &whole)]);
    });
}

#[test]
fn what_is_there_already_is_no_failure_of_a_full_disk() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let _disk = Mount::tmpfs(&room.folder(), "2m");
        let small = bytes(40_000, 2);
        origin.file("/there", &small);
        origin.file("/large", bytes(4 * MIB, 1)).always(Chunked);
        room.haul().arg(origin.url("/there")).run().succeeds();
        let outcome = room
            .haul()
            .args(["-j", "1"])
            .stdin(origin.list(["/large", "/there"]))
            .run();
        says_once(outcome.fails().finished(1, 2), FULL);
    });
}

#[test]
fn a_part_whose_rest_does_not_fit_waits_for_room_and_is_not_fetched_again() {
    alone(|| {
        let (origin, room) = (Origin::new(), Room::new());
        let disk = Mount::tmpfs(&room.folder(), "16m");
        let whole = bytes(6 * MIB, 1);
        origin.file("/a", &whole).etag("v1").then(CutAfter(4 * MIB));
        let haul = |args: &[&str]| room.haul().args(args).arg(origin.url("/a")).run();
        haul(&["--retries", "0"]).fails();
        // What was reserved is given back, as another machine or another tool would have left it.
        let part = fs::OpenOptions::new().write(true).open(room.path("a.part")).unwrap();
        part.set_len(4 << 20).unwrap();
        disk.change("size=5m");
        haul(&[]).fails().says("cannot reserve room for the whole file");
        assert_eq!(fs::metadata(room.path("a.part")).unwrap().len(), 4 << 20);
        disk.change("size=16m");
        haul(&[]).succeeds();
        assert_eq!(origin.requests().last().unwrap().field("Range"), Some("bytes=4194304-"));
        room.holds_exactly(&[("a", &whole)]);
    });
}
