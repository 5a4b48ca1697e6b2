//! What the session tells, and what follows from it.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use adw::prelude::*;
use adw::subclass::prelude::*;
use async_channel::Receiver;
use gtk::glib;

use super::consoles::Choice;
use super::i18n::{gettext, gettext_f};
use super::story::{Face, Input, Story};
use super::{MachineWindow, words};
use crate::input::grab::Obstacle;
use crate::input::{Leds, PointerMode};
use crate::session::{Console, ConsoleId, ConsoleKind, Event, Machine, Stage, State};
use crate::view::DisplayView;

/// How often the seconds until the next attempt are told anew.
const COUNT: Duration = Duration::from_millis(250);

/// What is known of the machine.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) state: State,
    pub(super) machine: Option<Machine>,
    /// In the order of their numbers.
    pub(super) consoles: Vec<Console>,
    /// The console that the main window shows.
    pub(super) shown: Option<ConsoleId>,
    /// The consoles that the guest uses, as far as anybody looks.
    pub(super) in_use: BTreeSet<ConsoleId>,
    /// The console that the machine uses, if it says so.
    pub(super) active: Option<ConsoleId>,
    /// Who says which console is shown.
    pub(super) choice: Choice,
    pub(super) leds: HashMap<ConsoleId, Leds>,
    pub(super) pointers: HashMap<ConsoleId, PointerMode>,
    pub(super) retry_at: Option<Instant>,
    /// Whether QEMU leaves what the person does unanswered.
    pub(super) hangs: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: State::Connecting(Stage::Reaching),
            machine: None,
            consoles: Vec::new(),
            shown: None,
            in_use: BTreeSet::new(),
            active: None,
            choice: Choice::default(),
            leds: HashMap::new(),
            pointers: HashMap::new(),
            retry_at: None,
            hangs: false,
        }
    }
}

impl Known {
    fn retry_in(&self) -> Option<u32> {
        let left = self.retry_at?.saturating_duration_since(Instant::now());
        u32::try_from(left.as_millis().div_ceil(1000)).ok()
    }
}

impl MachineWindow {
    /// Listens to what happens to the machine, until that is over.
    ///
    /// The application lives on until then: a machine of our own may take a moment to end.
    pub fn follow(&self, events: Receiver<Event>) {
        let window = self.downgrade();
        let hold = self.application().map(|application| application.hold());
        glib::spawn_future_local(async move {
            while let Ok(event) = events.recv().await {
                let window = window.upgrade().filter(|window| !window.is_closed());
                window.inspect(|window| window.hear(event));
            }
            drop(hold);
        });
    }

    fn hear(&self, event: Event) {
        tracing::debug!(?event, "the session tells");
        let known = &self.shared().known;
        let mut more = false;
        match event {
            Event::State(state) => return self.enter(state),
            Event::ConsoleAdded(console) => {
                let mut known = known.borrow_mut();
                known.consoles.retain(|other| other.id != console.id);
                known.consoles.push(console);
                known.consoles.sort_by_key(|console| console.id);
                more = true;
            }
            Event::ConsoleRemoved(id) => {
                let mut known = known.borrow_mut();
                known.consoles.retain(|console| console.id != id);
                known.in_use.remove(&id);
            }
            Event::InUse(id, used) => {
                let in_use = &mut known.borrow_mut().in_use;
                if used {
                    in_use.insert(id)
                } else {
                    in_use.remove(&id)
                };
                self.shared().wishes.borrow_mut().use_changed(id);
                more = used;
            }
            Event::Leds(id, leds) => {
                known.borrow_mut().leds.insert(id, leds);
                self.pass_on(id);
                return self.shared().windows().iter().for_each(Self::tell_keyboard);
            }
            Event::PointerMode(id, mode) => {
                known.borrow_mut().pointers.insert(id, mode);
                return self.pass_on(id);
            }
            Event::ActiveConsole(id) => known.borrow_mut().active = Some(id),
            Event::Asked(id, wish, answer) => return self.wish_answered(id, wish, answer),
            Event::Answers(answers) => {
                known.borrow_mut().hangs = !answers;
                return self.each_view(|view| view.set_obstacle(Obstacle::Hung, !answers));
            }
            Event::PowerFailed(_, error) => return self.power_failed(&words::power(&error)),
            Event::Clipboard(input) => return self.shared().clipboard_happened(input),
        }
        if more && self.shared().fills_monitors.get() {
            self.fill_monitors(true);
        }
        self.arrange();
        self.forget_heads();
    }

    fn enter(&self, state: State) {
        let live = matches!(state, State::Live(_));
        {
            let mut known = self.shared().known.borrow_mut();
            known.retry_at = match &state {
                State::Lost { retry: Some(wait), .. } => Some(Instant::now() + *wait),
                _ => None,
            };
            if let State::Live(machine) = &state {
                known.machine = Some(machine.clone());
            }
            (known.state, known.hangs) = (state, false);
        }
        if !matches!(self.shared().known.borrow().state, State::Connecting(_) | State::Live(_)) {
            self.appear();
        }
        if live {
            self.remember_machine();
            self.shared().windows().iter().for_each(Self::machine_connected);
            self.shared().windows().iter().for_each(Self::look_what_is_lacking);
        }
        self.each_view(|view| {
            view.set_obstacle(Obstacle::Hung, false);
            view.set_obstacle(Obstacle::Disconnected, !live);
        });
        self.closing_goes_on();
        self.tell_all();
    }

