//! From words and variables to [`Args`].

use std::ffi::{OsStr, OsString};

use clap::builder::{BoolishValueParser, Resettable, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, Error, FromArgMatches as _};

use super::{Args, How, command, foreign};
use crate::tame::{HIDDEN, redact_line};

impl Args {
    /// The command line as clap sees it. Each option's variable follows from its name, and its value may be a secret:
    /// the help gives the rule instead. A flag's variable is 1 or 0, true or false, yes or no, on or off.
    pub(crate) fn described() -> Command {
        Self::command().mut_args(|arg| match arg.get_action() {
            ArgAction::SetTrue => arg.hide_env(true).value_parser(BoolishValueParser::new()),
            _ => arg.hide_env(true),
        })
    }

    /// Reads the arguments of the process, and its environment.
    pub(crate) fn read() -> Result<Self, Error> {
        let words: Vec<_> = std::env::args_os().collect();
        let says_nothing = |arg: &Arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            value.is_some_and(|value| is_as_unset(arg, &value))
        };
        let command = without_beaten(Self::described(), &words).mut_args(|arg| without_env_if(arg, says_nothing));
        let matches = understood(agreed(command, &words), &words)?;
        Ok(Self {
            command: command::shown(&Self::described(), &matches),
            ..Self::from_arg_matches(&matches)?
        })
    }
}

/// What was said, or what is wrong with it in words that help.
pub(super) fn understood(command: Command, words: &[OsString]) -> Result<ArgMatches, Error> {
    let matches = match foreign_word(&command, words) {
        Some(error) => Err(error),
        None => command.try_get_matches_from(words),
    };
    matches.map_err(|error| with_name_of_variable(with_advice(error, words), words))
}

/// A variable that is empty is as one that is not set; so is a flag's that says no, which contradicts nothing.
fn is_as_unset(arg: &Arg, value: &OsStr) -> bool {
    let says_no = || BoolishValueParser::new().parse_ref(&Command::default(), None, value);
    let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
    value.is_empty() || (is_flag && matches!(says_no(), Ok(false)))
}

fn without_env_if(arg: Arg, is_to_go: impl Fn(&Arg) -> bool) -> Arg {
    if is_to_go(&arg) { arg.env(None::<&str>) } else { arg }
}

/// The command line comes first: a variable that contradicts it is not read, where two options would be an error.
fn without_beaten(command: Command, words: &[OsString]) -> Command {
    let bare = command.clone().mut_args(|arg| arg.env(None::<&str>));
    let Ok(said) = bare.clone().ignore_errors(true).try_get_matches_from(words) else {
        return command;
    };
    let is_said = |arg: &&Arg| said.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let said: Vec<_> = bare.get_arguments().filter(is_said).collect();
    let is_beaten = |arg: &Arg| {
        let against = |other: &&Arg| {
            bare.get_arg_conflicts_with(other).contains(&arg) || bare.get_arg_conflicts_with(arg).contains(other)
        };
        said.iter().any(against)
    };
    command.mut_args(|arg| if is_beaten(&arg) { arg.env(None::<&str>) } else { arg })
}

/// `--force` and `--existing overwrite` say the same, and contradict each other no more than either does itself.
fn agreed(command: Command, words: &[OsString]) -> Command {
    let said = command.clone().ignore_errors(true).try_get_matches_from(words);
    let how = said
        .ok()
        .and_then(|said| said.try_get_one::<How>("existing").ok().flatten().copied());
    if how == Some(How::Overwrite) {
        command.mut_arg("force", |force| force.conflicts_with(Resettable::Reset))
    } else {
        command
    }
}

/// An option of another program that would be understood here, letter by letter, as something else.
fn foreign_word(command: &Command, words: &[OsString]) -> Option<Error> {
    let mut options = words.iter().take_while(|word| *word != "--");
    let word = options.find_map(|word| word.to_str().filter(|word| foreign::in_one_word(word).is_some()))?;
    let mut error = Error::new(ErrorKind::UnknownArgument).with_cmd(command);
    error.insert(ContextKind::InvalidArg, ContextValue::String(word.to_owned()));
    let usage = command.clone().render_usage();
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    Some(error)
}

/// Of a value that is no text, clap does not tell where it stands. On the command line it is seen.
fn with_name_of_variable(error: Error, words: &[OsString]) -> Error {
    if error.kind() != ErrorKind::InvalidUtf8 || words.iter().any(|word| word.to_str().is_none()) {
        return error;
    }
    let mut command = Args::described();
    let is_no_text = |name: &&OsStr| std::env::var_os(name).is_some_and(|value| value.to_str().is_none());
    let name = command.get_arguments().filter_map(Arg::get_env).find(is_no_text);
    match name.map(|name| format!("the variable {} is not UTF-8", name.display())) {
        Some(why) => command.error(ErrorKind::InvalidUtf8, why),
        None => error,
    }
}

