//! A comparison for other programs, under the names that hyperfine uses, so that its scripts can plot it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::{Comparison, Level};
use crate::report::{About, FORMAT, in_seconds, rfc3339, secs, size, speed};

/// A comparison as data. Times are seconds, sizes bytes.
#[derive(Debug, Serialize)]
struct Document<'a> {
    v: u32,
    haul: &'static str,
    command: &'a [String],
    started_at: String,
    stopped: bool,
    /// The best level and what it is bound by.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    results: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Verdict {
    jobs: usize,
    bound: String,
}

#[derive(Debug, Serialize)]
struct Measured {
    command: String,
    mean: f64,
    stddev: Option<f64>,
    median: f64,
    min: f64,
    max: f64,
    times: Vec<f64>,
    parameters: Parameters,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed_up: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    efficiency: Option<f64>,
    speed_mean: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_max: Option<f64>,
    failed: u64,
}

/// hyperfine has text for every parameter.
#[derive(Debug, Serialize)]
struct Parameters {
    jobs: String,
}

impl Comparison {
    /// As a JSON file. Levels without a measured run are left out.
    pub fn to_json(&self, about: &About) -> String {
        let verdict = self.bound().map(|(best, bound)| Verdict {
            jobs: self.levels[best].jobs.get(),
            bound: bound.to_string(),
        });
        let document = Document {
            v: FORMAT,
            haul: env!("CARGO_PKG_VERSION"),
            command: &about.command,
            started_at: rfc3339(about.started_at),
            stopped: self.stopped,
            verdict,
            results: self.measured(about),
        };
        // Plain data with names for keys: nothing in here can fail.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    fn measured(&self, about: &About) -> Vec<Measured> {
        let levels = self.levels.iter();
        levels.filter_map(|level| self.measured_at(level, about)).collect()
    }

    fn measured_at(&self, level: &Level, about: &About) -> Option<Measured> {
        let (wall, files) = (level.wall()?, level.files());
        Some(Measured {
            command: command_at(level, about),
            mean: secs(wall.mean),
            stddev: wall.stddev.map(secs),
            median: secs(wall.median),
            min: secs(wall.min),
            max: secs(wall.max),
            times: level.runs.iter().map(|run| secs(run.summary.wall)).collect(),
            parameters: Parameters {
                jobs: level.jobs.to_string(),
            },
            speed_up: self.speed_up(level),
            efficiency: self.efficiency(level),
            speed_mean: level.speed().round(),
            file_p50: files.median().map(secs),
            file_max: files.longest().map(secs),
            failed: level.failed(),
        })
    }

    /// As CSV (RFC 4180), a row a level.
    pub fn write_csv(&self, about: &About, to: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record([
            "command",
            "mean",
            "stddev",
            "median",
            "min",
            "max",
            "parameter_jobs",
            "speed_up",
            "efficiency",
            "speed_mean",
            "file_p50",
            "file_max",
            "failed",
        ])?;
        let shown = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        for level in self.measured(about) {
            writer.write_record([
                level.command,
                level.mean.to_string(),
                shown(level.stddev),
                level.median.to_string(),
                level.min.to_string(),
                level.max.to_string(),
                level.parameters.jobs,
                shown(level.speed_up),
                shown(level.efficiency),
                level.speed_mean.to_string(),
                shown(level.file_p50),
                shown(level.file_max),
                level.failed.to_string(),
            ])?;
        }
        writer.flush()
    }

    /// A row a level for people, the first row the heading.
    pub fn table(&self) -> Vec<Vec<String>> {
        const HEAD: [&str; 8] = [
            "jobs",
            "wall",
            "speed",
            "speed-up",
            "efficiency",
            "p50 file",
            "max file",
            "failed",
        ];
        let time = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), in_seconds);
        let row = |level: &Level| {
            let wall = level.wall()?;
            let spread = wall
                .stddev
                .map_or_else(String::new, |stddev| format!(" ± {}", in_seconds(stddev)));
            Some(vec![
                level.jobs.to_string(),
                format!("{}{spread}", in_seconds(wall.mean)),
                speed(level.speed()),
                format!("{:.2}x", self.speed_up(level).unwrap_or_default()),
                format!("{:.0} %", self.efficiency(level).unwrap_or_default() * 100.0),
                time(level.files().median()),
                time(level.files().longest()),
                level.failed().to_string(),
            ])
        };
        let head = HEAD.map(ToOwned::to_owned).to_vec();
        std::iter::once(head)
            .chain(self.levels.iter().filter_map(row))
            .collect()
    }

    /// The best level and what it is bound by, in words.
    pub fn verdict(&self) -> Option<String> {
        let (best, bound) = self.bound()?;
        Some(format!("{} jobs: {bound}", self.levels[best].jobs))
    }

    /// As a table of Markdown, for people.
    pub fn to_markdown(&self, about: &About) -> String {
        let command = about.command.join(" ").replace('`', "'");
        let mut text = format!("# haul: a comparison\n\n`{command}`, {}\n\n", rfc3339(about.started_at));
        for (number, row) in self.table().iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if number == 0 {
                text.push_str("|--:|--:|--:|--:|--:|--:|--:|--:|\n");
            }
        }
        if let Some(run) = self.levels.iter().find_map(|level| level.runs.first()) {
            let files = run.summary.files();
            let _ = writeln!(text, "\n{files} files, {}.", size(run.summary.received));
        }
        if let Some(verdict) = self.verdict() {
            let _ = writeln!(text, "\n{verdict}.");
        }
        text
    }
}

/// The command that would make a run of this level.
fn command_at(level: &Level, about: &About) -> String {
    const COMPARING: [&str; 5] = ["--compare", "--jobs", "--report", "--runs", "--warmup"];
    let is_of_a_run = |word: &&String| !COMPARING.contains(&word.split('=').next().unwrap_or_default());
    let mut words: Vec<_> = about.command.iter().filter(is_of_a_run).cloned().collect();
    words.insert(1.min(words.len()), format!("--jobs={}", level.jobs));
    words.join(" ")
}
