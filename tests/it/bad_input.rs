//! What bad input gets: an error that says so, nothing lost, and a loop that lives on.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use oriel::display1::auth::AuthError;
use oriel::display1::{CallError, Closed, Listener, Peer, PeerError, RegisterError, Report};
use oriel::frame::{MAX_SIDE, Scanout, Screen};
use oriel::geometry::Size;
use standin::buffer::{Buffer, LINEAR, Layout, fourcc};
use standin::pixman::X8R8G8B8;
use standin::{Args, Expect, Hang, Policy, Standin};
use zruntime::block_on;

use crate::viewer::{Viewer, WAIT, connect, nowhere, open_descriptors};

const INVALID: &str = "org.qemu.Display1.Error.Invalid";
const UNSUPPORTED: &str = "org.qemu.Display1.Error.Unsupported";
const INVALID_ARGS: &str = "org.freedesktop.DBus.Error.InvalidArgs";

/// Sides that no picture has, or that none of these bytes can fill.
const ODD_SIDES: [u32; 5] = [0, MAX_SIDE + 1, 65_535, 0x8000_0000, u32::MAX];

/// A viewer that shows a picture, which no mistake of QEMU's may take from it.
fn viewer() -> Viewer {
    let viewer = Viewer::new(Standin::builder());
    viewer.qemu().scanout(16, 16, 64, X8R8G8B8, vec![1; 1024]);
    viewer.until_live(16, 16);
    viewer
}

/// Sends a call that must be refused with this error, and must change nothing.
fn refused(viewer: &Viewer, member: &str, args: Args, error: &str) {
    let said = format!("{member} {args:?}");
    let reply = viewer.qemu().raw(member, args, Expect::Reply).wait(WAIT);
    assert_eq!(reply.error_name(), Some(error), "{said}: {reply:?}");
    assert_eq!(viewer.mailbox.screen(), Screen::Live(Size::new(16, 16)), "{said}");
}

fn scanout([width, height, stride, format]: [u32; 4], bytes: usize) -> Args {
    Args::new().u32(width).u32(height).u32(stride).u32(format).pixels(vec![0; bytes])
}

fn update([x, y, width, height]: [i32; 4], stride: u32, bytes: usize) -> Args {
    let place = Args::new().i32(x).i32(y).i32(width).i32(height);
    place.u32(stride).u32(X8R8G8B8).pixels(vec![0; bytes])
}

fn memory(bytes: u64) -> OwnedFd {
    let fd = rustix::fs::memfd_create("picture", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, bytes).unwrap();
    fd
}

fn map(fd: OwnedFd, [offset, width, height, stride, format]: [u32; 5]) -> Args {
    Args::new().fd(fd).u32(offset).u32(width).u32(height).u32(stride).u32(format)
}

fn dmabuf(fd: OwnedFd, [width, height, stride]: [u32; 3]) -> Args {
    let args = Args::new().fd(fd).u32(width).u32(height).u32(stride);
    args.u32(fourcc(X8R8G8B8)).u64(LINEAR).bool(false)
}

/// What a test changes of an otherwise sound `ScanoutDMABUF2` of 16×16.
struct Planes {
    fds: usize,
    place: [u32; 4],
    offsets: Vec<u32>,
    strides: Vec<u32>,
    count: u32,
    backing: [u32; 2],
}

const ONE_PLANE: Planes = Planes {
    fds: 1,
    place: [0, 0, 16, 16],
    offsets: Vec::new(),
    strides: Vec::new(),
    count: 1,
    backing: [16, 16],
};

fn dmabuf2(planes: Planes) -> Args {
    let or = |numbers: Vec<u32>, otherwise: u32| if numbers.is_empty() { vec![otherwise] } else { numbers };
    let fds = (0..planes.fds).map(|_| memory(1024)).collect();
    let [x, y, width, height] = planes.place;
    let args = Args::new().fds(fds).u32(x).u32(y).u32(width).u32(height);
    let args = args.u32s(&or(planes.offsets, 0)).u32s(&or(planes.strides, 64));
    let args = args.u32(planes.count).u32(fourcc(X8R8G8B8)).u32(planes.backing[0]).u32(planes.backing[1]);
    args.u64(LINEAR).bool(false)
}

