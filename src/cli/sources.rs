//! What the user named as sources, checked before anything is requested, and read as one list.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use rustix::fs::FileType;

use super::args::{Args, FormatChoice, How, Output, place, places};
use super::report::Wanted;
use crate::compare::Replay;
use crate::job::Job;
use crate::list::{self, Entry, Format, Pause, Reading};

/// One source.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A URL itself.
    Url(String),
    /// A file that holds a list.
    File(PathBuf),
    /// The list on standard input.
    Stdin,
    /// What came through a pipe of this name, kept to be read again.
    Kept(Arc<str>, Replay),
}

/// Understands the arguments, and the lists of `--input-file`. `None`: there is no source, and a person at the other end
/// of standard input.
pub(crate) fn named(arguments: &[OsString], lists: &[OsString]) -> anyhow::Result<Option<Vec<Source>>> {
    let mut sources: Vec<_> = arguments.iter().map(|text| Source::of(text)).collect();
    for text in lists {
        match Source::of(text) {
            Source::Url(url) => {
                let url = crate::tame::redact_line(&url);
                bail!("-i takes a list file; the list behind a URL: curl {url} | haul");
            }
            list => sources.push(list),
        }
    }
    if sources.is_empty() && !io::stdin().is_terminal() {
        if is_device(io::stdin()) {
            bail!("no SOURCE is named, and standard input is no list: haul LIST, haul URL, or producer | haul");
        }
        sources.push(Source::Stdin);
    }
    Ok(Some(sources).filter(|sources| !sources.is_empty()))
}

/// Where nobody gave a program anything to read, that is `/dev/null`, also in the place of a stream that is closed.
fn is_device(stream: impl AsFd) -> bool {
    let kind = rustix::fs::fstat(stream).map(|stat| FileType::from_raw_mode(stat.st_mode));
    kind.is_ok_and(|kind| kind == FileType::CharacterDevice)
}

impl Source {
    fn of(text: &OsStr) -> Self {
        match text.to_str() {
            Some("-") => Self::Stdin,
            Some(url) if url.contains("://") && !Path::new(url).exists() => Self::Url(url.to_owned()),
            _ => Self::File(text.into()),
        }
    }

    /// Can it be read? A pipe with a name is not opened: that would wait for its writer.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let path = match self {
            Self::File(path) => path,
            Self::Stdin => {
                let stdin = stdin().and_then(|stdin| begins(&stdin));
                return stdin.map_err(|error| anyhow!("cannot read list stdin: {}", crate::error::os(&error)));
            }
            Self::Url(_) | Self::Kept(..) => return Ok(()),
        };
        // It may be a URL with a password, and without its scheme.
        let shown = crate::tame::redact_line(&path.to_string_lossy());
        let kind = match fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_like_a_url(&shown) => {
                bail!("no list file {shown}; if it is a URL, write https://{shown}")
            }
            Err(error) => bail!("cannot read list {shown}: {}", crate::error::os(&error)),
        };
        if kind.is_dir() {
            bail!("cannot read list {shown}: it is a folder");
        }
        if !kind.is_fifo() {
            let begun = File::open(path).and_then(|file| begins(&file));
            begun.map_err(|error| anyhow!("cannot read list {shown}: {}", crate::error::os(&error)))?;
        }
        Ok(())
    }

    /// The file that it is, where it is one.
    fn file(&self) -> Option<fs::Metadata> {
        let there = match self {
            Self::File(path) => fs::metadata(path),
            Self::Stdin => stdin().and_then(|stdin| stdin.metadata()),
            Self::Url(_) | Self::Kept(..) => return None,
        };
        there.ok().filter(fs::Metadata::is_file)
    }

    /// Where it lies: under its name, and where that leads.
    fn places(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let path = match self {
            Self::File(path) => Some(path),
            Self::Url(_) | Self::Stdin | Self::Kept(..) => None,
        };
        let places = path.map(|path| [place(path), path.canonicalize().ok()]);
        places.into_iter().flatten().flatten()
    }

    /// Its entries, of the source of this number. A thread of its own reads what may block.
    fn entries(&self, number: u64, reading: &Reading) -> BoxStream<'static, Entry> {
        let reading = self.reading(reading);
        match self {
            Self::Url(url) => stream::iter([argument(url, number)]).boxed(),
            Self::File(path) => {
                let path = path.clone();
                list::read(list::read_aside(move || File::open(path)), reading).boxed()
            }
            Self::Stdin => list::read(list::read_aside(|| Ok(io::stdin())), reading).boxed(),
            Self::Kept(_, replay) => list::read(replay.read(), reading).boxed(),
        }
    }

    /// Where the user named no format, the file's name may; and not every list may pause.
    fn reading(&self, reading: &Reading) -> Reading {
        let mut reading = reading.clone();
        if self.is_written() {
            reading.pause = Pause::Nothing;
        }
        reading.named = match self {
            Self::File(path) => Format::of_path(path),
            Self::Kept(name, _) => Format::of_path(Path::new(&**name)),
            Self::Url(_) | Self::Stdin => Format::Auto,
        };
        reading
    }

    /// Is all of it written already?
    fn is_written(&self) -> bool {
        match self {
            Self::Url(_) | Self::Kept(..) => true,
            Self::File(_) | Self::Stdin => self.file().is_some(),
        }
    }

    fn label(&self) -> Arc<str> {
        match self {
            Self::Url(_) => "argument".into(),
            Self::File(path) => path.to_string_lossy().into(),
            Self::Stdin => "stdin".into(),
            Self::Kept(name, _) => Arc::clone(name),
        }
    }

    /// Can it be read only once?
    pub(crate) fn is_pipe(&self) -> bool {
        match self {
            Self::Stdin => true,
            Self::File(path) => fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo()),
            Self::Url(_) | Self::Kept(..) => false,
        }
    }

    /// The same source, to be read as often as one likes: a pipe is read to its end into a temporary file first.
    async fn kept(self) -> io::Result<Self> {
        let temporary = std::env::temp_dir();
        let replay = match &self {
            Self::Stdin => Replay::keep(list::read_aside(|| Ok(io::stdin())), &temporary).await?,
            Self::File(path) if self.is_pipe() => {
                let path = path.clone();
                Replay::keep(list::read_aside(move || File::open(path)), &temporary).await?
            }
            _ => return Ok(self),
        };
        Ok(Self::Kept(self.label(), replay))
    }
}

