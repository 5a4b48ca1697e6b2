//! The text that is copied, as it reads.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Time;
use crate::frame::{DmabufParts, Mailbox, Plane, Wire};
use crate::geometry::{Rect, Size};
use crate::pixel::{Fourcc, Modifier};
use crate::present::Fidelity;
use crate::present::ladder::Reason;
use crate::session::{ConsoleId, Hardware, Ramfb};
use crate::stats::Stats;

fn fd() -> OwnedFd {
    rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memory")
}

fn scanout() -> Scanout {
    let parts = DmabufParts {
        file: (1, 2),
        planes: vec![Plane { fd: fd(), offset: 0, stride: 8192 }],
        fourcc: Fourcc::new(*b"XR24"),
        modifier: Modifier(0x0100_0000_0000_0002),
        backing: Size::new(2048, 1080),
        crop: Rect::new(0, 0, 1920, 1080),
        y0_top: true,
        wire: Wire::V2,
    };
    Scanout::Dmabuf(Dmabuf::new(parts).expect("a buffer").into())
}

fn console() -> Console {
    Console {
        id: ConsoleId(1),
        label: "vfio-pci-nohotplug".to_owned(),
        kind: ConsoleKind::Graphic,
        head: 0,
        device: "pci/0000/05.0".to_owned(),
        hardware: Hardware::Vfio { ramfb: Ramfb::On },
        size: Size::new(1920, 1080),
        frames: Arc::new(Mailbox::default()),
        stats: Arc::new(Stats::new(Time::default())),
    }
}

fn report() -> Report {
    let stats = Stats::new(Time::default());
    for _ in 0..120 {
        stats.received(Time::default());
        stats.committed(Time::default(), Time::default() + Duration::from_micros(70));
    }
    stats.imported();
    stats.summary(Time::from_millis(2000))
}

#[test]
fn the_text_says_it_all_and_nothing_of_the_persons() {
    let mut all = Diagnostics::default();
    all.section("Software", [("Oriel", "1.0".to_owned()), ("Kernel", "6.12".to_owned())]);
    let name = "web\n  Console: forged, from /home/ada/machines".to_owned();
    all.section("Machine", [("Name", name), ("Console", describe(&console(), true))]);
    let refused =
        Refusals::default().and(Rung::Direct, Reason::NoDmabuf).and(Rung::Compose, Reason::NotBuilt);
    let status = Status::Showing { rung: Rung::Copy, refused, fidelity: Fidelity::None };
    all.section("Picture", picture(Some(&status), Some(&scanout())));
    all.section("Statistics since the start", statistics(&report()));
    insta::assert_snapshot!(all.text(Some("/home/ada/")), @r"
    Software
      Oriel: 1.0
      Kernel: 6.12

    Machine
      Name: web
          Console: forged, from ~/machines
      Console: 1 vfio-pci-nohotplug, graphic, head 0 of pci/0000/05.0, vfio with ramfb, shown

    Picture
      Way: copy
      Not direct: the compositor has no linux-dmabuf
      Not compose: this build of Oriel has no part that draws with the GPU
      Buffer: 1920x1080+0+0 of 2048x1080 XR24, dma-buf, modifier I915_Y_TILED, y0_top
      Plane: offset 0, stride 8192

    Statistics since the start
      Seconds: 2
      Messages: 120 (60.0 a second)
      Updates of the guest: 0 (0.0 a second)
      Flips of the guest: 0
      Asked for at the monitor: 0 (None)
      Shown once more: 0
      Committed: 120 (60.0 a second)
      Presented: 0 (0.0 a second)
      Never seen: 0 overtaken, 0 missed, 0 refused
      Scanned out: 0
      Waited for, shown unfinished: 0, 0
      Sizes asked for: 0, none open
      Imports: 1
      Shader passes: 0
      Bytes copied: 0
      Delay to reply: unknown
      Delay to commit: p50 0.070 ms, p99 0.070 ms, max 0.070 ms
      Delay to screen: unknown
    ");
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    assert_eq!(
        picture(None, None),
        [("Way", "none: there is no output".to_owned()), ("Buffer", "none".to_owned())]
    );
    assert_eq!(latency(None), "unknown");
    let all = Diagnostics::default();
    assert_eq!(all.text(Some("/")), "");
}
