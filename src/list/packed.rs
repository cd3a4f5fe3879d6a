//! A compressed list, known by its first bytes, is read as what it holds.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, ReadBuf};

/// The first bytes of each kind.
const KINDS: [(Kind, &[u8]); 5] = [
    (Kind::Gzip, b"\x1F\x8B\x08"),
    (Kind::Zstd, b"\x28\xB5\x2F\xFD"),
    // A frame that is skipped, of any of sixteen numbers (RFC 8878 section 3.1.2): pzstd begins with one.
    (Kind::Zstd, b"\x50\x2A\x4D\x18"),
    (Kind::Xz, b"\xFD7zXZ\0"),
    (Kind::Bzip2, b"BZh"),
];
/// The largest window of zstd that is made room for: 2 to the power of this, in bytes. Level 20 needs that.
const ZSTD_WINDOW: u32 = 25;
/// Memory that xz may ask for, in bytes. Its level 9 needs 65 MiB, and touches what the list fills.
const XZ_MEMORY: u64 = 80 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// The list itself, whatever it is packed in. A pipe is waited for only as long as its first bytes may be of a kind.
pub(super) async fn unpacked<'r, R>(mut reader: R) -> io::Result<Pin<Box<dyn AsyncBufRead + Send + 'r>>>
where
    R: AsyncBufRead + Send + Unpin + 'r,
{
    let (seen, kind) = kind(&mut reader).await?;
    let whole = Cursor::new(seen).chain(reader);
    // One stream behind the other is one list, as the tools have it.
    Ok(match kind {
        None => Box::pin(whole),
        Some(Kind::Gzip) => {
            let mut decoder = GzipDecoder::new(whole);
            decoder.multiple_members(true);
            named("gzip", decoder)
        }
        Some(Kind::Zstd) => {
            let mut decoder = ZstdDecoder::with_params(whole, &[DParameter::window_log_max(ZSTD_WINDOW)]);
            decoder.multiple_members(true);
            named("zstd", decoder)
        }
        Some(Kind::Xz) => {
            let mut decoder = XzDecoder::with_mem_limit(whole, XZ_MEMORY);
            decoder.multiple_members(true);
            named("xz", decoder)
        }
        Some(Kind::Bzip2) => {
            let mut decoder = BzDecoder::new(whole);
            decoder.multiple_members(true);
            named("bzip2", decoder)
        }
    })
}

/// Reads until the kind is known, or that there is none.
async fn kind<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<(Vec<u8>, Option<Kind>)> {
    let mut seen = Vec::new();
    loop {
        let mut plain = seen.clone();
        if let Some(first @ 0x50..=0x5F) = plain.first_mut() {
            *first = 0x50;
        }
        if let Some((kind, _)) = KINDS.iter().find(|(_, first)| plain.starts_with(first)) {
            return Ok((seen, Some(*kind)));
        }
        let may_be = KINDS.iter().any(|(_, first)| first.starts_with(&plain));
        let Some(&next) = reader.fill_buf().await?.first().filter(|_| may_be) else {
            return Ok((seen, None));
        };
        seen.push(next);
        reader.consume(1);
    }
}

fn named<'r>(kind: &'static str, decoder: impl AsyncRead + Send + 'r) -> Pin<Box<dyn AsyncBufRead + Send + 'r>> {
    Box::pin(BufReader::new(Named(kind, Box::pin(decoder))))
}

/// Says what kind of data is damaged.
struct Named<D>(&'static str, Pin<Box<D>>);

impl<D: AsyncRead> AsyncRead for Named<D> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let kind = self.0;
        self.1
            .as_mut()
            .poll_read(context, into)
            .map_err(|error| match error.kind() {
                // The system's own errors are not about the data.
                _ if error.raw_os_error().is_some() => error,
                io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), format!("its {kind} data breaks off")),
                _ => io::Error::new(
                    error.kind(),
                    format!("its {kind} data breaks off, is damaged, or needs too much memory"),
                ),
            })
    }
}
