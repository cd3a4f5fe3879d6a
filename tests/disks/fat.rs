//! A file system of another family: no case, no attributes, no links, no nameless files, dates in steps of two seconds.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::mounted::{Mount, alone, skip};
use crate::support::Answer::CutAfter;
use crate::support::{Origin, Room, bytes};

fn on_fat(test: impl FnOnce(&Room)) {
    let room = Room::new();
    match Mount::exfat(&room.folder(), &room.beside("image"), 16 << 20) {
        Some(_disk) => test(&room),
        None => skip("no exFAT here (mkfs.exfat, and the kernel's or exfat-fuse)"),
    }
}

#[test]
fn files_arrive_where_nothing_but_bytes_and_names_is_kept() {
    alone(|| {
        on_fat(|room| {
            let origin = Origin::new();
            let (small, large) = (bytes(5000, 1), bytes(1 << 20, 2));
            let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_001);
            origin.file("/small", &small).last_modified(date);
            origin.file("/large", &large).last_modified(date);
            let list = origin.list(["/small", "/large"]) + &origin.url("/small") + " sub/small\n";
            let haul = || room.haul().args(["-j", "1"]).stdin(&list).run();
            haul().succeeds().finished(3, 3);
            let files = [("small", &small), ("large", &large), ("sub/small", &small)];
            room.holds_exactly(&files);
            let kept = fs::metadata(room.path("small")).unwrap().modified().unwrap();
            let apart = kept.duration_since(date).unwrap_or_else(|early| early.duration());
            assert!(apart <= Duration::from_secs(2), "{apart:?} apart");

            haul().succeeds().finished(3, 3);
            let asked: Vec<_> = origin.requests().into_iter().map(|request| request.method).collect();
            assert_eq!(asked[3..], ["HEAD"; 3], "without attributes, the server is asked");
            let update = room.haul().args(["--existing", "update"]).stdin(&list).run();
            update.succeeds().finished(3, 3);
            room.holds_exactly(&files);
        });
    });
}

#[test]
fn names_that_differ_only_in_case_are_two_files() {
    alone(|| {
        on_fat(|room| {
            let origin = Origin::new();
            origin.file("/x/A.bin", "upper");
            origin.file("/y/a.bin", "lower");
            let list = origin.list(["/x/A.bin", "/y/a.bin"]);
            for _ in 0..2 {
                // What a killed process of the same number left while it asked about case.
                let haul = room.haul().after("touch .haul-case-$$");
                haul.stdin(&list).run().succeeds().finished(2, 2);
                room.holds(&[("A.bin", "upper"), ("a-2.bin", "lower")]);
            }
        });
    });
}

#[test]
fn a_name_that_the_file_system_does_not_take_is_mapped_or_fails_alone() {
    alone(|| {
        on_fat(|room| {
            let origin = Origin::new();
            origin.file("/what%3F.bin", bytes(400_000, 1));
            origin.file("/12:30.bin", "colon");
            origin.file("/plain.bin", "plain");
            let list = origin.list(["/what%3F.bin", "/12:30.bin", "/plain.bin"]);
            let outcome = room.haul().stdin(&list).run();
            outcome.exits_with_one_of(&[0, 1]).never_says("panicked");
            room.holds(&[("plain.bin", "plain")]);
            assert!(
                room.names().iter().all(|name| !name.contains(".part")),
                "{:?}",
                room.names()
            );
        });
    });
}

#[test]
fn parts_are_resumed() {
    alone(|| {
        on_fat(|room| {
            let origin = Origin::new();
            let body = bytes(2 << 20, 1);
            origin.file("/a.bin", &body).etag("v1").then(CutAfter(1 << 20));
            let run = |retries| room.haul().args(["--retries", retries]).arg(origin.url("/a.bin")).run();
            run("0").fails();
            run("0").succeeds();
            assert_eq!(origin.requests()[1].field("Range"), Some("bytes=1048576-"));
            room.holds_exactly(&[("a.bin", &body)]);
        });
    });
}
