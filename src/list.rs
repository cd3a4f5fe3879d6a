//! A list is a stream: bytes become lines, lines become jobs, and nobody waits for the end of either.
//!
//! [`from_lines`] is the whole way for anything that tokio can read. A file or a pipe that may block for as long as
//! it likes is read by a thread of its own ([`read_aside`]), never on the runtime.

mod line;
mod lines;
mod reader;

use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};
use tokio::io::AsyncBufRead;

use crate::error::LineError;
use crate::job::{BadLine, Job, JobId, Place};
use crate::tame::redact_line;

pub use reader::read_aside;

/// What comes out of a list, entry by entry, in its order.
pub type Entry = Result<Job, BadLine>;

/// Reads a list of `URL`, `URL PATH` and `HEX  URL` lines. Blank lines and comments (`#` at the first non-blank) are skipped, a
/// byte order mark and carriage returns dropped. A line that is no entry becomes a [`BadLine`], and so does an error
/// of the reader, which ends the list.
///
/// Ids and line numbers count from 1. Memory: one line, at most 64 KiB.
pub fn from_lines<R: AsyncBufRead + Send + Unpin>(reader: R) -> impl Stream<Item = Entry> + Send {
    lines::of(reader).filter_map(|line| async move {
        let place = Place {
            list: None,
            line: line.number,
        };
        understood(JobId(line.number), place, line.bytes)
    })
}

/// A single entry from a command line's argument: a URL, nothing else.
pub fn from_url(text: &str) -> Entry {
    let id = JobId(1);
    let place = Place { list: None, line: 1 };
    match line::url(text) {
        Ok(url) => Ok(Job {
            id,
            place,
            url,
            name: None,
            checksum: None,
        }),
        Err(why) => Err(BadLine {
            id,
            place,
            text: shown(text.as_bytes()),
            why,
        }),
    }
}

/// One list after the other, as one list: ids go on, and places carry the list's name when it has one.
pub fn in_turn<'a, S>(
    lists: impl IntoIterator<Item = (Option<Arc<str>>, S), IntoIter: Send + 'a>,
) -> impl Stream<Item = Entry> + Send + 'a
where
    S: Stream<Item = Entry> + Send + 'a,
{
    let named = stream::iter(lists).flat_map(|(name, list)| list.map(move |entry| (name.clone(), entry)));
    named.scan(0_u64, |count, (list, entry)| {
        *count += 1;
        let id = JobId(*count);
        let entry = match entry {
            Ok(job) => Ok(Job {
                id,
                place: Place { list, ..job.place },
                ..job
            }),
            Err(bad) => Err(BadLine {
                id,
                place: Place { list, ..bad.place },
                ..bad
            }),
        };
        std::future::ready(Some(entry))
    })
}

fn understood(id: JobId, place: Place, line: Result<Vec<u8>, (Vec<u8>, LineError)>) -> Option<Entry> {
    let (bytes, parsed) = match line {
        Ok(bytes) => {
            let parsed = line::parse(&bytes);
            (bytes, parsed)
        }
        Err((beginning, LineError::TooLong(_))) if line::is_comment(&beginning) => return None,
        Err((beginning, why)) => (beginning, Err(why)),
    };
    match parsed {
        Ok(None) => None,
        Ok(Some(line::Entry { url, name, checksum })) => Some(Ok(Job {
            id,
            place,
            url,
            name,
            checksum,
        })),
        Err(why) => {
            let text = shown(&bytes);
            Some(Err(BadLine { id, place, text, why }))
        }
    }
}

/// Enough of a bad line to find it by. Secrets are hidden before it is cut: of half a password nobody can tell that
/// it is one.
fn shown(line: &[u8]) -> String {
    const SHOWN: usize = 100;
    let text = redact_line(&String::from_utf8_lossy(line));
    let text = text.trim();
    if text.chars().nth(SHOWN).is_none() {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(list: &[u8]) -> Vec<String> {
        let shown = |entry: Entry| match entry {
            Ok(job) => format!("{} {}", job.place, job.url),
            Err(bad) => format!("{} {}: {}", bad.place, bad.text, bad.why),
        };
        from_lines(list).map(shown).collect().await
    }

    #[tokio::test]
    async fn a_bad_line_is_one_entry_and_the_rest_goes_on() {
        let list = b"\xEF\xBB\xBFhttp://h/a\r\n\n# no\nnonsense\nhttp://h/b\xFF\n  http://h/c  \n";
        let expected = [
            "line 1 http://h/a",
            "line 4 nonsense: not a URL (a URL begins with http:// or https://)",
            "line 5 http://h/b\u{FFFD}: invalid UTF-8",
            "line 6 http://h/c",
        ];
        assert_eq!(read(list).await, expected);
    }

    #[tokio::test]
    async fn several_lists_are_one_with_ids_that_go_on() {
        let lists = [
            (Some("a.txt".into()), from_lines(&b"http://h/1\n#\nhttp://h/2"[..])),
            (Some("b.txt".into()), from_lines(&b"\nx"[..])),
        ];
        let entries: Vec<_> = in_turn(lists).collect().await;
        let shown: Vec<_> = entries
            .iter()
            .map(|e| {
                e.as_ref()
                    .map_or_else(|b| (b.id.0, b.place.to_string()), |j| (j.id.0, j.place.to_string()))
            })
            .collect();
        assert_eq!(
            shown,
            [(1, "a.txt:1".into()), (2, "a.txt:3".into()), (3, "b.txt:2".into())]
        );
    }

    #[tokio::test]
    async fn a_reader_that_fails_is_a_bad_line_and_the_end() {
        let broken =
            read_aside(|| Err::<std::io::Empty, _>(std::io::Error::from(std::io::ErrorKind::PermissionDenied)));
        let entries: Vec<_> = from_lines(broken).collect().await;
        assert_eq!(entries.len(), 1);
        assert_eq!(
            entries[0].as_ref().unwrap_err().why.to_string(),
            "the list cannot be read on: permission denied"
        );
    }
}
