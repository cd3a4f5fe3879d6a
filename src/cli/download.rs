//! One run of the list, watched: what the command is for.

use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::args::Args;
use super::failed::FailedList;
use super::signals::Signals;
use super::sources::{self, Source};
use super::view::{self, ViewOptions, Viewer};
use super::{Exit, PATIENCE, out};
use crate::Hauler;
use crate::event::{Event, Events};
use crate::report::Summary;
use crate::settings::Settings;
use crate::stop::Stop;

/// Downloads all sources as one list. An error means that nothing was requested.
pub(super) async fn download(
    args: &Args,
    settings: Settings,
    sources: &[Source],
    options: ViewOptions,
    signals: Signals,
) -> anyhow::Result<Exit> {
    let dir = settings.dir.clone();
    let hauler = Hauler::new(settings)?;
    let reading = sources::reading(args.format.into(), &dir);
    let (events, watch) = Watch::begin(args, options)?;
    let (stop, signal) = (Stop::new(), signals.first());
    let summary = tokio::select! {
        biased;
        () = signals.heed(stop.clone()) => {
            watch.leave();
            return Ok(signal.exit());
        }
        summary = hauler.run(sources::entries(sources, &reading, args), &events, &stop) => summary,
    };
    drop(events);
    let is_repeatable = !sources.iter().any(Source::is_pipe);
    let is_noted = watch.conclude(&summary, is_repeatable, args.failed.as_deref()).await;
    Ok(match () {
        () if summary.stopped && !summary.failed_fast => signal.exit(),
        () if summary.is_complete() && is_noted => Exit::Complete,
        () => Exit::Incomplete,
    })
}

/// Whoever watches a run: the view, and before it the list of what failed.
pub(super) struct Watch {
    options: ViewOptions,
    viewer: Viewer,
    keeper: Option<JoinHandle<io::Result<()>>>,
}

impl Watch {
    pub(super) fn begin(args: &Args, options: ViewOptions) -> anyhow::Result<(Events, Self)> {
        let (events, mut receiver) = Events::channel();
        let mut keeper = None;
        if let Some(path) = &args.failed {
            let (kept, onward) = keep_failed(failed_list(path)?, receiver);
            (keeper, receiver) = (Some(kept), onward);
        }
        let viewer = view::spawn(receiver, options).context("cannot start a thread")?;
        let watch = Self {
            options,
            viewer,
            keeper,
        };
        Ok((events, watch))
    }

    /// In a hurry.
    pub(super) fn leave(&self) {
        self.viewer.leave(PATIENCE);
    }

    /// Waits for the last events, and says how it ended. Is the list of what failed written?
    pub(super) async fn conclude(self, summary: &Summary, is_repeatable: bool, failed: Option<&Path>) -> bool {
        let kept = match self.keeper {
            Some(keeper) => keeper.await.unwrap_or_else(|error| Err(io::Error::other(error))),
            None => Ok(()),
        };
        self.viewer.finish();
        if summary.total == 0 && !summary.stopped {
            out::line("haul: warning: the list is empty");
        } else {
            let failed = failed.map(|path| crate::tame::tame(&path.to_string_lossy()).into_owned());
            view::conclude(summary, &self.options, is_repeatable, failed.as_deref());
        }
        if let Err(error) = &kept {
            out::line(&format!(
                "haul: cannot write the list of what failed: {}",
                crate::error::os(error)
            ));
        }
        kept.is_ok()
    }

    /// Waits for the last events, and says nothing.
    pub(super) fn finish(self) {
        self.viewer.finish();
    }
}

fn failed_list(path: &Path) -> anyhow::Result<FailedList> {
    FailedList::create(path).map_err(|error| anyhow!("cannot write {}: {}", path.display(), crate::error::os(&error)))
}

/// Notes what failed on the way of the events to the view.
fn keep_failed(
    mut list: FailedList,
    mut events: mpsc::Receiver<Event>,
) -> (JoinHandle<io::Result<()>>, mpsc::Receiver<Event>) {
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
    (keeper, receiver)
}
