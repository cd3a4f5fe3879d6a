//! The axis of time that everything in a picture stands on.

use std::fmt::Write as _;

use super::film::Film;
use super::series::{at, index};

/// Units of the whole picture from left to right.
pub(super) const WIDTH: f64 = 1000.0;
/// Where the axis of time begins.
pub(super) const LEFT: f64 = 66.0;
/// What is free beyond its end.
const RIGHT: f64 = 12.0;
/// How long it is.
pub(super) const PLOT: f64 = WIDTH - LEFT - RIGHT;

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

/// Where things are.
pub(super) struct Axis {
    /// Seconds at its end.
    pub(super) until: f64,
    /// Bytes a second at the top of the curve.
    pub(super) most: f64,
    /// Seconds of the run.
    pub(super) end: f64,
}

impl Axis {
    pub(super) fn of(film: &Film, scale: Scale) -> Self {
        Self {
            until: scale.until,
            most: scale.most,
            end: film.end().max(0.001),
        }
    }

    /// Seconds of a part, and bytes a second in each.
    pub(super) fn speeds(&self, film: &Film) -> (f64, std::vec::IntoIter<f64>) {
        let count = self.parts();
        let part = self.end / at(count);
        let speeds: Vec<_> = film.bytes.parts(count, self.end).iter().map(|b| b / part).collect();
        (part, speeds.into_iter())
    }

    pub(super) fn x(&self, time: f64) -> f64 {
        LEFT + PLOT * (time / self.until).clamp(0.0, 1.0)
    }

    /// Parts of the run that are told apart in a curve: none shorter than a twentieth of a second, or than a pixel or so.
    pub(super) fn parts(&self) -> usize {
        let by_width = PLOT * self.end / self.until / 4.0;
        index(by_width.min(self.end / 0.05)).clamp(12, 240)
    }

    pub(super) fn grid(&self, svg: &mut String, bottom: f64) {
        let mut path = String::new();
        for time in self.marked() {
            let _ = write!(path, "M{:.1} 16V{bottom:.1}", self.x(time));
        }
        let _ = writeln!(svg, "<path class=\"g\" d=\"{path}\"/>");
    }

    pub(super) fn ticks(&self, svg: &mut String, bottom: f64) {
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
}
