//! Which of an entry's sources is asked next: pure. A source that fails is left for the next; one that cannot come back is
//! not asked again.

use smallvec::SmallVec;

use crate::error::{Kind, TransferError};
use crate::job::{Job, SourceUrl};
use crate::settings::Schemes;

/// The sources of one entry that may still have its file, in the order of the list.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    left: SmallVec<[&'a SourceUrl; 1]>,
    at: usize,
}

impl<'a> Sources<'a> {
    /// Those that the settings allow.
    pub(super) fn of(job: &'a Job, schemes: Schemes) -> Self {
        Self {
            left: allowed(job, schemes).collect(),
            at: 0,
        }
    }

    /// The one that is asked now.
    pub(super) fn now(&self) -> Option<&'a SourceUrl> {
        self.left.get(self.at).copied()
    }

    /// The others, that may help with its file.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a SourceUrl> {
        let now = self.now();
        self.left.iter().copied().filter(move |&source| Some(source) != now)
    }

    /// Nobody is at the one that is asked now. Is another one left?
    pub(super) fn leaves(&mut self) -> bool {
        if self.left.len() < 2 {
            return false;
        }
        self.left.remove(self.at);
        self.at %= self.left.len();
        true
    }

    /// Is another one asked after this failure, at once? After the last one a round is over, and it begins again with the
    /// first, when its wait is over.
    pub(super) fn moves_on(&mut self, error: &TransferError) -> bool {
        if self.left.len() < 2 || !is_of_the_source(error) {
            return false;
        }
        if error.is_passing() {
            self.at += 1;
        } else {
            self.left.remove(self.at);
        }
        let is_round = self.at >= self.left.len();
        if is_round {
            self.at = 0;
        }
        // Without the one that is gone, the round may be over before it began; then it is not a wait, but the rest.
        !is_round || !error.is_passing()
    }
}

/// The sources that may be asked, in the order of the list.
pub(super) fn allowed(job: &Job, schemes: Schemes) -> impl Iterator<Item = &SourceUrl> {
    job.sources().filter(move |source| schemes.hold(source.reveal()))
}

/// Would another server be of help?
fn is_of_the_source(error: &TransferError) -> bool {
    let is_known = matches!(
        error.kind(),
        Kind::Dns | Kind::Connect | Kind::Tls | Kind::Http | Kind::Timeout | Kind::ShortBody | Kind::Checksum
    );
    let is_retried_here = matches!(error, TransferError::Closed { reused: true, .. });
    is_known && !is_retried_here && !error.lacks_descriptors()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;

    use super::*;
    use crate::list;

    fn status(code: u16) -> TransferError {
        TransferError::Status {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
        }
    }

    #[tokio::test]
    async fn a_source_that_fails_is_left_for_the_next_and_one_that_is_wrong_for_good() {
        use futures::StreamExt as _;
        let list = list::from_lines(&b"http://a/x\thttp://b/x\thttp://c/x\n"[..]);
        let job = Box::pin(list).next().await.unwrap().unwrap();
        let mut sources = Sources::of(&job, Schemes::Any);
        let host = |sources: &Sources<'_>| sources.now().unwrap().to_string();
        let mut told = Vec::new();
        for error in [
            TransferError::Silence(Duration::from_secs(1)),
            status(404),
            status(503),
            status(410),
            status(404),
        ] {
            let moves = sources.moves_on(&error);
            told.push(format!("{error}: {moves}, {}", host(&sources)));
        }
        assert_eq!(
            told,
            [
                "no byte for 1.00 s: true, http://b/x",
                "404 Not Found: true, http://c/x",
                "503 Service Unavailable: false, http://a/x",
                "410 Gone: true, http://c/x",
                "404 Not Found: false, http://c/x",
            ]
        );
        assert!(!sources.moves_on(&TransferError::Cancelled));
    }
}
