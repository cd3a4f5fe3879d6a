//! The one door through which anything is printed. A reader that went away is no reason to fail a download, so what
//! cannot be written is dropped, and whoever cares is told so by the `bool`. A reader that takes nothing is waited for,
//! for as long as it takes; once the run is to end, for a while.

use std::io::{self, StderrLock, StdoutLock};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

/// How long a reader may take nothing once the run is to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often to look whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
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
    let stderr: StderrLock<'_> = io::stderr().lock();
    STDERR.write(stderr.as_fd(), text.as_bytes()).is_ok()
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
    let stdout: StdoutLock<'_> = io::stdout().lock();
    STDOUT.write(stdout.as_fd(), bytes)
}

/// One of the two streams, which whoever writes to it has locked.
struct Door {
    has_given_up: AtomicBool,
}

impl Door {
    const fn new() -> Self {
        Self {
            has_given_up: AtomicBool::new(false),
        }
    }

    fn has_given_up(&self) -> bool {
        self.has_given_up.load(Ordering::Relaxed)
    }

    fn write(&self, to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
        let most = if may_block(to) { PIECE } else { usize::MAX };
        while !bytes.is_empty() {
            self.wait_for_room(to)?;
            match rustix::io::write(to, &bytes[..bytes.len().min(most)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                // Whoever started it wanted to hear nothing.
                Err(Errno::BADF) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until the stream takes something, or has something to say against it.
    fn wait_for_room(&self, to: BorrowedFd<'_>) -> io::Result<()> {
        let mut waited = Duration::ZERO;
        loop {
            let has_patience = !self.has_given_up();
            let look = if has_patience { LOOK } else { Duration::ZERO };
            if is_ready(to, look) {
                return Ok(());
            }
            if !IS_ENDING.load(Ordering::Relaxed) {
                continue;
            }
            waited += look;
            if !has_patience || waited >= PATIENCE {
                self.has_given_up.store(true, Ordering::Relaxed);
                let nobody = "its reader takes nothing any more";
                return Err(io::Error::new(io::ErrorKind::TimedOut, nobody));
            }
        }
    }
}

/// Files take all there is.
fn may_block(to: BorrowedFd<'_>) -> bool {
    fstat(to).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile)
}

fn is_ready(to: BorrowedFd<'_>, within: Duration) -> bool {
    let within = Timespec::try_from(within).ok();
    match poll(&mut [PollFd::new(&to, PollFlags::OUT)], within.as_ref()) {
        Ok(ready) => ready > 0,
        Err(error) => error != Errno::INTR,
    }
}