#[test]
fn a_length_that_does_not_match_is_refused() {
    let viewer = viewer();
    for bytes in [0, 1, 1023, 1025, 4096] {
        refused(&viewer, "Scanout", scanout([16, 16, 64, X8R8G8B8], bytes), INVALID);
        refused(&viewer, "Update", update([0, 0, 16, 16], 64, bytes), INVALID);
    }
    viewer.still_works();
}

#[test]
fn a_stride_below_the_width_is_refused() {
    let viewer = viewer();
    for stride in [0, 1, 63] {
        refused(&viewer, "Scanout", scanout([16, 16, stride, X8R8G8B8], 1024), INVALID);
        refused(&viewer, "Update", update([0, 0, 16, 16], stride, 1024), INVALID);
        refused(&viewer, "ScanoutMap", map(memory(1024), [0, 16, 16, stride, X8R8G8B8]), INVALID);
        refused(&viewer, "ScanoutDMABUF", dmabuf(memory(1024), [16, 16, stride]), INVALID);
        let planes = Planes { strides: vec![stride], ..ONE_PLANE };
        refused(&viewer, "ScanoutDMABUF2", dmabuf2(planes), INVALID);
    }
    viewer.still_works();
}

#[test]
fn no_size_is_too_odd_to_be_refused() {
    let viewer = viewer();
    for side in ODD_SIDES {
        let stride = side.wrapping_mul(4);
        for [width, height] in [[side, 1], [1, side], [side, side]] {
            refused(&viewer, "Scanout", scanout([width, height, stride, X8R8G8B8], 64), INVALID);
            let place = [0, 0, width.cast_signed(), height.cast_signed()];
            refused(&viewer, "Update", update(place, stride, 64), INVALID);
            let sides = [0, width, height, stride, X8R8G8B8];
            refused(&viewer, "ScanoutMap", map(memory(4096), sides), INVALID);
            refused(&viewer, "ScanoutDMABUF", dmabuf(memory(4096), [width, height, stride]), INVALID);
            let planes = Planes { place: [0, 0, width, height], backing: [width, height], ..ONE_PLANE };
            refused(&viewer, "ScanoutDMABUF2", dmabuf2(planes), INVALID);
            let shape = Args::new().i32(width.cast_signed()).i32(height.cast_signed());
            refused(&viewer, "CursorDefine", shape.i32(0).i32(0).pixels(vec![0; 64]), INVALID);
        }
    }
    viewer.still_works();
}

#[test]
fn one_pixel_is_a_picture() {
    let viewer = viewer();
    viewer.qemu().scanout(1, 1, 4, X8R8G8B8, vec![0; 4]);
    viewer.until_live(1, 1);
    viewer.still_works();
}

#[test]
fn a_picture_larger_than_the_cap_is_refused() {
    let viewer = viewer();
    let sides = [0, MAX_SIDE, MAX_SIDE, MAX_SIDE * 4, X8R8G8B8];
    refused(&viewer, "ScanoutMap", map(memory(1 << 31), sides), INVALID);
    // A small update in the far corner asks for just as large a framebuffer.
    let far = i32::try_from(MAX_SIDE).unwrap() - 1;
    refused(&viewer, "Update", update([far, far, 1, 1], 4, 4), INVALID);
    viewer.still_works();
}

#[test]
fn an_offset_past_the_end_is_refused() {
    let viewer = viewer();
    for offset in [1, 1024, u32::MAX] {
        refused(&viewer, "ScanoutMap", map(memory(1024), [offset, 16, 16, 64, X8R8G8B8]), INVALID);
        let planes = Planes { offsets: vec![offset], ..ONE_PLANE };
        refused(&viewer, "ScanoutDMABUF2", dmabuf2(planes), INVALID);
    }
    refused(&viewer, "ScanoutMap", map(memory(0), [0, 16, 16, 64, X8R8G8B8]), INVALID);
    refused(&viewer, "ScanoutDMABUF", dmabuf(memory(1023), [16, 16, 64]), INVALID);
    viewer.still_works();
}

