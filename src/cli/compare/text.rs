//! Times, words and colours of a comparison.

use std::time::Duration;

pub(super) use crate::report::in_seconds as time;

/// The spread of times, which needs no third digit.
pub(super) fn short(time: Duration) -> String {
    let s = time.as_secs_f64();
    match s {
        _ if s < 0.0995 => format!("{:.0} ms", s * 1000.0),
        _ if s < 0.995 => format!("{s:.2} s"),
        _ => format!("{s:.1} s"),
    }
}

pub(super) fn counted(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// The words of a text in lines of at most so many columns; only a word that is wider stands out.
pub(crate) fn wrap(text: &str, columns: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stay_in_seconds() {
        for (ms, shown) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_510, "1.51 s"),
            (12_340, "12.3 s"),
            (76_400, "76.4 s"),
            (3_600_000, "3600 s"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), shown, "{ms}");
        }
    }

    #[test]
    fn words_are_put_into_lines() {
        for (text, columns, lines) in [
            ("", 10, ""),
            ("one two three", 13, "one two three"),
            ("one two three", 12, "one two\nthree"),
            ("one two three", 3, "one\ntwo\nthree"),
        ] {
            assert_eq!(wrap(text, columns), lines);
        }
    }
}
