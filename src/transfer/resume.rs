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
    /// A content coding is the file itself, as its name says.
    pub(crate) is_packed: bool,
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
    /// Neither.
    Fail(TransferError),
}

/// Decides what an answer is. `asked` is `None` when the whole file was asked for. `from` tells what sent the answer, as far
/// as the validator depends on it.
pub(crate) fn plan(asked: Option<&Asked>, head: &Head, from: impl Fn(&str) -> Option<Resource>) -> Course {
    match (head.status, asked) {
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, _) if !is_cut(head) => Course::Fresh,
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, Some(_)) => Course::StartOver,
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, None) => Course::Fail(TransferError::Protocol(
            "200 OK with a part of the file (Content-Range)".into(),
        )),
        (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, Some(asked))
            if asked.is_of_another(&from) =>
        {
            Course::StartOver
        }
        (StatusCode::PARTIAL_CONTENT, Some(asked)) => partial(asked, head),
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(asked)) => beyond(asked, head),
        (StatusCode::PARTIAL_CONTENT, None) => Course::Fail(TransferError::Protocol(
            "206 Partial Content, and nobody asked for a part".into(),
        )),
        _ => Course::Fail(head.failure()),
    }
}

/// Does it call itself a part, and not the whole? In a 200 that means nothing (RFC 9110 section 14.4), but who says so may
/// mean a 206.
fn is_cut(head: &Head) -> bool {
    match head.range {
        Some(ContentRange::Part { start, end, size }) => start > 0 || size.is_some_and(|size| end < size),
        Some(ContentRange::None { .. }) | None => false,
    }
}

/// A 206 is believed when it says which bytes it has, and they are the first of those that were asked for, of a file of
/// the same size and with the same validator (RFC 9110 section 15.3.7).
fn partial(asked: &Asked, head: &Head) -> Course {
    match bytes_of(&asked.gap, asked.size, asked.is_packed, head) {
        Some((end, size)) if is_proven(asked, head) && !contradicts(asked, head) => Course::Continue {
            end,
            size: size.or(asked.size),
        },
        _ => Course::StartOver,
    }
}

/// Up to where it goes, if it is a part of a file of just this size, and the first bytes of this gap, as the head itself
/// says. Of a server that was never asked before, there is no more to go by.
pub(crate) fn part_of(gap: &Range<u64>, size: u64, is_packed: bool, head: &Head) -> Option<u64> {
    let (end, told) = bytes_of(gap, Some(size), is_packed, head)?;
    (head.status == StatusCode::PARTIAL_CONTENT && told == Some(size)).then_some(end)
}

/// Up to where a part goes that has the first bytes of this gap, of a file of this size if that is known; and the size
/// that it tells.
fn bytes_of(gap: &Range<u64>, size: Option<u64>, is_packed: bool, head: &Head) -> Option<(u64, Option<u64>)> {
    let ContentRange::Part { start, end, size: told } = head.range? else {
        return None;
    };
    let is_asked_for = start == gap.start && end <= gap.end;
    let is_of_that_size = told.is_none_or(|told| size.is_none_or(|known| known == told));
    let is_that_long = head.length.is_none_or(|length| length == end - start);
    (is_asked_for && is_of_that_size && is_that_long && (is_packed || head.encoding.is_empty())).then_some((end, told))
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
            Course::Fresh => "fresh".into(),
            Course::Continue { end, size } => format!("continue to {end} of {size:?}"),
            Course::Whole { size } => format!("whole at {size}"),
            Course::StartOver => "start over".into(),
            Course::Fail(error) => error.to_string(),
        }
    }

    fn asked(gap: Range<u64>, size: Option<u64>) -> Asked {
        Asked {
            gap,
            validator: "\"v1\"".into(),
            size,
            resource: None,
            is_packed: false,
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
        let part = "200 OK with a part of the file (Content-Range)";
        for (range, alone, with_range) in [
            ("bytes 0-99/100", "fresh", "fresh"),
            ("bytes 0-99/*", "fresh", "fresh"),
            ("bytes 0-98/100", part, "start over"),
            ("bytes 40-99/100", part, "start over"),
            ("bytes 40-99/*", part, "start over"),
            ("nonsense", "fresh", "fresh"),
        ] {
            let head = head(200, &[("content-range", range)]);
            let asked = asked(40..100, Some(100));
            let courses = (course(None, &head), course(Some(&asked), &head));
            assert_eq!(courses, (alone.into(), with_range.into()), "{range}");
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
            is_packed: true,
            ..known
        };
        let fields = [range, ("etag", "\"v1\""), ("content-encoding", "gzip")];
        assert_eq!(
            course(Some(&packed), &head(206, &fields)),
            "continue to 100 of Some(100)"
        );
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
                part_of(&(40..100), 100, false, &head).is_some(),
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
            let course = |head| plan(Some(&asked), head, |_| from);
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
            is_packed: false,
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
