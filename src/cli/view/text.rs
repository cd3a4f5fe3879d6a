//! Text measured in columns of a terminal, and the few colours there are.

use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

/// U+FE0F makes some signs two columns wide, and terminals disagree about which: room is kept for the wider reading.
const WIDENER: char = '\u{FE0F}';

fn columns_of(c: char) -> usize {
    if c == WIDENER { 1 } else { c.width().unwrap_or(0) }
}

/// Columns this text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The longest beginning of at most `room` columns; a mark stays with the letter it combines with.
fn head(text: &str, room: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += columns_of(c);
        if used > room {
            return &text[..at];
        }
    }
    text
}

/// The longest end of at most `room` columns.
fn tail(text: &str, room: usize) -> &str {
    let mut used = 0;
    let mut from = text.len();
    for (at, c) in text.char_indices().rev() {
        used += columns_of(c);
        if used > room {
            break;
        }
        if columns_of(c) > 0 {
            from = at;
        }
    }
    &text[from..]
}

/// The text in at most `room` columns: what does not fit is `…` at its end.
pub(super) fn clip(text: &str, room: usize) -> String {
    match room {
        _ if width(text) <= room => text.to_owned(),
        0 => String::new(),
        _ => format!("{}…", head(text, room - 1)),
    }
}

/// The text in at most `room` columns: what does not fit is `…` in its middle, for the end of a URL tells more.
pub(super) fn clip_middle(text: &str, room: usize) -> String {
    if width(text) <= room || room < 3 {
        return clip(text, room);
    }
    let first = (room - 1) / 3;
    format!("{}…{}", head(text, first), tail(text, room - 1 - first))
}

/// The text in exactly `room` columns, cut or filled with blanks.
pub(super) fn fit(text: &str, room: usize) -> String {
    let mut text = clip(text, room);
    text.push_str(&" ".repeat(room.saturating_sub(width(&text))));
    text
}

/// A time to wait, in few columns: `8s`, `4:05`, `1:02:33`, `5d`; `--` when nobody knows.
pub(super) fn left(time: Option<Duration>) -> String {
    let Some(time) = time else {
        return "--".into();
    };
    let s = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    match (s / 86_400, s / 3600, s / 60 % 60, s % 60) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, s) => format!("{m}:{s:02}"),
        (..4, h, m, s) => format!("{h}:{m:02}:{s:02}"),
        (d @ ..10_000, ..) => format!("{d}d"),
        _ => "--".into(),
    }
}

pub(super) use crate::report::count;

/// What a piece of text means; the terminal's own palette says how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tint {
    Plain,
    Faint,
    Strong,
    Good,
    Bad,
    Bar,
}

impl Tint {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Faint => Some("2"),
            Self::Strong => Some("1"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Bar => Some("36"),
        }
    }
}

/// A line of tinted pieces. It is cut when it is shown, so that no piece has to know its neighbours' widths.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<(Tint, String)>);

impl Line {
    pub(super) fn with(mut self, tint: Tint, text: impl Into<String>) -> Self {
        self.0.push((tint, text.into()));
        self
    }

    pub(super) fn plain(self, text: impl Into<String>) -> Self {
        self.with(Tint::Plain, text)
    }

    /// The same line after a beginning that takes no colour.
    pub(super) fn after(mut self, text: impl Into<String>) -> Self {
        self.0.insert(0, (Tint::Plain, text.into()));
        self
    }

    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The line in at most `room` columns, with colours only if asked; no blanks at its end.
    pub(super) fn show(self, room: usize, colour: bool) -> String {
        let mut pieces = self.cut(room);
        while let Some((_, last)) = pieces.last_mut() {
            last.truncate(last.trim_end().len());
            if !last.is_empty() {
                break;
            }
            pieces.pop();
        }
        pieces
            .iter()
            .map(|(tint, text)| coloured(*tint, text, colour))
            .collect()
    }

    fn cut(self, room: usize) -> Vec<(Tint, String)> {
        if self.width() <= room {
            return self.0;
        }
        let mut free = room;
        let mut kept = Vec::new();
        for (tint, text) in self.0 {
            let needs = width(&text);
            // One column stays free for the sign that something is missing.
            if needs < free {
                free -= needs;
                kept.push((tint, text));
                continue;
            }
            let mark = if free > 0 { "…" } else { "" };
            kept.push((tint, format!("{}{mark}", head(&text, free.saturating_sub(1)))));
            break;
        }
        kept
    }
}

fn coloured(tint: Tint, text: &str, colour: bool) -> String {
    match tint.code() {
        Some(code) if colour && !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_and_not_by_characters() {
        for (text, room, shown) in [
            ("plain.bin", 9, "plain.bin"),
            ("plain.bin", 8, "plain.b…"),
            ("データセット.bin", 8, "データ…"),
            ("データセット.bin", 7, "データ…"),
            ("データ", 1, "…"),
            ("データ", 0, ""),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}e\u{301}"),
        ] {
            assert_eq!(clip(text, room), shown, "{text} in {room}");
            assert!(width(&clip(text, room)) <= room);
        }
    }

    #[test]
    fn the_end_of_a_url_stays_when_its_middle_goes() {
        let url = "http://example.org/a/b/c/missing.bin";
        assert_eq!(clip_middle(url, 36), url);
        assert_eq!(clip_middle(url, 24), "http://…/b/c/missing.bin");
        assert_eq!(clip_middle(url, 2), "h…");
        assert_eq!(clip_middle("ああああああ", 6), "…ああ");
    }

    #[test]
    fn waits_are_rounded_up_to_whole_seconds() {
        for (ms, shown) in [
            (0, "0s"),
            (1, "1s"),
            (8_000, "8s"),
            (59_001, "1:00"),
            (245_000, "4:05"),
            (3_753_000, "1:02:33"),
            (300_000_000, "83:20:00"),
            (432_000_000, "5d"),
        ] {
            assert_eq!(left(Some(Duration::from_millis(ms))), shown, "{ms}");
        }
        assert_eq!(left(None), "--");
        assert_eq!(left(Some(Duration::MAX)), "--");
    }

    #[test]
    fn a_line_is_cut_in_the_piece_that_does_not_fit() {
        let line = || Line::default().with(Tint::Bad, "failed").plain(" a.bin  404  ");
        for (room, shown) in [
            (20, "failed a.bin  404"),
            (12, "failed a.bi…"),
            (7, "failed…"),
            (6, "faile…"),
            (1, "…"),
            (0, ""),
        ] {
            assert_eq!(line().show(room, false), shown, "{room}");
        }
        assert_eq!(line().show(20, true), "\x1b[31mfailed\x1b[0m a.bin  404");
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(count(number), shown);
        }
    }
}
