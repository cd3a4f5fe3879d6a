//! What to do about what is there, and about what the server says: pure.

use std::time::SystemTime;

use reqwest::StatusCode;

use super::{Expect, Step};
use crate::checksum::Checksum;
use crate::disk::Found;
use crate::disk::mark::Mark;
use crate::disk::part::Replace;
use crate::error::TransferError;
use crate::http::{Head, Unless};
use crate::report::Outcome;
use crate::settings::Existing;

/// What is wanted of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// The file; nothing is in its place.
    File,
    /// The file, for the place of the one that is there.
    Replacement,
    /// The file, if it is not the one of this size and date that is there.
    Newer {
        than: SystemTime,
        size: u64,
        unless: Unless,
    },
    /// Only its size, to compare with the one that is there.
    Size { here: u64 },
    /// The same, by a GET whose body nobody reads: the server does not answer HEAD.
    SizeByGet { here: u64 },
}

impl Want {
    /// Does a good answer bring bytes that are to be kept?
    pub(crate) fn is_for_bytes(&self) -> bool {
        matches!(self, Self::File | Self::Replacement | Self::Newer { .. })
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
    },
    Done(Outcome, u64),
    Fail(TransferError),
}

/// Decides, after the settings, what to do about what is there. `entry` is the URL as it is shown, `listed` what the
/// file has to be.
pub(crate) fn plan(existing: Existing, found: Found, entry: &str, listed: &Expect) -> Plan {
    let fail = |why| Plan::Fail(TransferError::InTheWay(why));
    let (size, modified, mark) = match (existing, found) {
        (_, Found::Nothing) => return Plan::Ask(Want::File),
        (Existing::Fail, _) => return fail("is there already"),
        (_, Found::Other) => return fail("something that is no file has its name"),
        (_, Found::File { size, modified, mark }) => (size, modified, mark),
    };
    match existing {
        Existing::Overwrite => Plan::Ask(Want::Replacement),
        Existing::Skip => Plan::Done(Outcome::AlreadyThere, size),
        // A free name was chosen before; the file came in between.
        Existing::Rename => fail("appeared while the list was read"),
        Existing::Update => Plan::Ask(Want::Newer {
            than: modified,
            size,
            unless: unless(mark.filter(|mark| mark.is_intact(size, modified)), modified),
        }),
        _ => check(size, modified, mark.as_ref(), entry, listed),
    }
}

/// A mark, or what is listed, decides without a request.
fn check(size: u64, modified: SystemTime, mark: Option<&Mark>, entry: &str, listed: &Expect) -> Plan {
    let known = mark.filter(|mark| mark.is_intact(size, modified));
    match &listed.checksum {
        _ if listed.size.is_some_and(|listed| listed != size) => Plan::Fail(TransferError::InTheWay(
            "is there with another size than the list says; -f replaces it",
        )),
        Some(checksum) if known.is_some_and(|mark| mark.checksum.as_ref() == Some(&checksum.to_string())) => {
            Plan::Done(Outcome::AlreadyThere, size)
        }
        Some(checksum) => Plan::AddUp {
            size,
            checksum: checksum.clone(),
        },
        None if listed.size.is_some() => Plan::Done(Outcome::AlreadyThere, size),
        None if known.is_some_and(|mark| mark.vouches_for(entry, size, modified)) => {
            Plan::Done(Outcome::AlreadyThere, size)
        }
        None => Plan::Ask(Want::Size { here: size }),
    }
}

fn unless(mark: Option<Mark>, modified: SystemTime) -> Unless {
    let tag = mark
        .and_then(|mark| mark.validator)
        .filter(|validator| validator.starts_with('"'));
    tag.map_or(Unless::Since(modified), Unless::Tag)
}

/// What to do with an answer.
#[derive(Debug)]
pub(super) enum Decision {
    Copy(Replace),
    Leave(Step),
    Fail(TransferError),
}

pub(super) fn decide(want: &Want, head: &Head) -> Decision {
    let is_success = matches!(head.status, StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION);
    match *want {
        Want::File => Decision::Copy(Replace::Never),
        Want::Replacement => Decision::Copy(Replace::Old),
        Want::Newer { size, .. } if head.status == StatusCode::NOT_MODIFIED => done(Outcome::Unchanged, size),
        Want::Newer { than, size, .. } => {
            let is_older = head.modified.is_some_and(|time| time <= than) && head.length == Some(size);
            let is_same = is_success && is_older;
            if is_same {
                done(Outcome::Unchanged, size)
            } else {
                Decision::Copy(Replace::Old)
            }
        }
        Want::Size { here } if head_is_no_help(head) => Decision::Leave(Step::AskAgain(Want::SizeByGet { here })),
        Want::Size { .. } | Want::SizeByGet { .. } if !is_success => Decision::Fail(head.failure()),
        Want::Size { here } | Want::SizeByGet { here } => match head.length {
            Some(there) if there == here => done(Outcome::AlreadyThere, here),
            Some(_) => in_the_way("is there with another size; -f replaces it"),
            None => in_the_way("is there, and the server does not tell its size; -f replaces it"),
        },
    }
}

/// Some servers do not answer HEAD, or sign their URLs for GET alone. What will pass may pass for HEAD, too.
fn head_is_no_help(head: &Head) -> bool {
    let refused = head.status.is_client_error() || head.status == StatusCode::NOT_IMPLEMENTED;
    let gone = matches!(
        head.status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::TOO_MANY_REQUESTS
    );
    (refused && !gone) || (head.status == StatusCode::OK && head.length.is_none())
}

fn done(outcome: Outcome, size: u64) -> Decision {
    Decision::Leave(Step::Done { outcome, size })
}

fn in_the_way(why: &'static str) -> Decision {
    Decision::Fail(TransferError::InTheWay(why))
}
