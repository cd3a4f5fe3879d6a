//! What the demonstration serves: files that look like a list from real life, made up on the spot.

use std::sync::Arc;

/// A file on the demonstration's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServedFile {
    pub(super) name: String,
    /// In bytes.
    pub(super) size: usize,
    /// No two files have the same, and so none the same content.
    seed: u64,
}

/// Names and sizes in bytes; four times these are the list.
const KINDS: [(&str, usize); 10] = [
    ("empty.txt", 0),
    ("note.txt", 700),
    ("page.html", 4_096),
    ("table.csv", 12_345),
    ("icon.png", 40_000),
    ("paper.pdf", 65_536),
    ("drawing.svg", 120_000),
    ("photo.jpg", 200_000),
    ("song.ogg", 300_000),
    ("archive.tar.gz", 400_000),
];

/// In every list there is one file that is much larger than the others: this one, of 1.5 MiB.
const LARGE: (u64, usize) = (9, 3 << 19);

/// The whole list, forty files, in its order.
pub(super) fn all() -> Arc<[ServedFile]> {
    let kinds = KINDS.iter().cycle().take(4 * KINDS.len());
    (0..)
        .zip(kinds)
        .map(|(seed, kind)| ServedFile::new(seed, kind))
        .collect()
}

impl ServedFile {
    fn new(seed: u64, &(name, size): &(&str, usize)) -> Self {
        Self {
            name: format!("{seed:02}-{name}"),
            size: if seed == LARGE.0 { LARGE.1 } else { size },
            seed,
        }
    }

    /// Its content: the same bytes every time, and no two stretches alike, so that a byte in the wrong place is found.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = vec![0; self.size];
        for (position, word) in (0..).zip(body.chunks_mut(8)) {
            let bytes = scattered(self.seed << 32 | position).to_le_bytes();
            word.copy_from_slice(&bytes[..word.len()]);
        }
        body
    }
}

/// A number that looks like chance but is not: the finalizer of `SplitMix64`.
fn scattered(number: u64) -> u64 {
    let x = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_forty_files_from_nothing_to_one_and_a_half_mebibytes() {
        let files = all();
        assert_eq!(files.len(), 40);
        let names: HashSet<_> = files.iter().map(|file| &file.name).collect();
        assert_eq!(names.len(), 40);
        assert_eq!(files.iter().map(|file| file.size).min(), Some(0));
        assert_eq!(files.iter().map(|file| file.size).max(), Some(1_572_864));
    }

    #[test]
    fn content_is_the_same_each_time_and_different_for_each_file() {
        let bodies: Vec<_> = all().iter().map(ServedFile::body).collect();
        for (file, body) in all().iter().zip(&bodies) {
            assert_eq!(body.len(), file.size);
            assert!(*body == file.body());
        }
        let beginnings: HashSet<_> = bodies.iter().filter_map(|body| body.first_chunk::<64>()).collect();
        assert_eq!(beginnings.len(), 36, "all but the four empty ones");
    }
}
