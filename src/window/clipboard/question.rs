//! Whether the clipboard may be shared, asked once for each machine.
//!
//! First a short message over the picture: a dialog would take the keyboard out of the person's hands in
//! the middle of a word, and the next Enter would answer it. Its button opens the dialog.

use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::super::MachineWindow;
use super::super::i18n::{gettext, gettext_f};
use crate::clipboard::{Consent, Settings};

const REFUSE: &str = "refuse";
const SHARE: &str = "share";

/// The message that leads to the question, while it is shown: it may go with its window, too.
#[derive(Debug, Default)]
pub(super) struct Question(glib::WeakRef<adw::Toast>);

impl Question {
    /// Takes the message away, once there is nothing to ask any more.
    pub(super) fn settle(&self, settings: &Settings) {
        if settings.to_guest != Consent::Unasked && settings.to_host != Consent::Unasked {
            self.0.upgrade().inspect(adw::Toast::dismiss);
        }
    }
}

impl MachineWindow {
    /// Leads to the question, unless something does already.
    pub(super) fn offer_question(&self) {
        let question = &self.shared().clipboard.question;
        if question.0.upgrade().is_some() {
            return;
        }
        let toast = adw::Toast::builder()
            .title(gettext_f("Share the clipboard with “{name}”?", &[("name", &self.machine_name())]))
            .use_markup(false)
            .button_label(gettext("_Choose…"))
            .action_name("win.ask-clipboard")
            .timeout(0)
            .build();
        question.0.set(Some(&toast));
        let shared = Rc::downgrade(self.shared());
        toast.connect_dismissed(move |_| {
            shared.upgrade().inspect(|shared| shared.clipboard.question.0.set(None));
        });
        self.toast(&toast);
    }

    /// Asks; the answer holds for good, no answer for this time.
    pub(in super::super) fn ask_about_clipboard(&self) {
        let body = gettext(
            "What you copy here can then be pasted in the machine, and the other way round. Programs in the machine can see what you copy while you work in its window. Passwords that are marked as such are never passed on.",
        );
        let heading = gettext_f("Share the Clipboard With “{name}”?", &[("name", &self.machine_name())]);
        let dialog = adw::AlertDialog::new(Some(&heading), Some(&body));
        let to_guest = way(&gettext("From Here to the Machine"));
        let to_host = way(&gettext("From the Machine to Here"));
        let ways = adw::PreferencesGroup::new();
        ways.add(&to_guest);
        ways.add(&to_host);
        dialog.set_extra_child(Some(&ways));
        dialog.add_responses(&[(REFUSE, &gettext("_Don’t Share")), (SHARE, &gettext("_Share"))]);
        dialog.set_response_appearance(SHARE, adw::ResponseAppearance::Suggested);
        // Closing it answers nothing.
        dialog.set_close_response("later");
        for row in [&to_guest, &to_host] {
            row.connect_active_notify(glib::clone!(
                #[weak]
                dialog,
                #[weak]
                to_guest,
                #[weak]
                to_host,
                move |_| dialog.set_response_enabled(SHARE, to_guest.is_active() || to_host.is_active())
            ));
        }
        let window = self.downgrade();
        dialog.connect_response(None, move |_, response| {
            let Some(window) = window.upgrade() else { return };
            let given = |row: &adw::SwitchRow| match response == SHARE && row.is_active() {
                true => Consent::Given,
                false => Consent::Refused,
            };
            if [REFUSE, SHARE].contains(&response) {
                let (to_guest, to_host) = (given(&to_guest), given(&to_host));
                let settings = window.shared().clipboard_settings();
                window.shared().set_clipboard(Settings { to_guest, to_host, ..settings });
            }
            window.return_focus();
        });
        dialog.present(Some(self));
    }
}

fn way(title: &str) -> adw::SwitchRow {
    adw::SwitchRow::builder().title(title).use_markup(false).active(true).build()
}