fn stdin() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Can the first byte be read? What is no file would wait for it, or lose it.
fn begins(file: &File) -> io::Result<()> {
    let there = file.metadata()?;
    if there.is_file() || there.is_dir() {
        file.read_at(&mut [0], 0)?;
    }
    Ok(())
}

/// Is the list of `--failed` one of those that are read?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    No,
    One,
    /// And there is no other source.
    Only,
}

/// Whatever its name: it may come by a link, or on standard input.
pub(crate) fn own(sources: &[Source], list: &Path) -> Own {
    let of = |there: fs::Metadata| (there.dev(), there.ino());
    let list = fs::metadata(list).ok().map(of);
    let is_read = sources
        .iter()
        .filter_map(Source::file)
        .any(|file| Some(of(file)) == list);
    match sources.len() {
        _ if !is_read => Own::No,
        1 => Own::Only,
        _ => Own::One,
    }
}

/// A URL among the arguments: their lines are counted as those of a list are.
fn argument(url: &str, number: u64) -> Entry {
    let mut entry = list::from_url(url);
    match &mut entry {
        Ok(job) => job.place.line = number,
        Err(bad) => bad.place.line = number,
    }
    entry
}

/// Options that are about the only entry there is, with something else than a URL: what to do instead.
pub(crate) fn check_together(sources: &[Source], args: &Args) -> anyhow::Result<()> {
    if args.shard.is_some() && args.existing == How::Rename {
        bail!("--shard and --existing rename: which names are free is not the same on every machine");
    }
    check_reports(sources, args)?;
    check_failed(sources, args)?;
    let is_single = matches!(sources, [Source::Url(_)]);
    if args.checksum.is_some() && !is_single {
        bail!("--checksum is for a single URL; a list has its checksums before its URLs, or in --checksums FILE");
    }
    let Some(output) = &args.output else { return Ok(()) };
    if !is_single {
        bail!("-o names the file of a single URL; in a list, a path stands behind its URL, and -d is the folder");
    }
    match output {
        Output::Stdout if args.dry_run => bail!("-n says which file a URL would have, and with -o - it has none"),
        Output::Stdout if args.json => bail!("--json and -o - would both write to standard output"),
        Output::Path(path) if leads_out(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let folder = path.parent().unwrap_or(Path::new("/")).to_string_lossy();
            let (name, folder) = (crate::tame::tame(&name), crate::tame::tame(&folder));
            bail!("the path of -o lies below the folder of -d: -d {folder} -o {name}")
        }
        _ => Ok(()),
    }
}

