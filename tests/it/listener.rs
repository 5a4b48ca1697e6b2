//! The listener's loop against the stand-in: registering, frames, replies, ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oriel::display1::{CallError, Closed, Listener, Pace, RegisterError, Report, interface};
use oriel::frame::{Scanout, Screen};
use oriel::geometry::Rect;
use standin::buffer::{Buffer, Layout};
use standin::pixman::X8R8G8B8;
use standin::{Args, Call, ConsoleSpec, Expect, Hang, Release, Standin, Value};
use zruntime::block_on;

use crate::viewer::{Viewer, WAIT, bytes, connect, open_descriptors};

const PATH: &str = "/org/qemu/Display1/Listener";

#[test]
fn every_release_gets_the_interfaces_that_it_knows() {
    for release in Release::ALL {
        let viewer = Viewer::new(Standin::builder().release(release));
        let listener = viewer.qemu();
        let negotiation = listener.negotiation();
        assert_eq!(negotiation.uses(interface::LISTENER_MAP), release.has_map(), "{release:?}");
        assert_eq!(negotiation.uses(interface::LISTENER_DMABUF2), release.has_dmabuf2(), "{release:?}");
        assert!(negotiation.get_alls.iter().all(|get_all| get_all.reply.is_returned()), "{release:?}");
        viewer.still_works();
    }
}

#[test]
fn a_picture_and_its_parts_arrive() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    qemu.scanout(4, 2, 16, X8R8G8B8, vec![1; 32]);
    qemu.update([1, 1, 2, 1], 8, X8R8G8B8, vec![9; 8]);
    viewer.present();
    let frame =
        viewer.until("the part", |mailbox| mailbox.take().filter(|frame| bytes(&frame.scanout)[20] == 9));
    let expected = [&[1; 20][..], &[9; 8], &[1; 4]].concat();
    assert_eq!(bytes(&frame.scanout), expected);
}

#[test]
fn a_map_arrives_and_its_updates_say_where() {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0));
    let qemu = viewer.qemu();
    let buffer = Buffer::with_frame(Layout::tight(64, 48, X8R8G8B8), 1).unwrap();
    assert!(qemu.scanout_map(&buffer, buffer.map()).is_returned());
    viewer.present();
    let first = viewer.frame();
    assert!(matches!(first.scanout, Scanout::Mapped(_)));
    drop(first);
    qemu.update_map([5, 6, 7, 8]);
    assert_eq!(viewer.frame().damage.rects(), [Rect::new(5, 6, 7, 8)]);
}

#[test]
fn an_update_of_a_buffer_is_answered_when_its_frame_drops() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    let buffer = Buffer::with_frame(Layout::tight(64, 48, X8R8G8B8), 1).unwrap();
    viewer.present();
    qemu.scanout_dmabuf(&buffer, buffer.dmabuf());
    let reply = qemu.update_dmabuf([0, 0, 64, 48]);
    let frame = viewer.frame();
    assert!(frame.ack.is_some());
    drop(frame);
    assert!(reply.wait(WAIT).is_returned());
    let report = viewer.stats.report(oriel::clock::now());
    assert!(format!("{report:?}").contains("replied"), "the reply is counted: {report:?}");
}

#[test]
fn calls_about_ourselves_are_answered() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    let call =
        |interface: &str, member: &str, args: Args| qemu.raw_at(PATH, interface, member, args).wait(WAIT);
    for name in [interface::LISTENER, interface::LISTENER_MAP, interface::LISTENER_DMABUF2] {
        assert!(call(interface::PROPERTIES, "GetAll", Args::new().str(name)).is_returned(), "{name}");
    }
    let property = Args::new().str(interface::LISTENER).str("Interfaces");
    assert!(call(interface::PROPERTIES, "Get", property).is_returned());
    let standin::Reply::Returned(xml) = call(interface::INTROSPECTABLE, "Introspect", Args::new()) else {
        panic!("introspection is answered");
    };
    let xml: String = xml.read().unwrap();
    assert!(xml.contains(r#"<method name="ScanoutDMABUF2">"#), "{xml}");
    assert!(call(interface::PEER, "Ping", Args::new()).is_returned());
}

#[test]
fn calls_of_what_we_do_not_have_are_refused_by_name() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    let error = |path: &str, interface: &str, member: &str, args: Args| {
        let reply = qemu.raw_at(path, interface, member, args).wait(WAIT);
        let name = reply.error_name().unwrap_or_else(|| panic!("{member} is refused")).to_owned();
        name.strip_prefix("org.freedesktop.DBus.Error.").unwrap().to_owned()
    };
    assert_eq!(error(PATH, interface::LISTENER, "Explode", Args::new()), "UnknownMethod");
    assert_eq!(error(PATH, interface::LISTENER_MAP, "Scanout", Args::new()), "UnknownMethod");
    assert_eq!(error("/elsewhere", interface::LISTENER, "UpdateDMABUF", Args::new()), "UnknownObject");
    assert_eq!(error(PATH, interface::PROPERTIES, "GetAll", Args::new().str("a.b")), "UnknownInterface");
    assert_eq!(error(PATH, interface::PROPERTIES, "GetAll", Args::new()), "InvalidArgs");
    let absent = Args::new().str(interface::LISTENER).str("Absent");
    assert_eq!(error(PATH, interface::PROPERTIES, "Get", absent), "UnknownProperty");
    let set = Args::new().str(interface::LISTENER).str("Interfaces").variant(&Value::U32(1));
    assert_eq!(error(PATH, interface::PROPERTIES, "Set", set), "PropertyReadOnly");
    viewer.still_works();
}

