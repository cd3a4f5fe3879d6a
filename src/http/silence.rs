//! Time without a byte.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::error::TransferError;

/// A timer that goes off so late says that this process stood still, and nothing of the server. Once in a wait: a flood of
/// what is no answer keeps timers from going off, too.
pub(super) const LATE: Duration = Duration::from_millis(500);

/// Notices that nothing comes. One timer for the whole body, moved only when it goes off: a chunk costs a clock
/// reading, not a timer.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Duration,
    /// Set when bytes are waited for the first time.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    pub(super) async fn broken_by<F: Future>(&mut self, future: F) -> Result<F::Output, TransferError> {
        tokio::pin!(future);
        if let Poll::Ready(output) = futures::poll!(&mut future) {
            return Ok(output);
        }
        let (mut since, mut is_forgiven) = (Instant::now(), false);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        loop {
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = &mut *timer => {
                    if !is_forgiven && timer.deadline().elapsed() > LATE {
                        (since, is_forgiven) = (Instant::now(), true);
                    } else if since.elapsed() >= self.limit {
                        return Err(TransferError::Silence(self.limit));
                    }
                    timer.as_mut().reset(since + self.limit);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_process_that_stood_still_has_learnt_nothing_of_the_server() {
        let mut silence = Silence::new(Duration::from_secs(1));
        let (answer, waiting) = tokio::sync::oneshot::channel();
        let mut waiting = std::pin::pin!(silence.broken_by(waiting));
        assert!(futures::poll!(&mut waiting).is_pending());
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(futures::poll!(&mut waiting).is_pending());
        answer.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_for_too_long_is_silent() {
        let mut silence = Silence::new(Duration::from_secs(1));
        let since = Instant::now();
        let silent = silence.broken_by(std::future::pending::<()>()).await;
        assert!(matches!(silent, Err(TransferError::Silence(_))), "{silent:?}");
        assert!(since.elapsed() < Duration::from_millis(1_100));
    }
}
