//! How a run ends before its list does: the first signal parks it, the second ends it.

use tokio_util::sync::CancellationToken;

use crate::error::TransferError;

/// Asked to stop? Clones are handles to one and the same request.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is asked with this one, and can be asked alone.
    pub(crate) fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Asks: no new entries, parts are flushed and kept, then the run returns its summary.
    pub fn park(&self) {
        self.0.cancel();
    }

    /// Has somebody asked?
    pub fn is_asked(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.0.cancelled().await;
    }

    /// The future's output, or that the run was stopped: [`or`](Self::or) for those who fail then.
    pub(crate) async fn unless<F: Future>(&self, future: F) -> Result<F::Output, TransferError> {
        self.or(future).await.ok_or(TransferError::Cancelled)
    }

    /// The future's output, or `None` once somebody asks. The future is dropped half-way then, so it may only
    /// read or sleep: a write that is cut in two is a file that is wrong.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.is_asked() {
            return None;
        }
        tokio::select! {
            biased;
            // What is ready at once need not be in the list of those who wait for the end.
            output = future => Some(output),
            () = self.0.cancelled() => None,
        }
    }
}
