//! The banner above the picture: that it cannot be shown, that there is none before the driver's, or why
//! it stands still.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::i18n::gettext;
use super::{MachineWindow, words};
use crate::present::Status;

/// The action that works the machine's switches, and how it lets a paused machine go on.
const POWER: &str = "win.power";
const RESUME: &str = "win.power::resume";

/// What the banner says, and what its button does.
struct Notice {
    words: String,
    label: String,
    action: &'static str,
}

impl MachineWindow {
    /// Brings the banner in line with what is known.
    pub(super) fn tell_banner(&self) {
        let managed = self.setup().managed.is_some();
        let banner = self.imp().banner.get();
        let paused = self.paused();
        let was_paused = banner.action_name().is_some_and(|name| name == POWER);
        let notice = match self.view().status() {
            Some(Status::Refused { refused }) => {
                let path = self.console().map(|console| console.stats.current_path()).unwrap_or_default();
                Some(Notice {
                    words: words::picture::refusal(&refused, &path),
                    label: gettext("_Copy Diagnostics"),
                    action: "win.copy-diagnostics",
                })
            }
            _ if paused.is_some() => {
                paused.map(|words| Notice { words, label: gettext("_Resume"), action: RESUME })
            }
            _ if self.shows_notice() => Some(Notice {
                words: gettext(
                    "The firmware cannot draw on this virtual GPU. With “ramfb” you would see it, and the boot messages.",
                ),
                label: if managed { gettext("_Make Ready…") } else { gettext("_Copy Setting") },
                action: if managed { "win.make-ready" } else { "win.copy-ramfb::qemu" },
            }),
            Some(Status::Showing { .. }) => None,
            Some(Status::Idle | Status::Gone { .. }) | None if was_paused => None,
            // Another output is on its way: it says what comes next.
            Some(Status::Idle | Status::Gone { .. }) | None => return,
        };
        let Some(notice) = notice else { return banner.set_revealed(false) };
        if !banner.is_revealed() {
            self.announce(&notice.words, gtk::AccessibleAnnouncementPriority::Medium);
        }
        // A narrow window cuts what takes more than three lines.
        banner.set_tooltip_text(Some(&notice.words));
        banner.set_title(&glib::markup_escape_text(&notice.words));
        banner.set_button_label(Some(&notice.label));
        banner.set_detailed_action_name(notice.action);
        banner.set_revealed(true);
    }
}
