//! The whole user space of Oriel's test machine: draws, follows modes, reports input, obeys.

mod guest;
mod input;
mod modules;
mod options;
mod pace;
mod paint;
mod power;
mod report;
mod screen;
mod size;
mod uevent;

use std::process::ExitCode;

use rustix::event::Timespec;

use crate::guest::Guest;
use crate::report::Serial;

/// How long a reader of the serial port may keep us from switching off.
const PATIENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

fn main() -> ExitCode {
    if std::process::id() != 1 {
        eprintln!(
            "guest: this program is the init of Oriel's test machine; tests/guest/README.md says how to run it"
        );
        return ExitCode::FAILURE;
    }
    if power::start().is_err() {
        return ExitCode::FAILURE;
    }
    // Whatever fails, the kernel ends the machine when its init is gone: tests see the machine stop.
    let Ok(serial) = Serial::open() else {
        return ExitCode::FAILURE;
    };
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut serial) = Serial::open() {
            serial.report(format_args!("failed: {panic}"));
            serial.drain(&PATIENCE);
        }
    }));
    let mut guest = Guest::start(serial);
    let end = guest.run();
    let mut serial = guest.stop();
    serial.drain(&PATIENCE);
    let refused = power::end(end);
    serial.report(format_args!("failed: {end:?}: {refused}"));
    serial.drain(&PATIENCE);
    ExitCode::FAILURE
}
