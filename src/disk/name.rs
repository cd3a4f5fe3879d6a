//! A safe name from a stranger's name: pure.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::TransferError;
use crate::settings::Layout;
use crate::tame::is_treacherous;

/// The longest name most file systems take, in bytes (POSIX `NAME_MAX` of Linux and macOS).
const NAME_MAX: usize = 255;
/// What may be added to a name while its file is unfinished.
pub(crate) const SUFFIXES: [&str; 3] = [".part", ".part.json", ".part.json~"];
/// The longest a final name may be so that its temporary ones fit, numbered ones (`.2.part`) included.
const LONGEST: usize = NAME_MAX - SUFFIXES[2].len() - ".2".len();
/// The longest path below the folder, in bytes. What is beyond a system's `PATH_MAX` is made step by step; this is four times
/// that of Linux, and beyond it nobody means a file.
const LONGEST_PATH: usize = 16 << 10;
/// The most that a number adds to a name.
const LONGEST_NUMBER: usize = "-4294967295".len();
/// An ending of this length or less is an extension, worth keeping when a name is cut.
const EXTENSION: usize = 16;
/// The name of a file whose URL gives none.
const NAMELESS: &str = "index.html";

/// The name a URL gives: the last component of its path, percent-decoded, without the query.
pub(crate) fn of_url(url: &Url) -> String {
    let path = url.path();
    let last = &path[path.rfind('/').map_or(0, |slash| slash + 1)..];
    clean(&decoded(last)).unwrap_or_else(|| NAMELESS.to_owned())
}

/// The path that a URL gives: in folders, where they are wanted, each cleaned like a name. `+` stands before a port.
pub(crate) fn in_layout(url: &Url, layout: Layout) -> PathBuf {
    if layout == Layout::Flat {
        return of_url(url).into();
    }
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}+{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let mut folders: Vec<_> = url.path().split('/').map(decoded).collect();
    folders.pop();
    let folders = folders.into_iter().filter_map(|folder| clean(&folder));
    let mut path: PathBuf = match layout {
        Layout::Flat | Layout::Path => folders.collect(),
        Layout::Host => clean(&host.replace(':', "_")).into_iter().chain(folders).collect(),
    };
    path.push(of_url(url));
    path
}

/// The path a list gives, cleaned component by component. One that ends in `/` is a folder for the URL's name. One
/// that leads out of the run's folder is refused, not bent: where it would land is not where its writer meant.
pub(crate) fn of_path(path: &Path, url: &Url) -> Result<PathBuf, TransferError> {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => cleaned.extend(clean(&name.to_string_lossy())),
            // It may be no detour: `a` may be a link to somewhere else.
            Component::ParentDir if !cleaned.as_os_str().is_empty() => {
                return Err(TransferError::Name("its path has a .. in it; write it without"));
            }
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(TransferError::Name("its path leads out of the folder"));
            }
        }
    }
    if is_folder(path) || cleaned.as_os_str().is_empty() {
        cleaned.push(of_url(url));
    }
    Ok(cleaned)
}

/// Does the path say no more than where the file goes?
pub(crate) fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// Refuses a path that nobody can mean, before its folders are named and made.
pub(crate) fn within_reason(path: PathBuf) -> Result<PathBuf, TransferError> {
    if path.as_os_str().len() <= LONGEST_PATH {
        return Ok(path);
    }
    Err(TransferError::Name("its path is longer than 16 KiB"))
}

/// The name with `-2`, `-3`… before its extension, still short enough.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    let number = format!("-{number}");
    let (stem, extension) = split(name);
    let stem = cut(stem, LONGEST - number.len() - extension.len());
    format!("{stem}{number}{extension}")
}

/// What a name has in common with its numbered ones: what stands before their numbers and behind. Of a long one, as much as
/// all numbers leave of it.
pub(crate) fn family(name: &str) -> (&str, &str) {
    let (stem, extension) = split(name);
    (cut(stem, LONGEST - LONGEST_NUMBER - extension.len()), extension)
}

/// The family and the number of a name that [`numbered`] may have made.
pub(crate) fn number(name: &str) -> Option<((&str, &str), u32)> {
    let (stem, extension) = split(name);
    let (stem, digits) = stem.rsplit_once('-')?;
    let number = digits.parse().ok().filter(|&number| number > 1)?;
    let is_made = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    is_made.then_some((
        (cut(stem, LONGEST - LONGEST_NUMBER - extension.len()), extension),
        number,
    ))
}

