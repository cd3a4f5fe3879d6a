//! Options of the programs that people come from, and what to say to those who type them here.

mod table;

use table::FOREIGN;

/// What to say to those whose `-s` is not followed by a number.
pub(super) const SILENT: &str = "-s is a number of connections for one large file; silence: -q; curl's -f and -L are not \
                                 needed: an error answer is never saved, and redirects are followed";

/// What wget calls by two letters, and would be two options here.
const IN_ONE_WORD: [&str; 5] = ["-nc", "-nd", "-nH", "-np", "-nv"];

/// The name of another program's option, in a word that would be read as several here.
pub(super) fn in_one_word(word: &str) -> Option<&'static str> {
    let behind = word.strip_prefix("-k").unwrap_or_default();
    if behind.starts_with(|c: char| c.is_ascii_digit()) {
        return Some("--min-split-size");
    }
    IN_ONE_WORD.into_iter().find(|known| *known == word)
}

/// What to say about an option that is not known, as it was typed.
pub(super) fn advice(unknown: &str) -> Option<&'static str> {
    let name = unknown.split('=').next().unwrap_or(unknown);
    let name = in_one_word(name).unwrap_or(name);
    let is_it = |known: &str| known == name;
    let is_among = |known: &str| known.strip_suffix('*').is_some_and(|begin| name.starts_with(begin));
    let find = |fits: &dyn Fn(&str) -> bool| FOREIGN.iter().find(|(names, _)| names.split_whitespace().any(fits));
    find(&is_it).or_else(|| find(&is_among)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests;
