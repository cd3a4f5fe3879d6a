//! A film as SVG: speed, transfers at once, push-back, and the slots one below the other, on one axis of time.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use super::film::{Bar, Film};
use super::lanes::lanes;
use super::raster::{COLUMNS, Stretch, stretches};
use super::series::{at, index};
use crate::report::{Phase, in_seconds, seconds, size, speed};
use crate::tame::tame;

/// Units of the whole picture from left to right.
pub(super) const WIDTH: f64 = 1000.0;
/// Where the axis of time begins and ends.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 12.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
/// Units of a letter in a bar.
const LETTER: f64 = 5.6;
/// Units of a bar that may hold its name.
const NAMED: f64 = 34.0;
/// Rows at most; with more slots than that, several share a row.
const ROWS: usize = 160;

/// What the classes in the picture look like. The colours are variables, for light and dark.
pub(super) const STYLE: &str = "\
:root{--bg:#fff;--fg:#1b2430;--dim:#66717f;--line:#e3e8ee;--soft:#f6f8fa;--body:#3f83c9;--wait:#efb749;\
--connect:#8d63c4;--local:#9dabba;--rest:#8b98a7;--fail:#d43d3d;--flow:#1d9a8a;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e2e8ef;--dim:#93a0af;--line:#29313b;--soft:#1a2029;\
--body:#4a90d9;--wait:#d9a23a;--connect:#a583d8;--local:#66727f;--rest:#748191;--fail:#f0625f;--flow:#2fb3a2;--on:#0c1015}}
svg text{font:10px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;fill:var(--dim)}
svg .h{font-size:11px;font-weight:600;fill:var(--fg)}
svg .n{font-size:9.5px;fill:var(--on);pointer-events:none}
svg .x{fill:var(--fail)}
svg .g{stroke:var(--line);stroke-width:1;fill:none}
svg .lane{fill:var(--soft)}
svg .c{fill:var(--connect)}svg .w{fill:var(--wait)}svg .b{fill:var(--body)}svg .l{fill:var(--local)}svg .f{fill:var(--fail)}
svg .r{stroke:var(--rest);stroke-width:1.6;stroke-dasharray:2 2.4;fill:none}
svg .area{fill:var(--flow);fill-opacity:.22}svg .flow{stroke:var(--flow);stroke-width:1.5;fill:none;stroke-linejoin:round}
svg .at{fill:var(--body);fill-opacity:.18}svg .step{stroke:var(--body);stroke-width:1.2;fill:none}
svg .hold{fill:var(--wait);fill-opacity:.18}
svg .e:hover path{filter:brightness(1.18)}
";

/// Part of a picture, and how tall it is.
pub(super) struct Part {
    pub(super) svg: String,
    pub(super) height: f64,
}

/// What several pictures have in common, so that they can be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Seconds at the end of the axis of time.
    until: f64,
    /// Bytes a second at the top of the curve.
    most: f64,
}

impl Scale {
    /// One on which all of them fit.
    pub(super) fn of<'a>(films: impl Iterator<Item = &'a Film> + Clone) -> Self {
        let until = films.clone().map(Film::end).fold(0.001, f64::max);
        let speeds = films.flat_map(|film| Axis::of(film, Self { until, most: 1.0 }).speeds(film).1);
        Self {
            until,
            most: speeds.fold(1.0, f64::max),
        }
    }
}

/// Everything of one run.
pub(super) fn scene(film: &Film, scale: Scale) -> Part {
    let axis = Axis::of(film, scale);
    let mut svg = String::new();
    let flow = axis.flow(film, 16.0);
    let active = axis.active(film, flow.height + 46.0);
    let mut y = flow.height + active.height + 46.0 + 14.0;
    let marks = axis.marks(film, y);
    y += marks.height;
    let slots = axis.slots(film, y + 16.0);
    let bottom = y + 16.0 + slots.height;
    axis.grid(&mut svg, bottom);
    axis.pauses(&mut svg, film, bottom);
    for part in [&flow, &active, &marks, &slots] {
        svg.push_str(&part.svg);
    }
    heading(&mut svg, "speed", 10.0);
    heading(&mut svg, "transfers at once", flow.height + 38.0);
    heading(&mut svg, "slots", y + 10.0);
    axis.ticks(&mut svg, bottom);
    Part {
        svg,
        height: bottom + 20.0,
    }
}

fn heading(svg: &mut String, text: &str, y: f64) {
    let _ = writeln!(svg, "<text class=\"h\" x=\"{LEFT}\" y=\"{y:.1}\">{text}</text>");
}

struct Axis {
    /// Seconds at its end.
    until: f64,
    /// Bytes a second at the top of the curve.
    most: f64,
    /// Seconds of the run.
    end: f64,
}

