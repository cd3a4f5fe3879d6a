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
    let (events, mut receiver) = Events::channel();
    let mut keeper = None;
    if let Some(path) = &args.failed {
        let (kept, onward) = keep_failed(failed_list(path)?, receiver);
        (keeper, receiver) = (Some(kept), onward);
    }
    let viewer = view::spawn(receiver, options).context("cannot start a thread")?;
    let (stop, signal) = (Stop::new(), signals.first());
    let summary = tokio::select! {
        biased;
        () = signals.heed(stop.clone()) => {
            viewer.leave(PATIENCE);
            return Ok(signal.exit());
        }
        summary = hauler.run(sources::entries(sources, &reading, args.checksum.as_ref()), &events, &stop) => summary,
    };
    drop(events);
    let kept = match keeper {
        Some(keeper) => keeper.await.unwrap_or_else(|error| Err(io::Error::other(error))),
        None => Ok(()),
    };
    conclude(viewer, &summary, &options, sources, args.failed.as_deref());
    if let Err(error) = &kept {
        out::line(&format!(
            "haul: cannot write the list of what failed: {}",
            crate::error::os(error)
        ));
    }
    Ok(match () {
        () if summary.stopped => signal.exit(),
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
    let is_repeatable = !sources.iter().any(Source::is_pipe);
    let failed = failed.map(|path| crate::tame::tame(&path.to_string_lossy()).into_owned());
    view::conclude(summary, options, is_repeatable, failed.as_deref());
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
