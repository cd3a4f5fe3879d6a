use super::*;

/// What is sent when this line turns into that one.
fn sent(old: &str, new: &str) -> String {
    let mut out = String::new();
    replace(&mut out, Some(old), new);
    out
}

#[test]
fn only_columns_that_changed_are_sent() {
    for (old, new, bytes) in [
        ("a.bin 10%", "a.bin 20%", "\r\x1b[6C2"),
        ("1.23 MiB     4 s  left", "1.24 MiB     3 s  left", "\r\x1b[3C4\x1b[9C3"),
        ("10%  9 s", "11%  8 s", "\r\x1b[1C1%  8"),
        ("abc", "abcd", "\r\x1b[3Cd"),
        ("abcd", "abc", "\r\x1b[3C\x1b[K"),
        ("", "abc", "\rabc"),
        ("━━──", "━━━─", "\r\x1b[2C━"),
        (
            "a\x1b[36mbc\x1b[0md",
            "a\x1b[36mbx\x1b[0md",
            "\r\x1b[2C\x1b[36mx\x1b[0m",
        ),
        (
            "\x1b[36m━\x1b[0m\x1b[2m──\x1b[0m",
            "\x1b[36m━━\x1b[0m\x1b[2m─\x1b[0m",
            "\r\x1b[1C\x1b[36m━\x1b[0m",
        ),
        ("データ 10%", "データ 20%", "\r\x1b[7C2"),
        ("aデbcdef", "abデcdef", "\r\x1b[1Cbデ"),
        ("ab", "aデ", "\r\x1b[1Cデ"),
    ] {
        assert_eq!(sent(old, new), bytes, "{old:?} {new:?}");
    }
}

#[test]
fn a_line_whose_columns_are_not_sure_is_sent_whole() {
    for (old, new) in [
        ("e\u{301}t 1", "e\u{301}t 2"),
        ("☎\u{FE0F} 1", "☎\u{FE0F} 2"),
        ("👍 1", "👍 2"),
        ("\u{FFFD} 1", "\u{FFFD} 2"),
        ("plain", "pl👍in"),
        ("pl👍in", "plain"),
    ] {
        assert_eq!(sent(old, new), format!("\r{new}\x1b[K"), "{old:?} {new:?}");
    }
}

#[test]
fn long_lines_fold_before_the_character_that_does_not_fit() {
    for (text, columns, rows) in [
        ("", 5, 0),
        ("abcde", 5, 0),
        ("abcdef", 5, 1),
        ("\x1b[31mabcdef\x1b[0m", 5, 1),
        ("データセ", 5, 1),
        ("データセッ", 5, 2),
    ] {
        assert_eq!(folds(text, columns), rows, "{text} in {columns}");
    }
}
