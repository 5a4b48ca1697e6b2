//! One machine from connecting to ended: owns the link, its consoles, and the way back to them.
//!
//! A session lives on a thread of its own and speaks with the rest of the program through values:
//! [`Event`]s come out, calls on [`Session`] go in, none of which ever waits. Frames do not pass
//! through here: each console has a [`Mailbox`] that its listener fills.
//!
//! - `state`: where the session stands and what it does next, as a pure state machine.
//! - `queue`: what the person did and QEMU has not been told yet, bounded and in order.
//! - `actor`: the loop that does what the state says.
//! - `serve`: what goes on while the machine is connected; `served`, `listening`: with one console.
//! - [`Hardware`]: which device draws a console.
//! - `boost`: when a vGPU is looked at beyond QEMU's own pace.
//! - `sizing`: what a guest is asked for of its screen.
//! - `paste`: what is copied here and there.
//! - `pulse`: whether QEMU answers.
//! - `watch`, `follow`, `sight`: which of several consoles is the one to look at.

mod actor;
mod boost;
mod follow;
mod hardware;
mod listening;
mod paste;
mod pulse;
mod queue;
mod serve;
mod served;
mod sight;
mod sizing;
mod state;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::thread;

use async_channel::{Receiver, Sender};
use thiserror::Error;

use crate::clipboard;
use crate::frame::Mailbox;
use crate::geometry::{Guest, Size};
use crate::input::{Command, Leds, PointerMode};
use crate::resolution::{Answer, Wish};
use crate::source::{ConnectError, Exited, Shutdown, Source};
use crate::stats::Stats;

use self::queue::Queue;

pub use self::follow::Choice;
pub use self::hardware::{Firmware, Hardware, Ramfb};
pub use self::state::State;
pub use crate::source::{Power, PowerError, Stage};

/// So many events may wait for whoever draws the window before the session waits, too.
const EVENTS: usize = 256;

/// A console's number, as in `/org/qemu/Display1/Console_N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsoleId(pub u32);

impl fmt::Display for ConsoleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a console shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsoleKind {
    /// Pixels.
    Graphic,
    /// Text: listed, and no frames come.
    Text,
}

/// Who a machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What `-name` gave it, or QEMU's own word.
    pub name: String,
    /// What `-uuid` gave it.
    pub uuid: Option<String>,
    /// QEMU's version, where its monitor told us.
    pub qemu: Option<String>,
}

/// One of a machine's consoles.
#[derive(Clone)]
pub struct Console {
    pub id: ConsoleId,
    /// A name for people, as "virtio-gpu-pci".
    pub label: String,
    pub kind: ConsoleKind,
    /// Which output of its device it is.
    pub head: u32,
    /// Where its device sits, as "pci/0000/02.0"; empty for ramfb.
    pub device: String,
    /// What that device is.
    pub hardware: Hardware,
    /// Its size when it was found, as good as QEMU knew it.
    pub size: Size<Guest>,
    /// Where its frames arrive. The same before and after a reconnect.
    pub frames: Arc<Mailbox>,
    /// What its frames do on the way.
    pub stats: Arc<Stats>,
}

impl Console {
    /// Its device's id, or the name of its type where that has none: the label without the head.
    pub fn device_name(&self) -> &str {
        hardware::device_name(&self.label, self.head)
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, label, kind, head, device, hardware, size, .. } = self;
        write!(f, "Console {id} ({label:?}, {kind:?}, head {head} of {device:?}, {hardware:?}, {size:?})")
    }
}

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// The session stands elsewhere now.
    State(State),
    /// There is a console. Those of a machine that comes back are not told of again.
    ConsoleAdded(Console),
    /// A console is gone, and its mailbox with it.
    ConsoleRemoved(ConsoleId),
    /// The guest switched lock lights.
    Leds(ConsoleId, Leds),
    /// The guest takes the pointer in another way.
    PointerMode(ConsoleId, PointerMode),
    /// Of several consoles, this is the one to look at from now on: the one that last began to show
    /// something, or the one that was chosen. Where there is only one, this is not told.
    ActiveConsole(ConsoleId),
    /// The guest has begun or ceased to use this one of several consoles: before that is told, it does
    /// not. Where there is only one, this is not told.
    InUse(ConsoleId, bool),
    /// QEMU has answered a wish for a screen size; one that a later wish has overtaken before QEMU
    /// heard of it is not told of.
    Asked(ConsoleId, Wish, Answer),
    /// QEMU does not answer while the person works with it, or does again.
    Answers(bool),
    /// A switch of the machine did not work.
    PowerFailed(Power, PowerError),
    /// Something happened to the machine's clipboard, for the [`Exchange`](clipboard::Exchange).
    Clipboard(clipboard::Input),
}

