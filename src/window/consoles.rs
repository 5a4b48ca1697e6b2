//! Which of the machine's consoles is shown: the one that the machine uses, or the one that was chosen.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::gio;

use super::MachineWindow;
use super::i18n::{gettext, gettext_f};
use super::news::Known;
use crate::session::{self, Console, ConsoleId, ConsoleKind};

/// The action's state while the window follows the machine; the console's number otherwise.
pub(super) const AUTOMATIC: i32 = -1;

/// Who says which console is shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The machine: the console that it uses.
    #[default]
    Automatic,
    /// The person; another one where there is none of this number.
    Pinned(ConsoleId),
    /// The command line: no other will do.
    Demanded(ConsoleId),
}

impl Choice {
    /// What a number of the action's, or of the memory's, stands for.
    pub(super) fn numbered(number: i32) -> Self {
        u32::try_from(number).map_or(Self::Automatic, |id| Self::Pinned(ConsoleId(id)))
    }

    fn number(self) -> i32 {
        match self {
            Self::Automatic => AUTOMATIC,
            Self::Pinned(id) | Self::Demanded(id) => number(id),
        }
    }
}

/// A console's number as actions have it.
pub(super) fn number(id: ConsoleId) -> i32 {
    i32::try_from(id.0).unwrap_or(AUTOMATIC)
}

impl Known {
    /// The console to show, going by what is known.
    pub(super) fn target(&self) -> Option<ConsoleId> {
        let there = |id: ConsoleId| self.consoles.iter().any(|console| console.id == id).then_some(id);
        match self.choice {
            Choice::Demanded(id) => there(id),
            Choice::Pinned(id) => there(id).or_else(|| self.automatic()),
            Choice::Automatic => self.automatic(),
        }
    }

    /// The console that the machine uses; else the one that is shown, or the first one with a picture.
    /// One that the guest does not use is none while there are others.
    fn automatic(&self) -> Option<ConsoleId> {
        let graphic = self.consoles.iter().filter(|console| console.kind == ConsoleKind::Graphic);
        let all: Vec<_> = graphic.map(|console| console.id).collect();
        let used: Vec<_> = all.iter().copied().filter(|id| self.in_use.contains(id)).collect();
        let choice = if used.is_empty() { all } else { used };
        let there = |wanted: Option<ConsoleId>| wanted.filter(|id| choice.contains(id));
        there(self.active).or_else(|| there(self.shown)).or_else(|| choice.first().copied())
    }
}

impl MachineWindow {
    /// The person chooses a console, or that the window follows the machine again.
    pub(super) fn choose_console(&self, number: i32) {
        let choice = Choice::numbered(number);
        if let Choice::Pinned(id) = choice {
            self.shared().wishes.borrow_mut().open(id);
        }
        self.take_choice(choice);
        self.remember_console(number);
        let window = match choice {
            Choice::Pinned(id) => self.shared().head(id).map(|(_, window)| window),
            _ => None,
        };
        if let Some(window) = window.filter(|window| window != self) {
            window.present();
        }
    }

    /// Goes by this choice from now on.
    pub(super) fn take_choice(&self, choice: Choice) {
        self.shared().known.borrow_mut().choice = choice;
        self.remote().choose(match choice {
            Choice::Automatic => session::Choice::Automatic,
            Choice::Pinned(id) | Choice::Demanded(id) => session::Choice::Console(id),
        });
        self.arrange();
    }

