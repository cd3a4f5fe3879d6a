//! Rounds: haul is ended at a random moment of a mixed batch, and the folder is looked at; again and again.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Kind, Moment, Random, Room, Versions, Victim};

const MIB: u64 = 1 << 20;

/// Many small files, some large ones, and everything that can be known of a file or not.
pub(crate) fn mixed_batch(origin: &Versions) {
    let kinds = [
        Kind::Strong,
        Kind::Weak,
        Kind::Bare,
        Kind::Dated,
        Kind::Chunked,
        Kind::ChunkedBare,
        Kind::Changing,
    ];
    for (n, kind) in (0_u64..).zip(kinds.iter().cycle().take(42)) {
        origin.file(&format!("small-{n:02}-{kind:?}"), 16 + n * n * 40, *kind);
    }
    let sizes = [20, 5, 3, 6, 9, 2, 8].map(|size| size * MIB + 7);
    for (kind, size) in kinds.iter().zip(sizes) {
        origin.file(&format!("large-{kind:?}"), size, *kind);
        origin.file(&format!("middle-{kind:?}"), MIB, *kind);
    }
}

/// Looks at the folder after haul was ended. Every file has its name only when it is whole, and nothing else is there
/// but what the next run needs of those that are not.
#[track_caller]
pub(crate) fn look_at(room: &Room, origin: &Versions, when: &str) {
    names_are_of_whole_files(room, origin, when);
    let files = room.files();
    for (name, content) in &files {
        let of = origin.names().into_iter().find(|of| is_temporary(name, of));
        let is_beside = of.is_some_and(|of| files.contains_key(&of));
        // Between its new name and the end of its record there is a moment.
        let may_stay = !is_beside || name.ends_with(".part.json") || content.is_empty();
        assert!(may_stay, "{when}: {name} is there, and so is the file");
    }
}

/// Every file has its name only when it is whole, and nothing else is there but temporary files.
#[track_caller]
pub(crate) fn names_are_of_whole_files(room: &Room, origin: &Versions, when: &str) {
    let names = origin.names();
    for (name, content) in &room.files() {
        if names.contains(name) {
            let version = origin.version_of(name, content);
            version.unwrap_or_else(|why| panic!("{when}: {name}: {why}"));
        } else {
            assert!(names.iter().any(|of| is_temporary(name, of)), "{when}: {name} is there");
        }
    }
}

fn is_temporary(name: &str, of: &str) -> bool {
    [".part", ".part.json", ".part.json~"].contains(&name.strip_prefix(of).unwrap_or_default())
}

/// Every file is there, and nothing else.
#[track_caller]
pub(crate) fn is_complete(room: &Room, origin: &Versions, when: &str) {
    assert_eq!(room.names(), origin.names(), "{when}: what is in the folder");
    look_at(room, origin, when);
}

fn moment(random: &mut Random, all: u64) -> Moment {
    match random.below(4) {
        0 => Moment::Requests(1 + random.below(60)),
        1 => Moment::Time(Duration::from_millis(random.below(300))),
        _ => Moment::Bytes(random.below(all / 3)),
    }
}

/// So many rounds. A batch that is complete is followed by a new one in an empty folder.
fn rounds(signal: Signal, count: u64, seed: u64) {
    let mut random = Random::new(seed);
    let origin = Versions::new(seed);
    mixed_batch(&origin);
    let room = Room::new();
    let (mut ended, mut batches, all) = (0, 0, origin.size());
    for round in 0..count {
        let moment = moment(&mut random, all);
        let when = format!("seed {seed}, round {round}, {signal:?} after {moment:?}");
        let mut haul = Victim::start(&room, &origin.list(), &[]);
        origin.wait_for(moment, || haul.is_over());
        let status = haul.end_by(signal);
        let is_done = status.success();
        let is_expected = is_done || status.code().is_none() || status.code() == Some(130);
        assert!(is_expected, "{when}: {status}");
        ended += u64::from(!is_done);
        look_at(&room, &origin, &when);
        if is_done {
            is_complete(&room, &origin, &when);
            batches += 1;
            fs::remove_dir_all(room.folder())
                .and_then(|()| fs::create_dir(room.folder()))
                .expect("an empty folder");
        }
    }
    let (status, said) = Victim::start(&room, &origin.list(), &[]).finish();
    assert!(status.success(), "seed {seed}: {status}\n{said}");
    is_complete(&room, &origin, &format!("seed {seed}, the last run"));
    let whole = all * (batches + 1);
    tell(&format!(
        "{signal:?}, seed {seed}: {count} rounds, {ended} ended early, {} batches; {} MiB sent for {} MiB of files",
        batches + 1,
        origin.sent() / MIB,
        whole / MIB
    ));
}

#[expect(
    clippy::print_stderr,
    reason = "a measurement is shown to whoever asks for it with --nocapture"
)]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Another seed each time, so that many runs see many moments. It is told when a round fails.
pub(crate) fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    number("CRASH_SEED", now.map_or(1, |now| u64::from(now.subsec_nanos())))
}

#[test]
fn whenever_it_is_killed_the_folder_is_right_and_the_last_run_completes_it() {
    rounds(Signal::KILL, 10, seed());
}

#[test]
fn whenever_it_is_interrupted_the_folder_is_right_and_the_last_run_completes_it() {
    rounds(Signal::INT, 6, seed());
}

#[test]
#[ignore = "minutes: scripts/crash-rounds [ROUNDS [SEED]]"]
fn many_rounds_of_kill_and_interrupt() {
    let count = number("CRASH_ROUNDS", 200);
    rounds(Signal::KILL, count, seed());
    rounds(Signal::INT, count / 4, seed());
}
