//! What comes out of the queue, whatever goes in.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::geometry::Point;

const CONSOLE: ConsoleId = ConsoleId(0);

fn opened() -> Waiting {
    Waiting { open: true, ..Waiting::default() }
}

fn commands(waiting: &Waiting) -> Vec<Command> {
    let command = |item: &Item| match item {
        Item::Command(_, command) => Some(*command),
        Item::Flush(_) => None,
    };
    waiting.items.iter().filter_map(command).collect()
}

fn push(waiting: &mut Waiting, commands: impl IntoIterator<Item = Command>) {
    for command in commands {
        waiting.push(CONSOLE, command);
    }
}

fn key(code: u8, press: Press) -> Command {
    Command::Key(Qnum(code), press)
}

fn to(x: i32) -> Command {
    Command::MoveTo(Point::new(x, 0))
}

#[test]
fn movements_join_but_not_across_a_press() {
    let mut waiting = opened();
    let down = Command::Button(Button::Left, Press::Down);
    let by = |x| Command::MoveBy { x, y: -x };
    push(&mut waiting, [to(1), to(2), down, to(3), to(4), by(1), by(2), by(i32::MAX)]);
    assert_eq!(commands(&waiting), [to(2), down, to(4), by(3), by(i32::MAX)]);
}

#[test]
fn movements_on_different_consoles_do_not_join() {
    let mut waiting = opened();
    waiting.push(CONSOLE, to(1));
    waiting.push(ConsoleId(1), to(2));
    assert_eq!(commands(&waiting), [to(1), to(2)]);
}

#[test]
fn a_finger_begins_moves_and_ends() {
    let mut waiting = opened();
    let finger = |touch, slot, x| Command::Touch { touch, slot, at: Point::new(x, 0) };
    let (begin, update, end) = (Touch::Begin, Touch::Update, Touch::End);
    push(
        &mut waiting,
        [finger(update, 0, 9), finger(begin, 0, 1), finger(update, 0, 2), finger(update, 0, 3)],
    );
    push(&mut waiting, [finger(begin, 1, 4), finger(end, 0, 3), finger(end, 0, 3)]);
    let sent = [finger(begin, 0, 1), finger(update, 0, 3), finger(begin, 1, 4), finger(end, 0, 3)];
    assert_eq!(commands(&waiting), sent);
    waiting.release_all();
    assert_eq!(commands(&waiting)[sent.len()..], [finger(Touch::Cancel, 1, 0)]);
}

#[test]
fn what_is_held_is_released_once() {
    let mut waiting = opened();
    let (up, down) = (Press::Up, Press::Down);
    push(&mut waiting, [key(1, down), key(1, down), key(2, down), key(2, up), key(2, up), key(3, up)]);
    assert_eq!(commands(&waiting), [key(1, down), key(1, down), key(2, down), key(2, up)]);
    waiting.release_all();
    assert_eq!(commands(&waiting)[4..], [key(1, up)]);
    waiting.release_all();
    assert_eq!(commands(&waiting).len(), 5);
}

#[test]
fn a_closed_queue_takes_nothing() {
    let queue = Queue::default();
    queue.push(CONSOLE, key(1, Press::Down));
    assert!(queue.lock().items.is_empty());
    queue.open();
    queue.push(CONSOLE, key(1, Press::Down));
    assert_eq!(queue.lock().items.len(), 1);
    queue.close();
    assert!(queue.lock().items.is_empty());
    assert!(queue.lock().held.is_empty());
}

fn any_command() -> impl Strategy<Value = Command> {
    let press = prop_oneof![Just(Press::Down), Just(Press::Up)];
    let button = prop_oneof![Just(Button::Left), Just(Button::WheelUp), Just(Button::Extra)];
    let touch = prop::sample::select(vec![Touch::Begin, Touch::Update, Touch::End, Touch::Cancel]);
    prop_oneof![
        (0..6u8, press.clone()).prop_map(|(code, press)| key(code, press)),
        (button, press).prop_map(|(button, press)| Command::Button(button, press)),
        (0..9).prop_map(to),
        (-9..9, -9..9).prop_map(|(x, y)| Command::MoveBy { x, y }),
        (touch, 0..3u8).prop_map(|(touch, slot)| Command::Touch { touch, slot, at: Point::new(1, 1) }),
    ]
}

/// What is down after these commands.
fn held_after(commands: &[Command]) -> BTreeSet<Held> {
    let mut held = BTreeSet::new();
    for command in commands {
        let (what, press) = match *command {
            Command::Key(key, press) => (Held::Key(key), press),
            Command::Button(button, press) => (Held::Button(button), press),
            Command::Touch { touch: Touch::Begin, slot, .. } => (Held::Finger(slot), Press::Down),
            Command::Touch { touch: Touch::End | Touch::Cancel, slot, .. } => (Held::Finger(slot), Press::Up),
            Command::MoveTo(_) | Command::MoveBy { .. } | Command::Touch { .. } => continue,
        };
        match press {
            Press::Down => held.insert(what),
            Press::Up => held.remove(&what),
        };
    }
    held
}

proptest! {
    #[test]
    fn nothing_stays_held_and_nothing_grows(commands in prop::collection::vec(any_command(), 0..800)) {
        let mut waiting = opened();
        push(&mut waiting, commands);
        prop_assert!(waiting.items.len() <= LIMIT + 9);
        let held: BTreeSet<Held> = waiting.held.iter().map(|(_, held)| *held).collect();
        prop_assert_eq!(&held_after(&self::commands(&waiting)), &held);
        waiting.release_all();
        prop_assert!(held_after(&self::commands(&waiting)).is_empty());
    }

    #[test]
    fn where_there_is_room_the_guest_ends_up_at_the_same_place(moves in prop::collection::vec((-99..99i32, -99..99i32), 0..200)) {
        let mut waiting = opened();
        push(&mut waiting, moves.iter().map(|(x, y)| Command::MoveBy { x: *x, y: *y }));
        let sum = |commands: &[Command]| commands.iter().fold((0, 0), |(sx, sy), command| match command {
            Command::MoveBy { x, y } => (sx + x, sy + y),
            _ => (sx, sy),
        });
        let expected = moves.iter().fold((0, 0), |(sx, sy), (x, y)| (sx + x, sy + y));
        prop_assert_eq!(sum(&self::commands(&waiting)), expected);
        prop_assert!(self::commands(&waiting).len() <= 1);
    }
}
