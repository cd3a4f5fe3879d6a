//! What the slots did, one below the other: every entry by itself, or columns of time when there are too many.

use std::fmt::Write as _;

use super::axis::{Axis, LEFT, PLOT};
use super::draw::{Part, escaped};
use super::film::{Bar, Film};
use super::lanes::lanes;
use super::raster::{COLUMNS, Stretch, stretches};
use super::series::{at, index};
use crate::report::{Phase, seconds, size};
use crate::tame::tame;

/// Units of a letter in a bar.
const LETTER: f64 = 5.6;
/// Units of a bar that may hold its name.
const NAMED: f64 = 34.0;
/// Rows at most; with more slots than that, several share a row.
const ROWS: usize = 160;

impl Axis {
    pub(super) fn slots(&self, film: &Film, top: f64) -> Part {
        match &film.raster {
            None => self.each(&film.bars, film.jobs(), top),
            Some(raster) => {
                let rows = raster.rows();
                let lanes = Lanes::new(rows.len().max(1), top);
                let mut svg = lanes.drawn();
                let width = raster.width();
                for (row, (runs, failed)) in rows.iter().enumerate() {
                    self.merged(&mut svg, &lanes, row, runs, width);
                    for column in failed {
                        let x = self.x((at(*column) + 1.0) * width).min(LEFT + PLOT);
                        let _ = write!(
                            svg,
                            "<path class=\"f\" d=\"M{:.1} {:.1}h2v{:.1}h-2z\"/>",
                            x - 2.0,
                            lanes.y(row),
                            lanes.bar
                        );
                    }
                }
                debug_assert!(
                    rows.iter()
                        .all(|(runs, _)| runs.iter().all(|(_, to, _)| *to <= COLUMNS))
                );
                Part {
                    svg,
                    height: lanes.height(),
                }
            }
        }
    }

    fn merged(&self, svg: &mut String, lanes: &Lanes, row: usize, runs: &[(usize, usize, Phase)], width: f64) {
        for phase in [Phase::Connect, Phase::Wait, Phase::Body, Phase::Local] {
            let mut path = String::new();
            for (from, to, _) in runs.iter().filter(|(_, _, mostly)| *mostly == phase) {
                let (from, to) = (self.x(at(*from) * width), self.x(at(*to) * width));
                rect(&mut path, from, to, lanes.y(row), lanes.bar);
            }
            if !path.is_empty() {
                let _ = writeln!(svg, "<path class=\"{}\" d=\"{path}\"/>", class(phase));
            }
        }
    }

    /// Every entry by itself.
    fn each(&self, bars: &[Bar], jobs: usize, top: f64) -> Part {
        let cut: Vec<Vec<_>> = bars.iter().map(|bar| stretches(&bar.spans)).collect();
        let times: Vec<(f64, f64)> = bars
            .iter()
            .zip(&cut)
            .flat_map(|(bar, cut)| {
                cut.iter().map(|(offset, spans)| {
                    let begin = bar.begin + offset;
                    (begin, begin + length(spans))
                })
            })
            .collect();
        let given = lanes(&times);
        let used = given.iter().max().map_or(0, |most| most + 1);
        // Slots that were never used are seen as such, unless there are very many.
        let rows = if jobs <= 32 { used.max(jobs) } else { used }.max(1);
        let lanes = Lanes::new(rows, top);
        let mut svg = lanes.drawn();
        // Who waits without a slot is seen behind those who have it.
        let mut given_to = given.as_slice();
        for (bar, cut) in bars.iter().zip(&cut) {
            let (given, rest) = given_to.split_at(cut.len());
            self.rests(&mut svg, &lanes, bar, cut, given);
            given_to = rest;
        }
        let mut given_to = given.as_slice();
        for (bar, cut) in bars.iter().zip(&cut) {
            let (given, rest) = given_to.split_at(cut.len());
            self.bar(&mut svg, &lanes, bar, cut, given);
            given_to = rest;
        }
        Part {
            svg,
            height: lanes.height(),
        }
    }

    fn rests(&self, svg: &mut String, lanes: &Lanes, bar: &Bar, cut: &[Stretch], given: &[usize]) {
        for ((this, next), lane) in cut.iter().zip(cut.iter().skip(1)).zip(given) {
            let from = self.x(bar.begin + this.0 + length(&this.1));
            let (to, y) = (self.x(bar.begin + next.0), lanes.y(*lane) + lanes.bar / 2.0);
            let _ = writeln!(svg, "<path class=\"r\" d=\"M{from:.1} {y:.1}H{to:.1}\"/>");
        }
    }

    fn bar(&self, svg: &mut String, lanes: &Lanes, bar: &Bar, cut: &[Stretch], given: &[usize]) {
        let _ = write!(svg, "<g class=\"e\"><title>{}</title>", escaped(&title(bar)));
        for (index, ((offset, spans), lane)) in cut.iter().zip(given).enumerate() {
            let (begin, y) = (bar.begin + offset, lanes.y(*lane));
            self.spans(svg, begin, spans, y, lanes.bar);
            let has_failed = bar.error.is_some() && index + 1 == cut.len();
            let (from, to) = (self.x(begin), self.x(begin + length(spans)));
            if has_failed {
                let mut path = String::new();
                let wide = (to - from).clamp(3.0, 6.0);
                rect(
                    &mut path,
                    (to - wide).max(from),
                    (to - wide).max(from) + wide,
                    y,
                    lanes.bar,
                );
                let _ = write!(svg, "<path class=\"f\" d=\"{path}\"/>");
            }
            if let Some((begin, end)) = longest(begin, spans) {
                let cap = if has_failed { 6.0 } else { 0.0 };
                name(svg, bar, self.x(begin), self.x(end) - cap, y, lanes.bar);
            }
        }
        svg.push_str("</g>\n");
    }

