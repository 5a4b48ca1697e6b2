//! Everything the person holds and moves, turned into what the guest is to be told.

use super::{Button, Command, Delta, Keyboard, Leds, Locks, Motion, PointerMode, Press, Speed, Sync, Wheel};
use crate::geometry::{Placement, Rotation};

/// A keyboard and a pointing device in front of one console.
///
/// Positions are those of the surface, in logical units, as [`Placement`] takes them.
#[derive(Debug, Default)]
pub struct Hands {
    keyboard: Keyboard,
    wheel: Wheel,
    motion: Motion,
    buttons: Vec<Button>,
    mode: PointerMode,
    /// Modifiers that sticky keys hold, by their Linux codes.
    latched: Vec<u32>,
    locks: Locks,
    last: Option<(f64, f64)>,
}

impl Hands {
    /// A key goes down or up, by its Linux code.
    pub fn key(&mut self, evdev: u32, press: Press) -> Option<Command> {
        match press {
            Press::Down => {
                let command = self.keyboard.press(evdev)?;
                self.locks.passed(evdev);
                Some(command)
            }
            Press::Up => self.keyboard.release(evdev),
        }
    }

    /// Sticky keys hold these modifiers, by their Linux codes: the guest does, too, beside those that
    /// the person holds.
    pub fn latched(&mut self, codes: &[u32]) -> Vec<Command> {
        let before = std::mem::replace(&mut self.latched, codes.to_vec());
        let gone = before.iter().filter(|code| !codes.contains(code));
        let mut commands: Vec<_> = gone.filter_map(|code| self.keyboard.release(*code)).collect();
        let new = codes.iter().filter(|code| !before.contains(code));
        commands.extend(new.filter_map(|code| self.keyboard.press(*code)));
        commands
    }

    /// Keys pressed together and released: see [`Keyboard::chord`].
    pub fn chord(&mut self, evdev: &[u32]) -> Vec<Command> {
        evdev.iter().for_each(|code| self.locks.passed(*code));
        self.keyboard.chord(evdev)
    }

    /// The pointer is here. Beside the picture it counts only while a button is held.
    pub fn moved(&mut self, placement: Option<&Placement>, x: f64, y: f64) -> Option<Command> {
        let last = self.last.replace((x, y));
        match self.mode {
            PointerMode::Absolute => self.position(placement?, x, y),
            PointerMode::Relative => {
                let rotation = placement.map_or(Rotation::None, Placement::rotation);
                last.and_then(|(from_x, from_y)| {
                    let (right, down) = rotation.turn_back_motion(x - from_x, y - from_y);
                    self.motion.moved(right, down)
                })
            }
        }
    }

    /// The pointer has left: where it comes back says nothing about how far it moved.
    pub fn left(&mut self) {
        self.last = None;
    }

    /// A button goes down or up here.
    ///
    /// It counts on the picture, and where there is none: a click wakes a guest whose display is
    /// off. A guest with an absolute pointer is told the place first.
    pub fn button(
        &mut self,
        placement: Option<&Placement>,
        (x, y): (f64, f64),
        button: Button,
        press: Press,
    ) -> [Option<Command>; 2] {
        let nothing = [None, None];
        match press {
            Press::Down => {
                let beside = placement.is_some_and(|placed| placed.guest_at(x, y).is_none());
                if beside || self.buttons.contains(&button) {
                    return nothing;
                }
                let place = self.moved(placement, x, y);
                self.buttons.push(button);
                [place, Some(Command::Button(button, press))]
            }
            Press::Up => {
                let Some(index) = self.buttons.iter().position(|held| *held == button) else {
                    return nothing;
                };
                let place = self.moved(placement, x, y);
                self.buttons.remove(index);
                [place, Some(Command::Button(button, press))]
            }
        }
    }

    /// Lets go of a button without a place, as when what pressed it is no pointer any more.
    pub fn drop_button(&mut self, button: Button) -> Option<Command> {
        let index = self.buttons.iter().position(|held| *held == button)?;
        self.buttons.remove(index);
        Some(Command::Button(button, Press::Up))
    }

