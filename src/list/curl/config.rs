//! One line of curl's configuration, and what its options mean here.

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

pub(super) fn setting(name: &str) -> Setting {
    match name {
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
        | "parallel" | "Z" | "progress-bar" | "no-progress-meter" | "verbose" | "v" | "sS" | "sSL" | "fsSL" | "fL" => {
            Setting::Harmless
        }
        "data" | "d" | "data-ascii" | "data-binary" | "data-raw" | "data-urlencode" | "json" | "form" | "F"
        | "form-string" | "request" | "X" | "upload-file" | "T" | "head" | "I" | "range" | "r" | "continue-at"
        | "C" => Setting::NoDownload,
        "config" | "K" => Setting::Elsewhere,
        _ => Setting::Unknown,
    }
}

/// Could curl have an option of this name?
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'#'))
}

/// Name and value of a line, as curl's manual describes it: `name = value`, `name: value`, `name value`, `--name value`,
/// `-n value` and `-nvalue`.
pub(super) fn option(text: &str) -> Result<(&str, Option<String>), LineError> {
    let (name, rest, behind) = split(text);
    // A URL without its option is not passed over.
    if !is_name(name) || (behind == Behind::Name && rest.starts_with("://")) {
        return Err(LineError::Table("no option of curl (url = URL)"));
    }
    let rest = match behind {
        // As it stands: a quote there is one of the value's.
        Behind::Attached => return Ok((name, rest.split_whitespace().next().map(ToOwned::to_owned))),
        Behind::Dashes => rest.trim_start(),
        Behind::Name => rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | ':')),
    };
    Ok((name, value(rest)?))
}

/// What a value stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// A name without dashes, which may be followed by `=` or `:`.
    Name,
    /// An option with dashes, and a blank.
    Dashes,
    /// A letter with a dash, and nothing between.
    Attached,
}

fn split(text: &str) -> (&str, &str, Behind) {
    if let Some(long) = text.strip_prefix("--") {
        let end = long.find(char::is_whitespace).unwrap_or(long.len());
        return (&long[..end], &long[end..], Behind::Dashes);
    }
    if let Some(short) = text.strip_prefix('-') {
        let end = short.find(char::is_whitespace).unwrap_or(short.len());
        let first = short.chars().next().map_or(0, char::len_utf8);
        // `-ofile` is an option and its value; `-sS` are two without.
        let takes_value = matches!(setting(&short[..first]), Setting::Output | Setting::Each(_));
        return match end {
            end if takes_value && end > first => (&short[..first], &short[first..], Behind::Attached),
            end => (&short[..end], &short[end..], Behind::Dashes),
        };
    }
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '=' | ':'));
    let end = end.unwrap_or(text.len());
    (&text[..end], &text[end..], Behind::Name)
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
    let (name, _, _) = split(text.trim().trim_start_matches('\u{FEFF}'));
    match setting(name) {
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
            ("-sS", "sS", None),
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
            let read = option(line).unwrap();
            assert_eq!((read.0, read.1.as_deref()), (name, value), "{line}");
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
            assert!(option(line).is_err(), "{line}");
        }
    }

    #[test]
    fn of_a_line_only_the_name_is_shown() {
        assert_eq!(shown(b"  user = \"me:s3cret"), "user = \u{2026}");
        assert_eq!(shown(b"s3cret: x"), "\u{2026}");
    }
}
