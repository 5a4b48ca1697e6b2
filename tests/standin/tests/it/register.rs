//! `RegisterListener`: the order of the handshake, identities, and what a viewer that stalls does to QEMU.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use standin::{Call, DMABUF2, Identity, LISTENER, MAP, Policy, Release, Reply, Standin, Timing};

use crate::support::{CONSOLE, Viewer, WAIT};

fn fd(socket: UnixStream) -> (zbus::OwnedFd,) {
    (zbus::OwnedFd::from(OwnedFd::from(socket)),)
}

#[test]
fn the_reply_comes_before_authentication() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let (ours, theirs) = UnixStream::pair().unwrap();
    viewer.console(CONSOLE, "RegisterListener", &fd(theirs)).unwrap();
    // Nobody has authenticated: the main loop stands still until the socket closes.
    assert!(!qemu.calls().contains(&Call::ListenerReady));
    drop(ours);
    let failed = |call: &Call| matches!(call, Call::ListenerFailed { .. });
    qemu.wait_for(WAIT, |calls| calls.iter().any(failed)).unwrap();
}

#[test]
fn interfaces_are_asked_for_as_far_as_the_release_knows_them() {
    let wanted: [(Release, &[&str]); 4] = [
        (Release::V7_2, &[LISTENER]),
        (Release::V8_2, &[LISTENER]),
        (Release::V10_0, &[LISTENER, MAP]),
        (Release::V10_1, &[LISTENER, MAP, DMABUF2]),
    ];
    for (release, wanted) in wanted {
        let (qemu, socket) = Standin::builder().release(release).p2p().unwrap();
        let viewer = Viewer::new(socket);
        let _told = viewer.register(&[MAP, DMABUF2]);
        let listener = qemu.listener(0).unwrap();
        let negotiation = listener.negotiation();
        let asked: Vec<_> = negotiation.get_alls.iter().map(|get_all| get_all.interface).collect();
        assert_eq!(asked, wanted, "{release:?}");
        assert!(negotiation.get_alls.iter().all(|get_all| get_all.reply.is_returned()));
        assert!(negotiation.auth.unix_fds);
        let uid = rustix::process::getuid().as_raw();
        assert_eq!(negotiation.auth.identity, Identity::Uid(uid));
    }
}

#[test]
fn a_viewer_that_does_not_answer_is_waited_for() {
    let timing = Timing { get_all: Duration::from_millis(50), ..Timing::default() };
    let (qemu, socket) = Standin::builder().timing(timing).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    viewer.console(CONSOLE, "RegisterListener", &fd(theirs)).unwrap();
    ours.write_all(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n").unwrap();
    let listener = qemu.listener(0).unwrap();
    let negotiation = listener.negotiation();
    assert!(matches!(negotiation.get_alls[0].reply, Reply::TimedOut));
    assert_eq!(negotiation.interfaces, None);
    assert_eq!(negotiation.auth.identity, Identity::Empty);
    assert!(!negotiation.auth.unix_fds);
}

#[test]
fn an_unfinished_authentication_ends_where_a_test_says_so() {
    let timing = Timing { listener_auth: Some(Duration::from_millis(20)), ..Timing::default() };
    let (qemu, socket) = Standin::builder().timing(timing).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let (_ours, theirs) = UnixStream::pair().unwrap();
    viewer.console(CONSOLE, "RegisterListener", &fd(theirs)).unwrap();
    let failed = |call: &Call| matches!(call, Call::ListenerFailed { .. });
    qemu.wait_for(WAIT, |calls| calls.iter().any(failed)).unwrap();
    viewer.tree();
}

#[test]
fn dropping_the_stand_in_ends_a_handshake_that_never_ends() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let (_ours, theirs) = UnixStream::pair().unwrap();
    viewer.console(CONSOLE, "RegisterListener", &fd(theirs)).unwrap();
    drop(qemu);
}

#[test]
fn another_users_socket_takes_the_empty_identity_only() {
    let stranger = rustix::process::getuid().as_raw() + 1;
    let (_qemu, mut socket) = Standin::builder().policy(Policy::CreatedBy(stranger)).p2p().unwrap();
    let hex = |uid: u32| uid.to_string().bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let own = rustix::process::getuid().as_raw();
    write!(socket, "\0AUTH EXTERNAL {}\r\n", hex(own)).unwrap();
    assert_eq!(line(&mut socket), "REJECTED EXTERNAL DBUS_COOKIE_SHA1");
    socket.write_all(b"AUTH EXTERNAL\r\n").unwrap();
    assert_eq!(line(&mut socket), "DATA");
    socket.write_all(b"DATA\r\n").unwrap();
    assert!(line(&mut socket).starts_with("OK "));
    socket.write_all(b"NEGOTIATE_UNIX_FD\r\n").unwrap();
    assert_eq!(line(&mut socket), "AGREE_UNIX_FD");
}

#[test]
fn an_old_glib_takes_no_empty_identity() {
    let builder = Standin::builder().listener_policy(Policy::NoEmptyIdentity);
    let (qemu, socket) = builder.p2p().unwrap();
    let viewer = Viewer::new(socket);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    viewer.console(CONSOLE, "RegisterListener", &fd(theirs)).unwrap();
    ours.write_all(b"\0AUTH EXTERNAL\r\nDATA\r\n").unwrap();
    assert_eq!(line(&mut ours), "DATA");
    assert_eq!(line(&mut ours), "REJECTED EXTERNAL DBUS_COOKIE_SHA1");
    ours.write_all(b"CANCEL\r\n").unwrap();
    let failed = |call: &Call| matches!(call, Call::ListenerFailed { .. });
    qemu.wait_for(WAIT, |calls| calls.iter().any(failed)).unwrap();
}

#[test]
fn there_is_one_listener_for_each_peer_before_9_2() {
    let (qemu, socket) = Standin::builder().release(Release::V8_2).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let _first = viewer.register(&[]);
    qemu.listener(0).unwrap();
    let error = viewer.register_on(0, &[]).unwrap_err();
    assert!(error.to_string().contains("`p2p` is already registered!"), "{error}");
}

#[test]
fn something_else_than_a_socket_is_refused() {
    let (_qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let file = zbus::OwnedFd::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
    let error = viewer.console(CONSOLE, "RegisterListener", &(file,)).unwrap_err();
    assert!(error.to_string().contains("Error.Failed"), "{error}");
}

fn line(socket: &mut UnixStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}
