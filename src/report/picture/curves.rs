//! Curves over time: the speed, the transfers at once, and marks where a server pushed back.

use std::fmt::Write as _;
use std::time::Duration;

use super::axis::{Axis, LEFT, PLOT};
use super::draw::{Part, escaped, heading};
use super::film::Film;
use super::series::{at, index};
use crate::report::{in_seconds, speed};

impl Axis {
    pub(super) fn flow(&self, film: &Film, top: f64) -> Part {
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

    pub(super) fn active(&self, film: &Film, top: f64) -> Part {
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
    pub(super) fn marks(&self, film: &Film, top: f64) -> Part {
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

    pub(super) fn pauses(&self, svg: &mut String, film: &Film, bottom: f64) {
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
