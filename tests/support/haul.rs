//! The real program as a child, with an environment that holds nothing but what the test gives it.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use super::{Outcome, Room, Running};

/// A command line being put together.
#[must_use = "it is not run yet"]
pub struct Haul<'r> {
    room: &'r Room,
    args: Vec<OsString>,
    env: Vec<(String, OsString)>,
    input: Vec<u8>,
    shell: String,
    is_heard: bool,
    is_read: bool,
    is_consumed: bool,
    terminal: Option<File>,
}

impl<'r> Haul<'r> {
    pub(super) fn new(room: &'r Room) -> Self {
        Self {
            room,
            args: Vec::new(),
            env: Vec::new(),
            input: Vec::new(),
            shell: String::new(),
            is_heard: true,
            is_read: true,
            is_consumed: true,
            terminal: None,
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// A variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What [`run`](Self::run) writes into the pipe on standard input before it closes it.
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        bytes.as_ref().clone_into(&mut self.input);
        self
    }

    /// Waits between tries are so short that no test is slowed by them. A Retry-After is then too long.
    pub fn impatient(self) -> Self {
        self.args(["--retry-max-wait", "20ms"])
    }

    /// Nobody reads what it writes: both pipes are broken from the start.
    pub fn unheard(mut self) -> Self {
        self.is_heard = false;
        self
    }

    /// Standard error is a pipe that stays open and is never read: what is written into it waits, sooner or later.
    pub fn unread(mut self) -> Self {
        self.is_read = false;
        self
    }

    /// Standard error is this terminal.
    pub fn on_terminal(mut self, terminal: File) -> Self {
        self.terminal = Some(terminal);
        self.env("TERM", "xterm-256color")
    }

    /// Standard output is a pipe that stays open and is not read before [`Running::take_stdout`] does.
    pub fn unconsumed(mut self) -> Self {
        self.is_consumed = false;
        self
    }

    /// The program begins with a limit of so many file descriptors, and may ask for more.
    pub fn soft_limit_nofile(mut self, limit: u32) -> Self {
        let _ = write!(self.shell, "ulimit -Sn {limit}; ");
        self
    }

    /// The program may hold so many file descriptors and cannot ask for more.
    pub fn limit_nofile(mut self, limit: u32) -> Self {
        let _ = write!(self.shell, "ulimit -n {limit}; ");
        self
    }

    /// The shell does this first, and then becomes the program.
    pub fn after(mut self, commands: &str) -> Self {
        let _ = write!(self.shell, "{commands}; ");
        self
    }

    /// The user may do nothing but what permissions allow, even when it is root.
    pub fn without_privileges(self) -> Self {
        self.after("[ $(id -u) != 0 ] || exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" \"$@\"")
    }

    /// Standard output is closed: no stream, not even `/dev/null`.
    pub fn closed_stdout(mut self) -> Self {
        self.shell.push_str("exec >&-; ");
        self
    }

    /// Standard error is closed.
    pub fn closed_stderr(mut self) -> Self {
        self.shell.push_str("exec 2>&-; ");
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Outcome {
        let input = std::mem::take(&mut self.input);
        let mut running = self.start();
        let mut stdin = running.take_stdin();
        // A child that reads no list closes the pipe early, which is its right.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let outcome = running.finish();
        let _ = writer.join();
        outcome
    }

    /// Starts it with a pipe on standard input that stays open until the test closes it.
    pub fn start(mut self) -> Running {
        let mut command = self.command();
        if let Some(terminal) = self.terminal.take() {
            command.stderr(terminal);
        }
        let shown = self.shown();
        let mut child = command.spawn().expect("the program starts");
        if !self.is_heard {
            (child.stdout, child.stderr) = (None, None);
        }
        let unread = if self.is_read { None } else { child.stderr.take() };
        let unconsumed = if self.is_consumed { None } else { child.stdout.take() };
        Running::new(child, (unconsumed, unread), shown, self.room)
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_haul");
        let mut command = if self.shell.is_empty() {
            Command::new(program)
        } else {
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg(format!("{}exec \"$0\" \"$@\"", self.shell))
                .arg(program);
            shell
        };
        command.args(&self.args).current_dir(self.room.folder()).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.room.home());
        command.envs(self.env.iter().map(|(n, v)| (n, v)));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn shown(&self) -> String {
        let args = self.args.iter().map(|a| format!(" {}", a.to_string_lossy()));
        format!("{}haul{}", self.shell, args.collect::<String>())
    }
}
