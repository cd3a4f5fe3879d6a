//! What a child writes, read as it comes.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[derive(Default)]
struct Heard {
    bytes: Mutex<Vec<u8>>,
    more: Condvar,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream of a child. A thread reads it, so that the child never waits for the test.
pub(super) struct Capture {
    heard: Arc<Heard>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    /// Of this stream; of none, it is empty.
    pub(super) fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let heard = Arc::<Heard>::default();
        let reader = stream.map(|stream| {
            let heard = Arc::clone(&heard);
            thread::spawn(move || listen(stream, &heard))
        });
        Self { heard, reader }
    }

    /// What was heard so far, as text.
    pub(super) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock()).into_owned()
    }

    /// Everything; waits for the stream to end.
    pub(super) fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.so_far()
    }

    /// Waits until the text is heard; false when it was not in that time.
    pub(super) fn wait_for(&self, text: &str, limit: Duration) -> bool {
        let lacks = |bytes: &mut Vec<u8>| !String::from_utf8_lossy(bytes).contains(text);
        let wait = self.heard.more.wait_timeout_while(self.heard.lock(), limit, lacks);
        let (_bytes, result) = wait.unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }
}

fn listen(mut stream: impl Read, heard: &Heard) {
    let mut chunk = [0; 8192];
    while let Ok(n @ 1..) = stream.read(&mut chunk) {
        heard.lock().extend_from_slice(&chunk[..n]);
        heard.more.notify_all();
    }
}