#[test]
fn trap_01_a_reply_that_comes_after_authentication_is_waited_for() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let peer = connect(socket);
    qemu.hold_replies(&["RegisterListener"]);
    let registering = std::thread::spawn(move || Viewer::of_peer(peer));
    qemu.wait_for(WAIT, |calls| calls.contains(&Call::ListenerReady)).unwrap();
    assert!(!registering.is_finished(), "no reply has come yet");
    qemu.release_replies();
    registering.join().unwrap().unwrap();
}

#[test]
fn trap_07_and_08_a_refused_listener_leaves_nothing_open() {
    // Before QEMU 9.2 a peer may register once for each console.
    let mut viewer = Viewer::new(Standin::builder().release(Release::V8_2));
    let first = viewer.listener.take();
    let before = open_descriptors();
    for _ in 0..10 {
        let register = Listener::register(&viewer.console, viewer.frames(), |report| {
            panic!("{report:?} of a listener that never was")
        });
        let error = block_on(register).unwrap_err();
        assert!(matches!(error, RegisterError::Call(CallError::Refused { .. })), "{error}");
    }
    // The stand-in is in this process too: it must have dropped its ends as well.
    let settled = Instant::now() + WAIT;
    while open_descriptors() > before && Instant::now() < settled {
        std::thread::yield_now();
    }
    assert!(open_descriptors() <= before, "descriptors stay open");
    drop(first);
}

#[test]
fn a_machine_that_dies_is_noticed() {
    let viewer = Viewer::new(Standin::builder());
    viewer.still_works();
    viewer.qemu().abort();
    assert!(matches!(viewer.report(), Report::Closed(Closed::Ended)));
    assert!(matches!(viewer.mailbox.screen(), Screen::Live(_)), "the last picture stays");
}

#[test]
fn what_was_sent_before_the_end_still_arrives() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    qemu.scanout(8, 8, 32, X8R8G8B8, vec![3; 256]);
    qemu.close();
    assert!(matches!(viewer.report(), Report::Closed(Closed::Ended)));
    assert_eq!(bytes(&viewer.mailbox.current().unwrap()), vec![3; 256]);
}

#[test]
fn a_dropped_listener_says_nothing_and_closes() {
    let mut viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    drop(viewer.listener.take());
    viewer.qemu.wait_for(WAIT, |calls| calls.contains(&Call::ListenerClosed)).unwrap();
    assert!(qemu.is_closed());
    assert_eq!(viewer.pending_reports(), 0);
}

#[test]
fn updates_that_nobody_will_show_are_not_lost_with_the_connection() {
    let mut viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    let buffer = Buffer::with_frame(Layout::tight(64, 48, X8R8G8B8), 1).unwrap();
    viewer.present();
    qemu.scanout_dmabuf(&buffer, buffer.dmabuf());
    qemu.update_dmabuf([0, 0, 64, 48]);
    let frame = viewer.frame();
    viewer.listener = None;
    drop(frame);
    viewer.register().unwrap();
    viewer.still_works();
}

#[test]
fn the_consoles_size_settles_a_framebuffer_that_is_too_large() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    qemu.scanout(64, 48, 256, X8R8G8B8, vec![1; 256 * 48]);
    viewer.until_live(64, 48);
    // A surface that shrank has drawn only a part of itself since.
    qemu.update([0, 0, 8, 8], 32, X8R8G8B8, vec![2; 256]);
    viewer.listener.as_ref().unwrap().set_console_size(oriel::geometry::Size::new(32, 24));
    viewer.until_live(32, 24);
}

