//! Xvfb: pictures and input.

use std::{fs, time::Duration};

use harness::{
    Result,
    desk::{Desk, Xvfb},
    input::{XInput, keys},
    process::wait_until,
    shot::Rect,
};

use crate::client::pattern;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn pictures_are_exact() -> Result<()> {
    let desk = Xvfb::start(800, 600)?;
    let picture = pattern(320, 240);
    let file = desk.session().scope().join("pattern.png");
    picture.save(&file)?;
    let mut viewer = desk.command("display");
    viewer.args(["-window", "root"]).arg(&file);
    let _viewer = desk.spawn("display", viewer)?;
    desk.wait_for_picture("x11-pattern", LIMIT, |screen| {
        // It is the background, repeated from the left top corner on.
        let part = screen.crop(Rect::new(0, 0, 320, 240));
        part.compare(&picture).ok()?.is_none().then_some(())
    })
}

#[test]
fn keys_and_buttons_arrive_with_their_codes() -> Result<()> {
    let desk = Xvfb::start(800, 600)?;
    let input = XInput::new(&desk);
    let mut xev = desk.command("xev");
    xev.args(["-geometry", "400x300+100+50"]);
    let xev = desk.spawn("xev", xev)?;
    let saw = |text: &str| {
        let found = wait_until(text, LIMIT, || {
            let all = fs::read_to_string(xev.stdout()).unwrap_or_default();
            Ok(all.contains(text).then_some(()))
        });
        found.map_err(|error| error.with_detail(&xev.log()))
    };
    saw("MapNotify event")?;
    input.move_to(130, 90)?;
    saw("MotionNotify event").or_else(|_| saw("EnterNotify event"))?;
    input.click(keys::BTN_RIGHT)?;
    saw("root:(130,90)")?;
    saw("button 3")?;
    input.focus("Event Tester")?;
    input.tap(keys::KEY_A)?;
    saw(&format!("keycode {} (keysym 0x61, a)", keys::KEY_A + 8))
}