/// Reports that would take the place of a list, or of each other.
fn check_reports(sources: &[Source], args: &Args) -> anyhow::Result<()> {
    let lists: Vec<_> = sources.iter().flat_map(Source::places).collect();
    let mut taken = args.failed.as_deref().map(places).unwrap_or_default();
    for report in args.reports.iter().map(Wanted::path) {
        let (shown, places) = (report.to_string_lossy(), places(report));
        let shown = crate::tame::tame(&shown);
        let is_among = |others: &[PathBuf]| places.iter().any(|place| others.contains(place));
        if is_among(&lists) {
            bail!("--report {shown} would replace the list that is to be read");
        }
        if is_among(&taken) {
            bail!("--report {shown}: two of the files that are to be written would have this name");
        }
        taken.extend(places);
    }
    Ok(())
}

/// A list that would be replaced by something that is no such list, or only a part of it.
fn check_failed(sources: &[Source], args: &Args) -> anyhow::Result<()> {
    let Some(list) = args.failed.as_deref().filter(|list| own(sources, list) != Own::No) else {
        return Ok(());
    };
    let shown = list.to_string_lossy();
    let shown = crate::tame::tame(&shown);
    if args.shard.is_some() {
        bail!("--failed {shown} would replace the list that other shards are to read");
    }
    if !matches!(args.format, FormatChoice::Auto | FormatChoice::Text) {
        bail!("--failed {shown} would replace the list by lines of text, which are not of this --format");
    }
    Ok(())
}

fn leads_out(path: &Path) -> bool {
    path.components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
}

/// All sources, to be read as often as one likes.
pub(crate) async fn kept(sources: Vec<Source>) -> io::Result<Vec<Source>> {
    let mut kept = Vec::with_capacity(sources.len());
    for source in sources {
        kept.push(source.kept().await?);
    }
    Ok(kept)
}

/// How the user wants lists to be read. `dir` is the run's folder.
pub(crate) fn reading(format: Format, dir: &Path) -> Reading {
    let mut reading = Reading::of(format);
    // A list that another program saved has one of them, which is not ours to know.
    reading.roots.extend(std::path::absolute(dir));
    reading.roots.extend(fs::canonicalize(dir));
    reading
}

/// All sources, one after the other, as one list; the only entry with what the options say of it.
pub(crate) fn entries(sources: &[Source], reading: &Reading, args: &Args) -> impl Stream<Item = Entry> + Send + use<> {
    let checksum = args.checksum.clone();
    let name = match &args.output {
        Some(Output::Path(path)) => Some(path.clone()),
        _ => None,
    };
    let is_one = sources.len() == 1;
    let named: Vec<_> = sources
        .iter()
        .zip(1..)
        .map(|(s, number)| ((!is_one).then(|| s.label()), s.entries(number, reading)))
        .collect();
    list::in_turn(named).map(move |entry| {
        entry.map(|job| Job {
            checksum: checksum.clone().or(job.checksum),
            name: name.clone().or(job.name),
            ..job
        })
    })
}

/// `example.org/a.zip` and `www.example.org`, but not `urls.txt`.
fn is_like_a_url(text: &str) -> bool {
    if text.starts_with("www.") {
        return true;
    }
    let host = text.split_once('/').map(|(host, _)| host);
    host.is_some_and(|host| host.contains('.') && !host.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_url_a_dash_or_a_file() {
        for (text, source) in [
            ("-", "Stdin"),
            ("http://h/a", "Url(\"http://h/a\")"),
            ("ftp://h/a", "Url(\"ftp://h/a\")"),
            ("urls.txt", "File(\"urls.txt\")"),
            ("example.org/a", "File(\"example.org/a\")"),
        ] {
            assert_eq!(format!("{:?}", Source::of(text.as_ref())), source);
        }
    }

    #[test]
    fn only_a_list_that_somebody_writes_may_pause() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("list"), folder.path().join("pipe"));
        fs::write(&file, "").unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        for (path, pause) in [(file, Pause::Nothing), (pipe, Pause::Writer)] {
            assert_eq!(Source::File(path).reading(&Reading::default()).pause, pause);
        }
    }

    #[test]
    fn a_missing_file_that_looks_like_a_url_says_what_to_write() {
        let why = |text: &str| Source::of(text.as_ref()).check().unwrap_err().to_string();
        assert!(why("example.org/nowhere/a.zip").ends_with("write https://example.org/nowhere/a.zip"));
        assert!(why("www.example.org").ends_with("write https://www.example.org"));
        assert_eq!(
            why("/nowhere/urls.txt"),
            "cannot read list /nowhere/urls.txt: no such file or directory"
        );
        assert_eq!(why("/"), "cannot read list /: it is a folder");
    }
}
