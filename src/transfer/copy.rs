//! A body on its way into its part, and the part on its way to its name.

use std::time::Instant;

use bytes::Bytes;

use super::check::Check;
use super::naming::Target;
use super::resume::Course;
use super::{Cost, Step, Tools, Try, Want, disk};
use crate::disk::mark::Mark;
use crate::disk::part::{Finish, Identity, Part};
use crate::error::TransferError;
use crate::http::{Answer, Decoded, Head, is_the_file};
use crate::report::Outcome;

/// A body on its way into its part.
pub(super) struct Copy<'a> {
    pub(super) tools: &'a Tools,
    pub(super) job: Try<'a>,
    pub(super) target: Target,
    /// Bytes are here that this run did not fetch.
    pub(super) foreign: bool,
}

/// A body, as it comes or without a coding that nobody asked for.
enum Body {
    Plain(Box<Answer>),
    Decoded(Decoded),
}

impl Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        match self {
            Self::Plain(answer) => answer.chunk().await,
            Self::Decoded(decoded) => decoded.chunk().await,
        }
    }
}

impl Copy<'_> {
    pub(super) async fn follow(
        self,
        course: Course,
        answer: Answer,
        mut part: Part,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let head = answer.head.clone();
        // Of no bytes there is nothing to take a coding off.
        let is_coded = !head.encoding.is_empty() && head.length != Some(0) && !is_the_file(&self.name());
        // Bytes without their coding have no place in the file that the server knows.
        let length = head.length.filter(|_| !is_coded);
        let identity = Identity {
            url: self.job.entry.to_owned(),
            validator: head.validator.clone().filter(|_| !is_coded),
            name: self.target.name.clone(),
            replace: self.target.replace,
        };
        let listed = self.job.listed.checksum.clone();
        let wanted = listed
            .into_iter()
            .chain(head.digests.iter().filter(|_| !is_coded).cloned())
            .collect();
        let (expected, check) = match course {
            Course::StartOver | Course::Fail(_) => {
                part.discard()
                    .await
                    .map_err(|source| disk("remove what does not fit", source))?;
                answer.drain().await;
                return Ok(Step::GoOn);
            }
            Course::Whole { size } => {
                part.go_on(identity, size, Some(size))
                    .await
                    .map_err(|source| disk("go on", source))?;
                answer.drain().await;
                return self.finish(part, Check::later(wanted), &head, size, cost).await;
            }
            Course::Fresh => {
                self.job.meter.restart(0, length);
                part.begin(identity, length)
                    .await
                    .map_err(|source| disk("begin", source))?;
                (length, Check::from_start(wanted))
            }
            Course::Continue { end, size } => {
                let start = part.gaps().first().map_or(0, |gap| gap.start);
                self.job.meter.restart(part.gaps().held(), size);
                let identity = Identity {
                    validator: part.validator().or(identity.validator),
                    ..identity
                };
                part.go_on(identity, start, size)
                    .await
                    .map_err(|source| disk("go on", source))?;
                (Some(end - start), Check::later(wanted))
            }
        };
        let body = if is_coded {
            Body::Decoded(Decoded::new(answer)?)
        } else {
            Body::Plain(Box::new(answer))
        };
        self.receive(body, &head, part, expected, check, cost).await
    }

    fn name(&self) -> String {
        let path = self.job.path.file_name().unwrap_or_default().to_string_lossy();
        self.target.name.clone().unwrap_or_else(|| path.into_owned())
    }

    async fn receive(
        self,
        mut body: Body,
        head: &Head,
        mut part: Part,
        expected: Option<u64>,
        mut check: Check,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let before = cost.received;
        let received = self.copy(&mut body, &mut part, expected, &mut check, cost).await;
        cost.disk += part.waited();
        match received {
            Ok(()) => {
                cost.kept += cost.received - before;
                match expected {
                    None => part.end(),
                    // A part of a file ends where it was said to, which need not be where the file ends.
                    Some(_) => part.settle(),
                }
                let Some(size) = part.gaps().size().filter(|_| part.gaps().is_empty()) else {
                    cost.held = part.park().await.map_err(|source| disk("keep what came", source))?;
                    return Ok(Step::GoOn);
                };
                self.finish(part, check, head, size, cost).await
            }
            Err(
                error @ (TransferError::LongBody | TransferError::WrongSize { .. } | TransferError::TooLarge { .. }),
            ) => {
                // Whatever that was, it is not the file that was announced, or none that is wanted.
                let _ = part.discard().await;
                Err(error)
            }
            Err(error) => {
                // The failure that is told is the one that came first; what came is kept as far as it can be.
                cost.held = part.park().await.unwrap_or(0);
                if cost.held > 0 {
                    cost.kept += cost.received - before;
                }
                Err(error)
            }
        }
    }

    /// Copies the body. Only the reading is ever given up half-way.
    async fn copy(
        &self,
        body: &mut Body,
        part: &mut Part,
        expected: Option<u64>,
        check: &mut Check,
        cost: &mut Cost,
    ) -> Result<(), TransferError> {
        let (mut left, mut came) = (expected, 0);
        loop {
            let Some(bytes) = self.job.stop.or(body.chunk()).await.ok_or(TransferError::Cancelled)?? else {
                break;
            };
            let count = bytes.len() as u64;
            if let Some(left) = &mut left {
                *left = left.checked_sub(count).ok_or(TransferError::LongBody)?;
            }
            cost.received += count;
            came += count;
            // What was announced was judged before.
            if let Some(error) = self.job.listed.outgrown(came).filter(|_| left.is_none()) {
                return Err(error);
            }
            check.update(&bytes);
            part.write(&bytes).await.map_err(|source| disk("write", source))?;
            self.job.meter.add(count);
        }
        match left {
            Some(missing) if missing > 0 => Err(TransferError::ShortBody {
                got: expected.unwrap_or(missing) - missing,
                of: expected,
            }),
            _ => Ok(()),
        }
    }

    async fn finish(
        self,
        mut part: Part,
        check: Check,
        head: &Head,
        size: u64,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        if let Some(error) = self.job.listed.incomplete(size) {
            let _ = part.discard().await;
            return Err(error);
        }
        if let Err(error) = check.verify(&mut part).await {
            if let TransferError::Checksum(_) = error {
                part.discard()
                    .await
                    .map_err(|source| disk("remove what does not add up", source))?;
            } else {
                // It could not be read, and that says nothing against the bytes.
                let _ = part.park().await;
            }
            return Err(error);
        }
        let since = Instant::now();
        let checksum = self.job.listed.checksum.as_ref().map(ToString::to_string);
        let finish = Finish {
            name: self.target.name,
            modified: head.modified,
            mark: Mark::new(size, self.job.entry, head.validator.clone(), checksum),
            replace: self.target.replace,
            durability: self.tools.durability,
        };
        let committed = part.commit(finish).await;
        cost.disk += since.elapsed();
        committed.map_err(|source| disk("finish the file", source))?;
        let outcome = match self.job.want {
            Want::Newer { .. } => Outcome::Updated,
            _ if self.foreign => Outcome::Resumed,
            _ => Outcome::Downloaded,
        };
        Ok(Step::Done { outcome, size })
    }
}
