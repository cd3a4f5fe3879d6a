//! What to do about what is there, and about what the server says: pure.

use std::time::SystemTime;

use reqwest::StatusCode;

use super::{Asked, Expect, Step};
use crate::checksum::Checksum;
use crate::disk::Found;
use crate::disk::mark::Mark;
use crate::disk::part::Replace;
use crate::error::TransferError;
use crate::http::{Head, Unless};
use crate::job::Known;
use crate::report::Outcome;
use crate::settings::Existing;

/// What is wanted of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// The file; nothing is in its place.
    File,
    /// The file, for the place of the one that is there.
    Replacement,
    /// The file, if it is not the one that is there.
    Newer(Dated),
    /// Only its size, to compare with the one that is there.
    Size(Sized),
    /// The same, by a GET whose body nobody reads: the server does not answer HEAD.
    SizeByGet(Sized),
}

/// A file that is there, as far as a newer one is known from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dated {
    modified: SystemTime,
    size: u64,
    unless: Unless,
    /// It may have come for another URL that looks the same: another date is another file, an older one, too.
    is_exact: bool,
}

impl Dated {
    /// Is this answer's file the same? A tag decides; without one, the date and the size do.
    pub(super) fn is_the_one(&self, head: &Head, length: Option<u64>) -> bool {
        match &self.unless {
            Unless::Tag(tag) => head.etag.as_ref() == Some(tag) && length.is_none_or(|length| length == self.size),
            Unless::Since(_) => {
                let is_as_old = |time| time == self.modified || (time < self.modified && !self.is_exact);
                head.modified.is_some_and(is_as_old) && length == Some(self.size)
            }
        }
    }

    /// What to ask the server by. One that is asked by a date calls everything unchanged that is older.
    pub(super) fn condition(&self) -> Option<&Unless> {
        let is_too_vague = self.is_exact && matches!(self.unless, Unless::Since(_));
        (!is_too_vague).then_some(&self.unless)
    }

    pub(super) fn unchanged(&self) -> Step {
        Step::Done {
            outcome: Outcome::Unchanged,
            size: self.size,
        }
    }
}

/// A file that is there, as far as another one is known from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sized {
    size: u64,
    /// The entity tag that it came with, if nobody has written to it since.
    tag: Option<String>,
    /// The date that it came with, if it may have come for another URL.
    date: Option<SystemTime>,
    /// It came for this one, as far as that is shown.
    is_own: bool,
}

impl Sized {
    /// Is the server's file the same, as far as sizes and tags tell? `length` is `None` if the server does not tell it.
    pub(super) fn compare(&self, head: &Head, length: Option<u64>) -> Result<Step, TransferError> {
        let tags = self
            .tag
            .as_ref()
            .zip(head.etag.as_ref().filter(|tag| tag.starts_with('"')));
        let is_same = tags.map(|(here, there)| here == there);
        let is_same = match self.date.zip(head.modified) {
            Some((here, there)) if here != there => Some(false),
            Some(_) if self.is_own => is_same.or(Some(true)),
            _ => is_same,
        };
        let why = match (length, is_same) {
            (Some(there), _) if there != self.size => "is there with another size; -f replaces it",
            (_, Some(false)) => "is there, and the server has another version; -f replaces it",
            (None, None) if !self.is_own => "is there, and the server does not tell its size; -f replaces it",
            _ => {
                return Ok(Step::Done {
                    outcome: Outcome::AlreadyThere,
                    size: self.size,
                });
            }
        };
        Err(TransferError::InTheWay(why))
    }
}

impl Want {
    /// Is every good answer one with bytes that are to be kept?
    pub(crate) fn is_for_bytes(&self) -> bool {
        matches!(self, Self::File | Self::Replacement)
    }
}