#[test]
fn a_descriptor_of_something_else_is_refused() {
    let viewer = viewer();
    let others = || {
        let (reader, _) = std::io::pipe().unwrap();
        let (socket, _) = UnixStream::pair().unwrap();
        let null = File::open("/dev/null").unwrap();
        let folder = File::open("/").unwrap();
        [OwnedFd::from(reader), socket.into(), null.into(), folder.into()]
    };
    for fd in others() {
        refused(&viewer, "ScanoutMap", map(fd, [0, 16, 16, 64, X8R8G8B8]), INVALID);
    }
    for fd in others() {
        refused(&viewer, "ScanoutDMABUF", dmabuf(fd, [16, 16, 64]), INVALID);
    }
    // Neither a socket nor a file: an inode without a type, but without pixels too.
    let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
    refused(&viewer, "ScanoutMap", map(event, [0, 16, 16, 64, X8R8G8B8]), INVALID);
    viewer.still_works();
}

#[test]
fn a_missing_descriptor_is_refused() {
    let viewer = viewer();
    for index in [0, 1, u32::MAX] {
        let numbers = |args: Args| args.u32(0).u32(16).u32(16).u32(64).u32(X8R8G8B8);
        refused(&viewer, "ScanoutMap", numbers(Args::new().fd_index(index)), INVALID);
        let args = Args::new().fd_index(index).u32(16).u32(16).u32(64);
        let args = args.u32(fourcc(X8R8G8B8)).u64(LINEAR).bool(false);
        refused(&viewer, "ScanoutDMABUF", args, INVALID);
    }
    refused(&viewer, "ScanoutDMABUF2", dmabuf2(Planes { fds: 0, ..ONE_PLANE }), INVALID);
    viewer.still_works();
}

#[test]
fn a_file_that_shrinks_later_is_still_read_safely() {
    let viewer = viewer();
    let fd = memory(1024);
    let shrinking = fd.try_clone().unwrap();
    let reply = viewer.qemu().raw("ScanoutMap", map(fd, [0, 16, 16, 64, X8R8G8B8]), Expect::Reply);
    assert!(reply.wait(WAIT).is_returned());
    let Scanout::Mapped(mapped) = viewer
        .until("the map", |mailbox| mailbox.current().filter(|shown| matches!(shown, Scanout::Mapped(_))))
    else {
        panic!("a map")
    };
    rustix::fs::ftruncate(&shrinking, 10).unwrap();
    viewer.qemu().update_map([0, 0, 16, 16]);
    let mut row = [0; 64];
    assert_eq!(rustix::io::pread(mapped.fd(), &mut row, 0).unwrap(), 10, "a short read, and no signal");
    viewer.still_works();
}

#[test]
fn an_unknown_format_is_refused() {
    let viewer = viewer();
    for format in [0, 1, 0x2002_0889, u32::MAX] {
        refused(&viewer, "Scanout", scanout([16, 16, 64, format], 1024), UNSUPPORTED);
        refused(&viewer, "ScanoutMap", map(memory(1024), [0, 16, 16, 64, format]), UNSUPPORTED);
    }
    viewer.still_works();
}

#[test]
fn too_few_or_too_many_planes_are_refused() {
    let viewer = viewer();
    for count in [0, 5, u32::MAX] {
        let some = vec![64; count.min(5) as usize];
        let planes = Planes { count, strides: some.clone(), offsets: some, fds: 5, ..ONE_PLANE };
        refused(&viewer, "ScanoutDMABUF2", dmabuf2(planes), INVALID);
    }
    // More planes than offsets and strides.
    refused(&viewer, "ScanoutDMABUF2", dmabuf2(Planes { count: 2, ..ONE_PLANE }), INVALID);
    viewer.still_works();
}

