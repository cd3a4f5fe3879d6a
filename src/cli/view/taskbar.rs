//! Progress in the terminal's tab or taskbar: `ESC ] 9 ; 4 ; state ; percent ESC \`, which `ConEmu` began with. Other
//! terminals show a desktop notification for what begins with `ESC ] 9 ;`, so it goes only to those that are known.

use super::snapshot::{Expected, Snapshot};

/// Takes it away again.
pub(super) const CLEAR: &str = "\x1b]9;4;0;\x1b\\";

/// What the tab shows, and what it showed last.
#[derive(Debug, Default)]
pub(super) struct Taskbar {
    shown: String,
}

impl Taskbar {
    /// What to send for this moment, if it is not shown already.
    pub(super) fn update(&mut self, now: &Snapshot) -> Option<&str> {
        let code = code(now);
        if code == self.shown {
            return None;
        }
        self.shown = code;
        Some(&self.shown)
    }
}

/// 1 is usual, 2 something failed, 3 nobody knows how far, 4 all wait.
fn code(now: &Snapshot) -> String {
    let state = match now {
        Snapshot { failed: 1.., .. } => 2,
        Snapshot {
            active: 0,
            waiting: 1..,
            ..
        } => 4,
        _ => 1,
    };
    match percent(now) {
        Some(percent) => format!("\x1b]9;4;{state};{percent}\x1b\\"),
        None => "\x1b]9;4;3;\x1b\\".into(),
    }
}

/// By bytes where they are known or can be guessed, else by files; of a list that is still read, nobody knows.
fn percent(now: &Snapshot) -> Option<u64> {
    let (part, whole) = match now.expected {
        _ if !now.complete => return None,
        Expected::Exactly(bytes) | Expected::About(bytes) if bytes > 0 => (now.received, bytes),
        _ => (now.done + now.failed, now.listed),
    };
    let percent = (u128::from(part) * 100).checked_div(u128::from(whole))?;
    u64::try_from(percent.min(100)).ok()
}

/// Does this terminal show it? What stands between it and the program may not pass it on.
pub(super) fn is_understood(var: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, value: &str| var(name).is_some_and(|found| found == value);
    let term = var("TERM").unwrap_or_default();
    if var("TMUX").is_some() || var("STY").is_some() || term.starts_with("screen") || term.starts_with("tmux") {
        return false;
    }
    let version = |name: &str| numbers(&var(name).unwrap_or_default());
    let program = |name: &str, since: &[u64]| is("TERM_PROGRAM", name) && version("TERM_PROGRAM_VERSION")[..] >= *since;
    var("WT_SESSION").is_some_and(|session| !session.is_empty())
        || is("ConEmuANSI", "ON")
        || program("ghostty", &[1, 2])
        || program("WezTerm", &[20_250_201])
        || program("iTerm.app", &[3, 6, 6])
        || version("KONSOLE_VERSION") >= vec![260_400]
        || version("PTYXIS_VERSION") >= vec![48]
}

/// The numbers of a version, up to what is none.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(['.', '-', '+']);
    parts.map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::fixture::{Run, failed, status};
    use crate::event::Event;

    #[test]
    fn only_terminals_that_show_it_get_it() {
        for (vars, is_shown) in [
            (&[][..], false),
            (&[("TERM", "xterm-256color")], false),
            (&[("WT_SESSION", "c0ffee")], true),
            (&[("WT_SESSION", "")], false),
            (&[("ConEmuANSI", "ON")], true),
            (&[("ConEmuANSI", "OFF")], false),
            (&[("TERM_PROGRAM", "ghostty"), ("TERM_PROGRAM_VERSION", "1.2.0")], true),
            (&[("TERM_PROGRAM", "ghostty"), ("TERM_PROGRAM_VERSION", "1.1.3")], false),
            (
                &[
                    ("TERM_PROGRAM", "WezTerm"),
                    ("TERM_PROGRAM_VERSION", "20240203-110809-5046fc22"),
                ],
                false,
            ),
            (
                &[
                    ("TERM_PROGRAM", "WezTerm"),
                    ("TERM_PROGRAM_VERSION", "20260117-154428-05343b38"),
                ],
                true,
            ),
            (
                &[("TERM_PROGRAM", "iTerm.app"), ("TERM_PROGRAM_VERSION", "3.6.6")],
                true,
            ),
            (
                &[("TERM_PROGRAM", "iTerm.app"), ("TERM_PROGRAM_VERSION", "3.5.14")],
                false,
            ),
            (
                &[("TERM_PROGRAM", "Apple_Terminal"), ("TERM_PROGRAM_VERSION", "455")],
                false,
            ),
            (&[("KONSOLE_VERSION", "260401")], true),
            (&[("KONSOLE_VERSION", "251203")], false),
            (&[("PTYXIS_VERSION", "48.1")], true),
            (&[("WT_SESSION", "x"), ("TMUX", "/tmp/x")], false),
            (&[("WT_SESSION", "x"), ("TERM", "screen-256color")], false),
            (&[("KONSOLE_VERSION", "260401"), ("STY", "1.x")], false),
        ] {
            let var = |name: &str| {
                let found = vars.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(is_understood(var), is_shown, "{vars:?}");
        }
    }

    #[test]
    fn the_tab_shows_how_far_the_run_is_and_is_told_only_of_changes() {
        let mut run = Run::new();
        let mut taskbar = Taskbar::default();
        let mut sent = |run: &Run| taskbar.update(&run.snapshot()).map(|code| code.replace('\x1b', "^"));
        run.listed(2, false);
        let meter = run.start(1, "a.bin", Some(2_000_000));
        assert_eq!(sent(&run).as_deref(), Some("^]9;4;3;^\\"));
        run.listed(2, true);
        run.pass(1, &[(&meter, 1_000_000)]);
        // The other one is taken for as large.
        assert_eq!(sent(&run).as_deref(), Some("^]9;4;1;25^\\"));
        assert_eq!(sent(&run), None);
        run.tell(Event::Finished(failed(2, "b.bin", 1, status(404))));
        run.pass(1, &[]);
        assert_eq!(sent(&run).as_deref(), Some("^]9;4;2;50^\\"));
    }
}
