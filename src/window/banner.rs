//! The banner above the picture: that it cannot be shown, that there is none before the driver's, why it
//! stands still, or how far something has come that takes long.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::i18n::gettext;
use super::{MachineWindow, words};
use crate::present::Status;

/// What the banner is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The picture, which cannot be shown.
    Refused,
    /// What is being done to the machine.
    Work,
    /// The machine, which stands still.
    Paused,
    /// The firmware, which draws nothing.
    Firmware,
}

/// What the banner says, and what its button is called and does.
struct Notice {
    subject: Subject,
    words: String,
    button: Option<(String, &'static str)>,
}

impl MachineWindow {
    /// Brings the banner in line with what is known.
    pub(super) fn tell_banner(&self) {
        let imp = self.imp();
        let banner = imp.banner.get();
        let status = self.view().status();
        let notice = self.notice(status.as_ref());
        let unsure = matches!(status, Some(Status::Idle | Status::Gone { .. }) | None);
        let Some(Notice { subject, words, button }) = notice else {
            // Another output is on its way: it says what comes next.
            if !unsure || matches!(imp.notice.get(), Some(Subject::Paused | Subject::Work)) {
                self.hide_banner();
            }
            return;
        };
        if imp.notice.replace(Some(subject)) != Some(subject) {
            self.announce(&words, gtk::AccessibleAnnouncementPriority::Medium);
        }
        // A narrow window cuts what takes more than three lines.
        banner.set_tooltip_text(Some(&words));
        banner.set_title(&glib::markup_escape_text(&words));
        banner.set_button_label(button.as_ref().map(|(label, _)| label.as_str()));
        if let Some((_, action)) = button {
            banner.set_detailed_action_name(action);
        }
        banner.set_revealed(true);
    }

    pub(super) fn hide_banner(&self) {
        self.imp().notice.take();
        self.imp().banner.set_revealed(false);
    }

    fn notice(&self, status: Option<&Status>) -> Option<Notice> {
        let managed = self.setup().managed.is_some();
        if let Some(Status::Refused { refused }) = status {
            let path = self.console().map(|console| console.stats.current_path()).unwrap_or_default();
            let words = words::picture::refusal(refused, &path);
            let button = Some((gettext("_Copy Diagnostics"), "win.copy-diagnostics"));
            return Some(Notice { subject: Subject::Refused, words, button });
        }
        if let Some((words, can_cancel)) = self.long_work() {
            let button = can_cancel.then(|| (gettext("_Cancel"), "win.cancel-work"));
            return Some(Notice { subject: Subject::Work, words, button });
        }
        if let Some(words) = self.paused() {
            let button = Some((gettext("_Resume"), "win.power::resume"));
            return Some(Notice { subject: Subject::Paused, words, button });
        }
        self.shows_notice().then(|| Notice {
            subject: Subject::Firmware,
            words: gettext(
                "The firmware cannot draw on this virtual GPU. With “ramfb” you would see it, and the boot messages.",
            ),
            button: Some(match managed {
                true => (gettext("_Make Ready…"), "win.make-ready"),
                false => (gettext("_Copy Setting"), "win.copy-ramfb::qemu"),
            }),
        })
    }
}
