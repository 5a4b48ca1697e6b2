//! What a test asks of the client, and the picture that both know.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The environment variable with the socket that the client is to connect to.
pub(crate) const SOCKET: &str = "ORIEL_TEST_CLIENT";

/// The environment variable with the size that its window is to have at first, as in `320x200`.
pub(crate) const SIZE: &str = "ORIEL_TEST_SIZE";

/// What a guest's framebuffer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Medium {
    /// A file as QEMU passes it: not sealed, of our own user.
    Map,
    /// The same, sealed against shrinking.
    SealedMap,
    /// The same, for reading only: it can only be copied.
    ReadOnlyMap,
    /// Bytes in messages.
    Messages,
    /// A regular file in place of a dma-buf.
    Dmabuf { y0_top: bool },
    /// The same, sealed against shrinking, as good as a dma-buf to drivers without hardware.
    SealedDmabuf,
    /// That, with its last row first.
    SealedFlipped,
    /// A descriptor in place of a dma-buf that nobody can read.
    Pipe,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// The guest has a new framebuffer: `picture` of `size` in a buffer with `margin` pixels around it
    /// (a dma-buf) or with that many bytes more to a row (a map).
    Switch {
        medium: Medium,
        size: (u32, u32),
        margin: u32,
        picture: u32,
    },
    /// The guest draws another picture in a rectangle, and says so.
    Paint {
        rect: (i32, i32, u32, u32),
        picture: u32,
    },
    /// The guest draws without saying so.
    Scribble {
        rect: (i32, i32, u32, u32),
        picture: u32,
    },
    /// The guest draws whole pictures at a steady rate; the answer comes when it has.
    Play {
        frames: u32,
        rate: u32,
    },
    /// The guest shows so many buffers like its own in turn, at a steady rate; the last frame is of
    /// picture 0.
    Flip {
        buffers: u32,
        frames: u32,
        rate: u32,
    },
    /// The file behind the map ends after so many bytes.
    Shrink {
        bytes: u64,
    },
    /// Opens the output, or another one in place of it.
    Open {
        rung: Rung,
    },
    /// The same, with a copy of each update.
    OpenSnapshot {
        rung: Rung,
    },
    Close,
    /// Opens and closes the output many times.
    Churn {
        times: u32,
    },
    /// The picture's room within the window: a border of this many units.
    Border {
        units: i32,
    },
    /// No picture.
    Nowhere,
    OneToOne,
    /// How the picture is to look.
    Look {
        mode: Mode,
        /// Quarter turns, clockwise.
        quarters: u32,
        /// By its name.
        filter: String,
        background: (u8, u8, u8),
    },
    Below {
        below: bool,
    },
    Dialog,
    /// Keeps the main loop busy for `busy` of every `period` milliseconds.
    Busy {
        busy: u32,
        period: u32,
    },
    Visible {
        visible: bool,
    },
    Report,
    Quit,
}

/// How the picture takes its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    Fit,
    OneToOne,
    Integer,
    Fill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rung {
    Auto,
    Direct,
    Compose,
    Copy,
    Gtk,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// As in `--stats`.
    pub(crate) stats: serde_json::Value,
    pub(crate) status: String,
    /// Updates that waited for a reply, and how many were answered.
    pub(crate) updates: u64,
    pub(crate) answered: u64,
    /// Open descriptors of the client.
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// The window's room for the picture in units of its surface, and the scale: what a placement is
    /// made of.
    pub(crate) area: (i32, i32, u32, u32),
    pub(crate) scale: f64,
    /// GTK's renderer, by its type.
    pub(crate) renderer: String,
}

/// The colour of a picture's pixel: no two of a picture are alike, neighbours are not even similar, and
/// no two pictures have the same one anywhere.
pub(crate) fn pixel(picture: u32, x: u32, y: u32) -> [u8; 3] {
    // Multiplying by an odd number leaves different numbers different.
    let place = (y << 12 | x).wrapping_mul(0x9e_3779);
    let [_, red, green, blue] = place.wrapping_add(picture.wrapping_mul(0x0001_0193) << 3 | 1).to_be_bytes();
    [red, green, blue]
}

/// One end of the conversation: a line of JSON for each word.
#[derive(Debug)]
pub(crate) struct Line(BufReader<UnixStream>);

impl Line {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn say(&mut self, word: &impl Serialize) {
        let mut text = serde_json::to_string(word).expect("JSON");
        text.push('\n');
        self.0.get_mut().write_all(text.as_bytes()).expect("the other end listens");
    }

    /// `None` when the other end is gone.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut text = String::new();
        match self.0.read_line(&mut text) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&text).expect("a word")),
            Err(error) => panic!("the other end says nothing: {error}"),
        }
    }
}
