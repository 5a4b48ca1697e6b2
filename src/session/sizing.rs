//! What a guest is asked for of its screens, one wish after the other, and what QEMU says to it.

use std::time::Duration;

use super::serve::{Done, Serving};
use super::{ConsoleId, Event};
use crate::display1::{CallError, UiInfo};
use crate::resolution::{Answer, Wish};
use crate::source::sleep;

/// What QEMU calls a wish that a console's device takes no notice of (ui/dbus-console.c,
/// `dbus_console_set_ui_info`).
const UNSUPPORTED: &str = "org.qemu.Display1.Error.Unsupported";

/// From one wish to the next, whichever consoles they are for.
///
/// A virtio-gpu tells its guest of a wish by a bit that all its outputs share. Linux reads all of them,
/// tells its programs, and only then clears the bit (`virtio_gpu_config_changed_work_func`): of a wish
/// that comes in between the guest never hears.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether the machine is being asked for a screen size.
#[derive(Debug, Default)]
pub(super) enum Sizing {
    #[default]
    Idle,
    /// It is, or has just been; then these come, one for each console.
    Busy { next: Vec<(ConsoleId, Wish)> },
}

impl Sizing {
    /// Whether a wish goes out now. If not, it does so in its turn, in place of an earlier one for the
    /// same console.
    fn begins(&mut self, id: ConsoleId, wish: Wish) -> bool {
        match self {
            Self::Idle => {
                *self = Self::Busy { next: Vec::new() };
                true
            }
            Self::Busy { next } => {
                match next.iter_mut().find(|(other, _)| *other == id) {
                    Some((_, waiting)) => *waiting = wish,
                    None => next.push((id, wish)),
                }
                false
            }
        }
    }

    /// The guest has had its time: what comes now.
    fn rested(&mut self) -> Vec<(ConsoleId, Wish)> {
        match std::mem::take(self) {
            Self::Idle => Vec::new(),
            Self::Busy { next } => next,
        }
    }
}

impl Serving<'_> {
    /// Asks the guest for a size, now or in its turn.
    pub(super) async fn size(&mut self, id: ConsoleId, wish: Wish) {
        if !self.consoles.contains_key(&id) {
            self.shared.tell(Event::Asked(id, wish, Answer::Failed)).await;
        } else if self.sizing.begins(id, wish) {
            let console = self.link.peer.console(id.0);
            self.job(async move { Done::Sized(id, wish, console.set_ui_info(UiInfo::from(wish)).await) });
        }
    }

    /// QEMU has answered.
    pub(super) async fn sized(&mut self, id: ConsoleId, wish: Wish, result: Result<(), CallError>) {
        let answer = match &result {
            Ok(()) => Answer::Accepted,
            Err(CallError::Refused { name, .. }) if name == UNSUPPORTED => Answer::Unsupported,
            Err(_) => Answer::Failed,
        };
        if let Err(error) = result {
            tracing::debug!(%id, %error, "the guest is not asked for a size");
        }
        self.shared.tell(Event::Asked(id, wish, answer)).await;
        self.job(async {
            sleep(PAUSE).await;
            Done::Rested
        });
    }

    /// The next wish may go out.
    pub(super) async fn rested(&mut self) {
        for (id, wish) in self.sizing.rested() {
            self.size(id, wish).await;
        }
    }
}

impl From<Wish> for UiInfo {
    fn from(Wish { size, millimetres, at }: Wish) -> Self {
        let (width_mm, height_mm) = (millimetres.width, millimetres.height);
        Self { width_mm, height_mm, x: at.x, y: at.y, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Size};
    use crate::resolution::Millimetres;

    fn wish(width: u32) -> Wish {
        let millimetres = Millimetres { width: 300, height: 200 };
        Wish { size: Size::new(width, 600), millimetres, at: Point::new(0, 0) }
    }

    #[test]
    fn wishes_take_turns_and_of_each_console_the_last_counts() {
        let (one, other) = (ConsoleId(0), ConsoleId(1));
        let mut sizing = Sizing::default();
        assert!(sizing.begins(one, wish(800)));
        for (id, width) in [(other, 900), (one, 1000), (other, 1100)] {
            assert!(!sizing.begins(id, wish(width)));
        }
        assert_eq!(sizing.rested(), [(other, wish(1100)), (one, wish(1000))]);
        assert!(sizing.begins(one, wish(800)), "nobody waits any more");
        assert_eq!(sizing.rested(), []);
    }
}
