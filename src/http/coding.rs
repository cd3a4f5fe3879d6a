//! A content coding that nobody asked for. The file is what is inside, unless its name says otherwise.

use std::io;
use std::path::Path;

use async_compression::tokio::bufread::{GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::io::{AsyncRead, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use super::{Answer, Head};
use crate::checksum::Adding;
use crate::error::TransferError;

/// Codings, as servers call them, and the endings of names that say that the file itself is in one: then it is the file.
const NAMED: [(&[&str], &[&str]); 7] = [
    (&["gzip", "x-gzip"], &["gz", "tgz", "svgz"]),
    (&["deflate"], &["z"]),
    (&["compress", "x-compress"], &["z"]),
    (&["br"], &["br"]),
    (&["zstd"], &["zst", "tzst"]),
    (&["xz", "x-xz"], &["xz", "txz"]),
    (&["bzip2", "x-bzip2"], &["bz2", "tbz", "tbz2"]),
];

/// Is a file of this name to be saved as it is sent in this coding? What nobody can take off, in whatever it is compressed.
fn is_the_file(name: &str, coding: &str) -> bool {
    let Some((_, ending)) = name.rsplit_once('.') else {
        return false;
    };
    let ending = ending.to_ascii_lowercase();
    let has = |endings: &[&str]| endings.contains(&&*ending);
    match NAMED.iter().find(|(codings, _)| codings.contains(&coding)) {
        Some((_, endings)) => has(endings),
        None => NAMED.iter().any(|(_, endings)| has(endings)),
    }
}

impl Head {
    /// How long the file of this name is, if the head tells: of one in a coding, it tells how long that is.
    pub(crate) fn length_of(&self, path: &Path) -> Option<u64> {
        let is_hidden = || self.hides(&path.file_name().unwrap_or_default().to_string_lossy());
        self.length.filter(|_| self.encoding.is_empty() || !is_hidden())
    }

    /// Does a coding that nobody asked for hide a file of this name? Of no bytes there is nothing to take it off.
    pub(crate) fn hides(&self, name: &str) -> bool {
        !self.encoding.is_empty() && self.length != Some(0) && !is_the_file(name, &self.encoding)
    }
}

/// A body without its coding.
pub(crate) struct Decoded {
    bytes: BoxStream<'static, io::Result<Bytes>>,
    count: u64,
    /// How long it is with its coding was told, so that a cut is seen without it.
    has_length: bool,
}

impl Decoded {
    /// Takes the coding off while the body comes. What comes behind the end of the coded bytes is refused. Digests are of
    /// what is sent, with its coding (RFC 9530 section 2).
    pub(crate) fn new(answer: Box<Answer>) -> Result<Self, TransferError> {
        let (coding, has_length) = (answer.head.encoding.clone(), answer.head.length.is_some());
        let adding = Adding::new(answer.head.digests.iter().cloned());
        let chunks = stream::try_unfold((answer, Some(adding)), |(mut answer, mut adding)| async move {
            let chunk = answer.chunk().await.map_err(io::Error::other)?;
            if let (Some(chunk), Some(adding)) = (&chunk, &mut adding) {
                adding.update(chunk);
            } else if let Some(algorithm) = adding.take().and_then(Adding::mismatch) {
                return Err(io::Error::other(TransferError::Checksum(algorithm)));
            }
            Ok::<_, io::Error>(chunk.map(|chunk| (chunk, (answer, adding))))
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
        Ok(Self {
            bytes: ReaderStream::with_capacity(decoder, 64 * 1024).boxed(),
            count: 0,
            has_length,
        })
    }

    /// The next bytes; `None` at the whole end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        let chunk = self.bytes.next().await.transpose().map_err(|error| self.cause(error))?;
        self.count += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Ok(chunk)
    }

    /// The transfer's own error, or what is wrong with the coding.
    fn cause(&self, error: io::Error) -> TransferError {
        let error = match error.downcast::<TransferError>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::UnexpectedEof if !self.has_length => TransferError::ShortBody {
                got: self.count,
                of: None,
            },
            _ => TransferError::Protocol(format!("the content coding is broken: {}", crate::error::os(&error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_in_which_coding_the_file_is() {
        for (name, coding, is) in [
            ("a.tar.gz", "gzip", true),
            ("a.TGZ", "x-gzip", true),
            ("a.txt", "gzip", false),
            ("a", "gzip", false),
            ("a.tar.xz", "gzip", false),
            ("a.deb", "gzip", false),
            ("a.tar.xz", "x-xz", true),
            ("a.zst", "zstd", true),
            ("a.gz", "br", false),
            ("a.gz", "pack", true),
            ("a.txt", "pack", false),
        ] {
            assert_eq!(is_the_file(name, coding), is, "{name} {coding}");
        }
    }
}
