//! What there is to do.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Some files to fetch from a server.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    what: &'static str,
    pub(crate) from: From,
    pub(crate) files: usize,
    size: usize,
    pub(crate) jobs: usize,
}

/// Who serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// nginx.
    Nginx,
    /// nginx, which has none of them.
    Nowhere,
    /// A server that answers after 50 ms.
    Far,
    /// A server that gives each connection 8 MiB a second.
    Narrow,
}

/// The same, with its lists written and the server known.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) jobs: usize,
    /// The first URL.
    pub(crate) url: String,
    /// A URL a line.
    pub(crate) list: PathBuf,
    /// curl's configuration of the same.
    pub(crate) curl: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) site: PathBuf,
}

pub(crate) fn all(scale: u32) -> Vec<Work> {
    let scale = scale as usize;
    let work = |name, what, from, files, size, jobs| Work {
        name,
        what,
        from,
        files,
        size,
        jobs,
    };
    vec![
        work("small", "small files", From::Nginx, 5000 * scale, 4 << 10, 16),
        work("medium", "files", From::Nginx, 200 * scale, 1 << 20, 8),
        work("large", "file", From::Nginx, 1, (512 << 20) * scale, 16),
        work("missing", "files", From::Nowhere, 5000 * scale, 0, 16),
        work("far", "files", From::Far, 500 * scale, 16 << 10, 16),
        work("narrow", "file", From::Narrow, 1, (48 << 20) * scale, 16),
    ]
}

impl Work {
    pub(crate) fn title(&self) -> String {
        let size = haul::report::size(self.size as u64);
        let of = match self.from {
            From::Nowhere => " that are not there".to_owned(),
            From::Nginx => format!(" of {size}"),
            From::Far => format!(" of {size}, each answer after 50 ms"),
            From::Narrow => format!(" of {size}, 8 MiB/s a connection"),
        };
        format!("{}: {} {}{of}, {} at once", self.name, self.files, self.what, self.jobs)
    }

    fn file(number: usize) -> String {
        format!("{number:06}.bin")
    }

    /// Puts the files where they are served from.
    pub(crate) fn make(&self, site: &Path) {
        let folder = site.join(self.name);
        fs::create_dir_all(&folder).expect("a folder to serve");
        let files = if self.from == From::Nowhere { 0 } else { self.files };
        for number in 0..files {
            let mut file = fs::File::create(folder.join(Self::file(number))).expect("a file to serve");
            let mut left = self.size;
            let mut state = number as u64 + 1;
            while left > 0 {
                let block = block(&mut state, left.min(1 << 16));
                file.write_all(&block).expect("room for the files");
                left -= block.len();
            }
        }
    }

    pub(crate) fn task(&self, server: SocketAddr, home: &Path) -> Task {
        let url = |number| format!("http://{server}/{}/{}", self.name, Self::file(number));
        let lines = |line: &dyn Fn(usize) -> String| (0..self.files).map(line).collect::<String>();
        let task = Task {
            jobs: self.jobs,
            url: url(0),
            list: home.join("list.txt"),
            curl: home.join("list.curl"),
            dir: home.join("got"),
            site: home.join("site").join(self.name),
        };
        fs::write(&task.list, lines(&|n| format!("{}\n", url(n)))).expect("a list");
        let entry = |n| format!("url = \"{}\"\nremote-name\n", url(n));
        fs::write(&task.curl, lines(&entry)).expect("a list");
        task
    }
}

/// Bytes that no compression makes shorter (xorshift, Marsaglia 2003).
fn block(state: &mut u64, length: usize) -> Vec<u8> {
    let mut next = || {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.to_le_bytes()
    };
    let mut block: Vec<u8> = std::iter::repeat_with(&mut next)
        .take(length.div_ceil(8))
        .flatten()
        .collect();
    block.truncate(length);
    block
}
