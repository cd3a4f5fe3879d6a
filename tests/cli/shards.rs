//! One list, several machines.

use std::collections::BTreeMap;

use crate::support::{Origin, Room};

/// Files in folders, of which many have the same name: only who knows the whole list knows which number each gets.
fn crowded(origin: &Origin) -> String {
    let paths: Vec<_> = (0..120).map(|n| format!("/{}/{}.bin", n % 6, n / 6)).collect();
    for path in &paths {
        origin.file(path, path);
    }
    let mut list = origin.list(&paths);
    list.push_str("no entry\nftp://example.org/x\n");
    list + &origin.list(&paths[..5])
}

fn content(room: &Room) -> BTreeMap<String, Vec<u8>> {
    let names = room.names().into_iter();
    names
        .map(|name| (name.clone(), std::fs::read(room.path(&name)).expect("a file")))
        .collect()
}

/// The three numbers of `finished 1 of 3 files` and `, 2 failed`.
fn counted(stderr: &str) -> (usize, usize) {
    let (_, rest) = stderr.split_once("finished ").expect("a summary");
    let mut words = rest.split(' ');
    let done = words.next().and_then(|word| word.parse().ok()).expect("a number");
    let total = words.nth(1).and_then(|word| word.parse().ok()).expect("a number");
    (done, total)
}

#[test]
fn several_at_once_in_one_folder_give_what_one_gives() {
    let origin = Origin::new();
    let list = crowded(&origin);
    let alone = Room::new();
    let outcome = alone.haul().stdin(&list).run();
    let whole = counted(&outcome.fails().stderr);
    assert_eq!(alone.names().len(), 120);
    let before = origin.requests().len();
    let together = Room::new();
    let running: Vec<_> = (0..4)
        .map(|index| {
            let mut running = together.haul().args(["--shard", &format!("{index}/4")]).start();
            running.write(&list);
            running.close_stdin();
            running
        })
        .collect();
    let ended: Vec<_> = running.into_iter().map(crate::support::Running::finish).collect();
    assert_eq!(content(&together), content(&alone));
    assert_eq!(origin.requests().len() - before, 120, "each was asked for once");
    let counts: Vec<_> = ended.iter().map(|outcome| counted(&outcome.stderr)).collect();
    let sum = counts
        .iter()
        .fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    assert_eq!(sum, whole, "{counts:?}");
    assert!(counts.iter().all(|(done, _)| *done > 10), "{counts:?}");
    for bad in ["no entry", "ftp"] {
        let told = ended.iter().filter(|outcome| outcome.stderr.contains(bad)).count();
        assert_eq!(told, 1, "{bad}");
    }
}

#[test]
fn a_dry_run_shows_the_share_with_the_names_of_the_whole_list() {
    let origin = Origin::new();
    let list = crowded(&origin);
    let lines = |args: &[&str]| -> Vec<String> {
        let outcome = Room::new().haul().arg("-n").args(args).stdin(&list).run();
        outcome.stdout.lines().map(str::to_owned).collect()
    };
    let mut whole = lines(&[]);
    let mut shares: Vec<_> = (0..3)
        .flat_map(|index| lines(&["--shard", &format!("{index}/3")]))
        .collect();
    whole.sort_unstable();
    shares.sort_unstable();
    assert_eq!(shares, whole);
    assert!(origin.requests().is_empty());
}

#[test]
fn the_environment_of_a_scheduler_says_which_share_and_that_is_told() {
    let origin = Origin::new();
    let list = crowded(&origin);
    let (by_hand, by_slurm) = (Room::new(), Room::new());
    by_hand.haul().args(["--shard", "2/4"]).stdin(&list).run();
    let slurm = by_slurm.haul().args(["--shard", "auto"]).stdin(&list);
    let slurm = [("ID", "3"), ("MIN", "1"), ("MAX", "4"), ("COUNT", "4"), ("STEP", "1")]
        .into_iter()
        .fold(slurm, |haul, (name, value)| {
            haul.env(&format!("SLURM_ARRAY_TASK_{name}"), value)
        });
    slurm.run().says("haul: --shard 2/4, by SLURM_ARRAY_TASK_ID");
    assert_eq!(by_slurm.names(), by_hand.names());
}

#[test]
fn a_share_that_nobody_names_is_an_error_before_anything_is_requested() {
    let origin = Origin::new();
    for (args, said) in [
        (&["--shard", "auto"][..], "no scheduler says which share"),
        (&["--shard", "4/4"], "I/N is needed"),
        (
            &["--shard", "0/4", "--existing", "rename"],
            "not the same on every machine",
        ),
        (&["--shard", "0/4", "-J"], "cannot be used with"),
    ] {
        let outcome = Room::new().haul().args(args).stdin(origin.list(["/a"])).run();
        outcome.exits_with(2).says(said);
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn a_share_of_which_nothing_is_in_the_list_is_complete_and_says_so() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let ended: Vec<_> = (0..2)
        .map(|index| {
            let haul = Room::new();
            let outcome = haul
                .haul()
                .args(["--shard", &format!("{index}/2"), &origin.url("/a")])
                .run();
            outcome
                .succeeds()
                .stderr
                .contains("nothing of the list is of this shard")
        })
        .collect();
    assert_eq!(ended.iter().filter(|is_empty| **is_empty).count(), 1);
}
