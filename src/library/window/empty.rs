//! What to do first where there is no machine.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::LibraryWindow;
use crate::window::i18n::gettext;

/// What starts a machine without libvirt.
const COMMAND: &str = "oriel launch -- qemu-system-x86_64 -m 2G -cdrom debian.iso";

impl LibraryWindow {
    pub(super) fn set_up_empty(&self) {
        let steps = self.imp().first_steps.get();
        if self.host().has_manager() {
            steps.append(&step(&gettext("Make One in Virtual Machine _Manager"), "win.manager", true));
        }
        let first = steps.first_child().is_none();
        steps.append(&step(&gettext("_Add a Connection…"), "win.connections", first));
        let copy = pill(&gettext("_Copy a Command for QEMU"));
        copy.set_tooltip_text(Some(COMMAND));
        copy.connect_clicked(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| {
                window.clipboard().set_text(COMMAND);
                window.say(&gettext("Copied: paste it into a terminal, with a disk of yours"));
            }
        ));
        steps.append(&copy);
        self.update_stack();
    }
}

fn step(label: &str, action: &str, first: bool) -> gtk::Button {
    let button = pill(label);
    button.set_action_name(Some(action));
    if first {
        button.add_css_class("suggested-action");
    }
    button
}

/// A button that a narrow window has room for in every language.
fn pill(label: &str) -> gtk::Button {
    let button = gtk::Button::builder().label(label).use_underline(true).build();
    button.add_css_class("pill");
    if let Some(label) = button.child().and_downcast::<gtk::Label>() {
        label.set_wrap(true);
        label.set_justify(gtk::Justification::Center);
    }
    button
}
