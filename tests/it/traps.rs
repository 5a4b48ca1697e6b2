//! The traps of QEMU's frames that are about order, buffers, formats, pointers and replies, by the
//! number that the project's notes on QEMU give them (section 9). Traps of connecting and of input
//! are in `auth`, `listener` and `peer`; those of the picture's state alone are beside `frame::Model`.

use std::thread;
use std::time::Duration;

use oriel::display1::{Report, interface};
use oriel::frame::{Dmabuf, Pointer, Scanout, Screen, Wire};
use oriel::geometry::{Point, Rect, Size};
use oriel::pixel::{Format, Modifier};
use standin::buffer::{Buffer, INVALID, LINEAR, Layout};
use standin::pixman::X8R8G8B8;
use standin::scenario::Scenario;
use standin::{Args, Dmabuf as Announced, Dmabuf2, Hang, Listener, Release, Standin};

use crate::viewer::{Viewer, WAIT, bytes, open_descriptors};

/// A tick of QEMU's timer, faster than QEMU's own.
const PACE: Duration = Duration::from_millis(5);

/// What QEMU waits for a reply.
const SECOND: Duration = Duration::from_secs(1);

fn buffer(width: u32, height: u32) -> Buffer {
    Buffer::with_frame(Layout::tight(width, height, X8R8G8B8), 1).unwrap()
}

fn shown_dmabuf(viewer: &Viewer) -> std::sync::Arc<Dmabuf> {
    viewer.until("a dma-buf", |mailbox| match mailbox.current() {
        Some(Scanout::Dmabuf(dmabuf)) => Some(dmabuf),
        _ => None,
    })
}

/// A listener whose model has shown this buffer.
fn showing(buffer: &Buffer) -> (Viewer, Listener) {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0));
    let qemu = viewer.qemu();
    qemu.scanout_dmabuf(buffer, buffer.dmabuf());
    assert!(qemu.update_dmabuf([0, 0, 1, 1]).wait(WAIT).is_returned());
    (viewer, qemu)
}

#[test]
fn trap_02_and_05_properties_are_told_while_a_presenter_is_stuck() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    qemu.scanout(64, 48, 256, X8R8G8B8, vec![0; 256 * 48]);
    viewer.present();
    let frame = viewer.frame();
    let Scanout::Pixels(pixels) = &frame.scanout else { panic!("pixels") };
    // A presenter that sits on the picture, and on every reply.
    let _stuck = (pixels.read(), &frame.ack);
    let args = Args::new().str(interface::LISTENER);
    let path = "/org/qemu/Display1/Listener";
    assert!(qemu.raw_at(path, interface::PROPERTIES, "GetAll", args).wait(SECOND).is_returned());
}

#[test]
fn trap_09_one_lost_scanout_is_asked_for_once() {
    let first = buffer(64, 48);
    let (viewer, qemu) = showing(&first);
    qemu.disable();
    thread::sleep(Duration::from_millis(250));
    for _ in 0..100 {
        assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
    }
    assert_eq!(viewer.pending_reports(), 1, "each registration leaks in QEMU 9.0 to 10.2");
}

#[test]
fn trap_10_an_update_makes_the_framebuffer_that_no_scanout_announced() {
    let viewer = Viewer::new(Standin::builder());
    viewer.qemu().update([8, 4, 2, 2], 8, X8R8G8B8, vec![7; 16]);
    let scanout = viewer.until_live(10, 6);
    assert_eq!(bytes(&scanout)[(4 * 10 + 8) * 4], 7);
}

#[test]
fn trap_12_a_new_buffer_waits_for_its_first_update() {
    let (black, real) = (buffer(64, 48), buffer(64, 48));
    let (viewer, qemu) = showing(&buffer(32, 24));
    viewer.present();
    drop(viewer.frame());
    let batch = qemu.batch();
    qemu.scanout_dmabuf(&black, black.dmabuf());
    qemu.scanout_dmabuf(&real, real.dmabuf());
    let reply = qemu.update_dmabuf([0, 0, 64, 48]);
    drop(batch);
    let frame = viewer.frame();
    let Scanout::Dmabuf(shown) = &frame.scanout else { panic!("a dma-buf") };
    let inode = rustix::fs::fstat(&real).unwrap().st_ino;
    assert_eq!(shown.id().inode, inode, "the black one is never shown");
    drop(frame);
    assert!(reply.wait(WAIT).is_returned());
}

#[test]
fn trap_12_a_buffer_without_updates_is_shown_all_the_same() {
    let viewer = Viewer::new(Standin::builder());
    let still = buffer(64, 48);
    viewer.qemu().scanout_dmabuf(&still, still.dmabuf());
    viewer.until_live(64, 48);
}

