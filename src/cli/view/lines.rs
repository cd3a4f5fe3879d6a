//! What is said of an event, in one line, or nothing; and the line that stands for bars where there can be none.

use super::Verbosity;
use super::frame::{Room, files};
use super::snapshot::Snapshot;
use super::text::{Line, Tint, clip, clip_middle, left, width};
use crate::error::{Kind, TransferError};
use crate::event::Event;
use crate::report::{self, Outcome, Row, Source};
use crate::tame::tame;

/// How lines are worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Above a block: short, cut to the room.
    Block(Room),
    /// Anywhere else: whole, each with the program's name.
    Plain {
        /// Colours were asked for.
        colour: bool,
    },
}

impl Voice {
    pub(super) fn say(self, line: Line) -> String {
        match self {
            Self::Block(room) => line.show(room.line(), room.colour),
            Self::Plain { colour } => line.after("haul: ").show(usize::MAX, colour),
        }
    }
}

/// What to say of this event, if anything.
pub(super) fn said(event: &Event, verbosity: Verbosity, voice: Voice) -> Option<String> {
    let line = match event {
        Event::Finished(row) => ended(row, verbosity, voice),
        Event::Warning(text) if verbosity > Verbosity::Quiet => Some(warning(text)),
        Event::Retrying { url, why, wait, .. } if verbosity == Verbosity::Verbose => {
            Some(retry(&url.to_string(), &tame(why), &left(Some(*wait)), voice))
        }
        Event::Paused { host, wait, why } if verbosity == Verbosity::Verbose => {
            let rest = format!(
                "{} waits {} ({})",
                tame(&host.to_string()),
                left(Some(*wait)),
                tame(why)
            );
            Some(Line::default().plain(rest))
        }
        _ => None,
    };
    line.map(|line| voice.say(line))
}

fn ended(row: &Row, verbosity: Verbosity, voice: Voice) -> Option<Line> {
    match &row.outcome {
        // They end with the run, and the summary counts them.
        Outcome::Failed(error) if error.kind() == Kind::Cancelled => None,
        Outcome::Failed(error) => Some(failed(row, error, voice)),
        _ if verbosity < Verbosity::Verbose => None,
        Outcome::Downloaded | Outcome::Resumed => Some(done(row, "done  ")),
        Outcome::Updated => Some(done(row, "new   ")),
        Outcome::AlreadyThere => Some(there(row, "already there")),
        Outcome::Unchanged => Some(there(row, "unchanged")),
        Outcome::Duplicate => Some(there(row, "stands in the list twice")),
    }
}

fn warning(text: &str) -> Line {
    Line::default()
        .with(Tint::Strong, "warning:")
        .plain(format!(" {}", tame(text)))
}

fn retry(url: &str, why: &str, wait: &str, voice: Voice) -> Line {
    let line = Line::default().with(Tint::Faint, "retry ");
    match voice {
        Voice::Plain { .. } => line.plain(format!("in {wait}: {why}: {url}")),
        Voice::Block(room) => {
            let rest = format!("  {why}, again in {wait}");
            let free = room.line().saturating_sub(line.width() + width(&rest)).max(12);
            line.plain(clip_middle(url, free)).plain(rest)
        }
    }
}

fn failed(row: &Row, error: &TransferError, voice: Voice) -> Line {
    let reason = tame(&error.to_string()).into_owned() + &tries(row.tries);
    let line = Line::default().with(Tint::Bad, "failed");
    match voice {
        Voice::Plain { .. } => line.plain(format!(" {}: {}", row.place, of(row, &reason))),
        Voice::Block(room) => {
            let free = room.line().saturating_sub(9 + width(&reason)).max(12);
            line.plain(format!(" {}  {reason}", clip(&name(row), free)))
        }
    }
}

/// A text, and what to show of the entry: of a list that cannot be read there is nothing.
pub(crate) fn of(row: &Row, text: &str) -> String {
    match row.shown() {
        shown if shown.is_empty() => text.to_owned(),
        shown => format!("{text}: {shown}"),
    }
}

fn tries(tries: u32) -> String {
    if tries > 1 {
        format!(" ({tries} tries)")
    } else {
        String::new()
    }
}

fn done(row: &Row, word: &str) -> Line {
    let speed = report::per_second(row.received, row.busy);
    let (size, time) = (report::size(row.size), report::seconds(row.elapsed));
    let rest = format!("{}  {size}  {time}  {}", name(row), report::speed(speed));
    Line::default().with(Tint::Good, word).plain(" ").plain(rest)
}

fn there(row: &Row, word: &str) -> Line {
    let line = Line::default().with(Tint::Faint, "there ");
    line.plain(format!(" {}  {word}", name(row)))
}

/// The file's path, or the entry's place and text when it never got one.
fn name(row: &Row) -> String {
    match (&row.path, &row.source) {
        (Some(path), _) => tame(&path.to_string_lossy()).into_owned(),
        (None, Source::Line(_)) => of(row, &row.place.to_string()),
        (None, Source::Job(_)) => row.shown(),
    }
}

/// How far the run is: `12/40 files  13.2 MiB  3.1 MiB/s  2 failed  (10 s)`.
pub(super) fn progress(now: &Snapshot, voice: Voice) -> String {
    let speed = now.speed.map_or("--".into(), report::speed);
    let line = format!("{}  {}  {speed}", files(now, true), report::size(now.received));
    let mut line = Line::default().plain(line);
    if now.failed > 0 {
        line = line.plain("  ").with(Tint::Bad, format!("{} failed", now.failed));
    }
    for held in now.held.iter().take(1) {
        line = line.plain(format!(
            "  {} waits {} ({})",
            held.host,
            left(Some(held.left)),
            held.why
        ));
    }
    voice.say(line.plain(format!("  ({})", elapsed(now.elapsed.as_secs()))))
}

fn elapsed(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
