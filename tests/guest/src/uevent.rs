//! The kernel's announcements of devices that come, change and go.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// The multicast group that the kernel itself speaks to (`lib/kobject_uevent.c`).
const KERNEL_GROUP: u32 = 1;

/// What an announcement means to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Uevent {
    /// A device asks for a driver with this alias.
    NeedsDriver(String),
    /// Displays were plugged, unplugged or changed what they can show.
    DisplaysChanged,
    /// A graphics card appeared.
    NewCard,
    /// An input device's node appeared, relative to `/dev`.
    NewInput(String),
}

/// A socket on which the kernel announces devices.
#[derive(Debug)]
pub(crate) struct Uevents(OwnedFd);

impl Uevents {
    pub(crate) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = Some(netlink::KOBJECT_UEVENT);
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, kind)?;
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self(socket))
    }

    /// The next announcement that means something to us; `None` when there is none waiting.
    pub(crate) fn next(&self) -> Option<Uevent> {
        let mut message = [0; 8192];
        loop {
            // A lost message (ENOBUFS) is followed by others: only an empty socket ends the loop.
            match recv(&self.0, &mut message[..], RecvFlags::empty()) {
                Ok((length, _)) => {
                    if let Some(event) = parse(&message[..length]) {
                        return Some(event);
                    }
                }
                Err(rustix::io::Errno::INTR | rustix::io::Errno::NOBUFS) => {}
                Err(_) => return None,
            }
        }
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Reads `action@path` and the `KEY=value` strings after it, each ended by a zero byte.
fn parse(message: &[u8]) -> Option<Uevent> {
    let message = str::from_utf8(message).ok()?;
    let value = |key: &str| message.split('\0').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    match (value("ACTION")?, value("SUBSYSTEM")?) {
        ("change", "drm") if value("HOTPLUG") == Some("1") => Some(Uevent::DisplaysChanged),
        ("add", "drm") if value("DEVNAME")?.starts_with("dri/card") => Some(Uevent::NewCard),
        ("add", "input") if value("DEVNAME").is_some_and(|name| name.starts_with("input/event")) => {
            Some(Uevent::NewInput(value("DEVNAME")?.to_owned()))
        }
        ("add", _) => Some(Uevent::NeedsDriver(value("MODALIAS")?.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_understood() {
        let hotplug = b"change@/devices/x/drm/card0\0ACTION=change\0SUBSYSTEM=drm\0HOTPLUG=1\0SEQNUM=9\0";
        assert_eq!(parse(hotplug), Some(Uevent::DisplaysChanged));
        let card = b"add@/x\0ACTION=add\0SUBSYSTEM=drm\0DEVNAME=dri/card1\0";
        assert_eq!(parse(card), Some(Uevent::NewCard));
        let input = b"add@/x\0ACTION=add\0SUBSYSTEM=input\0DEVNAME=input/event4\0";
        assert_eq!(parse(input), Some(Uevent::NewInput("input/event4".to_owned())));
        let usb = b"add@/x\0ACTION=add\0SUBSYSTEM=usb\0MODALIAS=usb:v0627p0001\0";
        assert_eq!(parse(usb), Some(Uevent::NeedsDriver("usb:v0627p0001".to_owned())));
    }

    #[test]
    fn other_announcements_mean_nothing() {
        let messages: [&[u8]; 5] = [
            b"",
            b"change@/x\0ACTION=change\0SUBSYSTEM=drm\0",
            b"remove@/x\0ACTION=remove\0SUBSYSTEM=input\0DEVNAME=input/event4\0",
            b"add@/x\0ACTION=add\0SUBSYSTEM=input\0DEVNAME=input/mouse0\0",
            b"add@/x\0ACTION=add\0SUBSYSTEM=\xff\0",
        ];
        for message in messages {
            assert_eq!(parse(message), None, "{:?}", message.escape_ascii().to_string());
        }
    }
}
