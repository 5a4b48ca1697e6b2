//! The computer's monitors: their names and numbers, and which of them each console fills.

use std::collections::BTreeMap;

use gtk::prelude::*;
use gtk::{gdk, gio};

use crate::geometry::{Device, Logical, Rect, ScreenScale, Size};
use crate::resolution::{Millimetres, Pitch};
use crate::session::ConsoleId;

/// A monitor.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// How the computer calls it, as "DP-1".
    pub connector: String,
    /// How people call it: its maker and model, where they are known.
    pub name: String,
    pub(super) gdk: gdk::Monitor,
}

impl Monitor {
    /// All monitors, from left to right, then from top to bottom: the first is number 1.
    pub fn all(display: &gdk::Display) -> Vec<Self> {
        let mut monitors: Vec<_> =
            display.monitors().iter::<gdk::Monitor>().flatten().map(Self::new).collect();
        monitors.sort_by_key(|monitor| (monitor.gdk.geometry().x(), monitor.gdk.geometry().y()));
        monitors
    }

    fn new(gdk: gdk::Monitor) -> Self {
        let connector = gdk.connector().map(String::from).unwrap_or_default();
        let parts = [gdk.manufacturer(), gdk.model()].into_iter().flatten();
        let name = parts.filter(|part| !part.is_empty()).map(String::from).collect::<Vec<_>>().join(" ");
        Self { connector, name, gdk }
    }

    /// Its place among the others, in logical units.
    pub(super) fn place(&self) -> Rect<Logical> {
        let area = self.gdk.geometry();
        let length = |length: i32| u32::try_from(length).unwrap_or(0);
        Rect::new(area.x(), area.y(), length(area.width()), length(area.height()))
    }

    /// Its pixels.
    pub(super) fn pixels(&self) -> Size<Device> {
        let Size { width, height, .. } = self.place().size;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a monitor's pixels")]
        let pixels = |units: u32| (f64::from(units) * self.gdk.scale()).round() as u32;
        Size::new(pixels(width), pixels(height))
    }

    /// How large it is, as far as it says something that can be.
    pub(super) fn millimetres(&self) -> Millimetres {
        let length = |length: i32| u32::try_from(length).unwrap_or(0);
        let own = (length(self.gdk.width_mm()), length(self.gdk.height_mm()));
        Pitch::of_monitor(self.pixels(), own, ScreenScale::new(self.gdk.scale()))
            .millimetres(self.pixels().cast())
    }

    /// The one that somebody means by its number, connector or name.
    pub fn find<'a>(monitors: &'a [Self], meant: &str) -> Option<&'a Self> {
        let names: Vec<_> = monitors.iter().map(|it| (it.connector.as_str(), it.name.as_str())).collect();
        find(&names, meant).map(|index| &monitors[index])
    }
}

/// Calls `changed` when monitors come or go.
pub(super) fn watch(display: &gdk::Display, changed: impl Fn() + 'static) {
    display.monitors().connect_items_changed(move |_: &gio::ListModel, _, _, _| changed());
}

/// Which of the monitors, each a connector and a name, is meant.
fn find(monitors: &[(&str, &str)], meant: &str) -> Option<usize> {
    let same = |one: &str| !one.is_empty() && one.eq_ignore_ascii_case(meant);
    let by = |is: &dyn Fn(&(&str, &str)) -> bool| monitors.iter().position(is);
    let numbered = || meant.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < monitors.len());
    by(&|monitor| same(monitor.0)).or_else(|| by(&|monitor| same(monitor.1))).or_else(numbered)
}

/// The monitor, by its connector, that each console fills: as it was remembered, where that is there;
/// the others take what is left, both in their order.
pub(super) fn assign(
    consoles: &[ConsoleId],
    connectors: &[String],
    remembered: &BTreeMap<ConsoleId, String>,
) -> BTreeMap<ConsoleId, String> {
    let mut left = connectors.to_vec();
    let mut filled = BTreeMap::new();
    for id in consoles {
        let known = remembered.get(id).and_then(|known| left.iter().position(|connector| connector == known));
        if let Some(index) = known {
            filled.insert(*id, left.remove(index));
        }
    }
    let others: Vec<_> = consoles.iter().filter(|id| !filled.contains_key(id)).copied().collect();
    filled.extend(others.into_iter().zip(left));
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_is_meant_by_number_connector_or_name() {
        let monitors = [("DP-1", "ACME Wide"), ("HDMI-A-1", "2"), ("2", "")];
        assert_eq!(find(&monitors, "hdmi-a-1"), Some(1));
        assert_eq!(find(&monitors, "acme wide"), Some(0));
        assert_eq!(find(&monitors, "1"), Some(0));
        assert_eq!(find(&monitors, "2"), Some(2), "its connector before all");
        for unknown in ["", "0", "4", "DP-2", "-1"] {
            assert_eq!(find(&monitors, unknown), None, "{unknown:?}");
        }
    }

    fn assigned(consoles: u32, connectors: &[&str], remembered: &[(u32, &str)]) -> Vec<(u32, String)> {
        let consoles: Vec<_> = (0..consoles).map(ConsoleId).collect();
        let connectors: Vec<_> = connectors.iter().map(|it| (*it).to_owned()).collect();
        let remembered = remembered.iter().map(|(id, it)| (ConsoleId(*id), (*it).to_owned())).collect();
        assign(&consoles, &connectors, &remembered).into_iter().map(|(id, it)| (id.0, it)).collect()
    }

    #[test]
    fn consoles_fill_monitors_as_they_did() {
        let of =
            |pairs: &[(u32, &str)]| pairs.iter().map(|(id, it)| (*id, (*it).to_owned())).collect::<Vec<_>>();
        assert_eq!(assigned(2, &["A", "B"], &[]), of(&[(0, "A"), (1, "B")]));
        assert_eq!(assigned(2, &["A", "B"], &[(0, "B")]), of(&[(0, "B"), (1, "A")]));
        assert_eq!(assigned(3, &["A", "B"], &[(2, "A"), (0, "C")]), of(&[(0, "B"), (2, "A")]));
        assert_eq!(assigned(2, &["A", "B"], &[(0, "B"), (1, "B")]), of(&[(0, "B"), (1, "A")]), "once each");
        assert_eq!(assigned(1, &["A", "B"], &[]), of(&[(0, "A")]));
        assert_eq!(assigned(2, &[], &[]), of(&[]));
    }
}
