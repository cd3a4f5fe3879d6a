//! Does what the server sends fit what is here? Pure: every case is a row of a table.

use std::ops::Range;

use reqwest::StatusCode;

use crate::error::TransferError;
use crate::http::{ContentRange, Head};
use crate::job::Resource;

/// What was asked for, beyond the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The gap to be filled; `end` is `u64::MAX` when the file's end is not known.
    pub(crate) gap: Range<u64>,
    /// What `If-Range` said.
    pub(crate) validator: String,
    /// The file's size, if it was told before.
    pub(crate) size: Option<u64>,
    /// What sent the bytes that are here.
    pub(crate) resource: Option<Resource>,
    /// The content coding of the bytes that are here: the file itself, as its name says. Empty when there is none.
    pub(crate) coding: String,
}

impl Asked {
    fn is_of_another(&self, from: impl Fn(&str) -> Option<Resource>) -> bool {
        self.resource
            .zip(from(&self.validator))
            .is_some_and(|(here, from)| here != from)
    }
}

/// What an answer is, to bytes that are here.
#[derive(Debug)]
pub(crate) enum Course {
    /// The whole file, from its beginning.
    Fresh,
    /// The bytes of the gap, up to this end, of a file of this size.
    Continue { end: u64, size: Option<u64> },
    /// There are no more bytes: what is here is the file.
    Whole { size: u64 },
    /// What is here belongs to something else. Ask again, without it.
    StartOver,
}

/// Why an answer brings nothing.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server sends no part, or what it sends cannot be told from one. Ask it for the whole alone; what is here stays until
    /// that comes.
    Part(TransferError),
    /// It sends nothing at all.
    All(TransferError),
}

impl From<Refusal> for TransferError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Part(error) | Refusal::All(error) => error,
        }
    }
}

/// Decides what an answer is. `asked` is `None` when the whole file was asked for. `from` tells what sent the answer, as far
/// as the validator depends on it.
pub(crate) fn plan(
    asked: Option<&Asked>,
    head: &Head,
    from: impl Fn(&str) -> Option<Resource>,
) -> Result<Course, Refusal> {
    Ok(match (head.status, asked) {
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, Some(asked)) => {
            whole(asked, head).map_err(Refusal::Part)?
        }
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, None) if head.is_cut => {
            return Err(Refusal::All(cut()));
        }
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, None) => Course::Fresh,
        (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, Some(asked))
            if asked.is_of_another(&from) =>
        {
            Course::StartOver
        }
        (StatusCode::PARTIAL_CONTENT, Some(asked)) => partial(asked, head),
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(asked)) => beyond(asked, head),
        (StatusCode::PARTIAL_CONTENT, None) => {
            return Err(Refusal::All(TransferError::Protocol(
                "206 Partial Content, and nobody asked for a part".into(),
            )));
        }
        _ => {
            return Err(match (head.failure(), asked) {
                // That may be about the range alone.
                (error, Some(_)) if !error.is_passing() => Refusal::Part(error),
                (error, _) => Refusal::All(error),
            });
        }
    })
}

/// A 200 to a range is another version, whole; or the same one, of which something is known. What contradicts that may be
/// the part that was asked for, of a server that does not say so.
fn whole(asked: &Asked, head: &Head) -> Result<Course, TransferError> {
    let is_the_same = is_proven(asked, head) && !contradicts(asked, head);
    let is_that_long = match (head.length, asked.size) {
        (Some(length), Some(size)) => length == size,
        (Some(length), None) => length >= asked.gap.start,
        (None, size) => size.is_none(),
    };
    if head.is_cut {
        Err(cut())
    } else if is_the_same && !(is_that_long && has_its_coding(&asked.coding, head)) {
        Err(TransferError::Protocol(
            "what came for a part is not the whole file, and does not say so".into(),
        ))
    } else {
        Ok(Course::Fresh)
    }
}

fn cut() -> TransferError {
    TransferError::Protocol("200 OK with a part of the file".into())
}

/// A 206 is believed when it says which bytes it has, and they are the first of those that were asked for, of a file of
/// the same size and with the same validator (RFC 9110 section 15.3.7).
fn partial(asked: &Asked, head: &Head) -> Course {
    match bytes_of(&asked.gap, asked.size, &asked.coding, head) {
        Some((end, size)) if is_proven(asked, head) && !contradicts(asked, head) => Course::Continue {
            end,
            size: size.or(asked.size),
        },
        _ => Course::StartOver,
    }
}

