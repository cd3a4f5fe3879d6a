//! The bytes of an answer, and whether their end was the end.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use hyper::body::Body as _;
use reqwest::{Response, Version};

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Body {
    frames: reqwest::Body,
    /// Its end is the end of a stream of its own.
    is_stream: bool,
}

impl Body {
    pub(super) fn new(response: Response) -> Self {
        Self {
            is_stream: response.version() == Version::HTTP_2,
            frames: response.into(),
        }
    }

    /// The next bytes; `None` when no more come.
    pub(super) async fn chunk(&mut self) -> reqwest::Result<Option<Bytes>> {
        loop {
            let Some(frame) = poll_fn(|cx| Pin::new(&mut self.frames).poll_frame(cx)).await else {
                return Ok(None);
            };
            // Trailers say nothing that matters here.
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// When no more bytes come: was that the end? A stream ends by saying so (RFC 9113 section 8.1). hyper takes a reset or
    /// a GOAWAY with the code `NO_ERROR` for an end, too, which is right of a request's body only.
    pub(super) fn has_ended(&self) -> bool {
        !self.is_stream || self.frames.is_end_stream()
    }
}
