//! The serial port of a machine: lines as they come, and what the test guest means by them.

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::error::{Doing, Error, Result};

/// What begins each of the guest's own lines; the firmware and the kernel write to the same port.
const PREFIX: &str = "oriel-guest: ";

/// Up, down, or down again because it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Pressed.
    Down,
    /// Released.
    Up,
    /// Held.
    Repeat,
}

/// What the guest reports; see `tests/guest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It draws.
    Ready {
        /// Its mode.
        size: (u32, u32),
        /// The kernel's driver of its display.
        driver: String,
    },
    /// A key changed.
    Key {
        /// As in linux/input-event-codes.h.
        code: u32,
        /// What happened to it.
        state: State,
    },
    /// A button changed.
    Button {
        /// As in `BTN_LEFT`.
        name: String,
        /// What happened to it.
        state: State,
    },
    /// The absolute pointer is there.
    Abs {
        /// Position in units of the device.
        at: (i32, i32),
        /// The largest position.
        of: (i32, i32),
    },
    /// The relative pointer went so far.
    Rel {
        /// Right and down.
        by: (i32, i32),
    },
    /// A wheel turned by notches, up and to the right.
    Wheel {
        /// Up.
        vertical: i32,
        /// To the right.
        horizontal: i32,
    },
    /// It has another mode; 0 by 0 while the display is off.
    Mode {
        /// In pixels.
        size: (u32, u32),
    },
    /// One of its further heads has another mode; 0 by 0 while that is off.
    Head {
        /// Counted from 1; the first one's is [`Report::Mode`].
        number: u32,
        /// In pixels.
        size: (u32, u32),
    },
    /// So many frames were drawn.
    Frame {
        /// Since it is ready.
        count: u64,
        /// Seconds since boot.
        at: String,
    },
    /// Somebody pressed the power button.
    Power,
    /// Another line.
    Other(String),
}

impl Report {
    /// What a line of the serial port means; nothing where it is not the guest's.
    pub fn parse(line: &str) -> Option<Self> {
        let (_, text) = line.split_once(PREFIX)?;
        let text = text.trim_end();
        Some(Self::parse_own(text).unwrap_or_else(|| Self::Other(text.to_owned())))
    }

    fn parse_own(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split(' ').collect();
        Some(match words[..] {
            ["ready", size, driver] => {
                Self::Ready { size: pair(size)?, driver: driver.strip_prefix("driver=")?.to_owned() }
            }
            ["key", code, _, state] => Self::Key { code: code.parse().ok()?, state: state_of(state)? },
            ["button", name, state] => Self::Button { name: name.to_owned(), state: state_of(state)? },
            ["abs", x, y, "of", right, bottom] => {
                Self::Abs { at: numbers(x, y)?, of: numbers(right, bottom)? }
            }
            ["rel", x, y] => Self::Rel { by: numbers(x, y)? },
            ["wheel", vertical, horizontal] => {
                let (vertical, horizontal) = numbers(vertical, horizontal)?;
                Self::Wheel { vertical, horizontal }
            }
            ["mode", size] => Self::Mode { size: pair(size)? },
            ["head", number, size] => Self::Head { number: number.parse().ok()?, size: pair(size)? },
            ["frame", count, "at", at] => Self::Frame { count: count.parse().ok()?, at: at.to_owned() },
            ["power"] => Self::Power,
            _ => return None,
        })
    }
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

fn numbers(first: &str, second: &str) -> Option<(i32, i32)> {
    Some((first.parse().ok()?, second.parse().ok()?))
}

fn state_of(text: &str) -> Option<State> {
    match text {
        "down" => Some(State::Down),
        "up" => Some(State::Up),
        "repeat" => Some(State::Repeat),
        _ => None,
    }
}

/// The near end of a serial port. The machine connects to it, so no line is lost.
#[derive(Clone)]
pub struct Serial {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    lines: Vec<String>,
    /// Lines before this one have been waited for.
    seen: usize,
    machine: Option<UnixStream>,
    is_closed: bool,
}

impl Serial {
    /// Listens at `path` for one machine.
    pub(super) fn listen(path: &Path) -> Result<Self> {
        let listener = UnixListener::bind(path).doing("listen for the serial port")?;
        let shared = Arc::new(Shared { inner: Mutex::default(), changed: Condvar::new() });
        let far = Arc::downgrade(&shared);
        // Ends with the machine, or with this process if none ever comes.
        std::thread::spawn(move || {
            let Ok((machine, _)) = listener.accept() else { return };
            let Some(shared) = far.upgrade() else { return };
            shared.lock().machine = machine.try_clone().ok();
            shared.read_lines(machine);
        });
        Ok(Self { shared })
    }

