//! Raw input events to what happened: motion gathered until the device says that it is complete.

use std::fmt;

use evdev::{AbsoluteAxisCode, EventSummary, InputEvent, KeyCode, LedCode, RelativeAxisCode};

/// The largest coordinates of a device: `ABS_X`/`ABS_Y` and the multi-touch pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Axes {
    pub(crate) abs: (i32, i32),
    pub(crate) touch: (i32, i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Up,
    Down,
    Repeat,
}

/// Something that a person did, or a light that changed; written as on the serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Key {
        key: KeyCode,
        state: KeyState,
    },
    Button {
        button: KeyCode,
        state: KeyState,
    },
    /// A place in device units, and the largest place.
    Abs {
        at: (i32, i32),
        of: (i32, i32),
    },
    Rel {
        by: (i32, i32),
    },
    /// Notches up and to the right.
    Wheel {
        vertical: i32,
        horizontal: i32,
    },
    Touch {
        slot: i32,
        at: (i32, i32),
        of: (i32, i32),
    },
    TouchEnd {
        slot: i32,
    },
    Led {
        led: LedCode,
        lit: bool,
    },
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Repeat => "repeat",
        })
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key, state } => write!(f, "key {} {key:?} {state}", key.code()),
            Self::Button { button, state } => write!(f, "button {button:?} {state}"),
            Self::Abs { at: (x, y), of: (right, bottom) } => write!(f, "abs {x} {y} of {right} {bottom}"),
            Self::Rel { by: (x, y) } => write!(f, "rel {x} {y}"),
            Self::Wheel { vertical, horizontal } => write!(f, "wheel {vertical} {horizontal}"),
            Self::Touch { slot, at: (x, y), of: (right, bottom) } => {
                write!(f, "touch {slot} {x} {y} of {right} {bottom}")
            }
            Self::TouchEnd { slot } => write!(f, "touch {slot} up"),
            Self::Led { led, lit } => {
                let name = format!("{led:?}");
                write!(f, "led {} {}", name.trim_start_matches("LED_"), u8::from(*lit))
            }
        }
    }
}

/// A finger's slot: its last place and what this packet changed.
#[derive(Clone, Copy, Debug, Default)]
struct Finger {
    at: (i32, i32),
    news: Option<FingerNews>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FingerNews {
    Moved,
    Lifted,
}

/// QEMU's devices have ten slots; a device cannot make us hold more than this.
const MOST_FINGERS: usize = 32;

/// A device's events up to the next `SYN_REPORT`, and where its axes stand.
#[derive(Debug)]
pub(crate) struct Packet {
    axes: Axes,
    abs: (i32, i32),
    abs_moved: bool,
    rel: (i32, i32),
    wheel: (i32, i32),
    slot: usize,
    fingers: [Finger; MOST_FINGERS],
}

impl Packet {
    pub(crate) fn new(axes: Axes) -> Self {
        Self {
            axes,
            abs: (0, 0),
            abs_moved: false,
            rel: (0, 0),
            wheel: (0, 0),
            slot: 0,
            fingers: [Finger::default(); MOST_FINGERS],
        }
    }

    /// Takes one event and appends what is complete. Keys come at once, after the motion that
    /// preceded them in the packet: a click is where the pointer was moved to before it.
    pub(crate) fn add(&mut self, event: InputEvent, out: &mut Vec<Happening>) {
        match event.destructure() {
            EventSummary::Key(_, key, value) => {
                self.flush(out);
                out.push(pressed(key, value));
            }
            EventSummary::Led(_, led, value) => out.push(Happening::Led { led, lit: value != 0 }),
            EventSummary::RelativeAxis(_, axis, by) => self.add_relative(axis, by),
            EventSummary::AbsoluteAxis(_, axis, at) => self.add_absolute(axis, at),
            EventSummary::Synchronization(..) => self.flush(out),
            _ => {}
        }
    }

    fn add_relative(&mut self, axis: RelativeAxisCode, by: i32) {
        let sum = match axis {
            RelativeAxisCode::REL_X => &mut self.rel.0,
            RelativeAxisCode::REL_Y => &mut self.rel.1,
            RelativeAxisCode::REL_WHEEL => &mut self.wheel.0,
            RelativeAxisCode::REL_HWHEEL => &mut self.wheel.1,
            _ => return,
        };
        *sum = sum.saturating_add(by);
    }

    fn add_absolute(&mut self, axis: AbsoluteAxisCode, at: i32) {
        match axis {
            AbsoluteAxisCode::ABS_X => (self.abs.0, self.abs_moved) = (at, true),
            AbsoluteAxisCode::ABS_Y => (self.abs.1, self.abs_moved) = (at, true),
            AbsoluteAxisCode::ABS_MT_SLOT => self.slot = usize::try_from(at).unwrap_or(MOST_FINGERS),
            _ => self.add_touch(axis, at),
        }
    }

