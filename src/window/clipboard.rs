//! The desktop's clipboards and the machine's, brought together by `clipboard::Exchange`.
//!
//! - `board`: one clipboard of the desktop: what lies there, and what we put there.
//! - `provider`: the guest's text, which is fetched when somebody pastes it.
//! - `question`: whether the person wants any of it, asked once for each machine.
//! - `preferences`: what they want, to be changed at any time; whether there is an agent.
//! - `memory`: what is remembered of it.
//!
//! One for each machine, however many windows it has.

mod board;
mod memory;
mod preferences;
mod provider;
mod question;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use adw::prelude::*;
use async_channel::Sender;
use gtk::{gdk, glib};

use self::board::{Board, Change};
use super::MachineWindow;
use super::i18n::gettext_f;
use super::shared::Shared;
use crate::clipboard::{Act, Agent, Direction, Exchange, Input, Notice, PasteId, Selection, Settings};

/// A text that somebody waits for, or none.
type Answer = Sender<Option<Arc<str>>>;

/// What is copied and pasted between the desktop and one machine.
#[derive(Default)]
pub(super) struct Clipboard {
    exchange: RefCell<Exchange>,
    boards: OnceCell<[Board; Selection::ALL.len()]>,
    /// Who pastes the guest's text.
    pastes: RefCell<HashMap<PasteId, Answer>>,
    last_paste: Cell<u64>,
    question: question::Question,
    rows: preferences::Rows,
}

impl fmt::Debug for Clipboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clipboard").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

impl MachineWindow {
    /// Has the machine's clipboard go with the desktop's while this window is one of its windows.
    pub(super) fn watch_clipboard(&self) {
        let shared = self.shared();
        if shared.clipboard.boards.get().is_none() {
            shared.open_clipboards(&WidgetExt::display(self));
            self.remote().open_clipboard();
        }
        self.connect_is_active_notify(|window| window.shared().clipboard_focus());
        self.watch_touches();
        shared.clipboard_focus();
    }

    /// Lets the clipboards know of everything that is pressed.
    fn watch_touches(&self) {
        let touches = gtk::EventControllerLegacy::new();
        touches.set_propagation_phase(gtk::PropagationPhase::Capture);
        touches.connect_event(glib::clone!(
            #[weak(rename_to = window)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, event| {
                use gdk::EventType::{ButtonPress, KeyPress, TouchBegin};
                if matches!(event.event_type(), KeyPress | ButtonPress | TouchBegin) {
                    let boards = window.shared().clipboard.boards.get();
                    boards.into_iter().flatten().for_each(Board::touch);
                }
                glib::Propagation::Proceed
            }
        ));
        self.add_controller(touches);
    }

    /// Asks the person whether texts may go this way.
    fn ask_of_clipboard(&self, direction: Direction) {
        tracing::debug!(?direction, "the person is asked");
        self.offer_question();
    }

    fn tell_of_clipboard(&self, notice: Notice) {
        let words = words(notice);
        let toast = adw::Toast::builder().title(&words).use_markup(false).timeout(6).build();
        self.toast(&toast);
    }
}

impl Shared {
    /// Something happened to one of the clipboards.
    pub(super) fn clipboard_happened(self: &Rc<Self>, input: Input) {
        let acts = self.clipboard.exchange.borrow_mut().handle(input);
        for act in acts {
            self.do_to_clipboard(act);
        }
        self.clipboard.rows.tell(self.clipboard_agent());
    }

    /// Whether somebody in the guest sees to its clipboard.
    pub(super) fn clipboard_agent(&self) -> Agent {
        self.clipboard.exchange.borrow().agent()
    }

    /// What goes which way, as text for those who are to help.
    pub(super) fn describe_clipboard(&self) -> String {
        let Settings { to_guest, to_host, primary, longest, line_ends } = self.clipboard_settings();
        format!(
            "agent {:?}; to the machine {to_guest:?}, from it {to_host:?}, selected text {primary}, at most {longest} bytes, line ends {line_ends:?}",
            self.clipboard_agent()
        )
    }

    fn clipboard_settings(&self) -> Settings {
        *self.clipboard.exchange.borrow().settings()
    }

    /// The person wants it so from now on.
    fn set_clipboard(self: &Rc<Self>, settings: Settings) {
        if let Some(memory) = &*self.memory.borrow() {
            memory::write(memory.store(), &settings);
        }
        self.clipboard_happened(Input::Settings(settings));
        self.clipboard.question.settle(&settings);
    }