    /// Waits for a line that `check` accepts, after those that were waited for before.
    ///
    /// # Errors
    /// When none comes within `limit`, or the machine ends first; the error holds the last lines.
    pub fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut check: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        let mut inner = self.shared.lock();
        let mut next = inner.seen;
        loop {
            while let Some(line) = inner.lines.get(next) {
                next += 1;
                if let Some(found) = check(line) {
                    inner.seen = next;
                    return Ok(found);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if inner.is_closed || left.is_zero() {
                let end = if inner.is_closed { "; the machine has ended" } else { "" };
                let detail = format!("the serial port says{end}:\n{}", last(&inner.lines));
                return Err(Error::Timeout { what: what.to_owned(), limit, detail });
            }
            inner = self.shared.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a report of the test guest that `check` accepts, after those that were waited for before.
    ///
    /// # Errors
    /// As for [`Serial::wait_for`].
    pub fn guest<T>(
        &self,
        what: &str,
        limit: Duration,
        mut check: impl FnMut(&Report) -> Option<T>,
    ) -> Result<T> {
        self.wait_for(what, limit, |line| check(&Report::parse(line)?))
    }

    /// Waits for exactly this report of the test guest.
    ///
    /// # Errors
    /// As for [`Serial::wait_for`].
    pub fn expect(&self, report: &Report, limit: Duration) -> Result<()> {
        self.guest(&format!("report {report:?} of the guest"), limit, |one| (one == report).then_some(()))
    }

    /// Sends the guest a line, such as `mode 800x600`.
    ///
    /// # Errors
    /// When no machine is connected.
    pub fn send(&self, line: &str) -> Result<()> {
        let mut inner = self.shared.lock();
        let machine = inner.machine.as_mut().ok_or_else(|| Error::failed("no machine at the serial port"))?;
        machine.write_all(format!("{line}\n").as_bytes()).doing("write to the serial port")
    }

    /// Whether the machine has ended; there will be no more lines then.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.shared.lock().lines.clone()
    }

    /// All reports of the test guest so far.
    pub fn reports(&self) -> Vec<Report> {
        self.shared.lock().lines.iter().filter_map(|line| Report::parse(line)).collect()
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serial").field("lines", &self.shared.lock().lines.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_lines(&self, machine: UnixStream) {
        let mut reader = BufReader::new(machine);
        let mut line = Vec::new();
        // Firmware writes escape sequences and more: no line is thrown away for it.
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.lock().lines.push(text);
            self.changed.notify_all();
            line.clear();
        }
        self.lock().is_closed = true;
        self.changed.notify_all();
    }
}

fn last(lines: &[String]) -> String {
    const LINES: usize = 20;
    let first = lines.len().saturating_sub(LINES);
    lines[first..].iter().map(|line| format!("  serial: {}\n", line.escape_debug())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_understood_wherever_they_begin() {
        let table = [
            (
                "oriel-guest: ready 1280x800 driver=virtio_gpu",
                Report::Ready { size: (1280, 800), driver: "virtio_gpu".into() },
            ),
            ("\u{1b}[2Joriel-guest: key 30 KEY_A down", Report::Key { code: 30, state: State::Down }),
            ("oriel-guest: button BTN_LEFT up", Report::Button { name: "BTN_LEFT".into(), state: State::Up }),
            ("oriel-guest: abs 1 2 of 32767 32767", Report::Abs { at: (1, 2), of: (32767, 32767) }),
            ("oriel-guest: rel -3 4", Report::Rel { by: (-3, 4) }),
            ("oriel-guest: wheel -1 0", Report::Wheel { vertical: -1, horizontal: 0 }),
            ("oriel-guest: mode 0x0", Report::Mode { size: (0, 0) }),
            ("oriel-guest: head 2 640x480", Report::Head { number: 2, size: (640, 480) }),
            ("oriel-guest: frame 30 at 3.250", Report::Frame { count: 30, at: "3.250".into() }),
            ("oriel-guest: power\r", Report::Power),
            ("oriel-guest: trouble: input", Report::Other("trouble: input".into())),
        ];
        for (line, report) in table {
            assert_eq!(Report::parse(line), Some(report), "{line:?}");
        }
        assert_eq!(Report::parse("Linux version 6.12"), None);
    }

    #[test]
    fn lines_are_waited_for_in_order_and_sent_back() -> Result<()> {
        const LIMIT: Duration = Duration::from_secs(10);
        let dir = tempfile::tempdir().doing("make a directory")?;
        let path = dir.path().join("serial");
        let serial = Serial::listen(&path)?;
        let mut far = UnixStream::connect(&path).doing("connect")?;
        far.write_all(b"one\n\xff\xfeoriel-guest: power\nthree").doing("write")?;
        serial.expect(&Report::Power, LIMIT)?;
        serial.send("mode 800x600")?;
        let mut line = String::new();
        BufReader::new(far.try_clone().doing("clone")?).read_line(&mut line).doing("read")?;
        assert_eq!(line, "mode 800x600\n");
        far.shutdown(std::net::Shutdown::Both).doing("hang up")?;
        // What came before the last report is not seen again; what never ended is seen.
        let three = serial.wait_for("third line", LIMIT, |line| Some(line.to_owned()))?;
        assert_eq!(three, "three");
        assert!(serial.expect(&Report::Power, LIMIT).is_err());
        Ok(())
    }
}
