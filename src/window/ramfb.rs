//! How to let firmware draw on a virtual GPU: the settings to copy, and a hint above QEMU's own notice.

use adw::prelude::*;

use super::MachineWindow;
use super::i18n::gettext;
use crate::frame::Screen;
use crate::geometry::Size;
use crate::session::{ConsoleKind, Firmware};

/// What to add to the display's `-device` (docs/system/devices in QEMU: `ramfb` is a property of the
/// type without hot plugging alone).
const QEMU: &str = "-device vfio-pci-nohotplug,sysfsdev=/sys/bus/mdev/devices/UUID,display=on,ramfb=on";

/// What to change in the domain (libvirt's `formatdomain`: `ramfb` of a hostdev of model `vfio-pci`).
const LIBVIRT: &str = "\
<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='on' ramfb='on'>
  <source>
    <address uuid='UUID'/>
  </source>
</hostdev>
";

/// The size of the surface on which QEMU says that the guest shows nothing yet
/// (ui/console.c, `graphic_console_init`).
const NOTICE: (u32, u32) = (640, 480);

impl MachineWindow {
    /// Whether anything draws before the guest's own driver does.
    pub(super) fn firmware(&self) -> Firmware {
        let known = self.shared().known.borrow();
        let graphic = known.consoles.iter().filter(|console| console.kind == ConsoleKind::Graphic);
        Firmware::of(graphic.map(|console| console.hardware))
    }

    /// Whether what is shown is QEMU's notice that the firmware draws nothing, as far as can be told.
    pub(super) fn shows_notice(&self) -> bool {
        let notice = Screen::Live(Size::new(NOTICE.0, NOTICE.1));
        self.firmware() == Firmware::DrawsNothing && self.view().screen() == notice
    }

    /// Puts the setting on the clipboard, in the words of `qemu` or `libvirt`.
    pub(super) fn copy_ramfb(&self, whose: &str) {
        let text = if whose == "libvirt" { LIBVIRT } else { QEMU };
        self.clipboard().set_text(text);
        self.toast(&adw::Toast::new(&gettext("Setting copied")));
    }
}