/// Why there is no connection.
#[derive(Debug, Clone, Error)]
pub enum Loss {
    /// The machine could not be reached.
    #[error("{0}")]
    Unreachable(Arc<ConnectError>),
    /// The connection was closed, and nobody says why.
    #[error("the connection was closed")]
    Closed,
    /// The machine is gone from where it was.
    #[error("the machine is gone")]
    Gone,
    /// Another viewer has the display.
    #[error("another viewer has taken over the display")]
    TakenOver,
    /// QEMU is there, and its display does not work.
    #[error("the display does not work: {0}")]
    Display(String),
}

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It has shut down.
    Shutdown(Shutdown),
    /// Our own QEMU has ended.
    Exited(Exited),
    /// It went and did not come back.
    Gone,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown(shutdown) => shutdown.fmt(f),
            Self::Exited(exited) => exited.fmt(f),
            Self::Gone => f.write_str("the machine is gone"),
        }
    }
}

/// What a session does or leaves undone by itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub boost: Boosting,
}

/// Whether a vGPU's picture is asked for at the screen's pace, beyond the 33 a second that QEMU gives
/// by itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Boosting {
    /// Where we hold the machine's own monitor, and it helps.
    #[default]
    Auto,
    /// Also where libvirt holds it, which marks the machine as tainted for it.
    Everywhere,
    /// As `Everywhere`, whether that helps or not.
    Always,
    Off,
}

/// What the rest of the program asks for.
#[derive(Debug)]
enum Request {
    Ask(ConsoleId, Wish),
    Boost(Boosting),
    Choose(Choice),
    Reconnect,
    Power(Power),
    OpenClipboard,
    Clipboard(clipboard::Act),
    Close,
}

/// A handle on a session; the last one to be dropped closes it.
#[derive(Debug, Clone)]
pub struct Session {
    requests: Sender<Request>,
    input: Arc<Queue>,
}

impl Session {
    /// Starts a session, which begins to connect.
    ///
    /// The receiver ends when the session has: then a machine of our own has ended, too.
    pub fn start(source: Source) -> (Self, Receiver<Event>) {
        Self::start_with(source, Options::default())
    }

    /// Starts a session that does as it is told.
    pub fn start_with(source: Source, options: Options) -> (Self, Receiver<Event>) {
        let (requests, incoming) = async_channel::unbounded();
        let (events, receiver) = async_channel::bounded(EVENTS);
        let input = Arc::new(Queue::default());
        let session = Self { requests, input: input.clone() };
        let told = events.clone();
        let thread = thread::Builder::new().name("oriel-session".into());
        let started =
            thread.spawn(move || zruntime::block_on(actor::run(source, options, incoming, input, events)));
        if let Err(error) = started {
            let reason = Loss::Unreachable(Arc::new(ConnectError::Resources(error)));
            // There is room: it is the first.
            let _ = told.try_send(Event::State(State::Lost { reason, retry: None }));
        }
        (session, receiver)
    }

    /// Does to the guest what the person did. In order, without waiting; nothing while there is no
    /// connection.
    pub fn send(&self, console: ConsoleId, command: Command) {
        self.input.push(console, command);
    }

    /// Asks the guest for a screen size. It may not obey; [`Event::Asked`] tells what QEMU says.
    pub fn ask(&self, console: ConsoleId, wish: Wish) {
        self.request(Request::Ask(console, wish));
    }

    /// Asks for a vGPU's picture oftener than QEMU gives it by itself, or does not.
    pub fn set_boost(&self, boost: Boosting) {
        self.request(Request::Boost(boost));
    }

    /// Looks at this console, or at the one that last began to show something;
    /// [`Event::ActiveConsole`] tells which that is.
    pub fn choose(&self, choice: Choice) {
        self.request(Request::Choose(choice));
    }

    /// Attends to the machine's clipboard from now on, whenever it is connected.
    pub fn open_clipboard(&self) {
        self.request(Request::OpenClipboard);
    }

    /// Does to the machine's clipboard what the [`Exchange`](clipboard::Exchange) wants: of its acts,
    /// those that the desktop does are left to whoever calls this.
    pub fn clipboard(&self, act: clipboard::Act) {
        self.request(Request::Clipboard(act));
    }

    /// Connects again, if there is no connection: a machine of our own is started anew.
    pub fn reconnect(&self) {
        self.request(Request::Reconnect);
    }

    /// Works the machine's switches, if it is our own or was reached over QMP.
    pub fn power(&self, power: Power) {
        self.request(Request::Power(power));
    }

    /// Lets go of the machine: held keys are released, a machine of our own ends. The event channel
    /// closes when that is done.
    pub fn close(&self) {
        self.request(Request::Close);
    }

    fn request(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            tracing::debug!("the session has ended");
        }
    }
}
