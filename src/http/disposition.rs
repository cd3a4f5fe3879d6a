//! The file name in a `Content-Disposition` field (RFC 6266), its extended form in UTF-8 and ISO-8859-1 included
//! (RFC 8187). What comes out is still a stranger's name: the caller cleans it.

use percent_encoding::percent_decode_str;

/// The name that the field values give, the first that gives one; `filename*` before `filename` in each.
pub(crate) fn filename<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    values.into_iter().find_map(|value| of_value(&text(value)))
}

fn of_value(value: &str) -> Option<String> {
    let mut plain = None;
    let mut extended = None;
    // The disposition type comes first; some servers forget it.
    let type_end = value.find(';').filter(|&end| !value[..end].contains('='));
    let mut rest = type_end.map_or_else(|| if value.contains('=') { value } else { "" }, |end| &value[end + 1..]);
    while let Some((name, parameter, after)) = parameter(rest) {
        match name.to_ascii_lowercase().as_str() {
            "filename" if plain.is_none() => plain = Some(parameter),
            "filename*" if extended.is_none() => extended = self::extended(&parameter),
            _ => {}
        }
        rest = after;
    }
    [extended, plain].into_iter().flatten().find_map(|name| last_of(&name))
}

/// The last component, if that is a name.
fn last_of(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_name = !last.trim_matches([' ', '.']).is_empty();
    is_name.then(|| last.to_owned())
}

/// The next `name=value`, and what comes after it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let mut text = text;
    loop {
        text = text.trim_start_matches([';', ' ', '\t']);
        let end = text.find(['=', ';'])?;
        let (name, after) = text.split_at(end);
        if after.starts_with(';') {
            // A parameter without a value is passed over.
            text = after;
            continue;
        }
        let after = after[1..].trim_start_matches([' ', '\t']);
        let (value, rest) = after.strip_prefix('"').map_or_else(|| bare(after), unquoted);
        return Some((name.trim(), value, rest));
    }
}

/// A value without quotation marks goes on to the next parameter, whatever is in it.
fn bare(text: &str) -> (String, &str) {
    let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    (value.trim_end().to_owned(), rest)
}

/// The inside of a quoted string (RFC 9110 section 5.6.4), whose quotation mark has been passed, and the rest of the
/// field up to its next parameter. One that is not closed ends where the field does.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = &text[at + 1..];
                return (value, rest.find(';').map_or("", |end| &rest[end..]));
            }
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// `charset'language'percent-encoded` (RFC 8187 section 3.2). Any other charset, or bytes that are not of it, is none.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let is_whole = encoded.split('%').skip(1).all(|code| {
        let code = code.as_bytes();
        code.len() >= 2 && code[..2].iter().all(u8::is_ascii_hexdigit)
    });
    if !is_whole {
        return None;
    }
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// Field values are ISO-8859-1 by old custom and UTF-8 by new: what is valid UTF-8 is meant as such.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_field_names_a_file_in_many_ways() {
        for (value, expected) in [
            (r#"attachment; filename="a b.bin""#, Some("a b.bin")),
            ("attachment; filename=a.bin", Some("a.bin")),
            ("ATTACHMENT ;FileName = a.bin ; x=y", Some("a.bin")),
            (r#"inline; filename="a;b.bin"; size=3"#, Some("a;b.bin")),
            (r#"attachment; filename="a\"b\\c.bin""#, Some("c.bin")),
            (r#"attachment; filename="a\"b.bin""#, Some("a\"b.bin")),
            (r#"attachment; filename="not closed.bin"#, Some("not closed.bin")),
            (
                r#"attachment; filename="a.bin" junk; filename*=UTF-8''b.bin"#,
                Some("b.bin"),
            ),
            (
                r#"attachment; filename="a.bin"; filename*=UTF-8''%e2%82%ac.bin"#,
                Some("€.bin"),
            ),
            (
                r#"attachment; filename*=UTF-8'en'%e2%82%ac.bin; filename="a.bin""#,
                Some("€.bin"),
            ),
            ("attachment; filename*=iso-8859-1''caf%E9", Some("café")),
            (r#"attachment; filename="a.bin"; filename*=UTF-8''%E9"#, Some("a.bin")),
            (r#"attachment; filename="a.bin"; filename*=UTF-8''%E"#, Some("a.bin")),
            (r#"attachment; filename="a.bin"; filename*=koi8-r''x"#, Some("a.bin")),
            (r#"attachment; filename="a.bin"; filename*=nonsense"#, Some("a.bin")),
            ("attachment; filename*0=a; filename*1=b", None),
            ("attachment; filename=a; filename=b", Some("a")),
            (r#"filename="a.bin""#, Some("a.bin")),
            ("attachment; name=x; filename=a", Some("a")),
            ("attachment; foo; filename=a", Some("a")),
            (r#"attachment; filename="../../etc/passwd""#, Some("passwd")),
            (r#"attachment; filename="C:\\dir\\a.bin""#, Some("a.bin")),
            ("attachment; filename*=UTF-8''..%2f..%2fx", Some("x")),
            (r#"attachment; filename="""#, None),
            (r#"attachment; filename="dir/""#, None),
            ("attachment", None),
            ("inline; filename", None),
            ("", None),
        ] {
            assert_eq!(filename([value.as_bytes()]).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn the_first_field_that_names_one_is_taken_whatever_its_encoding() {
        assert_eq!(
            filename([&b"attachment"[..], b"attachment; filename=a", b"x; filename=b"]),
            Some("a".into())
        );
        assert_eq!(
            filename([&b"attachment; filename=\"caf\xE9\""[..]]),
            Some("café".into())
        );
        assert_eq!(
            filename(["attachment; filename=\"café\"".as_bytes()]),
            Some("café".into())
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_there_is_no_folder_in_it(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let value = [b"attachment; filename".as_slice(), &value].concat();
            if let Some(name) = filename([&value[..]]) {
                prop_assert!(!name.contains(['/', '\\']) && !name.trim().is_empty());
            }
        }
    }
}
