//! The clipboard on the wire: both sides call, and nobody waits for anybody.

use std::sync::Arc;
use std::time::Duration;

use oriel::clipboard::{Act, Input, Selection};
use oriel::display1::clipboard::{Clipboard, Said, TEXT, TextError};
use oriel::display1::{CallError, Peer};
use oriel::source::Source;
use standin::{Args, Call, PendingReply, Reply, Standin, Timing};
use zruntime::block_on;

use crate::paste::Desk;
use crate::session_watch::{Watch, in_time};
use crate::viewer::{WAIT, connect};

const CLIPBOARD: &str = "org.qemu.Display1.Clipboard";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const LIMIT: usize = 1 << 20;

struct Pair {
    qemu: Standin,
    clipboard: Clipboard,
}

impl Pair {
    fn new() -> Self {
        let (qemu, socket) = Standin::p2p().unwrap();
        let clipboard = block_on(Clipboard::register(&connect(socket))).unwrap();
        Self { qemu, clipboard }
    }

    /// QEMU calls us.
    fn call(&self, member: &str, args: Args) -> PendingReply {
        self.qemu.call_clipboard(CLIPBOARD, member, args)
    }

    fn request(&self, selection: u32) -> Vec<u8> {
        let reply = self.call("Request", Args::new().u32(selection).strs(&[TEXT.into()])).wait(WAIT);
        let Reply::Returned(reply) = reply else { panic!("{reply:?}") };
        let (mime, bytes): (String, Vec<u8>) = reply.read().unwrap();
        assert_eq!(mime, TEXT);
        bytes
    }

    fn grab(&self, serial: u32, mimes: &[&str]) {
        let mimes: Vec<_> = mimes.iter().map(|&mime| mime.to_owned()).collect();
        let args = Args::new().u32(0).u32(serial).strs(&mimes);
        assert!(self.call("Grab", args).wait(WAIT).is_returned());
    }

    fn next(&self) -> Said {
        in_time("something is said", self.clipboard.next())
    }
}

fn grabbed(serial: u32, text: bool) -> Said {
    Said::Grabbed { selection: Selection::Clipboard, serial, text }
}

#[test]
fn qemu_takes_us_as_its_partner() {
    let pair = Pair::new();
    let calls = pair.qemu.calls();
    assert!(calls.contains(&Call::ClipboardRegister { answered: true }), "{calls:?}");
    // That QEMU says "count from 0" when it takes us on is no agent's doing.
    pair.grab(0, &[TEXT]);
    assert_eq!(pair.next(), grabbed(0, true));
}

#[test]
fn there_is_one_partner() {
    let pair = Pair::new();
    let (_qemu, socket) = Standin::p2p().unwrap();
    let peer: Peer = connect(socket);
    let first = block_on(Clipboard::register(&peer)).unwrap();
    let error = block_on(Clipboard::register(&peer)).unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
    block_on(first.unregister()).unwrap();
    block_on(Clipboard::register(&peer)).unwrap();
    block_on(pair.clipboard.unregister()).unwrap();
    pair.qemu.wait_for(WAIT, |calls| calls.contains(&Call::ClipboardUnregister)).unwrap();
}

#[test]
fn what_the_guest_copies_is_told_and_fetched() {
    let pair = Pair::new();
    pair.grab(4, &["image/png", TEXT]);
    assert_eq!(pair.next(), grabbed(4, true));
    pair.grab(5, &["image/png"]);
    assert_eq!(pair.next(), grabbed(5, false));
    pair.qemu.set_clipboard(Some("grüße\0".as_bytes()));
    let text = block_on(pair.clipboard.text(Selection::Clipboard, LIMIT)).unwrap();
    assert_eq!(text, "grüße", "without the end of a C string");
    assert!(pair.call("Release", Args::new().u32(0)).wait(WAIT).is_returned());
    assert_eq!(pair.next(), Said::Released(Selection::Clipboard));
}

#[test]
fn what_cannot_be_fetched_says_why() {
    let pair = Pair::new();
    let text = || block_on(pair.clipboard.text(Selection::Primary, 3));
    assert!(matches!(text(), Err(TextError::Call(CallError::Refused { .. }))));
    pair.qemu.set_clipboard(Some(b"\xff"));
    assert!(matches!(text(), Err(TextError::NotText)));
    pair.qemu.set_clipboard(Some(b"four"));
    assert!(matches!(text(), Err(TextError::TooLong { length: 4, limit: 3 })));
    pair.qemu.answer_wrongly("Request", "u", &[1, 0, 0, 0]);
    assert!(matches!(text(), Err(TextError::Call(CallError::Bus(_)))));
}

#[test]
fn what_the_host_offers_is_there_when_the_guest_pastes() {
    let pair = Pair::new();
    let long: Arc<str> = "ü".repeat(400_000).into();
    for (serial, text) in [(0, Arc::from("a")), (1, long)] {
        block_on(pair.clipboard.grab(Selection::Clipboard, serial, text.clone())).unwrap();
        let grab = Call::ClipboardGrab { selection: 0, serial, mimes: vec![TEXT.into()] };
        pair.qemu.wait_for(WAIT, |calls| calls.contains(&grab)).unwrap();
        assert_eq!(pair.request(0), text.as_bytes());
    }
    assert_eq!(pair.request(1), b"", "nothing was offered there");
    block_on(pair.clipboard.release(Selection::Clipboard)).unwrap();
    pair.qemu.wait_for(WAIT, |calls| calls.contains(&Call::ClipboardRelease(0))).unwrap();
    assert_eq!(pair.request(0), b"");
}

