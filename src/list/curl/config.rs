//! One line of curl's configuration, and what its options mean here.

use std::net::Ipv6Addr;

use crate::error::LineError;

/// What an option is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Url,
    Output,
    RemoteName,
    /// It holds for every URL of the group, and is called this.
    Each(&'static str),
    Next,
    NoGlobs,
    /// haul does so anyway, or it is about the screen.
    Harmless,
    /// With it, curl would not download.
    NoDownload,
    /// More of the configuration is in another file.
    Elsewhere,
    Unknown,
}

pub(super) fn setting(name: &str, value: Option<&str>) -> Setting {
    match name {
        // A download as any other: GET is what is sent, and what there is of the file is gone on with.
        "request" | "X" if value == Some("GET") => Setting::Harmless,
        "continue-at" | "C" if value == Some("-") => Setting::Harmless,
        "url" => Setting::Url,
        "output" | "o" => Setting::Output,
        "remote-name" | "O" => Setting::RemoteName,
        "output-dir" => Setting::Each("dir"),
        "header" | "H" => Setting::Each("header"),
        "user" | "u" => Setting::Each("user"),
        "referer" | "e" => Setting::Each("referer"),
        "user-agent" | "A" => Setting::Each("user-agent"),
        "next" | ":" => Setting::Next,
        "globoff" | "g" => Setting::NoGlobs,
        "location" | "L" | "fail" | "f" | "silent" | "s" | "show-error" | "S" | "create-dirs" | "remote-name-all"
        | "parallel" | "Z" | "progress-bar" | "#" | "no-progress-meter" | "verbose" | "v" => Setting::Harmless,
        "data" | "d" | "data-ascii" | "data-binary" | "data-raw" | "data-urlencode" | "url-query" | "json" | "form"
        | "F" | "form-string" | "request" | "X" | "upload-file" | "T" | "head" | "I" | "range" | "r"
        | "continue-at" | "C" => Setting::NoDownload,
        "config" | "K" => Setting::Elsewhere,
        _ => Setting::Unknown,
    }
}

/// What curl makes of a value that holds for every URL; `None` where nothing of it is sent. A field without a value is one
/// not to send, one that ends in a semicolon has none; and a referer may only say what redirects are to be told.
pub(super) fn meant(known: &str, value: String) -> Option<String> {
    match (known, value.split_once(':')) {
        ("header", Some((_, rest))) if rest.trim().is_empty() => None,
        ("header", None) => Some(match value.trim_end().strip_suffix(';') {
            Some(name) => format!("{name}:"),
            None => value,
        }),
        ("referer", _) => {
            let referer = value.strip_suffix(";auto").unwrap_or(&value);
            Some(referer.to_owned()).filter(|referer| !referer.is_empty())
        }
        _ => Some(value),
    }
}

/// Does curl make several URLs of this one? Not of the brackets around an address.
pub(super) fn has_globs(url: &str) -> bool {
    let is_address = |behind: &str| {
        let inner = behind.split_once(']').map(|(inner, _)| inner);
        inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
    };
    url.contains('{') || url.split('[').skip(1).any(|behind| !is_address(behind))
}

/// Is this a line of such a list: a URL behind its option?
pub(in crate::list) fn is_url(text: &str) -> bool {
    let is_url = |(name, value): &Said<'_>| {
        let value = value.as_deref().unwrap_or_default();
        setting(name, None) == Setting::Url && value.contains("://")
    };
    options(text).is_ok_and(|said| said.iter().any(is_url))
}

/// Short options that are followed by a value.
const VALUED: &str = "AbCcDdEeFHhKmoPQrTtUuwXxYyz";
const NO_OPTION: LineError = LineError::Table("no option of curl (url = URL)");

/// Could curl have an option of this name?
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'#'))
}

/// An option, and the value that it was given.
pub(super) type Said<'t> = (&'t str, Option<String>);