    fn add_touch(&mut self, axis: AbsoluteAxisCode, at: i32) {
        let Some(finger) = self.fingers.get_mut(self.slot) else {
            return;
        };
        match axis {
            AbsoluteAxisCode::ABS_MT_POSITION_X => finger.at.0 = at,
            AbsoluteAxisCode::ABS_MT_POSITION_Y => finger.at.1 = at,
            AbsoluteAxisCode::ABS_MT_TRACKING_ID if at < 0 => {
                finger.news = Some(FingerNews::Lifted);
                return;
            }
            AbsoluteAxisCode::ABS_MT_TRACKING_ID => {}
            _ => return,
        }
        finger.news = Some(FingerNews::Moved);
    }

    fn flush(&mut self, out: &mut Vec<Happening>) {
        if std::mem::take(&mut self.abs_moved) {
            out.push(Happening::Abs { at: self.abs, of: self.axes.abs });
        }
        let by = std::mem::take(&mut self.rel);
        if by != (0, 0) {
            out.push(Happening::Rel { by });
        }
        let (vertical, horizontal) = std::mem::take(&mut self.wheel);
        if (vertical, horizontal) != (0, 0) {
            out.push(Happening::Wheel { vertical, horizontal });
        }
        for (slot, finger) in (0..).zip(&mut self.fingers) {
            match finger.news.take() {
                Some(FingerNews::Moved) => {
                    out.push(Happening::Touch { slot, at: finger.at, of: self.axes.touch })
                }
                Some(FingerNews::Lifted) => out.push(Happening::TouchEnd { slot }),
                None => {}
            }
        }
    }
}

fn pressed(key: KeyCode, value: i32) -> Happening {
    let state = match value {
        0 => KeyState::Up,
        1 => KeyState::Down,
        _ => KeyState::Repeat,
    };
    if is_button(key) { Happening::Button { button: key, state } } else { Happening::Key { key, state } }
}

/// `BTN_MISC` to `BTN_GEAR_UP` (`linux/input-event-codes.h`).
fn is_button(key: KeyCode) -> bool {
    (0x100..0x160).contains(&key.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use evdev::EventType;

    const KEY: EventType = EventType::KEY;
    const REL: EventType = EventType::RELATIVE;
    const ABS: EventType = EventType::ABSOLUTE;
    const SYN: (EventType, u16, i32) = (EventType::SYNCHRONIZATION, 0, 0);

    fn lines(events: &[(EventType, u16, i32)]) -> Vec<String> {
        let mut packet = Packet::new(Axes { abs: (32767, 32767), touch: (1279, 799) });
        let mut out = Vec::new();
        for (kind, code, value) in events {
            packet.add(InputEvent::new(kind.0, *code, *value), &mut out);
        }
        out.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_are_named_and_numbered() {
        let events = [(KEY, 30, 1), SYN, (KEY, 30, 2), SYN, (KEY, 30, 0), SYN];
        assert_eq!(lines(&events), ["key 30 KEY_A down", "key 30 KEY_A repeat", "key 30 KEY_A up"]);
    }

    #[test]
    fn motion_is_one_line_a_packet() {
        let events = [(ABS, 0, 100), (ABS, 1, 200), SYN, (ABS, 1, 201), SYN, SYN];
        assert_eq!(lines(&events), ["abs 100 200 of 32767 32767", "abs 100 201 of 32767 32767"]);
        let events = [(REL, 0, 3), (REL, 1, -2), (REL, 0, 1), SYN];
        assert_eq!(lines(&events), ["rel 4 -2"]);
    }

    #[test]
    fn a_click_is_where_the_pointer_was_moved_to() {
        let events = [(ABS, 0, 7), (ABS, 1, 8), (KEY, 0x110, 1), SYN, (KEY, 0x110, 0), SYN];
        assert_eq!(lines(&events), ["abs 7 8 of 32767 32767", "button BTN_LEFT down", "button BTN_LEFT up"]);
    }

    #[test]
    fn the_wheel_counts_notches_in_both_axes() {
        let events = [(REL, 8, -1), (REL, 11, -120), SYN, (REL, 6, 2), SYN];
        assert_eq!(lines(&events), ["wheel -1 0", "wheel 0 2"]);
    }

    #[test]
    fn fingers_are_told_apart_by_slot() {
        let events = [
            (ABS, 0x2f, 0),
            (ABS, 0x39, 5),
            (ABS, 0x35, 10),
            (ABS, 0x36, 20),
            (ABS, 0x2f, 3),
            (ABS, 0x39, 6),
            (ABS, 0x35, 30),
            SYN,
            (ABS, 0x39, -1),
            SYN,
        ];
        assert_eq!(lines(&events), ["touch 0 10 20 of 1279 799", "touch 3 30 0 of 1279 799", "touch 3 up"]);
    }

    #[test]
    fn a_slot_that_no_device_has_is_ignored() {
        assert!(lines(&[(ABS, 0x2f, 32), (ABS, 0x35, 1), (ABS, 0x2f, -1), (ABS, 0x35, 1), SYN]).is_empty());
    }

    #[test]
    fn lights_are_reported() {
        let events = [(EventType::LED, 0, 1), SYN, (EventType::LED, 1, 0), SYN];
        assert_eq!(lines(&events), ["led NUML 1", "led CAPSL 0"]);
    }
}