    /// Offers the consoles, as they are now; nothing where there is no choice.
    pub(super) fn refill_consoles(&self) {
        let known = self.shared().known.borrow();
        self.set_action_state("console", &known.choice.number().to_variant());
        let of = |kind| known.consoles.iter().filter(move |console| console.kind == kind);
        let button = &self.imp().console_button;
        button.set_visible(known.consoles.len() > 1);
        let menu = gio::Menu::new();
        let follow = gio::Menu::new();
        follow.append_item(&item(&gettext("_Automatic"), AUTOMATIC));
        menu.append_section(None, &follow);
        let screens = gio::Menu::new();
        for console in of(ConsoleKind::Graphic) {
            let unused = !known.in_use.contains(&console.id) && self.shared().head(console.id).is_none();
            let label = name(console).replace('_', "__");
            let label = if unused {
                // Translators: A console on which the machine shows nothing.
                gettext_f("{console}, Off", &[("console", &label)])
            } else {
                label
            };
            screens.append_item(&item(&label, number(console.id)));
        }
        menu.append_section(None, &screens);
        if of(ConsoleKind::Text).next().is_some() {
            let texts = gio::Menu::new();
            for console in of(ConsoleKind::Text) {
                texts.append_item(&item(&name(console).replace('_', "__"), number(console.id)));
            }
            menu.append_section(Some(&gettext("Text")), &texts);
        }
        if let Some(head) = self.head() {
            menu.append_section(None, &self.tab_menu(&head));
        }
        button.set_menu_model(Some(&menu));
    }
}

fn item(label: &str, number: i32) -> gio::MenuItem {
    let item = gio::MenuItem::new(Some(label), None);
    item.set_action_and_target_value(Some("win.console"), Some(&number.to_variant()));
    item
}

/// A console's name for people: QEMU's label, and where its device sits.
pub(super) fn name(console: &Console) -> String {
    let label = &console.label;
    match console.device.strip_prefix("pci/0000/").or(console.device.strip_prefix("pci/")) {
        Some(slot) => gettext_f("{console} (PCI {slot})", &[("console", label), ("slot", slot)]),
        None => label.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Time;
    use crate::frame::Mailbox;
    use crate::geometry::Size;
    use crate::stats::Stats;

    fn console(id: u32, kind: ConsoleKind) -> Console {
        Console {
            id: ConsoleId(id),
            label: format!("virtio_gpu.{id}"),
            kind,
            head: 0,
            device: format!("pci/0000/0{id}.0"),
            hardware: session::Hardware::default(),
            size: Size::new(0, 0),
            frames: Arc::new(Mailbox::default()),
            stats: Arc::new(Stats::new(Time::default())),
        }
    }

    fn known(choice: Choice, active: Option<u32>, shown: Option<u32>) -> Known {
        let consoles = [(0, ConsoleKind::Text), (1, ConsoleKind::Graphic), (2, ConsoleKind::Graphic)];
        Known {
            consoles: consoles.map(|(id, kind)| console(id, kind)).into(),
            choice,
            active: active.map(ConsoleId),
            shown: shown.map(ConsoleId),
            ..Known::default()
        }
    }

    fn target(choice: Choice, active: Option<u32>, shown: Option<u32>) -> Option<u32> {
        known(choice, active, shown).target().map(|id| id.0)
    }

    #[test]
    fn the_window_follows_the_machine_unless_somebody_chooses() {
        assert_eq!(target(Choice::Automatic, None, None), Some(1), "the first with a picture");
        assert_eq!(target(Choice::Automatic, None, Some(2)), Some(2), "no change without a reason");
        assert_eq!(target(Choice::Automatic, Some(2), Some(1)), Some(2));
        assert_eq!(target(Choice::Automatic, Some(7), Some(1)), Some(1), "one that is gone");
        let in_use = [ConsoleId(2)].into();
        let unused = Known { in_use, ..known(Choice::Automatic, None, Some(1)) };
        assert_eq!(unused.target(), Some(ConsoleId(2)), "one that the guest uses no more");
        assert_eq!(target(Choice::Pinned(ConsoleId(1)), Some(2), Some(2)), Some(1));
        assert_eq!(target(Choice::Pinned(ConsoleId(7)), Some(2), None), Some(2), "there is none");
        assert_eq!(target(Choice::Demanded(ConsoleId(7)), Some(2), None), None, "no other will do");
    }

    #[test]
    fn choices_have_numbers() {
        for number in [AUTOMATIC, 0, 5] {
            assert_eq!(Choice::numbered(number).number(), number);
        }
    }

    #[test]
    fn consoles_are_named_with_their_device() {
        assert_eq!(name(&console(2, ConsoleKind::Graphic)), "virtio_gpu.2 (PCI 02.0)");
        assert_eq!(name(&Console { device: String::new(), ..console(2, ConsoleKind::Text) }), "virtio_gpu.2");
    }
}
