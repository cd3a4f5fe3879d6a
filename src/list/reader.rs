//! A reader that may block for as long as it likes, read by a thread of its own.

use std::io::{self, Read};
use std::thread;

use bytes::Bytes;
use futures::stream;
use tokio::io::AsyncBufRead;
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

/// Bytes of one read.
const BLOCK: usize = 32 * 1024;

/// Opens and reads `open`'s reader in a thread of its own, two blocks ahead. A pipe, a terminal or a network folder
/// may take its time, and no thread of the runtime waits with it; a run can end while the thread still waits.
///
/// An error in opening or reading is the reader's error.
pub fn read_aside<R, F>(open: F) -> impl AsyncBufRead + Send + Unpin
where
    R: Read,
    F: FnOnce() -> io::Result<R> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(2);
    let blocks = stream::unfold(
        (receiver, Some((sender, open))),
        |(mut receiver, unstarted)| async move {
            if let Some((sender, open)) = unstarted {
                let begun = thread::Builder::new().spawn(move || send_blocks(&sender, open));
                if let Err(error) = begun {
                    return Some((Err(cannot_start(&error)), (receiver, None)));
                }
            }
            let block: io::Result<Bytes> = receiver.recv().await?;
            Some((block, (receiver, None)))
        },
    );
    StreamReader::new(Box::pin(blocks))
}

fn cannot_start(error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot start a thread: {}", crate::error::os(error)),
    )
}

fn send_blocks<R: Read>(sender: &mpsc::Sender<io::Result<Bytes>>, open: impl FnOnce() -> io::Result<R>) {
    let mut reader = match open() {
        Ok(reader) => reader,
        Err(error) => return drop(sender.blocking_send(Err(error))),
    };
    let mut block = vec![0; BLOCK];
    loop {
        let read = match reader.read(&mut block) {
            Ok(0) => return,
            Ok(read) => Ok(Bytes::copy_from_slice(&block[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if sender.blocking_send(read).is_err() || failed {
            return;
        }
    }
}
