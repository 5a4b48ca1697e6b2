//! What became of a wish for a size, and why if nothing did.

use std::time::Duration;

use super::Device;
use crate::geometry::{Guest, Size};

/// How the guest stands to what it was asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing has been asked, or the guest has gone its own way since.
    #[default]
    None,
    /// The guest has been asked and has some time left.
    Waiting { asked: Size<Guest> },
    /// It shows what it was asked for, so long after it was.
    Followed { size: Size<Guest>, after: Duration },
    /// It does not. It may still do so later.
    NotFollowed { asked: Size<Guest>, reason: Reason },
}

impl Verdict {
    /// The size that a guest should have from its start on, going by this and what it shows: what it was
    /// asked for, as far as its device can.
    pub fn wanted(self, shown: Option<Size<Guest>>) -> Option<Size<Guest>> {
        match self {
            Self::NotFollowed { reason: Reason::Most(most), .. } => Some(most),
            Self::NotFollowed { asked, .. } | Self::Waiting { asked } => Some(asked),
            Self::None | Self::Followed { .. } => shown,
        }
    }
}

/// Why a guest has not followed, as far as can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The device takes no wishes; QEMU says so.
    Unsupported,
    /// The wish did not arrive.
    Undelivered,
    /// The guest is in a mode of its firmware: no driver for the device runs.
    NoDriver,
    /// QEMU took the wish, and nothing happened on a vfio device: it has no EDID region, or the
    /// guest's driver does not look at it.
    Ignored,
    /// The driver runs, and nothing in the guest applies what it is told: no session agent, or the
    /// desktop's setting is fixed.
    NoAgent,
    /// The guest took another size: the nearest that its driver can, or one that somebody chose.
    OtherSize(Size<Guest>),
    /// It shows the largest that its device can.
    Most(Size<Guest>),
    /// It has followed before, and has not yet.
    Late,
    /// Nothing is known of the device.
    Unknown,
}

#[cfg(test)]
impl Reason {
    pub(crate) const EVERY: [Self; 9] = [
        Self::Unsupported,
        Self::Undelivered,
        Self::NoDriver,
        Self::Ignored,
        Self::NoAgent,
        Self::OtherSize(Size::new(1024, 768)),
        Self::Most(Size::new(1024, 768)),
        Self::Late,
        Self::Unknown,
    ];
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Put the size into the machine's definition: see [`Device::keep`].
    Definition,
    /// Give the machine a device that takes wishes, such as virtio-gpu.
    OtherDevice,
    /// Give the machine a virtual GPU of a larger type.
    LargerDevice,
    /// Install the device's driver in the guest.
    Driver,
    /// Install the guest's agent (spice-vdagent, or vgpusrv on Windows), or log in.
    Agent,
    /// Choose the size in the guest.
    InTheGuest,
    /// Ask once more.
    AskAgain,
}

/// What is known of the guest's driver for the device.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Driver {
    #[default]
    Unknown,
    Runs,
    Missing,
}

/// What the firmware's text modes are: no driver of a guest's desktop sets those.
const TEXT_MODES: [Size<Guest>; 4] =
    [Size::new(720, 400), Size::new(640, 400), Size::new(640, 350), Size::new(320, 200)];

/// All that is known when a guest's time is up.
pub(super) struct Evidence {
    pub(super) device: Device,
    pub(super) driver: Driver,
    /// What it showed when it was asked, and what it shows now.
    pub(super) before: Option<Size<Guest>>,
    pub(super) shown: Option<Size<Guest>>,
    /// It has followed at least once.
    pub(super) followed: bool,
}

impl Evidence {
    pub(super) fn reason(&self) -> Reason {
        match self.shown {
            Some(shown) if self.shown != self.before => Reason::OtherSize(shown),
            _ if self.driver == Driver::Missing => Reason::NoDriver,
            Some(shown) if TEXT_MODES.contains(&shown) => Reason::NoDriver,
            _ if self.followed => Reason::Late,
            _ => match self.device {
                Device::Vfio => Reason::Ignored,
                Device::Virtio => Reason::NoAgent,
                Device::Vga | Device::Plain | Device::Unknown => Reason::Unknown,
            },
        }
    }
}

