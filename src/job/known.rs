//! What marks and records know an entry by: no secret of it.

use std::borrow::Cow;

use super::{Job, OwnRequest, Resource};
use crate::tame;

/// An entry, as it is known again in a later run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    /// Its URL as it is shown, and a sign that something is not shown where it asks with more than a URL.
    pub(crate) shown: Cow<'a, str>,
    /// Tells it from others that look the same, by what may choose a file; zero where all is shown. Half of a hash: a
    /// guess at what is long is not confirmed by it.
    pub(crate) hidden: u32,
}

impl<'a> Known<'a> {
    pub(super) fn of(job: &'a Job) -> Self {
        let own = job.request();
        let mut shown = job.url.shown();
        if own.is_some_and(OwnRequest::may_choose) {
            shown.to_mut().push(tame::HIDDEN);
        }
        let hidden = if tame::hides(&shown) {
            Resource::asked_for_at(job.url.reveal()).as_asked_for(own).half()
        } else {
            0
        };
        Self { shown, hidden }
    }

    /// Is something left out of what is shown?
    pub(crate) fn hides(&self) -> bool {
        tame::hides(&self.shown)
    }
}

#[cfg(test)]
impl<'a> From<&'a str> for Known<'a> {
    fn from(shown: &'a str) -> Self {
        Self {
            shown: shown.into(),
            hidden: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Extras, Field, JobId, Place, SourceUrl, field};

    fn job(url: &str, header: &str) -> Job {
        let headers = match field(header) {
            Ok(Field::Sent(name, value)) => vec![(name, value)],
            _ => Vec::new(),
        };
        let request = OwnRequest {
            headers,
            credentials: None,
        };
        let extras = Extras {
            request,
            ..Extras::default()
        };
        Job {
            extras: Some(extras.into()),
            ..Job::new(
                JobId(1),
                Place { list: None, line: 1 },
                SourceUrl::new(url.parse().unwrap()),
            )
        }
    }

    #[test]
    fn entries_that_look_the_same_are_told_apart_by_what_may_choose_a_file() {
        for (one, other, is_same) in [
            (("http://h/a", ""), ("http://h/a", ""), true),
            (("http://h/a", ""), ("http://h/b", ""), false),
            (("http://h/a?doc=x", ""), ("http://h/a?doc=x", ""), true),
            (("http://h/a?doc=x", ""), ("http://h/a?doc=y", ""), false),
            (("http://h/a?sig=x", ""), ("http://h/a?sig=y", ""), true),
            (("http://me:x@h/a", ""), ("http://me:y@h/a", ""), true),
            (("http://h/a", ""), ("http://h/a", "X-Part: 1"), false),
            (("http://h/a", "X-Part: 2"), ("http://h/a", "X-Part: 1"), false),
            (("http://h/a", "X-Key: 2"), ("http://h/a", "X-Key: 1"), true),
            (("http://h/a", ""), ("http://h/a", "Referer: http://h/"), true),
        ] {
            let [a, b] = [one, other].map(|(url, header)| job(url, header));
            assert_eq!(a.known() == b.known(), is_same, "{one:?} {other:?}");
        }
        assert_eq!(job("http://h/a?n=1", "").known(), Known::from("http://h/a?n=1"));
    }
}
