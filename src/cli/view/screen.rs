//! What indicatif draws on. Its own target fills every line with blanks to the terminal's edge and lets it wrap, so that
//! after a resize the lines flow into one another. Here a drawing is first made in memory; then only what changed goes to
//! the terminal, in lines that end where their text ends.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use indicatif::TermLike;
use unicode_width::UnicodeWidthChar as _;

const CLEAR_TO_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\r\x1b[J";

/// Where the bytes go. Is anybody still there?
pub(super) type Sink = Box<dyn FnMut(&str) -> bool + Send>;

/// A terminal that is drawn on line by line. Clones are one and the same.
#[derive(Clone)]
pub(super) struct Screen(Arc<Mutex<State>>);

struct State {
    columns: usize,
    height: usize,
    /// Does the terminal wrap long lines anew when it gets narrower?
    reflows: bool,
    draft: Draft,
    painted: Painted,
    sink: Sink,
}

impl Screen {
    pub(super) fn new(columns: usize, height: usize, reflows: bool, sink: Sink) -> Self {
        Self(Arc::new(Mutex::new(State {
            columns,
            height,
            reflows,
            draft: Draft::default(),
            painted: Painted::default(),
            sink,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how large the terminal is now. Not during a drawing: its lines are all made for one width.
    pub(super) fn resize(&self, columns: usize, height: usize) {
        let mut state = self.state();
        if columns != state.columns {
            let gone = state.draft.scrolled();
            state.painted.scroll(gone);
            let reflows = state.reflows;
            state.painted.fold(if reflows { columns } else { usize::MAX });
        }
        (state.columns, state.height) = (columns, height);
    }

    /// Takes the block off the terminal and draws no more.
    pub(super) fn close(&self) {
        self.state().close();
    }

    /// [`close`](Self::close) for a panic hook: does nothing when the screen is gone, and nothing when the panic came
    /// from the drawing itself, for that still holds the lock.
    pub(super) fn closer(&self) -> impl Fn() + Send + Sync + 'static {
        let screen = Arc::downgrade(&self.0);
        move || {
            let Some(screen) = screen.upgrade() else { return };
            match screen.try_lock() {
                Ok(mut state) => state.close(),
                Err(TryLockError::Poisoned(state)) => state.into_inner().close(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
    }
}

impl State {
    fn close(&mut self) {
        let gone = self.draft.scrolled();
        self.painted.scroll(gone);
        (self.sink)(&self.painted.become_lines(Vec::new()));
        self.sink = Box::new(|_| false);
    }

    fn paint(&mut self) {
        let gone = self.draft.scrolled();
        self.painted.scroll(gone);
        let bytes = self.painted.become_lines(self.draft.lines());
        if !(self.sink)(&bytes) {
            self.sink = Box::new(|_| false);
        }
    }
}

/// The drawing in memory: what a terminal would show, from the block's first line on.
#[derive(Default)]
struct Draft {
    lines: Vec<Cells>,
    row: usize,
    /// The highest line touched in this drawing. What is above it has become scrollback.
    top: Option<usize>,
}

#[derive(Default, Clone)]
struct Cells {
    text: String,
    width: usize,
}

impl Draft {
    fn at(&mut self) -> &mut Cells {
        let row = self.row;
        self.top = Some(self.top.map_or(row, |top| top.min(row)));
        if self.lines.len() <= row {
            self.lines.resize(row + 1, Cells::default());
        }
        &mut self.lines[row]
    }

    fn write(&mut self, text: &str, columns: usize) {
        let mut in_escape = false;
        for c in text.chars() {
            in_escape |= c == '\x1b';
            if in_escape {
                self.at().text.push(c);
                in_escape = !c.is_ascii_alphabetic();
                continue;
            }
            let needs = c.width().unwrap_or(0);
            let used = self.lines.get(self.row).map_or(0, |cells| cells.width);
            if needs > 0 && used + needs > columns {
                self.row += 1;
            }
            let cells = self.at();
            cells.text.push(c);
            cells.width += needs;
        }
    }

    /// Forgets the lines above this drawing; how many those were.
    fn scrolled(&mut self) -> usize {
        let gone = self.top.take().unwrap_or(0).min(self.lines.len());
        self.lines.drain(..gone);
        self.row -= gone.min(self.row);
        gone
    }

    /// The lines down to the cursor; none when there is nothing on them.
    fn lines(&self) -> Vec<String> {
        let shown = self.lines.iter().take(self.row + 1);
        let lines: Vec<_> = shown.map(|cells| cells.text.trim_end().to_owned()).collect();
        if lines.iter().all(String::is_empty) {
            Vec::new()
        } else {
            lines
        }
    }
}

/// What stands on the terminal. Its cursor is at the end of the last line.
#[derive(Default)]
struct Painted {
    lines: Vec<String>,
    /// After a resize: rows from the first line down to the cursor, as the terminal has folded them since.
    folded: Option<usize>,
}

impl Painted {
    fn scroll(&mut self, lines: usize) {
        self.lines.drain(..lines.min(self.lines.len()));
    }

    fn fold(&mut self, columns: usize) {
        let columns = columns.max(1);
        let Some((last, above)) = self.lines.split_last() else {
            return;
        };
        let above: usize = above.iter().map(|line| width(line).div_ceil(columns).max(1)).sum();
        self.folded = Some(above + width(last) / columns);
    }

    /// What to send so that these lines stand there instead.
    fn become_lines(&mut self, new: Vec<String>) -> String {
        let mut out = String::new();
        if let Some(rows) = self.folded.take() {
            up(&mut out, rows);
            out.push_str(CLEAR_BELOW);
            self.lines.clear();
        }
        let mut row = self.lines.len().saturating_sub(1);
        for (at, line) in new.iter().enumerate() {
            let old = self.lines.get(at);
            if old == Some(line) {
                continue;
            }
            go(&mut out, &mut row, at);
            replace(&mut out, old.map_or("", String::as_str), line);
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

/// Turns the old text of this row into the new one, beginning where they differ.
fn replace(out: &mut String, old: &str, new: &str) {
    let (bytes, column) = same_beginning(old, new);
    out.push('\r');
    if column > 0 {
        let _ = write!(out, "\x1b[{column}C");
    }
    out.push_str(&new[bytes..]);
    out.push_str(CLEAR_TO_END);
}

/// Leaves the cursor at the end of the last line, where a `^C` does least harm.
fn finish(out: &mut String, mut row: usize, new: &[String]) {
    let Some(last) = new.last().filter(|_| !out.is_empty()) else {
        return;
    };
    if row + 1 == new.len() && out.ends_with(CLEAR_TO_END) {
        return;
    }
    go(out, &mut row, new.len() - 1);
    out.push('\r');
    let end = width(last);
    if end > 0 {
        let _ = write!(out, "\x1b[{end}C");
    }
}

/// How much of the new text stands there already, in bytes and columns. It ends outside any colour, and before any
/// character whose width a terminal might see otherwise.
fn same_beginning(old: &str, new: &str) -> (usize, usize) {
    let (mut safe, mut column, mut coloured, mut escape) = ((0, 0), 0, false, None);
    for ((at, a), b) in new.char_indices().zip(old.chars()) {
        if a != b {
            break;
        }
        if a == '\x1b' {
            escape = Some(at);
        } else if let Some(from) = escape {
            if a == 'm' {
                coloured = &new[from..=at] != "\x1b[0m";
                escape = None;
            }
        } else if a.is_ascii() || matches!(a, '━' | '─' | '…') {
            column += 1;
        } else {
            break;
        }
        if !coloured && escape.is_none() {
            safe = (at + a.len_utf8(), column);
        }
    }
    safe
}

/// Columns this text takes, colours left out.
fn width(text: &str) -> usize {
    let mut in_escape = false;
    let mut columns = 0;
    for c in text.chars() {
        in_escape |= c == '\x1b';
        if in_escape {
            in_escape = !c.is_ascii_alphabetic();
        } else {
            columns += c.width().unwrap_or(0);
        }
    }
    columns
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        u16::try_from(self.state().columns).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(self.state().height).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        let draft = &mut self.state().draft;
        draft.row = draft.row.saturating_sub(n);
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.state().draft.row += n;
        Ok(())
    }

    // indicatif draws whole lines: within a line the cursor never moves.
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.write_str(s)?;
        self.state().draft.row += 1;
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        let mut state = self.state();
        let columns = state.columns;
        // A carriage return says nothing here: indicatif only sends it where a line begins.
        state.draft.write(s.trim_start_matches('\r'), columns);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        *self.state().draft.at() = Cells::default();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.state().paint();
        Ok(())
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
