//! A content coding that nobody asked for. The file is what is inside, unless its name says otherwise.

use std::io;

use async_compression::tokio::bufread::{GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::io::{AsyncRead, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use super::{Answer, Head};
use crate::error::TransferError;

/// Endings of names that say that the file itself is compressed: then the coding is the file.
const COMPRESSED: [&str; 10] = ["gz", "tgz", "z", "br", "zst", "tzst", "xz", "bz2", "svgz", "deb"];

/// Is a file of this name to be saved as it is sent, whatever its coding?
fn is_the_file(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| COMPRESSED.contains(&&*ending))
}

impl Head {
    /// Does a coding that nobody asked for hide a file of this name? Of no bytes there is nothing to take it off.
    pub(crate) fn hides(&self, name: &str) -> bool {
        !self.encoding.is_empty() && self.length != Some(0) && !is_the_file(name)
    }
}

/// A body without its coding.
pub(crate) struct Decoded(BoxStream<'static, io::Result<Bytes>>);

impl Decoded {
    /// Takes the coding off while the body comes. What comes behind the end of the coded bytes is refused.
    pub(crate) fn new(answer: Box<Answer>) -> Result<Self, TransferError> {
        let coding = answer.head.encoding.clone();
        let chunks = stream::try_unfold(answer, |mut answer| async move {
            let chunk = answer.chunk().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(chunk.map(|chunk| (chunk, answer)))
        });
        let coded = BufReader::new(StreamReader::new(chunks.boxed()));
        let decoder: Box<dyn AsyncRead + Send + Unpin> = match &*coding {
            "gzip" | "x-gzip" => {
                let mut decoder = GzipDecoder::new(coded);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            "deflate" => {
                let mut decoder = ZlibDecoder::new(coded);
                // There is no such thing as a second one, but what comes behind the first must not be passed over.
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            other => {
                let other = crate::tame::tame(other);
                return Err(TransferError::Protocol(format!(
                    "content coding {other}, and nobody asked for one"
                )));
            }
        };
        Ok(Self(ReaderStream::with_capacity(decoder, 64 * 1024).boxed()))
    }

    /// The next bytes; `None` at the whole end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        let Some(chunk) = self.0.next().await else {
            return Ok(None);
        };
        chunk.map(Some).map_err(cause)
    }
}

/// The transfer's own error, or what is wrong with the coding.
fn cause(error: io::Error) -> TransferError {
    match error.downcast::<TransferError>() {
        Ok(error) => error,
        Err(error) => TransferError::Protocol(format!("the content coding is broken: {}", crate::error::os(&error))),
    }
}
