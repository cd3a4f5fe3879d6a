//! The places that a large file can be had from at once: where its own transfer is, and mirrors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use url::Url;

use crate::http::Leg;
use crate::job::{HostKey, OwnRequest, SourceUrl};
use crate::lock::lock;

/// A place, and what is known of it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: Url,
    pub(crate) host: HostKey,
    pub(super) leg: Leg,
    /// What its requests say.
    pub(super) own: Option<OwnRequest>,
    pub(super) is_mirror: bool,
    /// What its answers prove themselves with. A mirror's is not known before its first one, and need not be that of others.
    validator: Mutex<Option<String>>,
    /// Those who fetch from it.
    busy: AtomicUsize,
    /// It has something else, or does not take ranges, or failed.
    is_out: AtomicBool,
}

/// A mirror, and what its requests say.
pub(crate) type Mirror<'a> = (&'a SourceUrl, Option<&'a OwnRequest>);

impl Place {
    /// Where the transfer itself is, redirects followed.
    pub(super) fn own(url: &Url, leg: Leg, own: Option<&OwnRequest>, validator: String) -> Self {
        Self {
            is_mirror: false,
            busy: AtomicUsize::new(1),
            validator: Mutex::new(Some(validator)),
            ..Self::new(url, leg, own)
        }
    }

    pub(super) fn mirror((source, own): Mirror<'_>) -> Self {
        Self::new(source.reveal(), Leg::Home, own)
    }

    fn new(url: &Url, leg: Leg, own: Option<&OwnRequest>) -> Self {
        Self {
            url: url.clone(),
            host: HostKey::of(url),
            leg,
            own: own.cloned(),
            is_mirror: true,
            validator: Mutex::default(),
            busy: AtomicUsize::new(0),
            is_out: AtomicBool::new(false),
        }
    }

    pub(super) fn validator(&self) -> Option<String> {
        lock(&self.validator).clone()
    }

    /// What its next answer has to prove itself with.
    pub(super) fn learn(&self, validator: Option<String>) {
        let mut known = lock(&self.validator);
        if known.is_none() {
            *known = validator;
        }
    }

    /// One more fetches from it, as long as the handle lives.
    pub(super) fn enter(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }

    /// Nobody asks it again.
    pub(super) fn drop_out(&self) {
        self.is_out.store(true, Ordering::Relaxed);
    }
}

/// Somebody who fetches from a place.
pub(super) struct Busy<'a>(&'a Place);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places to ask, those first that have the least to do.
pub(super) fn in_turn(places: &[Place]) -> Vec<usize> {
    let is_in = |at: &usize| !places[*at].is_out.load(Ordering::Relaxed);
    let mut order: Vec<_> = (0..places.len()).filter(is_in).collect();
    order.sort_by_key(|&at| places[at].busy.load(Ordering::Relaxed));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_least_to_do_is_asked_first_and_who_failed_is_not() {
        let url = |host: &str| Url::parse(&format!("http://{host}/a")).unwrap();
        let sources = ["b", "c"].map(|host| SourceUrl::new(url(host)));
        let own = Place::own(&url("a"), Leg::Home, None, "\"1\"".into());
        let places = [
            own,
            Place::mirror((&sources[0], None)),
            Place::mirror((&sources[1], None)),
        ];
        assert_eq!(in_turn(&places), [1, 2, 0]);
        let first = places[1].enter();
        assert_eq!(in_turn(&places), [2, 0, 1]);
        let second = places[2].enter();
        assert_eq!(in_turn(&places), [0, 1, 2]);
        drop((first, second));
        places[1].drop_out();
        assert_eq!(in_turn(&places), [2, 0]);
        places[2].learn(Some("\"2\"".into()));
        places[2].learn(Some("\"3\"".into()));
        assert_eq!(places[2].validator().as_deref(), Some("\"2\""));
    }
}
