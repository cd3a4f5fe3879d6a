//! A file that is already there is worth more than one that is not here yet.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::support::Answer::{self, CutAfter, HangUp, HeldAfter, Status};
use crate::support::{Gate, Origin, Room, bytes};

fn gets(origin: &Origin) -> usize {
    origin.requests().iter().filter(|r| r.method == "GET").count()
}

#[test]
fn check_takes_a_file_of_the_same_size_for_done() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789");
    let room = Room::new();
    room.put("a.bin", "abcdefghij");
    room.haul()
        .arg(origin.url("/a.bin"))
        .run()
        .succeeds()
        .says("already there");
    room.holds_exactly(&[("a.bin", "abcdefghij")]);
    assert_eq!(gets(&origin), 0);
}

#[test]
fn check_fails_a_file_of_another_size_and_touches_nothing() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789");
    origin.file("/b.bin", "b");
    let room = Room::new();
    room.put("a.bin", "mine");
    let outcome = room.haul().stdin(origin.list(["/a.bin", "/b.bin"])).run();
    outcome.fails().says_in_a_line(&["another size"]).finished(1, 2);
    room.holds_exactly(&[("a.bin", "mine"), ("b.bin", "b")]);
}

#[test]
fn check_touches_nothing_when_the_server_will_not_tell_the_size() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789").always(Status(405));
    let room = Room::new();
    room.put("a.bin", "mine");
    room.haul().impatient().arg(origin.url("/a.bin")).run().fails();
    room.holds_exactly(&[("a.bin", "mine")]);
}

#[test]
fn check_asks_by_get_where_head_is_refused() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789").then(Status(405));
    let room = Room::new();
    room.put("a.bin", "abcdefghij");
    room.haul()
        .arg(origin.url("/a.bin"))
        .run()
        .succeeds()
        .says("already there");
    room.holds_exactly(&[("a.bin", "abcdefghij")]);
    let methods: Vec<_> = origin.requests().into_iter().map(|r| r.method).collect();
    assert_eq!(methods, ["HEAD", "GET"]);
}

#[test]
fn check_asks_by_get_where_head_brings_nothing_to_compare() {
    for answer in [Status(500), Answer::Says(200, vec![], Vec::new())] {
        let origin = Origin::new();
        origin.file("/a.bin", "0123456789").then(answer);
        let room = Room::new();
        room.put("a.bin", "abcdefghij");
        room.haul()
            .arg(origin.url("/a.bin"))
            .run()
            .succeeds()
            .says("already there");
        assert_eq!((origin.requests().len(), gets(&origin)), (2, 1));
    }
}

#[test]
fn check_is_tried_again_where_that_may_help() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789").then(Status(503)).then(HangUp);
    let room = Room::new();
    room.put("a.bin", "abcdefghij");
    room.haul()
        .impatient()
        .arg(origin.url("/a.bin"))
        .run()
        .succeeds()
        .says("already there");
    assert_eq!(gets(&origin), 0);
}

#[test]
fn what_is_no_file_stays_and_fails_its_entry_alone() {
    let origin = Origin::new();
    origin.file_elsewhere("new");
    for how in ["check", "skip", "update", "overwrite", "fail"] {
        let room = Room::new();
        room.put("folder/inside", "mine");
        room.put("file", "mine");
        let list = origin.list(["/folder", "/b.bin"]) + &origin.url("/c") + " file/c.bin\n";
        let outcome = room.haul().args(["--existing", how]).stdin(list).run();
        outcome.fails().finished(1, 3);
        room.holds_exactly(&[("folder/inside", "mine"), ("file", "mine"), ("b.bin", "new")]);
    }
}

#[test]
fn skip_never_asks() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789");
    let room = Room::new();
    room.put("a.bin", "mine");
    room.haul()
        .args(["--existing", "skip", &origin.url("/a.bin")])
        .run()
        .succeeds();
    room.holds_exactly(&[("a.bin", "mine")]);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn overwrite_replaces_it() {
    let origin = Origin::new();
    let body = bytes(100_000, 1);
    origin.file("/a.bin", &body);
    for args in [&["-f"][..], &["--force"], &["--existing", "overwrite"]] {
        let room = Room::new();
        room.put("a.bin", "mine");
        room.haul().args(args).arg(origin.url("/a.bin")).run().succeeds();
        room.holds_exactly(&[("a.bin", &body)]);
    }
}

#[test]
fn overwrite_keeps_the_old_file_until_the_new_one_is_whole() {
    let origin = Origin::new();
    origin.file("/a.bin", bytes(100_000, 1)).always(CutAfter(50_000));
    let room = Room::new();
    room.put("a.bin", "mine");
    room.haul()
        .impatient()
        .args(["-f", "--retries", "1", &origin.url("/a.bin")])
        .run()
        .fails();
    room.holds(&[("a.bin", "mine")]);
}

#[test]
fn rename_takes_the_next_name_when_another_run_took_the_free_one() {
    for options in [&[][..], &["-J"]] {
        let (origin, room, gate) = (Origin::new(), Room::new(), Gate::new());
        for (path, body) in [("/x/a.bin", "one"), ("/y/a.bin", "two")] {
            origin.file(path, body).then(HeldAfter(1, gate.clone()));
        }
        let other = origin.file("/z/a.bin", "three").url();
        let args = [&["-v", "--existing", "rename"], options].concat();
        let mut first = room.haul().args(&args).start();
        first.write(origin.list(["/x/a.bin", "/y/a.bin"]));
        origin.wait_for_requests(2);
        room.haul().args(&args).arg(other).run().succeeds();
        gate.open();
        first.finish().succeeds().finished(2, 2);
        room.holds_exactly(&[("a.bin", "three"), ("a-2.bin", "two"), ("a-3.bin", "one")]);
    }
}

#[test]
fn rename_takes_a_free_name() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789");
    let room = Room::new();
    room.put("a.bin", "mine");
    room.haul()
        .args(["--existing", "rename", &origin.url("/a.bin")])
        .run()
        .succeeds();
    room.holds_exactly(&[("a.bin", "mine"), ("a-2.bin", "0123456789")]);
}

#[test]
fn fail_fails_and_the_rest_arrives() {
    let origin = Origin::new();
    origin.file("/a.bin", "0123456789");
    origin.file("/b.bin", "b");
    let room = Room::new();
    room.put("a.bin", "0123456789");
    let outcome = room
        .haul()
        .args(["--existing", "fail"])
        .stdin(origin.list(["/a.bin", "/b.bin"]))
        .run();
    outcome.fails().finished(1, 2);
    room.holds_exactly(&[("a.bin", "0123456789"), ("b.bin", "b")]);
    assert_eq!(origin.paths(), ["/b.bin"]);
}

#[test]
fn update_fetches_only_what_is_newer_on_the_server() {
    let origin = Origin::new();
    let day = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * n);
    origin.file("/newer.bin", "new").last_modified(day(20_000));
    origin.file("/older.bin", "old").last_modified(day(10_000));
    let room = Room::new();
    for name in ["newer.bin", "older.bin"] {
        let path = room.put(name, "mine");
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(day(15_000))
            .unwrap();
    }
    let list = origin.list(["/newer.bin", "/older.bin", "/newer.bin?absent"]);
    room.haul().args(["--existing", "update"]).stdin(list).run().succeeds();
    room.holds_exactly(&[("newer.bin", "new"), ("newer-2.bin", "new"), ("older.bin", "mine")]);
    let modified = std::fs::metadata(room.path("newer.bin")).unwrap().modified().unwrap();
    assert_eq!(modified, day(20_000));
}