impl Axis {
    fn of(film: &Film, scale: Scale) -> Self {
        Self {
            until: scale.until,
            most: scale.most,
            end: film.end().max(0.001),
        }
    }

    /// Seconds of a part, and bytes a second in each.
    fn speeds(&self, film: &Film) -> (f64, std::vec::IntoIter<f64>) {
        let count = self.parts();
        let part = self.end / at(count);
        let speeds: Vec<_> = film.bytes.parts(count, self.end).iter().map(|b| b / part).collect();
        (part, speeds.into_iter())
    }

    fn x(&self, time: f64) -> f64 {
        LEFT + PLOT * (time / self.until).clamp(0.0, 1.0)
    }

    /// Parts of the run that are told apart in a curve: none shorter than a twentieth of a second, or than a pixel or so.
    fn parts(&self) -> usize {
        let by_width = PLOT * self.end / self.until / 4.0;
        index(by_width.min(self.end / 0.05)).clamp(12, 240)
    }

    fn flow(&self, film: &Film, top: f64) -> Part {
        const HEIGHT: f64 = 84.0;
        let (part, values) = self.speeds(film);
        let (values, most) = (values.as_slice(), self.most);
        let bottom = top + HEIGHT;
        let y = |value: f64| bottom - (HEIGHT - 6.0) * value / most;
        let mut line = format!("M{:.1} {:.1}", self.x(0.0), y(values[0]));
        for (n, value) in values.iter().enumerate() {
            let _ = write!(line, "L{:.1} {:.1}", self.x((at(n) + 0.5) * part), y(*value));
        }
        let _ = write!(line, "L{:.1} {:.1}", self.x(self.end), y(values[values.len() - 1]));
        let area = format!("{line}L{:.1} {bottom:.1}L{LEFT} {bottom:.1}z", self.x(self.end));
        let mut svg = String::new();
        scale(&mut svg, bottom, y(most), &speed(most));
        let _ = writeln!(
            svg,
            "<path class=\"area\" d=\"{area}\"/><path class=\"flow\" d=\"{line}\"/>"
        );
        Part { svg, height: HEIGHT }
    }

    fn active(&self, film: &Film, top: f64) -> Part {
        const HEIGHT: f64 = 38.0;
        let count = self.parts();
        let part = self.end / at(count);
        let most = at(film.jobs()).max(1.0);
        let bottom = top + HEIGHT;
        let y = |value: f64| bottom - (HEIGHT - 4.0) * (value / most).min(1.0);
        let mut line = String::new();
        for (n, busy) in film.busy.parts(count, self.end).iter().enumerate() {
            let (from, to) = (self.x(at(n) * part), self.x(at(n + 1) * part));
            let sign = if n == 0 { 'M' } else { 'L' };
            let _ = write!(line, "{sign}{from:.1} {0:.1}H{to:.1}", y(busy / part));
        }
        let mut svg = String::new();
        scale(&mut svg, bottom, y(most), &film.jobs().to_string());
        let area = format!("{line}V{bottom:.1}H{LEFT}z");
        let _ = writeln!(
            svg,
            "<path class=\"at\" d=\"{area}\"/><path class=\"step\" d=\"{line}\"/>"
        );
        Part { svg, height: HEIGHT }
    }

    /// Retries and push-back, a mark each where they happened.
    fn marks(&self, film: &Film, top: f64) -> Part {
        let (tries, asked) = (film.retries.total(), film.push_backs.total());
        if tries + asked < 0.5 {
            return Part {
                svg: String::new(),
                height: 0.0,
            };
        }
        let count = index(PLOT / 6.0);
        let end = self.until;
        let (retried, pushed) = (film.retries.parts(count, end), film.push_backs.parts(count, end));
        let mut svg = String::new();
        heading(
            &mut svg,
            &format!("retries ({tries:.0}), push-back ({asked:.0})"),
            top + 10.0,
        );
        let y = top + 24.0;
        for (n, (retried, pushed)) in retried.iter().zip(&pushed).enumerate() {
            let x = LEFT + (at(n) + 0.5) * PLOT / at(count);
            let radius = |of: f64| (1.5 + of.sqrt() * 0.5).min(5.0);
            if *pushed > 0.01 {
                let r = radius(*pushed) + 1.0;
                let _ = write!(
                    svg,
                    "<path class=\"f\" d=\"M{x:.1} {:.1}l{r:.1} {:.1}h-{:.1}z\"/>",
                    y - r,
                    1.8 * r,
                    2.0 * r
                );
            } else if *retried > 0.01 {
                let _ = write!(
                    svg,
                    "<circle class=\"w\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\"/>",
                    radius(*retried)
                );
            }
        }
        svg.push('\n');
        Part { svg, height: 34.0 }
    }

