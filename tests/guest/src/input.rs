//! Input devices: found, held for ourselves, read, and their lights switched.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use evdev::{AbsoluteAxisCode, Device, EventType, InputEvent, KeyCode, LedCode};

pub(crate) use self::packet::{Axes, Happening, KeyState, Packet};

mod packet;

/// The lock keys and the lights that they switch.
const LIGHTS: [(KeyCode, LedCode); 3] = [
    (KeyCode::KEY_CAPSLOCK, LedCode::LED_CAPSL),
    (KeyCode::KEY_NUMLOCK, LedCode::LED_NUML),
    (KeyCode::KEY_SCROLLLOCK, LedCode::LED_SCROLLL),
];

/// One open event device.
#[derive(Debug)]
pub(crate) struct Input {
    device: Device,
    packet: Packet,
    node: String,
}

impl Input {
    /// Opens a node, given relative to `/dev`, and takes it from the kernel's text console: the
    /// console would switch terminals, reboot and run sysrq at keys that are meant for us.
    pub(crate) fn open(node: &str) -> io::Result<Self> {
        let mut device = Device::open(Path::new("/dev").join(node))?;
        device.set_nonblocking(true)?;
        device.grab()?;
        let packet = Packet::new(axes(&device)?);
        Ok(Self { device, packet, node: node.trim_start_matches("input/").to_owned() })
    }

    /// The device's node and name: `event3 QEMU Virtio Tablet`.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.node, self.device.name().unwrap_or("nameless"))
    }

    /// Whether this device is the node that an announcement names.
    pub(crate) fn is_at(&self, node: &str) -> bool {
        node.trim_start_matches("input/") == self.node
    }

    /// What happened since the last call. An error means that the device is gone.
    pub(crate) fn read(&mut self) -> io::Result<Vec<Happening>> {
        let mut happenings = Vec::new();
        let events: Vec<InputEvent> = match self.device.fetch_events() {
            Ok(events) => events.collect(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(happenings),
            Err(error) => return Err(error),
        };
        for event in events {
            self.packet.add(event, &mut happenings);
            self.switch_light(event)?;
        }
        Ok(happenings)
    }

    /// The kernel's console would do this, but the device is ours.
    fn switch_light(&mut self, event: InputEvent) -> io::Result<()> {
        let pressed = event.event_type() == EventType::KEY && event.value() == 1;
        let light = LIGHTS.iter().find(|(key, _)| key.code() == event.code());
        let (true, Some(&(_, led))) = (pressed, light) else {
            return Ok(());
        };
        if !self.device.supported_leds().is_some_and(|leds| leds.contains(led)) {
            return Ok(());
        }
        let lit = self.device.get_led_state()?.contains(led);
        // The kernel holds events back until the packet that they are in is complete.
        let end = InputEvent::new(EventType::SYNCHRONIZATION.0, 0, 0);
        self.device.send_events(&[InputEvent::new(EventType::LED.0, led.0, i32::from(!lit)), end])
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

/// Every event device that there is, and what could not be opened.
pub(crate) fn open_all() -> (Vec<Input>, Vec<io::Error>) {
    let names = std::fs::read_dir("/dev/input").into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut nodes: Vec<String> = names.filter(|name| name.starts_with("event")).collect();
    nodes.sort_by_key(|name| (name.len(), name.clone()));
    let mut inputs = Vec::new();
    let mut failures = Vec::new();
    for node in nodes {
        match Input::open(&format!("input/{node}")) {
            Ok(input) => inputs.push(input),
            Err(error) => failures.push(error),
        }
    }
    (inputs, failures)
}

fn axes(device: &Device) -> io::Result<Axes> {
    let mut axes = Axes::default();
    for (axis, info) in device.get_absinfo()? {
        match axis {
            AbsoluteAxisCode::ABS_X => axes.abs.0 = info.maximum(),
            AbsoluteAxisCode::ABS_Y => axes.abs.1 = info.maximum(),
            AbsoluteAxisCode::ABS_MT_POSITION_X => axes.touch.0 = info.maximum(),
            AbsoluteAxisCode::ABS_MT_POSITION_Y => axes.touch.1 = info.maximum(),
            _ => {}
        }
    }
    Ok(axes)
}
