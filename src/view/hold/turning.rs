//! A wheel's turning, as a `wl_pointer` tells of it in parts: 120ths, whole clicks, or a distance.

use wayland_client::WEnum;
use wayland_client::protocol::wl_pointer::{Axis, Event};

use super::Happened;

/// 120ths of a click in one of the clicks of old compositors, which count no parts.
const CLICK: f64 = 120.0;

/// Logical units that the fingers on a touch pad move for what a wheel's click is.
pub(in crate::view) const UNITS_PER_CLICK: f64 = 10.0;

/// What has been said since the last frame of events.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Turning {
    across: Turn,
    down: Turn,
}

/// How far along one axis. The finest counts: a wheel tells its clicks and a distance besides.
#[derive(Debug, Default, Clone, Copy)]
struct Turn {
    distance: f64,
    clicks: Option<f64>,
    parts: Option<f64>,
}

impl Turn {
    fn parts(self) -> f64 {
        self.parts.or(self.clicks).unwrap_or(self.distance * CLICK / UNITS_PER_CLICK)
    }
}

impl Turning {
    /// Takes in one event; the whole of a turn comes with the last of its frame.
    pub(super) fn hear(&mut self, event: &Event) -> Option<Happened> {
        match *event {
            Event::Axis { axis, value, .. } => self.along(axis)?.distance += value,
            Event::AxisDiscrete { axis, discrete } => {
                *self.along(axis)?.clicks.get_or_insert_default() += f64::from(discrete) * CLICK;
            }
            Event::AxisValue120 { axis, value120 } => {
                *self.along(axis)?.parts.get_or_insert_default() += f64::from(value120);
            }
            Event::Frame => {
                let Self { across, down } = std::mem::take(self);
                let (across, down) = (across.parts(), down.parts());
                return (across != 0.0 || down != 0.0).then_some(Happened::Turned(across, down));
            }
            _ => {}
        }
        None
    }

    fn along(&mut self, axis: WEnum<Axis>) -> Option<&mut Turn> {
        match axis {
            WEnum::Value(Axis::VerticalScroll) => Some(&mut self.down),
            WEnum::Value(Axis::HorizontalScroll) => Some(&mut self.across),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: WEnum<Axis> = WEnum::Value(Axis::VerticalScroll);
    const ACROSS: WEnum<Axis> = WEnum::Value(Axis::HorizontalScroll);

    fn turned(events: &[&Event]) -> Option<Happened> {
        let mut turning = Turning::default();
        assert!(events.iter().all(|event| turning.hear(event).is_none()));
        turning.hear(&Event::Frame)
    }

    #[test]
    fn the_finest_of_what_is_said_counts() {
        let distance = Event::Axis { time: 0, axis: DOWN, value: 15.0 };
        let click = Event::AxisDiscrete { axis: DOWN, discrete: 1 };
        let parts = Event::AxisValue120 { axis: DOWN, value120: 30 };
        assert_eq!(turned(&[&distance]), Some(Happened::Turned(0.0, 180.0)));
        assert_eq!(turned(&[&click, &distance]), Some(Happened::Turned(0.0, 120.0)));
        assert_eq!(turned(&[&parts, &click, &distance]), Some(Happened::Turned(0.0, 30.0)));
    }

    #[test]
    fn both_axes_are_of_one_turn_and_frames_without_any_are_none() {
        let across = Event::AxisValue120 { axis: ACROSS, value120: -120 };
        let down = Event::Axis { time: 0, axis: DOWN, value: 5.0 };
        assert_eq!(turned(&[&across, &down]), Some(Happened::Turned(-120.0, 60.0)));
        assert_eq!(turned(&[]), None);
    }
}