/// How to go about an entry, once it is known what stands under its name.
#[derive(Debug)]
pub(crate) enum Plan {
    Ask(Want),
    /// It is right if it adds up to this.
    AddUp {
        size: u64,
        checksum: Checksum,
        otherwise: Result<Want, TransferError>,
    },
    Done(Outcome, u64),
    Fail(TransferError),
}

/// Decides, after the settings, what to do about what is there. `listed` is what the file has to be.
pub(crate) fn plan(existing: Existing, found: Found, entry: &Known<'_>, listed: &Expect) -> Plan {
    let fail = |why| Plan::Fail(TransferError::InTheWay(why));
    let (size, modified, mark, is_renamed) = match (existing, found) {
        (_, Found::Nothing) => return Plan::Ask(Want::File),
        (Existing::Fail, _) => return fail("is there already"),
        (_, Found::Link) => return fail("is a symbolic link, which is not followed"),
        (_, Found::Other) => return fail("something that is no file has its name"),
        (
            _,
            Found::File {
                size,
                modified,
                mark,
                is_renamed,
            },
        ) => (size, modified, mark, is_renamed),
    };
    let of_another = mark.as_ref().filter(|mark| is_renamed && !mark.may_be_of(entry));
    if let Some(mark) = of_another {
        match existing {
            // What it adds up to says more than what it is called.
            Existing::Check if listed.checksum.is_some() => {}
            // Whatever was there before will do, or none of it.
            Existing::Skip | Existing::Overwrite | Existing::Rename if !mark.is_of_this_process() => {}
            _ if mark.is_of_this_process() => return fail("is the file of another entry: the two names are one here"),
            _ => return fail("is there, for another entry and under another name then; -f replaces it"),
        }
    }
    let is_cut = |mark: &Mark| mark.may_be_of(entry) && mark.is_cut(size, modified);
    match existing {
        // haul's own, and the end of the machine left no more of it.
        Existing::Check | Existing::Update if mark.as_ref().is_some_and(is_cut) => Plan::Ask(Want::Replacement),
        Existing::Overwrite => Plan::Ask(Want::Replacement),
        Existing::Skip => Plan::Done(Outcome::AlreadyThere, size),
        // A free name was chosen before.
        Existing::Rename => Plan::Fail(TransferError::Appeared),
        Existing::Update => update(size, modified, mark.as_ref(), entry, listed),
        _ => check(size, modified, mark.as_ref(), entry, listed),
    }
}

/// What is listed decides without a request, then the server.
fn update(size: u64, modified: SystemTime, mark: Option<&Mark>, entry: &Known<'_>, listed: &Expect) -> Plan {
    let known = mark.filter(|mark| mark.is_intact(size, modified));
    let is_another = match mark {
        Some(mark) if mark.may_be_of(entry) => mark.size != size,
        // Neither its date nor its tag says anything of what another URL leads to.
        _ => known.is_some(),
    };
    match &listed.checksum {
        _ if listed.size.is_some_and(|listed| listed != size) => Plan::Ask(Want::Replacement),
        Some(checksum) => add_up(size, known, checksum, Ok(Want::Replacement)),
        None if is_another => Plan::Ask(Want::Replacement),
        None => Plan::Ask(Want::Newer(Dated {
            modified,
            size,
            unless: tag(known).map_or(Unless::Since(modified), Unless::Tag),
            is_exact: known.is_some() && entry.hides(),
        })),
    }
}

/// What was known to add up when it was finished need not be read.
fn add_up(size: u64, known: Option<&Mark>, checksum: &Checksum, otherwise: Result<Want, TransferError>) -> Plan {
    if known.is_some_and(|mark| mark.checksum.as_ref() == Some(&checksum.to_string())) {
        return Plan::Done(Outcome::AlreadyThere, size);
    }
    Plan::AddUp {
        size,
        checksum: checksum.clone(),
        otherwise,
    }
}

