//! Which of several consoles is the one to look at, against the QEMU stand-in.

use oriel::session::{Choice, ConsoleId, Event};
use oriel::source::Source;
use standin::pixman::X8R8G8B8;
use standin::{ConsoleSpec, Listener, Release, Standin, pattern};

use crate::session_watch::{PATIENCE, Watch};

const VGA: ConsoleId = ConsoleId(0);
const VGPU: ConsoleId = ConsoleId(1);

/// A machine with a standard VGA and a vGPU beside it.
fn machine() -> (Standin, Watch, Listener, Listener) {
    let vgpu = ConsoleSpec { label: "vfio-pci".into(), ..ConsoleSpec::sized(640, 480) };
    let vga = ConsoleSpec { label: "VGA".into(), ..ConsoleSpec::sized(720, 400) };
    let builder = Standin::builder().release(Release::V11_1).console(vga).console(vgpu);
    let (qemu, socket) = builder.p2p().unwrap();
    let watch = Watch::start(Source::socket(socket.into()).unwrap());
    let listeners = [0, 1].map(|console| qemu.listener_within(console, PATIENCE).unwrap());
    let [vga, vgpu] = listeners;
    (qemu, watch, vga, vgpu)
}

fn show(listener: &Listener, width: u32, height: u32) {
    let stride = width * 4;
    listener.scanout(width, height, stride, X8R8G8B8, pattern::render(X8R8G8B8, 7, width, height, stride));
}

fn active(watch: &Watch) -> ConsoleId {
    watch.until("active console", |event| match event {
        Event::ActiveConsole(id) => Some(id),
        _ => None,
    })
}

#[test]
fn the_console_that_begins_to_show_something_is_active() {
    let (_qemu, watch, vga, vgpu) = machine();
    vgpu.scanout(640, 480, 2560, X8R8G8B8, vec![0; 2560 * 480]);
    show(&vga, 720, 400);
    assert_eq!(active(&watch), VGA, "the vGPU is black");
    show(&vgpu, 800, 600);
    assert_eq!(active(&watch), VGPU);
    show(&vga, 640, 480);
    assert_eq!(active(&watch), VGA, "firmware is there again");
    watch.close();
}

#[test]
fn what_the_person_chooses_stays_until_it_goes() {
    let (qemu, watch, vga, vgpu) = machine();
    show(&vga, 720, 400);
    assert_eq!(active(&watch), VGA);
    watch.session.choose(Choice::Console(VGPU));
    assert_eq!(active(&watch), VGPU);
    watch.session.choose(Choice::Automatic);
    assert_eq!(active(&watch), VGA);
    show(&vgpu, 800, 600);
    assert_eq!(active(&watch), VGPU);
    watch.session.choose(Choice::Console(VGA));
    assert_eq!(active(&watch), VGA);
    qemu.remove_console(0);
    assert_eq!(active(&watch), VGPU, "what was chosen is gone");
    watch.close();
}