    fn spans(&self, svg: &mut String, begin: f64, spans: &[(Phase, f64)], y: f64, height: f64) {
        let end = begin + length(spans);
        if self.x(end) - self.x(begin) < 1.2 {
            // Too short to be told apart: what it mostly was, wide enough to be seen.
            let mostly = spans.iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
            let mut path = String::new();
            rect(&mut path, self.x(begin), self.x(begin) + 1.0, y, height);
            let phase = mostly.map_or(Phase::Local, |(phase, _)| *phase);
            let _ = write!(svg, "<path class=\"{}\" d=\"{path}\"/>", class(phase));
            return;
        }
        let mut time = begin;
        for (phase, length) in spans {
            let (from, to) = (self.x(time), self.x(time + length));
            time += length;
            // A little is left free, so that one bar can be told from the next.
            let is_last = time >= end - 1e-9 && self.x(end) - self.x(begin) > 4.0;
            let to = if is_last { (to - 0.9).max(from) } else { to };
            if to - from >= 0.05 {
                let mut path = String::new();
                rect(&mut path, from, to, y, height);
                let _ = write!(svg, "<path class=\"{}\" d=\"{path}\"/>", class(*phase));
            }
        }
    }
}

/// The rows of slots.
struct Lanes {
    slots: usize,
    rows: usize,
    top: f64,
    pitch: f64,
    bar: f64,
}

impl Lanes {
    fn new(slots: usize, top: f64) -> Self {
        let rows = slots.min(ROWS);
        let pitch = match rows {
            0..=32 => 17.0,
            33..=40 => 12.0,
            41..=64 => 8.0,
            _ => 4.0,
        };
        let bar = if pitch > 10.0 { pitch - 3.0 } else { pitch - 1.0 };
        Self {
            slots,
            rows,
            top,
            pitch,
            bar,
        }
    }

    fn y(&self, slot: usize) -> f64 {
        self.top + at(slot * self.rows / self.slots) * self.pitch
    }

    fn height(&self) -> f64 {
        at(self.rows) * self.pitch
    }

    fn drawn(&self) -> String {
        let mut svg = String::new();
        let every = match self.rows {
            0..=40 => 1,
            41..=64 => 4,
            _ => 16,
        };
        let mut path = String::new();
        for slot in 0..self.rows {
            rect(&mut path, LEFT, LEFT + PLOT, self.top + at(slot) * self.pitch, self.bar);
        }
        let _ = writeln!(svg, "<path class=\"lane\" d=\"{path}\"/>");
        for slot in (0..self.slots).filter(|slot| slot % (every * self.slots.div_ceil(self.rows)) == 0) {
            let y = self.y(slot) + self.bar / 2.0 + 3.5;
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                slot + 1
            );
        }
        svg.push('\n');
        svg
    }
}

fn rect(path: &mut String, from: f64, to: f64, y: f64, height: f64) {
    let width = to - from;
    let _ = write!(path, "M{from:.1} {y:.1}h{width:.2}v{height:.1}h-{width:.2}z");
}

fn class(phase: Phase) -> &'static str {
    match phase {
        Phase::Connect => "c",
        Phase::Wait => "w",
        Phase::Body => "b",
        Phase::Local | Phase::Rest => "l",
    }
}

fn length(spans: &[(Phase, f64)]) -> f64 {
    spans.iter().map(|(_, length)| length).sum()
}

/// When the longest of these begins and ends.
fn longest(begin: f64, spans: &[(Phase, f64)]) -> Option<(f64, f64)> {
    let ends = spans.iter().scan(begin, |time, (_, length)| {
        *time += length;
        Some((*time - length, *time))
    });
    ends.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
}

/// The name in its bar, as far as it fits.
fn name(svg: &mut String, bar: &Bar, from: f64, to: f64, y: f64, height: f64) {
    if height < 12.0 || to - from < NAMED {
        return;
    }
    let whole = shown(bar);
    let last = whole.rsplit('/').next().unwrap_or(&whole);
    let fitting = index((to - from - 6.0) / LETTER);
    let text: String = if last.chars().count() <= fitting {
        last.to_owned()
    } else {
        last.chars().take(fitting.saturating_sub(1)).chain(['…']).collect()
    };
    let y = y + height / 2.0 + 3.3;
    let _ = write!(
        svg,
        "<text class=\"n\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
        from + 3.0,
        escaped(&text)
    );
}

fn shown(bar: &Bar) -> String {
    match &bar.path {
        Some(path) => tame(&path.to_string_lossy()).into_owned(),
        None => format!("line {}", bar.line),
    }
}

/// What is told of an entry to whoever points at it.
fn title(bar: &Bar) -> String {
    let mut text = shown(bar);
    let _ = write!(text, "\n{} in {}", size(bar.size), seconds(bar.elapsed));
    if bar.tries > 1 {
        let _ = write!(text, ", {} tries", bar.tries);
    }
    let phases = [
        (Phase::Connect, "connect"),
        (Phase::Wait, "first byte"),
        (Phase::Body, "body"),
        (Phase::Rest, "waiting without a slot"),
    ];
    let mut sign = '\n';
    for (phase, name) in phases {
        let time = bar.spans.total(phase);
        if !time.is_zero() {
            let _ = write!(text, "{sign}{name} {}", seconds(time));
            sign = '·';
        }
    }
    if let Some(error) = &bar.error {
        let _ = write!(text, "\nfailed: {error}");
    }
    text.replace('·', " · ")
}
