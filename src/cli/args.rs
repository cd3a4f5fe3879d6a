//! What the user may say; [`meaning`] is what it means to the engine.

mod command;
mod foreign;
mod meaning;
mod read;
mod values;

use std::ffi::OsString;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PathBufValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser, ValueEnum, ValueHint};
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

pub(crate) use self::meaning::{place, places};
use super::failed::lines_of_text;
use super::generate::Kind;
use super::report::Wanted;
use super::shard::Share;
use super::view::{ColorChoice, ProgressChoice};
use crate::checksum::{Checksum, Checksums};
use crate::cookies::Cookies;
use crate::settings::{Credentials, Split};
use values::{
    at_least_one, checksum, checksums, cookies, credentials, field, levels, number, proxy, rate, size, speed, split,
    time, value,
};

const ABOUT: &str = "Downloads lists of URLs, many at a time: every byte right, every failure named";

// Lines that a person copies are short enough for 80 columns; the rest is folded by clap.
pub(crate) const AFTER: &str = "\
Examples:
  haul urls.txt                     every URL of the list, 16 at a time, to here
  haul -d data -j 32 urls.txt       32 at a time, into data/
  producer | haul -d data           starts with the first line of the pipe
  haul https://example.org/a.iso    a single URL does, too
  haul --failed again.txt urls.txt  what failed, as a list to run again
  haul --compare=1,4,16 urls.txt    the same list at three levels, timed
  haul --demo                       see it at work, without a network

Lists:
  A line is a URL, a URL and the path to save it under, or a checksum and a URL;
  also what aria2c -i reads, JSON objects, and Google's transfer lists. *.csv
  and *.tsv are tables. gzip, zstd, xz and bzip2 are unpacked. # is a comment.
  The same command again fetches only what is missing; with -f or --existing
  rename or fail, the list of --failed does.

A file that is already there (--existing):
  check      haul's own, or of the server's size: done; else the entry fails
  skip       done, without asking
  update     fetched when the server has a newer one
  overwrite  replaced once the new one is whole
  rename     the new one takes a free name
  fail       the entry fails

Values:
  SIZE is 500, 10K, 1.5M or 2G; 1K is 1024 bytes.
  TIME is 30, 30s, 2m or 500ms; a number alone is seconds.
  Every long option is also a variable: HAUL_RETRY_MAX_WAIT=5m, HAUL_QUIET=1.
  The command line comes first.

Exit status:
  0    every entry has its file
  1    an entry failed
  2    wrong usage; nothing was requested
  129  stopped by SIGHUP (the terminal is gone); what came is kept
  130  stopped by SIGINT (Ctrl-C); what came is kept
  141  nobody reads the output of --json any more; what came is kept
  143  stopped by SIGTERM; what came is kept";

/// The command line.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a flag is a bool to clap; the settings have enums"
)]
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, after_help = AFTER, max_term_width = 100)]
#[command(disable_help_flag = true, disable_version_flag = true, args_override_self = true)]
#[command(override_usage = "haul [OPTIONS] [SOURCE]...\n       producer | haul [OPTIONS]")]
pub(crate) struct Args {
    /// A URL, a list file, or - for standard input; several are read as one list
    #[arg(value_name = "SOURCE", conflicts_with = "demo", value_hint = ValueHint::FilePath)]
    pub(crate) sources: Vec<OsString>,

    /// One more list file; what aria2c, wget and wget2 call it
    #[arg(short, long, value_name = "LIST", env = "HAUL_INPUT_FILE", hide = true, conflicts_with = "demo", value_hint = ValueHint::FilePath)]
    pub(crate) input_file: Vec<OsString>,

    /// Files go here; created when missing [default: .]
    #[arg(short, long, value_name = "DIR", env = "HAUL_DIR", value_hint = ValueHint::DirPath, help_heading = "Where")]
    pub(crate) dir: Option<PathBuf>,

    /// Of a single URL: the file goes to this path below DIR; - is standard output
    #[arg(short, long, value_name = "PATH", env = "HAUL_OUTPUT", value_hint = ValueHint::FilePath, help_heading = "Where", conflicts_with_all = ["compare", "demo", "content_disposition"])]
    pub(crate) output: Option<Output>,

