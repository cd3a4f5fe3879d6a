//! An answer whose head is here, and whose body comes.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::body::Body;
use super::lanes::Lane;
use super::silence::Silence;
use super::slowness::Slowness;
use super::{Head, Http, trouble};
use crate::error::TransferError;
use crate::throttle::Throttle;

/// An error's body up to this many bytes is read, so that its connection can serve the next request.
const DRAINED: u64 = 64 * 1024;
/// How long that may take.
const DRAINING: Duration = Duration::from_secs(1);

/// How long the end of a body is waited for that is all here.
const ENDING: Duration = Duration::from_secs(1);

/// What came back: the head, and the body to read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Arc<Head>,
    body: Body,
    /// Its place among other answers, until its end.
    _lane: Option<Lane>,
    received: u64,
    silence: Silence,
    slowness: Option<Slowness>,
    throttle: Option<Arc<Throttle>>,
    /// What came and is not handed on yet.
    rest: Bytes,
}

impl Answer {
    /// `lane` is held until the answer's end.
    pub(super) fn new(http: &Http, head: Head, response: reqwest::Response, lane: Option<Lane>) -> Self {
        let silence = http.timeouts.silence;
        Self {
            head: Arc::new(head),
            body: Body::new(response),
            _lane: lane,
            received: 0,
            silence: Silence::new(silence),
            slowness: http.least.map(|least| Slowness::new(least, silence)),
            throttle: http.throttle.clone(),
            rest: Bytes::new(),
        }
    }

    /// The next bytes of the body; `None` at its whole end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        let Some(throttle) = self.throttle.clone() else {
            return self.read().await;
        };
        if self.rest.is_empty() {
            match self.read().await? {
                Some(bytes) => self.rest = bytes,
                None => return Ok(None),
            }
        }
        Ok(Some(throttle.slice(&mut self.rest).await))
    }

    /// What the server sends next, as soon as it is here.
    async fn read(&mut self) -> Result<Option<Bytes>, TransferError> {
        let slow = self.slowness.as_ref().and_then(Slowness::verdict);
        // What is here to its end is here, however long that took.
        if let Some(error) = slow.filter(|_| self.head.length != Some(self.received)) {
            return Err(error);
        }
        let since = self.slowness.is_some().then(Instant::now);
        let read = self.receive().await;
        if let (Some(slowness), Some(since), Ok(Some(bytes))) = (&mut self.slowness, since, &read) {
            slowness.note(since.elapsed(), bytes.len() as u64);
        }
        read
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, TransferError> {
        if self.head.length == Some(self.received) {
            return self.end().await;
        }
        match self.silence.broken_by(self.body.chunk()).await? {
            Ok(Some(bytes)) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Ok(None) if self.head.length.is_some() => Err(self.short()),
            Ok(None) if self.head.length.is_none() && !self.body.has_ended() => Err(self.short()),
            Ok(None) => Ok(None),
            Err(_) => Err(self.short()),
        }
    }

    /// All bytes that were announced are here; only the end is to be said. Who says it late or breaks off takes nothing away.
    async fn end(&mut self) -> Result<Option<Bytes>, TransferError> {
        let chunk = {
            let mut chunk = std::pin::pin!(self.body.chunk());
            match futures::poll!(&mut chunk) {
                Poll::Ready(chunk) => chunk,
                Poll::Pending => timeout(ENDING, chunk).await.unwrap_or(Ok(None)),
            }
        };
        match chunk {
            Ok(Some(bytes)) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Err(error) if trouble::is_invalid(&error) => Err(TransferError::LongBody),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Reads what is left of a small body that nobody wants, so that the connection stays of use.
    pub(crate) async fn drain(mut self: Box<Self>) {
        if self.head.length.is_some_and(|length| length > DRAINED) {
            return;
        }
        let rest = async { while self.received <= DRAINED && matches!(self.chunk().await, Ok(Some(_))) {} };
        let _ = timeout(DRAINING, rest).await;
    }

    fn short(&self) -> TransferError {
        TransferError::ShortBody {
            got: self.received,
            of: self.head.length,
        }
    }
}