    /// Takes up what is remembered, when the machine is known.
    pub(super) fn recall_clipboard(self: &Rc<Self>) {
        let settings = self.memory.borrow().as_ref().map(|memory| memory::read(memory.store()));
        if let Some(settings) = settings {
            self.clipboard_happened(Input::Settings(settings));
        }
    }

    fn open_clipboards(self: &Rc<Self>, display: &gdk::Display) {
        let board = |selection: Selection| {
            let shared = Rc::downgrade(self);
            let clipboard = match selection {
                Selection::Clipboard => display.clipboard(),
                Selection::Primary => display.primary_clipboard(),
            };
            Board::new(clipboard, move |change| {
                let Some(shared) = shared.upgrade() else { return };
                shared.clipboard_happened(match change {
                    Change::Copied(offer) => Input::HostCopied { selection, offer },
                    Change::Seen(offer) => Input::HostSeen { selection, offer },
                });
            })
        };
        let fresh = self.clipboard.boards.set(Selection::ALL.map(board)).is_ok();
        assert!(fresh, "the clipboards are opened once");
    }

    fn clipboard_focus(self: &Rc<Self>) {
        let is_focused = self.windows().iter().any(|window| window.is_active());
        for board in self.clipboard.boards.get().into_iter().flatten() {
            board.set_focused(is_focused);
        }
        self.clipboard_happened(Input::Focus(is_focused));
    }

    fn board(&self, selection: Selection) -> Option<&Board> {
        self.clipboard.boards.get().map(|boards| &boards[selection.index()])
    }

    fn do_to_clipboard(self: &Rc<Self>, act: Act) {
        match act {
            Act::ReadHost { selection, token, limit } => {
                let Some(board) = self.board(selection) else { return };
                let (reading, shared) = (board.read(limit), Rc::downgrade(self));
                glib::spawn_future_local(async move {
                    let text = reading.await;
                    if let Some(shared) = shared.upgrade() {
                        shared.clipboard_happened(Input::HostRead { selection, token, text });
                    }
                });
            }
            Act::ReadGuest { .. } | Act::Grab { .. } | Act::Release(_) => self.remote.clipboard(act),
            Act::OfferToHost(selection) => {
                let shared = Rc::downgrade(self);
                let pasted = move |answer| {
                    if let Some(shared) = shared.upgrade() {
                        shared.paste(selection, answer);
                    }
                };
                self.board(selection).inspect(|board| board.offer(pasted));
            }
            Act::WithdrawFromHost(selection) => drop(self.board(selection).inspect(|board| board.withdraw())),
            Act::Deliver { paste, text } => {
                let answer = self.clipboard.pastes.borrow_mut().remove(&paste);
                // Whoever pasted may have given up.
                let _ = answer.map(|answer| answer.try_send(text));
            }
            Act::Ask(direction) => drop(self.front().inspect(|window| window.ask_of_clipboard(direction))),
            Act::Tell(notice) => drop(self.front().inspect(|window| window.tell_of_clipboard(notice))),
        }
    }

    /// Somebody on the host pastes the guest's text.
    fn paste(self: &Rc<Self>, selection: Selection, answer: Answer) {
        let paste = PasteId(self.clipboard.last_paste.get() + 1);
        self.clipboard.last_paste.set(paste.0);
        self.clipboard.pastes.borrow_mut().insert(paste, answer);
        self.clipboard_happened(Input::HostPastes { selection, paste });
    }
}

/// What a person should know, in words.
fn words(notice: Notice) -> String {
    match notice {
        Notice::TooLong { direction: Direction::ToGuest, limit, .. } => gettext_f(
            "The copied text was not passed on: the machine takes at most {limit}",
            &[("limit", &glib::format_size(limit as u64))],
        ),
        Notice::TooLong { direction: Direction::ToHost, length, limit } => gettext_f(
            "The machine’s text of {length} was not pasted: at most {limit} are allowed",
            &[("length", &glib::format_size(length as u64)), ("limit", &glib::format_size(limit as u64))],
        ),
        Notice::Secret => super::i18n::gettext("The copied password was not passed on to the machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_how_much_is_allowed() {
        let notice = Notice::TooLong { direction: Direction::ToGuest, length: 2_000_000, limit: 1_000_000 };
        assert!(words(notice).contains("1.0\u{a0}MB"), "{}", words(notice));
    }
}
