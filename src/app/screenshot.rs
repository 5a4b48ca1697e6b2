//! `oriel screenshot`: what a machine shows, as a PNG file. Needs no display server.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::cli;
use super::exit::{Exit, Failure};
use super::list::print;
use crate::clock;
use crate::frame::{Scanout, Screen};
use crate::present::readback::Picture;
use crate::session::{Console, ConsoleId, ConsoleKind, Event, Session, State};
use crate::source::libvirt::{Display, Domain, LibvirtError};
use crate::source::{ConnectError, Source};

/// The picture is taken when nothing has changed for so long: QEMU brings its surface up to date only
/// while somebody looks, every 30 ms, so the first picture is that of the last time somebody did.
const SETTLED: Duration = Duration::from_millis(200);

/// A picture that moves is taken after so long.
const MOVING: Duration = Duration::from_secs(1);

/// What there is to hear while waiting.
enum Heard {
    Event(Event),
    /// The console has a new picture.
    Picture,
}

pub(super) fn run(mut command: cli::Screenshot) -> Result<Exit, Failure> {
    if is_standard_output(&command.file) && io::stdout().is_terminal() {
        let words = "standard output is a terminal: expected a file name, or a pipe to write to";
        return Err(Failure::new(Exit::Usage, words));
    }
    let source = command.source()?;
    let deadline = Instant::now() + command.timeout;
    if let (Source::Libvirt(domain), None) = (&source, command.console)
        && let Some(picture) = by_libvirt(domain)?
    {
        save(&picture, &command.file)?;
        return Ok(Exit::Done);
    }
    let (session, events) = Session::start(source);
    let (tell, heard) = mpsc::channel();
    let forward = tell.clone();
    let pass_on = thread::spawn(move || {
        while let Ok(event) = events.recv_blocking() {
            // Nobody listens once there is a picture; the session still has to end.
            let _ = forward.send(Heard::Event(event));
        }
    });
    let mut wait = Wait { wanted: command.console.map(ConsoleId), seen: Vec::new(), chosen: None };
    let picture = wait.for_picture(&heard, &tell, deadline).and_then(|scanout| read(&scanout));
    session.close();
    let _ = pass_on.join();
    save(&picture?, &command.file)?;
    Ok(Exit::Done)
}

/// The picture that libvirt takes by itself, which leaves the display to whoever looks at it, and needs
/// none of ours. `None` where only the display can tell: QEMU has no picture of what a vGPU draws.
fn by_libvirt(domain: &Domain) -> Result<Option<Picture>, Failure> {
    let taken = zruntime::block_on(async {
        let machine = domain.machine().await?;
        if !machine.state.is_on() {
            return Err(LibvirtError::Off(machine.name));
        }
        Ok((domain.hypervisor().screenshot(&machine.uuid, 0).await, machine))
    });
    let (taken, machine) = taken.map_err(|error| Failure::from(ConnectError::from(error)))?;
    let ours = machine.displays.iter().any(|display| !matches!(display, Display::Other { .. }));
    match taken {
        Ok(shot) => {
            let (width, height) = shot.size();
            let picture = Picture::from_rgb(width, height, shot.pixels());
            Ok(Some(picture.expect("a shot has as many pixels as it says")))
        }
        Err(error) if ours && !error.is_of_connection() => {
            tracing::info!(%error, "libvirt takes no picture: the display is asked");
            Ok(None)
        }
        Err(error) => Err(Failure::from(ConnectError::from(error))),
    }
}

/// Waiting for a console's picture.
struct Wait {
    wanted: Option<ConsoleId>,
    seen: Vec<ConsoleId>,
    chosen: Option<Console>,
}

