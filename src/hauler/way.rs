//! The way to an answer: where the next request goes, along redirects, and which connections it may go over.

use std::borrow::Cow;

use url::Url;

use super::retry::{FREE, over};
use crate::error::TransferError;
use crate::http::{Leg, Over};
use crate::job::{HostKey, SourceUrl};
use crate::settings::Schemes;

/// Redirects followed for one answer.
const REDIRECTS: u32 = 10;

/// From where the list says to where the answer is.
#[derive(Debug)]
pub(super) struct Way<'a> {
    pub(super) url: Cow<'a, Url>,
    pub(super) host: HostKey,
    pub(super) leg: Leg,
    /// How many were followed.
    pub(super) redirects: u32,
    pub(super) over: Over,
    /// Requests to this place, one after the other, that met a connection which its server had closed.
    stale: u32,
    /// A location that was asked already may be used up.
    is_used: bool,
}

/// What following a redirect changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Followed {
    /// It led to another origin.
    pub(super) is_elsewhere: bool,
    /// The host that led from https to plain http.
    pub(super) downgraded_by: Option<HostKey>,
}

impl<'a> Way<'a> {
    /// Where it begins.
    pub(super) fn home(source: &'a SourceUrl, host: HostKey, over: Over) -> Self {
        Self {
            url: Cow::Borrowed(source.reveal()),
            host,
            leg: Leg::Home,
            redirects: 0,
            over,
            stale: 0,
            is_used: false,
        }
    }

    /// There was an answer.
    pub(super) fn was_answered(&mut self) {
        (self.stale, self.over) = (0, Over::Any);
        self.is_used = true;
    }

    /// Goes where an answer leads.
    ///
    /// # Errors
    /// It led on too often, or leads where the settings do not allow.
    pub(super) fn follow(&mut self, to: Url, schemes: Schemes) -> Result<Followed, TransferError> {
        if self.redirects == REDIRECTS {
            return Err(TransferError::Redirect(format!("more than {REDIRECTS} redirects")));
        }
        schemes.allow_redirect(&to)?;
        self.redirects += 1;
        let is_elsewhere = to.origin() != self.url.origin();
        let is_downgrade = self.url.scheme() == "https" && to.scheme() == "http";
        let downgraded_by = is_downgrade.then(|| self.host.clone());
        if is_elsewhere {
            (self.host, self.leg) = (HostKey::of(&to), Leg::Away);
        }
        self.url = Cow::Owned(to);
        self.is_used = false;
        Ok(Followed {
            is_elsewhere,
            downgraded_by,
        })
    }

    /// Is the same asked again, at once? The way here need not be gone again for a connection that its server had closed
    /// meanwhile.
    pub(super) fn asks_again(&mut self, error: &TransferError) -> bool {
        let was_closed = matches!(error, TransferError::Closed { reused: true, .. });
        let does = was_closed && self.redirects > 0 && self.stale < FREE;
        if does {
            self.stale += 1;
            self.over = over(self.stale);
        }
        does
    }

    /// Was it for one request, or is its time over? Then whoever led here knows another.
    pub(super) fn is_used_up(&self, error: &TransferError) -> bool {
        self.is_used && self.redirects > 0 && is_refused(error)
    }

    /// An error, with where the way had led.
    pub(super) fn with_its_end(&self, error: TransferError) -> TransferError {
        match self.leg {
            Leg::Home => error,
            Leg::Away => error.at_end_of_redirect(&self.host),
        }
    }
}

/// Is it not for us, or not there (RFC 9110 section 15.5)?
fn is_refused(error: &TransferError) -> bool {
    error.status().is_some_and(|status| status.is_client_error()) && !error.is_passing()
}

/// What is told of a host that leads from https to plain http.
pub(super) fn downgrade(host: &HostKey) -> String {
    format!("{host} redirects from https to plain http; followed without the credentials of the list")
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn source(url: &str) -> SourceUrl {
        SourceUrl::new(url.parse().unwrap())
    }

    fn closed(reused: bool) -> TransferError {
        TransferError::Closed { reused, cause: None }
    }

    #[test]
    fn a_redirect_is_followed_as_often_as_is_allowed_and_never_home_again() {
        let source = source("https://h/a");
        let mut way = Way::home(&source, source.host(), Over::Any);
        let mut redirects = 0;
        for (to, is_elsewhere, is_downgrade, leg) in [
            ("https://h/b", false, false, Leg::Home),
            ("https://i/a", true, false, Leg::Away),
            ("http://i/a", true, true, Leg::Away),
            ("https://h/a", true, false, Leg::Away),
        ] {
            let by = way.host.clone();
            let followed = way.follow(to.parse().unwrap(), Schemes::Any).unwrap();
            let downgraded_by = is_downgrade.then_some(by);
            let expected = Followed {
                is_elsewhere,
                downgraded_by,
            };
            redirects += 1;
            assert_eq!((followed, way.leg, way.redirects), (expected, leg, redirects), "{to}");
            assert_eq!(way.host, HostKey::of(&way.url), "{to}");
        }
        while way.follow(source.reveal().clone(), Schemes::Any).is_ok() {}
        assert_eq!(way.redirects, REDIRECTS);
    }

    #[test]
    fn what_is_not_allowed_is_not_followed() {
        let source = source("https://h/a");
        let mut way = Way::home(&source, source.host(), Over::Any);
        assert!(way.follow("http://h/a".parse().unwrap(), Schemes::HttpsOnly).is_err());
        assert_eq!((way.url.as_str(), way.redirects), ("https://h/a", 0));
    }

    #[test]
    fn a_closed_connection_at_the_end_of_a_way_begins_no_new_one() {
        let source = source("http://h/a");
        let mut way = Way::home(&source, source.host(), Over::Any);
        assert!(!way.asks_again(&closed(true)), "at home that is a try");
        way.was_answered();
        way.follow("http://h/b".parse().unwrap(), Schemes::Any).unwrap();
        assert!(!way.asks_again(&closed(false)));
        assert!(way.asks_again(&closed(true)));
        assert_eq!(way.over, Over::Any);
        assert!(way.asks_again(&closed(true)));
        assert_eq!(way.over, Over::New, "it may be closed because of this very request");
        way.was_answered();
        assert_eq!(way.over, Over::Any);
        let mut asked = 0;
        while way.asks_again(&closed(true)) {
            asked += 1;
        }
        assert_eq!(asked, FREE);
    }

    #[test]
    fn a_location_is_used_up_that_answered_once_and_then_refuses() {
        let status = |status: u16| TransferError::Status {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
        };
        let source = source("http://h/a");
        let mut way = Way::home(&source, source.host(), Over::Any);
        way.was_answered();
        assert!(!way.is_used_up(&status(404)), "nobody led here");
        way.follow("http://h/b".parse().unwrap(), Schemes::Any).unwrap();
        assert!(!way.is_used_up(&status(404)), "it was never there");
        way.was_answered();
        assert!(way.is_used_up(&status(404)));
        assert!(!way.is_used_up(&status(503)), "it may come back");
    }
}