/// Names and values of a line, as curl's manual describes it: `name = value`, `name: value`, `name value`, `--name value`,
/// `-n value` and `-nvalue`; of short ones without a value several, `-sSn value`.
pub(super) fn options(text: &str) -> Result<Vec<Said<'_>>, LineError> {
    if let Some(letters) = text.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
        return short(letters);
    }
    let (name, rest) = long(text);
    let rest = match text.strip_prefix("--") {
        Some(_) => rest.trim_start(),
        // A URL without its option is not passed over.
        None if rest.starts_with("://") => return Err(NO_OPTION),
        None => rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | ':')),
    };
    if !is_name(name) {
        return Err(NO_OPTION);
    }
    Ok(vec![(name, value(rest)?)])
}

/// A name, with dashes or without, and what stands behind it.
fn long(text: &str) -> (&str, &str) {
    let (name, is_end): (_, fn(char) -> bool) = match text.strip_prefix("--") {
        Some(name) => (name, char::is_whitespace),
        None => (text, |c| c.is_whitespace() || matches!(c, '=' | ':')),
    };
    name.split_at(name.find(is_end).unwrap_or(name.len()))
}

/// Letters behind one dash, each an option. What stands behind one with a value is that.
fn short(letters: &str) -> Result<Vec<Said<'_>>, LineError> {
    let mut said = Vec::new();
    for (at, letter) in letters.char_indices().take_while(|(_, letter)| !letter.is_whitespace()) {
        let (name, rest) = letters[at..].split_at(letter.len_utf8());
        if !is_name(name) {
            return Err(NO_OPTION);
        }
        if VALUED.contains(letter) {
            let is_attached = rest.starts_with(|c: char| !c.is_whitespace());
            let value = if is_attached {
                // As it stands: a quote there is one of the value's.
                rest.split_whitespace().next().map(ToOwned::to_owned)
            } else {
                value(rest.trim_start())?
            };
            said.push((name, value));
            return Ok(said);
        }
        said.push((name, None));
    }
    let rest = letters.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    behind_value(rest)?;
    if said.is_empty() { Err(NO_OPTION) } else { Ok(said) }
}

fn value(text: &str) -> Result<Option<String>, LineError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        behind_value(rest)?;
        return Ok(Some(word).filter(|word| !word.is_empty()).map(ToOwned::to_owned));
    };
    let mut value = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next() {
            Some('"') => return behind_value(rest.as_str()).map(|()| Some(value)),
            Some('\\') => match rest.next() {
                Some('t') => value.push('\t'),
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('v') => value.push('\u{B}'),
                Some(other) => value.push(other),
                None => break,
            },
            Some(other) => value.push(other),
            None => break,
        }
    }
    Err(LineError::Table("a quote that does not end"))
}

/// What follows a value is passed over, as by curl, but not if it is a URL.
fn behind_value(rest: &str) -> Result<(), LineError> {
    let said = rest.split('#').next().unwrap_or_default();
    if said.contains("://") {
        return Err(LineError::Table("a URL behind a value (each has a line of its own)"));
    }
    Ok(())
}

