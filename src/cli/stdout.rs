//! `-o -`: the body of a single URL goes to standard output, everything else to standard error.

use std::io::{IsTerminal as _, stdout};
use std::pin::pin;

use anyhow::Context as _;
use futures::StreamExt as _;

use super::args::Args;
use super::download::{Said, Watch};
use super::signals::Signals;
use super::sources::{self, Own, Source};
use super::view::{Again, Progress, ViewOptions};
use super::{Exit, out};
use crate::error::Kind;
use crate::pour::{Poured, Reader, pour};
use crate::report::{self, Row};
use crate::settings::Settings;
use crate::stop::Stop;

/// Streams the only entry there is.
pub(super) async fn stream(
    args: &Args,
    settings: Settings,
    sources: &[Source],
    mut options: ViewOptions,
) -> anyhow::Result<Exit> {
    if stdout().is_terminal() {
        // Two would write on one screen.
        options.progress = Progress::None;
    }
    let reading = sources::reading(args.format.into(), &settings.dir);
    let entry = Box::pin(sources::entries(sources, &reading, args))
        .next()
        .await
        .context("no entry")?;
    let job = entry.map_err(|bad| anyhow::anyhow!("{}: {}", bad.why, bad.text))?;
    let stop = Stop::new();
    let (events, watch) = Watch::begin(args, 1, &settings.dir, options, &stop)?;
    let signals = Signals::listen()?;
    let signal = signals.first();
    let mut heeded = pin!(signals.heed(stop.clone()));
    let mut to = tokio::io::stdout();
    let poured = tokio::select! {
        biased;
        () = &mut heeded => {
            watch.leave();
            return Ok(signal.exit());
        }
        poured = pour(&settings, job, &mut to, &events, &stop) => poured?,
    };
    drop(events);
    // A reader that has seen enough is no failure, and wants to hear no more.
    let (has_left, is_complete) = (poured.reader == Reader::Left, poured.summary.is_complete());
    let exit = match () {
        () if has_left => Exit::Complete,
        () if poured.summary.stopped => signal.exit(),
        () if is_complete => Exit::Complete,
        () => Exit::Incomplete,
    };
    let said = if has_left {
        Said::Nothing
    } else {
        Said::Summary(Again::Unknown, Own::No)
    };
    let amount = amount(&poured);
    let ended = watch.conclude(poured.summary, exit, said, heeded).await?;
    if !is_complete && !has_left {
        out::line(&format!(
            "haul: {amount} went to standard output, and that is not the whole, right file"
        ));
    }
    Ok(ended.unwrap_or_else(|| signal.exit()))
}

/// How much went out. When writing fails, nobody knows how much of the last piece did.
fn amount(
    Poured {
        summary,
        written,
        reader,
    }: &Poured,
) -> String {
    let has_failed_to_write = |row: &Row| row.error().is_some_and(|error| error.kind() == Kind::Disk);
    if *reader == Reader::Stalled || summary.failures.iter().any(has_failed_to_write) {
        return "what could be written".into();
    }
    format!("{written} bytes ({})", report::size(*written))
}