/// The variable whose value is wrong, when that of no option is.
fn variable_of(error: &Error, words: &[OsString]) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let wrong = |error: &Error| error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let bare = Args::described().mut_args(|arg| arg.env(None::<&str>));
    let typed = bare.try_get_matches_from(words).err().and_then(|error| wrong(&error));
    let shown = wrong(error).filter(|shown| typed.as_ref() != Some(shown))?;
    let name = shown.split([' ', '[']).next()?.strip_prefix("--")?;
    let command = Args::described();
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(name))?;
    Some(arg.get_env()?.to_string_lossy().into_owned())
}

/// What helps who typed that, in the place of clap's guesses.
fn with_advice(mut error: Error, words: &[OsString]) -> Error {
    hide_secrets(&mut error);
    if error.kind() == ErrorKind::UnknownArgument {
        // Who types an option means no file of that name.
        error.remove(ContextKind::Suggested);
    }
    let advice = match (said(&error, ContextKind::InvalidArg), variable_of(&error, words)) {
        (_, Some(variable)) => Some(format!("the value is that of the variable {variable}")),
        (Some(unknown), None) if error.kind() == ErrorKind::UnknownArgument => {
            let near = said(&error, ContextKind::SuggestedArg).is_some_and(|own| is_near(&unknown, &own));
            let advice = foreign::advice(&unknown);
            if advice.is_some() || !near {
                error.remove(ContextKind::SuggestedArg);
            }
            advice.map(ToOwned::to_owned)
        }
        (Some(option), None) if is_silent(&error, &option) => Some(foreign::SILENT.to_owned()),
        _ => None,
    };
    if let Some(advice) = advice {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![advice.into()]));
    }
    error
}

fn said(error: &Error, what: ContextKind) -> Option<String> {
    match error.get(what) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// What is no header field or has no colon may still be a password, and a URL may hold one.
fn hide_secrets(error: &mut Error) {
    let is_secret = |option: &str| ["--header", "--user", "--cookies", "--proxy"].contains(&option);
    let option = said(error, ContextKind::InvalidArg).unwrap_or_default();
    if let Some(value) = said(error, ContextKind::InvalidValue) {
        let shown = match option.split(' ').next() {
            Some(option) if is_secret(option) => HIDDEN.to_string(),
            _ => redact_line(&value),
        };
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
}

/// May that be a slip of the hand, or the beginning of the word?
fn is_near(typed: &str, own: &str) -> bool {
    own.starts_with(typed) || strsim::damerau_levenshtein(typed, own) <= 2
}

/// Is it the `-s` of curl, which takes no value there?
fn is_silent(error: &Error, option: &str) -> bool {
    let value = said(error, ContextKind::InvalidValue).unwrap_or_default();
    let is_wrong = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    is_wrong && option.starts_with("--split") && !value.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_guessed_and_nothing_else() {
        for (typed, own) in [
            ("--retires", Some("--retries")),
            ("--per-hosts", Some("--per-host")),
            ("--content-disp", Some("--content-disposition")),
            ("--output-fil", None),
            ("--compressd", None),
            ("--failing", None),
        ] {
            let words = ["haul", typed, "x"].map(OsString::from);
            let error = understood(Args::described(), &words).unwrap_err();
            assert_eq!(said(&error, ContextKind::SuggestedArg).as_deref(), own, "{typed}");
        }
    }

    #[test]
    fn a_variable_that_the_command_line_contradicts_is_not_read() {
        for (line, id, is_read) in [
            ("haul -v x", "quiet", false),
            ("haul -q x", "verbose", false),
            ("haul -q x", "force", true),
            ("haul --force x", "existing", false),
            ("haul --existing skip x", "force", false),
            ("haul x", "quiet", true),
        ] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            let command = without_beaten(Args::described(), &words);
            let arg = command.get_arguments().find(|arg| arg.get_id() == id);
            assert_eq!(arg.unwrap().get_env().is_some(), is_read, "{line}: {id}");
        }
    }

    #[test]
    fn what_says_the_same_twice_contradicts_nothing() {
        for (line, is_fine) in [
            ("haul -f --existing overwrite x", true),
            ("haul --existing skip --existing overwrite -f x", true),
            ("haul -f --existing skip x", false),
            ("haul -f --existing overwrite --existing skip x", false),
            ("haul -q -v x", false),
        ] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            let command = agreed(Args::described(), &words);
            assert_eq!(command.try_get_matches_from(&words).is_ok(), is_fine, "{line}");
        }
    }

    #[test]
    fn a_word_that_is_an_option_elsewhere_is_not_read_as_letters() {
        for (line, found) in [
            ("haul -nv x", true),
            ("haul -nc x", true),
            ("haul -nd x", true),
            ("haul -nH x", true),
            ("haul x -k1M", true),
            ("haul -k x", false),
            ("haul x -d y -nv", true),
            ("haul -n -v x", false),
            ("haul -vn x", false),
            ("haul -- -nv", false),
        ] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            assert_eq!(foreign_word(&Args::described(), &words).is_some(), found, "{line}");
        }
    }
}
