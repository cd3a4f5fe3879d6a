//! All bytes of a file, from their last one to its name.

use super::help::Published;
use super::{Cost, disk};
use crate::disk::part::{Finish, Part};
use crate::error::TransferError;
use crate::report::Outcome;

/// All bytes of a file, on their way to its name.
#[derive(Debug)]
#[must_use]
pub(crate) struct Received {
    pub(super) part: Box<Part>,
    /// Others are at the rest.
    pub(super) helped: Option<Published>,
    pub(super) finish: Finish,
    pub(super) outcome: Outcome,
}

impl Received {
    /// Is it all here, or are others at the rest?
    pub(crate) fn is_helped(&self) -> bool {
        self.helped.is_some()
    }

    /// Waits for others that are at the rest; then checks all, and gives it the file's name, date and mark. Tells the
    /// file's size in bytes, or `None` when there is more to ask for.
    pub(crate) async fn finish(mut self: Box<Self>, cost: &mut Cost) -> Result<Option<(Outcome, u64)>, TransferError> {
        if let Some(offer) = self.helped.take() {
            let rejoined = offer.rejoin(&mut self.part).await;
            cost.kept += cost.hear(&offer);
            rejoined.map_err(|source| disk("write", source))?;
            if !self.part.gaps().is_empty() {
                cost.held = self
                    .part
                    .park()
                    .await
                    .map_err(|source| disk("keep what came", source))?;
                return Ok(None);
            }
        }
        let size = self.finish.mark.size;
        let committed = self.part.commit(self.finish).await;
        committed.map_err(|source| disk("finish the file", source))?;
        Ok(Some((self.outcome, size)))
    }
}
