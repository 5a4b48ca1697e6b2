//! The main job, shown or proved: a real machine from its firmware to its end, through Oriel.

mod headless;
mod live;
mod picture;
mod summary;

use std::{
    env,
    io::{self, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use harness::{
    Result,
    machine::{Builder, Firmware, GuestOptions, Machine},
};

use crate::summary::Summary;

/// Starts QEMU with UEFI firmware and a small Linux guest, and Oriel in front of it.
///
/// With a desktop, a window opens for you to work in. Without one, a compositor without a screen
/// is started, the guest is typed and clicked into through it, and a picture is taken.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Options {
    /// End after so many seconds; without a desktop, of the running guest [default: when the window is closed, or 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,

    /// Where the picture goes [default: demo.png]; without a desktop only, so it implies --headless
    #[arg(long, value_name = "FILE")]
    shot: Option<PathBuf>,

    /// Use a desktop without a screen even where there is one
    #[arg(long)]
    headless: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let seconds = options.seconds.map(Duration::from_secs);
    let outcome = if options.headless || options.shot.is_some() || !has_desktop() {
        let shot = options.shot.unwrap_or_else(|| "demo.png".into());
        headless::run(seconds.unwrap_or(Duration::from_secs(20)), &shot)
    } else {
        live::run(seconds)
    };
    match outcome.and_then(|summary| print(&summary)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The machine of the demonstration. Oriel adds the display and QMP itself.
fn machine() -> Result<Machine> {
    let builder = Builder::new().name("Oriel demo").firmware(Firmware::Ovmf).guest(GuestOptions::default());
    builder.fast().without_qmp().prepare()
}

/// Says what is happening, for people who wait.
fn say(text: impl std::fmt::Display) {
    eprintln!("demo: {text}");
}

fn print(summary: &Summary) -> Result<()> {
    use harness::Doing;
    write!(io::stdout(), "{summary}").doing("print the summary")
}

/// Whether somebody listens where the environment says that a display is.
fn has_desktop() -> bool {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    let wayland = named("WAYLAND_DISPLAY").map(|display| {
        let dir = named("XDG_RUNTIME_DIR").unwrap_or_default();
        UnixStream::connect(Path::new(&dir).join(display)).is_ok()
    });
    let x11 = named("DISPLAY").map(|display| is_x_server(&display.to_string_lossy()));
    wayland.unwrap_or(false) || x11.unwrap_or(false)
}

/// Local servers can be asked; others are taken at their word.
fn is_x_server(display: &str) -> bool {
    let Some((host, number)) = display.rsplit_once(':') else { return false };
    let number = number.split('.').next().unwrap_or(number);
    if !host.is_empty() && host != "unix" {
        return true;
    }
    UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).is_ok()
}
