//! What the server itself says the file adds up to.

use reqwest::header::{HeaderMap, HeaderName};

use crate::checksum::Checksum;

/// The digests of the whole representation: `Repr-Digest` (RFC 9530), and `Digest` (RFC 3230), which it replaced. Of an
/// answer that holds all of it, also `Content-Digest` and `Content-MD5` (RFC 1864). What is not understood is none.
pub(super) fn digests(fields: &HeaderMap, is_whole: bool) -> Vec<Checksum> {
    let values = |name: &'static str| {
        let values = fields.get_all(HeaderName::from_static(name)).iter();
        values.filter_map(|value| value.to_str().ok())
    };
    let members = |name| values(name).flat_map(|value| value.split(','));
    let structured = |name| members(name).filter_map(|member| byte_sequence(member.trim()));
    let mut found: Vec<_> = structured("repr-digest").collect();
    found.extend(members("digest").filter_map(|member| {
        let (name, base64) = member.trim().split_once('=')?;
        Checksum::from_base64(name, base64)
    }));
    if is_whole {
        found.extend(structured("content-digest"));
        found.extend(values("content-md5").filter_map(|base64| Checksum::from_base64("md5", base64)));
    }
    found
}

/// `sha-256=:base64:`, a dictionary member (RFC 9651 section 3.2) whose parameters do not matter.
fn byte_sequence(member: &str) -> Option<Checksum> {
    let (name, value) = member.split_once('=')?;
    let base64 = value.strip_prefix(':')?.split(':').next()?;
    Checksum::from_base64(name, base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_from_every_field_that_has_them() {
        let md5 = "1B2M2Y8AsgTpgAmY7PhCfg==";
        let sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (name, value, expected) in [
            ("repr-digest", format!("sha-256=:{sha256}:"), vec![sha]),
            (
                "repr-digest",
                format!("unixsum=:AAA=:, sha-256=:{sha256}:;x=1"),
                vec![sha],
            ),
            ("repr-digest", format!("sha-256={sha256}"), vec![]),
            ("digest", format!("SHA-256={sha256}, crc32c=AAAA"), vec![sha]),
            ("content-md5", md5.into(), vec!["md5:d41d8cd98f00b204e9800998ecf8427e"]),
            ("content-md5", "nonsense".into(), vec![]),
            ("repr-digest", "sha-256=:AAAA:".into(), vec![]),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(HeaderName::from_static(name), value.parse().unwrap());
            let found: Vec<_> = digests(&fields, true).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{name}: {value}");
            let of_part = digests(&fields, false).len();
            assert_eq!(of_part, if name == "content-md5" { 0 } else { expected.len() });
        }
    }
}
