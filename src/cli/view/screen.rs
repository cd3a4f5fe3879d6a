//! What indicatif draws on. Its own target fills every line with blanks to the terminal's edge and lets it wrap, so that
//! after a resize the lines flow into one another. Here a drawing is first made in memory; then only what changed goes to
//! the terminal, in lines that end where their text ends.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use indicatif::TermLike;
use unicode_width::UnicodeWidthChar as _;

use super::paint::Painted;

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
    /// Takes back what was signalled beside the drawing.
    farewell: &'static str,
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
            farewell: "",
            sink,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        crate::lock::lock(&self.0)
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

    /// Sends what moves no cursor, between two drawings, and in the end what takes it back: also before a panic.
    pub(super) fn signal(&self, code: &str, farewell: &'static str) {
        let mut state = self.state();
        state.farewell = farewell;
        (state.sink)(code);
    }

    /// Writes lines that belong to no drawing: below, the next one is a new block.
    pub(super) fn write(&self, lines: &str) {
        let mut state = self.state();
        state.painted = Painted::default();
        (state.sink)(lines);
    }

    /// Others wrote on the terminal since, and left the cursor where a line begins: the next drawing is a new block there.
    pub(super) fn forget(&self) {
        self.state().painted = Painted::default();
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
        let farewell = std::mem::take(&mut self.farewell);
        (self.sink)(&(self.painted.become_lines(Vec::new()) + farewell));
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
