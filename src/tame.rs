//! What a stranger wrote, made fit to be shown: no terminal sees a control character or a secret that came from outside.

use std::borrow::Cow;
use std::fmt::Write as _;

use url::Url;

/// Does a terminal or a reader take this character for something other than itself? Control characters, line and
/// paragraph separators, bidirectional controls (UAX #9), invisible characters and those of private use.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E000}'..='\u{F8FF}'
            | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// The text with every treacherous character replaced by U+FFFD.
pub fn tame(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !is_plain && text.contains(is_treacherous) {
        Cow::Owned(text.replace(is_treacherous, "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Stands for what is not shown of a URL. No URL holds it by itself: there it would be percent-encoded.
pub const HIDDEN: char = '…';

/// The URL as it may be shown: without userinfo, and with only those query values that are plainly no secret.
/// A signature looks like any other value, so a value is hidden unless its name or its form clears it.
pub fn redact(url: &Url) -> Cow<'_, str> {
    let has_userinfo = !url.username().is_empty() || url.password().is_some();
    if !has_userinfo && url.query().is_none() && url.fragment().is_none() {
        // A URL of http or https is all ASCII, its control characters percent-encoded.
        return tame(url.as_str());
    }
    let mut shown = String::with_capacity(url.as_str().len());
    let _ = write!(shown, "{}://", url.scheme());
    if has_userinfo {
        shown.push_str("…@");
    }
    shown.push_str(url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        let _ = write!(shown, ":{port}");
    }
    shown.push_str(url.path());
    if let Some(query) = url.query() {
        let pairs: Vec<_> = query.split('&').map(shown_pair).collect();
        let _ = write!(shown, "?{}", pairs.join("&"));
    }
    tame(&shown).into_owned().into()
}

/// A line that is no URL as it may be shown, for it may have been meant for one, or for several: what may be a
/// password before the last `@` of a field is hidden, and so are query values as in [`redact`]. Where the parts of a broken URL
/// end nobody knows, so more may be hidden than would have to be.
pub fn redact_line(line: &str) -> String {
    let fields: String = line.split_inclusive('\t').map(redact_userinfo).collect();
    let fields = redact_setting(&fields);
    let words = fields.split_inclusive(char::is_whitespace).map(redact_word);
    tame(&words.collect::<String>()).into_owned()
}

/// Without what may be a password: it may hold blanks, and what is before it need not be a scheme.
fn redact_userinfo(field: &str) -> Cow<'_, str> {
    let Some((before, after)) = field.rsplit_once('@') else {
        return redact_port(field);
    };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…@{after}").into(),
        None if before.contains(':') => format!("…@{after}").into(),
        None => field.into(),
    }
}

/// Without what stands where a port would: the `@` behind a password may be cut off.
fn redact_port(field: &str) -> Cow<'_, str> {
    let port = |(scheme, rest): (&str, &'_ str)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, port) = rest[..end].rsplit_once(':')?;
        let is_port = port.trim_end().bytes().all(|b| b.is_ascii_digit() || b == b']');
        (!is_port && !host.starts_with('[')).then(|| format!("{scheme}://{host}:…{}", &rest[end..]))
    };
    field.split_once("://").and_then(port).map_or(field.into(), Cow::Owned)
}

/// A line that does not begin with a URL, and may be an option or a line of another format that holds a secret: only what
/// it is about is shown.
fn redact_setting(line: &str) -> Cow<'_, str> {
    const WORDS: [&str; 13] = [
        "passw", "pwd", "secret", "token", "auth", "cookie", "cred", "login", "machine", "user", "key", "bearer", "sig",
    ];
    let text = line.trim_start();
    let name = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | ':'));
    let Some(end) = name.filter(|&at| !text[at..].starts_with("://")) else {
        return line.into();
    };
    let lower = text.to_ascii_lowercase();
    let may_be_secret = text.starts_with(['-', '[', '{', '"'])
        || text.matches('\t').count() > 1
        || WORDS.iter().any(|word| lower.contains(word));
    if !may_be_secret {
        return line.into();
    }
    match text.as_bytes()[0] {
        b'{' => "{…}".into(),
        b'[' => "[…]".into(),
        b'"' => "\"…\"".into(),
        _ => format!("{}…", &text[..=end]).into(),
    }
}

fn redact_word(word: &str) -> String {
    let (word, blanks) = word.split_at(word.trim_end().len());
    let query = |(path, query): (&str, &str)| {
        let pairs: Vec<_> = query.split('&').map(shown_pair).collect();
        format!("{path}?{}", pairs.join("&"))
    };
    let shown = word.split_once('?').map_or_else(|| word.to_owned(), query);
    shown + blanks
}

