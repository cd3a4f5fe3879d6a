use super::*;
use std::fs;

/// As fast as it can be, for what needs no delay.
const QUICK: Pace = Pace {
    delay: std::time::Duration::ZERO,
    slice: 1 << 20,
    tick: std::time::Duration::from_millis(1),
};

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn every_file_arrives_whole_with_both_numbers_of_jobs_and_is_removed() {
    let here = tempfile::tempdir().unwrap();
    let shown = at_pace(QUICK, &plan(|n| n), here.path().join("new"), &mut (), &Stop::new())
        .await
        .unwrap();
    assert!(shown.is_right(), "{:?}", shown.wrong);
    assert_eq!(shown.checked, 80);
    for level in &shown.comparison.levels {
        assert_eq!(level.runs.len(), 1);
        assert_eq!(level.runs[0].summary.downloaded, 40);
    }
    assert_eq!(names(here.path()), [""; 0]);
    let conclusion = shown.conclusion(80);
    assert!(conclusion.contains("All 80 files were right"), "{conclusion}");
    assert!(conclusion.contains("haul urls.txt"), "{conclusion}");
}

/// Spoils a file, as a disk might.
struct Spoil;

impl Observer for Spoil {
    async fn end(&mut self, round: &Round, dir: &Path, _run: &Run) {
        if round.jobs.get() == 16 {
            fs::write(dir.join("01-note.txt"), "something else").unwrap();
            fs::remove_file(dir.join("00-empty.txt")).unwrap();
        }
    }
}

#[tokio::test]
async fn a_wrong_byte_and_a_missing_file_are_found() {
    let here = tempfile::tempdir().unwrap();
    let shown = at_pace(QUICK, &plan(|n| n), here.path().to_owned(), &mut Spoil, &Stop::new())
        .await
        .unwrap();
    assert!(!shown.is_right());
    assert_eq!(shown.wrong.len(), 2, "{:?}", shown.wrong);
    assert!(shown.wrong[0].starts_with("00-empty.txt with -j 16: "));
    assert_eq!(shown.wrong[1], "01-note.txt with -j 16: is not what was served");
    assert!(!shown.conclusion(80).contains("were right"));
}

/// Asks for the end as soon as a file has begun.
struct Impatient(Stop);

impl Observer for Impatient {
    fn begin(&mut self, _: &Round) -> Events {
        let (events, mut inbox) = Events::channel();
        let stop = self.0.clone();
        tokio::spawn(async move {
            while let Some(event) = inbox.recv().await {
                if let crate::event::Event::Started { .. } = event {
                    stop.park();
                }
            }
        });
        events
    }
}

#[tokio::test]
async fn stopped_half_way_it_leaves_nothing_behind() {
    let here = tempfile::tempdir().unwrap();
    let stop = Stop::new();
    let slow = Pace {
        delay: std::time::Duration::from_secs(600),
        ..QUICK
    };
    let dir = here.path().to_owned();
    let shown = at_pace(slow, &plan(|n| n), dir, &mut Impatient(stop.clone()), &stop)
        .await
        .unwrap();
    assert!(shown.comparison.stopped);
    assert!(!shown.is_right());
    assert_eq!(names(here.path()), [""; 0]);
}

#[test]
fn the_second_run_has_as_many_jobs_as_there_are_descriptors_for() {
    for (fitting, levels) in [(24, &[1, 16][..]), (100, &[1, 16]), (9, &[1, 6]), (2, &[1]), (1, &[1])] {
        let plan = plan(|_| NonZeroUsize::new(fitting).unwrap());
        let found: Vec<_> = plan.levels.iter().map(|jobs| jobs.get()).collect();
        assert_eq!(found, levels, "{fitting}");
    }
}

#[test]
fn what_is_wrong_is_said_and_not_a_hundred_times() {
    let shown = Demonstration {
        comparison: Comparison::default(),
        checked: 80,
        wrong: (0..40).map(|n| format!("{n:02} is missing")).collect(),
    };
    let conclusion = shown.conclusion(80);
    assert!(conclusion.contains("wrong: 09 is missing\nwrong: 30 more\nEverything is removed again.\n"));
}
