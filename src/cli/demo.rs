//! `--demo`: what many connections bring, seen in ten seconds and without a network.
//!
//! A small server ([`server`]) runs inside this process, a task for each connection. It is slow the way distant servers
//! are: an answer takes a while to begin, and a connection carries only so much. The same list is fetched from it with one
//! connection and with sixteen, by the same code as `--compare`; every file is checked against what was served.

mod files;
mod server;

use std::fmt::Write as _;
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::cli::compare::wrap;
use crate::compare::{Bound, Comparison, Observer, Plan, Round, Run, compare};
use crate::error::os;
use crate::event::Events;
use crate::list;
use crate::report::{size, speed};
use crate::settings::Settings;
use crate::stop::Stop;

use files::ServedFile;
use server::{Pace, Server};

/// Connections at once, where the first run has one.
const JOBS: usize = 16;
/// Wrong files that are named.
const NAMED: usize = 10;

/// What came of the demonstration.
#[derive(Debug)]
pub(crate) struct Demonstration {
    /// What was measured, as with `--compare`.
    pub(crate) comparison: Comparison,
    /// Files that were compared with what was served.
    checked: usize,
    /// What was wrong with which of them.
    wrong: Vec<String>,
}

/// The runs of the demonstration: one connection, then sixteen, or as many as `fit` says there are file descriptors for.
/// Both ends of a connection are in this process, so it takes three descriptors where a job usually takes two.
pub(crate) fn plan(fit: impl Fn(NonZeroUsize) -> NonZeroUsize) -> Plan {
    let usual = NonZeroUsize::MIN.saturating_add(3 * JOBS / 2 - 1);
    let most = (fit(usual).get() * 2 / 3).clamp(1, JOBS);
    let mut levels = vec![1, most];
    levels.dedup();
    Plan::once(levels.into_iter().filter_map(NonZeroUsize::new).collect())
}

/// What is about to be seen, to be shown before it begins on a screen of so many columns.
pub(crate) fn opening(columns: usize) -> String {
    let files = files::all();
    let bytes: usize = files.iter().map(|file| file.size).sum();
    let pace = Pace::default();
    let text = format!(
        "A server inside this process has {} files, {}. It answers after {} ms and sends {} on each connection.",
        files.len(),
        size(bytes as u64),
        pace.delay.as_millis(),
        speed(pace.speed()),
    );
    wrap(&text, columns)
}

/// Serves, fetches, checks. The files go into fresh folders below `dir`, which are removed again, also when `stop` is
/// asked half-way.
pub(crate) async fn demo(
    plan: &Plan,
    dir: PathBuf,
    observer: &mut impl Observer,
    stop: &Stop,
) -> anyhow::Result<Demonstration> {
    at_pace(Pace::default(), plan, dir, observer, stop).await
}

async fn at_pace(
    pace: Pace,
    plan: &Plan,
    dir: PathBuf,
    observer: &mut impl Observer,
    stop: &Stop,
) -> anyhow::Result<Demonstration> {
    let files = files::all();
    let server = Server::start(Arc::clone(&files), pace).await;
    let server = server.context("cannot listen on 127.0.0.1")?;
    let list = list_of(&files, server.address());
    // The defaults and nothing else: no proxy, no credentials, whatever the environment says.
    let settings = Settings {
        dir,
        ..Settings::default()
    };
    let mut checking = Checking {
        observer,
        files,
        checked: 0,
        wrong: Vec::new(),
    };
    let read = || list::from_lines(Cursor::new(list.clone()));
    let comparison = compare(&settings, plan, read, &mut checking, stop).await?;
    Ok(Demonstration {
        comparison,
        checked: checking.checked,
        wrong: checking.wrong,
    })
}

/// The list as it would stand in a file: a URL a line.
fn list_of(files: &[ServedFile], server: SocketAddr) -> String {
    files.iter().fold(String::new(), |mut list, file| {
        let _ = writeln!(list, "http://{server}/{}", file.name);
        list
    })
}

/// Looks at the files of each run before they are removed.
struct Checking<'a, O> {
    /// Who watches besides.
    observer: &'a mut O,
    files: Arc<[ServedFile]>,
    checked: usize,
    wrong: Vec<String>,
}

impl<O: Observer> Observer for Checking<'_, O> {
    fn begin(&mut self, round: &Round) -> Events {
        self.observer.begin(round)
    }

    async fn end(&mut self, round: &Round, dir: &Path, run: &Run) {
        self.observer.end(round, dir, run).await;
        if run.summary.stopped {
            return;
        }
        for file in self.files.iter() {
            self.checked += 1;
            if let Err(why) = check(dir, file).await {
                self.wrong
                    .push(format!("{} with -j {}: {}", file.name, round.jobs, os(&why)));
            }
        }
    }
}

async fn check(dir: &Path, file: &ServedFile) -> io::Result<()> {
    if tokio::fs::read(dir.join(&file.name)).await? == file.body() {
        Ok(())
    } else {
        Err(io::Error::other("is not what was served"))
    }
}

impl Demonstration {
    /// Is every file of every run there, and right?
    pub(crate) fn is_right(&self) -> bool {
        self.comparison.is_complete() && self.wrong.is_empty()
    }

    /// What was seen and what to try next, to be shown below the comparison on a screen of so many columns. Every line
    /// ends with a line feed.
    pub(crate) fn conclusion(&self, columns: usize) -> String {
        let said = if self.is_right() { self.seen() } else { self.missed() };
        let mut text = said.iter().fold(String::new(), |mut text, sentence| {
            let _ = writeln!(text, "{}", wrap(sentence, columns));
            text
        });
        if self.is_right() {
            text.push_str("\nNow a list of your own:  haul urls.txt\n");
            text.push_str("and what it gains:       haul --compare=1,4,16 urls.txt\n");
        }
        text
    }

    fn seen(&self) -> Vec<String> {
        let mut seen = Vec::new();
        let levels = &self.comparison.levels;
        if let [_, .., last] = &levels[..]
            && let Some(times) = self.comparison.speed_up(last)
        {
            seen.push(format!(
                "{} connections were {times:.1} times as fast as one: while one waits for its answer, others carry bytes.",
                last.jobs
            ));
        }
        if let Some((_, Bound::LongestFile(_))) = self.comparison.bound() {
            seen.push("Now all wait for the longest file, and no number of connections makes that one shorter.".into());
        }
        seen.push(format!(
            "All {} files were right, byte for byte, and are removed again.",
            self.checked
        ));
        seen
    }

    fn missed(&self) -> Vec<String> {
        let named = self.wrong.iter().take(NAMED).map(|wrong| format!("wrong: {wrong}"));
        let more = self.wrong.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("wrong: {more} more"));
        let removed = "Everything is removed again.".to_owned();
        named.chain(more).chain([removed]).collect()
    }
}

#[cfg(test)]
mod tests;