/// QEMU's main loop waits for the answer: it comes though nobody listens to what QEMU says.
#[test]
fn a_paste_is_answered_while_nobody_listens() {
    let pair = Pair::new();
    block_on(pair.clipboard.grab(Selection::Clipboard, 0, "a".into())).unwrap();
    for serial in 0..1000 {
        pair.grab(serial, &[TEXT]);
    }
    assert_eq!(pair.request(0), b"a");
    assert_eq!(pair.next(), grabbed(999, true), "only the last of them counts");
}

#[test]
fn an_agent_that_comes_is_noticed() {
    let pair = Pair::new();
    pair.grab(7, &[TEXT]);
    assert!(pair.call("Register", Args::new()).wait(WAIT).is_returned());
    assert_eq!(pair.next(), Said::Reset, "what was said before it counts no more");
    pair.grab(0, &[TEXT]);
    assert_eq!(pair.next(), grabbed(0, true));
}

#[test]
fn calls_that_make_no_sense_are_refused() {
    let pair = Pair::new();
    let name = |member: &str, args| pair.call(member, args).wait(WAIT).error_name().unwrap().to_owned();
    let none = Vec::<String>::new();
    let cases = [
        ("Grab", Args::new().u32(0), "org.freedesktop.DBus.Error.InvalidArgs"),
        ("Grab", Args::new().u32(2).u32(0).strs(&none), "org.qemu.Display1.Error.Invalid"),
        ("Grab", Args::raw("uuas", vec![0; 9], Vec::new()), "org.freedesktop.DBus.Error.InvalidArgs"),
        ("Release", Args::new().u32(u32::MAX), "org.qemu.Display1.Error.Invalid"),
        ("Request", Args::new().u32(0).strs(&["text/html".into()]), "org.qemu.Display1.Error.Unsupported"),
        ("Paint", Args::new(), "org.freedesktop.DBus.Error.UnknownMethod"),
    ];
    for (member, args, error) in cases {
        assert_eq!(name(member, args), error, "{member}");
    }
    let get = |property: &str| Args::new().str(CLIPBOARD).str(property);
    let interfaces = pair.qemu.call_clipboard(PROPERTIES, "Get", get("Interfaces")).wait(WAIT);
    assert!(interfaces.is_returned(), "{interfaces:?}");
    let nothing = pair.qemu.call_clipboard(PROPERTIES, "Get", get("Colour")).wait(WAIT);
    assert_eq!(nothing.error_name(), Some("org.freedesktop.DBus.Error.UnknownProperty"));
    pair.grab(1, &[TEXT]);
    assert_eq!(pair.next(), grabbed(1, true), "and it goes on");
}

/// QEMU 9.0 to 11.1 wait 25 seconds for the properties; a viewer that does not tell them freezes it.
#[test]
fn the_properties_are_told_before_qemu_gives_up() {
    let timing = Timing { get_all: Duration::from_secs(5), ..Timing::default() };
    let (qemu, socket) = Standin::builder().timing(timing).p2p().unwrap();
    let _clipboard = block_on(Clipboard::register(&connect(socket))).unwrap();
    assert!(qemu.calls().contains(&Call::ClipboardRegister { answered: true }));
}

#[test]
fn a_session_copies_and_pastes_both_ways() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let mut desk = Desk::new(Watch::start(Source::socket(socket.into()).unwrap()));
    assert_eq!(desk.hear().0, Input::Connected);
    desk.copy(Selection::Clipboard, "from the host");
    let grab = Call::ClipboardGrab { selection: 0, serial: 0, mimes: vec![TEXT.into()] };
    qemu.wait_for(WAIT, |calls| calls.contains(&grab)).unwrap();
    let request = || {
        let args = Args::new().u32(0).strs(&[TEXT.into()]);
        let Reply::Returned(reply) = qemu.call_clipboard(CLIPBOARD, "Request", args).wait(WAIT) else {
            panic!("no answer");
        };
        reply.read::<(String, Vec<u8>)>().unwrap().1
    };
    assert_eq!(request(), b"from the host");

    qemu.set_clipboard(Some(b"from the guest"));
    let args = Args::new().u32(0).u32(1).strs(&[TEXT.into()]);
    assert!(qemu.call_clipboard(CLIPBOARD, "Grab", args).wait(WAIT).is_returned());
    assert_eq!(desk.hear().1, [Act::OfferToHost(Selection::Clipboard)]);
    assert_eq!(desk.paste(Selection::Clipboard).as_deref(), Some("from the guest"));
    qemu.disconnect();
    assert_eq!(desk.hear().0, Input::Disconnected);
    assert_eq!(desk.paste(Selection::Clipboard).as_deref(), Some("from the guest"), "it was fetched before");
    desk.watch.close();
}

#[test]
fn nobody_attends_to_a_clipboard_that_is_not_wanted() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = Watch::start(Source::socket(socket.into()).unwrap());
    watch.console();
    qemu.listener(0).unwrap();
    assert!(!qemu.calls().iter().any(|call| matches!(call, Call::ClipboardRegister { .. })));
    watch.close();
}

#[test]
fn a_session_lives_on_where_another_viewer_has_the_clipboard() {
    let (qemu, socket) = Standin::p2p().unwrap();
    qemu.refuse("Register", "org.qemu.Display1.Error.Failed", "Clipboard peer already registered!");
    let desk = Desk::new(Watch::start(Source::socket(socket.into()).unwrap()));
    desk.watch.console();
    qemu.listener(0).unwrap();
    desk.watch.close();
}
