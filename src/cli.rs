//! The `haul` command: what was asked for becomes settings and sources, a run is watched, and its end becomes an exit
//! status. The only rooms that know a terminal, the environment or a signal are in here.

mod args;
mod compare;
mod demo;
mod download;
mod environment;
mod failed;
mod generate;
mod growing;
mod json;
mod limits;
mod out;
mod preview;
mod report;
mod shard;
mod signals;
mod sources;
mod stdout;
mod tap;
mod trial;
mod usage;
mod view;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::StyledStr;

use self::args::{Args, Output};
use self::sources::Source;
use self::view::{ColorChoice, ProgressChoice, Surroundings, Verbosity, ViewOptions};
use crate::error;
use crate::settings::{Proxies, Settings};
use crate::tame;

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

impl Exit {
    /// The reader of standard output went away: as if SIGPIPE had ended it, as it ends other filters.
    const UNHEARD: Self = Self::Signal(13);

    /// This, if all that was asked for beside the files is written.
    fn if_written(self, is_written: bool) -> Self {
        match self {
            Self::Complete if !is_written => Self::Incomplete,
            exit => exit,
        }
    }

    /// The number that the process exits with.
    fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Incomplete => 1,
            Self::Usage => 2,
            Self::Signal(number) => 128 + u8::try_from(number).unwrap_or(0),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Runs the command that the process was started as.
pub fn main() -> ExitCode {
    let exit = match Args::read() {
        Ok(args) => command(args),
        Err(error) => answered(&error),
    };
    let exit = exit.unwrap_or_else(|error| {
        out::line(&format!("haul: {}", tame::tame(&said(&error))));
        Exit::Usage
    });
    exit.into()
}

/// The help and the version are what was asked for; whatever else ends the reading of a command line is wrong with it.
fn answered(error: &clap::Error) -> anyhow::Result<Exit> {
    let text = error.render();
    if error.use_stderr() {
        // In a log nobody else's errors are told from those that only begin with "error:".
        out::raw(&styled(&text, io::stderr().is_terminal()).replacen("error:", "haul:", 1));
        return Ok(Exit::Usage);
    }
    out::answer(styled(&text, io::stdout().is_terminal()).as_bytes())?;
    Ok(Exit::Complete)
}

fn styled(text: &StyledStr, terminal: bool) -> String {
    let around = Surroundings {
        terminal,
        ..Surroundings::here(false)
    };
    match view::choose(ProgressChoice::Auto, ColorChoice::Auto, &around) {
        (_, true) => text.ansi().to_string(),
        (_, false) => text.to_string(),
    }
}

/// The error and what caused it, but for a cause that its effect has named already.
fn said(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |said, cause| {
        let cause = error::os(cause);
        if said.ends_with(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// Everything that can be wrong before the first request is an error of this function; later, it is an exit status.
fn command(args: Args) -> anyhow::Result<Exit> {
    if let Some(kind) = args.generate {
        out::answer(&generate::text(kind))?;
        return Ok(Exit::Complete);
    }
    let sources = if args.demo {
        Some(Vec::new())
    } else {
        sources::named(&args.sources, &args.input_file)?
    };
    let Some(sources) = sources else {
        out::raw(&Args::brief());
        return Ok(Exit::Usage);
    };
    sources.iter().try_for_each(Source::check)?;
    sources::check_together(&sources, &args)?;
    let options = view_options(&args);
    limits::raise()?;
    limits::try_threads()?;
    // All that takes a core for long (writing, adding up, painting) has threads of its own. What is left is quick, and
    // quickest without another thread to tell about it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // One that is there is needed again, and there may be no other then.
        .thread_keep_alive(Duration::MAX)
        .build()
        .context("cannot start")?;
    limits::begin_thread(&runtime)?;
    // As a task: to wake what `block_on` itself runs takes a system call, and the loop is woken for every file.
    let exit = runtime.block_on(async { tokio::spawn(run(args, sources, options)).await });
    // A name lookup or a list that hangs is waited for by nobody.
    runtime.shutdown_background();
    exit.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

async fn run(args: Args, sources: Vec<Source>, options: ViewOptions) -> anyhow::Result<Exit> {
    if args.dry_run {
        // Without listening for signals: nothing needs to be kept.
        return preview::dry_run(&args, settings(&args)?, &sources, options.verbosity).await;
    }
    match args.levels() {
        _ if args.demo => trial::demo(&args, options).await,
        Some(levels) => trial::compare(&args, settings(&args)?, levels, sources, options).await,
        None if args.output == Some(Output::Stdout) => stdout::stream(&args, settings(&args)?, &sources, options).await,
        None => {
            let mut settings = settings(&args)?;
            settings.jobs = fitting(settings.jobs, options.verbosity);
            settings.http.kept = limits::kept(settings.jobs);
            download::download(&args, settings, &sources, options).await
        }
    }
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    let mut settings = Settings::from(args);
    let variable = environment::variable;
    settings.http.proxies = match &args.proxy {
        Some(url) => Proxies::all(url, environment::except(variable)?),
        None => environment::proxies(variable)?,
    };
    settings.http.token = environment::token(variable)?;
    if !args.no_netrc {
        settings.http.netrc = environment::netrc(|name| std::env::var_os(name))?;
    }
    if let Some(share) = args.shard {
        let (shard, by) = share.find(variable)?;
        if let Some(by) = by.filter(|_| !args.quiet) {
            out::line(&format!("haul: --shard {}/{}, by {by}", shard.index(), shard.count()));
        }
        settings.shard = Some(shard);
    }
    Ok(settings)
}

/// As many jobs as there are descriptors for, and a word where that is fewer.
fn fitting(jobs: std::num::NonZeroUsize, verbosity: Verbosity) -> std::num::NonZeroUsize {
    let fitting = limits::fit(jobs);
    if fitting < jobs && verbosity > Verbosity::Quiet {
        out::line(&format!(
            "haul: too few file descriptors for {jobs} jobs (ulimit -n); going on with {fitting}"
        ));
    }
    fitting
}

fn view_options(args: &Args) -> ViewOptions {
    let (progress, colour) = view::choose(args.progress, args.color, &Surroundings::here(args.json));
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
