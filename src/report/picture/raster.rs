//! Too many entries to draw each: what every slot did, a column of time after the other.

use super::series::{at, index};
use crate::report::{Phase, Spans};

/// Columns of time. When they do not reach, each becomes twice as wide.
pub(super) const COLUMNS: usize = 920;
/// Rows at most. With more slots than that, several share one.
const ROWS: usize = 64;
/// What is told apart.
const KINDS: usize = 4;
/// Of a column's time, for it to be drawn.
const VISIBLE: f32 = 0.08;

/// What a slot did in a column of time, in seconds of each kind.
type Cell = [f32; KINDS];

/// What all slots did.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    rows: Vec<Vec<Cell>>,
    /// Columns in which something failed, by rows.
    failed: Vec<Vec<bool>>,
    /// Seconds of a column.
    width: f64,
    /// Slots of a row.
    sharing: f64,
}

/// Columns of one row that are alike: from, to, what was mostly done.
pub(super) type Run = (usize, usize, Phase);

impl Raster {
    pub(super) fn new(jobs: usize, until: f64) -> Self {
        let rows = jobs.clamp(1, ROWS);
        Self {
            rows: vec![vec![Cell::default(); COLUMNS]; rows],
            failed: vec![vec![false; COLUMNS]; rows],
            width: (until / at(COLUMNS)).max(0.001),
            sharing: at(jobs.max(1)) / at(rows),
        }
    }

    /// A stretch of spans that held one slot.
    pub(super) fn add(&mut self, begin: f64, spans: &[(Phase, f64)], has_failed: bool) {
        let end = begin + spans.iter().map(|(_, length)| length).sum::<f64>();
        self.reach(end);
        let row = self.row_with_room(begin, end);
        let mut time = begin;
        for &(phase, length) in spans {
            self.paint(row, time, time + length, phase);
            time += length;
        }
        if has_failed {
            let column = self.column(end);
            self.failed[row][column] = true;
        }
    }

    /// The first row that has this time left. Where none seems to have, the one with the most left at its beginning.
    fn row_with_room(&self, begin: f64, end: f64) -> usize {
        let (first, last) = (self.column(begin), self.column(end));
        let has_room = |row: &&Vec<Cell>| {
            (first..=last).all(|column| sum(&row[column]) + self.overlap(column, begin, end) <= self.room())
        };
        let free = self.rows.iter().position(|row| has_room(&row));
        free.unwrap_or_else(|| {
            let rows = self.rows.iter().enumerate();
            let idlest = rows.min_by(|(_, a), (_, b)| sum(&a[first]).total_cmp(&sum(&b[first])));
            idlest.map_or(0, |(row, _)| row)
        })
    }

    /// Seconds that fit into a cell, and a little for rounding.
    fn room(&self) -> f32 {
        single(self.width * self.sharing * 1.02)
    }

    fn paint(&mut self, row: usize, from: f64, to: f64, phase: Phase) {
        for column in self.column(from)..=self.column(to) {
            let time = self.overlap(column, from, to);
            self.rows[row][column][kind(phase)] += time;
        }
    }

    fn overlap(&self, column: usize, from: f64, to: f64) -> f32 {
        let begin = at(column) * self.width;
        single((to.min(begin + self.width) - from.max(begin)).max(0.0))
    }

    fn column(&self, time: f64) -> usize {
        index(time / self.width).min(COLUMNS - 1)
    }

    fn reach(&mut self, time: f64) {
        while time >= self.width * at(COLUMNS) {
            self.width *= 2.0;
            for row in &mut self.rows {
                halve(row, |a, b| std::array::from_fn(|kind| a[kind] + b[kind]));
            }
            for row in &mut self.failed {
                halve(row, |a, b| a || b);
            }
        }
    }

    /// Seconds of a column.
    pub(super) fn width(&self) -> f64 {
        self.width
    }

