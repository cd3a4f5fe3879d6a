//! One run of one program.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Instant;

use wait4::Wait4 as _;

use crate::peers::Peer;
use crate::work::{From, Task, Work};

/// What a run took.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of processor time, user and system, its children's included.
    pub(crate) cpu: f64,
    /// Bytes, the most at once, of its largest process.
    pub(crate) memory: u64,
    pub(crate) verdict: Verdict,
}

/// Is every file there, as the server has it?
#[derive(Debug)]
pub(crate) enum Verdict {
    Right,
    Wrong(String),
}

pub(crate) fn run(peer: &Peer, task: &Task, work: &Work) -> Measured {
    fs::create_dir_all(&task.dir).expect("a fresh folder");
    let since = Instant::now();
    let mut child = peer.command(task).spawn().expect("it can be started");
    let used = child.wait4().expect("it ends");
    let wall = since.elapsed().as_secs_f64();
    let verdict = match work.from {
        From::Nowhere if used.status.success() => Verdict::Wrong("says that all is well".into()),
        From::Nowhere => Verdict::Right,
        _ if !used.status.success() => Verdict::Wrong(used.status.to_string()),
        _ => look(&task.dir, &task.site),
    };
    fs::remove_dir_all(&task.dir).expect("the folder goes");
    Measured {
        wall,
        cpu: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        memory: used.rusage.maxrss,
        verdict,
    }
}

fn look(got: &Path, site: &Path) -> Verdict {
    let (mut wrong, mut files) = (0, 0);
    for entry in fs::read_dir(site).expect("the served folder") {
        let name = entry.expect("a file of it").file_name();
        files += 1;
        wrong += u32::from(!is_equal(&got.join(&name), &site.join(&name)).unwrap_or(false));
    }
    if wrong == 0 {
        Verdict::Right
    } else {
        Verdict::Wrong(format!("{wrong} of {files} missing or wrong"))
    }
}

fn is_equal(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut here, mut there) = (vec![0; 1 << 18], vec![0; 1 << 18]);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    loop {
        let read = one.read(&mut here)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut there[..read])?;
        if here[..read] != there[..read] {
            return Ok(false);
        }
    }
}
