//! `--compare` and `--demo`: the same list at several levels of concurrency, each run with the usual view.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use anyhow::Context as _;

use super::args::Args;
use super::compare::{View, Views, render};
use super::report::Comparisons;
use super::signals::Signals;
use super::sources::{self, Source};
use super::view::{self, Verbosity, ViewOptions, Viewer};
use super::{Exit, PATIENCE, demo, fitting, limits, out, usage};
use crate::compare::{Comparison, Plan, Round};
use crate::event::Events;
use crate::lock::lock;
use crate::report::About;
use crate::settings::Settings;
use crate::stop::Stop;

/// Runs the list at each level and compares.
pub(super) async fn compare(
    args: &Args,
    settings: Settings,
    levels: Vec<NonZeroUsize>,
    sources: Vec<Source>,
    options: ViewOptions,
    signals: Signals,
) -> anyhow::Result<Exit> {
    let mut levels: Vec<_> = levels
        .into_iter()
        .map(|jobs| fitting(jobs, options.verbosity))
        .collect();
    levels.dedup();
    let plan = Plan {
        runs: args.runs,
        warmup: args.warmup,
        ..Plan::once(levels)
    };
    let (reports, mut about) = (Comparisons::open(&args.reports)?, about(args));
    let screen = Screen::new(options);
    let mut views = screen.views(&plan);
    let (stop, signal) = (Stop::new(), signals.first());
    let work = async {
        let kept = stop.or(sources::kept(sources)).await;
        let Some(sources) = kept.transpose().context("cannot keep the list for a second reading")? else {
            return anyhow::Ok(None);
        };
        let compared = crate::compare::compare(
            &settings,
            &plan,
            || sources::entries(&sources, args.checksum.as_ref()),
            &mut views,
            &stop,
        );
        Ok(Some(compared.await?))
    };
    let comparison = tokio::select! {
        biased;
        () = signals.heed(stop.clone()) => {
            screen.leave();
            return Ok(signal.exit());
        }
        done = work => done?,
    };
    let Some(comparison) = comparison else {
        return Ok(signal.exit());
    };
    screen.show(&comparison);
    about.usage = usage::so_far();
    let is_written = reports.write(&about, &comparison);
    Ok(match () {
        () if stop.is_asked() => signal.exit(),
        () if comparison.is_complete() && is_written => Exit::Complete,
        () => Exit::Incomplete,
    })
}

fn about(args: &Args) -> About {
    About {
        command: args.command.clone(),
        started_at: SystemTime::now(),
        jobs: args.jobs.get(),
        exit_code: None,
        usage: None,
    }
}

/// Serves a list from inside the process and compares one job with many on it.
pub(super) async fn demo(args: &Args, options: ViewOptions, signals: Signals) -> anyhow::Result<Exit> {
    let plan = demo::plan(limits::fit);
    let (reports, mut about) = (Comparisons::open(&args.reports)?, about(args));
    let screen = Screen::new(options);
    screen.say(&demo::opening(screen.columns));
    screen.say("");
    let dir: PathBuf = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut views = screen.views(&plan);
    let (stop, signal) = (Stop::new(), signals.first());
    let shown = tokio::select! {
        biased;
        () = signals.heed(stop.clone()) => {
            screen.leave();
            return Ok(signal.exit());
        }
        shown = demo::demo(&plan, dir, &mut views, &stop) => shown?,
    };
    screen.show(&shown.comparison);
    about.usage = usage::so_far();
    let is_written = reports.write(&about, &shown.comparison);
    if stop.is_asked() {
        return Ok(signal.exit());
    }
    let is_right = shown.is_right();
    if !is_right || !screen.is_quiet() {
        out::raw(&shown.conclusion(screen.columns));
    }
    Ok(if is_right && is_written {
        Exit::Complete
    } else {
        Exit::Incomplete
    })
}

/// Where the runs of a comparison are shown, one after the other.
struct Screen {
    options: ViewOptions,
    columns: usize,
    /// The view that is open, to be left in a hurry.
    open: Arc<Mutex<Option<Viewer>>>,
}

impl Screen {
    fn new(options: ViewOptions) -> Self {
        Self {
            options,
            columns: view::columns(),
            open: Arc::default(),
        }
    }

    fn is_quiet(&self) -> bool {
        self.options.verbosity == Verbosity::Quiet
    }

    fn say(&self, line: &str) {
        if !self.is_quiet() {
            out::line(line);
        }
    }

    fn views(&self, plan: &Plan) -> Views<impl FnMut(&Round) -> View + use<>, impl FnMut(&str) + use<>> {
        let (options, open, is_quiet) = (self.options, Arc::clone(&self.open), self.is_quiet());
        let begin = move |round: &Round| {
            let (events, receiver) = Events::channel();
            let jobs = round.jobs.get();
            // Without a thread for it, the run goes on unseen.
            if let Ok(viewer) = view::spawn(receiver, ViewOptions { jobs, ..options }) {
                lock(&open).replace(viewer);
            }
            let open = Arc::clone(&open);
            let finish = move || {
                let viewer = lock(&open).take();
                viewer.into_iter().for_each(Viewer::finish);
            };
            View {
                events,
                finish: Box::new(finish),
            }
        };
        let say = move |line: &str| {
            if !is_quiet {
                out::line(line);
            }
        };
        Views::new(plan, begin, say)
    }

    fn leave(&self) {
        if let Some(viewer) = lock(&self.open).take() {
            viewer.leave(PATIENCE);
        }
    }

    /// The comparison is what was asked for, so it is shown however quiet the rest is to be.
    fn show(&self, comparison: &Comparison) {
        self.say("");
        out::raw(&render(comparison, self.columns, self.options.colour));
    }
}
