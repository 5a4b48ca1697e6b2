//! Recorded sequences of QEMU's messages, and what is shown at each of them.
//!
//! A file in `sequences` holds the messages of one console, as they were recorded (those of vGPUs and
//! of virtio buffers on QEMU 10.0 with real dma-bufs) or as QEMU's sources say they come, with the
//! time in seconds, and below each what comes of it:
//!
//! ```text
//! 0.300 dmabuf ramfb 1024x768 XB24      ScanoutDMABUF; dmabuf2 is its second version
//! 0.310 update 0 0 1024 768             UpdateDMABUF, UpdateMap; `5 times every 0.030` may come before
//!   > 0.310 shows ramfb 1024x768
//! ```
//!
//! The screen takes every picture at once. Buffers are told apart by their names.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oriel::clock::Time;
use oriel::frame::{
    Applied, Cursor, Dmabuf, DmabufParts, Event, Image, Model, Plane, Pointer, Scanout, Screen, Wire,
};
use oriel::geometry::{Backing, Point, Rect, Size};
use oriel::pixel::{Format, Fourcc, Modifier};

/// The replay of one file.
#[derive(Default)]
struct Replay {
    model: Model,
    now: Time,
    /// Inodes by the names of their buffers.
    buffers: HashMap<String, u64>,
    shown: String,
    screen: Screen,
    pointer: Pointer,
    /// The same picture, updated so often since it was last told.
    updates: u32,
    told: String,
}

impl Replay {
    fn play(mut self, text: &str) -> String {
        for line in text.lines() {
            if line.trim_start().starts_with('>') {
                continue;
            }
            let words: Vec<_> = line.split_whitespace().collect();
            if let Some((at, words)) = words.split_first().filter(|(at, _)| !at.starts_with('#')) {
                let (times, every, words) = match words {
                    [times, "times", "every", every, rest @ ..] => {
                        (times.parse().expect("a number"), seconds(every), rest)
                    }
                    _ => (1, Duration::ZERO, words),
                };
                self.told.push_str(line);
                self.told.push('\n');
                for turn in 0..times {
                    self.pass_until(Time::default() + seconds(at) + every * turn);
                    self.apply(words);
                }
                self.tell_updates();
            } else {
                self.told.push_str(line);
                self.told.push('\n');
            }
        }
        self.told
    }

    fn pass_until(&mut self, then: Time) {
        while let Some(due) = self.model.deadline().filter(|due| *due <= then) {
            self.now = due.max(self.now);
            let applied = self.model.tick(self.now);
            self.look();
            self.tell_request(applied);
        }
        self.now = then;
    }

    fn apply(&mut self, words: &[&str]) {
        let bytes = vec![0x77; 4 << 20];
        let event = match words {
            ["dmabuf", name, size, fourcc] => self.dmabuf(Wire::V1, name, size, fourcc),
            ["dmabuf2", name, size, fourcc] => self.dmabuf(Wire::V2, name, size, fourcc),
            ["update", x, y, width, height] => {
                let [x, y, width, height] = [x, y, width, height].map(|word| word.parse().expect("a number"));
                Event::Damage { x, y, width, height, ack: None }
            }
            ["scanout", size] => {
                let size = parse_size(size);
                Event::Pixels(Image::new(size, size.width * 4, Format::Xrgb8888, &bytes).expect("a picture"))
            }
            ["patch", x, y, size] => {
                let [x, y] = [x, y].map(|word| word.parse().expect("a number"));
                let size = parse_size(size);
                let image = Image::new(size, size.width * 4, Format::Xrgb8888, &bytes).expect("a picture");
                Event::Patch { at: Point::new(x, y), image }
            }
            ["disable"] => Event::Disable,
            ["gone"] => Event::Gone,
            ["mouse", on] => Event::PointerSet { at: Point::new(0, 0), visible: *on == "on" },
            ["cursor", size, x, y] => {
                let size = parse_size(size);
                let hotspot = Point::new(x.parse().expect("a number"), y.parse().expect("a number"));
                let shape = vec![0; (size.width * size.height * 4) as usize];
                Event::Cursor(Arc::new(Cursor::new(size, hotspot, shape).expect("a shape")))
            }
            ["end"] => return,
            _ => panic!("not a message: {words:?}"),
        };
        let applied = self.model.apply(event, self.now).expect("a valid message");
        self.look();
        self.tell_request(applied);
    }

