//! How the window closes: a machine of our own is asked to shut down first, others are let go.

use std::time::Duration;

use adw::prelude::*;
use gtk::glib;

use super::i18n::{gettext, gettext_f};
use super::{Hold, MachineWindow};
use crate::input::grab::Obstacle;
use crate::session::{Power, State};

/// How long a guest has to react before the person is asked what to do.
const PATIENCE: Duration = Duration::from_secs(6);

const FORCE: &str = "force";
const WAIT: &str = "wait";

/// Where closing stands.
#[derive(Debug, Default)]
pub(super) enum Closing {
    /// Nobody wants to close.
    #[default]
    No,
    /// The guest has been asked to shut down; the window closes when it has. The source asks the
    /// person, unless it has done so.
    Asked(Option<glib::SourceId>),
    /// The machine has been let go.
    Done,
}

impl MachineWindow {
    /// Closes without asking anybody: a machine of our own ends.
    pub fn leave(&self) {
        self.let_go();
        self.shared().windows().iter().for_each(GtkWindowExt::destroy);
    }

    /// Where the machine stands, or stood when the window closed.
    pub fn state(&self) -> State {
        self.shared().known.borrow().state.clone()
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        matches!(*self.shared().closing.borrow(), Closing::Asked(_))
    }

    /// Whether the machine has been let go of: until then it has a window, seen or not.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.shared().closing.borrow(), Closing::Done)
    }

    /// The person, or the desktop, asks to close.
    pub(super) fn asked_to_close(&self) -> glib::Propagation {
        if !self.is_closed() && self.has_company() {
            self.put_away();
            return glib::Propagation::Stop;
        }
        if self.is_closed() || self.setup().hold != Hold::Owner || !self.is_live() {
            self.let_go();
            return glib::Propagation::Proceed;
        }
        if self.is_shutting_down() {
            self.ask_whether_to_wait();
        } else {
            self.ask_guest();
        }
        glib::Propagation::Stop
    }

    /// The machine has done something: perhaps what the window waited for.
    pub(super) fn closing_goes_on(&self) {
        if self.is_shutting_down() && !self.is_live() {
            self.let_go();
            self.shared().windows().iter().for_each(GtkWindowExt::destroy);
        }
    }

    /// A switch of the machine did not work.
    pub(super) fn power_failed(&self, words: &str) {
        let window = self.shared().front().unwrap_or_else(|| self.clone());
        window.toast(&adw::Toast::new(&glib::markup_escape_text(words)));
        if self.is_shutting_down() {
            window.ask_whether_to_wait();
        }
    }

    /// Asks before the machine's plug is pulled.
    pub(super) fn ask_to_force_off(&self) {
        let heading = gettext_f("Force “{name}” Off?", &[("name", &self.machine_name())]);
        let body = gettext("It stops at once, as if its plug were pulled. What it has not saved is lost.");
        let dialog = adw::AlertDialog::new(Some(&heading), Some(&body));
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), (FORCE, &gettext("_Force Off"))]);
        dialog.set_close_response("cancel");
        self.offer_force(dialog);
    }

    /// Hides this window's heads; the machine's other windows stay.
    fn put_away(&self) {
        for head in self.heads() {
            self.hide_console(head.id());
        }
    }

    fn ask_guest(&self) {
        self.view().release_all();
        self.remote().power(Power::Down);
        let ask = glib::clone!(
            #[weak(rename_to = window)]
            self,
            move || {
                if let Closing::Asked(source) = &mut *window.shared().closing.borrow_mut() {
                    source.take();
                }
                if window.is_shutting_down() {
                    let front = window.shared().front().unwrap_or(window);
                    front.ask_whether_to_wait();
                }
            }
        );
        let source = glib::timeout_add_local_once(PATIENCE, ask);
        self.shared().closing.replace(Closing::Asked(Some(source)));
        self.tell_all();
    }

    fn ask_whether_to_wait(&self) {
        if self.visible_dialog().is_some() {
            return;
        }
        let heading = gettext_f("“{name}” Is Still Running", &[("name", &self.machine_name())]);
        let body = gettext(
            "The machine has been asked to shut down. It may need more time, or somebody in front of it. Forced off, it loses what it has not saved.",
        );
        let dialog = adw::AlertDialog::new(Some(&heading), Some(&body));
        dialog.add_responses(&[(WAIT, &gettext("_Keep Waiting")), (FORCE, &gettext("_Force Off"))]);
        dialog.set_close_response(WAIT);
        dialog.set_default_response(Some(WAIT));
        self.offer_force(dialog);
    }

    fn offer_force(&self, dialog: adw::AlertDialog) {
        dialog.set_response_appearance(FORCE, adw::ResponseAppearance::Destructive);
        let window = self.downgrade();
        dialog.connect_response(Some(FORCE), move |_, _| {
            if let Some(window) = window.upgrade() {
                window.remote().power(Power::Quit);
            }
        });
        dialog.present(Some(self));
    }

    pub(super) fn machine_name(&self) -> String {
        let known = self.shared().known.borrow();
        let name = known.machine.as_ref().map(|machine| machine.name.clone());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| gettext("Machine"))
    }

    /// Lets go of the machine, once.
    pub(super) fn let_go(&self) {
        let before = self.shared().closing.replace(Closing::Done);
        match before {
            Closing::Done => return,
            Closing::Asked(Some(source)) => source.remove(),
            Closing::Asked(None) | Closing::No => {}
        }
        self.shared().windows().iter().for_each(Self::remember_size);
        if let Some(filled) = &*self.shared().spread.borrow() {
            self.remember_monitors(filled);
        }
        for (head, _) in self.shared().heads() {
            head.view().set_obstacle(Obstacle::Closed, true);
        }
        self.remote().close();
        // Those that are not seen would stay.
        let unseen =
            self.shared().windows().into_iter().filter(|window| window != self && !window.is_visible());
        unseen.for_each(|window| window.destroy());
    }
}
