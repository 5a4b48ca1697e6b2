//! What a listener is sent: signatures, flags, replies, and all that is wrong on purpose.

use std::fs::File;

use standin::{Args, DMABUF2, Dmabuf, Expect, MAP, Map, Release, Reply, Standin, pixman};

use crate::support::{Viewer, WAIT, next};

const DMABUF: Dmabuf =
    Dmabuf { width: 8, height: 8, stride: 32, fourcc: 0x3432_5258, modifier: 0, y0_top: false };

fn file() -> File {
    File::open("/dev/null").unwrap()
}

#[test]
fn methods_have_qemus_signatures_and_flags() {
    let (qemu, socket) = Standin::builder().release(Release::V10_1).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[MAP, DMABUF2]);
    let listener = qemu.listener(0).unwrap();
    listener.scanout(4, 4, 16, pixman::X8R8G8B8, vec![7; 64]);
    listener.update([0, 0, 2, 2], 8, pixman::X8R8G8B8, vec![7; 16]);
    let map = Map { offset: 0, width: 4, height: 4, stride: 16, format: pixman::X8R8G8B8 };
    assert!(listener.scanout_map(file(), map).is_returned());
    listener.update_map([0, 0, 4, 4]);
    listener.scanout_dmabuf(file(), DMABUF);
    listener.scanout_dmabuf2(&[file(), file()], &DMABUF.into());
    let updated = listener.update_dmabuf([0, 0, 8, 8]);
    listener.disable();
    listener.mouse_set(-3, 4, 1);
    listener.cursor_define([1, 1], [-1, -1], vec![0; 4]);
    assert!(updated.wait(WAIT).is_returned());
    assert!(updated.latency().is_some());
    let wanted = [
        ("Scanout", 1, "uuuuay", 0),
        ("Update", 1, "iiiiuuay", 0),
        ("ScanoutMap", 0, "huuuuu", 1),
        ("UpdateMap", 1, "iiii", 0),
        ("ScanoutDMABUF", 1, "huuuutb", 1),
        ("ScanoutDMABUF2", 1, "ahuuuuauauuuuutb", 2),
        ("UpdateDMABUF", 0, "iiii", 0),
        ("Disable", 1, "", 0),
        ("MouseSet", 1, "iii", 0),
        ("CursorDefine", 1, "iiiiay", 0),
    ];
    for (member, flags, signature, fds) in wanted {
        let seen = next(&told);
        assert_eq!(seen.member, member);
        assert_eq!((seen.flags, seen.signature.as_str()), (flags, signature), "{member}");
        assert_eq!(seen.message.data().fds().len(), fds, "{member}");
    }
}

#[test]
fn a_scanouts_arguments_arrive_as_given() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[]);
    let pixels: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    qemu.listener(0).unwrap().scanout(u32::MAX, 0, 17, 5, &pixels);
    let message = next(&told).message;
    let body = message.body();
    let got: (u32, u32, u32, u32, Vec<u8>) = body.deserialize().unwrap();
    assert_eq!(got, (u32::MAX, 0, 17, 5, pixels));
}

#[test]
fn a_descriptor_can_be_missing() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[MAP]);
    let listener = qemu.listener(0).unwrap();
    listener.scanout_dmabuf_without_fd(DMABUF);
    let seen = next(&told);
    assert_eq!(seen.message.data().fds().len(), 0);
    assert_eq!(seen.signature, "huuuutb");
}

#[test]
fn any_method_can_be_sent_with_any_arguments() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[]);
    let listener = qemu.listener(0).unwrap();
    let reply = listener.raw("Scanout", Args::new().str("no").bool(true), Expect::Reply);
    assert!(reply.wait(WAIT).is_returned());
    let seen = next(&told);
    assert_eq!((seen.member.as_str(), seen.signature.as_str()), ("Scanout", "sb"));
}

#[test]
fn garbage_and_half_messages_end_the_connection() {
    type Break = fn(&standin::Listener);
    let breaks: [Break; 3] = [
        |listener| {
            listener.bytes(&[0xff; 64]);
        },
        |listener| listener.half("Update", Args::new().pixels(vec![0; 4096]), 0.5),
        standin::Listener::abort,
    ];
    for broken in breaks {
        let (qemu, socket) = Standin::p2p().unwrap();
        let viewer = Viewer::new(socket);
        let told = viewer.register(&[]);
        let listener = qemu.listener(0).unwrap();
        let pending = listener.raw("Disable", Args::new(), Expect::NoReply);
        assert!(pending.sent().wait_sent(WAIT));
        assert_eq!(next(&told).member, "Disable");
        broken(&listener);
        assert!(matches!(listener.update_dmabuf([0; 4]).wait(WAIT), Reply::Closed));
        assert!(told.recv_timeout(WAIT).is_err(), "nothing that is no message arrives");
    }
}

#[test]
fn a_lossy_queue_loses_the_scanout_before_a_disable() {
    let (qemu, socket) = Standin::builder().lossy(true).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[]);
    let listener = qemu.listener(0).unwrap();
    let batch = listener.batch();
    let lost = listener.scanout_dmabuf(file(), DMABUF);
    listener.cursor_define([1, 1], [0, 0], vec![0; 4]);
    listener.disable();
    drop(batch);
    assert_eq!(next(&told).member, "CursorDefine");
    assert_eq!(next(&told).member, "Disable");
    assert!(lost.is_discarded());
    assert_eq!(listener.queue().discarded, 1);
}
