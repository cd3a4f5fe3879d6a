//! The man page: the options as clap knows them, and what the help says below them, in the sections of man-pages(7).

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::cli::args::AFTER;

/// Variables of other programs that haul reads.
const VARIABLES: [(&str, &str); 7] = [
    (
        "HAUL_*",
        "Every long option: HAUL_ and its name in capitals, with _ for -. A flag's is 1 or 0; one that is empty is as \
         one that is not set. The command line comes first.",
    ),
    (
        "http_proxy, https_proxy, all_proxy, no_proxy",
        "Proxies, as curl(1) reads them: http, https, socks5 and socks5h.",
    ),
    (
        "HAUL_TOKEN",
        "A bearer token for the origins that the list names, over https and to this machine. It has no option: everybody \
         on a machine can read command lines.",
    ),
    ("NETRC", "The netrc to read instead of ~/.netrc."),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "Certificates to believe instead of the machine's own.",
    ),
    ("NO_COLOR", "Not empty: no colours."),
    (
        "CLICOLOR_FORCE",
        "Not empty and not 0: colours also where no terminal is.",
    ),
];

const DESCRIPTION: &str = "haul downloads lists of URLs, many at a time. A file has its name only when it is whole; \
                           until then it is called NAME.part. The same command again fetches only what is missing, \
                           unless --existing says otherwise, and goes on with half a file where the server can prove \
                           that both halves belong together. Standard output stays empty, unless something is asked \
                           for that belongs there.";

const SOURCES: &str = "SOURCE is a URL, a list file, or - for standard input; several are read as one list. Without one, \
                       the list is read from standard input, when that is a pipe or a file.";

/// The page as troff source.
pub(super) fn page(command: &Command) -> Vec<u8> {
    let man = Man::new(command.clone()).title("HAUL").manual("User Commands").date("");
    let mut page = Vec::new();
    let written = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| description().to_writer(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| sections().to_writer(&mut page));
    debug_assert!(written.is_ok(), "memory takes everything");
    page
}

fn description() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["DESCRIPTION"]).text([roman(DESCRIPTION)]);
    roff.control("PP", []).text([roman(SOURCES)]);
    roff
}

/// What the help says below the options, and what only a page has room for. Examples come last, as is the custom.
fn sections() -> Roff {
    let mut roff = Roff::new();
    let (examples, others): (Vec<_>, Vec<_>) = AFTER.split("\n\n").partition(|text| text.starts_with("Examples:"));
    for text in others {
        section(&mut roff, text);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, about) in VARIABLES {
        entry(&mut roff, name, about);
    }
    for text in examples {
        section(&mut roff, text);
    }
    roff.control("SH", ["SEE ALSO"])
        .text([roman("aria2c(1), curl(1), sha256sum(1), wget(1), wget2(1), xargs(1)")]);
    roff
}

/// A heading, then lines: those of two columns are entries, the others a paragraph.
fn section(roff: &mut Roff, text: &str) {
    let mut lines = text.lines();
    let heading = lines.next().unwrap_or_default().trim_end_matches(':');
    let (title, rest) = heading.split_at(heading.find(" (").unwrap_or(heading.len()));
    roff.control("SH", [format!("{}{rest}", title.to_uppercase()).as_str()]);
    for line in lines.map(str::trim) {
        match line.split_once("  ") {
            Some((name, about)) => entry(roff, name, about.trim()),
            None => drop(roff.text([roman(line)])),
        }
    }
}

fn entry(roff: &mut Roff, name: &str, about: &str) {
    roff.control("TP", []);
    roff.text([bold(name)]);
    roff.text([roman(about) as Inline]);
}
