//! Mutter, nested: GTK's other compositor shows what its clients draw.

use std::time::Duration;

use harness::{
    Result,
    desk::{Desk, Mutter},
    input::{XInput, keys},
    shot::Rect,
};

use crate::client::{Client, Event, pattern};

const LIMIT: Duration = Duration::from_secs(20);
const SIZE: (u32, u32) = (320, 240);

/// Where the client's window is: mutter places it where it likes, its first pixel tells where.
fn find(desk: &Mutter) -> Result<Rect> {
    let want = pattern(SIZE.0, SIZE.1);
    desk.wait_for_picture("mutter-pattern", LIMIT, |screen| {
        let corner = screen.find_rect(|pixel| pixel == want.get(0, 0))?;
        let place = Rect::new(corner.x, corner.y, SIZE.0.cast_signed(), SIZE.1.cast_signed());
        let is_exact =
            place.intersection(screen.rect()) == place && screen.crop(place).compare(&want).ok()?.is_none();
        is_exact.then_some(place)
    })
}

#[test]
fn a_client_is_shown_exactly_and_gets_input() -> Result<()> {
    let desk = Mutter::start(1000, 700)?;
    let client = Client::start(&desk.socket(), SIZE.0.cast_signed(), SIZE.1.cast_signed())?;
    let place = find(&desk)?;
    // Mutter's devices are those of the X server that shows it.
    let input = XInput::new(desk.screen());
    input.move_to(place.x + 20, place.y + 30)?;
    client.expect(&Event::Motion { x: 20.0, y: 30.0 })?;
    input.click(keys::BTN_LEFT)?;
    client.expect(&Event::Button { code: keys::BTN_LEFT, pressed: true })?;
    client.expect(&Event::Button { code: keys::BTN_LEFT, pressed: false })?;
    input.tap(keys::KEY_K)?;
    client.expect(&Event::Key { code: keys::KEY_K, pressed: true })?;
    client.expect(&Event::Key { code: keys::KEY_K, pressed: false })
}
