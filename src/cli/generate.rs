//! `--generate`: the man page, and completions for shells, both made from the options themselves.

mod man;

use clap::{Arg, Command, ValueEnum};
use clap_complete::{Shell, generate};

use super::args::Args;

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Man,
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Elvish,
}

/// The whole text.
pub(super) fn text(kind: Kind) -> Vec<u8> {
    let shell = match kind {
        Kind::Man => return man::page(&shown()),
        Kind::Bash => Shell::Bash,
        Kind::Zsh => Shell::Zsh,
        Kind::Fish => Shell::Fish,
        Kind::PowerShell => Shell::PowerShell,
        Kind::Elvish => Shell::Elvish,
    };
    let mut text = Vec::new();
    generate(shell, &mut shown().mut_args(simply_valued), "haul", &mut text);
    if shell == Shell::Bash {
        without_options_for_files(&text)
    } else {
        text
    }
}

/// Where a source may stand, the script for bash offers options. Without an offer bash itself completes files, and
/// it has to be told where only folders will do.
fn without_options_for_files(script: &[u8]) -> Vec<u8> {
    const OFFER: &str = "            esac\n            COMPREPLY=( $(compgen -W \"${opts}\" -- \"${cur}\") )\n";
    let script = String::from_utf8_lossy(script);
    let script = script.replace(" || ${COMP_CWORD} -eq 1 ]]", " ]]");
    let script = script.replace("compopt -o plusdirs", "compopt -o dirnames +o default +o bashdefault");
    script.replace(OFFER, "            esac\n").into_bytes()
}

/// The command without what is only there for those who come from elsewhere: shells would offer it.
fn shown() -> Command {
    let described = Args::described();
    let about = described.get_about().cloned().unwrap_or_default();
    let usage = described.get_overridden_usage().cloned().unwrap_or_default();
    let shown = described.get_arguments().filter(|arg| !arg.is_hide_set()).cloned();
    Command::new("haul")
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .override_usage(usage)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(shown)
}

/// zsh takes a colon or a quote in the name of a value for its own.
fn simply_valued(arg: Arg) -> Arg {
    let names = arg.get_value_names().unwrap_or_default();
    let is_simple = names.iter().all(|name| !name.contains([':', '\'']));
    if is_simple { arg } else { arg.value_name("VALUE") }
}
