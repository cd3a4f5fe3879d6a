//! `--dry-run`: what a run would do, a line an entry on stdout. Nothing is requested and nothing made.

use std::fmt::Write as _;
use std::path::Path;

use futures::StreamExt as _;

use super::args::Args;
use super::sources::{self, Source};
use super::view::Verbosity;
use super::{Exit, out};
use crate::hauler::notes::Notes;
use crate::preview::{Fate, Preview, There, preview};
use crate::report::Source as What;
use crate::settings::{OnFailure, Settings};
use crate::tame::tame;

/// Lines that are written at once, when they come that fast.
const AT_ONCE: usize = 256;

/// Shows what becomes of each entry. A reader that goes away ends it.
pub(super) async fn dry_run(
    args: &Args,
    settings: Settings,
    sources: &[Source],
    verbosity: Verbosity,
) -> anyhow::Result<Exit> {
    let (dir, on_failure) = (settings.dir.clone(), settings.on_failure);
    let reading = sources::reading(args.format.into(), &dir);
    let mut previews = preview(settings, sources::entries(sources, &reading, args))?.ready_chunks(AT_ONCE);
    let (mut count, mut notes) = (Count::default(), Notes::default());
    while let Some(some) = previews.next().await {
        let mut text = String::new();
        for preview in &some {
            count.add(preview);
            if let What::Job(job) = &preview.source
                && verbosity > Verbosity::Quiet
            {
                for warning in notes.news(job) {
                    out::line(&format!("haul: warning: {}", tame(&warning)));
                }
            }
            match line(preview, &dir) {
                Ok(line) => text.extend([&*line, "\n"]),
                Err(failure) => drop(out::line(&format!("haul: {failure}"))),
            }
            if count.failed > 0 && on_failure == OnFailure::Stop {
                break;
            }
        }
        let is_over = count.failed > 0 && on_failure == OnFailure::Stop;
        if !out::answer(text.as_bytes())? {
            // Whoever has read enough wants to hear no more, and what is left was not looked at.
            return Ok(count.exit());
        }
        if is_over {
            break;
        }
    }
    if verbosity > Verbosity::Quiet {
        out::line(&format!("haul: {}", count.verdict()));
    }
    Ok(count.exit())
}

/// `URL -> path`, and in brackets what is special about it; or how it fails.
fn line(preview: &Preview, dir: &Path) -> Result<String, String> {
    let shown = match &preview.source {
        What::Job(job) => job.url.to_string(),
        What::Line(text) => tame(text).into_owned(),
    };
    let (path, instead_of, there) = match &preview.fate {
        Fate::File {
            path,
            instead_of,
            there,
        } => (path, instead_of, there),
        Fate::Duplicate => return Ok(format!("{shown} -> (stands in the list before)")),
        Fate::Failed(why) => return Err(format!("failed {}: {}: {shown}", preview.place, tame(&why.to_string()))),
    };
    let below = |path: &Path| {
        let path = if dir == Path::new(".") {
            path.to_owned()
        } else {
            dir.join(path)
        };
        tame(&path.to_string_lossy()).into_owned()
    };
    let mut line = format!("{shown} -> {}", below(path));
    if let Some(wanted) = instead_of {
        let _ = write!(line, "  (not {}: taken)", tame(&wanted.to_string_lossy()));
    }
    let _ = write!(line, "{}", note(*there));
    Ok(line)
}

fn note(there: There) -> &'static str {
    match there {
        There::Nothing => "",
        There::Done => "  (already there)",
        There::AddsUp => "  (there; its checksum decides)",
        There::SameSize => "  (there; the server's size decides)",
        There::Older => "  (there; fetched if the server's is newer)",
        There::Replaced => "  (there; will be replaced)",
    }
}

/// Entries, counted.
#[derive(Debug, Default)]
struct Count {
    total: u64,
    there: u64,
    duplicates: u64,
    renamed: u64,
    failed: u64,
}

impl Count {
    fn exit(&self) -> Exit {
        if self.failed == 0 {
            Exit::Complete
        } else {
            Exit::Incomplete
        }
    }

    fn add(&mut self, preview: &Preview) {
        self.total += 1;
        match &preview.fate {
            Fate::File { instead_of, there, .. } => {
                self.renamed += u64::from(instead_of.is_some());
                self.there += u64::from(*there == There::Done);
            }
            Fate::Duplicate => self.duplicates += 1,
            Fate::Failed(_) => self.failed += 1,
        }
    }

    fn verdict(&self) -> String {
        let word = if self.total == 1 { "entry" } else { "entries" };
        let mut verdict = format!("dry run: {} {word}", self.total);
        for (count, word) in [
            (self.there, "already there"),
            (self.renamed, "with another name, for theirs is taken"),
            (self.duplicates, "listed twice"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                let _ = write!(verdict, ", {count} {word}");
            }
        }
        verdict + "; nothing was requested"
    }
}