/// A mark, or what is listed, decides without a request.
fn check(size: u64, modified: SystemTime, mark: Option<&Mark>, entry: &Known<'_>, listed: &Expect) -> Plan {
    let known = mark.filter(|mark| mark.is_intact(size, modified));
    match &listed.checksum {
        _ if listed.size.is_some_and(|listed| listed != size) => Plan::Fail(TransferError::InTheWay(
            "is there with another size than the list says; -f replaces it",
        )),
        Some(checksum) => {
            let another = "is there with another checksum; -f replaces it";
            add_up(size, known, checksum, Err(TransferError::InTheWay(another)))
        }
        None if listed.size.is_some() => Plan::Done(Outcome::AlreadyThere, size),
        None if known.is_some_and(|mark| mark.vouches_for(entry, size, modified)) => {
            Plan::Done(Outcome::AlreadyThere, size)
        }
        None => {
            // Of another server's file, a tag may differ though it is the same.
            let known = known.filter(|mark| mark.is_of_the_origin_of(entry));
            let is_own = known.is_some_and(|mark| mark.may_be_of(entry));
            let date = known
                .filter(|_| !is_own || entry.hides())
                .and_then(|mark| httpdate::parse_http_date(mark.validator.as_ref()?).ok());
            let tag = tag(known);
            Plan::Ask(Want::Size(Sized {
                size,
                tag,
                date,
                is_own,
            }))
        }
    }
}

/// The strong entity tag of a mark.
fn tag(mark: Option<&Mark>) -> Option<String> {
    let validator = mark.and_then(|mark| mark.validator.as_ref());
    validator.filter(|validator| validator.starts_with('"')).cloned()
}

/// What to do with an answer.
#[derive(Debug)]
pub(super) enum Decision {
    Copy(Replace),
    Leave(Step),
    Fail(TransferError),
}

/// Decides about an answer, to who `asked` for a part; `length` is that of the file, as far as its head tells.
pub(super) fn decide(want: &Want, asked: Option<&Asked>, head: &Head, length: Option<u64>) -> Decision {
    let is_success = matches!(head.status, StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION);
    match want {
        Want::File => Decision::Copy(Replace::Never),
        // With a range, there was no condition on the file that is there.
        Want::Newer(here) if head.status == StatusCode::NOT_MODIFIED && asked.is_none() => {
            Decision::Leave(here.unchanged())
        }
        Want::Newer(here) if is_success && here.is_the_one(head, length) => Decision::Leave(here.unchanged()),
        Want::Replacement | Want::Newer(_) => Decision::Copy(Replace::Old),
        Want::Size(here) if head_is_no_help(here, head) => {
            Decision::Leave(Step::AskAgain(Want::SizeByGet(here.clone())))
        }
        Want::Size(_) | Want::SizeByGet(_) if !is_success => Decision::Fail(head.failure()),
        Want::Size(here) | Want::SizeByGet(here) => match here.compare(head, length) {
            Ok(step) => Decision::Leave(step),
            Err(error) => Decision::Fail(error),
        },
    }
}

