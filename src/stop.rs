//! How a run ends before its list does: the first signal parks it, the second ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::error::TransferError;

/// Asked to stop? Clones are handles to one and the same request.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Request>);

#[derive(Debug, Default)]
struct Request {
    /// Wakes those who wait for it.
    token: CancellationToken,
    /// The same for those who only ask, many times for each file: a token takes a lock for that.
    is_made: AtomicBool,
    /// What makes it, too.
    parent: Option<Stop>,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is asked with this one, and can be asked alone.
    pub(crate) fn child(&self) -> Self {
        Self(Arc::new(Request {
            token: self.0.token.child_token(),
            is_made: AtomicBool::new(false),
            parent: Some(self.clone()),
        }))
    }

    /// Asks: no new entries, parts are flushed and kept, then the run returns its summary.
    pub fn park(&self) {
        self.0.is_made.store(true, Ordering::Release);
        self.0.token.cancel();
    }

    /// Has somebody asked?
    pub fn is_asked(&self) -> bool {
        self.0.is_made.load(Ordering::Acquire) || self.0.parent.as_ref().is_some_and(Self::is_asked)
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.0.token.cancelled().await;
    }

    /// The future's output, or that the run was stopped: [`or`](Self::or) for those who fail then.
    pub(crate) fn unless<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, TransferError>> {
        self.or(future).map(|output| output.ok_or(TransferError::Cancelled))
    }

    /// The future's output, or `None` once somebody asks. The future is dropped half-way then, so it may only
    /// read or sleep: a write that is cut in two is a file that is wrong.
    pub fn or<F: Future>(&self, future: F) -> Or<'_, F> {
        Or {
            stop: self,
            future,
            asked: None,
        }
    }
}

pin_project! {
    /// A future that ends early once somebody asks: [`Stop::or`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Or<'a, F> {
        stop: &'a Stop,
        #[pin]
        future: F,
        // Whoever is ready at once need not be in the list of those who wait for the end.
        #[pin]
        asked: Option<WaitForCancellationFuture<'a>>,
    }
}

impl<F: Future> Future for Or<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.asked.is_none() && this.stop.is_asked() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        if this.asked.is_none() {
            this.asked.set(Some(this.stop.0.token.cancelled()));
        }
        let asked = this.asked.as_pin_mut();
        asked.map_or(Poll::Pending, |asked| asked.poll(cx).map(|()| None))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_child_is_asked_with_its_parent_and_alone_without_it() {
        let parent = Stop::new();
        let (child, alone) = (parent.child(), parent.child());
        alone.park();
        let are_asked = || [&parent, &child, &alone].map(Stop::is_asked);
        assert_eq!(are_asked(), [false, false, true]);
        let waits = tokio::spawn({
            let child = child.clone();
            async move { child.asked().await }
        });
        parent.clone().park();
        waits.await.unwrap();
        assert_eq!(are_asked(), [true, true, true]);
    }

    #[tokio::test]
    async fn what_is_waited_for_comes_or_the_end_does() {
        let stop = Stop::new();
        assert_eq!(stop.or(ready(1)).await, Some(1));
        let mut waiting = Box::pin(stop.or(pending::<u32>()));
        assert!(futures::poll!(&mut waiting).is_pending());
        stop.park();
        assert_eq!(waiting.await, None);
        assert_eq!(stop.or(ready(1)).await, None, "nothing is begun after the end");
    }
}
