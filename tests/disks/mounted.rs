//! Disks of the test's own. Each test that mounts runs alone in a process with a mount namespace of its own, so that no
//! other process sees its disks and none of them outlives it, however it ends. In a user namespace, that takes no root.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Set in the process that has the namespace.
const INSIDE: &str = "HAUL_TEST_MOUNTS";
const SKIPPED: &str = "skipped: ";

/// Runs a test where it may mount. Where nobody may, the test is skipped, aloud.
#[track_caller]
pub(crate) fn alone<F: FnOnce()>(test: F) {
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    if !run(&mut namespace("mount")).is_ok_and(|tried| tried.status.success()) {
        return skip("no mount namespaces here (unshare --mount)");
    }
    let name = std::any::type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, name) = name.split_once("::").expect("the path of a test");
    let program = env::current_exe().expect("the path of this program");
    let mut inside = namespace(&program.to_string_lossy());
    inside.args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = run(&mut inside).expect("unshare");
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    let is_right = output.status.success() && said.contains("1 passed");
    assert!(is_right, "in its namespace:\n{said}\n{told}");
    told.lines()
        .filter_map(|line| line.strip_prefix(SKIPPED))
        .for_each(skip);
}

/// Says that a test does nothing, and why. Past the harness, which would keep it to itself.
pub(crate) fn skip(why: &str) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let line = if why.contains("::") {
        why.to_owned()
    } else {
        format!("{name}: {why}")
    };
    let _ = writeln!(std::io::stderr(), "{SKIPPED}{line}");
}

fn namespace(program: &str) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private"]);
    if !is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.arg(program);
    unshare
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn run(command: &mut Command) -> std::io::Result<Output> {
    command.output()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file system that is mounted until this is dropped.
#[must_use]
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// A small disk in memory.
    pub(crate) fn tmpfs(at: &Path, size: &str) -> Self {
        Self::new(at, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).expect("a tmpfs")
    }

    /// A small real file system, where the machine has loop devices for us; else nothing.
    pub(crate) fn ext4(at: &Path, image: &Path, size: u64) -> Option<Self> {
        std::fs::File::create(image).and_then(|file| file.set_len(size)).ok()?;
        // No journal and no blocks for root alone: all of it is there to be filled.
        do_quietly(
            "mkfs.ext4",
            &["-q", "-m", "0", "-O", "^has_journal", &image.to_string_lossy()],
        )?;
        Self::new(at, &["-o", "loop", &image.to_string_lossy()])
    }

    /// A file system that ignores case and has no attributes, links, nameless files or flags of renaming.
    pub(crate) fn exfat(at: &Path, image: &Path, size: u64) -> Option<Self> {
        std::fs::File::create(image).and_then(|file| file.set_len(size)).ok()?;
        do_quietly("mkfs.exfat", &[&image.to_string_lossy()])?;
        let device = said("losetup", &["--find", "--show", &image.to_string_lossy()])?;
        let mount = Self::new(at, &["-t", "exfat", &device]).or_else(|| Self::by("mount.exfat-fuse", at, &[&device]));
        // A device that is in use goes when it is not any more.
        do_quietly("losetup", &["-d", &device]);
        mount
    }

    /// Mounts a tmpfs anew with these options. All is named, so that `mount` adds nothing of its own: of the options
    /// that the system shows, not every one may be said again in a user namespace.
    pub(crate) fn change(&self, options: &str) {
        let options = format!("remount,{options}");
        let args = ["-t", "tmpfs", "-o", &options, "tmpfs", &self.at.to_string_lossy()];
        do_quietly("mount", &args).expect("another way to mount it");
    }

    fn new(at: &Path, args: &[&str]) -> Option<Self> {
        Self::by("mount", at, args)
    }

    fn by(program: &str, at: &Path, args: &[&str]) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder to mount on");
        let at = at.to_owned();
        do_quietly(program, &[args, &[&at.to_string_lossy()]].concat())?;
        Some(Self { at })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        do_quietly("umount", &["-l", &self.at.to_string_lossy()]);
    }
}

/// Some when it worked.
fn do_quietly(program: &str, args: &[&str]) -> Option<()> {
    said(program, args).map(drop)
}

/// What it said, when it worked.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    let output = run(&mut command).ok().filter(|output| output.status.success())?;
    Some(text(&output.stdout).trim().to_owned())
}
