//! A list that can only be read once, kept so that it can be read again.

use std::fs::{File, OpenOptions, remove_file};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWriteExt};
use tokio_util::io::StreamReader;

use super::scratch::{blocking, suffix};

/// How much is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// What came through a pipe, in a temporary file that has no name: however the process ends, it is gone.
#[derive(Debug, Clone)]
pub struct Replay(Arc<File>);

impl Replay {
    /// Reads the source to its end into a file in `dir`, which only its owner can read. May be dropped half-way.
    pub async fn keep(mut source: impl AsyncRead + Unpin, dir: &Path) -> io::Result<Self> {
        let dir = dir.to_owned();
        let file = blocking(move || nameless(&dir)).await?;
        let mut copy = tokio::fs::File::from_std(file.try_clone()?);
        tokio::io::copy(&mut source, &mut copy).await?;
        copy.flush().await?;
        Ok(Self(Arc::new(file)))
    }

    /// Reads it from its beginning. Readers do not disturb each other: each has a position of its own.
    pub fn read(&self) -> impl AsyncBufRead + Send + Unpin + use<> {
        StreamReader::new(Box::pin(chunks(Arc::clone(&self.0))))
    }
}

fn nameless(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!(".haul-list-{}", suffix()));
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    remove_file(path)?;
    Ok(file)
}

fn chunks(file: Arc<File>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(0, move |at| {
        let file = Arc::clone(&file);
        async move {
            let chunk = blocking(move || chunk(&file, at)).await?;
            let next = at + chunk.len() as u64;
            Ok((!chunk.is_empty()).then_some((chunk, next)))
        }
    })
}

fn chunk(file: &File, at: u64) -> io::Result<Bytes> {
    let mut buffer = vec![0; CHUNK];
    let read = file.read_at(&mut buffer, at)?;
    buffer.truncate(read);
    Ok(buffer.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt};

    #[tokio::test]
    async fn a_pipe_can_be_read_as_often_as_one_likes() {
        let here = tempfile::tempdir().unwrap();
        let lines = "http://h/0123456789.bin\n".repeat(20_000);
        let replay = Replay::keep(lines.as_bytes(), here.path()).await.unwrap();
        assert_eq!(here.path().read_dir().unwrap().count(), 0, "it has no name");
        let mut begun = replay.read();
        assert_eq!(begun.read_u8().await.unwrap(), b'h');
        for _ in 0..2 {
            let mut again = String::new();
            replay.read().read_to_string(&mut again).await.unwrap();
            assert!(again == lines);
        }
        let mut rest = String::new();
        begun.read_line(&mut rest).await.unwrap();
        assert_eq!(rest, "ttp://h/0123456789.bin\n");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error() {
        assert!(Replay::keep(&b""[..], Path::new("/nonexistent")).await.is_err());
    }
}
