//! The `haul` command; what it does is in `haul::cli`.

fn main() -> std::process::ExitCode {
    haul::cli::main()
}
