use std::sync::{Arc, Mutex};

use super::*;
use crate::cli::view::fixture::{MIB, Run, downloaded};
use crate::event::{Event, Meter};

/// Bars, and all that they send to a terminal of 100 by 24.
fn bars(jobs: usize) -> (Bars, Arc<Mutex<String>>) {
    let sent = Arc::new(Mutex::new(String::new()));
    let terminal = Arc::clone(&sent);
    let sink = move |text: &str| {
        terminal.lock().unwrap().push_str(text);
        true
    };
    let size = || Size { columns: 100, rows: 24 };
    (Bars::new(jobs, true, Box::new(sink), Box::new(size)), sent)
}

#[test]
fn a_thousand_files_cost_little_and_leave_nothing_but_messages() {
    let (mut bars, sent) = bars(16);
    let mut run = Run::new();
    run.listed(1000, true);
    let mut active: Vec<(u64, Arc<Meter>)> = Vec::new();
    // Five files end in each of 200 drawings.
    for tick in 0..200 {
        let begun = tick * 5 + active.len() as u64;
        for id in begun + 1..=(tick * 5 + 16).min(1000) {
            active.push((id, run.start(id, &format!("{id:04}-data.csv.gz"), Some(MIB))));
        }
        run.now += std::time::Duration::from_millis(100);
        for (_, meter) in &active {
            meter.add(MIB / 4);
        }
        run.board.sample(run.now);
        bars.draw(&run.snapshot());
        let ended = active.len().min(5);
        for (id, _) in active.drain(..ended) {
            run.tell(Event::Finished(downloaded(id, "x", MIB)));
        }
    }
    bars.say("failed something".into());
    bars.end();
    let sent = sent.lock().unwrap();
    assert!(sent.len() < 150_000, "{} bytes", sent.len());
    assert!(!sent.contains("\x1b[?"), "no mode of the terminal is touched");
    let (_, end) = sent.rsplit_once("failed something").unwrap();
    assert!(end.ends_with("\x1b[J\x1b8"), "the block is cleared: {end:?}");
}

#[test]
fn a_message_stays_when_the_block_goes() {
    let (mut bars, sent) = bars(2);
    let mut run = Run::new();
    run.listed(2, true);
    run.start(1, "a.bin", Some(MIB));
    run.board.sample(run.now);
    bars.draw(&run.snapshot());
    bars.say("failed b.bin".into());
    bars.draw(&run.snapshot());
    let before = sent.lock().unwrap().len();
    bars.end();
    let sent = sent.lock().unwrap();
    assert_eq!(sent.matches("failed b.bin").count(), 1);
    // The block is two lines high: the message in the third line from below is not touched.
    assert_eq!(&sent[before..], "\x1b[1A\r\x1b[K\x1b7\x1b[B\x1b[J\x1b8");
}

#[test]
fn a_message_from_before_the_first_drawing_stays_when_the_block_comes() {
    let (mut bars, sent) = bars(2);
    let mut run = Run::new();
    run.listed(2, true);
    bars.say("failed line 1".into());
    bars.flush();
    run.start(2, "a.bin", Some(MIB));
    run.board.sample(run.now);
    bars.draw(&run.snapshot());
    let sent = sent.lock().unwrap();
    let (_, block) = sent.split_once("failed line 1").unwrap();
    let before = block.split_once(" a.bin").unwrap().0;
    assert!(
        before.contains('\n'),
        "the block begins in a line of its own: {before:?}"
    );
}

#[test]
fn the_block_keeps_its_height_for_a_second() {
    let (mut bars, _) = bars(8);
    let lines = |n: usize| vec!["x".to_owned(); n];
    assert_eq!(bars.steady(lines(5)).len(), 5);
    for _ in 0..9 {
        assert_eq!(bars.steady(lines(3)).len(), 5);
    }
    assert_eq!(bars.steady(lines(3)).len(), 3);
    assert_eq!(bars.steady(lines(2))[0], "");
}

#[test]
fn some_terminals_cut_what_others_fold() {
    for (vars, folds) in [
        (&[("TERM", "xterm-256color")][..], true),
        (&[("TERM", "linux")], false),
        (&[("TERM", "screen")], false),
        (&[("TERM", "screen-256color"), ("TMUX", "/tmp/x")], true),
        (&[("TERM", "xterm"), ("XTERM_VERSION", "XTerm(390)")], false),
    ] {
        let var = |name: &str| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(reflows(var), folds, "{vars:?}");
    }
}

#[test]
fn the_tab_is_cleared_at_the_end_and_before_a_panic_and_costs_little() {
    for is_panic in [false, true] {
        let (mut bars, sent) = bars(2);
        bars.taskbar = Some(Taskbar::default());
        let panic = bars.screen.closer();
        let mut run = Run::new();
        run.listed(1, true);
        let meter = run.start(1, "a.bin", Some(100 * MIB));
        for _ in 0..100 {
            run.pass(1, &[(&meter, MIB)]);
            bars.draw(&run.snapshot());
        }
        if is_panic {
            panic();
        } else {
            bars.end();
        }
        let sent = sent.lock().unwrap();
        let codes: Vec<_> = sent.match_indices("\x1b]9;4;").collect();
        assert!((90..=101).contains(&codes.len()), "{}", codes.len());
        assert!(sent.ends_with("\x1b]9;4;0;\x1b\\"), "{is_panic}");
        drop(sent);
        bars.end();
    }
    let (mut bars, sent) = bars(2);
    let mut run = Run::new();
    run.listed(1, true);
    bars.draw(&run.snapshot());
    bars.end();
    assert!(!sent.lock().unwrap().contains("\x1b]"), "elsewhere nothing is sent");
}
