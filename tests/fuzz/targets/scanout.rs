//! Any arguments of every method: the bytes are the body of a message whose header is sound.

#![no_main]

use std::fs::File;

use libfuzzer_sys::fuzz_target;
use oriel::clock::Time;
use oriel::display1::decode::{Descriptors, Method, decode};
use oriel::display1::wire::Message;
use oriel::frame::Mailbox;

fuzz_target!(|bytes: &[u8]| {
    // A reply without fields: all of its bytes after the header are the body.
    let mut message = b"l\x02\x01\x01\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
    message.extend_from_slice(bytes);
    let Ok(message) = Message::parse(&message) else { return };
    let mailbox = Mailbox::default();
    for method in Method::ALL {
        let mut fds = Descriptors::default();
        fds.push(File::open("/proc/self/exe").expect("a file").into());
        if let Ok(event) = decode(*method, method.signature(), message.body.clone(), &mut fds) {
            let _ = mailbox.apply(event, Time::from_millis(1));
        }
    }
});
