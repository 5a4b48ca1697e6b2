//! What a machine's display shows at this moment: looked at, and left alone again.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use gtk::gio;

use crate::clock;
use crate::frame::Scanout;
use crate::library::model::Thumbnail;
use crate::present::readback::Picture;
use crate::session::{ConsoleKind, Event, Session, State};
use crate::source::Source;

/// How long a machine may take to show something.
const PATIENCE: Duration = Duration::from_secs(4);

/// The first picture is that of the last time that somebody looked; a newer one follows it within a
/// moment.
const SETTLED: Duration = Duration::from_millis(150);

/// What the machine of this name, UUID or unique name shows, on the bus with this address: there is room
/// for more than one to look.
pub(super) async fn at_bus(address: Option<String>, machine: &str, most: (u32, u32)) -> Option<Thumbnail> {
    let source = Source::Bus { address, machine: Some(machine.to_owned()) };
    gio::spawn_blocking(move || {
        let picture = Picture::read(&look(source)?).ok()?;
        let size = picture.size();
        let rgb: Vec<u8> =
            picture.rgba().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Thumbnail::shrink(size.width, size.height, &rgb, most)
    })
    .await
    .ok()
    .flatten()
}

enum Heard {
    Event(Event),
    Picture,
}

fn look(source: Source) -> Option<Scanout> {
    let (session, events) = Session::start(source);
    let (tell, heard) = mpsc::channel();
    let pass_on = tell.clone();
    let listener = std::thread::Builder::new().name("oriel-glance".into()).spawn(move || {
        while let Ok(event) = events.recv_blocking() {
            // Nobody listens once there is a picture; the session still has to end.
            let _ = pass_on.send(Heard::Event(event));
        }
    });
    listener.ok()?;
    let mut deadline = Instant::now() + PATIENCE;
    let mut console = None;
    loop {
        match heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Heard::Event(Event::ConsoleAdded(found)))
                if console.is_none() && found.kind == ConsoleKind::Graphic =>
            {
                let tell = tell.clone();
                found.frames.present(clock::now(), move || _ = tell.send(Heard::Picture));
                console = Some(found);
            }
            Ok(Heard::Event(Event::State(State::Lost { .. } | State::Ended(_)))) => break,
            Ok(Heard::Event(_)) => {}
            Ok(Heard::Picture) => {
                let taken = console.as_ref().and_then(|console| console.frames.take());
                if taken.is_some() {
                    deadline = deadline.min(Instant::now() + SETTLED);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    session.close();
    console.and_then(|console| console.frames.current())
}