#[test]
fn trap_13_a_disable_is_believed_only_after_a_while() {
    let picture = buffer(64, 48);
    let (viewer, qemu) = showing(&picture);
    qemu.disable();
    assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
    thread::sleep(Duration::from_millis(200));
    assert_eq!(viewer.mailbox.screen(), Screen::Live(Size::new(64, 48)), "an update took it back");
    qemu.disable();
    viewer.until("the display is off", |mailbox| (mailbox.screen() == Screen::Off).then_some(()));
    assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
    viewer.until_live(64, 48);
}

#[test]
fn trap_14_lost_scanout_registers_again() {
    let mut viewer = Viewer::new(Standin::builder().release(Release::V10_0).lossy(true));
    let qemu = viewer.qemu.clone();
    let playing = thread::spawn(move || {
        let listener = qemu.listener_within(0, WAIT).unwrap();
        Scenario::LostScanout.play(&qemu, &listener, Duration::from_millis(30)).unwrap()
    });
    assert!(matches!(viewer.report(), Report::Resync));
    viewer.register().unwrap();
    let played = playing.join().unwrap();
    let inode = rustix::fs::fstat(&played.buffers[1]).unwrap().st_ino;
    viewer.until("the lost buffer", |mailbox| match mailbox.current() {
        Some(Scanout::Dmabuf(dmabuf)) => (dmabuf.id().inode == inode).then_some(()),
        _ => None,
    });
}

#[test]
fn trap_15_scanouts_that_qemu_throws_away_are_not_missed() {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0).lossy(true));
    let qemu = viewer.qemu();
    let batch = qemu.batch();
    for shade in 0..50 {
        qemu.scanout(64, 48, 256, X8R8G8B8, vec![shade; 256 * 48]);
        qemu.update([0, 0, 1, 1], 4, X8R8G8B8, vec![shade; 4]);
    }
    drop(batch);
    viewer.until("the newest", |mailbox| mailbox.current().filter(|scanout| bytes(scanout)[..8] == [49; 8]));
}

#[test]
fn trap_16_a_picture_from_the_bottom_up_has_its_damage_flipped() {
    let viewer = Viewer::new(Standin::builder());
    let qemu = viewer.qemu();
    let picture = buffer(64, 48);
    qemu.scanout_dmabuf(&picture, Announced { y0_top: true, ..picture.dmabuf() });
    assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
    assert!(shown_dmabuf(&viewer).y0_top());
    viewer.present();
    drop(viewer.frame());
    qemu.update_dmabuf([5, 0, 10, 8]);
    assert_eq!(viewer.frame().damage.rects(), [Rect::new(5, 40, 10, 8)]);
}

#[test]
fn trap_17_modifiers_are_passed_on_as_they_are() {
    let viewer = Viewer::new(Standin::builder());
    let picture = buffer(64, 48);
    // INTEL X-tiled, as GVT-g reports it.
    for modifier in [LINEAR, INVALID, 0x0100_0000_0000_0001] {
        viewer.qemu().scanout_dmabuf(&picture, Announced { modifier, ..picture.dmabuf() });
        viewer.until("the modifier", |mailbox| match mailbox.current() {
            Some(Scanout::Dmabuf(dmabuf)) => (dmabuf.modifier() == Modifier(modifier)).then_some(()),
            _ => None,
        });
    }
}

#[test]
fn trap_18_padding_between_rows_is_left_out() {
    let viewer = Viewer::new(Standin::builder());
    let row = [[1; 8], [0xee; 8]].concat();
    viewer.qemu().scanout(2, 3, 16, X8R8G8B8, row.repeat(3));
    assert_eq!(bytes(&viewer.until_live(2, 3)), [1; 24]);
}

#[test]
fn trap_19_a_map_may_begin_within_a_page() {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0));
    let layout = Layout { offset: 4096 + 68, ..Layout::tight(64, 48, X8R8G8B8) };
    let picture = Buffer::with_frame(layout, 1).unwrap();
    assert!(viewer.qemu().scanout_map(&picture, picture.map()).is_returned());
    let Scanout::Mapped(mapped) = viewer.until_live(64, 48) else { panic!("a map") };
    assert_eq!(mapped.offset(), 4096 + 68);
}

#[test]
fn trap_20_a_map_of_something_else_is_refused_so_that_qemu_falls_back() {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0));
    let qemu = viewer.qemu();
    let null = std::fs::File::open("/dev/null").unwrap();
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let map = buffer(64, 48).map();
    let invalid = Some("org.qemu.Display1.Error.Invalid");
    assert_eq!(qemu.scanout_map(&null, map).error_name(), invalid);
    assert_eq!(qemu.scanout_map(&socket, map).error_name(), invalid);
    viewer.still_works();
}