    fn tell_request(&mut self, applied: Applied) {
        if applied.resync {
            self.tell("registers again");
        }
    }

    fn dmabuf(&mut self, wire: Wire, name: &str, size: &str, fourcc: &str) -> Event<'static> {
        let next = self.buffers.len() as u64 + 1;
        let inode = *self.buffers.entry(name.to_owned()).or_insert(next);
        let size: Size<Backing> = parse_size(size);
        let code: [u8; 4] = fourcc.as_bytes().try_into().expect("four letters");
        let parts = DmabufParts {
            file: (1, inode),
            planes: vec![Plane {
                fd: File::open("/dev/null").unwrap().into(),
                offset: 0,
                stride: size.width * 4,
            }],
            fourcc: Fourcc(u32::from_le_bytes(code)),
            modifier: Modifier::LINEAR,
            backing: size,
            crop: Rect::new(0, 0, size.width, size.height),
            y0_top: false,
            wire,
        };
        Event::Dmabuf(Dmabuf::new(parts).expect("a valid buffer"))
    }

    /// Takes what is new and tells what has become different.
    fn look(&mut self) {
        if let Some(pending) = self.model.take() {
            let name = match &pending.scanout {
                Scanout::Dmabuf(dmabuf) => {
                    let known = self.buffers.iter().find(|(_, inode)| **inode == dmabuf.id().inode);
                    known.expect("a buffer with a name").0.clone()
                }
                Scanout::Pixels(_) => "pixels".to_owned(),
                other => format!("{other:?}"),
            };
            let size = pending.scanout.size();
            let shown = format!("{name} {}x{}", size.width, size.height);
            if shown == self.shown {
                self.updates += 1;
            } else {
                self.tell(&format!("shows {shown}"));
                self.shown = shown;
            }
        }
        let screen = self.model.screen();
        if std::mem::replace(&mut self.screen, screen) != screen && screen == Screen::Off {
            self.tell("is off");
            self.shown.clear();
        }
        let pointer = self.model.pointer().clone();
        if std::mem::replace(&mut self.pointer, pointer.clone()) != pointer {
            let words = match pointer {
                Pointer::Unknown => "pointer: unknown".to_owned(),
                Pointer::Hidden => "pointer: hidden".to_owned(),
                Pointer::Shown(None) => "pointer: an arrow of ours".to_owned(),
                Pointer::Shown(Some(shape)) => {
                    let (size, hotspot) = (shape.size(), shape.hotspot());
                    format!("pointer: {}x{} at {} {}", size.width, size.height, hotspot.x, hotspot.y)
                }
            };
            self.tell(&words);
        }
    }

    fn tell_updates(&mut self) {
        let updates = std::mem::take(&mut self.updates);
        if updates > 0 {
            writeln!(self.told, "  > {updates} more").expect("a string");
        }
    }

    fn tell(&mut self, words: &str) {
        self.tell_updates();
        let at = Duration::from_nanos(self.now.as_nanos()).as_secs_f64();
        writeln!(self.told, "  > {at:.3} {words}").expect("a string");
    }
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs_f64(text.parse().expect("seconds"))
}

fn parse_size<S>(text: &str) -> Size<S> {
    let (width, height) = text.split_once('x').expect("a size");
    Size::new(width.parse().expect("a width"), height.parse().expect("a height"))
}

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sequences");
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_recorded_sequence_shows_what_it_says() {
    let recordings = recordings();
    assert!(recordings.len() >= 10, "{recordings:?}");
    let mut wrong = Vec::new();
    for path in recordings {
        let text = std::fs::read_to_string(&path).unwrap();
        let played = Replay::default().play(&text);
        if played != text {
            wrong.push(format!("{}, as it is played:\n{played}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