    fn pauses(&self, svg: &mut String, film: &Film, bottom: f64) {
        for pause in &film.pauses {
            let (from, to) = (self.x(pause.from), self.x(pause.to.min(self.end)));
            let length = Duration::from_secs_f64(pause.to - pause.from);
            let what = format!("{} asked for a pause of {}", pause.host, in_seconds(length));
            let _ = writeln!(
                svg,
                "<rect class=\"hold\" x=\"{from:.1}\" y=\"16\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
                (to - from).max(1.0),
                bottom - 16.0,
                escaped(&what)
            );
        }
    }

    fn slots(&self, film: &Film, top: f64) -> Part {
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

    fn grid(&self, svg: &mut String, bottom: f64) {
        let mut path = String::new();
        for time in self.marked() {
            let _ = write!(path, "M{:.1} 16V{bottom:.1}", self.x(time));
        }
        let _ = writeln!(svg, "<path class=\"g\" d=\"{path}\"/>");
    }

    fn ticks(&self, svg: &mut String, bottom: f64) {
        for time in self.marked() {
            let x = self.x(time);
            let anchor = match time {
                0.0 => "start",
                _ if x > WIDTH - RIGHT - 20.0 => "end",
                _ => "middle",
            };
            let label = moment(time, self.until);
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
                bottom + 14.0
            );
        }
        svg.push('\n');
    }

    /// The times that are marked on the axis: five to ten of them.
    fn marked(&self) -> Vec<f64> {
        let step = step(self.until);
        (0..=index(self.until / step + 1e-9)).map(|n| at(n) * step).collect()
    }
}

/// Seconds between two marks on an axis of so many.
fn step(until: f64) -> f64 {
    const LONG: [f64; 9] = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
    if until > 75.0 {
        let fits = LONG.into_iter().find(|step| until / step <= 10.0);
        return fits.unwrap_or_else(|| (until / 36_000.0).ceil() * 3600.0);
    }
    let power = 10_f64.powf((until / 10.0).log10().floor());
    let fits = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|step| until / (step * power) <= 10.0);
    fits.unwrap_or(10.0) * power
}

/// A time on an axis of so many seconds.
fn moment(time: f64, until: f64) -> String {
    match step(until) {
        _ if until > 75.0 => seconds_long(time),
        step if step >= 1.0 => format!("{time:.0} s"),
        step if step >= 0.1 => format!("{time:.1} s"),
        _ => format!("{:.0} ms", time * 1000.0),
    }
}

fn seconds_long(time: f64) -> String {
    if time < 1.0 {
        return "0:00".into();
    }
    let whole = index(time.round());
    let (h, m, s) = (whole / 3600, whole / 60 % 60, whole % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m}:{s:02}")
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

/// The line on which a curve stands, the most that it reaches, and how much that is.
fn scale(svg: &mut String, bottom: f64, top: f64, most: &str) {
    let right = LEFT + PLOT;
    let x = LEFT - 6.0;
    let _ = writeln!(
        svg,
        "<path class=\"g\" d=\"M{LEFT} {bottom:.1}H{right}M{LEFT} {top:.1}H{right}\"/>\
         <text x=\"{x}\" y=\"{:.1}\" text-anchor=\"end\">{most}</text>\
         <text x=\"{x}\" y=\"{:.1}\" text-anchor=\"end\">0</text>",
        top + 4.0,
        bottom + 1.0
    );
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

/// Text that means nothing to XML or HTML, and nothing to whoever shows it.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    let is_special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || (c.is_control() && c != '\n');
    if !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if is_special(c) => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_five_to_ten_round_marks() {
        for (until, first, marks) in [
            (0.05, "5 ms", 11),
            (0.33, "50 ms", 7),
            (1.09, "0.2 s", 6),
            (9.9, "1 s", 10),
            (18.1, "2 s", 10),
            (70.0, "10 s", 8),
            (76.4, "0:15", 6),
            (3000.0, "5:00", 11),
            (40_000.0, "2:00:00", 6),
        ] {
            let axis = Axis {
                until,
                most: 1.0,
                end: until,
            };
            let marked = axis.marked();
            assert_eq!(
                (moment(marked[1], until).as_str(), marked.len()),
                (first, marks),
                "{until}"
            );
        }
    }

    #[test]
    fn what_a_stranger_wrote_stays_text() {
        assert_eq!(
            escaped("<b a='x'>&\"\x1b"),
            "&lt;b a=&#39;x&#39;&gt;&amp;&quot;\u{FFFD}"
        );
        assert_eq!(escaped("plain データ"), "plain データ");
    }
}
