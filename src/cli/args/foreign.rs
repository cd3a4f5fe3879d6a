//! Options of the programs that people come from, and what to say to those who type them here.

/// Names, as they are typed, and what to type instead.
const FOREIGN: &[(&[&str], &str)] = &[
    (
        &["--max-connection-per-server"],
        "connections to one server: --per-host N",
    ),
    (
        &[
            "-Z",
            "--parallel",
            "--parallel-max",
            "--max-concurrent-downloads",
            "--max-threads",
            "--concurrency",
            "--threads",
            "--processes",
        ],
        "files at once: -j N, 16 if nothing is said",
    ),
    (&["--parallel-immediate"], "nothing is needed: haul does so always"),
    (
        &["-P", "--directory-prefix", "--output-dir", "--out-dir", "--directory"],
        "the folder for the files: -d DIR",
    ),
    (
        &["-O", "--remote-name", "--remote-name-all", "--output-document", "--out"],
        "files are named after their URLs; a single URL goes elsewhere with -o PATH, one in a list with a path behind it",
    ),
    (
        &["--create-dirs", "--remote-time", "-R"],
        "nothing is needed: haul does so always",
    ),
    (
        &["-c", "-C", "--continue", "--continue-at"],
        "nothing is needed: haul always goes on with what is unfinished",
    ),
    (
        &["-nc", "--no-clobber"],
        "leave files that are there alone, without asking: --existing skip",
    ),
    (
        &["-N", "--timestamping", "--conditional-get", "--time-cond"],
        "fetch what is newer than what is there: --existing update",
    ),
    (
        &["--allow-overwrite", "--clobber", "--overwrite"],
        "replace what is there: -f",
    ),
    (
        &["--auto-file-renaming"],
        "take a free name where one is taken: --existing rename",
    ),
    (
        &[
            "-L",
            "--location",
            "--location-trusted",
            "--max-redirs",
            "--max-redirect",
        ],
        "nothing is needed: redirects are followed, up to ten",
    ),
    (
        &["-t", "--tries", "--max-tries", "--retry", "--max-retries"],
        "tries after the first: --retries N",
    ),
    (
        &["-w", "--wait", "--random-wait"],
        "requests further apart: --rate N/UNIT",
    ),
    (
        &["-m", "--max-time"],
        "no file has a time limit; give up on a connection that is silent: --timeout TIME",
    ),
    (
        &["--waitretry", "--retry-wait", "--retry-delay", "--retry-max-time"],
        "the longest wait between tries: --retry-max-wait TIME",
    ),
    (
        &["--retry-all-errors", "--retry-connrefused", "--retry-on-http-error"],
        "nothing is needed: what may pass is tried again, see --retries",
    ),
    (
        &["-T", "--read-timeout", "--speed-time"],
        "give up on a connection that is silent: --timeout TIME",
    ),
    (
        &["--dns-timeout"],
        "name lookup, TCP and TLS together: --connect-timeout TIME",
    ),
    (
        &["-Y", "-y", "--lowest-speed-limit", "--speed-limit"],
        "give up on a connection that is slower: --min-speed SIZE, for as long as --timeout",
    ),
    (
        &["--max-download-limit", "--max-overall-download-limit"],
        "bytes a second of the whole run: --limit-rate SIZE",
    ),
    (
        &["--min-split-size", "--chunk-size"],
        "connections for one large file: --split N",
    ),
    (
        &["-K", "--config", "--conf-path"],
        "haul has no configuration file; a list: haul LIST; options: the variables HAUL_*",
    ),
    (&["--url"], "a URL stands by itself: haul URL"),
    (
        &["--no-check-certificate", "--check-certificate", "--no-verify"],
        "believe any certificate: -k",
    ),
    (
        &["--cacert", "--ca-certificate"],
        "believe the certificates of a file: --ca-cert FILE",
    ),
    (
        &["-E", "--certificate", "--private-key"],
        "a certificate of yours: --cert FILE, and --key FILE if its key is in another",
    ),
    (
        &["--netrc", "--netrc-optional"],
        "nothing is needed: haul does so always",
    ),
    (&["--netrc-file", "--netrc-path"], "another netrc: the variable NETRC"),
    (&["--oauth2-bearer"], "a bearer token: the variable HAUL_TOKEN"),
    (&["-U", "--useragent", "--agent"], "the User-Agent field: -A NAME"),
    (&["-e", "--referer"], "any header field: -H 'Referer: URL'"),
    (
        &["--cookie", "--load-cookies"],
        "a cookie file: -b FILE; a cookie: -H 'Cookie: NAME=VALUE'",
    ),
    (
        &["--http-user", "--http-passwd", "--http-password", "--password"],
        "credentials: -u USER:PASSWORD",
    ),
    (
        &[
            "--all-proxy",
            "--http-proxy",
            "--https-proxy",
            "--socks5",
            "--socks5-hostname",
            "--preproxy",
            "--no-proxy",
            "--noproxy",
        ],
        "a proxy: -x URL, or the variables http_proxy, https_proxy, all_proxy and no_proxy",
    ),
    (
        &["-S", "--silent", "--show-error", "-nv", "--no-verbose"],
        "nothing but failures: -q",
    ),
    (
        &[
            "-#",
            "--progress-bar",
            "--no-progress-meter",
            "--show-progress",
            "--summary-interval",
        ],
        "how progress is shown: --progress bars|plain|none",
    ),
    (&["--spider"], "without downloading: --dry-run"),
    (
        &["--save-session", "--rejected-log"],
        "what failed, as a list: --failed FILE",
    ),
    (
        &["--trust-server-names", "--content-disposition-default-utf8"],
        "let the server name the file: -J",
    ),
    (
        &["-r", "--recursive", "-p", "--page-requisites", "--mirror"],
        "haul follows no links: it fetches what its list names",
    ),
    (
        &[
            "-I",
            "--head",
            "-X",
            "--request",
            "--data",
            "-F",
            "--form",
            "--upload-file",
        ],
        "haul downloads, and sends nothing else: use curl",
    ),
];

