//! What stands on the terminal, and the least that has to be sent so that something else stands there.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

const CLEAR_TO_END: &str = "\x1b[K";
/// Clears this row from its beginning and all below, and stays. Not in one go: when that starts in the terminal's very
/// first row, some take it for a cleared screen and keep a copy in the scrollback.
const CLEAR_BELOW: &str = "\r\x1b[K\x1b7\x1b[B\x1b[J\x1b8";
/// Moving over so few columns costs as much as writing them anew.
const GAP: usize = 4;

/// The lines on the terminal. Its cursor is at the end of the last one.
#[derive(Default)]
pub(super) struct Painted {
    lines: Vec<String>,
    /// After a resize: rows from the first line down to the cursor, as the terminal has folded them since.
    folded: Option<usize>,
    /// All lines are scrollback, and the cursor is still at the end of the last of them.
    behind: bool,
}

impl Painted {
    /// The first lines are scrollback now.
    pub(super) fn scroll(&mut self, lines: usize) {
        let gone = lines.min(self.lines.len());
        self.lines.drain(..gone);
        self.behind |= gone > 0 && self.lines.is_empty();
    }

    /// The terminal has this width now, and folded what is too long for it.
    pub(super) fn fold(&mut self, columns: usize) {
        let rows: Vec<_> = self.lines.iter().map(|line| folds(line, columns)).collect();
        if let Some((last, above)) = rows.split_last() {
            self.folded = Some(above.iter().sum::<usize>() + above.len() + last);
        }
    }

    /// What to send so that these lines stand there instead.
    pub(super) fn become_lines(&mut self, new: Vec<String>) -> String {
        let mut out = String::new();
        if std::mem::take(&mut self.behind) {
            out.push_str("\r\n");
        }
        if let Some(rows) = self.folded.take() {
            up(&mut out, rows);
            out.push_str(CLEAR_BELOW);
            self.lines.clear();
        }
        let mut row = self.lines.len().saturating_sub(1);
        for (at, line) in new.iter().enumerate() {
            let old = self.lines.get(at);
            if old != Some(line) {
                go(&mut out, &mut row, at);
                replace(&mut out, old.map(String::as_str), line);
            }
        }
        if new.len() < self.lines.len() {
            go(&mut out, &mut row, new.len());
            out.push_str(CLEAR_BELOW);
        }
        finish(&mut out, row, &new);
        self.lines = new;
        out
    }
}

/// Moves from one row to another; beyond the last one, by new lines.
fn go(out: &mut String, row: &mut usize, to: usize) {
    if to < *row {
        up(out, *row - to);
    } else {
        (*row..to).for_each(|_| out.push_str("\r\n"));
    }
    *row = to;
}

fn up(out: &mut String, rows: usize) {
    if rows > 0 {
        let _ = write!(out, "\x1b[{rows}A");
    }
}

fn right(out: &mut String, columns: usize) {
    if columns > 0 {
        let _ = write!(out, "\x1b[{columns}C");
    }
}

/// Leaves the cursor at the end of the last line, where a `^C` does least harm.
fn finish(out: &mut String, mut row: usize, new: &[String]) {
    if let Some(last) = new.last().filter(|_| !out.is_empty()) {
        go(out, &mut row, new.len() - 1);
        out.push('\r');
        right(out, width(last));
    }
}

/// Turns the old text of this row into the new one.
fn replace(out: &mut String, old: Option<&str>, new: &str) {
    out.push('\r');
    let cells = old.and_then(Cells::of).zip(Cells::of(new));
    let Some((old, new)) = cells else {
        out.push_str(new);
        out.push_str(CLEAR_TO_END);
        return;
    };
    let mut column = 0;
    for (from, to) in changes(&old, &new) {
        right(out, from - column);
        new.write(out, from, to);
        column = to;
    }
    if new.0.len() < old.0.len() {
        right(out, new.0.len() - column);
        out.push_str(CLEAR_TO_END);
    }
}

/// Where the new text is not what stands there, in columns.
fn changes(old: &Cells, new: &Cells) -> Vec<(usize, usize)> {
    let mut changes: Vec<(usize, usize)> = Vec::new();
    for (column, cell) in new.0.iter().enumerate() {
        if old.0.get(column) == Some(cell) {
            continue;
        }
        // The second half of a wide character comes with the first.
        let from = column - usize::from(cell.text.is_none());
        match changes.last_mut() {
            Some((_, to)) if from <= *to + GAP => *to = column + 1,
            _ => changes.push((from, column + 1)),
        }
    }
    for (_, to) in &mut changes {
        *to += usize::from(new.0.get(*to).is_some_and(|cell| cell.text.is_none()));
    }
    changes
}

/// A line by columns.
struct Cells<'a>(Vec<Cell<'a>>);

#[derive(PartialEq, Eq)]
struct Cell<'a> {
    /// `None` is the second half of the character before.
    text: Option<char>,
    style: &'a str,
}

impl<'a> Cells<'a> {
    /// `None` when it cannot be said where each character stands.
    fn of(text: &'a str) -> Option<Self> {
        let (mut cells, mut style, mut escape) = (Vec::new(), "", None);
        for (at, c) in text.char_indices() {
            if c == '\x1b' {
                escape = Some(at);
            } else if let Some(from) = escape {
                if c.is_ascii_alphabetic() {
                    style = Some(&text[from..=at]).filter(|code| *code != RESET).unwrap_or("");
                    escape = None;
                }
            } else {
                cells.push(Cell { text: Some(c), style });
                let more = sure_width(c)? - 1;
                cells.extend((0..more).map(|_| Cell { text: None, style }));
            }
        }
        Some(Self(cells))
    }

    fn write(&self, out: &mut String, from: usize, to: usize) {
        let mut style = "";
        for cell in &self.0[from..to] {
            if cell.style != style {
                out.push_str(if style.is_empty() { "" } else { RESET });
                out.push_str(cell.style);
                style = cell.style;
            }
            out.extend(cell.text);
        }
        if !style.is_empty() {
            out.push_str(RESET);
        }
    }
}

const RESET: &str = "\x1b[0m";

/// How wide every terminal takes this character to be; `None` for signs, marks and scripts about which they differ.
fn sure_width(c: char) -> Option<usize> {
    match c {
        ' '..='~' | '━' | '─' | '…' => Some(1),
        '\u{A1}'..='\u{6FF}' if c.is_alphabetic() => c.width().filter(|width| *width == 1),
        'ぁ'..='ヿ' | '㐀'..='鿿' | '가'..='힣' => c.width().filter(|width| *width == 2),
        _ => None,
    }
}

/// The width of each character that takes room, colours left out.
fn widths(text: &str) -> impl Iterator<Item = usize> {
    let mut in_escape = false;
    text.chars().filter_map(move |c| {
        in_escape |= c == '\x1b';
        if in_escape {
            in_escape = !c.is_ascii_alphabetic();
            return None;
        }
        c.width()
    })
}

/// Columns this text takes.
pub(super) fn width(text: &str) -> usize {
    widths(text).sum()
}

/// How often a terminal of so many columns folds this text.
fn folds(text: &str, columns: usize) -> usize {
    let (mut folds, mut column) = (0, 0);
    for needs in widths(text) {
        column += needs;
        if column > columns {
            (folds, column) = (folds + 1, needs);
        }
    }
    folds
}

#[cfg(test)]
#[path = "paint_tests.rs"]
mod tests;
