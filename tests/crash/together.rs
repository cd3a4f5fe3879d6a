//! Two hauls in one folder.

use rustix::process::Signal;

use crate::rounds::{is_complete, mixed_batch, names_are_of_whole_files, seed, tell};
use crate::support::{Kind, Moment, Random, Room, Versions, Victim};

const MIB: u64 = 1 << 20;

#[test]
fn two_at_once_both_end_well_and_every_file_is_right() {
    let seed = seed();
    let origin = Versions::new(seed);
    mixed_batch(&origin);
    let room = Room::new();
    let two = [0, 1].map(|_| Victim::start(&room, &origin.list(), &[]));
    for haul in two {
        let (status, said) = haul.finish();
        assert!(status.success(), "seed {seed}: {status}\n{said}");
    }
    is_complete(&room, &origin, &format!("seed {seed}"));
    let twice: Vec<_> = origin
        .fetched()
        .into_iter()
        .filter(|(_, whole, _)| *whole > 1)
        .collect();
    tell(&format!(
        "twice in full: {twice:?}; {} of {} bytes sent",
        origin.sent(),
        origin.size()
    ));
    let large: Vec<_> = twice.iter().filter(|(name, ..)| name.starts_with("large")).collect();
    assert!(large.is_empty(), "seed {seed}: fetched twice in full: {large:?}");
}

#[test]
fn two_at_once_where_one_is_killed_leave_a_folder_that_is_right() {
    rounds(4, seed());
}

#[test]
#[ignore = "minutes: scripts/crash-rounds [ROUNDS [SEED]]"]
fn many_rounds_of_two_at_once() {
    let count = std::env::var("CRASH_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    rounds(count / 4, seed());
}

fn rounds(count: u64, seed: u64) {
    let mut random = Random::new(seed);
    let origin = Versions::new(seed);
    mixed_batch(&origin);
    for round in 0..count {
        let room = Room::new();
        let moment = Moment::Bytes(random.below(origin.size()));
        let when = format!("seed {seed}, round {round}, one killed after {moment:?}");
        let mut first = Victim::start(&room, &origin.list(), &[]);
        let second = Victim::start(&room, &origin.list(), &[]);
        origin.wait_for(moment, || first.is_over());
        first.end_by(Signal::KILL);
        let (status, said) = second.finish();
        assert!(status.success(), "{when}: {status}\n{said}");
        // What the killed one had begun of a file that the other finished stays until the next run.
        names_are_of_whole_files(&room, &origin, &when);
        let (status, said) = Victim::start(&room, &origin.list(), &[]).finish();
        assert!(status.success(), "{when}: {status}\n{said}");
        is_complete(&room, &origin, &when);
    }
}

#[test]
fn two_that_replace_what_is_there_leave_one_whole_file_of_each() {
    let origin = Versions::new(1);
    origin.file("small", 1000, Kind::Changing);
    origin.file("large", 3 * MIB, Kind::Changing);
    let room = Room::new();
    for name in origin.names() {
        room.put(&name, "old");
    }
    let two = [0, 1].map(|_| Victim::start(&room, &origin.list(), &["-f"]));
    for haul in two {
        let (status, said) = haul.finish();
        assert!(status.success(), "{status}\n{said}");
    }
    is_complete(&room, &origin, "both ended");
}
