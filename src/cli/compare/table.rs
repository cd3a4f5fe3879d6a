//! The table: as many of its columns as there is room for.

use crate::compare::{Comparison, Level};
use crate::report::speed;

use super::text::{Paint, short, time};

/// Shown where there is nothing to show.
const UNKNOWN: &str = "--";

/// What a column tells; in the order in which they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Jobs,
    Wall,
    Range,
    Speed,
    SpeedUp,
    Efficiency,
    Median,
    Longest,
    Failed,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Jobs,
        Self::Wall,
        Self::Range,
        Self::Speed,
        Self::SpeedUp,
        Self::Efficiency,
        Self::Median,
        Self::Longest,
        Self::Failed,
    ];

    /// The first goes first where there is no room for all.
    const DISPENSABLE: [Self; 6] = [
        Self::Median,
        Self::Longest,
        Self::Speed,
        Self::Range,
        Self::Efficiency,
        Self::SpeedUp,
    ];

    /// Its head, and its width with the gap before it, unless a cell needs more.
    fn head(self, repeated: bool) -> (&'static str, usize) {
        match self {
            Self::Jobs => ("jobs", 7),
            Self::Wall if repeated => ("mean ± σ", 10),
            Self::Wall => ("wall", 10),
            Self::Range => ("[min … max]", 13),
            Self::Speed => ("speed", 12),
            Self::SpeedUp => ("speed-up", 10),
            Self::Efficiency => ("efficiency", 12),
            Self::Median => ("p50 file", 11),
            Self::Longest => ("max file", 10),
            Self::Failed => ("failed", 8),
        }
    }

    fn cell(self, all: &Comparison, level: &Level) -> Option<String> {
        Some(match self {
            Self::Jobs => level.jobs.to_string(),
            Self::Wall => wall(level)?,
            Self::Range => range(level)?,
            Self::Speed => level.wall().map(|_| speed(level.speed()))?,
            Self::SpeedUp => format!("{:.2}x", all.speed_up(level)?),
            Self::Efficiency => format!("{:.0} %", all.efficiency(level)? * 100.0),
            Self::Median => time(level.files().median()?),
            Self::Longest => time(level.files().longest()?),
            Self::Failed => level.wall().map(|_| level.failed().to_string())?,
        })
    }
}

fn wall(level: &Level) -> Option<String> {
    let stats = level.wall()?;
    let mean = time(stats.mean);
    Some(match stats.stddev {
        Some(stddev) => format!("{mean} ± {}", short(stddev)),
        None => mean,
    })
}

fn range(level: &Level) -> Option<String> {
    let stats = level.wall()?;
    Some(format!("[{} … {}]", time(stats.min), time(stats.max)))
}

struct Column {
    kind: Kind,
    head: &'static str,
    cells: Vec<String>,
    width: usize,
}

impl Column {
    fn new(kind: Kind, all: &Comparison, repeated: bool) -> Self {
        let (head, width) = kind.head(repeated);
        let cells = all.levels.iter();
        let cells: Vec<_> = cells
            .map(|level| kind.cell(all, level).unwrap_or_else(|| UNKNOWN.into()))
            .collect();
        let widest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        Self {
            kind,
            head,
            cells,
            width: width.max(widest + 2),
        }
    }

    fn show(&self, row: usize, paint: Paint) -> String {
        let (cell, width) = (&self.cells[row], self.width);
        let text = format!("{cell:>width$}");
        match self.kind {
            Kind::Failed if cell != "0" && cell != UNKNOWN => paint.red(&text),
            _ => text,
        }
    }
}

/// A line for the heads and one for each level, each ended by a line feed.
pub(super) fn table(all: &Comparison, columns: usize, paint: Paint) -> String {
    let shown = fitting(all, columns);
    let heads = shown.iter().map(|column| format!("{:>1$}", column.head, column.width));
    let mut text = paint.bold(&heads.collect::<String>());
    text.push('\n');
    for row in 0..all.levels.len() {
        text.extend(shown.iter().map(|column| column.show(row, paint)));
        text.push('\n');
    }
    text
}

fn fitting(all: &Comparison, columns: usize) -> Vec<Column> {
    let repeated = all.levels.iter().any(|level| level.runs.len() > 1);
    let kinds = Kind::ALL.into_iter().filter(|kind| repeated || *kind != Kind::Range);
    let mut shown: Vec<_> = kinds.map(|kind| Column::new(kind, all, repeated)).collect();
    for kind in Kind::DISPENSABLE {
        if shown.iter().map(|column| column.width).sum::<usize>() <= columns {
            break;
        }
        shown.retain(|column| column.kind != kind);
    }
    shown
}
