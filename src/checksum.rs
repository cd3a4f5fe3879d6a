//! What a file has to add up to, said by a list, a file of sums or the server itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};

/// How a checksum is made.
/// Of two, the later one is the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 1321. Finds accidents, not attackers.
    Md5,
    /// FIPS 180. Finds accidents, not attackers.
    Sha1,
    /// FIPS 180.
    Sha256,
    /// FIPS 180.
    Sha512,
    /// BLAKE3 with its usual 256 bits.
    Blake3,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512, Self::Blake3];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
        }
    }

    /// The name, with or without a dash, in any case: `sha-256`, `SHA256`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace('-', "");
        let name = if name == "sha" { "sha1" } else { &name };
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A checksum: how it is made, and what comes out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    digest: Box<[u8]>,
}

impl Checksum {
    /// A digest of the right length; `None` for another.
    pub fn new(algorithm: Algorithm, digest: &[u8]) -> Option<Self> {
        (digest.len() == algorithm.bytes()).then(|| Self {
            algorithm,
            digest: digest.into(),
        })
    }

    /// All the digits of a digest, in hexadecimal.
    pub(crate) fn hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        Self::new(algorithm, &from_hex(hex.trim())?)
    }

    /// `sha256:9f86d0…`, as on the command line.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, hex) = text.split_once([':', '='])?;
        Self::new(Algorithm::named(name)?, &from_hex(hex.trim())?)
    }

    /// Hexadecimal digits, whose number tells the algorithm as with `md5sum` and its kin: 32, 40, 64 or 128.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digest = from_hex(hex)?;
        let by_length = [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
        let algorithm = by_length
            .into_iter()
            .find(|algorithm| algorithm.bytes() == digest.len())?;
        Self::new(algorithm, &digest)
    }

    /// A name as HTTP has it (`sha-256`) and a digest in base64.
    pub(crate) fn from_base64(name: &str, base64: &str) -> Option<Self> {
        use base64::Engine as _;
        let digest = base64::engine::general_purpose::STANDARD.decode(base64.trim()).ok()?;
        Self::new(Algorithm::named(name)?, &digest)
    }

    /// How it is made.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm.as_str())?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

/// Checksums by file name, as `sha256sum` and its kin write them.
#[derive(Debug, Clone, Default)]
pub struct Checksums {
    sums: HashMap<String, Checksum>,
    /// Somebody asked for one of them.
    is_used: Arc<AtomicBool>,
}

impl Checksums {
    /// Reads `HEX  NAME` and `HEX *NAME` lines, those that `--tag` writes (`SHA256 (NAME) = HEX`), and names that are
    /// escaped because of a backslash or a line feed. Blank lines and comments are skipped. Of two for one name, the
    /// stronger one holds.
    ///
    /// # Errors
    /// The number of the first line, from 1, that is none of these, or contradicts an earlier one.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut sums = HashMap::<String, Checksum>::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end().trim_start_matches('\u{FEFF}');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, checksum) = sum(line).ok_or(number + 1)?;
            match sums.get(&name) {
                Some(other) if other.algorithm > checksum.algorithm => {}
                Some(other) if other.algorithm == checksum.algorithm && *other != checksum => return Err(number + 1),
                _ => drop(sums.insert(name, checksum)),
            }
        }
        Ok(Self {
            sums,
            is_used: Arc::default(),
        })
    }

    /// The checksum for a path, or for its last component.
    pub fn get(&self, path: &std::path::Path) -> Option<&Checksum> {
        let of = |name: Option<&std::ffi::OsStr>| self.sums.get(name?.to_str()?);
        let found = of(Some(path.as_os_str())).or_else(|| of(path.file_name()));
        if found.is_some() {
            self.is_used.store(true, Ordering::Relaxed);
        }
        found
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Are there checksums, and none of them was asked for?
    pub fn are_of_no_use(&self) -> bool {
        !self.sums.is_empty() && !self.is_used.load(Ordering::Relaxed)
    }
}

fn sum(line: &str) -> Option<(String, Checksum)> {
    // Lines that end in another way would all be one name.
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return None;
    }
    if let Some((head, hex)) = line.rsplit_once(") = ") {
        let (name, file) = head.split_once(" (")?;
        return Some((plain(file), Checksum::new(Algorithm::named(name)?, &from_hex(hex)?)?));
    }
    let (escaped, line) = match line.strip_prefix('\\') {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (hex, name) = line.split_once([' ', '\t'])?;
    let name = name.trim_start_matches([' ', '\t']);
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = if escaped {
        name.replace("\\n", "\n").replace("\\\\", "\\")
    } else {
        name.to_owned()
    };
    (!name.is_empty()).then(|| Some((plain(&name), Checksum::from_hex(hex)?)))?
}

