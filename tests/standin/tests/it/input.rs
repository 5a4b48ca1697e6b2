//! Keys, pointer, touch and the size wanted, recorded and refused.

use standin::{Call, ConsoleSpec, Pointer, Release, Standin, UiInfo};

use crate::support::{CONSOLE, Viewer};

const KEYBOARD: &str = "org.qemu.Display1.Keyboard";
const MOUSE: &str = "org.qemu.Display1.Mouse";
const TOUCH: &str = "org.qemu.Display1.MultiTouch";

#[test]
fn what_the_viewer_does_is_recorded_in_order() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    viewer.console(KEYBOARD, "Press", &(0x1e_u32,)).unwrap();
    assert_eq!(qemu.keys_down(0), [0x1e]);
    viewer.console(MOUSE, "SetAbsPosition", &(1023_u32, 767_u32)).unwrap();
    viewer.console(MOUSE, "Press", &(0_u32,)).unwrap();
    viewer.console(MOUSE, "Release", &(0_u32,)).unwrap();
    viewer.console(TOUCH, "SendEvent", &(0_u32, 9_u64, 1.5_f64, 2.0_f64)).unwrap();
    viewer.console(KEYBOARD, "Release", &(0x1e_u32,)).unwrap();
    viewer.console(CONSOLE, "SetUIInfo", &(300_u16, 200_u16, 0_i32, 0_i32, 800_u32, 600_u32)).unwrap();
    let ui = UiInfo { width_mm: 300, height_mm: 200, xoff: 0, yoff: 0, width: 800, height: 600 };
    let wanted = [
        Call::KeyPress(0x1e),
        Call::SetAbsPosition { x: 1023, y: 767 },
        Call::MousePress(0),
        Call::MouseRelease(0),
        Call::Touch { kind: 0, slot: 9, x: 1.5, y: 2.0 },
        Call::KeyRelease(0x1e),
        Call::SetUiInfo(ui),
    ];
    assert_eq!(qemu.calls_on(0), wanted);
    assert!(qemu.keys_down(0).is_empty());
    let times: Vec<_> = qemu.records().iter().map(|record| record.at).collect();
    assert!(times.is_sorted());
}

#[test]
fn a_pointer_of_the_other_kind_is_refused() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let error = viewer.console(MOUSE, "RelMotion", &(1_i32, 1_i32)).unwrap_err();
    assert!(error.to_string().contains("Mouse is not relative"), "{error}");
    let error = viewer.console(MOUSE, "SetAbsPosition", &(1024_u32, 0_u32)).unwrap_err();
    assert!(error.to_string().contains("Invalid mouse position"), "{error}");
    qemu.set_pointer(0, Pointer::Relative);
    let error = viewer.console(MOUSE, "SetAbsPosition", &(1_u32, 1_u32)).unwrap_err();
    assert!(error.to_string().contains("org.qemu.Display1.Error.Invalid"), "{error}");
    viewer.console(MOUSE, "RelMotion", &(-3_i32, 4_i32)).unwrap();
    assert!(qemu.calls().contains(&Call::RelMotion { dx: -3, dy: 4 }));
}

#[test]
fn a_console_of_fixed_size_refuses_another() {
    let fixed = ConsoleSpec { resizable: false, ..ConsoleSpec::default() };
    let (_qemu, socket) = Standin::builder().console(fixed).p2p().unwrap();
    let info = (0_u16, 0_u16, 0_i32, 0_i32, 800_u32, 600_u32);
    let error = Viewer::new(socket).console(CONSOLE, "SetUIInfo", &info).unwrap_err();
    assert!(error.to_string().contains("Unsupported"), "{error}");
}

#[test]
fn there_is_no_touch_screen_before_8_1() {
    let (_qemu, socket) = Standin::builder().release(Release::V7_2).p2p().unwrap();
    let event = (0_u32, 0_u64, 0_f64, 0_f64);
    let error = Viewer::new(socket).console(TOUCH, "SendEvent", &event).unwrap_err();
    assert!(error.to_string().contains("UnknownMethod"), "{error}");
}
