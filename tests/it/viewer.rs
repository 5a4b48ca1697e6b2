//! A viewer without a window: a peer and a listener of ours against the stand-in.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use oriel::clock;
use oriel::display1::{Console, Frames, Listener, Pace, Peer, RegisterError, Report};
use oriel::frame::{Mailbox, Pending, Scanout, Screen};
use oriel::geometry::Size;
use oriel::stats::Stats;
use standin::{Builder, Standin};
use zruntime::block_on;

/// Longer than anything here takes, on a busy machine too.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

/// Something that the viewer heard of, from whichever thread.
enum News {
    Mailbox,
    Report(Report),
}

/// A registered viewer of console 0 that presents nothing, but may be asked to.
pub(crate) struct Viewer {
    pub(crate) qemu: Arc<Standin>,
    pub(crate) console: Console,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) pace: Pace,
    pub(crate) listener: Option<Listener>,
    /// How many listeners this has had.
    registered: usize,
    tell: Sender<News>,
    news: Receiver<News>,
}

/// Connects without registering anything. With a first answer it is sure that the stand-in knows us.
pub(crate) fn connect(socket: UnixStream) -> Peer {
    let peer = block_on(Peer::p2p(socket)).expect("the stand-in lets us in");
    block_on(peer.machine()).expect("a machine");
    peer
}

impl Viewer {
    pub(crate) fn new(builder: Builder) -> Self {
        let (qemu, socket) = builder.p2p().expect("a stand-in");
        Self::of(Arc::new(qemu), connect(socket))
    }

    /// One whose replies are waited for by somebody, or by nobody.
    pub(crate) fn paced(builder: Builder, pace: Pace) -> Self {
        let (qemu, socket) = builder.p2p().expect("a stand-in");
        Self::with(Arc::new(qemu), connect(socket), pace)
    }

    pub(crate) fn of(qemu: Arc<Standin>, peer: Peer) -> Self {
        Self::with(qemu, peer, Pace::default())
    }

    fn with(qemu: Arc<Standin>, peer: Peer, pace: Pace) -> Self {
        let (tell, news) = channel();
        let console = peer.console(0);
        let (mailbox, stats) = (Arc::new(Mailbox::default()), Arc::new(Stats::new(clock::now())));
        let listener = None;
        let mut viewer = Self { qemu, console, mailbox, stats, pace, listener, registered: 0, tell, news };
        let tell = viewer.tell.clone();
        viewer.mailbox.observe(move |_| drop(tell.send(News::Mailbox)));
        viewer.register().expect("the stand-in takes a listener");
        viewer
    }

    /// Registers a listener in place of the one before.
    pub(crate) fn register(&mut self) -> Result<(), RegisterError> {
        self.listener = None;
        let tell = self.tell.clone();
        let report = move |report| drop(tell.send(News::Report(report)));
        let register = Listener::register(&self.console, self.frames(), report);
        self.listener = Some(block_on(register)?);
        self.registered += 1;
        Ok(())
    }

    /// Where its frames go.
    pub(crate) fn frames(&self) -> Frames {
        Frames { mailbox: self.mailbox.clone(), stats: self.stats.clone(), pace: self.pace }
    }

    /// QEMU's side of the listener.
    pub(crate) fn qemu(&self) -> standin::Listener {
        self.qemu.nth_listener(0, self.registered - 1).expect("a registered listener")
    }

    /// From here on frames wait until they are taken.
    pub(crate) fn present(&self) {
        let tell = self.tell.clone();
        self.mailbox.present(clock::now(), move || drop(tell.send(News::Mailbox)));
    }

    /// Waits until `found` finds something in the mailbox.
    pub(crate) fn until<T>(&self, what: &str, mut found: impl FnMut(&Mailbox) -> Option<T>) -> T {
        let until = Instant::now() + WAIT;
        loop {
            if let Some(found) = found(&self.mailbox) {
                return found;
            }
            // Where nobody presents, not every change makes itself heard.
            match self.news.recv_timeout(Duration::from_millis(10)) {
                Ok(News::Report(Report::Closed(closed))) => panic!("{closed} before {what}"),
                _ if Instant::now() >= until => {
                    panic!("{what} never came; the mailbox holds {:?}", self.mailbox)
                }
                _ => {}
            }
        }
    }

    /// Waits for a frame that is to be shown.
    pub(crate) fn frame(&self) -> Pending {
        self.until("a frame", Mailbox::take)
    }

    /// Waits until a picture of this size is on.
    pub(crate) fn until_live(&self, width: u32, height: u32) -> Scanout {
        self.until("a picture", |mailbox| {
            let live = mailbox.screen() == Screen::Live(Size::new(width, height));
            live.then(|| mailbox.current()).flatten()
        })
    }

    /// Waits for word from the listener.
    pub(crate) fn report(&self) -> Report {
        let until = Instant::now() + WAIT;
        loop {
            match self.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(News::Report(report)) => return report,
                Ok(News::Mailbox) => {}
                Err(_) => panic!("the listener never reported"),
            }
        }
    }

    /// Whether the listener has said anything so far.
    pub(crate) fn pending_reports(&self) -> usize {
        self.news.try_iter().filter(|news| matches!(news, News::Report(_))).count()
    }

    /// Shows that the loop lives: a picture that was not there before arrives.
    pub(crate) fn still_works(&self) {
        let qemu = self.qemu();
        let (width, height) = (37, 11);
        qemu.scanout(width, height, width * 4, standin::pixman::X8R8G8B8, vec![0x5a; 37 * 11 * 4]);
        let scanout = self.until_live(width, height);
        assert!(bytes(&scanout).iter().all(|byte| *byte == 0x5a));
    }
}

/// The bytes of a picture that came in messages.
pub(crate) fn bytes(scanout: &Scanout) -> Vec<u8> {
    match scanout {
        Scanout::Pixels(pixels) => pixels.read().clone(),
        other => panic!("not a picture from messages: {other:?}"),
    }
}

/// How many descriptors this process has.
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}

impl Viewer {
    /// Registers on a console whose stand-in somebody else holds.
    pub(crate) fn of_peer(peer: Peer) -> Result<Listener, RegisterError> {
        block_on(Listener::register(&peer.console(0), nowhere(), |_| {}))
    }
}

/// Frames that nobody will look at.
pub(crate) fn nowhere() -> Frames {
    let (mailbox, stats) = (Arc::new(Mailbox::default()), Arc::new(Stats::new(clock::now())));
    Frames { mailbox, stats, pace: Pace::default() }
}
