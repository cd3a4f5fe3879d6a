//! What a comparison shows: a view and a line for each run, the table and the bars at the end.

mod table;
mod text;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::compare::{Comparison, Level, Observer, Plan, Round, Run, Turn};
use crate::event::Events;
use crate::report::{size, speed};

use table::table;
pub(crate) use text::wrap;
use text::{Paint, counted, time};

/// Columns of the longest bar.
const BAR: usize = 40;
/// With less than this for its bar, a note goes below it.
const SHORT_BAR: usize = 20;

/// The usual view, for one run.
pub(crate) struct View {
    /// Where the run's events go.
    pub(crate) events: Events,
    /// Waits until the view has shown the last of them and left the screen. May block.
    pub(crate) finish: Box<dyn FnOnce() + Send>,
}

/// Opens a view for each run and says one line when it has ended.
pub(crate) struct Views<O, S> {
    runs: usize,
    open: O,
    say: S,
    finish: Option<Box<dyn FnOnce() + Send>>,
}

impl<O, S> Views<O, S>
where
    O: FnMut(&Round) -> View,
    S: FnMut(&str),
{
    /// `open` makes the view of a run, `say` shows a line when no view is open.
    pub(crate) fn new(plan: &Plan, open: O, say: S) -> Self {
        Self {
            runs: plan.runs.get(),
            open,
            say,
            finish: None,
        }
    }
}

impl<O, S> Observer for Views<O, S>
where
    O: FnMut(&Round) -> View,
    S: FnMut(&str),
{
    fn begin(&mut self, round: &Round) -> Events {
        let View { events, finish } = (self.open)(round);
        self.finish = Some(finish);
        events
    }

    async fn end(&mut self, round: &Round, _dir: &Path, run: &Run) {
        if let Some(finish) = self.finish.take() {
            // A view that panicked has said so itself.
            let _ = tokio::task::spawn_blocking(finish).await;
        }
        (self.say)(&progress(round, self.runs, run));
    }
}

/// One run in a line: `16 jobs (run 2 of 3): 13.2 s, 2.20 MiB/s, 1 failed`.
fn progress(round: &Round, runs: usize, run: &Run) -> String {
    let summary = &run.summary;
    let turn = match round.turn {
        Turn::Warmup(number) => format!(" (warm-up {number})"),
        Turn::Measured(number) if runs > 1 => format!(" (run {number} of {runs})"),
        Turn::Measured(_) => String::new(),
    };
    let mut line = format!("{}{turn}: ", counted(round.jobs.get() as u64, "job"));
    let _ = write!(line, "{}, {}", time(summary.wall), speed(summary.speed()));
    // What was under way when a run was stopped did not fail by itself.
    let failed = summary.failed - summary.cancelled;
    if failed > 0 {
        let _ = write!(line, ", {failed} failed");
    }
    if summary.stopped {
        line.push_str(", stopped: it does not count");
    }
    line
}

/// The whole comparison, for a screen of so many columns. Every line ends with a line feed.
pub(crate) fn render(comparison: &Comparison, columns: usize, colour: bool) -> String {
    let paint = Paint(colour);
    let mut text = String::new();
    if comparison.best().is_some() {
        let _ = writeln!(text, "{}\n", wrap(&heading(comparison), columns));
        text.push_str(&table(comparison, columns, paint));
        text.push('\n');
        text.push_str(&bars(comparison, columns, paint));
    }
    for (number, warning) in warnings(comparison).iter().enumerate() {
        let gap = if number == 0 && !text.is_empty() { "\n" } else { "" };
        let warning = wrap(&format!("warning: {warning}"), columns);
        let _ = writeln!(
            text,
            "{gap}{}",
            warning.replacen("warning:", &paint.yellow("warning:"), 1)
        );
    }
    text
}

fn heading(comparison: &Comparison) -> String {
    let levels: Vec<_> = comparison.levels.iter().map(|level| level.jobs.to_string()).collect();
    let first = comparison.levels.iter().find_map(|level| level.runs.first());
    let (files, bytes) = first.map_or((0, 0), |run| {
        let summary = &run.summary;
        (summary.files(), summary.received)
    });
    let jobs = if levels == ["1"] { "job" } else { "jobs" };
    format!(
        "Comparing {}, {}, in fresh folders: {} {jobs}",
        counted(files, "file"),
        size(bytes),
        levels.join(", ")
    )
}

/// A bar for each level that was measured, and a note at the best one.
fn bars(comparison: &Comparison, columns: usize, paint: Paint) -> String {
    let walls: Vec<_> = comparison.levels.iter().filter_map(mean).collect();
    let longest = walls.iter().max().copied().unwrap_or_default();
    let time_width = walls.iter().map(|wall| time(*wall).len()).max().unwrap_or(0);
    let (best, note) = match comparison.bound() {
        Some((best, bound)) => (Some(best), bound.to_string()),
        None => (comparison.best(), String::new()),
    };
    let room = columns.saturating_sub("1234    ".len() + time_width);
    let beside = room.saturating_sub("   ".len() + note.chars().count());
    let is_beside = beside >= SHORT_BAR;
    let width = if is_beside { beside } else { room }.min(BAR);

    let mut text = String::new();
    for (index, level) in comparison.levels.iter().enumerate() {
        let Some(wall) = mean(level) else { continue };
        let bar = format!("{:width$}", bar(wall, longest, width));
        let (bar, note) = match best == Some(index) {
            true if is_beside => (paint.green(&bar), format!("   {note}")),
            true => (paint.green(&bar), below(&note, columns)),
            false => (bar, String::new()),
        };
        let line = format!("{:>4}  {bar}  {:>time_width$}{note}", level.jobs, time(wall));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn below(note: &str, columns: usize) -> String {
    let indent = "\n      ";
    let note = wrap(note, columns.saturating_sub(indent.len() - 1));
    format!("{indent}{}", note.replace('\n', indent))
}

fn mean(level: &Level) -> Option<Duration> {
    Some(level.wall()?.mean)
}

fn bar(wall: Duration, longest: Duration, width: usize) -> String {
    let longest = longest.as_micros().max(1);
    let length = (wall.as_micros() * width as u128 + longest / 2) / longest;
    "█".repeat(usize::try_from(length).unwrap_or(width).clamp(1, width.max(1)))
}

fn warnings(comparison: &Comparison) -> Vec<String> {
    let mut warnings = Vec::new();
    if comparison.stopped {
        let levels = &comparison.levels;
        let done = levels.iter().filter(|level| !level.runs.is_empty()).count();
        let levels = counted(levels.len() as u64, "level");
        warnings.push(format!("stopped before its end: {done} of {levels} measured"));
    }
    if !comparison.fails_alike() {
        warnings.push("not the same entries failed in every run, so the levels did not do the same work".into());
    }
    let mut runs = comparison.levels.iter().flat_map(|level| &level.runs);
    if runs.any(|run| run.summary.total == 0) {
        warnings.push("the list is empty".into());
    }
    warnings
}

#[cfg(test)]
mod tests;
