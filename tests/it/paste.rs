//! A session's clipboard and a desktop that this test is.

use std::sync::Arc;

use oriel::clipboard::{Act, Consent, Exchange, Input, Offer, PasteId, Selection, Settings};
use oriel::session::Event;

use crate::session_watch::Watch;

/// A session's clipboard, with an exchange that may do everything.
pub(crate) struct Desk {
    pub(crate) watch: Watch,
    pub(crate) exchange: Exchange,
}

impl Desk {
    pub(crate) fn new(watch: Watch) -> Self {
        watch.session.open_clipboard();
        let mut exchange = Exchange::default();
        let settings = Settings { to_guest: Consent::Given, to_host: Consent::Given, ..Settings::default() };
        exchange.handle(Input::Settings(settings));
        exchange.handle(Input::Focus(true));
        Self { watch, exchange }
    }

    /// Tells the exchange; what the desktop is to do is returned.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Act> {
        let acts = self.exchange.handle(input);
        acts.iter().cloned().for_each(|act| self.watch.session.clipboard(act));
        let of_machine =
            |act: &Act| matches!(act, Act::Grab { .. } | Act::Release(_) | Act::ReadGuest { .. });
        acts.into_iter().filter(|act| !of_machine(act)).collect()
    }

    /// Passes on what the machine says next.
    pub(crate) fn hear(&mut self) -> (Input, Vec<Act>) {
        let input = self.watch.until("the clipboard", |event| match event {
            Event::Clipboard(input) => Some(input),
            _ => None,
        });
        (input.clone(), self.tell(input))
    }

    /// Copies on the host.
    pub(crate) fn copy(&mut self, selection: Selection, text: &str) {
        let copied = Input::HostCopied { selection, offer: Offer::Text };
        let acts = self.tell(copied);
        let [Act::ReadHost { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
        self.tell(Input::HostRead { selection, token, text: Ok(text.into()) });
    }

    /// Pastes on the host.
    pub(crate) fn paste(&mut self, selection: Selection) -> Option<Arc<str>> {
        let paste = Input::HostPastes { selection, paste: PasteId(1) };
        let mut acts = self.tell(paste);
        while acts.is_empty() {
            acts = self.hear().1;
        }
        let [Act::Deliver { text, .. }] = &acts[..] else { panic!("{acts:?}") };
        text.clone()
    }
}
