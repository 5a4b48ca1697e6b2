//! What a guest is asked for of its screen, one wish after the other, and what QEMU says to it.

use super::serve::{Done, Serving};
use super::{ConsoleId, Event};
use crate::display1::{CallError, UiInfo};
use crate::resolution::{Answer, Wish};

/// What QEMU calls a wish that a console's device takes no notice of (ui/dbus-console.c,
/// `dbus_console_set_ui_info`).
const UNSUPPORTED: &str = "org.qemu.Display1.Error.Unsupported";

/// Whether the guest is being asked for a screen size.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Sizing {
    #[default]
    Idle,
    Asking {
        next: Option<Wish>,
    },
}

impl Serving<'_> {
    /// Asks the guest for a size; what is asked meanwhile is asked after that, the last of it.
    pub(super) async fn size(&mut self, id: ConsoleId, wish: Wish) {
        match self.consoles.get_mut(&id).map(|served| &mut served.sizing) {
            None => self.shared.tell(Event::Asked(id, wish, Answer::Failed)).await,
            Some(Sizing::Asking { next }) => *next = Some(wish),
            Some(sizing) => {
                *sizing = Sizing::Asking { next: None };
                let console = self.link.peer.console(id.0);
                self.job(async move { Done::Sized(id, wish, console.set_ui_info(UiInfo::from(wish)).await) });
            }
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
        let Some(served) = self.consoles.get_mut(&id) else { return };
        if let Sizing::Asking { next: Some(wish) } = std::mem::take(&mut served.sizing) {
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