/// Up to where it goes, if it is a part of a file of just this size, and the first bytes of this gap, as the head itself
/// says. Of a server that was never asked before, there is no more to go by.
pub(crate) fn part_of(gap: &Range<u64>, size: u64, coding: &str, head: &Head) -> Option<u64> {
    let (end, told) = bytes_of(gap, Some(size), coding, head)?;
    (head.status == StatusCode::PARTIAL_CONTENT && told == Some(size)).then_some(end)
}

/// Up to where a part goes that has the first bytes of this gap, of a file of this size if that is known; and the size
/// that it tells.
fn bytes_of(gap: &Range<u64>, size: Option<u64>, coding: &str, head: &Head) -> Option<(u64, Option<u64>)> {
    let ContentRange::Part { start, end, size: told } = head.range? else {
        return None;
    };
    let is_asked_for = start == gap.start && end <= gap.end;
    let is_of_that_size = told.is_none_or(|told| size.is_none_or(|known| known == told));
    let is_that_long = head.length.is_none_or(|length| length == end - start);
    (is_asked_for && is_of_that_size && is_that_long && has_its_coding(coding, head)).then_some((end, told))
}

/// An answer need not repeat the coding of the bytes that it goes on with (RFC 9110 section 15.3.7), but cannot have another.
fn has_its_coding(coding: &str, head: &Head) -> bool {
    head.encoding.is_empty() || head.encoding == coding
}

/// A 416 is the end of the file when its size is what is here, and either the size was known or the tag is the same: a
/// server that does not know `If-Range` may have another file of just that size.
fn beyond(asked: &Asked, head: &Head) -> Course {
    let Some(ContentRange::None { size }) = head.range else {
        return Course::StartOver;
    };
    let is_all = size == asked.gap.start;
    let is_same = asked.size == Some(size) || (asked.size.is_none() && head.etag.as_ref() == Some(&asked.validator));
    if is_all && is_same && !contradicts(asked, head) {
        return Course::Whole { size };
    }
    Course::StartOver
}

/// Does the answer carry a tag or a date other than the one that was asked for? A date need not be strong to be another:
/// a server that does not know `If-Range` sends a part of a file that has just changed.
fn contradicts(asked: &Asked, head: &Head) -> bool {
    if asked.validator.starts_with('"') {
        return head.etag.as_ref().is_some_and(|tag| *tag != asked.validator);
    }
    let date = httpdate::parse_http_date(&asked.validator).ok();
    head.modified.is_some_and(|modified| Some(modified) != date)
}

