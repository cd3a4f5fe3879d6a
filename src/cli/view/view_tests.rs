use super::*;
use crate::cli::view::fixture::downloaded;
use crate::event::Events;

fn options(progress: Progress) -> ViewOptions {
    ViewOptions {
        progress,
        verbosity: Verbosity::Normal,
        colour: false,
        jobs: 4,
    }
}

#[tokio::test]
async fn the_view_ends_when_the_last_sender_is_gone() {
    let (events, receiver) = Events::channel();
    let viewer = spawn(receiver, options(Progress::None)).unwrap();
    events.send(|| Event::Finished(downloaded(1, "a.bin", 10))).await;
    drop(events);
    viewer.finish();
}

#[tokio::test]
async fn the_view_can_be_left_while_the_run_goes_on() {
    let (events, receiver) = Events::channel();
    let viewer = spawn(receiver, options(Progress::Plain)).unwrap();
    viewer.leave(Duration::from_secs(10));
    viewer.finish();
    // A reader that went away is no error.
    events.send(|| Event::Warning("nobody hears this".into())).await;
}

#[test]
fn quiet_is_silent_whatever_progress_was_asked_for() {
    let quiet = ViewOptions {
        verbosity: Verbosity::Quiet,
        ..options(Progress::Bars)
    };
    assert!(matches!(View::new(quiet, Instant::now()).face, Face::Silence));
    assert_eq!(View::new(options(Progress::Plain), Instant::now()).period(), LINE);
}
