//! `--json`: what happens, a line each on standard output, for programs. `json/schema.json` says what stands in them.

mod line;

use std::io;
use std::time::Instant;

use serde::Serialize;

pub(crate) use self::line::Start;
use self::line::{Begin, Done, Line, Retry};
use super::{Exit, out};
use crate::event::Event;
use crate::report::{Failure, Outcome, Reason, Report, Row};
use crate::stop::Stop;

/// Lines wait here until so many bytes have come together, or until nothing else happens.
const BUFFER: usize = 64 * 1024;

/// Writes the lines of a run.
#[derive(Debug)]
pub(crate) struct Json {
    start: Instant,
    buffer: Vec<u8>,
    stop: Stop,
    state: State,
}

#[derive(Debug)]
enum State {
    Heard,
    /// Nobody reads any more.
    Left,
    /// It cannot be written, and nobody has asked for that.
    Broken(io::Error),
}

impl Json {
    /// Says that a run begins. It is stopped when nobody listens.
    pub(crate) fn begin(start: &Start<'_>, stop: Stop) -> Self {
        let mut json = Self {
            start: Instant::now(),
            buffer: Vec::new(),
            stop,
            state: State::Heard,
        };
        json.write("start", start, json.start);
        json.flush();
        json
    }

    /// Tells of an event, as far as there is a line for it.
    pub(crate) fn tell(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Started { id, url, attempt, .. } => self.write("begin", &Begin::of(*id, url, *attempt), now),
            Event::Retrying {
                id,
                url,
                attempt,
                error,
                answered,
                wait,
                ..
            } => self.write(
                "retry",
                &Retry::of(*id, url, *attempt, Reason::of(error, *answered), *wait),
                now,
            ),
            Event::Finished(row) => self.end(row, now),
            _ => {}
        }
        if self.buffer.len() >= BUFFER {
            self.flush();
        }
    }

    fn end(&mut self, row: &Row, now: Instant) {
        match &row.outcome {
            Outcome::Failed(_) => {
                if let Some(failed) = Failure::of(row) {
                    self.write("failed", &failed, now);
                }
            }
            _ => self.write("done", &Done::of(row), now),
        }
    }

    /// How haul exits that would exit so, after what was written.
    pub(crate) fn exit(&self, exit: Exit) -> Exit {
        match self.state {
            State::Heard => exit,
            // Its right.
            State::Left => Exit::UNHEARD,
            State::Broken(_) => exit.if_written(false),
        }
    }

    /// Says how it all ended, and what went wrong with saying it, if anybody hears that. How does haul exit that would
    /// exit so?
    pub(crate) fn finish(mut self, report: &Report<'_>, exit: Exit) -> Exit {
        self.write("summary", report, Instant::now());
        self.flush();
        if let State::Broken(error) = &self.state {
            let why = crate::error::os(error);
            out::line(&format!("haul: cannot write to standard output: {why}"));
        }
        self.exit(exit)
    }

    fn write(&mut self, event: &'static str, of: &impl Serialize, now: Instant) {
        if !matches!(self.state, State::Heard) {
            return;
        }
        let line = Line {
            v: crate::report::FORMAT,
            event,
            t: crate::report::secs(now.saturating_duration_since(self.start)),
            of,
        };
        // Into memory, plain data with names for keys: neither can fail.
        let _ = serde_json::to_writer(&mut self.buffer, &line);
        self.buffer.push(b'\n');
    }

    /// Writes what has come together. A reader that is slow is waited for, and the run with it, unless a signal came.
    pub(crate) fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if let Err(error) = out::data(&self.buffer) {
            self.state = match error.kind() {
                io::ErrorKind::BrokenPipe => State::Left,
                _ => State::Broken(error),
            };
            self.stop.park();
        }
        self.buffer.clear();
    }
}