#[test]
fn a_picture_outside_of_its_buffer_is_refused() {
    let viewer = viewer();
    for place in [[1, 0, 16, 16], [0, 1, 16, 16], [u32::MAX, 0, 16, 16], [0x7fff_ffff, 0x7fff_ffff, 1, 1]] {
        refused(&viewer, "ScanoutDMABUF2", dmabuf2(Planes { place, ..ONE_PLANE }), INVALID);
    }
    let unsaid = Planes { backing: [0, 0], ..ONE_PLANE };
    let reply = viewer.qemu().raw("ScanoutDMABUF2", dmabuf2(unsaid), Expect::Reply).wait(WAIT);
    assert!(reply.is_returned(), "a backing of 0×0 is as large as the picture");
    viewer.still_works();
}

#[test]
fn updates_outside_negative_or_empty_change_nothing() {
    let viewer = viewer();
    for place in [[-1, 0, 4, 4], [0, -1, 4, 4], [0, 0, 0, 4], [0, 0, 4, -4], [i32::MIN, i32::MIN, 4, 4]] {
        refused(&viewer, "Update", update(place, 16, 64), INVALID);
    }
    let odd = [[-9, -9, 4, 4], [16, 16, 1, 1], [0, 0, 0, 0], [i32::MIN, 0, i32::MAX, i32::MIN]];
    viewer.present();
    drop(viewer.frame());
    for [x, y, width, height] in odd {
        let args = Args::new().i32(x).i32(y).i32(width).i32(height);
        assert!(viewer.qemu().raw("UpdateMap", args, Expect::Reply).wait(WAIT).is_returned());
    }
    assert!(viewer.mailbox.take().is_none());
    viewer.still_works();
}

#[test]
fn arguments_of_other_types_are_refused() {
    let viewer = viewer();
    let members = [
        "Scanout",
        "Update",
        "ScanoutDMABUF",
        "UpdateDMABUF",
        "MouseSet",
        "CursorDefine",
        "ScanoutMap",
        "UpdateMap",
        "ScanoutDMABUF2",
    ];
    for member in members {
        refused(&viewer, member, Args::new(), INVALID_ARGS);
        refused(&viewer, member, Args::new().str("x"), INVALID_ARGS);
    }
    refused(&viewer, "Disable", Args::new().i32(1), INVALID_ARGS);
    viewer.still_works();
}

#[test]
fn arguments_that_end_too_early_are_refused() {
    let viewer = viewer();
    // An array that says it is longer than the message.
    let mut bytes = [16_u32, 16, 64, X8R8G8B8, u32::MAX].map(u32::to_le_bytes).concat();
    bytes.extend([0; 64]);
    refused(&viewer, "Scanout", Args::raw("uuuuay", bytes.clone(), Vec::new()), INVALID_ARGS);
    bytes.truncate(18);
    refused(&viewer, "Scanout", Args::raw("uuuuay", bytes, Vec::new()), INVALID_ARGS);
    viewer.still_works();
}

#[test]
fn mistakes_leave_no_descriptors_open() {
    let viewer = viewer();
    let before = open_descriptors();
    for _ in 0..200 {
        refused(&viewer, "ScanoutMap", map(memory(10), [0, 16, 16, 64, X8R8G8B8]), INVALID);
        refused(&viewer, "ScanoutDMABUF2", dmabuf2(Planes { fds: 4, count: 9, ..ONE_PLANE }), INVALID);
        // A descriptor that the method does not have.
        let args = Args::new().fd(memory(10));
        refused(&viewer, "UpdateDMABUF", args, INVALID_ARGS);
    }
    // Other tests open and close some in the meantime.
    assert!(open_descriptors() < before + 100, "1200 descriptors were sent");
    viewer.still_works();
}

#[test]
fn methods_in_the_wrong_order_do_no_harm() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    qemu.disable();
    qemu.mouse_set(1, 1, 1);
    qemu.update_map([0, 0, 9, 9]);
    assert!(qemu.update_dmabuf([0, 0, 9, 9]).wait(WAIT).is_returned());
    assert_eq!(viewer.mailbox.screen(), Screen::Waiting);
    let picture = Buffer::with_frame(Layout::tight(8, 8, X8R8G8B8), 1).unwrap();
    // An update of bytes over a picture that has none of ours.
    assert!(qemu.scanout_map(&picture, picture.map()).is_returned());
    qemu.update([0, 0, 2, 2], 8, X8R8G8B8, vec![0; 16]);
    viewer.still_works();
}