    fn each_view(&self, act: impl Fn(&DisplayView)) {
        self.shared().heads().iter().for_each(|(head, _)| act(head.view()));
    }

    /// Whether the machine is connected.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.shared().known.borrow().state, State::Live(_))
    }

    /// Brings everything in line with what is known, in all windows of the machine.
    pub(super) fn tell_all(&self) {
        self.shared().windows().iter().for_each(Self::tell);
    }

    /// Listens to the picture of a new head, in whichever of the windows that is.
    pub(super) fn watch_view(&self, view: &DisplayView) {
        let window_of = |view: &DisplayView| {
            let window = view.root().and_downcast::<Self>();
            window.filter(|window| window.view() == *view)
        };
        view.connect_screen_changed(move |view| {
            if let Some(window) = window_of(view) {
                window.tell();
                window.picture_changed(view.screen());
                window.look_soon();
            }
        });
        Self::watch_hands(view);
        view.connect_grab_changed(move |view| _ = window_of(view).inspect(Self::tell_keyboard));
        view.connect_look_changed(move |view| _ = window_of(view).inspect(Self::look_changed));
        view.connect_resized(move |view| _ = window_of(view).inspect(Self::look_soon));
        view.connect_status_changed(move |view| {
            if let Some(window) = window_of(view) {
                window.tell_banner();
                window.tell_statistics();
            }
        });
    }

    pub(super) fn watch_page(&self) {
        let click = gtk::GestureClick::new();
        click.set_button(0);
        click.connect_pressed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_, _, _, _| window.page_clicked()
        ));
        self.imp().page.add_controller(click);
    }

    /// A click on a page wakes the machine, as one on its picture would.
    fn page_clicked(&self) {
        if self.face().is_some_and(|face| face.input == Input::Guest) {
            self.view().grab_focus();
            self.view().press_chord(super::keys::WAKE);
        }
    }

    fn face(&self) -> Option<Face> {
        let (firmware, head) = (self.firmware(), self.head());
        let known = self.shared().known.borrow();
        let setup = self.setup();
        let story = Story {
            state: &known.state,
            firmware,
            screen: head.as_ref().map(|head| head.view().screen()),
            text: head.is_some_and(|head| head.console().kind == ConsoleKind::Text),
            hold: setup.hold,
            name: known.machine.as_ref().map(|machine| machine.name.as_str()).filter(|name| !name.is_empty()),
            retry: known.retry_in(),
            returns: setup.returns,
            managed: setup.managed.is_some(),
        };
        self.with_switches(story.face(), self.is_live())
    }

    /// Brings everything that is seen in line with what is known.
    pub(super) fn tell(&self) {
        let imp = self.imp();
        let face = self.face();
        let input = face.as_ref().map_or(Input::Guest, |face| face.input);
        let waits = self.shared().known.borrow().retry_at.is_some();
        // Before the page: a button without its action could not take the focus.
        self.update_actions();
        if imp.page.show_face(face) {
            self.move_focus(input);
        }
        self.tell_title();
        self.tell_keyboard();
        self.tell_banner();
        self.update_cover();
        imp.countdown.set(waits, COUNT, self, |window| _ = window.imp().page.show_face(window.face()));
    }

    /// Gives the keyboard to the guest, or to the page that is shown instead.
    pub(super) fn return_focus(&self) {
        self.move_focus(self.face().map_or(Input::Guest, |face| face.input));
    }

    fn move_focus(&self, input: Input) {
        if self.visible_dialog().is_some() {
            return;
        }
        match input {
            Input::Guest => self.view().grab_focus(),
            Input::Page => self.imp().page.first_button().is_some_and(|button| button.grab_focus()),
        };
    }

    pub(super) fn tell_title(&self) {
        let known = self.shared().known.borrow();
        let name = known.machine.as_ref().map(|machine| machine.name.clone());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "Oriel".to_owned());
        let subtitle = if self.is_shutting_down() {
            gettext("Shutting down…")
        } else if let Some(words) = self.keyboard_subtitle() {
            words
        } else {
            let several = known.consoles.len() > 1;
            self.console().filter(|_| several).map(|console| console.label).unwrap_or_default()
        };
        let title = match &subtitle {
            console if self.has_company() && !console.is_empty() => {
                // Translators: The title of a window among several: what of which machine.
                gettext_f("{console} of {name}", &[("console", console), ("name", &name)])
            }
            _ => name.clone(),
        };
        let screen = gettext_f("Screen of {name}", &[("name", &name)]);
        self.view().update_property(&[gtk::accessible::Property::Label(&screen)]);
        self.set_title(Some(&title));
        self.imp().heading.set_title(&name);
        self.imp().heading.set_subtitle(&subtitle);
    }
}