/// Bytes that are no UTF-8 stay percent-encoded: two different names stay different.
fn decoded(name: &str) -> Cow<'_, str> {
    percent_decode_str(name).decode_utf8().unwrap_or(Cow::Borrowed(name))
}

/// One component, fit to be a file's name anywhere, or nothing if nothing is left of it.
pub(crate) fn clean(name: &str) -> Option<String> {
    if is_clean(name) {
        Some(name.to_owned())
    } else {
        thorough(name)
    }
}

fn thorough(name: &str) -> Option<String> {
    let name = name.replace(|c: char| c == '/' || c == '\\' || is_treacherous(c), "_");
    let name = name.trim_start_matches(|c: char| c == '.' || c.is_whitespace());
    let name = trimmed_end(name);
    if name.is_empty() {
        return None;
    }
    let reserved = if is_reserved(name) { "_" } else { "" };
    let (stem, extension) = split(name);
    let stem = cut(stem, LONGEST - reserved.len() - extension.len());
    Some(format!("{reserved}{stem}{extension}"))
}

/// Is it fit as it is? Most are.
fn is_clean(name: &str) -> bool {
    let is_plain = |b: u8| matches!(b, b' '..=b'~') && b != b'/' && b != b'\\';
    let is_inner = |b: Option<&u8>| b.is_some_and(|&b| b != b'.' && b != b' ');
    let bytes = name.as_bytes();
    let is_framed = is_inner(bytes.first()) && is_inner(bytes.last());
    is_framed && bytes.len() <= LONGEST && bytes.iter().all(|&b| is_plain(b)) && !is_reserved(name)
}

fn trimmed_end(name: &str) -> &str {
    name.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Names that mean a device on Windows, whatever their extension.
fn is_reserved(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    const PORTS: [&str; 2] = ["COM", "LPT"];
    let stem = name[..name.find('.').unwrap_or(name.len())].trim_end();
    let is_port = |number: &str| {
        matches!(
            number,
            "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
        )
    };
    let port = stem.split_at_checked(3);
    let port = port.filter(|(kind, _)| PORTS.iter().any(|port| kind.eq_ignore_ascii_case(port)));
    DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) || port.is_some_and(|(_, n)| is_port(n))
}

/// Stem and extension, the extension with its dot. `a.tar.gz` has `.tar.gz`; `.x` and `a.very long ending` have none.
fn split(name: &str) -> (&str, &str) {
    let is_extension = |ending: &str| {
        (2..=EXTENSION).contains(&ending.len()) && !ending.contains(|c: char| c.is_whitespace() || c == '_')
    };
    let Some(dot) = name.rfind('.').filter(|&at| at > 0 && is_extension(&name[at..])) else {
        return (name, "");
    };
    let (stem, extension) = name.split_at(dot);
    match stem.strip_suffix(".tar") {
        Some(inner) if !inner.is_empty() => name.split_at(inner.len()),
        _ => (stem, extension),
    }
}

