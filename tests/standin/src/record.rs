//! Everything a viewer did, in order, with times, and waiting for it.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

use crate::clock;
use crate::listener::Listener;

/// What `SetUIInfo` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UiInfo {
    pub width_mm: u16,
    pub height_mm: u16,
    pub xoff: i32,
    pub yoff: i32,
    pub width: u32,
    pub height: u32,
}

/// One thing that the viewer did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Call {
    /// A main connection is up (peer to peer), or a bus was joined.
    Connected,
    /// A main connection is gone.
    Disconnected,
    GetManagedObjects,
    /// Properties were read; the name is empty for `GetAll`.
    ReadProperty {
        interface: String,
        property: String,
    },
    RegisterListener,
    /// A listener's handshake is over and it may be sent to.
    ListenerReady,
    /// A listener's handshake came to nothing.
    ListenerFailed {
        why: String,
    },
    ListenerClosed,
    SetUiInfo(UiInfo),
    KeyPress(u32),
    KeyRelease(u32),
    MousePress(u32),
    MouseRelease(u32),
    SetAbsPosition {
        x: u32,
        y: u32,
    },
    RelMotion {
        dx: i32,
        dy: i32,
    },
    Touch {
        kind: u32,
        slot: u64,
        x: f64,
        y: f64,
    },
    /// A partner for the clipboard, and whether it told its properties in time.
    ClipboardRegister {
        answered: bool,
    },
    ClipboardUnregister,
    ClipboardGrab {
        selection: u32,
        serial: u32,
        mimes: Vec<String>,
    },
    ClipboardRelease(u32),
    ClipboardRequest(u32),
    /// A call that was answered with an error.
    Refused {
        member: String,
        error: String,
    },
    /// A QMP command, by name.
    Qmp(String),
}

/// A call, when it was handled, and which console it was for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// On `CLOCK_MONOTONIC`.
    #[serde(rename = "at_ns", with = "clock::nanos")]
    pub at: Duration,
    pub console: Option<u32>,
    pub call: Call,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} ", self.at.as_secs_f64())?;
        if let Some(console) = self.console {
            write!(f, "console {console}: ")?;
        }
        write!(f, "{:?}", self.call)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    records: Vec<Record>,
    listeners: Vec<Listener>,
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    log: Mutex<Log>,
    changed: Condvar,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no code panics while it holds the record")
    }

    pub(crate) fn add(&self, console: Option<u32>, call: Call) {
        tracing::trace!(?console, ?call, "the viewer");
        self.lock().records.push(Record { at: clock::now(), console, call });
        self.changed.notify_all();
    }

    pub(crate) fn add_listener(&self, listener: Listener) {
        let console = Some(listener.console());
        self.lock().listeners.push(listener);
        self.add(console, Call::ListenerReady);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().records.clear();
    }

    /// Waits until `found` finds something; what was recorded meanwhile, if it does not.
    pub(crate) fn wait<T>(
        &self,
        timeout: Duration,
        mut found: impl FnMut(&[Record], &[Listener]) -> Option<T>,
    ) -> Result<T, Vec<Record>> {
        let deadline = std::time::Instant::now() + timeout;
        let mut log = self.lock();
        loop {
            if let Some(found) = found(&log.records, &log.listeners) {
                return Ok(found);
            }
            let Some(left) = deadline.checked_duration_since(std::time::Instant::now()) else {
                return Err(log.records.clone());
            };
            log = self.changed.wait_timeout(log, left).expect("no code panics with the record").0;
        }
    }
}
