//! The command line as a report may show it.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::tame::{HIDDEN, redact_line};

/// What was said on the command line, every option by its long name. What the help hides of an option's variable is a
/// secret here, too; URLs are shown as everywhere.
pub(super) fn shown(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let is_said = |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let options = command.get_arguments().filter(|arg| !arg.is_positional());
    let sources = command.get_arguments().filter(|arg| arg.is_positional());
    let said = options
        .chain(sources)
        .filter(is_said)
        .flat_map(|arg| said(arg, matches));
    std::iter::once(command.get_name().to_owned()).chain(said).collect()
}

fn said(arg: &Arg, matches: &ArgMatches) -> Vec<String> {
    let name = arg.get_long().map(|long| format!("--{long}"));
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return name.into_iter().collect();
    }
    let is_secret = arg.is_hide_env_values_set();
    let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    let values = raw.map(|value| match value.to_string_lossy() {
        _ if is_secret => HIDDEN.to_string(),
        value => redact_line(&value),
    });
    match name {
        None => values.collect(),
        Some(name) => {
            let joined = |value: String| match &*value {
                "" => name.clone(),
                value => format!("{name}={value}"),
            };
            values.map(joined).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Args;
    use super::*;

    #[test]
    fn the_command_is_told_without_its_secrets() {
        for (words, expected) in [
            ("haul", "haul"),
            ("haul -qj4 urls.txt -", "haul --jobs=4 --quiet urls.txt -"),
            ("haul -qj4 -q -j8 -j2 a", "haul --jobs=2 --quiet a"),
            ("haul --compare a", "haul --compare a"),
            ("haul --compare=1,4 a", "haul --compare=1,4 a"),
            (
                "haul -ume:s3cret -HX-Key:s3cret -xhttp://u:s3cret@p -k http://u:s3cret@h/a?sig=s3cret",
                "haul --header=… --user=… --proxy=… --insecure http://…@h/a?sig=…",
            ),
        ] {
            let matches = Args::described().try_get_matches_from(words.split(' ')).unwrap();
            assert_eq!(shown(&Args::described(), &matches).join(" "), expected);
        }
    }
}
