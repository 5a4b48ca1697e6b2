//! The display widget: shows one console's picture and passes on what the person does.
//!
//! One type, split by aspect: `drawing` (where the picture is, and how it gets there), `falling` (what
//! happens when it cannot), `looks` (size, turn, zoom and pan), `keys`, `board`, `locks` and `grab` (keys,
//! whatever GDK says of them, and who has them), `input` (buttons, wheel and motion as GDK tells them),
//! `pointing` and `hold` (the pointer at once, and held to the picture), `touch` (fingers), `cursor` (the
//! guest's pointer as the host's, or drawn by us).

mod board;
mod cursor;
mod drawing;
mod falling;
mod grab;
mod hold;
mod imp;
mod input;
mod keys;
mod locks;
mod looks;
mod pointing;
mod queue;
mod touch;

use std::rc::Rc;
use std::sync::Arc;

use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;

use crate::frame::{Mailbox, Screen};
use crate::geometry::{Logical, Size};
use crate::input::grab::Obstacle;
use crate::input::{Command, PointerMode};
use crate::present::{Options, Stacking, Status};
use crate::stats::Stats;

pub use looks::Toward;

glib::wrapper! {
    /// A console's screen.
    ///
    /// It takes the keyboard when it has the focus, and then swallows every key that reaches it.
    pub struct DisplayView(ObjectSubclass<imp::DisplayView>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Default for DisplayView {
    fn default() -> Self {
        Self::new()
    }
}

impl DisplayView {
    /// A view of nothing.
    pub fn new() -> Self {
        glib::Object::new()
    }

    /// Shows this console from now on; `commands` is told what the person does, in order.
    pub fn show_console(
        &self,
        frames: Arc<Mailbox>,
        stats: Arc<Stats>,
        commands: impl Fn(Command) + 'static,
    ) {
        self.clear();
        let (tell, changes) = async_channel::bounded(1);
        // The listener's thread calls this: one token is enough, the state is in the mailbox.
        frames.observe(move |_| _ = tell.try_send(()));
        let weak = self.downgrade();
        glib::spawn_future_local(async move {
            while changes.recv().await.is_ok() {
                let Some(view) = weak.upgrade() else { return };
                view.follow_console();
            }
        });
        self.imp().console.replace(Some(imp::Console { frames, stats, commands: Rc::new(commands) }));
        self.open_output();
        self.follow_console();
        self.set_obstacle(Obstacle::Disconnected, false);
    }

    /// Shows nothing any more. What is held in the guest is released first.
    pub fn clear(&self) {
        self.set_obstacle(Obstacle::Disconnected, true);
        self.close_output();
        if let Some(console) = self.imp().console.take() {
            console.frames.stop_observing();
        }
        self.imp().seat.borrow_mut().hands.renew();
        self.imp().falling.forget();
        self.follow_console();
    }

    /// Which way the picture is to take.
    pub fn set_options(&self, options: Options) {
        let imp = self.imp();
        if imp.options.replace(options) != options {
            imp.falling.forget();
            self.open_output();
        }
    }

    /// How the guest hears of the pointer.
    pub fn set_pointer_mode(&self, mode: PointerMode) {
        let before = self.imp().seat.borrow().hands.mode();
        if before != mode {
            self.lift_fingers();
            self.forget_whereabouts();
        }
        self.imp().seat.borrow_mut().hands.set_mode(mode);
        self.follow_tie();
        self.follow_pointer();
    }

    /// Whether something of ours lies over the picture: then the picture goes behind the window.
    pub fn set_overlapped(&self, overlapped: bool) {
        self.imp().stacking.set(if overlapped { Stacking::Below } else { Stacking::Above });
        self.place();
    }

    /// Presses these keys together in the guest, by their Linux codes.
    pub fn press_chord(&self, evdev: &[u32]) {
        let commands = self.imp().seat.borrow_mut().hands.chord(evdev);
        self.send_all(commands);
    }

    /// Presses and releases keys of a text, beside what the person does.
    pub fn type_keys(&self, commands: impl IntoIterator<Item = Command>) {
        self.send_all(commands);
    }

    /// Lets go of every key and button that is held in the guest.
    pub fn release_all(&self) {
        let commands = self.imp().seat.borrow_mut().hands.let_go();
        self.send_all(commands);
    }

    /// What the person is to be shown.
    pub fn screen(&self) -> Screen {
        self.imp().console.borrow().as_ref().map_or(Screen::Waiting, |console| console.frames.screen())
    }

    /// How the picture gets to the screen at the moment.
    pub fn status(&self) -> Option<Status> {
        let status = self.imp().output.borrow().as_ref().map(crate::present::Output::status);
        match (status, self.stuck()) {
            (Some(Status::Refused { .. }), Some(refused)) => Some(Status::Refused { refused }),
            (status, _) => status,
        }
    }

    /// The size at which one guest pixel is one device pixel.
    pub fn natural_size(&self) -> Option<Size<Logical>> {
        let Screen::Live(size) = self.screen() else { return None };
        Some(self.look().natural_size(size, self.screen_scale()))
    }

    /// Calls `changed` when [`Self::screen`] is another.
    pub fn connect_screen_changed(&self, changed: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("screen-changed", false, glib::closure_local!(move |view: Self| changed(&view)))
    }

    /// Calls `changed` when [`Self::status`] is another.
    pub fn connect_status_changed(&self, changed: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("status-changed", false, glib::closure_local!(move |view: Self| changed(&view)))
    }

    /// Calls `resized` when it has been given room, or other room, in the middle of a layout.
    pub fn connect_resized(&self, resized: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("resized", false, glib::closure_local!(move |view: Self| resized(&view)))
    }

    fn send_all(&self, commands: impl IntoIterator<Item = Command>) {
        let Some(send) = self.imp().console.borrow().as_ref().map(|console| console.commands.clone()) else {
            return;
        };
        for command in commands {
            send(command);
            if let Command::MoveTo(at) = command {
                self.pointed_at(at);
            }
        }
    }

    /// The mailbox says something else of screen or pointer.
    fn follow_console(&self) {
        let screen = self.screen();
        if self.imp().screen.replace(screen) != screen {
            self.queue_resize();
            self.place();
            self.emit_by_name::<()>("screen-changed", &[]);
        }
        self.follow_pointer();
    }
}
