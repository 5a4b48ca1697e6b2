//! Any text as a combination of keys, and as one that is typed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oriel::input::{Combination, Layout, Leds, Typing};

fuzz_target!(|text: &str| {
    if let Ok(combination) = text.parse::<Combination>() {
        assert_eq!(combination.to_string().parse(), Ok(combination), "what is written can be read");
    }
    let mut typing = Typing::new(text, &Layout::all()[text.len() % Layout::all().len()], Leds::CAPS);
    while typing.step().is_some() {}
    assert_eq!(typing.progress().done, typing.progress().total);
});