#[test]
fn a_machine_that_stands_still_does_not_hold_up_the_end() {
    let viewer = Viewer::new(Standin::builder());
    viewer.still_works();
    viewer.qemu.hang(Hang::Process);
    let qemu = viewer.qemu.clone();
    let started = Instant::now();
    drop(viewer.listener);
    assert!(started.elapsed() < WAIT);
    qemu.resume();
}

#[test]
fn two_consoles_do_not_mix() {
    let specs = Standin::builder().console(ConsoleSpec::sized(64, 48)).console(ConsoleSpec::sized(32, 24));
    let (qemu, socket) = specs.p2p().unwrap();
    let (qemu, peer) = (Arc::new(qemu), connect(socket));
    let first = Viewer::of(qemu.clone(), peer.clone());
    let mut second = Viewer::of(qemu.clone(), peer.clone());
    second.console = peer.console(1);
    second.register().unwrap();
    let other = qemu.listener_within(1, WAIT).unwrap();
    other.scanout(32, 24, 128, X8R8G8B8, vec![7; 128 * 24]);
    assert_eq!(bytes(&second.until_live(32, 24))[0], 7);
    assert_eq!(first.mailbox.screen(), Screen::Waiting);
    first.still_works();
}

#[test]
fn a_console_that_disappears_closes_its_listener_only() {
    let specs = Standin::builder().release(Release::V11_1);
    let (qemu, socket) = specs.console(ConsoleSpec::default()).console(ConsoleSpec::default()).p2p().unwrap();
    let viewer = Viewer::of(Arc::new(qemu), connect(socket));
    viewer.qemu.remove_console(1);
    viewer.still_works();
}

#[test]
fn replies_that_are_not_asked_for_are_not_sent() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    let buffer = Buffer::with_frame(Layout::tight(64, 48, X8R8G8B8), 1).unwrap();
    qemu.scanout_dmabuf(&buffer, buffer.dmabuf());
    let rect = Args::new().i32(0).i32(0).i32(1).i32(1);
    let silent = qemu.raw("UpdateDMABUF", rect, Expect::NoReply);
    let unknown = qemu.raw("Explode", Args::new(), Expect::NoReply);
    assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned(), "the one after is answered");
    assert!(silent.poll().is_none() && unknown.poll().is_none());
    let _ = silent.wait(Duration::ZERO);
}

/// Issue: "for vfio it paces nothing: reply at once".
#[test]
fn who_waits_for_no_reply_is_answered_at_once() {
    let viewer = Viewer::paced(Standin::builder().release(Release::V10_0), Pace::AtOnce);
    let qemu = viewer.qemu();
    let picture = Buffer::with_frame(Layout::tight(64, 48, X8R8G8B8), 1).unwrap();
    qemu.scanout_dmabuf(&picture, picture.dmabuf());
    viewer.present();
    let replies: Vec<_> = (0..50).map(|_| qemu.update_dmabuf([0, 0, 64, 48])).collect();
    for reply in replies {
        assert!(reply.wait(WAIT).is_returned());
    }
    let frame = viewer.frame();
    assert!(frame.ack.is_none(), "nothing is left to answer: {frame:?}");
    assert_eq!(viewer.stats.summary(oriel::clock::now()).counts.replied, 50);
}

/// Issue: "give it when the picture has been taken, at latest after one refresh, at once when hidden".
#[test]
fn a_guest_that_waits_is_answered_whatever_the_presenter_does() {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0));
    let qemu = viewer.qemu();
    let picture = Buffer::with_frame(Layout::tight(64, 48, X8R8G8B8), 1).unwrap();
    qemu.scanout_dmabuf(&picture, picture.dmabuf());
    viewer.present();
    // It takes a frame and keeps it, and then none: a window that is hidden.
    viewer.mailbox.cadence().seen(oriel::clock::now(), Duration::from_secs(3600));
    assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
    let held = viewer.frame();
    for _ in 0..100 {
        assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
    }
    drop(held);
    // It is seen again: the reply comes with the frame that is let go of.
    drop(viewer.frame());
    let reply = qemu.update_dmabuf([0, 0, 64, 48]);
    drop(viewer.frame());
    assert!(reply.wait(WAIT).is_returned());
}
