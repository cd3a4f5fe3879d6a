//! The one door through which anything is printed. A reader that went away is no reason to fail a download, so what
//! cannot be written is dropped, and whoever cares is told so by the `bool`. A reader that takes nothing is waited for,
//! for as long as it takes; once the run is to end, for a while.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat};
use rustix::io::Errno;
use rustix::termios::ttyname;

use crate::lock::lock;

/// How long a reader may take nothing once the run is to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often to look whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
/// Between two looks at a stream that takes nothing although it says so.
const PAUSE: Duration = Duration::from_millis(10);
/// Bytes that a pipe takes at once when it has room (`PIPE_BUF`): writing them does not block.
const PIECE: usize = 4096;

/// Is the run to end?
static IS_ENDING: AtomicBool = AtomicBool::new(false);
static STDOUT: Door = Door::new();
static STDERR: Door = Door::new();

/// From now on nobody is waited for without end.
pub(crate) fn end_soon() {
    IS_ENDING.store(true, Ordering::Relaxed);
}

/// Was a reader given up? Not everything was said then.
pub(crate) fn has_given_up() -> bool {
    STDOUT.has_given_up() || STDERR.has_given_up()
}

/// Writes a line to stderr, where people look. Is anybody still there?
pub(crate) fn line(text: &str) -> bool {
    raw(&format!("{text}\n"))
}

/// Writes to stderr exactly this, in one piece. Is anybody still there?
pub(crate) fn raw(text: &str) -> bool {
    STDERR.write(io::stderr, text.as_bytes()).is_ok()
}

/// Writes to stdout exactly this, which is all that was asked for. Is anybody still there? An error: what was asked for is
/// not where it was to go.
pub(crate) fn answer(bytes: &[u8]) -> anyhow::Result<bool> {
    match data(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

/// Writes to stdout exactly this, which is what was asked for. An error when nobody takes it any more.
pub(crate) fn data(bytes: &[u8]) -> io::Result<()> {
    STDOUT.write(io::stdout, bytes)
}

/// One of the two streams.
struct Door {
    /// Whoever writes has it.
    turn: Mutex<()>,
    /// Where it is a terminal: opened anew, for that writing to it is never to block is not for the shell to share.
    terminal: OnceLock<Option<OwnedFd>>,
    has_given_up: AtomicBool,
}

impl Door {
    const fn new() -> Self {
        Self {
            turn: Mutex::new(()),
            terminal: OnceLock::new(),
            has_given_up: AtomicBool::new(false),
        }
    }

    fn has_given_up(&self) -> bool {
        self.has_given_up.load(Ordering::Relaxed)
    }

    fn write<S: AsFd>(&self, stream: impl FnOnce() -> S, bytes: &[u8]) -> io::Result<()> {
        // Before the turn, which may never come then.
        if self.has_given_up() {
            return Err(nobody());
        }
        let _turn = lock(&self.turn);
        let stream = stream();
        let terminal = self.terminal.get_or_init(|| opened_anew(stream.as_fd()));
        self.write_to(terminal.as_ref().map_or(stream.as_fd(), AsFd::as_fd), bytes)
    }

    fn write_to(&self, to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
        let most = if may_block(to) { PIECE } else { usize::MAX };
        let mut since = None;
        while !bytes.is_empty() {
            match write_some(to, &bytes[..bytes.len().min(most)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => (bytes, since) = (&bytes[written..], None),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(&mut since)?,
                // Whoever started it wanted to hear nothing.
                Err(Errno::BADF) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Nothing was taken, since then as far as it counts. An error: that was long enough.
    fn wait(&self, since: &mut Option<Instant>) -> io::Result<()> {
        if IS_ENDING.load(Ordering::Relaxed) && since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
            self.has_given_up.store(true, Ordering::Relaxed);
            return Err(nobody());
        }
        // A terminal may say that it has room, and not enough for a line's end.
        thread::sleep(PAUSE);
        Ok(())
    }
}

fn nobody() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "its reader takes nothing any more")
}

fn opened_anew(stream: BorrowedFd<'_>) -> Option<OwnedFd> {
    let name = ttyname(stream, Vec::new()).ok()?;
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(name, flags, Mode::empty()).ok()
}

/// Files take all there is.
fn may_block(to: BorrowedFd<'_>) -> bool {
    fstat(to).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile)
}

/// Writes some of it, if the stream takes something soon, or has something to say against it.
fn write_some(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    let soon = Timespec::try_from(LOOK).ok();
    match poll(&mut [PollFd::new(&to, PollFlags::OUT)], soon.as_ref())? {
        0 => Err(Errno::AGAIN),
        _ => rustix::io::write(to, bytes),
    }
}
