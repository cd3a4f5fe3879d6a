//! What the tests stand on: a server that misbehaves ([`Origin`]), and the real program in a room of its own ([`Room`]).
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test program uses the part it needs"
)]

use std::time::Duration;

mod capture;
mod haul;
mod origin;
mod outcome;
mod room;
mod running;
mod schema;
mod streams;
mod tls;
mod versions;
mod victim;

pub use haul::Haul;
pub use origin::{Answer, Gate, Origin, Request, Resource};
pub use outcome::Outcome;
pub use room::Room;
pub use running::Running;
pub use schema::Schema;
pub use streams::{Sent, Streams};
pub use tls::{Authority, Identity, TlsFront};
pub use versions::{Kind, Moment, Random, Versions};
pub use victim::Victim;

/// Nothing that a test waits for takes this long, not even on a machine that is busy. A child that lives longer is
/// killed, and its test fails.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Bytes that never repeat at any offset a mistake would make, the same for the same length and seed.
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// What they add up to, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Compressed, as `Content-Encoding: gzip` has it.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    all_of(async_compression::tokio::bufread::GzipEncoder::new(bytes))
}

/// Compressed, as `Content-Encoding: deflate` has it.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    all_of(async_compression::tokio::bufread::ZlibEncoder::new(bytes))
}

fn all_of(mut coded: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    let read = coded.read_to_end(&mut bytes);
    // The bytes are in memory, so nothing is ever waited for.
    futures::executor::block_on(read).expect("bytes in memory");
    bytes
}

/// Is there this program? Where it is missing, a test that needs it is skipped, aloud; but where all tests have to mean
/// something (`CI` is set), that is a failure.
pub fn is_installed(program: &str) -> bool {
    let mut folders = ["/usr/local/bin", "/usr/bin", "/bin"].into_iter();
    let is_there = folders.any(|folder| std::path::Path::new(folder).join(program).exists());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        tell(&format!("skipped: {program} is not installed"));
    }
    is_there
}

/// Tells the reader of a failed test something.
#[expect(clippy::print_stderr, reason = "the test harness shows this with the failure")]
pub fn tell(text: &str) {
    eprintln!("{text}");
}
