//! One line of a list, understood: pure.

use url::Url;

use super::draft::Draft;
use crate::checksum::Checksum;
use crate::error::LineError;
use crate::job::SourceUrl;

/// A byte order mark, which editors leave at the beginning of a file and `cat` carries into the middle of one.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Is this a comment, whatever else it holds?
pub(super) fn is_comment(line: &[u8]) -> bool {
    strip(line).first() == Some(&b'#')
}

/// Is there nothing on it but blanks or a comment?
pub(super) fn is_nothing(line: &[u8]) -> bool {
    matches!(strip(line).first(), None | Some(b'#'))
}

/// A line, or a part of one, as text without the blanks around it.
pub(super) fn text(bytes: &[u8]) -> Result<&str, LineError> {
    if bytes.contains(&0) {
        return Err(LineError::Nul);
    }
    Ok(std::str::from_utf8(bytes).map_err(|_| LineError::Utf8)?.trim())
}

/// `URL`, `URL PATH` or `URL<TAB>URL`, each behind a checksum as `sha256sum` writes it (`HEX  URL`, `HEX *URL`); `None`
/// for a blank line or a comment.
pub(super) fn parse(number: u64, line: &[u8]) -> Result<Option<Draft>, LineError> {
    if is_nothing(line) {
        return Ok(None);
    }
    let (checksum, text) = checksum(text(strip(line))?);
    let mut draft = if is_mirrored(text) {
        mirrored(number, text)?
    } else {
        single(number, text)?
    };
    draft.checksum = checksum;
    Ok(Some(draft))
}

/// A URL, and perhaps a path.
fn single(number: u64, text: &str) -> Result<Draft, LineError> {
    let (first, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let mut draft = Draft::new(number, url(first)?);
    let rest = rest.trim();
    if rest.split([' ', '\t']).any(|field| scheme(field).is_some()) {
        return Err(LineError::SeveralUrls);
    }
    draft.out = (!rest.is_empty()).then(|| rest.into());
    Ok(draft)
}

/// Are there several fields between tabs, and each is a URL?
fn is_mirrored(text: &str) -> bool {
    let is_url = |field: &str| scheme(field).is_some() && !field.contains(' ');
    text.contains('\t') && fields(text).all(is_url)
}

/// What stands between tabs; nothing between two of them is nothing.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.split('\t').map(str::trim).filter(|field| !field.is_empty())
}

/// URLs of one file, the first that haul can ask before the others.
fn mirrored(number: u64, text: &str) -> Result<Draft, LineError> {
    let (first, draft) = fields(text)
        .map(url)
        .enumerate()
        .find(|(_, url)| !matches!(url, Err(LineError::Scheme(_))))
        .unwrap_or_else(|| (0, url(text)));
    let mut draft = Draft::new(number, draft?);
    for (_, mirror) in fields(text).enumerate().filter(|&(at, _)| at != first) {
        draft.mirror(mirror)?;
    }
    Ok(draft)
}

/// The checksum before a URL, and the rest. Digits that nothing follows, or no URL, are no checksum.
fn checksum(text: &str) -> (Option<Checksum>, &str) {
    let split = text.split_once([' ', '\t']).and_then(|(hex, rest)| {
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('*').unwrap_or(rest);
        scheme(rest.split([' ', '\t']).next()?)?;
        Some((Checksum::from_hex(hex)?, rest))
    });
    split.map_or((None, text), |(checksum, rest)| (Some(checksum), rest))
}

/// An absolute http or https URL. A scheme is never guessed.
pub(super) fn url(text: &str) -> Result<SourceUrl, LineError> {
    match scheme(text) {
        None => Err(LineError::NoUrl),
        Some(scheme) if !["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) => {
            Err(LineError::Scheme(scheme.chars().take(20).collect()))
        }
        Some(_) if text.trim().contains(|c: char| c.is_ascii_control()) => Err(LineError::Control),
        Some(_) => Ok(SourceUrl::new(Url::parse(text)?)),
    }
}

/// Does this line begin as one of a URL does, whatever is wrong with it?
pub(super) fn is_like_a_url(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(strip(line));
    let (_, text) = checksum(&text);
    scheme(text).is_some()
}

/// What stands before `://`, if it has the form of a scheme (RFC 3986 section 3.1).
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let mut bytes = scheme.bytes();
    let well_formed = bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    well_formed.then_some(scheme)
}

/// Without a byte order mark, and without blanks around it.
pub(super) fn strip(line: &[u8]) -> &[u8] {
    unmarked(line.trim_ascii()).trim_ascii()
}

