//! What a person sees of a run. A thread of its own reads the events and draws: a terminal that does not take what is
//! written holds up this thread, then, once the channel is full, the run; memory it never costs.
//!
//! What is shown is made by pure functions: events make a board, a board a snapshot (`board`), a snapshot lines (`frame`,
//! `lines`), a summary text ([`summary()`]). Two things draw: `out`, and on a terminal `bars`, over indicatif over `screen`.

mod bars;
mod board;
mod choose;
mod frame;
pub(crate) mod lines;
mod pace;
mod paint;
mod screen;
mod snapshot;
mod summary;
mod taskbar;
mod text;

#[cfg(test)]
mod fixture;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use self::bars::{Bars, Size};
use self::board::Board;
pub(crate) use self::choose::{ColorChoice, ProgressChoice, Surroundings, choose};
use self::lines::{Voice, progress, said};
pub(crate) use self::summary::{Again, Listed, Style, summary};
use self::text::Line;
use super::out;
use super::signals::Returns;
use crate::error::TransferError;
use crate::event::Event;
use crate::report::Summary;

/// How often the block is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How long events gather before they are told.
const REST: Duration = Duration::from_millis(10);
/// Bytes of lines that are written together.
const GATHERED: usize = 16 * 1024;
/// How often a line tells how far the run is.
const LINE: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A block on the terminal.
    Bars,
    /// A line from time to time.
    Plain,
    /// Not at all.
    None,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Verbosity {
    /// Failures.
    Quiet,
    /// Failures and warnings, progress, the summary.
    #[default]
    Normal,
    /// Also every finished file, retries and hosts on hold.
    Verbose,
}

/// What a person asked to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewOptions {
    /// How progress is shown.
    pub(crate) progress: Progress,
    /// How much is told.
    pub(crate) verbosity: Verbosity,
    /// With colours.
    pub(crate) colour: bool,
    /// Connections at once: there are never more file lines than that.
    pub(crate) jobs: usize,
}

/// A run being shown, on a thread of its own.
#[derive(Debug)]
#[must_use = "the thread has to be waited for, or its last lines are lost"]
pub(crate) struct Viewer {
    thread: thread::JoinHandle<()>,
    leave: CancellationToken,
    hurry: CancellationToken,
    ended: std::sync::mpsc::Receiver<()>,
    /// The same, for who does not block.
    over: CancellationToken,
}

impl Viewer {
    /// Waits until all events are told, that is until every sender is gone; the terminal is as it was then.
    pub(crate) fn finish(self) {
        self.hurry.cancel();
        // A panic has told of itself already.
        let _ = self.thread.join();
    }

    /// Waits for the same, without the thread.
    pub(crate) fn ended(&self) -> WaitForCancellationFutureOwned {
        self.hurry.cancel();
        self.over.clone().cancelled_owned()
    }

    /// Gives the terminal back now, whatever events there still are: for an end at once. A terminal that takes nothing
    /// is waited for no longer than `patience`.
    pub(crate) fn leave(&self, patience: Duration) {
        self.leave.cancel();
        let _ = self.ended.recv_timeout(patience);
    }
}

/// Shows a run from its events, on a thread of its own. Runs inside a tokio runtime, which hears the signals.
pub(crate) fn spawn(receiver: mpsc::Receiver<Event>, options: ViewOptions) -> io::Result<Viewer> {
    let [leave, hurry, over] = std::array::from_fn(|_| CancellationToken::new());
    let (told, ended) = std::sync::mpsc::channel();
    let (asked, is_over) = ((leave.clone(), hurry.clone()), over.clone().drop_guard());
    // Only a block cares.
    let returns = match options.progress {
        Progress::Bars => Returns::listen(),
        Progress::Plain | Progress::None => Returns::never(),
    };
    let thread = thread::Builder::new().name("view".into()).spawn(move || {
        let _told = (told, is_over);
        show(receiver, options, asked, returns);
    })?;
    Ok(Viewer {
        thread,
        leave,
        hurry,
        ended,
        over,
    })
}

fn show(
    mut receiver: mpsc::Receiver<Event>,
    options: ViewOptions,
    asked: (CancellationToken, CancellationToken),
    returns: Returns,
) {
    let mut view = View::new(options, Instant::now());
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() {
        return runtime.block_on(watch(receiver, view, asked, returns));
    }
    // Without a clock there is no progress to show, but every failure is told.
    while let Some(event) = receiver.blocking_recv() {
        view.tell(&event, Instant::now());
        view.write();
    }
    view.end();
}

/// Tells of events until there are no more, or until somebody asks to leave.
async fn watch(
    mut receiver: mpsc::Receiver<Event>,
    mut view: View,
    (leave, hurry): (CancellationToken, CancellationToken),
    mut returns: Returns,
) {
    let period = view.period();
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = leave.cancelled() => break,
            () = returns.next() => view.begin_anew(),
            at = ticks.tick() => {
                // After a stop it is late, and the signal that ended that may come a little later still.
                if at.elapsed() > FRAME && timeout(REST, returns.next()).await.is_ok() {
                    view.begin_anew();
                }
                view.tick(at.into_std());
            }
            event = receiver.recv() => match event {
                Some(event) => {
                    view.tell_all(event, &mut receiver);
                    // Woken for each event, this thread would cost the run more than the events do.
                    let _ = timeout(REST, hurry.cancelled()).await;
                }
                None => break,
            },
        }
    }
    view.end();
}

