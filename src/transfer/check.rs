//! Does the file add up? Bytes that come in order are added up on the way; only a file that came in pieces is read again.

use crate::checksum::{Adding, Checksum};
use crate::disk::part::Part;
use crate::error::TransferError;

use super::disk;

/// The checks of one body.
#[derive(Debug)]
pub(crate) struct Check {
    wanted: Vec<Checksum>,
    /// The sums so far; `None` when the bytes did not come from the first on.
    adding: Option<Adding>,
}

impl Check {
    /// For a body that begins at the file's first byte.
    pub(super) fn from_start(wanted: Vec<Checksum>) -> Self {
        let adding = Some(Adding::new(wanted.iter().cloned()));
        Self { wanted, adding }
    }

    /// For a body that continues.
    pub(super) fn later(wanted: Vec<Checksum>) -> Self {
        Self { wanted, adding: None }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(adding) = &mut self.adding {
            adding.update(bytes);
        }
    }

    /// Compares, now that the part is whole.
    pub(super) async fn verify(self, part: &mut Part) -> Result<(), TransferError> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let added = if let Some(adding) = self.adding {
            adding
        } else {
            let adding = Adding::new(self.wanted);
            let read = part.read_back(adding, Adding::update).await;
            read.map_err(|source| disk("read back what came", source))?
        };
        added
            .mismatch()
            .map_or(Ok(()), |algorithm| Err(TransferError::Checksum(algorithm)))
    }
}
