//! The block on a terminal, drawn through indicatif: one bar object, whatever the number of files, whose message is the
//! whole frame. The cursor is never hidden, so nothing has to bring it back.

use std::collections::VecDeque;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::frame::{Room, frame};
use super::screen::{Screen, Sink};
use super::snapshot::Snapshot;
use super::taskbar::{self, Taskbar};

/// Messages that wait for the next drawing; more of them make one at once.
const PENDING: usize = 64;
/// Drawings for which the block keeps its height, so that the total line does not dance when files are short.
const STEADY: usize = 10;

pub(super) struct Bars {
    bar: ProgressBar,
    screen: Screen,
    measure: Box<dyn Fn() -> Size + Send>,
    room: Room,
    jobs: usize,
    above: Vec<String>,
    heights: VecDeque<usize>,
    block: String,
    /// Where the terminal shows one.
    taskbar: Option<Taskbar>,
    /// Is the terminal this process's, or does somebody else type there (`bg`, `&`)?
    is_in_front: fn() -> bool,
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Size {
    /// That of the terminal on stderr; 80 by 24 when it does not say.
    pub(super) fn of_stderr() -> Self {
        let said = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
        let or = |said: Option<u16>, else_: usize| said.filter(|n| *n > 0).map_or(else_, usize::from);
        Self {
            columns: or(said.map(|size| size.ws_col), 80),
            rows: or(said.map(|size| size.ws_row), 24),
        }
    }
}

impl Bars {
    /// The block on stderr, which is a terminal.
    pub(super) fn on_stderr(jobs: usize, colour: bool) -> Self {
        let mut bars = Self::new(jobs, colour, Box::new(crate::cli::out::raw), Box::new(Size::of_stderr));
        bars.taskbar = taskbar::is_understood(|name| std::env::var(name).ok()).then(Taskbar::default);
        bars.is_in_front = is_in_front;
        bars.clear_before_panics();
        bars
    }

    fn new(jobs: usize, colour: bool, sink: Sink, measure: Box<dyn Fn() -> Size + Send>) -> Self {
        let Size { columns, rows } = measure();
        let screen = Screen::new(columns, rows, reflows(|name| std::env::var(name).ok()), sink);
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self {
            bar: ProgressBar::with_draw_target(None, target).with_style(style),
            screen,
            measure,
            room: Room { columns, rows, colour },
            jobs,
            above: Vec::new(),
            heights: VecDeque::new(),
            block: String::new(),
            taskbar: None,
            is_in_front: || true,
        }
    }

    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// A line above the block, in the next drawing.
    pub(super) fn say(&mut self, line: String) {
        self.above.push(line);
        if self.above.len() >= PENDING {
            self.flush();
        }
    }

    pub(super) fn draw(&mut self, now: &Snapshot) {
        let Size { columns, rows } = (self.measure)();
        self.screen.resize(columns, rows);
        (self.room.columns, self.room.rows) = (columns, rows);
        let lines = frame(now, self.jobs, self.room);
        self.block = self.steady(lines).join("\n");
        self.flush();
        if let Some(code) = self.taskbar.as_mut().and_then(|taskbar| taskbar.update(now)) {
            self.screen.signal(code, taskbar::CLEAR);
        }
    }

    /// Blank lines above the files for as long as the block was higher within the last second.
    fn steady(&mut self, mut lines: Vec<String>) -> Vec<String> {
        self.heights.truncate(STEADY - 1);
        self.heights.push_front(lines.len());
        let most = self.heights.iter().copied().max().unwrap_or(0);
        let most = most.min(self.room.rows.saturating_sub(1)).max(lines.len());
        let blank = most - lines.len();
        lines.splice(..0, std::iter::repeat_n(String::new(), blank));
        lines
    }

    fn flush(&mut self) {
        if !(self.is_in_front)() {
            return self.speak();
        }
        if !self.above.is_empty() {
            self.bar.println(self.above.join("\n"));
            self.above.clear();
        }
        // Also when nothing has changed: only a further drawing makes scrollback of the lines above the block.
        self.bar.set_message(self.block.clone());
    }

    /// Messages for a terminal where somebody else types: they move no cursor.
    fn speak(&mut self) {
        let lines: String = self.above.drain(..).map(|line| line + "\n").collect();
        self.screen.write(&lines);
    }

    /// The process was stopped and goes on: what stood on the terminal is the shell's now.
    pub(super) fn begin_anew(&self) {
        self.screen.forget();
    }

    /// The last messages, then the terminal as it was.
    pub(super) fn end(&mut self) {
        self.flush();
        self.bar.finish_and_clear();
        self.screen.close();
    }

    /// A panic's message goes where the block was, not into it.
    fn clear_before_panics(&self) {
        let close = self.screen.closer();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            close();
            before(panic);
        }));
    }
}

/// Does the terminal on stderr listen to this process? One that does not steer processes belongs to nobody else.
fn is_in_front() -> bool {
    let front = rustix::termios::tcgetpgrp(std::io::stderr());
    !front.is_ok_and(|front| front != rustix::process::getpgrp())
}

/// Does this terminal fold long lines anew when it gets narrower? Most do today; these three cut them.
fn reflows(var: impl Fn(&str) -> Option<String>) -> bool {
    let term = var("TERM").unwrap_or_default();
    let tmux = var("TMUX").is_some();
    tmux || !(term == "linux" || term.starts_with("screen") || var("XTERM_VERSION").is_some())
}

#[cfg(test)]
#[path = "bars_tests.rs"]
mod tests;
