//! What a held answer waits for.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Holds answers back until the test opens it, so that no test sleeps in order to be late. Clones are the same gate.
///
/// It is a pipe whose write end closes when the gate opens: a connection can wait for that and for its peer to go
/// away at the same time.
#[derive(Clone)]
pub struct Gate(Arc<Pipe>);

struct Pipe {
    reader: PipeReader,
    writer: Mutex<Option<PipeWriter>>,
}

impl Gate {
    /// A closed one.
    pub fn new() -> Self {
        let (reader, writer) = io::pipe().expect("a pipe");
        let writer = Mutex::new(Some(writer));
        Self(Arc::new(Pipe { reader, writer }))
    }

    /// Lets everything held by it go on, now and later.
    pub fn open(&self) {
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Opened,
    PeerGone,
    TimeIsUp,
}

/// Waits for the gate, if there is one, but not longer than the peer stays, nor than `limit`.
///
/// No client here sends a second request before the first is answered, so a socket that can be read has ended.
pub(super) fn wait(peer: &TcpStream, gate: Option<&Gate>, limit: Option<Duration>) -> io::Result<Woken> {
    let peer: BorrowedFd<'_> = peer.as_fd();
    let mut watched = vec![PollFd::new(&peer, PollFlags::IN)];
    watched.extend(gate.map(|gate| PollFd::new(&gate.0.reader, PollFlags::IN)));
    let limit = limit.map(|l| Timespec::try_from(l).expect("a short time"));
    poll(&mut watched, limit.as_ref())?;
    Ok(match &*watched {
        [_, gate] if !gate.revents().is_empty() => Woken::Opened,
        [peer, ..] if !peer.revents().is_empty() => Woken::PeerGone,
        _ => Woken::TimeIsUp,
    })
}
