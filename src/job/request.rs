//! What one entry's requests say beyond those of the run.

use std::fmt;

use reqwest::header::{self, HeaderName, HeaderValue};

use crate::settings::Credentials;

/// Header fields and credentials of one entry. They go to the entry's own origin, and are never shown: `Debug` counts
/// them.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OwnRequest {
    /// Header fields; one of a name that the run has, too, takes its place.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Basic credentials (RFC 7617) instead of the run's; those in the URL come first.
    pub credentials: Option<Credentials>,
}

impl OwnRequest {
    /// Is there anything of its own?
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.credentials.is_none()
    }

    /// May it get another file than a request without it? Not for who asks, and from where.
    pub(crate) fn may_choose(&self) -> bool {
        let is_mere = |name: &HeaderName| [header::USER_AGENT, header::REFERER].contains(name);
        self.credentials.is_some() || self.headers.iter().any(|(name, _)| !is_mere(name))
    }

    /// Bytes of text that it holds.
    pub(crate) fn weight(&self) -> usize {
        let fields = self.headers.iter();
        // A name and a value are each more than their text.
        fields
            .map(|(name, value)| 100 + name.as_str().len() + value.len())
            .sum()
    }
}

impl fmt::Debug for OwnRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.credentials.is_some() { ", a user" } else { "" };
        write!(f, "OwnRequest({} fields{user})", self.headers.len())
    }
}

/// A field of a user, as far as haul sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// Sent.
    Sent(HeaderName, HeaderValue),
    /// haul's own: it says how the bytes travel, and with another value the file would be wrong.
    Ours(HeaderName),
}

/// Has a request one of these at most (RFC 9110 section 5.3)? Of several, the last one counts.
pub(crate) fn is_single(name: &HeaderName) -> bool {
    [header::AUTHORIZATION, header::HOST, header::REFERER, header::USER_AGENT].contains(name)
}

/// Reads `Name: value`. The value is marked as sensitive.
///
/// # Errors
/// What is wrong with it, without its text.
pub(crate) fn field(text: &str) -> Result<Field, &'static str> {
    const OURS: [HeaderName; 7] = [
        header::ACCEPT_ENCODING,
        header::RANGE,
        header::IF_RANGE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::TE,
    ];
    let (name, value) = text.split_once(':').ok_or("'NAME: VALUE' is needed")?;
    let name = HeaderName::try_from(name.trim()).map_err(|_| "its name is none of a header field")?;
    if OURS.contains(&name) {
        return Ok(Field::Ours(name));
    }
    Ok(Field::Sent(name, value_of(value)?))
}

/// The value of a field, marked as sensitive.
///
/// # Errors
/// What is wrong with it, without its text.
pub(crate) fn value_of(text: &str) -> Result<HeaderValue, &'static str> {
    let value = HeaderValue::from_str(text.trim());
    let mut value = value.map_err(|_| "it holds characters that no header field may have")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_never_shown() {
        let Ok(Field::Sent(name, value)) = field("X-Key:  s3cret ") else {
            panic!("a field")
        };
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-key", "s3cret"));
        let request = OwnRequest {
            headers: vec![(name, value)],
            credentials: Some(Credentials {
                user: "me".into(),
                password: "pw".into(),
            }),
        };
        assert_eq!(format!("{request:?}"), "OwnRequest(1 fields, a user)");
        assert_eq!(request.weight(), 111);
    }

    #[test]
    fn fields_that_say_how_the_bytes_travel_are_haul_s_own() {
        assert_eq!(field("range: bytes=0-1"), Ok(Field::Ours(header::RANGE)));
        for (text, why) in [
            ("nonsense", "'NAME: VALUE' is needed"),
            ("a b: c", "its name is none of a header field"),
            ("a: \u{1}", "it holds characters that no header field may have"),
        ] {
            assert_eq!(field(text), Err(why));
        }
    }
}
