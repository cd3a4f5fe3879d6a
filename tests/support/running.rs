//! A child while it lives.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use super::capture::Capture;
use super::outcome::{Outcome, account};
use super::{DEADLINE, Room};

/// A pipe into which nothing fits for so long has a reader that stopped reading.
const QUIET: Duration = Duration::from_millis(500);
/// Bytes in a pipe that hardly takes more: it takes 64 KiB.
const FULL: u64 = 48 * 1024;

/// The program while it runs. It is killed if the test ends first.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Capture,
    stderr: Capture,
    unconsumed: Option<ChildStdout>,
    _unread: Option<ChildStderr>,
    shown: String,
    root: PathBuf,
}

impl Running {
    pub(super) fn new(
        mut child: Child,
        (unconsumed, unread): (Option<ChildStdout>, Option<ChildStderr>),
        shown: String,
        room: &Room,
    ) -> Self {
        Self {
            stdin: child.stdin.take(),
            stdout: Capture::of(child.stdout.take()),
            stderr: Capture::of(child.stderr.take()),
            unconsumed,
            _unread: unread,
            child,
            shown,
            root: room.root().to_owned(),
        }
    }

    /// Writes into the pipe, which stays open.
    #[track_caller]
    pub fn write(&mut self, text: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("an open pipe");
        stdin.write_all(text.as_ref()).expect("somebody reads the pipe");
    }

    /// Writes lines until nobody has taken any for a while, or there are none left. How many were taken.
    #[track_caller]
    pub fn write_while_taken(&mut self, lines: impl IntoIterator<Item = String>) -> usize {
        let stdin = self.stdin.as_mut().expect("an open pipe");
        let mut written = 0;
        for line in lines {
            if !has_room(stdin) {
                break;
            }
            stdin.write_all(line.as_bytes()).expect("somebody reads the pipe");
            written += 1;
        }
        written
    }

    /// The pipe itself, for who wants to write on a thread of its own.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("an open pipe")
    }

    /// Standard output, of a program that began without a reader.
    pub fn take_stdout(&mut self) -> ChildStdout {
        self.unconsumed.take().expect("an open pipe that nobody reads")
    }

    /// Waits until there is as much in standard output, which nobody reads, as hardly fits.
    #[track_caller]
    pub fn wait_for_a_full_stdout(&self) {
        let pipe = self.unconsumed.as_ref().expect("an open pipe that nobody reads");
        let begun = Instant::now();
        while rustix::io::ioctl_fionread(pipe).expect("a pipe") < FULL {
            assert!(begun.elapsed() < DEADLINE, "waited for a full pipe in vain");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The list is at its end.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until standard error says this.
    #[track_caller]
    pub fn wait_for_stderr(&self, text: &str) {
        assert!(self.stderr.wait_for(text, DEADLINE), "waited for {text:?} in vain");
    }

    /// Waits until standard output says this.
    #[track_caller]
    pub fn wait_for_stdout(&self, text: &str) {
        assert!(self.stdout.wait_for(text, DEADLINE), "waited for {text:?} in vain");
    }

    /// What standard error said so far.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.so_far()
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// As `kill` does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// As the kernel does when memory is short.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// The most memory it had at one time so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        peak_of(&format!("/proc/{}/status", self.child.id())).expect("the high-water mark of a child that lives")
    }

    /// Closes the pipe, waits for the end, and tells the most memory that it had at one time, in bytes. Looks again and
    /// again: who has ended has no memory that could be asked for.
    #[track_caller]
    pub fn finish_and_weigh(self) -> (Outcome, u64) {
        let status = format!("/proc/{}/status", self.child.id());
        let weigher = thread::spawn(move || {
            let mut most = 0;
            while let Some(peak) = peak_of(&status) {
                most = peak;
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let outcome = self.finish();
        (outcome, weigher.join().expect("the thread that looks"))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the pipe and waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        self.stdin = None;
        self.ends_with_its_pipe_open()
    }

    /// Waits for the end, although the list may go on.
    #[track_caller]
    pub fn ends_with_its_pipe_open(mut self) -> Outcome {
        let status = self.wait();
        let (stdout, stderr) = (self.stdout.whole(), self.stderr.whole());
        Outcome::new(status, stdout, stderr, &self.shown, &self.root)
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let pid = self.pid();
        let (over, watch) = mpsc::channel::<()>();
        let dog = thread::spawn(move || {
            let is_late = watch.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout);
            if is_late {
                let _ = kill_process(pid, Signal::KILL);
            }
            is_late
        });
        let status = self.child.wait().expect("the end of a child");
        drop(over);
        assert!(!dog.join().unwrap_or(true), "still running after {DEADLINE:?}");
        status
    }

    /// As if its terminal were gone.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child that lives");
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

fn peak_of(status: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kib * 1024)
}

/// Does a line fit into this pipe, or will it soon? A pipe that can be written takes up to `PIPE_BUF` bytes at once.
fn has_room(pipe: &ChildStdin) -> bool {
    let quiet = Timespec::try_from(QUIET).expect("a short time");
    let mut watched = [PollFd::new(pipe, PollFlags::OUT)];
    poll(&mut watched, Some(&quiet)).expect("poll on a pipe");
    watched[0].revents().contains(PollFlags::OUT)
}

impl Drop for Running {
    fn drop(&mut self) {
        let is_over = matches!(self.child.try_wait(), Ok(Some(_)));
        if !is_over {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // After `finish` the outcome speaks, unless the end was not reached.
        if thread::panicking() {
            let (stdout, stderr) = (self.stdout.so_far(), self.stderr.so_far());
            super::tell(&account(&self.shown, "before its end", &stdout, &stderr, &self.root));
        }
    }
}