    /// The wheel turned by so many 120ths of a click, to the right and down.
    pub fn turned(&mut self, across: f64, down: f64) -> impl Iterator<Item = Command> + use<> {
        self.wheel.turn(across, down)
    }

    /// Lets go of every key and button.
    pub fn let_go(&mut self) -> Vec<Command> {
        self.latched.clear();
        self.locks.unfocused();
        let buttons = std::mem::take(&mut self.buttons).into_iter();
        let buttons = buttons.rev().map(|button| Command::Button(button, Press::Up));
        self.keyboard.release_all().chain(buttons).collect()
    }

    /// The guest hears of the pointer another way from now on.
    ///
    /// It may be the way it is already: then parts of counts go on gathering.
    pub fn set_mode(&mut self, mode: PointerMode) {
        if std::mem::replace(&mut self.mode, mode) != mode {
            self.motion.forget();
        }
    }

    /// How the guest hears of the pointer.
    pub fn mode(&self) -> PointerMode {
        self.mode
    }

    /// The guest's lock lights are these: what the host's locks should become, if it is to follow.
    pub fn set_lights(&mut self, lights: Leds) -> Option<Leds> {
        self.locks.lit(lights)
    }

    /// What to press so that the guest's locks become the host's: for the moment at which the
    /// keyboard comes to the guest. Nothing is said about Scroll Lock, which hosts do not report.
    pub fn match_locks(&mut self, host: Leds) -> Vec<Command> {
        let codes = self.locks.focused(host);
        self.tap(&codes)
    }

    /// What to press now that the host's locks are these, though the keyboard stayed with the guest.
    pub fn host_locks(&mut self, host: Leds) -> Vec<Command> {
        let codes = self.locks.host_changed(host);
        self.tap(&codes)
    }

    /// In front of another machine: what was known of the one before is forgotten, but not what the
    /// person prefers.
    pub fn renew(&mut self) {
        let (sync, speed) = (self.locks.sync(), self.motion.speed());
        *self = Self::default();
        self.locks.set_sync(sync);
        self.motion.set_speed(speed);
    }

    /// Which way locks are kept the same.
    pub fn set_lock_sync(&mut self, sync: Sync) {
        self.locks.set_sync(sync);
    }

    /// The pointer is locked to the picture, and moved by so much.
    pub fn pushed(&mut self, placement: Option<&Placement>, delta: Delta) -> Option<Command> {
        let rotation = placement.map_or(Rotation::None, Placement::rotation);
        let (x, y) = rotation.turn_back_motion(delta.x, delta.y);
        let (raw_x, raw_y) = rotation.turn_back_motion(delta.raw_x, delta.raw_y);
        self.motion.pushed(Delta { x, y, raw_x, raw_y })
    }

    /// How fast a relative pointer moves.
    pub fn set_speed(&mut self, speed: Speed) {
        self.motion.set_speed(speed);
    }

    fn tap(&mut self, codes: &[u32]) -> Vec<Command> {
        codes.iter().flat_map(|code| self.keyboard.chord(&[*code])).collect()
    }

