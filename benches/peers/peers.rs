//! The programs, and how each is told to do the same.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::work::{From, Task, Work};

/// A program that downloads.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    program: String,
    /// Its arguments. `{jobs}`, `{dir}`, `{url}`, `{list}` and `{curl}` (a configuration of curl) stand for the task's.
    arguments: &'static str,
    takes: Takes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Lists,
    /// A URL at a time.
    Url,
}

pub(crate) fn all(beside: Option<&Path>) -> Vec<Peer> {
    let peer = |name, program: &str, arguments, takes| Peer {
        name,
        program: program.to_owned(),
        arguments,
        takes,
    };
    let haul = "-q -d {dir} -j {jobs} {list}";
    let mut all = vec![peer("haul", env!("CARGO_BIN_EXE_haul"), haul, Takes::Lists)];
    all.extend(beside.map(|program| peer("beside", &program.to_string_lossy(), haul, Takes::Lists)));
    all.extend([
        peer(
            "curl",
            "curl",
            "-q -sS -f --parallel --parallel-immediate --parallel-max {jobs} --output-dir {dir} -K {curl}",
            Takes::Lists,
        ),
        peer(
            "wget2",
            "wget2",
            "-q --no-config --no-robots --max-threads={jobs} -P {dir} -i {list}",
            Takes::Lists,
        ),
        peer(
            "aria2",
            "aria2c",
            "-q --no-conf -i {list} -d {dir} -j {jobs} -x16 -s16 -k1M --file-allocation=none",
            Takes::Lists,
        ),
        peer("axel", "axel", "-q -n {jobs} -o {dir}/ {url}", Takes::Url),
        peer(
            "xargs curl",
            "xargs",
            "-a {list} -P {jobs} -n 32 curl -q -sS -f --remote-name-all --output-dir {dir}",
            Takes::Lists,
        ),
    ]);
    all
}

impl Peer {
    pub(crate) fn can(&self, work: &Work) -> bool {
        self.takes == Takes::Lists || (work.files == 1 && work.from != From::Nowhere)
    }

    /// What it calls itself; `None` when it is not there.
    pub(crate) fn version(&self) -> Option<String> {
        let said = Command::new(&self.program).arg("--version").output().ok()?;
        let said = String::from_utf8_lossy(&said.stdout);
        Some(said.lines().next()?.chars().take(60).collect())
    }

    pub(crate) fn command(&self, task: &Task) -> Command {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut command = Command::new(&self.program);
        for argument in self.arguments.split(' ') {
            let argument = argument
                .replace("{jobs}", &task.jobs.to_string())
                .replace("{dir}", &text(&task.dir))
                .replace("{url}", &task.url)
                .replace("{list}", &text(&task.list))
                .replace("{curl}", &text(&task.curl));
            command.arg(argument);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}
