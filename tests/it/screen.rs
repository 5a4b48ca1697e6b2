//! A screen for tests that have none: it takes every picture, and shows one at each refresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oriel::clock;
use oriel::session::Console;

/// Somebody looks, until this is dropped.
pub(crate) struct Screen {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Screen {
    /// Takes a console's pictures once every `refresh`.
    pub(crate) fn of(console: &Console, refresh: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, frames) = (stop.clone(), console.frames.clone());
        frames.present(clock::now(), || {});
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                if frames.take().is_some() {
                    frames.cadence().seen(clock::now(), refresh);
                }
                thread::sleep(refresh);
            }
            frames.stop_presenting();
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}
