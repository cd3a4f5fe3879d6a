//! What is said when a run has ended: a pure function of its summary.

use std::fmt::Write as _;

use super::text::{Line, Tint, clip_middle, count, fit, width};
use crate::cli::failed::Holds;
use crate::error::{Kind, TransferError};
use crate::report::{self, Group, Row, Summary};

/// Groups that get a line.
const SHOWN_GROUPS: usize = 10;
/// A reason takes at most this many columns of a table.
const WIDEST_REASON: usize = 60;
/// With less room than this a URL says too little.
const SHORTEST_URL: usize = 32;

/// How a summary is worded, and what is known beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style<'a> {
    /// The terminal's width; `None` where no terminal is: one line, and each failure in a line of its own.
    pub(crate) columns: Option<usize>,
    /// With colours.
    pub(crate) colour: bool,
    /// What the same command would do.
    pub(crate) again: Again,
    /// What became of the list that `--failed` asks for.
    pub(crate) failed_list: &'a Listed,
}

/// What the same command does when it is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It fetches what is missing.
    Missing,
    /// It fetches everything anew.
    Anew,
    /// It fails what is there.
    Refused,
    /// Nobody knows: its list came through a pipe.
    Unknown,
}

/// What became of the list of what failed.
#[derive(Debug)]
pub(crate) enum Listed {
    /// Nobody asked for one.
    Unasked,
    /// It is written, to this file, as that may be shown.
    Written(String, Holds),
    /// This file is the list that was read, and more is missing than what was read of it: it is left alone.
    Kept(String),
    /// It could not be written, which was said.
    Lost,
}

/// The summary as text of whole lines. Nothing for an empty list: there the warning says it all.
pub(crate) fn summary(run: &Summary, style: &Style) -> String {
    if run.total == 0 && !run.stopped {
        return String::new();
    }
    let lines = match style.columns {
        Some(columns) => for_terminal(run, style, columns.saturating_sub(1)),
        None => for_logs(run, style),
    };
    lines.concat()
}

fn for_terminal(run: &Summary, style: &Style, room: usize) -> Vec<String> {
    let mut lines = headline(run, room);
    let rows = table(run, room);
    if !rows.is_empty() {
        let title = format!("failed ({})", count(real_failures(run)));
        lines.push(Line::default());
        lines.push(Line::default().with(Tint::Bad, title));
        lines.extend(rows);
    }
    lines.extend(closing(run, style).into_iter().map(|text| Line::default().plain(text)));
    let show = |line: Line| line.show(room, style.colour) + "\n";
    lines.into_iter().map(show).collect()
}

fn for_logs(run: &Summary, style: &Style) -> Vec<String> {
    let mut lines = table(run, usize::MAX);
    if !lines.is_empty() {
        let title = format!("failed ({})", count(real_failures(run)));
        lines.insert(0, Line::default().plain(title));
    }
    lines.extend(closing(run, style).into_iter().map(|text| Line::default().plain(text)));
    lines.push(Line::default().plain(verdict(run)));
    let show = |line: Line| line.after("haul: ").show(usize::MAX, style.colour) + "\n";
    lines.into_iter().map(show).collect()
}

/// The run in one line: `finished 36 of 40 files in 18.1 s, 29.4 MiB, …`.
fn verdict(run: &Summary) -> String {
    let word = if run.stopped { "stopped:" } else { "finished" };
    let mut parts = vec![format!("{word} {}", result(run))];
    parts.extend(bytes(run));
    parts.extend(counts(run).into_iter().skip(1).map(|(_, text)| text));
    if run.total > 1 && !run.task_time.is_zero() {
        parts.push(format!("{:.1} transfers at once on average", run.parallelism()));
    }
    parts.join(", ")
}

/// `36 of 40 files in 18.1 s`
fn result(run: &Summary) -> String {
    let (files, done) = (run.files(), count(run.arrived()));
    let word = if files == 1 { "file" } else { "files" };
    format!("{done} of {} {word} in {}", count(files), report::seconds(run.wall))
}

/// Size and speed, if anything came.
fn bytes(run: &Summary) -> Vec<String> {
    match run.received {
        0 => Vec::new(),
        bytes => vec![report::size(bytes), report::speed(run.speed())],
    }
}

