//! Any calls of QEMU's, one after the other, to the clipboard's state machine.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oriel::clipboard::{Consent, Exchange, Input, Offer, Selection, Settings};

fuzz_target!(|steps: Vec<(u8, u32, bool)>| {
    let mut exchange = Exchange::default();
    let (to_guest, to_host) = (Consent::Given, Consent::Given);
    exchange.handle(Input::Settings(Settings { to_guest, to_host, ..Settings::default() }));
    for (step, serial, flag) in steps {
        let selection = if flag { Selection::Clipboard } else { Selection::Primary };
        exchange.handle(match step % 8 {
            0 => Input::Connected,
            1 => Input::Disconnected,
            2 => Input::Reset,
            3 => Input::Focus(flag),
            4 => Input::GuestCopied { selection, serial, text: serial % 5 > 0 },
            5 => Input::GuestReleased(selection),
            6 => Input::HostSeen { selection, offer: Offer::Text },
            _ => Input::HostCopied { selection, offer: Offer::Text },
        });
    }
});