/// Prints what is to be said after a run; with [`Verbosity::Quiet`] nothing, for the failures were told.
pub(crate) fn conclude(run: &Summary, options: &ViewOptions, again: Again, failed_list: &Listed) {
    use std::io::IsTerminal as _;
    if options.verbosity == Verbosity::Quiet {
        return;
    }
    let terminal = options.progress != Progress::Plain && io::stderr().is_terminal();
    let style = Style {
        columns: terminal.then(|| Size::of_stderr().columns),
        colour: options.colour,
        again,
        failed_list,
    };
    out::raw(&summary(run, &style));
}

/// Columns of the terminal at stderr; elsewhere, as many as people write in a line.
pub(crate) fn columns() -> usize {
    use std::io::IsTerminal as _;
    if std::io::stderr().is_terminal() {
        Size::of_stderr().columns
    } else {
        100
    }
}

/// Of the entries that fail with their host, which is told once, the first ones are named.
const ALIKE: usize = 11;
/// Instead of the others.
const ENOUGH: &str =
    "more entries of hosts that are given up fail, and are counted (-v, --json and --failed name each)";

/// Does it fail only because its host is given up?
fn is_one_of_many(event: &Event) -> bool {
    let Event::Finished(row) = event else { return false };
    let is_of_its_host = |error: &Arc<TransferError>| matches!(**error, TransferError::HostDown { .. });
    row.error().is_some_and(is_of_its_host)
}

/// The board, and where it is shown.
struct View {
    board: Board,
    face: Face,
    verbosity: Verbosity,
    colour: bool,
    /// Lines that were said and are not written yet.
    unwritten: String,
    /// Entries that were told to have failed with their host.
    alike: usize,
}

enum Face {
    Bars(Box<Bars>),
    Lines,
    Silence,
}

impl View {
    fn new(options: ViewOptions, now: Instant) -> Self {
        let face = match (options.verbosity, options.progress) {
            (Verbosity::Quiet, _) | (_, Progress::None) => Face::Silence,
            (_, Progress::Plain) => Face::Lines,
            (_, Progress::Bars) => Face::Bars(Box::new(Bars::on_stderr(options.jobs, options.colour))),
        };
        Self {
            board: Board::new(now),
            face,
            verbosity: options.verbosity,
            colour: options.colour,
            unwritten: String::new(),
            alike: 0,
        }
    }

    fn period(&self) -> Duration {
        if matches!(self.face, Face::Bars(_)) {
            FRAME
        } else {
            LINE
        }
    }

    fn begin_anew(&self) {
        if let Face::Bars(bars) = &self.face {
            bars.begin_anew();
        }
    }

    fn voice(&self) -> Voice {
        match &self.face {
            Face::Bars(bars) => Voice::Block(bars.room()),
            _ => Voice::Plain { colour: self.colour },
        }
    }

    /// Tells of an event and of all that have come since.
    fn tell_all(&mut self, first: Event, receiver: &mut mpsc::Receiver<Event>) {
        let mut next = Some(first);
        while let Some(event) = next {
            self.tell(&event, tokio::time::Instant::now().into_std());
            next = receiver.try_recv().ok();
        }
        self.write();
    }

    fn tell(&mut self, event: &Event, now: Instant) {
        self.board.apply(event, now);
        let Some(mut line) = said(event, self.verbosity, self.voice()) else {
            return;
        };
        if is_one_of_many(event) && self.verbosity < Verbosity::Verbose {
            self.alike += 1;
            match self.alike {
                ALIKE => line = self.voice().say(Line::default().plain(ENOUGH)),
                more if more > ALIKE => return,
                _ => {}
            }
        }
        if let Face::Bars(bars) = &mut self.face {
            bars.say(line);
            return;
        }
        self.unwritten.push_str(&line);
        self.unwritten.push('\n');
        if self.unwritten.len() >= GATHERED {
            self.write();
        }
    }

    /// Writes what was said: in one go, for a call for each line costs more than the line.
    fn write(&mut self) {
        if !self.unwritten.is_empty() {
            out::raw(&self.unwritten);
            self.unwritten.clear();
        }
    }

    fn tick(&mut self, now: Instant) {
        self.board.sample(now);
        let voice = self.voice();
        match &mut self.face {
            Face::Bars(bars) => bars.draw(&self.board.snapshot(now)),
            Face::Lines => drop(out::line(&progress(&self.board.snapshot(now), voice))),
            Face::Silence => {}
        }
    }

    fn end(&mut self) {
        self.write();
        if let Face::Bars(bars) = &mut self.face {
            bars.end();
        }
    }
}

#[cfg(test)]
#[path = "view/view_tests.rs"]
mod tests;