/// Without a byte order mark.
pub(super) fn unmarked(line: &[u8]) -> &[u8] {
    line.strip_prefix(MARK).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<(String, Option<String>)>, String> {
        let entry = parse(1, line.as_bytes()).map_err(|e| e.to_string())?;
        Ok(entry.map(|entry| {
            let urls = std::iter::once(&entry.url).chain(&entry.mirrors);
            let urls: Vec<_> = urls.map(|url| url.reveal().as_str()).collect();
            (urls.join(" "), entry.out.map(|p| p.display().to_string()))
        }))
    }

    #[test]
    fn entries_are_a_url_and_perhaps_a_path() {
        for (line, url, path) in [
            ("http://h/a", "http://h/a", None),
            ("  https://h/a\r", "https://h/a", None),
            ("\u{FEFF}http://h/a", "http://h/a", None),
            ("HTTP://H/a#part", "http://h/a", None),
            ("http://h/a  sub dir/b c.bin ", "http://h/a", Some("sub dir/b c.bin")),
            ("http://h/a\tb", "http://h/a", Some("b")),
            ("http://h/a,b;c d", "http://h/a,b;c", Some("d")),
            ("http://h/ä", "http://h/%C3%A4", None),
            (
                "http://h/a\thttp://i/a\thttps://j/a\t",
                "http://h/a http://i/a https://j/a",
                None,
            ),
            ("http://h/a\thttp://h/a", "http://h/a", None),
            ("http://h/a\t\t http://i/a ", "http://h/a http://i/a", None),
            ("ftp://h/a\thttp://i/a\tftp://j/a", "http://i/a", None),
        ] {
            let expected = (url.to_owned(), path.map(str::to_owned));
            assert_eq!(read(line), Ok(Some(expected)), "{line}");
        }
    }

    #[test]
    fn no_line_break_is_left_out_of_a_url() {
        for line in ["http://h/a\rhttp://h/b", "http://h/\u{b}a"] {
            assert_eq!(read(line), Err("a control character in the URL".into()), "{line:?}");
        }
    }

    #[test]
    fn a_checksum_may_stand_before_the_url() {
        for (line, algorithm) in [
            (format!("{}  http://h/a", "a".repeat(64)), Some("sha256")),
            (format!("{} *http://h/a", "a".repeat(32)), Some("md5")),
            (format!("{}\thttp://h/a b.bin", "A".repeat(40)), Some("sha1")),
            ("http://h/a b".into(), None),
        ] {
            let entry = parse(1, line.as_bytes()).unwrap().unwrap();
            assert_eq!(entry.checksum.map(|c| c.algorithm().as_str()), algorithm, "{line}");
            assert_eq!(entry.url.reveal().as_str(), "http://h/a");
        }
        for line in [
            format!("{}  http://h/a", "a".repeat(63)),
            "a".repeat(64),
            format!("{}  a.bin", "a".repeat(64)),
        ] {
            assert_eq!(parse(1, line.as_bytes()), Err(LineError::NoUrl), "{line}");
        }
    }

    #[test]
    fn blanks_and_comments_are_no_entries() {
        for line in ["", "  \t\r", "# http://h/a", "  # x", "\u{FEFF}", "\u{FEFF}# x"] {
            assert_eq!(read(line), Ok(None), "{line:?}");
        }
        assert_eq!(parse(1, b"# caf\xE9"), Ok(None));
    }

    #[test]
    fn what_is_no_entry_says_why() {
        let several = "more than one URL in a line (mirrors are separated by a tab, and nothing else stands with them)";
        for (line, why) in [
            ("example.org/a", "not a URL (a URL begins with http:// or https://)"),
            ("http:/h/a", "not a URL (a URL begins with http:// or https://)"),
            ("://h/a", "not a URL (a URL begins with http:// or https://)"),
            ("http://", "not a URL: empty host"),
            ("http://h:99999/", "not a URL: invalid port number"),
            ("ftp://h/a", "ftp: is not http or https"),
            ("file:///etc/passwd", "file: is not http or https"),
            ("http://h/a http://i/a", several),
            ("http://h/a\thttp://i/a\tb", several),
            ("http://h/a\thttp://", "not a URL: empty host"),
            ("ftp://h/a\tftp://i/a", "ftp: is not http or https"),
            ("http://h/\0a", "a NUL byte in the line"),
        ] {
            assert_eq!(read(line), Err(why.to_owned()), "{line}");
        }
        assert_eq!(parse(1, b"http://h/\xFF"), Err(LineError::Utf8));
    }
}