fn headline(run: &Summary, room: usize) -> Vec<Line> {
    let (word, tint) = match run.stopped {
        true => ("Stopped: ", Tint::Bad),
        false if run.failed == 0 => ("Finished ", Tint::Good),
        false => ("Finished ", Tint::Strong),
    };
    let before = if room >= 70 { "    " } else { "" };
    let first = std::iter::once(result(run)).chain(bytes(run));
    let pieces = first.map(|text| (Tint::Plain, text)).collect();
    let start = Line::default().plain(before).with(tint, word);
    let mut indent = start.width();
    let mut lines = flow(start, indent, pieces, room);
    if room < 70 {
        indent = 2;
    }
    let counts: Vec<_> = counts(run)
        .into_iter()
        .filter(|(_, text)| !text.starts_with("0 "))
        .collect();
    if !counts.is_empty() {
        lines.extend(flow(blank(indent), indent, counts, room));
    }
    if run.total > 1 && !run.task_time.is_zero() {
        lines.push(blank(indent).with(Tint::Faint, at_once(run, room.saturating_sub(indent))));
    }
    lines
}

/// As much of it as there is room for.
fn at_once(run: &Summary, room: usize) -> String {
    let short = format!("{:.1} transfers at once on average", run.parallelism());
    let (busy, wall) = (report::seconds(run.task_time), report::seconds(run.wall));
    let long = format!("{short}: {busy} of transfers in {wall} of wall-clock time");
    let middle = format!("{short} ({busy} of transfers in {wall})");
    let fitting = [long, middle].into_iter().find(|text| width(text) <= room);
    fitting.unwrap_or(short)
}

/// What became of the entries; first those that were fetched, also when that is none.
fn counts(run: &Summary) -> Vec<(Tint, String)> {
    let mut fetched = format!("{} downloaded", count(run.downloaded));
    if run.resumed > 0 {
        let _ = write!(fetched, " ({} resumed)", count(run.resumed));
    }
    let mut counts = vec![(Tint::Plain, fetched)];
    let retries = if run.retries == 1 { "retry" } else { "retries" };
    for (number, tint, word) in [
        (run.already_there, Tint::Plain, "already there"),
        (run.duplicates, Tint::Plain, "listed twice"),
        (real_failures(run), Tint::Bad, "failed"),
        (run.cancelled, Tint::Plain, "unfinished"),
        (run.retries, Tint::Plain, retries),
    ] {
        if number > 0 {
            counts.push((tint, format!("{} {word}", count(number))));
        }
    }
    counts
}

/// Failures of the entries' own: those that the stop made are counted apart.
fn real_failures(run: &Summary) -> u64 {
    run.failed.saturating_sub(run.cancelled)
}

fn blank(columns: usize) -> Line {
    Line::default().plain(" ".repeat(columns))
}

/// Pieces three blanks apart, in as many lines as they need.
fn flow(start: Line, indent: usize, pieces: Vec<(Tint, String)>, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = start;
    let mut first = true;
    for (tint, text) in pieces {
        if !first && line.width() + 3 + width(&text) > room {
            lines.push(std::mem::replace(&mut line, blank(indent)));
            first = true;
        }
        line = line.plain(if first { "" } else { "   " }).with(tint, text);
        first = false;
    }
    lines.push(line);
    lines
}

/// Each failure in a line, or, when there are too many, each kind of failure.
fn table(run: &Summary, room: usize) -> Vec<Line> {
    let failures = || run.failures.iter().filter(|row| !is_cancelled(row));
    if failures().count() as u64 == real_failures(run) {
        return failure_lines(&failures().collect::<Vec<_>>(), room);
    }
    group_lines(run, room)
}

fn is_cancelled(row: &Row) -> bool {
    row.error().is_none_or(|error| error.kind() == Kind::Cancelled)
}

fn reason(row: &Row) -> String {
    row.error()
        .map_or_else(String::new, |error| crate::tame::tame(&error.to_string()).into_owned())
}

fn widest<'a>(texts: impl Iterator<Item = &'a String>) -> usize {
    texts.map(|text| width(text)).max().unwrap_or(0)
}

