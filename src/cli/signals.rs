//! The first signal parks the run, the second ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::future::OptionFuture;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Exit, out};
use crate::stop::Stop;

/// So soon, the same end is meant: `timeout` sends its signal to the process, and then to the group that it is in.
const AGAIN: Duration = Duration::from_millis(50);

/// Listens for SIGINT and SIGTERM, and for SIGHUP unless that is ignored (`nohup`).
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
    first: First,
}

/// Which signal came first.
#[derive(Debug, Clone, Default)]
pub(crate) struct First(Arc<AtomicI32>);

impl First {
    /// Has there been one?
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// How the command ends because of it.
    pub(super) fn exit(&self) -> Exit {
        Exit::Signal(self.0.load(Ordering::Relaxed))
    }
}

impl Signals {
    /// Takes the signals over; from here on they no longer end the process by themselves. Neither does a file that
    /// reaches the limit of this process (`ulimit -f`): writing to it fails then. What is opened to be written has been
    /// opened by then: a pipe that nobody reads yet is waited for, and a signal ends that.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let _ignored = listen(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: (!is_ignored(SignalKind::hangup()))
                .then(|| listen(SignalKind::hangup()))
                .transpose()?,
            first: First::default(),
        })
    }

    /// Where to read, later, which signal came first.
    pub(crate) fn first(&self) -> First {
        self.first.clone()
    }

    /// Parks the run at the first signal, and has no reader waited for without end; returns at the second. The same that
    /// follows at once is the first one again.
    pub(crate) async fn heed(mut self, stop: Stop) {
        let number = self.next().await;
        self.first.0.store(number, Ordering::Relaxed);
        stop.park();
        out::end_soon();
        let since = Instant::now();
        // Whoever hangs up may say so several times: the terminal, and the shell.
        let is_hangup = number == SignalKind::hangup().as_raw_value();
        while self.next().await == number && (is_hangup || since.elapsed() < AGAIN) {}
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            Some(_) = OptionFuture::from(self.hangup.as_mut().map(Signal::recv)) => SignalKind::hangup().as_raw_value(),
        }
    }
}

/// Listens for SIGCONT: the process was stopped (Ctrl-Z) and goes on.
#[derive(Debug)]
pub(super) struct Returns(Option<Signal>);

impl Returns {
    /// Where that cannot be, nobody hears of it.
    pub(super) fn listen() -> Self {
        Self(signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).ok())
    }

    pub(super) fn never() -> Self {
        Self(None)
    }

    /// It went on.
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Was the process started with this signal ignored? Without `/proc`, nobody knows, and it is left alone.
fn is_ignored(kind: SignalKind) -> bool {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    ignored().is_none_or(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}