/// Some servers do not answer HEAD, or sign their URLs for GET alone, or tell the length of what they send for it. What will
/// pass may pass for HEAD, too.
fn head_is_no_help(here: &Sized, head: &Head) -> bool {
    let cannot = matches!(
        head.status,
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::NOT_IMPLEMENTED
    );
    let refused = head.status.is_client_error() || cannot;
    let tells_none = head.length.is_none_or(|length| length == 0 && here.size > 0);
    let gone = matches!(
        head.status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::TOO_MANY_REQUESTS
    );
    (refused && !gone) || (head.status == StatusCode::OK && tells_none)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn decided(want: &Want, status: u16, fields: &[(&str, &str)], length: Option<u64>) -> String {
        match decide(want, None, &Head::of(status, fields), length) {
            Decision::Copy(replace) => format!("copy, {replace:?}"),
            Decision::Leave(Step::Done { outcome, .. }) => format!("{outcome:?}"),
            Decision::Leave(step) => format!("{step:?}"),
            Decision::Fail(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_there_is_compared_by_its_size_and_its_tag() {
        let another = "is there, and the server has another version; -f replaces it";
        for (tag, fields, length, expected) in [
            (None, &[][..], Some(9), "AlreadyThere"),
            (None, &[("etag", "\"b\"")], Some(9), "AlreadyThere"),
            (Some("\"a\""), &[], Some(9), "AlreadyThere"),
            (Some("\"a\""), &[("etag", "\"a\"")], Some(9), "AlreadyThere"),
            (Some("\"a\""), &[("etag", "W/\"b\"")], Some(9), "AlreadyThere"),
            (Some("\"a\""), &[("etag", "\"b\"")], Some(9), another),
            (Some("\"a\""), &[("etag", "\"a\"")], None, "AlreadyThere"),
            (
                Some("\"a\""),
                &[("etag", "\"a\"")],
                Some(8),
                "is there with another size; -f replaces it",
            ),
            (
                None,
                &[],
                None,
                "is there, and the server does not tell its size; -f replaces it",
            ),
        ] {
            let here = Sized {
                size: 9,
                tag: tag.map(str::to_owned),
                date: None,
                is_own: false,
            };
            assert_eq!(
                decided(&Want::SizeByGet(here), 200, fields, length),
                expected,
                "{tag:?} {fields:?} {length:?}"
            );
        }
    }

    #[test]
    fn what_came_with_another_date_is_another_and_with_the_same_one_it_is_the_same_if_it_came_for_this_url() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let (same, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        let another = "is there, and the server has another version; -f replaces it";
        let unknown = "is there, and the server does not tell its size; -f replaces it";
        for (date, length, is_own, expected) in [
            (same, Some(9), false, "AlreadyThere"),
            (later, Some(9), false, another),
            (same, None, false, unknown),
            (same, Some(9), true, "AlreadyThere"),
            (later, Some(9), true, another),
            (same, None, true, "AlreadyThere"),
            ("", None, true, "AlreadyThere"),
            ("", None, false, unknown),
            (later, None, true, another),
        ] {
            let here = Sized {
                size: 9,
                tag: None,
                date: Some(then),
                is_own,
            };
            let said = decided(&Want::SizeByGet(here), 200, &[("last-modified", date)], length);
            assert_eq!(said, expected, "{date} {length:?} {is_own}");
        }
    }

    #[test]
    fn a_tag_tells_whether_a_file_is_newer_and_without_one_its_date() {
        let (then, before) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT");
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let (tag, since) = (Unless::Tag("\"a\"".into()), Unless::Since(modified));
        for (unless, status, fields, length, expected) in [
            (&tag, 304, &[][..], None, "Unchanged"),
            (
                &tag,
                200,
                &[("etag", "\"a\""), ("last-modified", then)],
                Some(9),
                "Unchanged",
            ),
            (
                &tag,
                200,
                &[("etag", "\"b\""), ("last-modified", before)],
                Some(9),
                "copy, Old",
            ),
            (&tag, 200, &[("last-modified", before)], Some(9), "copy, Old"),
            (&tag, 200, &[("etag", "\"a\"")], Some(10), "copy, Old"),
            (&tag, 200, &[("etag", "\"a\"")], None, "Unchanged"),
            (&since, 304, &[], None, "Unchanged"),
            (&since, 200, &[("last-modified", before)], Some(9), "Unchanged"),
            (&since, 200, &[("last-modified", before)], Some(8), "copy, Old"),
            (&since, 200, &[("etag", "\"b\"")], Some(9), "copy, Old"),
            (&since, 206, &[("last-modified", then)], Some(9), "copy, Old"),
        ] {
            let here = Dated {
                modified,
                size: 9,
                unless: unless.clone(),
                is_exact: false,
            };
            assert_eq!(
                decided(&Want::Newer(here), status, fields, length),
                expected,
                "{unless:?} {fields:?}"
            );
        }
    }
}
