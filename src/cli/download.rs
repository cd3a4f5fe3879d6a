//! One run of the list, watched: what the command is for.

use std::path::Path;
use std::pin::{Pin, pin};
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, anyhow};

use super::args::Args;
use super::failed::{FailedList, Names};
use super::json::{self, Json};
use super::report::{Reports, Run, Table, Wanted};
use super::signals::Signals;
use super::sources::{self, Own, Source};
use super::tap::{Listeners, Tap};
use super::view::{self, Again, Listed, Verbosity, ViewOptions, Viewer};
use super::{Exit, PATIENCE, out, usage};
use crate::Hauler;
use crate::checksum::Checksums;
use crate::event::{Events, Interest};
use crate::report::picture::Film;
use crate::report::{About, Account, Report, Summary, rfc3339};
use crate::settings::{Existing, Settings};
use crate::stop::Stop;

/// Downloads all sources as one list. An error means that nothing was requested.
pub(super) async fn download(
    args: &Args,
    settings: Settings,
    sources: &[Source],
    options: ViewOptions,
) -> anyhow::Result<Exit> {
    let (dir, jobs) = (settings.dir.clone(), settings.jobs.get());
    let said = Said::Summary(
        again(settings.existing, sources),
        args.failed
            .as_deref()
            .map_or(Own::No, |list| sources::own(sources, list)),
    );
    let hauler = Hauler::new(settings)?;
    let reading = sources::reading(args.format.into(), &dir);
    let stop = Stop::new();
    let (events, watch) = Watch::begin(args, jobs, &dir, options, &stop)?;
    let signals = Signals::listen()?;
    let signal = signals.first();
    let mut heeded = pin!(signals.heed(stop.clone()));
    let summary = tokio::select! {
        biased;
        () = &mut heeded => {
            watch.leave();
            return Ok(signal.exit());
        }
        summary = hauler.run(sources::entries(sources, &reading, args), &events, &stop) => summary,
    };
    drop(events);
    let exit = match () {
        () if summary.stopped && signal.came() => signal.exit(),
        () if summary.is_complete() => Exit::Complete,
        () => Exit::Incomplete,
    };
    let ended = watch.conclude(summary, exit, said, heeded).await?;
    Ok(ended.unwrap_or_else(|| signal.exit()))
}

/// What the same command does with its list, if that can be read again.
fn again(existing: Existing, sources: &[Source]) -> Again {
    match existing {
        _ if sources.iter().any(Source::is_pipe) => Again::Unknown,
        Existing::Check | Existing::Skip | Existing::Update => Again::Missing,
        Existing::Overwrite | Existing::Rename => Again::Anew,
        Existing::Fail => Again::Refused,
    }
}

/// What is said of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// The summary, and what the same command does. The list of `--failed` may be one that is read.
    Summary(Again, Own),
    Nothing,
}

/// Whoever watches a run: the view, and before it those who write down what they hear.
pub(super) struct Watch<'a> {
    args: &'a Args,
    options: ViewOptions,
    viewer: Viewer,
    tap: Option<Tap>,
    reports: Reports,
    about: About,
}

impl<'a> Watch<'a> {
    /// What cannot be written is found out now.
    pub(super) fn begin(
        args: &'a Args,
        jobs: usize,
        dir: &Path,
        options: ViewOptions,
        stop: &Stop,
    ) -> anyhow::Result<(Events, Self)> {
        let about = About {
            command: args.command.clone(),
            started_at: SystemTime::now(),
            jobs,
            exit_code: None,
            usage: None,
        };
        let (reports, tables) = Reports::open(&args.reports)?;
        let listeners = listeners(args, tables, &about, &dir.to_string_lossy(), stop)?;
        let (shown, heard) = if options.verbosity == Verbosity::Quiet {
            (Interest::Failures, listeners.wanted())
        } else {
            (Interest::All, Interest::All)
        };
        let (events, mut receiver) = Events::of(heard);
        let mut tap = None;
        if !listeners.is_nobody() {
            let (opened, onward) = Tap::open(receiver, listeners, shown).context("cannot start a thread")?;
            (tap, receiver) = (Some(opened), onward);
        }
        let viewer = view::spawn(receiver, options).context("cannot start a thread")?;
        let watch = Self {
            args,
            options,
            viewer,
            tap,
            reports,
            about,
        };
        Ok((events, watch))
    }

    /// In a hurry.
    pub(super) fn leave(&self) {
        self.viewer.leave(PATIENCE);
    }

