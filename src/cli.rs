//! The `haul` command: what was asked for becomes settings and sources, a run is watched, and its end becomes an exit
//! status. The only rooms that know a terminal, the environment or a signal are in here.

mod args;
mod environment;
mod failed;
mod limits;
mod out;
mod signals;
mod sources;
mod view;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use tokio::sync::mpsc;

use self::args::Args;
use self::failed::FailedList;
use self::signals::Signals;
use self::sources::Source;
use self::view::{Surroundings, Verbosity, ViewOptions, Viewer};
use crate::event::{Event, Events};
use crate::report::Summary;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::{Hauler, tame};

/// How long an end at once waits for a terminal that takes nothing.
const PATIENCE: Duration = Duration::from_millis(200);

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Every entry has its file.
    Complete,
    /// An entry failed.
    Incomplete,
    /// Wrong usage; nothing was requested.
    Usage,
    /// A signal ended it.
    Signal(i32),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Complete => Self::SUCCESS,
            Exit::Incomplete => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Signal(number) => Self::from(128 + u8::try_from(number).unwrap_or(0)),
        }
    }
}

/// Runs the command that the process was started as.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // To a reader that went away, nothing can be said.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Complete
            }
            .into();
        }
    };
    match command(&args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            out::line(&format!("haul: {}", tame::tame(&format!("{error:#}"))));
            Exit::Usage.into()
        }
    }
}

/// Everything that can be wrong before the first request is an error of this function; later, it is an exit status.
fn command(args: &Args) -> anyhow::Result<Exit> {
    let Some(sources) = sources::named(&args.sources) else {
        out::raw(&Args::command().render_help().to_string());
        return Ok(Exit::Usage);
    };
    sources.iter().try_for_each(Source::check)?;
    let options = view_options(args);
    let settings = settings(args, options.verbosity)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().min(4)))
        .enable_all()
        .build()
        .context("cannot start")?;
    let exit = runtime.block_on(download(args, settings, &sources, options));
    // A name lookup or a list that hangs is waited for by nobody.
    runtime.shutdown_background();
    exit
}

fn settings(args: &Args, verbosity: Verbosity) -> anyhow::Result<Settings> {
    let mut settings = Settings::from(args);
    settings.http.proxies = environment::proxies(|name| std::env::var(name).ok())?;
    let fitting = limits::fit(settings.jobs);
    if fitting < settings.jobs && verbosity > Verbosity::Quiet {
        let jobs = settings.jobs;
        out::line(&format!(
            "haul: too few file descriptors for {jobs} jobs (ulimit -n): going on with {fitting}"
        ));
    }
    settings.jobs = fitting;
    Ok(settings)
}

fn view_options(args: &Args) -> ViewOptions {
    let (progress, colour) = view::choose(args.progress, args.color, &Surroundings::here());
    ViewOptions {
        progress,
        verbosity: match (args.quiet, args.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
        colour,
        jobs: args.jobs.get(),
    }
}

/// One run of the list, watched.
async fn download(args: &Args, settings: Settings, sources: &[Source], options: ViewOptions) -> anyhow::Result<Exit> {
    let signals = Signals::listen().context("cannot listen for signals")?;
    let first = signals.first();
    let hauler = Hauler::new(settings)?;
    let failed = args.failed.as_deref().map(|path| failed_list(path)).transpose()?;
    let (events, receiver) = Events::channel();
    let (receiver, keeper) = match failed {
        Some(list) => keep_failed(list, receiver),
        None => (receiver, None),
    };
    let viewer = view::spawn(receiver, options).context("cannot start a thread")?;
    let stop = Stop::new();
    let summary = tokio::select! {
        biased;
        () = signals.heed(stop.clone()) => None,
        summary = hauler.run(sources::entries(sources), &events, &stop) => Some(summary),
    };
    let signal = || Exit::Signal(first.load(Ordering::Relaxed));
    let Some(summary) = summary else {
        viewer.leave(PATIENCE);
        return Ok(signal());
    };
    drop(events);
    let kept = match keeper {
        Some(keeper) => keeper.await.map_err(anyhow::Error::from).and_then(|kept| Ok(kept?)),
        None => Ok(()),
    };
    conclude(viewer, &summary, &options, sources, args.failed.as_deref());
    if let Err(error) = &kept {
        out::line(&format!("haul: cannot write the list of what failed: {error:#}"));
    }
    Ok(match () {
        () if summary.stopped => signal(),
        () if summary.is_complete() && kept.is_ok() => Exit::Complete,
        () => Exit::Incomplete,
    })
}

fn conclude(viewer: Viewer, summary: &Summary, options: &ViewOptions, sources: &[Source], failed: Option<&Path>) {
    viewer.finish();
    if summary.total == 0 && !summary.stopped {
        out::line("haul: warning: the list is empty");
        return;
    }
    let repeatable = !sources.contains(&Source::Stdin);
    let failed = failed.map(|path| tame::tame(&path.to_string_lossy()).into_owned());
    view::conclude(summary, options, repeatable, failed.as_deref());
}

fn failed_list(path: &Path) -> anyhow::Result<FailedList> {
    FailedList::create(path)
        .map_err(|error| anyhow::anyhow!("cannot write {}: {}", path.display(), crate::error::os(&error)))
}

/// Notes what failed on the way of the events to the view.
fn keep_failed(
    mut list: FailedList,
    mut events: mpsc::Receiver<Event>,
) -> (
    mpsc::Receiver<Event>,
    Option<tokio::task::JoinHandle<std::io::Result<()>>>,
) {
    let (sender, receiver) = mpsc::channel(64);
    let keeper = tokio::task::spawn_blocking(move || {
        while let Some(event) = events.blocking_recv() {
            if let Event::Finished(row) = &event {
                list.add(row);
            }
            let _ = sender.blocking_send(event);
        }
        list.finish()
    });
    (receiver, Some(keeper))
}
