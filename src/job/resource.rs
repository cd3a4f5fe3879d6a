//! Of which resource bytes are. A validator holds for one alone (RFC 9110 section 8.8.3), and what was made in the same
//! second, and is as long, has the same one on many a server.

use std::num::ParseIntError;

use reqwest::header::{self, HeaderName};
use serde::{Deserialize, Serialize};
use url::Url;

use super::OwnRequest;
use crate::fnv::{Fnv, fold};

/// What tells the resource from others, without what only tells that we may have it: signatures and times are new with every
/// redirect, and servers share the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Resource(u64);

impl Resource {
    /// Of an answer from `url`, to which `source` led. A redirect may lead elsewhere every time, and a tag is proof enough
    /// that it leads to the same file. A date is not.
    pub(crate) fn of(source: &Url, url: &Url, validator: &str) -> Self {
        Self::asked_for_at(if validator.starts_with('"') { source } else { url })
    }

    /// What a request for this URL asks for.
    pub(super) fn asked_for_at(place: &Url) -> Self {
        let pairs = || place.query().into_iter().flat_map(|query| query.split('&'));
        let is_shared = pairs().any(|pair| name_of(pair) == "sig");
        let path = Fnv::new().with(place.path().as_bytes());
        let all = pairs()
            .filter(|pair| !is_leave(pair, is_shared))
            .fold(path, |hash, pair| hash.with(b"&").with(pair.as_bytes()));
        Self(all.finish())
    }

    /// In half as many bits.
    pub(super) fn half(self) -> u32 {
        fold(self.0)
    }

    /// As a request with these fields of its own gets it: they may choose, too, but for those that are keys.
    pub(crate) fn as_asked_for(self, own: Option<&OwnRequest>) -> Self {
        let Some(own) = own.filter(|own| own.may_choose()) else {
            return self;
        };
        let is_key = |name: &HeaderName| crate::tame::is_secret(name.as_str()) || *name == header::COOKIE;
        let fields = own.headers.iter().filter(|(name, _)| !is_key(name));
        let hash = fields.fold(Fnv::new().with(&self.0.to_be_bytes()), |hash, (name, value)| {
            hash.with(name.as_str().as_bytes())
                .with(b":")
                .with(value.as_bytes())
                .with(b"\n")
        });
        Self(hash.finish())
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        format!("{:016x}", resource.0)
    }
}

impl TryFrom<String> for Resource {
    type Error = ParseIntError;

    fn try_from(text: String) -> Result<Self, ParseIntError> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

/// Does this part of a query only say who may have the file, and for how long? Names that are known for it: any other may
/// choose the file, whatever it sounds like. `is_shared` tells whether a signature of shared access is there.
fn is_leave(pair: &str, is_shared: bool) -> bool {
    const BEGINNINGS: [&str; 4] = ["x-amz-", "x-goog-", "x-oss-", "x-ms-"];
    /// Of Azure's shared access signatures: alone, such a name may be anything.
    const SHARED: [&str; 13] = [
        "st", "se", "sp", "sv", "sr", "ss", "srt", "spr", "ske", "sks", "skt", "skv", "skoid",
    ];
    /// Of signed URLs, and of sessions.
    const NAMES: [&str; 31] = [
        "signature",
        "sig",
        "sign",
        "token",
        "access_token",
        "auth",
        "auth_key",
        "authkey",
        "apikey",
        "api_key",
        "awsaccesskeyid",
        "googleaccessid",
        "ossaccesskeyid",
        "key-pair-id",
        "policy",
        "expires",
        "expire",
        "expiry",
        "exp",
        "hdnea",
        "hdnts",
        "hmac",
        "jwt",
        "credential",
        "password",
        "passwd",
        "secret",
        "session",
        "sessionid",
        "sktid",
        "wssecret",
    ];
    let name = name_of(pair);
    NAMES.contains(&&*name)
        || (is_shared && SHARED.contains(&&*name))
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn name_of(pair: &str) -> String {
    pair.split('=').next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_known_by_its_place_and_not_by_the_leave_to_have_it() {
        for (one, other, is_same) in [
            ("http://a/x/f.iso", "https://b:8/x/f.iso", true),
            ("http://a/v1/f.iso", "http://a/v2/f.iso", false),
            ("http://a/x/f.iso", "http://a/x/g.iso", false),
            ("http://a/f?doc=alpha", "http://a/f?doc=beta", false),
            ("http://a/f?key=a", "http://a/f?key=b", false),
            ("http://a/f?t=1&e=2&time=3", "http://a/f?t=1&e=2&time=4", false),
            ("http://a/f?station=a&design=1", "http://a/f?station=a&design=2", false),
            ("http://a/f?doc=alpha&token=1", "http://a/f?doc=alpha&token=2", true),
            (
                "http://a/f?X-Amz-Date=1&X-Amz-Signature=2",
                "http://a/f?X-Amz-Date=3&X-Amz-Signature=4",
                true,
            ),
            ("http://a/f?sv=1&se=2&sig=3", "http://a/f?sv=1&se=4&sig=5", true),
            ("http://a/f?show=a&se=2", "http://a/f?show=a&se=3", false),
            ("http://a/f?Expires=1&Key-Pair-Id=2", "http://a/f", true),
            ("http://a/", "http://a", true),
        ] {
            let [one, other] = [one, other].map(|url| Url::parse(url).unwrap());
            let of = |source: &Url, url: &Url| Resource::of(source, url, "Sun, 06 Nov 1994 08:49:37 GMT");
            assert_eq!(of(&one, &one) == of(&one, &other), is_same, "{one} {other}");
            let tagged = |source: &Url, url: &Url| Resource::of(source, url, "\"v1\"");
            assert_eq!(tagged(&one, &one) == tagged(&other, &other), is_same, "{one} {other}");
            assert_eq!(tagged(&one, &one), tagged(&one, &other), "{one} {other}");
            assert_eq!(Resource::try_from(String::from(of(&one, &one))), Ok(of(&one, &one)));
        }
    }
}
