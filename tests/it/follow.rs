//! Which of several consoles is the one to look at, against the QEMU stand-in.

use oriel::session::{self, Choice, ConsoleId, Event};
use oriel::source::Source;
use standin::pixman::X8R8G8B8;
use standin::{ConsoleKind, ConsoleSpec, Listener, Release, Standin, pattern};

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

/// What QEMU shows where the guest has switched an output off: black, with a line of text in the middle.
fn notice(listener: &Listener, width: u32, height: u32) {
    let mut pixels = vec![0; (width * height * 4) as usize];
    let line = (height / 16 - 1) / 2 * 16;
    let at = ((line * width + width / 2) * 4) as usize;
    pixels[at..at + 32].fill(255);
    listener.scanout(width, height, width * 4, X8R8G8B8, pixels);
}

fn in_use(watch: &Watch, id: ConsoleId) -> bool {
    watch.until("use of an output", |event| match event {
        Event::InUse(told, used) if told == id => Some(used),
        _ => None,
    })
}

#[test]
fn an_output_that_the_guest_switches_off_is_told_of_and_so_is_its_return() {
    let (_qemu, watch, first, second) = machine();
    show(&first, 720, 400);
    assert!(in_use(&watch, VGA));
    notice(&second, 640, 480);
    show(&second, 800, 600);
    assert!(in_use(&watch, VGPU));
    // In the size that it had.
    notice(&second, 800, 600);
    assert!(!in_use(&watch, VGPU));
    show(&second, 800, 600);
    assert!(in_use(&watch, VGPU));
    watch.close();
}

#[test]
fn a_console_of_text_is_told_of_and_never_in_use() {
    let text = ConsoleSpec { label: "serial0".into(), kind: ConsoleKind::Text, ..ConsoleSpec::default() };
    let builder =
        Standin::builder().release(Release::V11_1).console(ConsoleSpec::sized(720, 400)).console(text);
    let (qemu, socket) = builder.p2p().unwrap();
    let watch = Watch::start(Source::socket(socket.into()).unwrap());
    let kind = watch.until("console of text", |event| match event {
        Event::ConsoleAdded(console) if console.id == ConsoleId(1) => Some(console.kind),
        _ => None,
    });
    assert_eq!(kind, session::ConsoleKind::Text);
    let graphic = qemu.listener_within(0, PATIENCE).unwrap();
    show(&graphic, 720, 400);
    // A second screen comes at run time: from now on there is a choice, and use is told of.
    let more = qemu.add_console(ConsoleSpec { head: 1, ..ConsoleSpec::sized(640, 480) });
    let listener = qemu.listener_within(more, PATIENCE).unwrap();
    show(&listener, 640, 480);
    assert!(in_use(&watch, ConsoleId(more)));
    qemu.remove_console(more);
    watch.until("end of a console", |event| match event {
        Event::ConsoleRemoved(id) => (id == ConsoleId(more)).then_some(()),
        Event::InUse(ConsoleId(1), _) => panic!("text is no use of an output"),
        _ => None,
    });
    watch.close();
}
