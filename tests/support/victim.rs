//! The program as something to be killed.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, Room};

/// The program while it runs, with a list. What it says goes into a file. It is killed if the test ends first.
pub struct Victim {
    child: Child,
    said: std::path::PathBuf,
}

impl Victim {
    /// Starts it in the room, with a list and waits between tries that are short.
    pub fn start(room: &Room, list: &str, args: &[&str]) -> Self {
        let list = room.give("list.txt", list);
        // Two of them at once write into two files.
        let said = (0..10)
            .map(|n| room.beside(&format!("said-{n}.txt")))
            .find(|path| !path.exists());
        let said = said.expect("a free name");
        let output = File::create(&said).expect("a file of the test");
        let child = Command::new(env!("CARGO_BIN_EXE_haul"))
            .args(["--retry-max-wait", "20ms", "--retries", "50", "--progress", "plain"])
            .args(args)
            .arg(list)
            .current_dir(room.folder())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the same file"))
            .stderr(output)
            .spawn();
        let child = child.expect("the program starts");
        Self { child, said }
    }

    /// Has it ended?
    pub fn is_over(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal and waits for the end: how it ended.
    pub fn end_by(mut self, signal: Signal) -> ExitStatus {
        let _ = kill_process(Pid::from_child(&self.child), signal);
        self.wait()
    }

    /// Waits for its end: how it ended, and what it said.
    pub fn finish(mut self) -> (ExitStatus, String) {
        let status = self.wait();
        (status, fs::read_to_string(&self.said).unwrap_or_default())
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "still running after {DEADLINE:?}: {:?}",
                fs::read_to_string(&self.said)
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.said);
    }
}
