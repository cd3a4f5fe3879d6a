//! A body to save: as it comes, or without a coding that nobody asked for.

use bytes::Bytes;

use crate::error::TransferError;
use crate::http::{Answer, Decoded};

/// A body, as it comes or without a coding that nobody asked for.
pub(crate) enum Body {
    Plain(Box<Answer>),
    Decoded(Decoded),
}

impl Body {
    /// The body of an answer, whose coding is taken off if it hides the file.
    pub(crate) fn of(answer: Box<Answer>, is_coded: bool) -> Result<Self, TransferError> {
        Ok(if is_coded {
            Self::Decoded(Decoded::new(answer)?)
        } else {
            Self::Plain(answer)
        })
    }

    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        match self {
            Self::Plain(answer) => answer.chunk().await,
            Self::Decoded(decoded) => decoded.chunk().await,
        }
    }
}