/// At most so many bytes of the text, whole characters only, and again no blank or dot at the end.
fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    trimmed_end(&text[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(url: &str) -> String {
        of_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_url_names_its_file_by_its_last_component() {
        for (url, expected) in [
            ("http://h/a/b.bin?x=1#f", "b.bin"),
            ("http://h", "index.html"),
            ("http://h/dir/", "index.html"),
            ("http://h/a%20b.bin", "a b.bin"),
            ("http://h/%E3%83%87.bin", "デ.bin"),
            ("http://h/caf%E9.txt", "caf%E9.txt"),
            ("http://h/a%2Fb", "a_b"),
            ("http://h/..%2f..%2fetc%2fpasswd", "_.._etc_passwd"),
            ("http://h/%2e%2e%2fx", "_x"),
            ("http://h/x/%2e%2e/", "index.html"),
            ("http://h/...", "index.html"),
            ("http://h/.bashrc", "bashrc"),
            ("http://h/a.%20.", "a"),
            ("http://h/a%00b%0a%1b%5b.txt", "a_b__[.txt"),
            ("http://h/x%E2%80%AEgpj.exe", "x_gpj.exe"),
            ("http://h/a%5Cb", "a_b"),
            ("http://h/con.txt", "_con.txt"),
            ("http://h/COM1", "_COM1"),
            ("http://h/contract", "contract"),
        ] {
            assert_eq!(name(url), expected, "{url}");
        }
    }

    #[test]
    fn a_url_s_folders_are_kept_where_they_are_wanted() {
        for (url, path, host) in [
            ("http://h/a/b/c.bin?x=/y", "a/b/c.bin", "h/a/b/c.bin"),
            ("https://h:8443//a///", "a/index.html", "h+8443/a/index.html"),
            ("http://h", "index.html", "h/index.html"),
            (
                "http://h/..%2f/%2e%2e/.git/con/%1b%5B/a",
                "git/_con/_[/a",
                "h/git/_con/_[/a",
            ),
            ("http://h/a%2Fb/%E3%83%87/c", "a_b/デ/c", "h/a_b/デ/c"),
            ("http://[::1]:80/a", "a", "[__1]/a"),
        ] {
            let url = Url::parse(url).unwrap();
            let shown = |layout| in_layout(&url, layout).display().to_string();
            assert_eq!(shown(Layout::Flat), of_url(&url));
            assert_eq!((&*shown(Layout::Path), &*shown(Layout::Host)), (path, host), "{url}");
        }
    }

    #[test]
    fn a_list_s_path_is_cleaned_and_cannot_leave_the_folder() {
        let url = Url::parse("http://h/u.bin").unwrap();
        let out = "its path leads out of the folder";
        let back = "its path has a .. in it; write it without";
        for (path, expected) in [
            ("a.bin", "a.bin"),
            ("./sub//a b.bin", "sub/a b.bin"),
            ("sub/", "sub/u.bin"),
            (".", "u.bin"),
            (".git/hooks/x", "git/hooks/x"),
            ("a\u{202E}/\u{1b}b", "a_/_b"),
            ("../a", out),
            ("/etc/passwd", out),
            ("a/../b", back),
            ("a/../../b", back),
        ] {
            let read = of_path(Path::new(path), &url);
            let read = read.map_or_else(|error| error.to_string(), |path| path.display().to_string());
            assert_eq!(read, expected, "{path}");
        }
    }

    #[test]
    fn long_names_keep_their_extension_and_room_for_the_suffix() {
        let long = format!("{}.tar.gz", "ü".repeat(300));
        let cleaned = clean(&long).unwrap();
        assert!(cleaned.ends_with("ü.tar.gz") && cleaned.len() <= LONGEST, "{cleaned}");
        let numbered = numbered(&cleaned, 12);
        assert!(
            numbered.ends_with("ü-12.tar.gz") && numbered.len() <= LONGEST,
            "{numbered}"
        );
    }

    #[test]
    fn numbers_stand_before_the_extension() {
        for (name, expected) in [
            ("a.bin", "a-2.bin"),
            ("a.tar.gz", "a-2.tar.gz"),
            ("a", "a-2"),
            ("v1.2 final", "v1.2 final-2"),
            (".tar.gz", ".tar-2.gz"),
        ] {
            assert_eq!(numbered(name, 2), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_a_name_is_one_safe_component(stranger in any::<String>(), number in 2..u32::MAX) {
            for name in clean(&stranger).into_iter().flat_map(|n| [numbered(&n, number), n]) {
                prop_assert!(!name.is_empty() && name.len() <= LONGEST);
                prop_assert!(!name.contains(['/', '\\', '\0']) && !name.contains(is_treacherous));
                prop_assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']));
                prop_assert!(!is_reserved(&name));
            }
        }

        #[test]
        fn a_number_is_read_from_the_name_that_was_made_with_it(stranger in "[a-z.é -]{1,12}|[a-z.]{200,260}(\\.tar)?(\\.[a-z]{1,9})?", n in 2..u32::MAX) {
            if let Some(name) = clean(&stranger) {
                let made = numbered(&name, n);
                prop_assert_eq!(number(&made), Some((family(&name), n)), "{}", name);
            }
        }

        #[test]
        fn what_is_clean_is_what_cleaning_leaves_alone(stranger in "[ .~a-c/\\\\\u{202E}é]{0,6}|(COM1|nul|con|lpt¹)[ .a]{0,3}") {
            let slowly = Some(stranger.clone()).filter(|name| !name.is_empty() && thorough(name).as_ref() == Some(name));
            if is_clean(&stranger) {
                prop_assert_eq!(slowly, Some(stranger));
            } else if stranger.is_ascii() {
                prop_assert_eq!(slowly, None);
            }
        }

        #[test]
        fn cleaning_twice_changes_nothing(stranger in "[ -~é\u{202E}/\\\\]{0,300}") {
            if let Some(name) = clean(&stranger) {
                prop_assert_eq!(clean(&name), Some(name));
            }
        }
    }
}
