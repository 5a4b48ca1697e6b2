//! Any bytes as a stream of messages, as a listener hears them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oriel::clock::Time;
use oriel::display1::decode::{Descriptors, Method, decode};
use oriel::display1::wire::{Message, message_length};
use oriel::frame::Mailbox;

fuzz_target!(|stream: &[u8]| {
    let (mailbox, mut rest, mut fds) = (Mailbox::default(), stream, Descriptors::default());
    while let Ok(Some(length)) = message_length(rest)
        && let Some((bytes, more)) = rest.split_at_checked(length)
        && let Ok(message) = Message::parse(bytes)
    {
        rest = more;
        if let Some(method) = Method::find(message.interface, message.member)
            && let Ok(event) = decode(method, message.signature, message.body, &mut fds)
        {
            let _ = mailbox.apply(event, Time::from_millis(1));
        }
    }
});