#[test]
fn trap_21_a_map_is_answered_before_anything_is_done_with_it() {
    let viewer = Viewer::new(Standin::builder().release(Release::V10_0));
    viewer.present();
    let qemu = viewer.qemu();
    let (first, second) = (buffer(64, 48), buffer(80, 60));
    assert!(qemu.scanout_map(&first, first.map()).is_returned());
    let held = viewer.frame();
    assert!(qemu.scanout_map(&second, second.map()).is_returned(), "nobody has shown the first yet");
    drop(held);
}

#[test]
fn trap_23_descriptors_are_closed_and_buffers_known_by_their_inode() {
    let (first, second) = (buffer(64, 48), buffer(64, 48));
    let (viewer, qemu) = showing(&first);
    let known = shown_dmabuf(&viewer).id();
    let before = open_descriptors();
    for _ in 0..200 {
        for picture in [&second, &first] {
            qemu.scanout_dmabuf(picture, picture.dmabuf());
            assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(WAIT).is_returned());
        }
    }
    assert_eq!(shown_dmabuf(&viewer).id(), known);
    // Other tests open and close some in the meantime.
    assert!(open_descriptors() < before + 100, "400 scanouts were sent");
}

#[test]
fn trap_24_planes_without_a_descriptor_of_their_own_share_the_first() {
    let viewer = Viewer::new(Standin::builder());
    let picture = buffer(64, 96);
    let planes = Dmabuf2 {
        height: 48,
        backing_height: 48,
        offsets: vec![0, 256 * 48],
        strides: vec![256, 256],
        num_planes: 2,
        ..picture.dmabuf().into()
    };
    viewer.qemu().scanout_dmabuf2(&[&picture], &planes);
    let shown = shown_dmabuf(&viewer);
    assert_eq!(shown.wire(), Wire::V2);
    let inodes: Vec<_> =
        shown.planes().iter().map(|plane| rustix::fs::fstat(&plane.fd).unwrap().st_ino).collect();
    assert_eq!(inodes.len(), 2);
    assert_eq!(inodes[0], inodes[1]);
    assert_eq!(shown.planes()[1].offset, 256 * 48);
}

#[test]
fn trap_25_updates_that_nobody_has_shown_yet_become_one() {
    let picture = buffer(64, 48);
    let (viewer, qemu) = showing(&picture);
    viewer.present();
    drop(viewer.frame());
    let batch = qemu.batch();
    let replies: Vec<_> = (0..20).map(|_| qemu.update_dmabuf([0, 0, 64, 48])).collect();
    drop(batch);
    let frame = viewer.until("all twenty", |mailbox| {
        thread::sleep(Duration::from_millis(20));
        mailbox.take()
    });
    assert_eq!(frame.damage.rects(), [Rect::new(0, 0, 64, 48)]);
    drop(frame);
    for reply in replies {
        assert!(reply.wait(WAIT).is_returned());
    }
}

#[test]
fn trap_26_a_picture_of_5120_by_2880_comes_in_one_message() {
    let viewer = Viewer::new(Standin::builder());
    let (width, height) = (5120, 2880);
    let pixels = vec![0x42; 5120 * 2880 * 4];
    viewer.qemu().scanout(width, height, width * 4, X8R8G8B8, pixels);
    assert!(bytes(&viewer.until_live(width, height)).iter().all(|byte| *byte == 0x42));
}

#[test]
fn trap_27_every_format_arrives_by_its_pixman_code() {
    let viewer = Viewer::new(Standin::builder());
    for (width, format) in (1..).zip(Format::ALL) {
        let row = width * format.bytes_per_pixel();
        viewer.qemu().scanout(width, 1, row, format.pixman(), vec![0; row as usize]);
        let Scanout::Pixels(pixels) = viewer.until_live(width, 1) else { panic!("pixels") };
        assert_eq!(pixels.format(), *format);
    }
}

#[test]
fn trap_28_a_hot_spot_of_minus_one_lies_in_the_corner() {
    let viewer = Viewer::new(Standin::builder());
    viewer.qemu().cursor_define([512, 2], [-1, -1], vec![0; 512 * 2 * 4]);
    let cursor = viewer.until("a shape", |mailbox| match mailbox.pointer() {
        Pointer::Shown(Some(cursor)) => Some(cursor),
        _ => None,
    });
    assert_eq!((cursor.size(), cursor.hotspot()), (Size::new(512, 2), Point::new(0, 0)));
}

#[test]
fn trap_29_without_a_shape_the_pointer_is_not_hidden() {
    let picture = buffer(64, 48);
    let (viewer, _qemu) = showing(&picture);
    assert_eq!(viewer.mailbox.pointer(), Pointer::Unknown);
}

