//! Any bytes as a message to our clipboard.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oriel::display1::clipboard::Asked;
use oriel::display1::wire::Message;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(call) = Message::parse(bytes) {
        let _ = Asked::decode(&call);
    }
});