/// What may be shown of a line: what follows the name may be a secret.
pub(super) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim().trim_start_matches('\u{FEFF}');
    let name = match text.strip_prefix('-') {
        Some(short) if !short.starts_with('-') => short.get(..1).unwrap_or_default(),
        _ => long(text).0,
    };
    match setting(name, None) {
        Setting::Unknown => "…".to_owned(),
        _ => format!("{name} = …"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_curl_reads_it() {
        for (line, name, value) in [
            ("url = \"http://h/a\"", "url", Some("http://h/a")),
            ("url=http://h/a", "url", Some("http://h/a")),
            ("url: http://h/a", "url", Some("http://h/a")),
            ("url http://h/a", "url", Some("http://h/a")),
            ("url\thttp://h/a # comment", "url", Some("http://h/a")),
            ("--url http://h/a", "url", Some("http://h/a")),
            ("-o a.bin", "o", Some("a.bin")),
            ("-oa.bin", "o", Some("a.bin")),
            ("-o\"a b\"", "o", Some("\"a")),
            ("-o \"a b\"", "o", Some("a b")),
            ("-O", "O", None),
            ("-:", ":", None),
            ("next", "next", None),
            ("header = \"X: a\\tb\\\"c\\\\d\\q\"", "header", Some("X: a\tb\"c\\dq")),
            ("user-agent = \"\"", "user-agent", Some("")),
            ("-o =x", "o", Some("=x")),
            (
                "write-out = %{http_code} %{size_download}",
                "write-out",
                Some("%{http_code}"),
            ),
            ("url = \"http://h/a\";", "url", Some("http://h/a")),
            ("url = http://h/a # not http://h/b", "url", Some("http://h/a")),
        ] {
            assert_eq!(options(line).unwrap(), [(name, value.map(ToOwned::to_owned))], "{line}");
        }
        for line in [
            "url = \"http://h/a",
            "http://h/a",
            "https://h/a",
            "{\"url\": \"http://h/a\"}",
            "-o x http://h/a",
            "url = http://h/a http://h/b",
            "url = \"http://h/a\" http://h/b",
            "= x",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_value_means_what_it_means_to_curl() {
        for (known, value, meant_here) in [
            ("header", "X: a", Some("X: a")),
            ("header", "X: a;", Some("X: a;")),
            ("header", "X:", None),
            ("header", "X: ", None),
            ("header", "X;", Some("X:")),
            ("referer", "http://r/;auto", Some("http://r/")),
            ("referer", ";auto", None),
            ("referer", "http://r/", Some("http://r/")),
            ("user", "me:", Some("me:")),
        ] {
            let value = meant(known, value.to_owned());
            assert_eq!(value.as_deref(), meant_here, "{known}");
        }
    }

    #[test]
    fn brackets_around_an_address_are_no_pattern() {
        for (url, is_pattern) in [
            ("http://h/a", false),
            ("http://h/{a,b}", true),
            ("http://h/a[1-3]", true),
            ("http://[::1]/a", false),
            ("http://me:pw@[fe80::1]:80/a", false),
            ("http://[::1]/f[1-3].bin", true),
            ("http://[::1]/{a,b}", true),
            ("http://[1-3]/a", true),
            ("http://h/[", true),
        ] {
            assert_eq!(has_globs(url), is_pattern, "{url}");
        }
    }

    #[test]
    fn a_url_behind_its_option_is_known_among_other_lines() {
        for (line, is_it) in [
            ("url = \"http://h/a\"", true),
            ("url=http://h/a", true),
            ("--url http://h/a", true),
            ("url,path", false),
            ("url\tpath", false),
            ("output = \"a\"", false),
            ("h/a", false),
        ] {
            assert_eq!(is_url(line), is_it, "{line}");
        }
    }

    #[test]
    fn short_options_may_be_joined() {
        for (line, names, value) in [
            ("-sS", &["s", "S"][..], None),
            ("-XPOST", &["X"], Some("POST")),
            ("-sI", &["s", "I"], None),
            ("-r0-1", &["r"], Some("0-1")),
            ("-Lo o1", &["L", "o"], Some("o1")),
            ("-Lo\t\"o 1\" # x", &["L", "o"], Some("o 1")),
            ("-Loo1", &["L", "o"], Some("o1")),
            ("-fsSL # x", &["f", "s", "S", "L"], None),
            ("-o", &["o"], None),
        ] {
            let read = options(line).unwrap();
            let read_names: Vec<_> = read.iter().map(|(name, _)| *name).collect();
            assert_eq!(read_names, names, "{line}");
            assert_eq!(read.last().unwrap().1.as_deref(), value, "{line}");
        }
        for line in ["-", "- x", "-s=", "-sO http://h/a", "-Lo x http://h/a"] {
            assert!(options(line).is_err(), "{line}");
        }
    }

    #[test]
    fn of_a_line_only_the_name_is_shown() {
        assert_eq!(shown(b"  user = \"me:s3cret"), "user = \u{2026}");
        assert_eq!(shown(b"s3cret: x"), "\u{2026}");
    }
}
