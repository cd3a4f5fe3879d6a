use super::*;
use crate::cli::view::fixture::{MIB, Run, downloaded, failed, row, started, status, url};

#[test]
fn every_kind_of_end_is_counted_once() {
    let mut run = Run::new();
    run.listed(6, true);
    let meter = run.start(1, "a.bin", Some(MIB));
    run.pass(1, &[(&meter, MIB)]);
    run.tell(Event::Finished(downloaded(1, "a.bin", MIB)));
    run.tell(Event::Finished(row(2, "b.bin", Outcome::AlreadyThere)));
    run.tell(Event::Finished(row(3, "c.bin", Outcome::Duplicate)));
    run.tell(Event::Finished(row(4, "d.bin", Outcome::Unchanged)));
    run.tell(Event::Finished(failed(5, "e.bin", 1, status(404))));
    let now = run.snapshot();
    assert_eq!((now.done, now.failed, now.listed, now.active), (3, 1, 5, 0));
    assert_eq!(now.received, MIB);
    assert!(run.board.entries.is_empty(), "an ended entry leaves nothing behind");
}

#[test]
fn bytes_are_counted_once_whether_they_were_sampled_or_not() {
    let mut run = Run::new();
    run.listed(2, true);
    let meter = run.start(1, "a.bin", Some(10 * MIB));
    run.pass(2, &[(&meter, MIB)]);
    let sampled = run.snapshot().received;
    assert!(sampled > MIB, "{sampled}");
    run.tell(Event::Finished(downloaded(1, "a.bin", 10 * MIB)));
    assert_eq!(run.snapshot().received, 10 * MIB);
}

#[test]
fn bytes_of_a_try_that_starts_over_stay_received() {
    let mut run = Run::new();
    run.listed(1, true);
    let meter = run.start(1, "a.bin", Some(1000));
    meter.add(600);
    run.pass(1, &[]);
    meter.restart(0, Some(1000));
    meter.add(100);
    run.pass(1, &[]);
    let now = run.snapshot();
    assert_eq!(now.received, 700);
    assert_eq!(now.expected, Expected::Exactly(1600), "900 are still to come");
    assert_eq!(now.files[0].received, 100);
}

#[test]
fn sizes_nobody_knows_yet_are_taken_for_the_mean_of_the_known() {
    let mut run = Run::new();
    run.listed(4, false);
    assert_eq!(run.snapshot().expected, Expected::Unknown);
    let a = run.start(1, "a.bin", Some(10 * MIB));
    run.start(2, "b.bin", Some(20 * MIB));
    run.pass(5, &[(&a, MIB)]);
    assert_eq!(
        run.snapshot().expected,
        Expected::Unknown,
        "the list is still being read"
    );
    assert_eq!(run.snapshot().eta, None);
    run.listed(4, true);
    assert_eq!(run.snapshot().expected, Expected::About(60 * MIB));
    run.start(3, "c.bin", None);
    assert_eq!(run.snapshot().expected, Expected::About(60 * MIB));
    run.start(4, "d.bin", Some(MIB));
    run.tell(Event::Finished(failed(3, "c.bin", 1, status(404))));
    assert_eq!(run.snapshot().expected, Expected::Exactly(31 * MIB));
    let eta = run.snapshot().eta.map(|eta| eta.as_secs());
    assert_eq!(eta, Some(26), "26 MiB at 1 MiB/s");
}

#[test]
fn nothing_is_expected_when_no_size_is_known() {
    let mut run = Run::new();
    run.listed(2, true);
    let meter = run.start(1, "a.bin", None);
    run.pass(2, &[(&meter, MIB)]);
    let now = run.snapshot();
    assert_eq!((now.expected, now.eta), (Expected::Unknown, None));
    assert_eq!((now.files[0].size, now.files[0].eta), (None, None));
}

fn names(run: &mut Run) -> Vec<String> {
    run.board.sample(run.now);
    run.snapshot().files.into_iter().map(|file| file.name).collect()
}

fn retry(run: &mut Run, id: u64, seconds: u64) {
    run.tell(Event::Retrying {
        id: JobId(id),
        url: url("x.bin"),
        attempt: 1,
        why: "503 Service Unavailable".into(),
        error: std::sync::Arc::new(status(503)),
        answered: None,
        wait: Duration::from_secs(seconds),
    });
}

#[test]
fn the_oldest_have_a_line_and_keep_it_until_they_end() {
    let mut run = Run::new();
    for id in [30, 10, 20, 40, 50, 60, 70, 80, 92, 91] {
        run.start(id, &id.to_string(), None);
    }
    assert_eq!(names(&mut run), ["30", "10", "20", "40", "50", "60", "70", "80"]);
    run.tell(Event::Finished(downloaded(10, "10", 5)));
    assert_eq!(names(&mut run), ["30", "92", "20", "40", "50", "60", "70", "80"]);
    run.tell(Event::Finished(downloaded(30, "30", 5)));
    run.tell(Event::Finished(downloaded(92, "92", 5)));
    assert_eq!(names(&mut run), ["91", "20", "40", "50", "60", "70", "80"]);
    run.start(1, "1", None);
    assert_eq!(names(&mut run), ["91", "20", "40", "50", "60", "70", "80", "1"]);
}

#[test]
fn a_file_that_waits_makes_room_for_one_that_does_not() {
    let mut run = Run::new();
    for id in 1..=8 {
        run.start(id, &id.to_string(), None);
    }
    names(&mut run);
    retry(&mut run, 3, 4);
    assert_eq!(names(&mut run), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    run.pass(1, &[]);
    let now = run.snapshot();
    assert_eq!((now.active, now.waiting), (7, 1));
    assert_eq!(now.files[2].waits.as_ref().map(|(wait, _)| wait.as_secs()), Some(3));
    run.start(9, "9", None);
    assert_eq!(names(&mut run), ["1", "2", "9", "4", "5", "6", "7", "8"]);
    run.tell(started(3, "3", &Arc::new(Meter::default())));
    run.tell(Event::Finished(downloaded(8, "8", 5)));
    assert_eq!(names(&mut run), ["1", "2", "9", "4", "5", "6", "7", "3"]);
    assert_eq!(run.snapshot().waiting, 0);
}

#[test]
fn a_host_is_held_until_its_time_is_over() {
    let mut run = Run::new();
    let host = url("x").host();
    let pause = |seconds| Event::Paused {
        host: host.clone(),
        wait: Duration::from_secs(seconds),
        why: "429 Too Many Requests".into(),
    };
    run.tell(pause(2));
    run.tell(pause(5));
    run.pass(3, &[]);
    let held = run.snapshot().held;
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].host.as_str(), held[0].left.as_secs()), ("example.org", 2));
    run.pass(2, &[]);
    assert!(run.snapshot().held.is_empty());
    assert!(run.board.held.is_empty());
}

#[test]
fn a_file_that_waited_has_the_speed_of_its_new_try() {
    let mut run = Run::new();
    let meter = run.start(1, "a.bin", Some(100 * MIB));
    run.pass(3, &[(&meter, 2 * MIB)]);
    run.pass(2, &[]);
    run.tell(started(1, "a.bin", &meter));
    run.pass(1, &[(&meter, 5 * MIB)]);
    let speed = run.snapshot().files[0].speed.unwrap();
    assert!((speed / 1_048_576.0 - 5.0).abs() < 0.1, "{speed}");
}