/// One option where they come from, and two letters here.
pub(super) const IN_ONE_WORD: [&str; 2] = ["-nc", "-nv"];

/// What to say about an option that is not known. `words` are those of the command line.
pub(super) fn advice<'a>(unknown: &str, mut words: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let whole = words.find(|word| IN_ONE_WORD.contains(word));
    let name = whole.unwrap_or(unknown);
    let name = name.split('=').next().unwrap_or(name);
    let found = FOREIGN.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn what_is_foreign_is_no_option_of_haul_s_and_stands_there_once() {
        let command = Args::described();
        let own: HashSet<_> = command
            .get_arguments()
            .flat_map(|arg| {
                let short = arg.get_short().map(|short| format!("-{short}"));
                let long = arg.get_long().map(|long| format!("--{long}"));
                short.into_iter().chain(long)
            })
            .collect();
        let mut seen = HashSet::new();
        for name in FOREIGN.iter().flat_map(|(names, _)| *names) {
            assert!(
                !own.contains(*name),
                "{name} is haul's own now: take it out of the table"
            );
            assert!(seen.insert(name), "{name} stands there twice");
        }
    }

    #[test]
    fn advice_names_options_that_there_are() {
        let command = Args::described();
        let longs: HashSet<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for (names, advice) in FOREIGN {
            for word in advice.split_whitespace().filter_map(|word| word.strip_prefix("--")) {
                let word = word.trim_end_matches([',', ';']);
                assert!(longs.contains(word), "{names:?}: --{word}");
            }
        }
    }

    #[test]
    fn an_option_is_known_with_its_value_and_in_one_word() {
        for (unknown, words, begins) in [
            (
                "--max-connection-per-server",
                "--max-connection-per-server=16",
                Some("connections to one server"),
            ),
            ("--tries", "--tries=3", Some("tries after")),
            ("--tries=3", "", Some("tries after")),
            ("-w", "-w", Some("requests further apart")),
            ("--max-time", "--max-time=9", Some("no file has a time limit")),
            ("-c", "-nc", Some("leave files")),
            ("-c", "-c", Some("nothing is needed")),
            ("--dri", "--dri", None),
        ] {
            let said = advice(unknown, words.split(' '));
            assert_eq!(
                said.map(|said| said.starts_with(begins.unwrap_or("?"))),
                begins.map(|_| true),
                "{unknown}"
            );
        }
    }
}