    /// Waits for the last events, and says how the run ended; `None` when `hurry` came first, or a signal before it and a
    /// reader took nothing. Who reads slowly is waited for until then.
    pub(super) async fn conclude(
        self,
        summary: Summary,
        exit: Exit,
        said: Said,
        hurry: impl Future<Output = ()>,
    ) -> anyhow::Result<Option<Exit>> {
        let Self {
            args,
            options,
            viewer,
            tap,
            reports,
            about,
        } = self;
        let mut hurry = pin!(hurry);
        let waiting = aside(hurry.as_mut(), move || Ending::wait_for(tap, about, summary));
        let Some(mut ending) = waiting.await? else {
            viewer.leave(PATIENCE);
            return Ok(None);
        };
        let shown = viewer.ended();
        tokio::select! {
            biased;
            () = hurry.as_mut() => {
                viewer.leave(PATIENCE);
                return Ok(None);
            }
            () = shown => viewer.finish(),
        }
        let exit = ending.heard.json.as_ref().map_or(exit, |json| json.exit(exit));
        let own = match said {
            Said::Summary(_, own) => own,
            Said::Nothing => Own::No,
        };
        let closing = match said {
            Said::Summary(again, _) if exit != Exit::UNHEARD => Some(Closing {
                options,
                again,
                own,
                is_share: args.shard.is_some(),
                has_useless_sums: args.checksums.as_ref().is_some_and(Checksums::are_of_no_use),
            }),
            Said::Summary(..) | Said::Nothing => None,
        };
        let path = args.failed.clone();
        let concluded = aside(hurry.as_mut(), move || {
            // What is said of the list is said when it is known.
            let list = ending.heard.failed.take().zip(path);
            let list = list.map_or(Listed::Unasked, |(list, path)| {
                listed(list, &path, own, ending.summary.unread)
            });
            if let Some(closing) = closing {
                closing.say(&ending.summary, &list);
            }
            (ending, list)
        });
        let Some((ending, list)) = concluded.await? else {
            return Ok(None);
        };
        let exit = exit.if_written(!matches!(list, Listed::Lost));
        let written = aside(hurry, move || ending.write(reports, exit)).await?;
        Ok(written.filter(|exit| *exit == Exit::UNHEARD || !out::has_given_up()))
    }
}

/// Does what blocks on a thread of its own; `None` when `hurry` came first.
async fn aside<T: Send + 'static>(
    hurry: Pin<&mut impl Future<Output = ()>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<Option<T>> {
    let done = tokio::task::spawn_blocking(work);
    tokio::select! {
        biased;
        () = hurry => Ok(None),
        done = done => done.map(Some).context("cannot end"),
    }
}

/// A run that has ended, and all that was heard of it.
struct Ending {
    about: About,
    summary: Summary,
    account: Account,
    heard: Listeners,
}

impl Ending {
    /// Waits until everything that happened is told. May block.
    fn wait_for(tap: Option<Tap>, mut about: About, summary: Summary) -> Self {
        let mut heard = tap.map(Tap::finish).unwrap_or_default();
        about.usage = usage::so_far();
        let account = heard.account.take().unwrap_or_default();
        Self {
            about,
            summary,
            account,
            heard,
        }
    }

    /// Writes what was asked for; last what says how haul exits, which would exit so. How does it?
    fn write(mut self, reports: Reports, exit: Exit) -> Exit {
        let mut run = Run {
            about: &mut self.about,
            summary: &self.summary,
            account: &self.account,
            film: self.heard.film.as_ref(),
        };
        let exit = reports.write(self.heard.tables, &mut run, exit);
        let Some(json) = self.heard.json else { return exit };
        self.about.exit_code = Some(exit.code().into());
        json.finish(&Report::new(&self.about, &self.summary, &self.account), exit)
    }
}

/// What becomes of the list of what failed; says what goes wrong. It does not take the place of one of which more is
/// missing.
fn listed(list: FailedList, path: &Path, own: Own, is_unread: bool) -> Listed {
    let shown = crate::tame::tame(&path.to_string_lossy()).into_owned();
    if is_unread && own != Own::No {
        return Listed::Kept(shown);
    }
    match list.finish(is_unread) {
        Ok(holds) => Listed::Written(shown, holds),
        Err(error) => {
            out::line(&format!("haul: cannot write {shown}: {}", crate::error::os(&error)));
            Listed::Lost
        }
    }
}

/// Those who want to hear of the run. What cannot be written is found out now.
fn listeners(args: &Args, tables: Vec<Table>, about: &About, dir: &str, stop: &Stop) -> anyhow::Result<Listeners> {
    let start = json::Start {
        haul: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(about.started_at),
        jobs: about.jobs,
        dir,
    };
    Ok(Listeners {
        failed: args.failed.as_deref().map(|path| failed_list(path, args)).transpose()?,
        json: args.json.then(|| Json::begin(&start, stop.clone())),
        account: (args.json || !args.reports.is_empty()).then(Account::default),
        tables,
        film: is_seen(args).then(|| Film::new(Instant::now(), about.jobs)),
    })
}

/// Is there to be a picture?
pub(super) fn is_seen(args: &Args) -> bool {
    args.reports.iter().any(Wanted::is_picture)
}

/// How the last words depend on what was asked for.
#[derive(Debug, Clone, Copy)]
struct Closing {
    options: ViewOptions,
    again: Again,
    own: Own,
    is_share: bool,
    /// `--checksums` had no use for any entry.
    has_useless_sums: bool,
}

impl Closing {
    fn say(self, summary: &Summary, list: &Listed) {
        if summary.total == 0 && !summary.stopped {
            out::line(if self.is_share {
                "haul: warning: nothing of the list is of this shard"
            } else {
                "haul: warning: the list is empty"
            });
            return;
        }
        if self.has_useless_sums && !summary.stopped {
            out::line("haul: warning: --checksums names none of these files, so it checked nothing");
        }
        let again = match (self.own, list) {
            // All that is read again is what is missing.
            (Own::Only, Listed::Written(..)) if self.again != Again::Unknown => Again::Missing,
            _ => self.again,
        };
        view::conclude(summary, &self.options, again, list);
    }
}

fn failed_list(path: &Path, args: &Args) -> anyhow::Result<FailedList> {
    let names = Names {
        layout: args.layout.into(),
        naming: args.naming(),
    };
    FailedList::create(path, names)
        .map_err(|error| anyhow!("cannot write {}: {}", path.display(), crate::error::os(&error)))
}
