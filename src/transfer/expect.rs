//! What a file has to be, as the list and the settings say: pure.

use crate::checksum::Checksum;
use crate::error::TransferError;

use super::resume::Course;
use crate::http::Head;

/// What an entry's file has to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expect {
    /// What it adds up to.
    pub(crate) checksum: Option<Checksum>,
    /// How long it is, in bytes.
    pub(crate) size: Option<u64>,
    /// How long it may be.
    pub(crate) most: Option<u64>,
}

impl Expect {
    /// Why the answer's body is not worth reading: a size is announced that will not do.
    pub(crate) fn refuses(&self, course: &Course, head: &Head) -> Option<TransferError> {
        // How long a body is without its coding, nobody knows yet.
        let is_plain = head.encoding.is_empty();
        let (size, least) = match *course {
            Course::Fresh => (head.length.filter(|_| is_plain), 0),
            Course::Continue { end, size } => (size, end),
            Course::Whole { size } => (Some(size), size),
            Course::StartOver => return None,
        };
        size.map_or_else(|| self.outgrown(least), |size| self.wrong(size).or(self.outgrown(size)))
    }

    /// Why the file can have no more bytes than these.
    pub(crate) fn outgrown(&self, bytes: u64) -> Option<TransferError> {
        if let Some(listed) = self.size.filter(|&listed| bytes > listed) {
            return Some(TransferError::WrongSize { listed, found: None });
        }
        let limit = self.most.filter(|&most| bytes > most)?;
        Some(TransferError::TooLarge { limit })
    }

    /// Why a whole file of so many bytes is none. With fewer than were listed it may have been cut: that its end was
    /// the end, only the connection said.
    pub(super) fn incomplete(&self, bytes: u64) -> Option<TransferError> {
        let short = self.size.filter(|&listed| bytes < listed);
        let cut = short.map(|listed| TransferError::ShortBody {
            got: bytes,
            of: Some(listed),
        });
        cut.or_else(|| self.outgrown(bytes))
    }

    fn wrong(&self, size: u64) -> Option<TransferError> {
        let listed = self.size.filter(|&listed| listed != size)?;
        Some(TransferError::WrongSize {
            listed,
            found: Some(size),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expect: &Expect, course: &Course, fields: &[(&str, &str)]) -> String {
        let refused = expect.refuses(course, &Head::of(200, fields));
        refused.map_or_else(|| "fine".into(), |error| error.to_string())
    }

    #[test]
    fn an_announced_size_is_checked_before_the_body() {
        let (listed, limited) = (
            Expect {
                size: Some(100),
                ..Expect::default()
            },
            Expect {
                most: Some(100),
                ..Expect::default()
            },
        );
        let length = |length: &'static str| [("content-length", length)];
        let coded = [("content-length", "101"), ("content-encoding", "gzip")];
        let part = |end, size| Course::Continue { end, size };
        for (expect, course, fields, expected) in [
            (&listed, Course::Fresh, &length("100")[..], "fine"),
            (
                &listed,
                Course::Fresh,
                &length("99"),
                "the server has 99 bytes, the list says 100",
            ),
            (
                &listed,
                Course::Fresh,
                &length("101"),
                "the server has 101 bytes, the list says 100",
            ),
            (&listed, Course::Fresh, &[], "fine"),
            (&listed, Course::Fresh, &coded, "fine"),
            (&listed, part(90, Some(100)), &[], "fine"),
            (
                &listed,
                part(90, Some(99)),
                &[],
                "the server has 99 bytes, the list says 100",
            ),
            (
                &listed,
                part(101, None),
                &[],
                "the server has more than the 100 bytes that the list says",
            ),
            (
                &listed,
                Course::Whole { size: 99 },
                &[],
                "the server has 99 bytes, the list says 100",
            ),
            (&listed, Course::StartOver, &length("5"), "fine"),
            (&limited, Course::Fresh, &length("100"), "fine"),
            (
                &limited,
                Course::Fresh,
                &length("101"),
                "larger than 100 B (--max-size)",
            ),
            (&limited, part(90, Some(101)), &[], "larger than 100 B (--max-size)"),
            (&limited, part(90, None), &[], "fine"),
        ] {
            assert_eq!(
                said(expect, &course, fields),
                expected,
                "{expect:?} {course:?} {fields:?}"
            );
        }
    }

    #[test]
    fn a_body_whose_size_nobody_announced_is_checked_at_its_end() {
        let expect = Expect {
            size: Some(100),
            most: Some(200),
            ..Expect::default()
        };
        let said = |bytes| {
            expect
                .incomplete(bytes)
                .map(|error| (error.to_string(), error.is_passing()))
        };
        assert_eq!(said(100), None);
        assert_eq!(said(99), Some(("body ended at 99 B of 100 B".into(), true)));
        let more = "the server has more than the 100 bytes that the list says";
        assert_eq!(said(101), Some((more.into(), false)));
    }
}