    fn position(&self, placement: &Placement, x: f64, y: f64) -> Option<Command> {
        if self.buttons.is_empty() {
            return placement.guest_at(x, y).map(Command::MoveTo);
        }
        Some(Command::MoveTo(placement.nearest_guest(x, y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Rect, Scaling, ScreenScale, Size};
    use crate::input::Qnum;

    /// 200×100 guest pixels in the middle of 400×400 units: 400×200 at (0, 100).
    fn placed() -> Placement {
        let area = Rect::new(0, 0, 400, 400);
        Placement::new(Size::new(200, 100), area, ScreenScale::ONE, Scaling::Fit).expect("room")
    }

    fn absolute() -> Hands {
        let mut hands = Hands::default();
        hands.set_mode(PointerMode::Absolute);
        hands
    }

    #[test]
    fn the_place_is_told_before_the_button() {
        let mut hands = absolute();
        let sent = hands.button(Some(&placed()), (100.0, 150.0), Button::Left, Press::Down);
        let place = Command::MoveTo(Point::new(50, 25));
        assert_eq!(sent, [Some(place), Some(Command::Button(Button::Left, Press::Down))]);
    }

    #[test]
    fn beside_the_picture_only_a_drag_counts() {
        let mut hands = absolute();
        let placed = placed();
        assert_eq!(hands.moved(Some(&placed), 100.0, 50.0), None);
        assert_eq!(hands.button(Some(&placed), (100.0, 50.0), Button::Left, Press::Down), [None, None]);
        assert_eq!(hands.button(Some(&placed), (100.0, 50.0), Button::Left, Press::Up), [None, None]);
        hands.button(Some(&placed), (100.0, 150.0), Button::Left, Press::Down);
        assert_eq!(hands.moved(Some(&placed), 500.0, 50.0), Some(Command::MoveTo(Point::new(199, 0))));
        let sent = hands.button(Some(&placed), (500.0, 50.0), Button::Left, Press::Up);
        assert_eq!(sent[1], Some(Command::Button(Button::Left, Press::Up)));
    }

    #[test]
    fn a_button_can_be_let_go_without_a_movement() {
        let mut hands = Hands::default();
        hands.button(None, (5.0, 5.0), Button::Left, Press::Down);
        assert_eq!(hands.drop_button(Button::Right), None);
        assert_eq!(hands.drop_button(Button::Left), Some(Command::Button(Button::Left, Press::Up)));
        assert_eq!(hands.drop_button(Button::Left), None);
        assert_eq!(hands.let_go(), []);
    }

    #[test]
    fn a_click_without_a_picture_wakes_the_guest() {
        let mut hands = absolute();
        let sent = hands.button(None, (5.0, 5.0), Button::Left, Press::Down);
        assert_eq!(sent, [None, Some(Command::Button(Button::Left, Press::Down))]);
    }

    #[test]
    fn a_relative_pointer_sends_distances() {
        let mut hands = Hands::default();
        assert_eq!(hands.moved(None, 10.0, 10.0), None);
        assert_eq!(hands.moved(None, 13.0, 8.0), Some(Command::MoveBy { x: 3, y: -2 }));
        hands.left();
        assert_eq!(hands.moved(None, 300.0, 300.0), None, "coming back is no movement");
    }

    #[test]
    fn parts_of_counts_outlive_the_same_mode_told_again() {
        let half = Delta { x: 0.5, ..Delta::default() };
        let mut hands = Hands::default();
        assert_eq!(hands.pushed(None, half), None);
        hands.set_mode(PointerMode::Relative);
        assert_eq!(hands.pushed(None, half), Some(Command::MoveBy { x: 1, y: 0 }));
        hands.pushed(None, half);
        hands.set_mode(PointerMode::Absolute);
        hands.set_mode(PointerMode::Relative);
        assert_eq!(hands.pushed(None, half), None, "it was another device meanwhile");
    }

    #[test]
    fn everything_held_is_let_go() {
        let mut hands = absolute();
        hands.key(30, Press::Down);
        hands.button(None, (0.0, 0.0), Button::Right, Press::Down);
        let up = [Command::Key(Qnum(0x1e), Press::Up), Command::Button(Button::Right, Press::Up)];
        assert_eq!(hands.let_go(), up);
        assert_eq!(hands.let_go(), []);
    }

    #[test]
    fn locks_are_matched_once_the_guest_has_lights() {
        let mut hands = Hands::default();
        assert_eq!(hands.match_locks(Leds::CAPS), [], "a guest without a driver for them");
        hands.set_lights(Leds::NUM);
        let key = |number, press| Command::Key(Qnum(number), press);
        let both =
            [key(0x3a, Press::Down), key(0x3a, Press::Up), key(0x45, Press::Down), key(0x45, Press::Up)];
        assert_eq!(hands.match_locks(Leds::CAPS), both);
        assert_eq!(hands.match_locks(Leds::CAPS), [], "asked once");
    }
}
