//! `--compare` and `--demo`: the same list at several levels of concurrency, each run with the usual view.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use anyhow::Context as _;
use tokio::sync::mpsc::Receiver;

use super::args::Args;
use super::compare::{View, Views, render};
use super::download::is_seen;
use super::report::Comparisons;
use super::signals::Signals;
use super::sources::{self, Source};
use super::tap::{Listeners, Tap};
use super::view::{self, Verbosity, ViewOptions, Viewer};
use super::{Exit, PATIENCE, demo, fitting, limits, out, usage};
use crate::compare::{Comparison, Plan, Round, Turn};
use crate::event::{Event, Events, Interest};
use crate::lock::lock;
use crate::report::About;
use crate::report::picture::Film;
use crate::settings::Settings;
use crate::stop::Stop;

/// Runs the list at each level and compares.
pub(super) async fn compare(
    args: &Args,
    settings: Settings,
    levels: Vec<NonZeroUsize>,
    sources: Vec<Source>,
    options: ViewOptions,
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
    let reading = sources::reading(args.format.into(), &settings.dir);
    let (reports, mut about) = (Comparisons::open(&args.reports)?, about(args));
    let screen = Screen::new(args, options);
    let mut views = screen.views(&plan);
    let (stop, signals) = (Stop::new(), Signals::listen()?);
    let signal = signals.first();
    let work = async {
        let kept = stop.or(sources::kept(sources)).await;
        let Some(sources) = kept.transpose().context("cannot keep the list for a second reading")? else {
            return anyhow::Ok(None);
        };
        let compared = crate::compare::compare(
            &settings,
            &plan,
            || sources::entries(&sources, &reading, args),
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
    let is_written = reports.write(&about, &comparison, &screen.films());
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
pub(super) async fn demo(args: &Args, options: ViewOptions) -> anyhow::Result<Exit> {
    let plan = demo::plan(limits::fit);
    let (reports, mut about) = (Comparisons::open(&args.reports)?, about(args));
    let screen = Screen::new(args, options);
    screen.say(&demo::opening(screen.columns));
    screen.say("");
    let dir: PathBuf = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut views = screen.views(&plan);
    let (stop, signals) = (Stop::new(), Signals::listen()?);
    let signal = signals.first();
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
    let is_written = reports.write(&about, &shown.comparison, &screen.films());
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

/// Puts a film between a run and its view. Without a thread for it, the run is not seen.
fn filmed(events: Receiver<Event>, jobs: usize, is_wanted: bool) -> (Option<Tap>, Receiver<Event>) {
    if !is_wanted {
        return (None, events);
    }
    let listeners = Listeners {
        film: Some(Film::new(Instant::now(), jobs)),
        ..Listeners::default()
    };
    match Tap::open(events, listeners, Interest::All) {
        Ok((tap, onward)) => (Some(tap), onward),
        Err(_) => (None, tokio::sync::mpsc::channel(1).1),
    }
}

/// Where the runs of a comparison are shown, one after the other.
struct Screen {
    options: ViewOptions,
    columns: usize,
    /// The view that is open, to be left in a hurry.
    open: Arc<Mutex<Option<Viewer>>>,
    /// What was seen of the first run of each level, where a picture is wanted.
    films: Option<Films>,
}

/// By the index of their level.
type Films = Arc<Mutex<BTreeMap<usize, Film>>>;

impl Screen {
    fn new(args: &Args, options: ViewOptions) -> Self {
        Self {
            options,
            columns: view::columns(),
            open: Arc::default(),
            films: is_seen(args).then(Arc::default),
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
        let films = self.films.clone();
        let begin = move |round: &Round| {
            let (events, receiver) = Events::channel();
            let jobs = round.jobs.get();
            let films = films.clone().filter(|_| round.turn == Turn::Measured(1));
            let (tap, receiver) = filmed(receiver, jobs, films.is_some());
            // Without a thread for it, the run goes on unseen.
            if let Ok(viewer) = view::spawn(receiver, ViewOptions { jobs, ..options }) {
                lock(&open).replace(viewer);
            }
            let open = Arc::clone(&open);
            let level = round.level;
            let finish = move || {
                let film = tap.and_then(|tap| tap.finish().film);
                if let (Some(film), Some(films)) = (film, films) {
                    lock(&films).insert(level, film);
                }
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

    /// What was seen.
    fn films(&self) -> BTreeMap<usize, Film> {
        self.films
            .as_ref()
            .map(|films| std::mem::take(&mut *lock(films)))
            .unwrap_or_default()
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
