//! The dialog that tells what the guest was asked for, what became of it, and what works instead.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::super::i18n::gettext;
use super::super::{MachineWindow, words};
use crate::frame::Screen;
use crate::resolution::{Remedy, Verdict};

impl MachineWindow {
    pub(super) fn show_resolution_status(&self) {
        let place = adw::Bin::new();
        let bars = adw::ToolbarView::builder().content(&place).build();
        bars.add_top_bar(&adw::HeaderBar::new());
        let dialog = adw::Dialog::builder()
            .title(gettext("Resolution"))
            .child(&bars)
            .content_width(480)
            .follows_content_size(false)
            .content_height(600)
            .build();
        self.imp().resolution.status.replace(Some(place.downgrade()));
        self.refill_status();
        dialog.present(Some(self));
    }

    /// Brings the dialog in line with what is known, while it is open.
    pub(super) fn refill_status(&self) {
        let place = self.imp().resolution.status.borrow().as_ref().and_then(glib::WeakRef::upgrade);
        let Some(place) = place else { return };
        let page = adw::PreferencesPage::new();
        let facts = adw::PreferencesGroup::new();
        let shown = match self.view().screen() {
            Screen::Live(size) => size.to_string(),
            Screen::Waiting | Screen::Off => gettext("Nothing"),
        };
        facts.add(&fact(&gettext("Shown"), &shown));
        let known = self.with_head(|_, head| {
            (head.control.wish(), head.control.verdict(), head.control.device(), head.control.policy())
        });
        let Some((wish, verdict, device, policy)) = known else { return };
        facts.add(&fact(&gettext("Follow the Window"), &words::resolution::policy(policy)));
        if let Some(wish) = wish {
            facts.add(&fact(&gettext("Asked For"), &words::resolution::wish(wish)));
        }
        facts.add(&fact(&gettext("What Happened"), &words::resolution::verdict(verdict)));
        page.add(&facts);
        if let Verdict::NotFollowed { reason, .. } = verdict {
            let help = adw::PreferencesGroup::builder().title(gettext("What Helps")).build();
            for remedy in reason.remedies(device) {
                help.add(&self.remedy(*remedy));
            }
            page.add(&help);
        }
        place.set_child(Some(&page));
    }

    fn remedy(&self, remedy: Remedy) -> adw::ActionRow {
        let (title, words) = words::resolution::remedy(remedy);
        let row = fact(&title, &words);
        let (label, action) = match remedy {
            Remedy::Definition if self.kept_size().is_some() => (gettext("_Show"), "win.keep-resolution"),
            Remedy::AskAgain => (gettext("_Try"), "win.ask-again"),
            _ => return row,
        };
        let button =
            gtk::Button::builder().label(label).use_underline(true).valign(gtk::Align::Center).build();
        button.set_action_name(Some(action));
        row.add_suffix(&button);
        row
    }
}

fn fact(title: &str, words: &str) -> adw::ActionRow {
    adw::ActionRow::builder().title(title).subtitle(words).use_markup(false).build()
}
