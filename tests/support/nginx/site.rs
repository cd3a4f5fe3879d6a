//! Three thousand files whose names nobody would wish for.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// SHA-256 of a file's content.
pub type Hash = [u8; 32];

/// How many files there are.
const FILES: usize = 3000;

/// Every awkward name is in each of these folders.
const FOLDERS: [&str; 8] = [
    "",
    "plain/",
    "a b/",
    "%41/",
    "d#1?/",
    "x/",
    "ordner-ü/日本/",
    ".git/-rf/",
];

/// What servers, lists, URLs, shells, screens and file systems have been known to stumble over.
const AWKWARD: [&[u8]; 87] = [
    b"index.html",
    b"X",
    b"x.part",
    b"X.PART",
    b"x.part.json",
    b"x-2",
    b"x-2.part",
    b"y",
    b"y.part.part", // temporaries
    b"README",
    b"readme",
    b"ReadMe",
    b"a.tar.gz",
    b"A.tar.gz",
    b"a-2.tar.gz",
    b"a.TAR.GZ",
    b".tar.gz", // case, numbers
    b"a b",
    b"a  b",
    b" leading",
    b"trailing ",
    b"trailing.",
    b"trailing. .",
    b"\xc2\xa0", // blanks
    b".hidden",
    b"..two",
    b"...three",
    b"....",
    b"-",
    b"--help",
    b"-o",
    b"~",
    b"*", // dots, dashes
    b"%",
    b"100%",
    b"%41",
    b"%2F",
    b"%2e%2e%2fpasswd",
    b"%00",
    b"%zz",
    b"+",
    b"a+b", // percent
    b"?",
    b"a?b=c",
    b"#",
    b"a#b",
    b"&",
    b"a&b=c",
    b"a;b=c",
    b"a=b",
    b"a,b",
    b"a:b",
    b"a@b",
    b"http:", // parts of URLs
    b"'",
    b"\"",
    b"`id`",
    b"$HOME",
    b"a|b",
    b"<b>",
    b"[1-3]",
    b"{a,b}",
    b"!",
    b"\\",
    b"..\\x",
    b"C:\\x", // shells
    b"\x01",
    b"\t",
    b"a\tb",
    b"a\nb",
    b"\r\n",
    b"\x1b[31mred",
    b"\x7f", // controls
    "ü".as_bytes(),
    "u\u{308}".as_bytes(),
    "日本語.txt".as_bytes(),
    "👩\u{200d}👩\u{200d}👧.png".as_bytes(), // scripts
    "עברית".as_bytes(),
    "\u{202e}gpj.exe".as_bytes(),
    "\u{feff}bom".as_bytes(),
    "\u{200b}".as_bytes(), // invisible
    b"caf\xe9.txt",
    b"\xff\xfe", // no UTF-8
    b"CON",
    b"nul.txt",
    b"LPT1.log",
    b"aux.tar.gz", // devices elsewhere
];

/// Sizes around the buffers of both sides, and some large ones. The rest is small.
const SIZES: [usize; 26] = [
    64 << 20,
    48 << 20,
    32 << 20,
    24 << 20,
    12 << 20,
    8 << 20,
    (4 << 20) + 1,
    4 << 20,
    3_000_000,
    2 << 20,
    1 << 20,
    1_000_003,
    0,
    1,
    2,
    4095,
    4096,
    4097,
    16_383,
    16_384,
    16_385,
    65_535,
    65_536,
    262_143,
    262_144,
    262_145,
];

/// A folder to be served.
pub struct Site {
    folder: TempDir,
    /// What is in it.
    pub files: Vec<Served>,
}

/// A file of it.
#[derive(Debug, Clone)]
pub struct Served {
    /// Its path in a URL.
    pub path: String,
    pub hash: Hash,
}

impl Site {
    /// The one all tests serve from. It is made when it is first needed, and goes when nobody needs it any more.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Site>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let site = Arc::new(Self::made());
            *shared = Arc::downgrade(&site);
            site
        })
    }

    fn made() -> Self {
        let folder = TempDir::with_prefix("haul-site-").expect("a temporary folder");
        for inner in FOLDERS {
            fs::create_dir_all(folder.path().join(inner)).expect("a folder in it");
        }
        let names = names();
        let files = names
            .iter()
            .enumerate()
            .map(|(n, name)| Served::made(folder.path(), n, name))
            .collect();
        Self { folder, files }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Served {
    fn made(folder: &Path, number: usize, name: &[u8]) -> Self {
        let content = content(number);
        fs::write(folder.join(OsStr::from_bytes(name)), &content).expect("a file of the test");
        Self {
            path: path(number, name),
            hash: hash(&content),
        }
    }
}

/// The hash of a content.
pub fn hash(content: &[u8]) -> Hash {
    Sha256::digest(content).into()
}

/// All names, each with its folder and each once: the awkward ones, the long ones, and variations.
fn names() -> Vec<Vec<u8>> {
    let awkward: Vec<Vec<u8>> = AWKWARD.iter().map(|name| name.to_vec()).chain(long()).collect();
    let varied = (0..).map(|n: usize| [&awkward[n % awkward.len()][..], n.to_string().as_bytes()].concat());
    let varied = varied.filter(|name| name.len() <= 255).enumerate();
    let everywhere = FOLDERS
        .iter()
        .flat_map(|folder| awkward.iter().map(|name| below(folder, name)));
    let all = everywhere.chain(varied.map(|(n, name)| below(FOLDERS[n % FOLDERS.len()], &name)));
    let mut seen: HashSet<Vec<u8>> = FOLDERS.iter().map(|f| f.trim_end_matches('/').into()).collect();
    all.filter(|name| seen.insert(name.clone())).take(FILES).collect()
}

fn below(folder: &str, name: &[u8]) -> Vec<u8> {
    [folder.as_bytes(), name].concat()
}

/// As long as names may be, some of them alike up to the last byte.
fn long() -> impl Iterator<Item = Vec<u8>> {
    let filled = |unit: &str, end: &str| {
        let times = (255 - end.len()) / unit.len();
        format!("{}{end}", unit.repeat(times)).into_bytes()
    };
    let ends = ["", ".part", ".part.json", ".tar.gz", "-2.bin", "N", " ", "."];
    let units = ["n", "é", "語", "🙂"];
    units
        .into_iter()
        .flat_map(move |unit| ends.map(|end| filled(unit, end)))
}

/// The path in a URL. Every second one encodes all that may be encoded, the others only what must be.
/// A folder's `index.html` is asked for by the folder's name alone.
fn path(number: usize, name: &[u8]) -> String {
    let name = name
        .strip_suffix(b"index.html")
        .filter(|rest| rest.is_empty() || rest.ends_with(b"/"))
        .unwrap_or(name);
    let mut path = String::from("/");
    for &byte in name {
        let is_plain = match byte {
            b'/' => true,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            | b':' | b'@' | b'[' | b']' | b'|' => number.is_multiple_of(2),
            _ => byte.is_ascii_alphanumeric(),
        };
        if is_plain {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

fn content(number: usize) -> Vec<u8> {
    let mut state = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let small = usize::try_from(next() % 14_000).expect("a small number");
    let size = SIZES.get(number).copied().unwrap_or(small);
    let mut content = vec![0; size];
    for word in content.chunks_mut(8) {
        word.copy_from_slice(&next().to_le_bytes()[..word.len()]);
    }
    content
}