fn shown_pair(pair: &str) -> Cow<'_, str> {
    match pair.split_once('=') {
        None if is_number(pair) => pair.into(),
        None => "…".into(),
        Some((name, value)) if value.is_empty() || is_harmless(name, value) => pair.into(),
        Some((name, _)) => format!("{name}=…").into(),
    }
}

fn is_harmless(name: &str, value: &str) -> bool {
    const PLAIN: [&str; 16] = [
        "id", "file", "filename", "name", "path", "page", "format", "version", "v", "lang", "type", "year", "month",
        "size", "offset", "download",
    ];
    let name = name.to_ascii_lowercase();
    PLAIN.contains(&&*name) || (is_number(value) && !is_secret(&name))
}

/// Is something left out of what is shown?
pub(crate) fn hides(shown: &str) -> bool {
    shown.contains(HIDDEN)
}

/// Is what is called so in a query a secret, or about one? The name is in small letters.
pub(crate) fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 10] = [
        "tok", "key", "sig", "auth", "pass", "secret", "cred", "expire", "pin", "code",
    ];
    SECRET.iter().any(|word| name.contains(word))
}

fn is_number(value: &str) -> bool {
    value.len() <= 10 && value.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_replaced() {
        for (text, shown) in [
            ("plain ünïcode データ", "plain ünïcode データ"),
            ("a\x1b[31mb", "a\u{FFFD}[31mb"),
            ("a\r\nb\0c\x7f\u{9b}d", "a\u{FFFD}\u{FFFD}b\u{FFFD}c\u{FFFD}\u{FFFD}d"),
            ("cod\u{202E}gpj.exe", "cod\u{FFFD}gpj.exe"),
            ("\u{2066}x\u{2069}", "\u{FFFD}x\u{FFFD}"),
            ("\u{E0041}\u{200B}", "\u{FFFD}\u{FFFD}"),
        ] {
            assert_eq!(tame(text), shown);
        }
    }

    #[test]
    fn a_shown_line_that_is_no_url_holds_no_secret() {
        for (line, shown) in [
            ("nonsense", "nonsense"),
            ("me@example.org", "me@example.org"),
            ("what? no", "what? no"),
            ("ftp://user:pw@h/a", "ftp://…@h/a"),
            ("http://user:p/w@h?x=y@[::1/a", "http://…@[::1/a"),
            (
                "http://h:x/a?sig=abc&id=1\thttp://u:pw@i/b?t=abc",
                "http://h:…/a?sig=…&id=1\u{FFFD}http://…@i/b?t=…",
            ),
            ("http://u:s3cret", "http://u:…"),
            ("http://h:80:81/a b", "http://h:80:81/a b"),
            ("http://[::1", "http://[::1"),
            ("header = \"Authorization: Bearer s3cret\"", "header …"),
            ("http-passwd=s3cret", "http-passwd=…"),
            (" HTTP-Passwd: s3cret", "HTTP-Passwd:…"),
            ("-u me:s3cret", "-u …"),
            ("[{\"url\": \"x\", \"t\": \"s3cret\"}]", "[…]"),
            ("machine h login me password s3cret", "machine …"),
            (".h\tTRUE\t/\tFALSE\t0\tsession\ts3cret", ".h\u{FFFD}…"),
            ("example.org/a.bin out.bin", "example.org/a.bin out.bin"),
            ("example.org/a?token=abc", "example.org/a?token=…"),
            ("user:pw@h/a", "…@h/a"),
            ("//user:pw@h/a", "…@h/a"),
            ("http:/user:pw@h/a", "…@h/a"),
            ("http:user:pw@h/a", "…@h/a"),
            ("http://user:pass word@h/a", "http://…@h/a"),
            ("http://user:pw@ho st/a", "http://…@ho st/a"),
        ] {
            assert_eq!(redact_line(line), shown);
        }
    }

    #[test]
    fn a_shown_url_holds_no_secret() {
        for (url, shown) in [
            ("http://h/a.bin", "http://h/a.bin"),
            ("https://user:pw@h:8443/a", "https://…@h:8443/a"),
            ("http://user@h/a", "http://…@h/a"),
            ("http://:pw@h/a", "http://…@h/a"),
            (
                "http://h/a?id=17&X-Amz-Signature=abc",
                "http://h/a?id=17&X-Amz-Signature=…",
            ),
            ("http://h/a?file=x.bin&sig=9", "http://h/a?file=x.bin&sig=…"),
            ("http://h/a?token=12345", "http://h/a?token=…"),
            ("http://h/a?s3cr3t", "http://h/a?…"),
            ("http://h/a?k=s3cr3t&b=", "http://h/a?k=…&b="),
            ("http://h/a?n=7", "http://h/a?n=7"),
            ("http://h/a?Expires=1700000000", "http://h/a?Expires=…"),
        ] {
            assert_eq!(redact(&Url::parse(url).unwrap()), shown);
        }
    }
}