    /// The server names the file (Content-Disposition), where it does
    #[arg(short = 'J', long, env = "HAUL_CONTENT_DISPOSITION", help_heading = "Where")]
    pub(crate) content_disposition: bool,

    /// Folders below DIR: flat is none, path those of the URL, host its host and those
    #[arg(
        long,
        value_name = "HOW",
        env = "HAUL_LAYOUT",
        default_value = "flat",
        hide_possible_values = true,
        help_heading = "Where"
    )]
    pub(crate) layout: LayoutChoice,

    /// When a file is already there: check its size, skip, update, overwrite, rename or fail; see below
    #[arg(
        long,
        value_name = "HOW",
        env = "HAUL_EXISTING",
        default_value = "check",
        hide_possible_values = true,
        help_heading = "Where"
    )]
    pub(crate) existing: How,

    /// Of a list: auto, text, csv, tsv, jsonl, gcs or curl; auto knows all but curl by itself
    #[arg(
        long,
        value_name = "FORMAT",
        env = "HAUL_FORMAT",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Where"
    )]
    pub(crate) format: FormatChoice,

    /// Short for --existing overwrite
    #[arg(short, long, env = "HAUL_FORCE", help_heading = "Where", conflicts_with = "existing")]
    pub(crate) force: bool,

    /// Connections at once; 1 is one after the other, in list order
    #[arg(short, long, value_name = "N", env = "HAUL_JOBS", default_value = "16", value_parser = at_least_one, help_heading = "How many")]
    pub(crate) jobs: NonZeroUsize,

    /// Connections at once to one server [default: as many as jobs]
    #[arg(long, value_name = "N", env = "HAUL_PER_HOST", value_parser = at_least_one, help_heading = "How many")]
    pub(crate) per_host: Option<NonZeroUsize>,

    /// Connections for one large file; auto is those that the list does not need
    #[arg(short, long, value_name = "N", env = "HAUL_SPLIT", default_value = "auto", value_parser = split, help_heading = "How many")]
    pub(crate) split: Split,

    /// Only share I (from 0) of N of the list; auto asks the environment of Slurm, AWS Batch, Cloud Run or GitLab, auto/N also that of Kubernetes
    #[arg(long, value_name = "I/N", env = "HAUL_SHARD", value_parser = Share::parse, help_heading = "How many", conflicts_with_all = ["demo", "output", "content_disposition"])]
    pub(crate) shard: Option<Share>,

    /// Requests that begin in a time, of the whole run: 5/s, 100/m or 1000/h
    #[arg(long, value_name = "N/UNIT", env = "HAUL_RATE", value_parser = rate, help_heading = "How many")]
    pub(crate) rate: Option<Apart>,

    /// Bytes a second, of the whole run
    #[arg(long, value_name = "SIZE", env = "HAUL_LIMIT_RATE", value_parser = speed, help_heading = "How many")]
    pub(crate) limit_rate: Option<NonZeroU64>,

    /// Tries after the first
    #[arg(
        long,
        value_name = "N",
        env = "HAUL_RETRIES",
        value_parser = number::<u32>,
        default_value = "5",
        help_heading = "Trying"
    )]
    pub(crate) retries: u32,

    /// Wait no longer than this between tries; a server that asks for more fails the entry
    #[arg(long, value_name = "TIME", env = "HAUL_RETRY_MAX_WAIT", default_value = "60s", value_parser = time, help_heading = "Trying")]
    pub(crate) retry_max_wait: Duration,

    /// Be connected by then: name lookup, TCP and TLS
    #[arg(long, value_name = "TIME", env = "HAUL_CONNECT_TIMEOUT", default_value = "10s", value_parser = time, help_heading = "Trying")]
    pub(crate) connect_timeout: Duration,

    /// No answer, or no byte of it, for this long: try again from there
    #[arg(long, value_name = "TIME", env = "HAUL_TIMEOUT", default_value = "30s", value_parser = time, help_heading = "Trying")]
    pub(crate) timeout: Duration,

    /// Fewer bytes a second than this, for as long as --timeout: try again from there
    #[arg(long, value_name = "SIZE", env = "HAUL_MIN_SPEED", value_parser = speed, help_heading = "Trying")]
    pub(crate) min_speed: Option<NonZeroU64>,

    /// Stop at the first entry that fails; what is under way is kept for the next run
    #[arg(long, env = "HAUL_FAIL_FAST", help_heading = "Trying")]
    pub(crate) fail_fast: bool,

    /// Refuse plain http, on redirects too
    #[arg(long, env = "HAUL_HTTPS_ONLY", help_heading = "Limits")]
    pub(crate) https_only: bool,

    /// Refuse private, loopback, link-local and other addresses that are not public, on redirects too
    #[arg(long, env = "HAUL_PUBLIC_ONLY", help_heading = "Limits")]
    pub(crate) public_only: bool,

    /// Fetch no file that is larger
    #[arg(long, value_name = "SIZE", env = "HAUL_MAX_SIZE", value_parser = size, help_heading = "Limits")]
    pub(crate) max_size: Option<u64>,

    /// Of a single URL: md5, sha1, sha256, sha512 or blake3, and the digits
    #[arg(long, value_name = "ALGO:HEX", env = "HAUL_CHECKSUM", value_parser = checksum, help_heading = "Integrity")]
    pub(crate) checksum: Option<Checksum>,

    /// Checksums by file name, as sha256sum and its kin write them; with -J, by the name that the file gets
    #[arg(long, value_name = "FILE", env = "HAUL_CHECKSUMS", value_parser = OsStringValueParser::new().try_map(|path| checksums(&path)), value_hint = ValueHint::FilePath, help_heading = "Integrity")]
    pub(crate) checksums: Option<Checksums>,

    /// A file counts as done only when the disk has it
    #[arg(long, env = "HAUL_FSYNC", help_heading = "Integrity")]
    pub(crate) fsync: bool,

    /// A header field for every request; repeatable. A redirect to another server does not take it along
    #[arg(short = 'H', long = "header", value_name = "'NAME: VALUE'", env = "HAUL_HEADER", hide_env_values = true, value_delimiter = '\n', value_parser = field, help_heading = "Request")]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,

    /// The User-Agent field [default: haul/VERSION]
    #[arg(short = 'A', long, value_name = "NAME", env = "HAUL_USER_AGENT", value_parser = value, help_heading = "Request")]
    pub(crate) user_agent: Option<HeaderValue>,

    /// Basic credentials for the servers of the list; a redirect to another does not take them along
    #[arg(short, long, value_name = "USER:PASSWORD", env = "HAUL_USER", hide_env_values = true, value_parser = credentials, help_heading = "Request")]
    pub(crate) user: Option<Credentials>,

    /// Leave the file of the variable NETRC, or ~/.netrc, alone
    #[arg(long, env = "HAUL_NO_NETRC", help_heading = "Request")]
    pub(crate) no_netrc: bool,

    /// A cookies.txt, in the form that browsers and curl write; each cookie goes to its own hosts alone
    #[arg(short = 'b', long, value_name = "FILE", env = "HAUL_COOKIES", value_parser = OsStringValueParser::new().try_map(|path| cookies(&path)), value_hint = ValueHint::FilePath, help_heading = "Request")]
    pub(crate) cookies: Option<Cookies>,

    /// Ask through this proxy: http, https, socks5 or socks5h; USER:PASSWORD@ before its host
    #[arg(short = 'x', long, value_name = "URL", env = "HAUL_PROXY", hide_env_values = true, value_parser = proxy, value_hint = ValueHint::Url, help_heading = "Request")]
    pub(crate) proxy: Option<Url>,

    /// Connect to this Unix socket, whatever host a URL names
    #[arg(long, value_name = "PATH", env = "HAUL_UNIX_SOCKET", value_hint = ValueHint::FilePath, conflicts_with_all = ["proxy", "public_only"], help_heading = "Request")]
    pub(crate) unix_socket: Option<PathBuf>,

    /// Believe any certificate; whoever is on the way can then read and change everything
    #[arg(
        short = 'k',
        long,
        env = "HAUL_INSECURE",
        help_heading = "Request",
        conflicts_with = "ca_cert"
    )]
    pub(crate) insecure: bool,

    /// Believe the certificates of this PEM file, too
    #[arg(long, value_name = "FILE", env = "HAUL_CA_CERT", value_hint = ValueHint::FilePath, help_heading = "Request")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Show the certificate of this PEM file to servers of the list that ask for one
    #[arg(long, value_name = "FILE", env = "HAUL_CERT", value_hint = ValueHint::FilePath, help_heading = "Request")]
    pub(crate) cert: Option<PathBuf>,

    /// Its private key, if that is in another PEM file
    #[arg(long, value_name = "FILE", env = "HAUL_KEY", value_hint = ValueHint::FilePath, help_heading = "Request", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Nothing but failures
    #[arg(
        short,
        long,
        env = "HAUL_QUIET",
        help_heading = "Telling",
        conflicts_with = "verbose"
    )]
    pub(crate) quiet: bool,

    /// Name finished files, retries and waits, too
    #[arg(short, long, env = "HAUL_VERBOSE", help_heading = "Telling")]
    pub(crate) verbose: bool,

    /// bars, plain (a line from time to time) or none; auto is bars on a terminal, else plain
    #[arg(
        long,
        value_name = "HOW",
        env = "HAUL_PROGRESS",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Telling"
    )]
    pub(crate) progress: ProgressChoice,

    /// always or never; auto is on a terminal without `NO_COLOR`
    #[arg(
        long,
        value_name = "WHEN",
        env = "HAUL_COLOR",
        default_value = "auto",
        hide_possible_values = true,
        help = "always or never; auto is on a terminal without NO_COLOR",
        help_heading = "Telling"
    )]
    pub(crate) color: ColorChoice,

    /// Events as JSON on standard output, a line each, while people read standard error
    #[arg(long, env = "HAUL_JSON", help_heading = "Telling", conflicts_with_all = ["compare", "demo", "dry_run"])]
    pub(crate) json: bool,

    /// Write a report, of the kind that its ending names: .json, .csv, .md, .html or .svg; repeatable
    #[arg(long = "report", value_name = "FILE", env = "HAUL_REPORT", value_delimiter = '\n', value_parser = OsStringValueParser::new().try_map(Wanted::parse), value_hint = ValueHint::FilePath, help_heading = "Telling")]
    pub(crate) reports: Vec<Wanted>,

    /// Write what failed as a list of lines that haul and aria2c run again, its passwords included
    #[arg(long, value_name = "FILE", env = "HAUL_FAILED", value_parser = PathBufValueParser::new().try_map(lines_of_text), value_hint = ValueHint::FilePath, help_heading = "Telling")]
    pub(crate) failed: Option<PathBuf>,

    /// Say which file each entry would have, and request nothing
    #[arg(short = 'n', long, env = "HAUL_DRY_RUN", help_heading = "Telling", conflicts_with_all = ["compare", "demo", "reports", "failed"])]
    pub(crate) dry_run: bool,

    /// Time the list with so many jobs each, in scratch folders [default: 1 and jobs]
    #[arg(long, value_name = "1,4,16", env = "HAUL_COMPARE", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = levels, help_heading = "Comparing", conflicts_with_all = ["failed", "demo"])]
    pub(crate) compare: Option<Levels>,

    /// Time each level so many times
    #[arg(long, value_name = "N", env = "HAUL_RUNS", default_value = "1", value_parser = at_least_one, help_heading = "Comparing")]
    pub(crate) runs: NonZeroUsize,

    /// Run each level so many times before, without counting
    #[arg(
        long,
        value_name = "N",
        env = "HAUL_WARMUP",
        value_parser = number::<usize>,
        default_value = "0",
        help_heading = "Comparing"
    )]
    pub(crate) warmup: usize,

    /// Time 1 job against 16 on a server inside the process; needs no network
    #[arg(long, env = "HAUL_DEMO", action = ArgAction::SetTrue, help_heading = "Comparing")]
    pub(crate) demo: bool,

    /// Write the man page, or completions for a shell, to standard output: man, bash, zsh, fish, powershell or elvish
    #[arg(
        long,
        value_name = "WHAT",
        env = "HAUL_GENERATE",
        hide_possible_values = true,
        help_heading = "Also"
    )]
    pub(crate) generate: Option<Kind>,

    /// Print this help
    #[arg(short, long, action = ArgAction::Help, help_heading = "Also")]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Also")]
    version: Option<bool>,

    /// What was said on the command line, without secrets.
    #[arg(skip)]
    pub(crate) command: Vec<String>,
}

