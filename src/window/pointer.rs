//! What the person prefers of the pointer and of fingers, and the dialog's part for it.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::gio;

use super::MachineWindow;
use super::i18n::gettext;
use super::preferences::{choice, switch};
use super::settings::numbered;
use crate::input::{Speed, Tie, TouchMode};
use crate::view::DisplayView;

/// What is done with the pointer while the machine only hears how far it moves.
const TIE: &str = "pointer-tie";
/// Whether it moves as the desktop's own then.
const ACCELERATION: &str = "pointer-acceleration";
/// How many times as fast.
const SPEED: &str = "pointer-speed";
/// What fingers are to the machine.
const TOUCH: &str = "touch";

/// In the order of their numbers in the schema.
const TIES: [Tie; 3] = [Tie::Lock, Tie::Confine, Tie::Free];
const TOUCHES: [TouchMode; 2] = [TouchMode::Fingers, TouchMode::Mouse];

/// The speeds that the row offers; what is kept may be beyond.
const SLOWEST: f64 = 0.1;
const FASTEST: f64 = 5.0;

impl MachineWindow {
    /// Brings a picture in line with the preferences.
    pub(super) fn apply_pointer(&self, view: &DisplayView) {
        let Some(store) = self.imp().settings.store() else { return };
        view.set_tie(numbered(&TIES, store.enum_(TIE)));
        view.set_touch_mode(numbered(&TOUCHES, store.enum_(TOUCH)));
        let factor = store.double(SPEED);
        let speed = if store.boolean(ACCELERATION) { Speed::accelerated } else { Speed::raw };
        view.set_speed(speed(factor));
    }
}

/// The preferences of the pointer.
pub(super) fn group(store: &gio::Settings) -> adw::PreferencesGroup {
    let group = adw::PreferencesGroup::builder()
        .title(gettext("Pointer"))
        .description(gettext(
            "Machines with a tablet device follow your pointer. Others, and many games, only hear how far it moves: click into the picture to control theirs.",
        ))
        .build();
    group.add(&choice(
        store,
        TIE,
        &gettext("Your Own Pointer Meanwhile"),
        "",
        &[gettext("Stays Where It Is"), gettext("Stays Within the Picture"), gettext("Moves Freely")],
        &["lock", "confine", "free"],
    ));
    group.add(&switch(
        store,
        ACCELERATION,
        &gettext("Acceleration of the Desktop"),
        &gettext("Switch it off for games, and where the machine accelerates itself"),
    ));
    let range = gtk::Adjustment::new(1.0, SLOWEST, FASTEST, 0.1, 0.5, 0.0);
    let speed = adw::SpinRow::builder()
        .title(gettext("Speed"))
        .subtitle(gettext("How many times as fast as the mouse"))
        .use_markup(false)
        .adjustment(&range)
        .digits(1)
        .build();
    store.bind(SPEED, &speed, "value").build();
    group.add(&speed);
    group.add(&choice(
        store,
        TOUCH,
        &gettext("Touch Screen"),
        &gettext("Machines without a touch screen of their own need a mouse"),
        &[gettext("Fingers"), gettext("A Mouse")],
        &["fingers", "mouse"],
    ));
    group
}