/// A part of a file that has a tag carries the tag (RFC 9110 section 15.3.7). One without it proves nothing. It need not
/// carry the date that was asked for; but a server that does not know `If-Range` need not carry one, either, or carries
/// one that cannot be read.
fn is_proven(asked: &Asked, head: &Head) -> bool {
    if asked.validator.starts_with('"') {
        head.etag.is_some()
    } else {
        head.modified.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, fields: &[(&str, &str)]) -> Head {
        Head::of(status, fields)
    }

    fn course(asked: Option<&Asked>, head: &Head) -> String {
        match plan(asked, head, |_| None) {
            Ok(Course::Fresh) => "fresh".into(),
            Ok(Course::Continue { end, size }) => format!("continue to {end} of {size:?}"),
            Ok(Course::Whole { size }) => format!("whole at {size}"),
            Ok(Course::StartOver) => "start over".into(),
            Err(Refusal::Part(error)) => format!("alone: {error}"),
            Err(Refusal::All(error)) => error.to_string(),
        }
    }

    fn asked(gap: Range<u64>, size: Option<u64>) -> Asked {
        Asked {
            gap,
            validator: "\"v1\"".into(),
            size,
            resource: None,
            coding: String::new(),
        }
    }

    #[test]
    fn without_a_range_only_the_whole_file_will_do() {
        for (status, expected) in [
            (200, "fresh"),
            (203, "fresh"),
            (204, "204 No Content"),
            (206, "206 Partial Content, and nobody asked for a part"),
            (304, "304 Not Modified"),
            (404, "404 Not Found"),
            (416, "416 Range Not Satisfiable"),
        ] {
            assert_eq!(
                course(None, &head(status, &[("content-range", "bytes 0-9/10")])),
                expected
            );
        }
    }

    #[test]
    fn a_200_that_calls_itself_a_part_is_not_the_whole_file() {
        let range = |range| ("content-range", range);
        for (fields, is_part) in [
            (&[range("bytes 0-99/100")][..], false),
            (&[range("bytes 0-99/*")], false),
            (&[range("nonsense")], false),
            (&[range("bytes 0-99/100"), range("bytes 0-99/100")], false),
            (&[("content-type", "multipart/mixed")], false),
            (&[range("bytes 0-98/100")], true),
            (&[range("bytes 40-99/100")], true),
            (&[range("bytes 40-99/*")], true),
            (&[range("bytes 40-99/100"), range("bytes 40-99/100")], true),
            (&[("content-type", "Multipart/ByteRanges; boundary=x")], true),
        ] {
            let (head, asked) = (head(200, fields), asked(40..100, Some(100)));
            let courses = [course(None, &head), course(Some(&asked), &head)];
            let part = "200 OK with a part of the file";
            let expected = if is_part {
                [part.into(), format!("alone: {part}")]
            } else {
                ["fresh".into(), "fresh".into()]
            };
            assert_eq!(courses, expected, "{fields:?}");
        }
    }

    #[test]
    fn a_200_of_the_same_version_is_as_long_as_that() {
        let (known, open) = (asked(40..100, Some(100)), asked(40..u64::MAX, None));
        let date = Asked {
            validator: "Sun, 06 Nov 1994 08:49:37 GMT".into(),
            ..known.clone()
        };
        let (tag, length) = (("etag", "\"v1\""), |length| ("content-length", length));
        let modified = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (asked, fields, is_whole) in [
            (&known, &[tag, length("100")][..], true),
            (&known, &[tag, length("60")], false),
            (&known, &[tag, length("0")], false),
            (&known, &[tag], false),
            (&known, &[tag, length("100"), ("content-encoding", "gzip")], false),
            (&known, &[length("60")], true),
            (&known, &[("etag", "\"v2\""), length("60")], true),
            (&known, &[("etag", "\"v2\"")], true),
            (&open, &[tag], true),
            (&open, &[tag, length("40")], true),
            (&open, &[tag, length("39")], false),
            (&date, &[modified, length("100")], true),
            (&date, &[modified, length("60")], false),
            (&date, &[length("60")], true),
        ] {
            for status in [200, 203] {
                let course = course(Some(asked), &head(status, fields));
                assert_eq!(course == "fresh", is_whole, "{status} {fields:?}: {course}");
            }
        }
    }

    #[test]
    fn who_sends_no_part_is_asked_for_the_whole_alone() {
        let asked = asked(40..100, Some(100));
        for (status, is_alone) in [
            (204, true),
            (304, true),
            (400, true),
            (403, true),
            (404, true),
            (405, true),
            (412, true),
            (501, true),
            (505, true),
            (408, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            let course = course(Some(&asked), &head(status, &[]));
            assert_eq!(course.starts_with("alone: "), is_alone, "{course}");
        }
    }

    #[test]
    fn a_part_fits_only_when_everything_about_it_does() {
        let (known, open) = (asked(40..100, Some(100)), asked(40..u64::MAX, None));
        for (asked, range, expected) in [
            (&known, "bytes 40-99/100", "continue to 100 of Some(100)"),
            (&known, "bytes 40-69/100", "continue to 70 of Some(100)"),
            (&known, "bytes 40-99/*", "continue to 100 of Some(100)"),
            (&open, "bytes 40-119/120", "continue to 120 of Some(120)"),
            (&open, "bytes 40-119/*", "continue to 120 of None"),
            (&known, "bytes 41-99/100", "start over"),
            (&known, "bytes 0-99/100", "start over"),
            (&known, "bytes 40-99/101", "start over"),
            (&known, "bytes 40-100/101", "start over"),
            (&known, "bytes 40-99", "start over"),
            (&known, "bytes */100", "start over"),
        ] {
            let head = head(206, &[("content-range", range), ("etag", "\"v1\"")]);
            assert_eq!(course(Some(asked), &head), expected, "{asked:?} {range}");
        }
        let range = ("content-range", "bytes 40-99/100");
        for (fields, expected) in [
            (&[range, ("etag", "\"v1\"")][..], "continue to 100 of Some(100)"),
            (&[range], "start over"),
            (&[], "start over"),
            (&[range, range], "start over"),
            (&[range, ("etag", "\"v2\"")], "start over"),
            (&[range, ("etag", "W/\"v1\"")], "start over"),
            (&[range, ("content-encoding", "gzip")], "start over"),
            (&[range, ("content-length", "61")], "start over"),
        ] {
            assert_eq!(course(Some(&known), &head(206, fields)), expected, "{fields:?}");
        }
        let packed = Asked {
            coding: "gzip".into(),
            ..known
        };
        for (coding, expected) in [
            ("gzip", "continue to 100 of Some(100)"),
            ("identity", "continue to 100 of Some(100)"),
            ("br", "start over"),
        ] {
            let fields = [range, ("etag", "\"v1\""), ("content-encoding", coding)];
            assert_eq!(course(Some(&packed), &head(206, &fields)), expected, "{coding}");
        }
    }

    #[test]
    fn a_mirror_has_the_same_file_only_if_it_says_so_of_the_size() {
        for (status, range, is_part) in [
            (206, "bytes 40-99/100", true),
            (206, "bytes 40-69/100", true),
            (206, "bytes 40-99/*", false),
            (206, "bytes 40-99/101", false),
            (206, "bytes 41-99/100", false),
            (200, "bytes 40-99/100", false),
        ] {
            let head = head(status, &[("content-range", range), ("etag", "W/\"other\"")]);
            assert_eq!(
                part_of(&(40..100), 100, "", &head).is_some(),
                is_part,
                "{status} {range}"
            );
        }
    }

    #[test]
    fn no_such_range_is_the_end_only_of_the_same_file() {
        let tag = ("etag", "\"v1\"");
        for (asked, size, fields, expected) in [
            (asked(100..100, Some(100)), "bytes */100", &[][..], "whole at 100"),
            (
                asked(100..100, Some(100)),
                "bytes */100",
                &[("etag", "\"v2\"")],
                "start over",
            ),
            (asked(40..u64::MAX, None), "bytes */40", &[tag], "whole at 40"),
            (asked(40..u64::MAX, None), "bytes */40", &[], "start over"),
            (asked(40..100, Some(100)), "bytes */100", &[tag], "start over"),
            (asked(40..100, Some(100)), "bytes */40", &[tag], "start over"),
            (asked(40..100, Some(100)), "nonsense", &[tag], "start over"),
        ] {
            let fields = [&[("content-range", size)], fields].concat();
            assert_eq!(
                course(Some(&asked), &head(416, &fields)),
                expected,
                "{asked:?} {fields:?}"
            );
        }
        assert_eq!(
            course(Some(&asked(4..9, None)), &head(503, &[])),
            "503 Service Unavailable"
        );
        assert_eq!(course(Some(&asked(4..9, None)), &head(200, &[])), "fresh");
    }

    #[test]
    fn what_another_resource_sends_is_no_part_of_this_one() {
        let [one, other] = ["http://h/a?doc=one", "http://h/a?doc=other"].map(|url| {
            let url = url::Url::parse(url).unwrap();
            Some(Resource::of(&url, &url, "\"v1\""))
        });
        let asked = Asked {
            resource: one,
            ..asked(40..100, Some(100))
        };
        let part = head(206, &[("content-range", "bytes 40-99/100"), ("etag", "\"v1\"")]);
        let beyond = head(416, &[("content-range", "bytes */40"), ("etag", "\"v1\"")]);
        for (from, goes_on) in [(one, true), (other, false), (None, true)] {
            let course = |head| plan(Some(&asked), head, |_| from).unwrap();
            assert_eq!(matches!(course(&part), Course::Continue { .. }), goes_on, "{from:?}");
            assert!(matches!(course(&beyond), Course::StartOver), "{from:?}");
            assert!(matches!(course(&head(200, &[])), Course::Fresh), "{from:?}");
        }
    }

    #[test]
    fn a_date_has_to_be_the_same_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let asked = Asked {
            gap: 40..100,
            validator: date.into(),
            size: Some(100),
            resource: None,
            coding: String::new(),
        };
        for (modified, expected) in [
            (&[date][..], "continue to 100 of Some(100)"),
            (&["Sun, 06 Nov 1994 08:49:38 GMT"], "start over"),
            // Too fresh to be a validator, and yet another date.
            (&["Mon, 07 Nov 1994 08:49:30 GMT"], "start over"),
            (&["Mon, 06 Nov 1994 08:49:38 UTC"], "start over"),
            (&[date, "Sun, 06 Nov 1994 08:49:38 GMT"], "start over"),
            (&[], "start over"),
        ] {
            let sent = ("date", "Mon, 07 Nov 1994 08:49:37 GMT");
            let mut fields = vec![("content-range", "bytes 40-99/100"), sent];
            fields.extend(modified.iter().map(|date| ("last-modified", *date)));
            assert_eq!(course(Some(&asked), &head(206, &fields)), expected, "{modified:?}");
        }
    }
}
