//! Locks of values that are whole at any moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a value, also if a thread has panicked while it held the lock: no such value is ever changed by halves.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
