//! The programs whose lists these are, where they are installed.

use std::process::Command;

/// A program; without it the test has nothing to say, and says so.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn tool(name: &str) -> Option<Command> {
    let found = Command::new(name).arg("--version").output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(Command::new(name));
    }
    eprintln!("skipped: {name} is not installed");
    None
}

/// What it writes to standard output; it has to go well.
#[track_caller]
pub(crate) fn written(mut command: Command) -> Vec<u8> {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}
