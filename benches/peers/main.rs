//! haul beside other programs that download, on this machine: `cargo bench --bench peers`.
//!
//! Each work is done by each program in turn, round after round, into a fresh folder, and every file is compared with
//! what the server has. Wall-clock time, the program's own processor time (user and system) and the most memory it held
//! are the medians of the rounds, with the least and the most. Programs that are not installed are left out and named.
//! A machine that does something else at the same time tells little: the load is shown.
//!
//! `cargo bench --bench peers -- --help` lists what can be chosen. As it is, it takes two minutes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is there to print a table")]

mod measure;
mod peers;
mod servers;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use measure::{Measured, Verdict};
use peers::Peer;
use servers::Servers;
use work::Work;

/// Times haul beside other programs.
#[derive(Debug, Parser)]
#[command(name = "peers")]
struct Args {
    /// Rounds; each program does each work once in each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only these works, by the beginnings of their names
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these programs
    #[arg(long, value_delimiter = ',')]
    programs: Vec<String>,
    /// Works larger by this
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Where files are served from and written to
    #[arg(long, default_value_os_t = memory())]
    dir: PathBuf,
    /// Another build of haul, shown as a program of its own
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Given by cargo bench; without it nothing is done, so that `cargo test --benches` ends at once
    #[arg(long, hide = true)]
    bench: bool,
}

/// A folder in memory where there is one: the disk would be the same for all.
fn memory() -> PathBuf {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { shm.into() } else { std::env::temp_dir() }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if !args.bench {
        println!("to be run by cargo bench");
        return ExitCode::SUCCESS;
    }
    let home = tempfile::TempDir::with_prefix_in("haul-bench-", &args.dir).expect("a folder to work in");
    let works = chosen(work::all(args.scale), &args.only);
    let site = home.path().join("site");
    for work in &works {
        work.make(&site);
    }
    let servers = Servers::start(&site, home.path());
    let peers = present(&args);
    about(&args);
    for work in works {
        match servers.address(work.from) {
            Some(server) => compare(&work, &peers, args.rounds, server, home.path()),
            None => println!("\n{}: left out, nginx is not installed", work.title()),
        }
    }
    ExitCode::SUCCESS
}

fn chosen(works: Vec<Work>, only: &[String]) -> Vec<Work> {
    let is_chosen = |work: &Work| only.is_empty() || only.iter().any(|name| work.name.starts_with(name.as_str()));
    works.into_iter().filter(is_chosen).collect()
}

/// The programs that are installed. The others are named.
fn present(args: &Args) -> Vec<Peer> {
    let is_chosen = |peer: &Peer| args.programs.is_empty() || args.programs.iter().any(|name| name == peer.name);
    let all = peers::all(args.beside.as_deref()).into_iter().filter(is_chosen);
    let (present, missing): (Vec<_>, Vec<_>) = all.partition(|peer| peer.version().is_some());
    for peer in missing {
        println!("not installed: {}", peer.name);
    }
    for peer in &present {
        println!("{}: {}", peer.name, peer.version().unwrap_or_default());
    }
    present
}

/// Where and when.
fn about(args: &Args) {
    let said = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = said("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name\t: "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores of {}", model.unwrap_or("unknown make"));
    println!("Linux {}", said("/proc/sys/kernel/osrelease").trim());
    let now = haul::report::rfc3339(std::time::SystemTime::now());
    println!(
        "{}, load {}",
        now.split('T').next().unwrap_or(&now),
        said("/proc/loadavg").trim()
    );
    println!("{} rounds, files in {}", args.rounds, args.dir.display());
}

fn compare(work: &Work, peers: &[Peer], rounds: u32, server: std::net::SocketAddr, home: &Path) {
    let peers: Vec<_> = peers.iter().filter(|peer| peer.can(work)).collect();
    let mut all: Vec<Vec<Measured>> = peers.iter().map(|_| Vec::new()).collect();
    let task = work.task(server, home);
    for _ in 0..rounds {
        for (peer, runs) in peers.iter().zip(&mut all) {
            runs.push(measure::run(peer, &task, work));
        }
    }
    println!("\n{}", work.title());
    println!("  {:<10} {:>27}  {:>27}  {:>8}", "", "wall", "processor", "memory");
    for (peer, runs) in peers.iter().zip(&all) {
        println!("  {:<10} {}", peer.name, row(runs));
    }
}

fn row(runs: &[Measured]) -> String {
    let wall = spread(runs.iter().map(|run| run.wall).collect());
    let cpu = spread(runs.iter().map(|run| run.cpu).collect());
    let mut memory: Vec<_> = runs.iter().map(|run| run.memory).collect();
    memory.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let memory = memory[memory.len() / 2] as f64 / f64::from(1 << 20);
    let wrong = runs.iter().find_map(|run| match &run.verdict {
        Verdict::Right => None,
        Verdict::Wrong(why) => Some(format!("  {why}")),
    });
    format!("{wall}  {cpu}  {memory:>4.0} MiB{}", wrong.unwrap_or_default())
}

/// The median, and from where to where.
fn spread(mut seconds: Vec<f64>) -> String {
    seconds.sort_unstable_by(f64::total_cmp);
    let (least, most) = (seconds[0], seconds[seconds.len() - 1]);
    let median = seconds[seconds.len() / 2];
    format!("{median:>7.2} s [{least:>6.2} .. {most:>6.2}]")
}
