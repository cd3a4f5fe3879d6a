//! Bars or lines, colour or none: decided once, from what was asked and what stderr is.

use super::Progress;

/// What `--progress` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ProgressChoice {
    /// Bars on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Bars, where the terminal can show them.
    Bars,
    /// A line from time to time.
    Plain,
    /// Nothing until the summary, but for failures.
    None,
}

/// What `--color` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What stderr is, and what the environment says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// stderr is a terminal.
    pub(crate) terminal: bool,
    /// Events are written to a terminal: mostly the same one, where they and a block would run into each other.
    pub(crate) events: bool,
    /// `TERM`
    pub(crate) term: Option<String>,
    /// `NO_COLOR`
    pub(crate) no_color: Option<String>,
    /// `CLICOLOR_FORCE`
    pub(crate) clicolor_force: Option<String>,
}

impl Surroundings {
    /// Those of this process. `json`: events go to its standard output.
    pub(crate) fn here(json: bool) -> Self {
        use std::io::IsTerminal as _;
        let var = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            terminal: std::io::stderr().is_terminal(),
            events: json && std::io::stdout().is_terminal(),
            term: var("TERM"),
            no_color: var("NO_COLOR"),
            clicolor_force: var("CLICOLOR_FORCE"),
        }
    }

    /// A terminal that can move its cursor.
    fn is_able(&self) -> bool {
        let dumb = self
            .term
            .as_deref()
            .is_none_or(|term| term.is_empty() || term == "dumb");
        self.terminal && !dumb
    }
}

/// How to show a run, and whether in colour. Bars need a terminal that can move its cursor and is theirs alone, whatever
/// was asked.
pub(crate) fn choose(progress: ProgressChoice, color: ColorChoice, around: &Surroundings) -> (Progress, bool) {
    let progress = match progress {
        ProgressChoice::None => Progress::None,
        ProgressChoice::Auto | ProgressChoice::Bars if around.is_able() && !around.events => Progress::Bars,
        _ => Progress::Plain,
    };
    (progress, colour(color, around))
}

fn colour(asked: ColorChoice, around: &Surroundings) -> bool {
    let set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let forced = set(&around.clicolor_force) && around.clicolor_force.as_deref() != Some("0");
    match asked {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => !set(&around.no_color) && (forced || around.is_able()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(terminal: bool, term: &str, no_color: Option<&str>, force: Option<&str>) -> Surroundings {
        Surroundings {
            terminal,
            events: false,
            term: Some(term.into()).filter(|term: &String| !term.is_empty()),
            no_color: no_color.map(Into::into),
            clicolor_force: force.map(Into::into),
        }
    }

    #[test]
    fn bars_need_a_terminal_that_moves_its_cursor() {
        use ProgressChoice as Asked;
        for (asked, terminal, term, shown) in [
            (Asked::Auto, true, "xterm-256color", Progress::Bars),
            (Asked::Auto, true, "dumb", Progress::Plain),
            (Asked::Auto, true, "", Progress::Plain),
            (Asked::Auto, false, "xterm", Progress::Plain),
            (Asked::Bars, true, "xterm", Progress::Bars),
            (Asked::Bars, false, "xterm", Progress::Plain),
            (Asked::Bars, true, "dumb", Progress::Plain),
            (Asked::Plain, true, "xterm", Progress::Plain),
            (Asked::None, true, "xterm", Progress::None),
            (Asked::None, false, "dumb", Progress::None),
        ] {
            let (progress, _) = choose(asked, ColorChoice::Auto, &around(terminal, term, None, None));
            assert_eq!(progress, shown, "{asked:?} {terminal} {term}");
        }
    }

    #[test]
    fn where_events_are_written_there_are_no_bars() {
        use ProgressChoice as Asked;
        for (asked, shown) in [
            (Asked::Auto, Progress::Plain),
            (Asked::Bars, Progress::Plain),
            (Asked::None, Progress::None),
        ] {
            let around = Surroundings {
                events: true,
                ..around(true, "xterm", None, None)
            };
            assert_eq!(choose(asked, ColorChoice::Auto, &around), (shown, true), "{asked:?}");
        }
    }

    #[test]
    fn colour_follows_the_option_then_the_environment_then_the_terminal() {
        use ColorChoice as Asked;
        for (asked, terminal, term, no_color, force, shown) in [
            (Asked::Auto, true, "xterm", None, None, true),
            (Asked::Auto, true, "xterm", Some(""), None, true),
            (Asked::Auto, true, "xterm", Some("1"), None, false),
            (Asked::Auto, true, "xterm", Some("0"), None, false),
            (Asked::Auto, true, "dumb", None, None, false),
            (Asked::Auto, false, "xterm", None, None, false),
            (Asked::Auto, false, "xterm", None, Some("1"), true),
            (Asked::Auto, false, "dumb", None, Some("1"), true),
            (Asked::Auto, false, "xterm", None, Some("0"), false),
            (Asked::Auto, true, "xterm", None, Some("0"), true),
            (Asked::Auto, true, "xterm", Some("1"), Some("1"), false),
            (Asked::Always, false, "dumb", Some("1"), None, true),
            (Asked::Never, true, "xterm", None, Some("1"), false),
        ] {
            let here = around(terminal, term, no_color, force);
            let (_, colour) = choose(ProgressChoice::Auto, asked, &here);
            assert_eq!(colour, shown, "{asked:?} {here:?}");
        }
    }
}