    /// Rows down to the last one in use: columns that are alike, and the columns in which something failed.
    pub(super) fn rows(&self) -> Vec<(Vec<Run>, Vec<usize>)> {
        let rows = self.rows.iter().zip(&self.failed);
        let mut rows: Vec<_> = rows.map(|(row, failed)| (self.runs(row), marked(failed))).collect();
        while rows
            .last()
            .is_some_and(|(runs, failed)| runs.is_empty() && failed.is_empty())
        {
            rows.pop();
        }
        rows
    }

    fn runs(&self, row: &[Cell]) -> Vec<Run> {
        let visible = single(self.width) * VISIBLE;
        let mut runs: Vec<Run> = Vec::new();
        for (column, cell) in row.iter().enumerate().filter(|(_, cell)| sum(cell) >= visible) {
            let mostly = dominant(cell);
            match runs.last_mut() {
                Some((_, to, phase)) if *to == column && *phase == mostly => *to += 1,
                _ => runs.push((column, column + 1, mostly)),
            }
        }
        runs
    }
}

fn marked(failed: &[bool]) -> Vec<usize> {
    let failed = failed.iter().enumerate();
    failed
        .filter(|(_, failed)| **failed)
        .map(|(column, _)| column)
        .collect()
}

fn halve<T: Copy + Default>(row: &mut [T], both: impl Fn(T, T) -> T) {
    for column in 0..row.len() {
        let pair = (row.get(2 * column), row.get(2 * column + 1));
        row[column] = both(pair.0.copied().unwrap_or_default(), pair.1.copied().unwrap_or_default());
    }
}

fn sum(cell: &Cell) -> f32 {
    cell.iter().sum()
}

const PHASES: [Phase; KINDS] = [Phase::Body, Phase::Wait, Phase::Connect, Phase::Local];

fn kind(phase: Phase) -> usize {
    PHASES.iter().position(|known| *known == phase).unwrap_or(KINDS - 1)
}

fn dominant(cell: &Cell) -> Phase {
    let most = PHASES.iter().zip(cell).max_by(|(_, a), (_, b)| a.total_cmp(b));
    most.map_or(Phase::Local, |(phase, _)| *phase)
}

fn single(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "it is drawn in pixels")]
    let value = value as f32;
    value
}

/// A stretch that held a slot: when it began, in seconds after the first, and what was done for how long.
pub(super) type Stretch = (f64, Vec<(Phase, f64)>);

/// The stretches of an entry that held a slot.
pub(super) fn stretches(spans: &Spans) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut time, mut is_open) = (0.0, false);
    for span in spans.iter() {
        let length = span.length.as_secs_f64();
        if span.phase == Phase::Rest {
            is_open = false;
        } else {
            if !is_open {
                stretches.push((time, Vec::new()));
            }
            is_open = true;
            stretches
                .iter_mut()
                .next_back()
                .into_iter()
                .for_each(|(_, s)| s.push((span.phase, length)));
        }
        time += length;
    }
    stretches
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn slots_fill_from_the_first_and_the_time_may_grow() {
        let mut raster = Raster::new(4, 1.0);
        for second in 0..100 {
            raster.add(
                f64::from(second),
                &[(Phase::Wait, 0.3), (Phase::Body, 0.7)],
                second == 50,
            );
        }
        let rows = raster.rows();
        assert_eq!(rows.len(), 1, "one after the other needs one slot");
        assert_eq!(rows[0].1.len(), 1);
        let columns: usize = rows[0].0.iter().map(|(from, to, _)| to - from).sum();
        assert!(at(columns) * raster.width() > 99.0, "{columns} of {}", raster.width());
        raster.add(0.0, &[(Phase::Body, 100.0)], false);
        assert_eq!(raster.rows().len(), 2);
    }

    #[test]
    fn a_wait_without_a_slot_parts_two_stretches() {
        let second = Duration::from_secs(1);
        let spans: Spans = [Phase::Connect, Phase::Wait, Phase::Rest, Phase::Wait, Phase::Body]
            .map(|phase| (phase, second))
            .into_iter()
            .collect();
        let shown: Vec<_> = stretches(&spans)
            .into_iter()
            .map(|(begin, spans)| (begin, spans.len()))
            .collect();
        assert_eq!(shown, [(0.0, 2), (3.0, 2)]);
    }
}