/// Reason, tries, URL, line of the list. Where the URLs would suffer, each is in a line of its own.
fn failure_lines(failures: &[&Row], room: usize) -> Vec<Line> {
    let reasons: Vec<_> = failures.iter().map(|row| reason(row)).collect();
    let places: Vec<_> = failures.iter().map(|row| row.place.to_string()).collect();
    let urls: Vec<_> = failures.iter().map(|row| row.shown()).collect();
    let wanted = widest(reasons.iter());
    // Two blanks, the reason, ` x6   `, the URL, two blanks, the place.
    let both = room.saturating_sub(10 + widest(places.iter()));
    // A half for the reason, or what short URLs leave.
    let most = (room / 2).max(both.saturating_sub(widest(urls.iter())));
    let reason_room = wanted.min(WIDEST_REASON).min(most);
    let url_room = both.saturating_sub(reason_room);
    let folded = url_room < widest(urls.iter()).min(SHORTEST_URL);
    let reason_room = if folded {
        wanted.min(room.saturating_sub(7))
    } else {
        reason_room
    };
    let url_room = url_room.min(widest(urls.iter()));
    let mut lines = Vec::new();
    for (((row, reason), place), url) in failures.iter().zip(&reasons).zip(&places).zip(&urls) {
        let tries = if row.tries > 1 {
            format!("x{}", row.tries)
        } else {
            String::new()
        };
        let line = Line::default().plain(format!("  {} {tries:<3}", fit(reason, reason_room)));
        if folded {
            let url = clip_middle(url, room.saturating_sub(6 + width(place)));
            lines.push(line);
            lines.push(Line::default().with(Tint::Faint, format!("    {url}  {place}")));
        } else {
            let url = fit(&clip_middle(url, url_room), url_room);
            lines.push(line.plain(format!("  {url}  ")).with(Tint::Faint, place));
        }
    }
    lines
}

/// How many, why, where: the largest groups, then the rest in one line.
fn group_lines(run: &Summary, room: usize) -> Vec<Line> {
    let stop = TransferError::Cancelled.to_string();
    let groups: Vec<&Group> = run.groups.iter().filter(|group| group.reason != stop).collect();
    let shown = &groups[..groups.len().min(SHOWN_GROUPS)];
    let counted: u64 = shown.iter().map(|group| group.count).sum();
    let reasons: Vec<_> = shown
        .iter()
        .map(|group| crate::tame::tame(&group.reason).into_owned())
        .collect();
    let most = WIDEST_REASON.min((room / 2).max(24));
    let reason_room = widest(reasons.iter()).min(most);
    let number_room = shown.first().map_or(1, |group| count(group.count).len()).max(4);
    let mut lines = Vec::new();
    for (group, reason) in shown.iter().zip(&reasons) {
        let host = group.host.as_ref().map_or("in the list".into(), ToString::to_string);
        let start = format!("  {:>number_room$}  {}  ", count(group.count), fit(reason, reason_room));
        let host = crate::tame::tame(&host).into_owned();
        lines.push(Line::default().plain(start).with(Tint::Faint, host));
    }
    let rest = real_failures(run).saturating_sub(counted);
    if rest > 0 {
        lines.push(Line::default().plain(format!("  {:>number_room$}  for other reasons", count(rest))));
    }
    lines
}

/// What to do next.
fn closing(run: &Summary, style: &Style) -> Vec<String> {
    let mut lines = Vec::new();
    if run.failed_fast {
        lines.push("stopped at the first entry that failed (--fail-fast)".into());
    }
    // A line that is no entry will be none the next time.
    let is_worth_it = run.stopped || run.groups.iter().any(|group| group.host.is_some());
    let is_of_use = matches!(style.again, Again::Missing | Again::Unknown);
    match style.failed_list {
        Listed::Written(file, holds) => lines.extend(listed(file, *holds, run)),
        Listed::Kept(file) => lines.push(format!("{file} stays as it was, for it was not read to its end")),
        Listed::Unasked if is_worth_it && !is_of_use => {
            lines.push("--failed FILE lists what has no file yet, to run again".into());
        }
        Listed::Unasked if real_failures(run) > Summary::KEPT as u64 => {
            lines.push("--failed FILE lists each one".into());
        }
        Listed::Unasked | Listed::Lost => {}
    }
    let again = match style.again {
        Again::Missing if run.stopped || run.unread => "goes on from here",
        Again::Missing => "fetches only these",
        Again::Anew => "fetches everything anew",
        Again::Refused => "fails what is there",
        Again::Unknown => return lines,
    };
    if is_worth_it {
        lines.push(format!("the same command again {again}"));
    }
    lines
}

/// What is in the list of what failed, if there is anything to say of it.
fn listed(file: &str, holds: Holds, run: &Summary) -> Option<String> {
    let holds = match holds {
        Holds::Entries if run.unread => "lists what was read and has no file yet",
        Holds::Entries => "lists what has no file yet, to run again",
        Holds::Comments => "says in comments what failed, to be mended",
        Holds::Nothing if run.unread => "is empty, for what was read has its files",
        Holds::Nothing => return None,
    };
    let rest = if run.unread {
        "; the rest of the list was not read"
    } else {
        ""
    };
    Some(format!("{file} {holds}{rest}"))
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