impl Wait {
    fn for_picture(
        &mut self,
        heard: &Receiver<Heard>,
        tell: &Sender<Heard>,
        deadline: Instant,
    ) -> Result<Scanout, Failure> {
        // When the first picture came, and the last.
        let mut pictures: Option<(Instant, Instant)> = None;
        loop {
            let taken = pictures.map(|(first, last)| (first + MOVING).min(last + SETTLED));
            let until = taken.map_or(deadline, |taken| taken.min(deadline));
            match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Heard::Event(event)) => self.take_in(event, tell)?,
                Ok(Heard::Picture) => {
                    let now = Instant::now();
                    // What is taken makes room for the next; the first call may find nothing.
                    let taken = self.chosen.as_ref().and_then(|console| console.frames.take());
                    pictures = taken.map(|_| (pictures.map_or(now, |(first, _)| first), now)).or(pictures);
                }
                Err(_) => {
                    let picture = self.chosen.as_ref().and_then(|console| console.frames.current());
                    match picture {
                        Some(picture) => return Ok(picture),
                        None if Instant::now() >= deadline => return Err(self.nothing()),
                        // The display was switched off again.
                        None => pictures = None,
                    }
                }
            }
        }
    }

    fn take_in(&mut self, event: Event, tell: &Sender<Heard>) -> Result<(), Failure> {
        match event {
            Event::ConsoleAdded(console) => self.found(console, tell),
            Event::State(State::Lost { reason, .. }) => {
                Err(Failure::new(Exit::from(&reason), reason.to_string()))
            }
            Event::State(State::Ended(end)) => Err(Failure::new(Exit::Lost, end.to_string())),
            _ => Ok(()),
        }
    }

    fn found(&mut self, console: Console, tell: &Sender<Heard>) -> Result<(), Failure> {
        self.seen.push(console.id);
        let wanted = self.wanted.is_none_or(|wanted| wanted == console.id);
        match console.kind {
            ConsoleKind::Graphic if wanted && self.chosen.is_none() => {
                let tell = tell.clone();
                console.frames.present(clock::now(), move || {
                    // Nobody listens once there is a picture.
                    let _ = tell.send(Heard::Picture);
                });
                self.chosen = Some(console);
            }
            ConsoleKind::Text if self.wanted == Some(console.id) => {
                let words = format!("console {} shows text, and has no picture", console.id);
                return Err(Failure::new(Exit::Error, words));
            }
            _ => {}
        }
        Ok(())
    }

    /// Why there is no picture in time.
    fn nothing(&self) -> Failure {
        let words = match (&self.chosen, self.wanted) {
            (Some(console), _) if console.frames.screen() == Screen::Off => {
                "the guest has switched its display off".to_owned()
            }
            (Some(console), _) => format!("console {} showed no picture in time", console.id),
            (None, Some(wanted)) if !self.seen.is_empty() => {
                let seen: Vec<String> = self.seen.iter().map(ToString::to_string).collect();
                format!("there is no console {wanted}; there is: {}", seen.join(", "))
            }
            (None, _) => "the machine told of no graphical console in time".to_owned(),
        };
        Failure::new(Exit::NoPicture, words)
    }
}

fn read(scanout: &Scanout) -> Result<Picture, Failure> {
    Picture::read(scanout)
        .map_err(|error| Failure::new(Exit::Error, format!("the picture cannot be read: {error}")))
}

fn is_standard_output(file: &Path) -> bool {
    file == Path::new("-")
}

/// Writes the picture; a file that was there before is replaced only by a whole one.
fn save(picture: &Picture, file: &Path) -> Result<(), Failure> {
    if is_standard_output(file) {
        let mut bytes = Vec::new();
        picture.write_png(&mut bytes).map_err(|error| cannot_write(file, &error))?;
        return print(&bytes);
    }
    let unfinished = unfinished(file);
    let written = File::create(&unfinished).and_then(|created| {
        let mut out = BufWriter::new(created);
        picture.write_png(&mut out)?;
        out.flush()?;
        fs::rename(&unfinished, file)
    });
    written.map_err(|error| {
        // It may never have been there.
        let _ = fs::remove_file(&unfinished);
        cannot_write(file, &error)
    })
}

/// The name of a file until it is whole.
fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn cannot_write(file: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Error, format!("cannot write {}: {error}", file.display()))
}
