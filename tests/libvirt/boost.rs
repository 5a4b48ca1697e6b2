//! QEMU is had to look oftener through libvirt only where the person wants that: the machine is marked for it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oriel::clock;
use oriel::frame::{self, Dmabuf, DmabufParts, Mailbox, Plane, Wire};
use oriel::geometry::Size;
use oriel::pixel::{Fourcc, Modifier};
use oriel::session::{Boosting, Console, Hardware, Options};
use oriel::source::Source;
use oriel::source::libvirt::{Domain, Operation, State};
use oriel::stats::Boost;

use crate::daemon::{Daemon, P2P, call, definition};
use crate::screen::Screen;
use crate::session_watch::{Watch, eventually};

const REFRESH: Duration = Duration::from_nanos(16_666_667);

/// A guest on a vGPU that flips, as far as a console's pictures tell: QEMU itself draws here, which can
/// be looked at, too.
struct Flips {
    stop: Arc<AtomicBool>,
    guest: Option<JoinHandle<()>>,
}

impl Flips {
    fn of(console: &Console) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, frames) = (stop.clone(), console.frames.clone());
        let guest = thread::spawn(move || {
            let memory = [(); 2].map(|()| memory());
            for turn in 0.. {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                flip(&frames, &memory[turn % 2]);
                thread::sleep(Duration::from_millis(15));
            }
        });
        Self { stop, guest: Some(guest) }
    }
}

impl Drop for Flips {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.guest.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

fn memory() -> File {
    let fd = rustix::fs::memfd_create("guest", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let file = File::from(fd);
    file.set_len(64 * 48 * 4).unwrap();
    file
}

fn flip(frames: &Mailbox, memory: &File) {
    let of = memory.metadata().unwrap();
    let backing = Size::new(64, 48);
    let dmabuf = Dmabuf::new(DmabufParts {
        file: (of.dev(), of.ino()),
        planes: vec![Plane { fd: OwnedFd::from(memory.try_clone().unwrap()), offset: 0, stride: 64 * 4 }],
        fourcc: Fourcc::new(*b"XR24"),
        modifier: Modifier(0),
        backing,
        crop: backing.at_origin(),
        y0_top: false,
        wire: Wire::V2,
    });
    frames.apply(frame::Event::Dmabuf(dmabuf.unwrap()), clock::now()).unwrap();
    frames
        .apply(frame::Event::Damage { x: 0, y: 0, width: 64, height: 48, ack: None }, clock::now())
        .unwrap();
}

#[test]
fn libvirt_is_had_to_look_only_where_the_person_wants_it() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    // Going by its name, and libvirt knows no other: a device that QEMU polls.
    let device = "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='VGA,id=vfio-pci'/>\
                  </qemu:commandline></domain>";
    let text = definition("web", P2P)
        .replace("<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ")
        .replace("<model type='vga'/>", "<model type='none'/>")
        .replace("</domain>", device);
    call(hypervisor.define(text)).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);

    let source = Source::Libvirt(Domain::on(hypervisor, "web"));
    let session = Watch::start_with(source, Options { boost: Boosting::Auto });
    session.live();
    let console = session.console();
    assert!(matches!(console.hardware, Hardware::Vfio { .. }), "{console:?}");
    let _guest = Flips::of(&console);
    let _screen = Screen::of(&console, REFRESH);
    // Long enough to see that it would be worth it.
    eventually("a guest that flips", || console.frames.pulse().flips > 150);
    assert_eq!(console.stats.current_boost(), Boost::None);
    assert!(!daemon.log().contains("custom-monitor"), "{}", daemon.log());

    session.session.set_boost(Boosting::Everywhere);
    eventually("a look", || daemon.log().contains("custom-monitor"));
    assert_ne!(console.stats.current_boost(), Boost::None);
    session.session.set_boost(Boosting::Auto);
    eventually("no more of it", || console.stats.current_boost() == Boost::None);
}