#[test]
fn what_is_no_message_ends_the_connection_and_says_why() {
    let header = |endian: u8, kind: u8, version: u8, body: u32, fields: u32| {
        let mut bytes = vec![endian, kind, 0, version];
        for word in [body, 1, fields] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([0; 64]);
        bytes
    };
    let broken = [
        header(b'x', 1, 1, 0, 0),
        header(b'l', 0, 1, 0, 0),
        header(b'l', 1, 9, 0, 0),
        header(b'l', 1, 1, 0, u32::MAX),
        header(b'l', 1, 1, u32::MAX, 0),
        header(b'l', 1, 1, 0, 7),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ];
    for bytes in broken {
        let viewer = viewer();
        viewer.qemu().bytes(&bytes);
        let report = viewer.report();
        assert!(matches!(report, Report::Closed(Closed::Broken(_))), "{bytes:?}: {report:?}");
        assert_eq!(viewer.mailbox.screen(), Screen::Live(Size::new(16, 16)), "the picture stays");
    }
}

#[test]
fn a_peer_that_closes_in_the_middle_of_a_message_is_noticed() {
    for part in [0.01, 0.5, 0.99] {
        let viewer = viewer();
        viewer.qemu().half("Scanout", scanout([64, 64, 256, X8R8G8B8], 256 * 64), part);
        assert!(matches!(viewer.report(), Report::Closed(Closed::Ended)), "{part}");
    }
}

#[test]
fn a_message_that_comes_a_byte_at_a_time_is_taken() {
    let viewer = viewer();
    let message = zbus::Message::method_call("/org/qemu/Display1/Listener", "Scanout")
        .interface("org.qemu.Display1.Listener")
        .with_flags(zbus::message::Flags::NO_REPLY_EXPECTED)
        .build(&(2_u32, 2_u32, 8_u32, X8R8G8B8, &[5_u8; 16][..]))
        .unwrap();
    for byte in message.data().bytes() {
        let sent = viewer.qemu().bytes(&[*byte]);
        assert!(sent.wait_sent(WAIT));
    }
    viewer.until_live(2, 2);
}

#[test]
fn a_machine_that_never_answers_hangs_nobody() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let peer = connect(socket).with_deadline(Duration::from_millis(100));
    qemu.hang(Hang::MainLoop);
    let before = open_descriptors();
    let error = block_on(peer.machine()).unwrap_err();
    assert!(matches!(error, CallError::TimedOut(_)), "{error}");
    let error = Viewer::of_peer(peer.clone()).unwrap_err();
    assert!(matches!(error, RegisterError::Call(CallError::TimedOut(_))), "{error}");
    qemu.resume();
    assert!(open_descriptors() < before + 100);
}

#[test]
fn a_machine_that_refuses_us_on_the_listeners_socket_is_an_error() {
    let (_qemu, socket) = Standin::builder().listener_policy(Policy::Nobody).p2p().unwrap();
    let error = Viewer::of_peer(connect(socket)).unwrap_err();
    assert!(matches!(error, RegisterError::Auth(AuthError::Rejected(_))), "{error}");
    let (_qemu, socket) = Standin::builder().policy(Policy::Nobody).p2p().unwrap();
    let error = block_on(Peer::p2p(socket)).unwrap_err();
    assert!(matches!(error, PeerError::Auth(AuthError::Rejected(_))), "{error}");
}

#[test]
fn a_machine_that_dies_while_we_register_is_an_error() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let peer = connect(socket);
    qemu.hang(Hang::MainLoop);
    let registering =
        thread::spawn(move || block_on(Listener::register(&peer.console(0), nowhere(), |_| {})).map(drop));
    thread::sleep(Duration::from_millis(50));
    drop(qemu);
    assert!(registering.join().unwrap().is_err());
}

#[test]
fn nothing_is_read_from_a_socket_that_is_closed_at_once() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"\0").unwrap();
    drop(theirs);
    assert!(matches!(block_on(Peer::p2p(ours)).unwrap_err(), PeerError::Auth(_)));
}
