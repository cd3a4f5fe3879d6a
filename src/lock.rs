//! The one way to lock plain data.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic while the lock is held leaves plain data behind, which is as good as before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
