//! What must hold of everything that strangers write, as functions for the targets in `fuzz/`. Each panics when it does
//! not. Built only under `--cfg fuzzing`.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use futures::{FutureExt as _, StreamExt as _};

use crate::disk::Case;
use crate::disk::claims::{Claims, Leave};
use crate::disk::name::{self, SUFFIXES};
use crate::disk::part::gaps_of;
use crate::disk::record::Record;
use crate::gaps::Gaps;
use crate::http::{ContentRange, filename, retry_after as read_retry_after};
use crate::list::{self, Format, Reading};
use crate::tame::is_treacherous;

/// A list in the form that its beginning tells, packed ones included.
pub fn list(bytes: &[u8]) {
    read(bytes, Format::Auto);
}

/// A list in the form that the first byte chooses.
pub fn format(bytes: &[u8]) {
    const FORMATS: [Format; 6] = [
        Format::Text,
        Format::Csv,
        Format::Tsv,
        Format::Jsonl,
        Format::Gcs,
        Format::Curl,
    ];
    if let Some((first, list)) = bytes.split_first() {
        read(list, FORMATS[usize::from(*first) % FORMATS.len()]);
    }
}

/// Every line is at most one entry, whatever path an entry gets stays in the folder, and no field has two lines.
fn read(bytes: &[u8], format: Format) {
    let entries: Vec<_> = list::read(bytes, Reading::of(format))
        .collect()
        .now_or_never()
        .expect("memory is never waited for");
    let mut claims = Claims::new(Case::Ignored);
    let mut lines = HashSet::new();
    for entry in entries {
        let line = entry.as_ref().map_or_else(|bad| bad.place.line, |job| job.place.line);
        assert!(line > 0 && lines.insert(line), "line {line} twice");
        match entry {
            Ok(job) => {
                let url = job.url.reveal();
                for url in std::iter::once(&job.url).chain(job.mirrors()) {
                    assert!(matches!(url.reveal().scheme(), "http" | "https") && url.reveal().has_host());
                }
                let fields = job.request().map_or(&[][..], |own| &own.headers);
                assert!(fields.iter().all(|(_, value)| !value.as_bytes().contains(&b'\n')));
                let path = job
                    .name
                    .map_or_else(|| Ok(name::of_url(url).into()), |path| name::of_path(&path, url));
                path.into_iter()
                    .for_each(|path: PathBuf| is_safe(&claims.claim(&path, |_| Leave::Granted)));
            }
            Err(bad) => assert!(bad.text.chars().count() <= 100, "{bad:?}"),
        }
    }
}

/// A name: what is left of it is one component, safe and short enough, and cleaning it again changes nothing.
pub fn name(text: &str) {
    if let Some(name) = name::clean(text) {
        is_safe(Path::new(&name));
        assert_eq!(Path::new(&name).components().count(), 1, "{name:?}");
        assert_eq!(name::clean(&name).as_ref(), Some(&name));
        is_safe(Path::new(&name::numbered(&name, u32::MAX)));
    }
    let url = url::Url::parse("http://h/u").expect("a URL");
    name::of_path(Path::new(text), &url)
        .iter()
        .for_each(|path| is_safe(path));
    if let Ok(url) = url.join(text) {
        is_safe(Path::new(&name::of_url(&url)));
    }
}

/// A `Content-Disposition`: the name it gives is the last component of whatever was sent, and cleaned it is safe.
pub fn disposition(bytes: &[u8]) {
    let Some(given) = filename([bytes]) else { return };
    assert!(!given.trim().is_empty() && !given.contains(['/', '\\']), "{given:?}");
    name(&given);
}

/// A `Content-Range`: what is read of it adds up, and means the same when it is written again.
pub fn content_range(text: &str) {
    let again = match ContentRange::parse(text) {
        None => return,
        Some(ContentRange::None { size }) => format!("bytes */{size}"),
        Some(ContentRange::Part { start, end, size }) => {
            assert!(start < end && size.is_none_or(|size| end <= size));
            let size = size.map_or_else(|| "*".to_owned(), |size| size.to_string());
            format!("bytes {start}-{}/{size}", end - 1)
        }
    };
    assert_eq!(ContentRange::parse(&again), ContentRange::parse(text));
}

/// A `Retry-After`: no value takes the clock out of its range.
pub fn retry_after(text: &str) {
    let wait = read_retry_after(text, SystemTime::now());
    assert!(wait.is_none_or(|wait| wait.as_secs_f64() >= 0.0));
}

/// A record: what is read of it can be written and read again, and never claims a byte that the part has not. The first
/// two bytes stand for the part's length.
pub fn record(bytes: &[u8]) {
    let Some((length, text)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let Some(record) = Record::parse(text) else { return };
    let written = serde_json::to_vec(&record).expect("a record can be written");
    assert_eq!(Record::parse(&written).as_ref(), Some(&record));
    let length = u64::from(u16::from_le_bytes(*length));
    if let Some(gaps) = gaps_of(&record, length) {
        assert!(gaps.held() <= length && gaps.reach() <= length, "{gaps:?} of {length}");
        are_in_order(&gaps);
    }
}

fn are_in_order(gaps: &Gaps) {
    let pairs = gaps.pairs();
    assert!(pairs.iter().all(|(start, end)| start < end), "{pairs:?}");
    assert!(pairs.is_sorted_by(|before, after| before.1 < after.0), "{pairs:?}");
    assert_eq!(Gaps::from_pairs(gaps.size(), pairs).as_ref(), Some(gaps));
}

fn is_safe(path: &Path) {
    let mut components = path.components().peekable();
    assert!(components.peek().is_some(), "{path:?} is nothing");
    for component in components {
        let Component::Normal(name) = component else {
            panic!("{path:?} leads elsewhere")
        };
        let name = name.to_str().expect("a name is text");
        assert!(
            SUFFIXES
                .iter()
                .all(|suffix| name.len() + ".9".len() + suffix.len() <= 255),
            "{name:?} is too long"
        );
        assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']), "{name:?}");
        assert!(!name.contains('\\') && !name.contains(is_treacherous), "{name:?}");
    }
}
