//! The first signal parks the run, the second ends it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::stop::Stop;

/// Listens for SIGINT and SIGTERM.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    first: Arc<AtomicI32>,
}

impl Signals {
    /// Takes the signals over; from here on they no longer end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            first: Arc::default(),
        })
    }

    /// Where the number of the first signal can be read once it has come; 0 before.
    pub(crate) fn first(&self) -> Arc<AtomicI32> {
        Arc::clone(&self.first)
    }

    /// Parks the run at the first signal; returns at the second.
    pub(crate) async fn heed(mut self, stop: Stop) {
        let number = self.next().await;
        self.first.store(number, Ordering::Relaxed);
        stop.park();
        self.next().await;
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