/// `--output`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    /// Relative to the folder, as in a list.
    Path(PathBuf),
}

impl From<OsString> for Output {
    fn from(text: OsString) -> Self {
        if text == "-" {
            Self::Stdout
        } else {
            Self::Path(text.into())
        }
    }
}

/// `--existing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    Check,
    Skip,
    Update,
    Overwrite,
    Rename,
    Fail,
}

/// `--layout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutChoice {
    Flat,
    Path,
    Host,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatChoice {
    Auto,
    Text,
    Csv,
    Tsv,
    Jsonl,
    Gcs,
    Curl,
}

/// `--rate`: the time between the beginnings of two requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Apart(pub(crate) Duration);

/// Levels of concurrency to compare; none named means 1 and `--jobs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels(pub(crate) Vec<NonZeroUsize>);

impl Args {
    /// For those who type nothing but the name: how haul is called, and where the rest stands.
    pub(crate) fn brief() -> String {
        let usage = Self::described().render_usage();
        let examples = AFTER.split("\n\n").next().unwrap_or_default();
        format!("{ABOUT}\n\n{usage}\n\n{examples}\n\nAll options: haul --help\n")
    }

    /// The levels to compare, in the order asked for and each once.
    pub(crate) fn levels(&self) -> Option<Vec<NonZeroUsize>> {
        let Levels(named) = self.compare.as_ref()?;
        let default = [NonZeroUsize::MIN, self.jobs];
        let levels = if named.is_empty() { &default[..] } else { named };
        let mut once = Vec::new();
        for level in levels {
            if !once.contains(level) {
                once.push(*level);
            }
        }
        Some(once)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &str) -> Result<Args, String> {
        let words = std::iter::once("haul").chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_options_are_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_fits_a_narrow_terminal_and_repeats_no_variable() {
        for width in [80, 100] {
            let help = Args::described().term_width(width).render_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            assert!(!help.contains("env:") && !help.contains('`'), "{help}");
        }
        // An example that is folded is none.
        let narrow = Args::described().term_width(80).render_help().to_string();
        for line in AFTER.lines() {
            assert!(narrow.contains(line), "{line}");
        }
    }

    #[test]
    fn every_long_option_is_a_variable_of_its_name() {
        for arg in Args::command()
            .get_arguments()
            .filter(|a| a.get_long().is_some_and(|l| l != "help" && l != "version"))
        {
            let expected = format!("HAUL_{}", arg.get_long().unwrap().replace('-', "_").to_uppercase());
            assert_eq!(arg.get_env().unwrap().to_str(), Some(&*expected));
        }
    }

    #[test]
    fn who_types_nothing_but_the_name_sees_all_of_the_answer() {
        let brief = Args::brief();
        assert!(
            brief.lines().count() < 24 && brief.lines().all(|line| line.len() <= 80),
            "{brief}"
        );
        for part in [ABOUT, "Usage: haul [OPTIONS] [SOURCE]...", "haul --demo", "haul --help"] {
            assert!(brief.contains(part), "{part}: {brief}");
        }
    }

    #[test]
    fn of_an_option_that_comes_again_the_last_one_counts() {
        assert!(parsed("-q -v x").is_err());
        let args = parsed("-j1 -d a -q -j2 -q --dir b --json --json -ff -H A:1 -H B:2 x y").unwrap();
        assert_eq!((args.jobs.get(), args.dir), (2, Some("b".into())));
        assert!(args.quiet && args.json && args.force);
        assert_eq!((args.headers.len(), args.sources.len()), (2, 2));
    }

    #[test]
    fn zero_makes_no_sense() {
        for line in [
            "-j 0 x",
            "--per-host 0 x",
            "--timeout 0 x",
            "--compare=0 x",
            "--rate 0/s x",
            "--limit-rate 0 x",
            "--min-speed 0 x",
            "--runs 0 x",
            "-j -1 x",
            "-j many x",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn levels_are_those_named_or_one_and_jobs() {
        for (line, expected) in [
            ("x", None),
            ("--compare x", Some(vec![1, 16])),
            ("--compare -j 1 x", Some(vec![1])),
            ("--compare=8,1,8 x", Some(vec![8, 1])),
        ] {
            let levels = parsed(line).unwrap().levels();
            assert_eq!(
                levels.map(|l| l.iter().map(|n| n.get()).collect::<Vec<_>>()),
                expected,
                "{line}"
            );
        }
    }
}
