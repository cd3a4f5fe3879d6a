//! Bytes become lines, with a bound: a line that is too long is read past, not kept. A line ends as it does on any system:
//! with LF, CR LF or CR.

use std::io;

use futures::{Stream, stream};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use crate::error::LineError;

/// The longest line that can be an entry, in bytes. No server takes a URL a tenth as long.
const LONGEST: usize = 64 * 1024;

/// A line without its end, or its beginning and why the rest is missing.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) bytes: Result<Vec<u8>, (Vec<u8>, LineError)>,
}

/// What comes of a reader.
#[derive(Debug)]
pub(super) enum Piece {
    /// A line has begun with this byte, and its end is still to come.
    Begun(u8),
    Line(Line),
}

struct Reading<R> {
    reader: R,
    number: u64,
    ended: bool,
    /// What there is of the next line, as far as it is kept, and its length.
    kept: Vec<u8>,
    length: usize,
    is_told: bool,
    /// The last line ended with CR; the LF that may follow is its end, too.
    is_after_cr: bool,
}

/// The lines of a reader. An error of the reader is the last item.
pub(super) fn of<R: AsyncBufRead + Send + Unpin>(reader: R) -> impl Stream<Item = Piece> + Send {
    let reading = Reading {
        reader,
        number: 0,
        ended: false,
        kept: Vec::new(),
        length: 0,
        is_told: false,
        is_after_cr: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let piece = reading.next().await?;
        Some((piece, reading))
    })
}

/// The only line of a list whose beginning cannot be read.
pub(super) fn unreadable(error: &io::Error) -> impl Stream<Item = Piece> + Send + use<> {
    let why = LineError::Unreadable(crate::error::os(error));
    stream::iter([Piece::Line(Line {
        number: 1,
        bytes: Err((Vec::new(), why)),
    })])
}

impl<R: AsyncBufRead + Unpin> Reading<R> {
    async fn next(&mut self) -> Option<Piece> {
        if self.ended {
            return None;
        }
        let why = loop {
            let block = match self.reader.fill_buf().await {
                Ok(block) => block,
                Err(error) => {
                    self.ended = true;
                    break Some(LineError::Unreadable(crate::error::os(&error)));
                }
            };
            self.ended = block.is_empty();
            if self.ended && self.length == 0 {
                return None;
            }
            if std::mem::take(&mut self.is_after_cr) && block.first() == Some(&b'\n') {
                self.reader.consume(1);
                continue;
            }
            let end = block.iter().position(|b| matches!(b, b'\n' | b'\r'));
            self.is_after_cr = end.is_some_and(|at| block[at] == b'\r');
            let part = &block[..end.unwrap_or(block.len())];
            let room = LONGEST + 1 - self.kept.len();
            self.kept.extend_from_slice(&part[..part.len().min(room)]);
            self.length += part.len();
            let taken = end.map_or(block.len(), |at| at + 1);
            self.reader.consume(taken);
            if end.is_some() || self.ended {
                break (self.kept.len() > LONGEST).then_some(LineError::TooLong(LONGEST));
            }
            if let Some(&first) = self.kept.first()
                && !std::mem::replace(&mut self.is_told, true)
            {
                return Some(Piece::Begun(first));
            }
        };
        (self.length, self.is_told) = (0, false);
        self.number += 1;
        let kept = std::mem::take(&mut self.kept);
        Some(Piece::Line(Line {
            number: self.number,
            bytes: match why {
                None => Ok(kept),
                Some(why) => Err((kept, why)),
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8], block: usize) -> Vec<Result<Vec<u8>, LineError>> {
        let reader = tokio::io::BufReader::with_capacity(block, bytes);
        let lines = of(reader).filter_map(|piece| {
            std::future::ready(match piece {
                Piece::Begun(_) => None,
                Piece::Line(line) => Some(line.bytes.map_err(|(_, why)| why)),
            })
        });
        futures::executor::block_on(lines.collect())
    }

    #[test]
    fn the_last_line_needs_no_end() {
        let ok = |text: &str| Ok(text.as_bytes().to_vec());
        assert_eq!(lines(b"", 8), []);
        assert_eq!(lines(b"a\n\nb", 8), [ok("a"), ok(""), ok("b")]);
        assert_eq!(lines(b"a\r\nb\n", 1), [ok("a"), ok("b")]);
        assert_eq!(lines(b"a\rb\r\r\nc\r", 2), [ok("a"), ok("b"), ok(""), ok("c")]);
    }

    #[test]
    fn a_line_too_long_is_one_failure_and_the_next_one_is_read() {
        let mut list = vec![b'x'; LONGEST + 1];
        list.extend_from_slice(b"\nnext\n");
        assert_eq!(
            lines(&list, 4096),
            [Err(LineError::TooLong(LONGEST)), Ok(b"next".to_vec())]
        );
    }

    proptest! {
        #[test]
        fn lines_are_the_same_whatever_the_blocks(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200), block in 1_usize..50) {
            let mut plain = Vec::new();
            for (at, &byte) in bytes.iter().enumerate() {
                match byte {
                    b'\n' if at > 0 && bytes[at - 1] == b'\r' => {}
                    b'\r' => plain.push(b'\n'),
                    other => plain.push(other),
                }
            }
            let mut expected: Vec<_> = plain.split(|&b| b == b'\n').map(|line| Ok(line.to_vec())).collect();
            if expected.last() == Some(&Ok(Vec::new())) {
                expected.pop();
            }
            prop_assert_eq!(lines(&bytes, block), expected);
        }
    }
}