impl Reason {
    /// What to suggest, the most promising first.
    pub fn remedies(self, device: Device) -> &'static [Remedy] {
        match (self, device) {
            (Self::Unsupported, Device::Plain) => &[Remedy::InTheGuest, Remedy::OtherDevice],
            (Self::Unsupported, _) => &[Remedy::InTheGuest, Remedy::Definition, Remedy::OtherDevice],
            (Self::NoDriver, _) => &[Remedy::Driver],
            (Self::Ignored, _) => &[Remedy::Definition, Remedy::InTheGuest, Remedy::Driver],
            (Self::NoAgent, _) => &[Remedy::Agent, Remedy::InTheGuest, Remedy::Definition],
            (Self::Unknown, _) => &[Remedy::InTheGuest, Remedy::Driver, Remedy::Agent],
            (Self::OtherSize(_), _) => &[Remedy::InTheGuest],
            (Self::Most(_), _) => &[Remedy::LargerDevice, Remedy::AskAgain],
            (Self::Late | Self::Undelivered, _) => &[Remedy::AskAgain],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: Option<Size<Guest>> = Some(Size::new(1280, 800));

    fn evidence(device: Device) -> Evidence {
        Evidence { device, driver: Driver::Unknown, before: SHOWN, shown: SHOWN, followed: false }
    }

    #[test]
    fn silence_is_explained_by_the_device() {
        assert_eq!(evidence(Device::Vfio).reason(), Reason::Ignored);
        assert_eq!(evidence(Device::Virtio).reason(), Reason::NoAgent);
        assert_eq!(evidence(Device::Unknown).reason(), Reason::Unknown);
    }

    #[test]
    fn what_is_seen_counts_for_more() {
        let firmware = Some(Size::new(720, 400));
        let text = Evidence { before: firmware, shown: firmware, ..evidence(Device::Virtio) };
        assert_eq!(text.reason(), Reason::NoDriver);
        let busy = Evidence { followed: true, ..evidence(Device::Virtio) };
        assert_eq!(busy.reason(), Reason::Late);
        let other = Evidence { shown: Some(Size::new(1024, 768)), ..evidence(Device::Vfio) };
        assert_eq!(other.reason(), Reason::OtherSize(Size::new(1024, 768)));
        let bare = Evidence { driver: Driver::Missing, ..evidence(Device::Vfio) };
        assert_eq!(bare.reason(), Reason::NoDriver);
    }

    #[test]
    fn what_is_kept_is_what_the_device_can() {
        let (asked, most) = (Size::new(2560, 1440), Size::new(1920, 1200));
        for (verdict, kept) in [
            (Verdict::NotFollowed { asked, reason: Reason::Ignored }, Some(asked)),
            (Verdict::NotFollowed { asked, reason: Reason::Most(most) }, Some(most)),
            (Verdict::Waiting { asked }, Some(asked)),
            (Verdict::Followed { size: most, after: Duration::ZERO }, SHOWN),
            (Verdict::None, SHOWN),
        ] {
            assert_eq!(verdict.wanted(SHOWN), kept, "{verdict:?}");
        }
    }

    #[test]
    fn there_is_always_something_to_do() {
        for device in [Device::Virtio, Device::Vfio, Device::Vga, Device::Plain, Device::Unknown] {
            for reason in Reason::EVERY {
                assert!(!reason.remedies(device).is_empty());
                let keeps = reason.remedies(device).contains(&Remedy::Definition);
                let possible = device == Device::Unknown || device.keep(Size::new(1, 1)).is_some();
                assert!(!keeps || possible || reason != Reason::Unsupported);
            }
        }
    }
}
