//! The `haul` command; what it does is in `haul::cli`.

/// Every small file takes memory some ninety times, in sizes up to a few kilobytes: it is to be the memory that was just
/// given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    haul::cli::main()
}