fn plain(name: &str) -> String {
    name.strip_prefix("./").unwrap_or(name).to_owned()
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hex = hex.len().is_multiple_of(2) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| hex.as_bytes().chunks(2).map(pair).collect())?
}

/// Adds up bytes as they come, for every checksum there is.
pub(crate) struct Adding(Vec<(Checksum, Hasher)>);

impl fmt::Debug for Adding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(checksum, _)| checksum))
            .finish()
    }
}

enum Hasher {
    Digest(Box<dyn DynDigest + Send + Sync>),
    Blake3(Box<blake3::Hasher>),
}

impl Adding {
    /// Begins at the file's first byte. One of each algorithm would do, but a server may say two different things.
    pub(crate) fn new(checksums: impl IntoIterator<Item = Checksum>) -> Self {
        let hasher = |checksum: Checksum| {
            let hasher = match checksum.algorithm {
                Algorithm::Md5 => Hasher::Digest(Box::new(Md5::default())),
                Algorithm::Sha1 => Hasher::Digest(Box::new(Sha1::default())),
                Algorithm::Sha256 => Hasher::Digest(Box::new(Sha256::default())),
                Algorithm::Sha512 => Hasher::Digest(Box::new(Sha512::default())),
                Algorithm::Blake3 => Hasher::Blake3(Box::default()),
            };
            (checksum, hasher)
        };
        Self(checksums.into_iter().map(hasher).collect())
    }

    /// Is there nothing to add up?
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for (_, hasher) in &mut self.0 {
            match hasher {
                Hasher::Digest(hasher) => hasher.update(bytes),
                Hasher::Blake3(hasher) => drop(hasher.update(bytes)),
            }
        }
    }

    /// The first checksum that does not come out.
    pub(crate) fn mismatch(self) -> Option<Algorithm> {
        let wrong = self.0.into_iter().filter_map(|(checksum, hasher)| {
            let digest = match hasher {
                Hasher::Digest(hasher) => hasher.finalize(),
                Hasher::Blake3(hasher) => hasher.finalize().as_bytes()[..].into(),
            };
            (digest != checksum.digest).then_some(checksum.algorithm)
        });
        wrong.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_checksum_is_named_or_known_by_its_length() {
        for (text, expected) in [
            (format!("sha256:{EMPTY}"), Some(format!("sha256:{EMPTY}"))),
            (
                format!("SHA-256={}", EMPTY.to_uppercase()),
                Some(format!("sha256:{EMPTY}")),
            ),
            (format!("blake3:{EMPTY}"), Some(format!("blake3:{EMPTY}"))),
            (format!("md5:{EMPTY}"), None),
            (format!("crc32:{EMPTY}"), None),
            ("sha256:".into(), None),
            (EMPTY.into(), None),
        ] {
            assert_eq!(Checksum::parse(&text).map(|c| c.to_string()), expected, "{text}");
        }
        for (length, expected) in [
            (32, Some("md5")),
            (40, Some("sha1")),
            (64, Some("sha256")),
            (128, Some("sha512")),
            (31, None),
            (0, None),
        ] {
            let checksum = Checksum::from_hex(&"a".repeat(length));
            assert_eq!(checksum.map(|c| c.algorithm().as_str()), expected);
        }
        assert_eq!(Checksum::from_hex(&"+a".repeat(16)), None);
    }

    #[test]
    fn sums_are_read_as_sha256sum_writes_them() {
        let text = format!(
            "\u{FEFF}{EMPTY}  a b.bin\n{EMPTY} *./dir/b.bin\r\n# comment\n\nSHA256 (c (1).bin) = {EMPTY}\n\\{EMPTY}  d\\\\e\n"
        );
        let sums = Checksums::parse(&text).unwrap();
        for (path, is_known) in [
            ("a b.bin", true),
            ("dir/b.bin", true),
            ("other/a b.bin", true),
            ("c (1).bin", true),
            ("d\\e", true),
            ("e", false),
        ] {
            assert_eq!(sums.get(Path::new(path)).is_some(), is_known, "{path}");
        }
        for (text, line) in [("nonsense", 1), (&*format!("{EMPTY}  a\n{EMPTY}"), 2), ("zz  a", 1)] {
            assert_eq!(Checksums::parse(text).err(), Some(line), "{text}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        let sums = [
            "md5:900150983cd24fb0d6963f7d28e17f72",
            "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
        ];
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        let blake3 = "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for sum in sums.into_iter().chain([sha512, blake3, sha256]) {
            for (body, is_right) in [("abc", true), ("abd", false)] {
                let mut adding = Adding::new(Checksum::parse(sum));
                body.bytes().for_each(|b| adding.update(&[b]));
                assert_eq!(adding.mismatch().is_none(), is_right, "{sum} {body}");
            }
        }
    }
}