#[test]
fn trap_30_any_number_but_0_shows_the_pointer_wherever_it_is() {
    let viewer = Viewer::new(Standin::builder().release(Release::V8_2));
    let qemu = viewer.qemu();
    for (on, wanted) in [(0, Pointer::Hidden), (-7, Pointer::Shown(None)), (0, Pointer::Hidden)] {
        qemu.mouse_set(-30, i32::MIN, on);
        viewer.until("the pointer", |mailbox| (mailbox.pointer() == wanted).then_some(()));
    }
    // What is reckoned with is no farther away than screens are long.
    assert_eq!(viewer.mailbox.pointer_place(), Some(Point::new(-30, -16_384)));
}

#[test]
fn trap_31_a_presenter_that_keeps_a_frame_does_not_keep_qemu() {
    let picture = buffer(64, 48);
    let (viewer, qemu) = showing(&picture);
    viewer.present();
    drop(viewer.frame());
    let reply = qemu.update_dmabuf([0, 0, 64, 48]);
    let frame = viewer.frame();
    assert!(reply.wait(SECOND).is_returned(), "answered while the frame is still held");
    drop(frame);
    let next = qemu.update_dmabuf([0, 0, 64, 48]);
    drop(viewer.frame());
    assert!(next.wait(SECOND).is_returned());
}

#[test]
fn trap_31_updates_without_a_picture_or_outside_of_it_are_answered_with_success() {
    let viewer = Viewer::new(Standin::builder());
    viewer.present();
    let rects = [[0, 0, 10, 10], [-5, -5, 3, 3], [i32::MAX, 0, i32::MAX, 1], [0, 0, 0, 0], [0, 0, -1, -1]];
    for rect in rects {
        assert!(viewer.qemu().update_dmabuf(rect).wait(SECOND).is_returned(), "{rect:?}");
    }
    let picture = buffer(64, 48);
    let (viewer, qemu) = showing(&picture);
    for rect in rects {
        assert!(qemu.update_dmabuf(rect).wait(SECOND).is_returned(), "{rect:?}");
    }
    drop(viewer);
}

#[test]
fn trap_32_a_viewer_that_shows_nothing_reads_everything() {
    let viewer = Viewer::new(Standin::builder());
    viewer.present();
    let qemu = viewer.qemu();
    qemu.scanout(640, 480, 2560, X8R8G8B8, vec![0; 2560 * 480]);
    let _held = viewer.frame();
    for _ in 0..2000 {
        qemu.update([0, 0, 64, 64], 256, X8R8G8B8, vec![0; 256 * 64]);
    }
    assert!(qemu.flush(WAIT), "32 MB were read");
}

#[test]
fn trap_33_a_hidden_viewer_answers_at_once() {
    let picture = buffer(64, 48);
    let (viewer, qemu) = showing(&picture);
    viewer.present();
    drop(viewer.frame());
    let reply = qemu.update_dmabuf([0, 0, 64, 48]);
    viewer.mailbox.stop_presenting();
    assert!(reply.wait(SECOND).is_returned());
    assert!(qemu.update_dmabuf([0, 0, 64, 48]).wait(SECOND).is_returned());
}

#[test]
fn trap_41_a_buffer_may_be_the_first_that_is_seen() {
    let picture = buffer(64, 48);
    let (viewer, _qemu) = showing(&picture);
    assert_eq!(viewer.mailbox.screen(), Screen::Live(Size::new(64, 48)));
}

#[test]
fn a_machine_that_is_stopped_and_goes_on_is_taken_up_where_it_was() {
    let viewer = Viewer::new(Standin::builder());
    viewer.still_works();
    viewer.qemu.hang(Hang::Process);
    thread::sleep(Duration::from_millis(50));
    viewer.qemu.resume();
    viewer.qemu().scanout(9, 9, 36, X8R8G8B8, vec![1; 324]);
    viewer.until_live(9, 9);
}

#[test]
fn every_scenario_of_the_stand_in_ends_with_its_picture_and_without_a_timeout() {
    for scenario in Scenario::ALL {
        if scenario == Scenario::LostScanout {
            continue; // needs somebody who registers again: trap 14
        }
        let viewer = Viewer::new(Standin::builder().release(Release::V11_1));
        let played = scenario.play(&viewer.qemu, &viewer.qemu(), PACE).unwrap();
        assert!(played.replies.iter().all(standin::Reply::is_returned), "{scenario:?}: {:?}", played.replies);
        match played.shown {
            standin::scenario::Shown::Frame { width, height, .. } => {
                let scanout = viewer.until_live(width, height);
                let fits = scanout.size() == Size::new(width, height);
                assert!(fits, "{scenario:?}: {scanout:?}");
            }
            standin::scenario::Shown::Nothing => {
                viewer.until("an end of the picture", |mailbox| {
                    (!matches!(mailbox.screen(), Screen::Live(_))).then_some(())
                });
            }
        }
    }
}
