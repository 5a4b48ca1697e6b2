use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::Time;
use crate::source::libvirt::{Change, Display, LibvirtError, Machine, Off, Operation, Paused, State, Status};

const NEAR: &str = "qemu:///system";
const FAR: &str = "qemu+ssh://root@host/system";

fn machine(name: &str, state: State, displays: &[&str]) -> Machine {
    let displays = displays.iter().zip(0..).map(|(kind, index)| match *kind {
        "dbus" => Display::Peer { index },
        kind => Display::Other { kind: kind.to_owned() },
    });
    Machine {
        uuid: format!("uuid-of-{name}"),
        name: name.to_owned(),
        title: None,
        id: state.is_on().then_some(1),
        state,
        persistent: true,
        saved: false,
        displays: displays.collect(),
    }
}

fn domain(uri: &str, name: &str, state: State, displays: &[&str]) -> Entry {
    let machine = machine(name, state, displays);
    Entry {
        key: Key::Domain { uri: uri.to_owned(), uuid: machine.uuid.clone() },
        what: What::Domain(machine),
    }
}

fn primary(uri: &str, state: State, displays: &[&str]) -> Primary {
    Primary::of(&domain(uri, "web", state, displays), Condition::Known(state))
}

#[test]
fn the_one_button_does_what_comes_next() {
    let paused = State::Paused(Paused::ByUser);
    let off = State::Off(Off::ShutDown);
    assert_eq!(primary(NEAR, State::Running, &["dbus"]), Primary::Open);
    assert_eq!(primary(NEAR, State::Running, &["spice", "dbus"]), Primary::Open);
    assert_eq!(primary(NEAR, off, &["dbus"]), Primary::StartAndOpen);
    assert_eq!(primary(NEAR, paused, &["dbus"]), Primary::Operate(Operation::Resume));
    assert_eq!(primary(NEAR, State::Paused(Paused::Migrating), &["dbus"]), Primary::Open);
    assert_eq!(primary(NEAR, State::Asleep, &["dbus"]), Primary::Open);
    assert_eq!(primary(NEAR, State::Crashed, &["dbus"]), Primary::Operate(Operation::ForceOff));
    for state in [State::Running, off] {
        assert_eq!(primary(NEAR, state, &["spice"]), Primary::MakeReady);
        assert_eq!(primary(NEAR, state, &[]), Primary::MakeReady);
    }
    // The display of another computer's machine is not there; its switches are.
    assert_eq!(primary(FAR, State::Running, &["dbus"]), Primary::Nothing(Obstacle::Remote));
    assert_eq!(primary(FAR, off, &["dbus"]), Primary::Operate(Operation::Start));
    let entry = domain(NEAR, "web", State::Running, &["dbus"]);
    let stale = Condition::of(&entry, false);
    assert_eq!(Primary::of(&entry, stale), Primary::Nothing(Obstacle::NoConnection));
    assert!(stale.offers(false).is_empty());
}

#[test]
fn a_switch_is_offered_only_where_it_does_something() {
    let on =
        [State::Running, State::Paused(Paused::ByUser), State::ShuttingDown, State::Asleep, State::Crashed];
    for state in on {
        assert!(!state.offers(false).contains(&Operation::Start), "{state:?}");
        assert!(state.offers(false).contains(&Operation::ForceOff), "{state:?}");
    }
    assert_eq!(State::Off(Off::ShutDown).offers(false), [Operation::Start]);
    assert_eq!(State::Off(Off::ShutDown).offers(true), [Operation::Start, Operation::ForgetSaved]);
    for operation in Operation::ALL {
        let asks = matches!(operation, Operation::Reset | Operation::ForceOff | Operation::ForgetSaved);
        assert_eq!(operation.danger().is_some(), asks, "{operation:?}");
    }
}

fn look(entry: &Entry) -> Look<'_> {
    Look { entry, condition: Condition::of(entry, true), used: 0 }
}

fn sorted(entries: &[Entry], grouping: Grouping, sort: Sort) -> Vec<&str> {
    let mut looks: Vec<_> = entries.iter().map(look).collect();
    looks.sort_by(|one, other| one.compare(other, grouping, sort));
    looks.into_iter().map(|look| look.entry.name()).collect()
}

#[test]
fn machines_are_sorted_as_people_do() {
    let off = State::Off(Off::ShutDown);
    let entries = [
        domain(NEAR, "vm10", State::Running, &[]),
        domain(FAR, "VM2", off, &[]),
        domain(NEAR, "vm1", off, &[]),
        domain(FAR, "über", State::Running, &[]),
    ];
    assert_eq!(sorted(&entries, Grouping::None, Sort::Name), ["vm1", "VM2", "vm10", "über"]);
    assert_eq!(sorted(&entries, Grouping::None, Sort::State), ["vm10", "über", "vm1", "VM2"]);
    assert_eq!(sorted(&entries, Grouping::Place, Sort::Name), ["vm1", "vm10", "VM2", "über"]);
    assert_eq!(sorted(&entries, Grouping::State, Sort::Name), ["vm10", "über", "vm1", "VM2"]);
    let mut used: Vec<_> = entries.iter().map(look).collect();
    used[2].used = 5;
    used.sort_by(|one, other| one.compare(other, Grouping::None, Sort::Used));
    assert_eq!(used[0].entry.name(), "vm1");
}

#[test]
fn every_word_of_a_search_has_to_be_there() {
    let mut entry = domain(NEAR, "web", State::Running, &["spice"]);
    let What::Domain(machine) = &mut entry.what else { panic!() };
    machine.title = Some("The Web Server".to_owned());
    for search in ["", "web", "SERVER web", "uuid-of", "system spice", "  "] {
        assert!(look(&entry).matches(search), "{search}");
    }
    for search in ["mail", "web mail", "dbus"] {
        assert!(!look(&entry).matches(search), "{search}");
    }
}

#[test]
fn a_connection_that_is_lost_leaves_its_machines_as_they_were() {
    let mut shelf = Shelf::default();
    shelf.hear(News::Added(NEAR.into()));
    shelf.hear(News::Added(FAR.into()));
    let there = |name: &str| Change::Machine(machine(name, State::Running, &["dbus"]));
    for uri in [NEAR, FAR] {
        shelf.hear(News::Libvirt(uri.into(), there("web")));
        shelf.hear(News::Libvirt(uri.into(), Change::Status(Status::Connected)));
    }
    let key = Key::Domain { uri: NEAR.into(), uuid: "uuid-of-web".into() };
    let entry = shelf.get(&key).unwrap();
    assert_eq!(shelf.primary(entry), Primary::Open);
    let lost = Change::Status(Status::Lost(LibvirtError::Disconnected));
    let effects = shelf.hear(News::Libvirt(NEAR.into(), lost));
    assert_eq!(effects, [Effect::Connection(NEAR.into()), Effect::Machine(key.clone())]);
    assert_eq!(shelf.condition(shelf.get(&key).unwrap()), Condition::Stale(State::Running));
    // The others go on.
    let other = Key::Domain { uri: FAR.into(), uuid: "uuid-of-web".into() };
    assert_eq!(shelf.condition(shelf.get(&other).unwrap()), Condition::Known(State::Running));
    shelf.hear(News::Removed(NEAR.into()));
    assert_eq!(shelf.get(&key), None);
    assert_eq!(shelf.hear(News::Libvirt(NEAR.into(), there("late"))), []);
}

#[test]
fn the_bus_tells_all_of_its_machines_each_time() {
    let mut shelf = Shelf::default();
    let web = (":1.5".to_owned(), Some(Answer { name: "web".to_owned(), uuid: None }));
    let silent = (":1.6".to_owned(), None);
    shelf.hear(News::Bus(vec![web.clone(), silent.clone()]));
    let names: Vec<_> = shelf.entries().map(|entry| entry.name().to_owned()).collect();
    assert_eq!(names, ["web", ":1.6"]);
    assert_eq!(shelf.hear(News::Bus(vec![web.clone(), silent])), []);
    let gone = Effect::Gone(Key::Bus { owner: ":1.6".to_owned() });
    assert_eq!(shelf.hear(News::Bus(vec![web])), [gone]);
}

#[test]
fn a_command_says_what_the_machine_is_called() {
    let named =
        |words: &str| Launched::new(words.split(' ').map(str::to_owned).collect(), "/".into(), 0).name;
    assert_eq!(named("/usr/bin/qemu-system-x86_64 -m 2G"), "qemu-system-x86_64");
    assert_eq!(named("qemu -name web -m 2G"), "web");
    assert_eq!(named("qemu -name guest=web,debug-threads=on"), "web");
    assert_eq!(named("qemu -name debug-threads=on,guest=web"), "web");
    assert_eq!(named("qemu -name"), "qemu");
    assert_eq!(named("qemu -name guest="), "qemu");
}

#[test]
fn addresses_are_read_as_people_type_them() {
    for (typed, meant) in [
        (" qemu:///system ", "qemu:///system"),
        ("ada@host", "qemu+ssh://ada@host/system"),
        ("qemu+ssh://ada@host/session", "qemu+ssh://ada@host/session"),
        ("test:///default", "test:///default"),
        ("qemu+unix:///system?socket=/x", "qemu+unix:///system?socket=/x"),
    ] {
        assert_eq!(Address::parse(typed).map(|address| address.to_string()).as_deref(), Ok(meant), "{typed}");
    }
    for (typed, error) in [
        ("", AddressError::Empty),
        ("host", AddressError::NoScheme),
        ("ada@host/system", AddressError::NoScheme),
        ("qemu:/// system", AddressError::Blank),
        (":///system", AddressError::NoDriver),
        ("qemu+ssh:///system", AddressError::NoHost),
        ("qemu+ssh://host", AddressError::NoPath),
        ("qemu:///", AddressError::NoPath),
    ] {
        assert_eq!(Address::parse(typed), Err(error), "{typed}");
    }
    assert_eq!(Address::host("qemu+ssh://ada@host/system"), Some("host"));
    assert_eq!(Address::host(NEAR), None);
}

#[test]
fn pictures_are_taken_of_those_that_wait_longest_and_seldom_of_those_that_give_none() {
    let keys: Vec<_> = ["a", "b", "c"].map(|name| Key::Bus { owner: name.into() }).to_vec();
    let mut shutter = Shutter::default();
    let second = Time::from_millis(1000);
    assert_eq!(shutter.take(&keys, second).as_ref(), Some(&keys[0]));
    assert_eq!(shutter.take(&keys, second).as_ref(), Some(&keys[1]));
    assert_eq!(shutter.take(&keys, second), None, "two at once are enough");
    shutter.taken(&keys[0], true, second);
    assert_eq!(shutter.take(&keys, second).as_ref(), Some(&keys[2]));
    shutter.taken(&keys[1], false, second);
    shutter.taken(&keys[2], true, second);
    assert_eq!(shutter.take(&keys, second + Duration::from_secs(3)), None);
    let later = second + Duration::from_secs(4);
    assert_eq!(shutter.take(&keys, later).as_ref(), Some(&keys[0]));
    shutter.changed(&keys[1]);
    assert_eq!(shutter.take(&keys, later).as_ref(), Some(&keys[1]));
    assert_eq!(shutter.take(&[], later), None);
}

proptest! {
    /// However pictures come and fail: never more than two at once, never one of a machine that is not
    /// seen, none before its time, and everybody has a turn.
    #[test]
    fn everybody_that_is_seen_has_a_turn(outcomes in proptest::collection::vec(any::<bool>(), 60)) {
        let keys: Vec<_> = (0..5).map(|number| Key::Bus { owner: number.to_string() }).collect();
        let (seen, mut shutter) = (&keys[..4], Shutter::default());
        let mut turns: BTreeMap<Key, u32> = BTreeMap::new();
        let mut now = Time::from_millis(1);
        let mut under_way: Vec<Key> = Vec::new();
        for worked in outcomes {
            now = now + Duration::from_secs(200);
            while let Some(key) = shutter.take(seen, now) {
                prop_assert!(seen.contains(&key) && !under_way.contains(&key));
                *turns.entry(key.clone()).or_default() += 1;
                under_way.push(key);
            }
            prop_assert!(under_way.len() <= 2);
            let key = under_way.remove(0);
            shutter.taken(&key, worked, now);
        }
        prop_assert_eq!(turns.len(), 4);
        prop_assert!(turns.values().all(|turns| *turns >= 10), "{:?}", turns);
    }

    #[test]
    fn small_pictures_keep_shape_and_brightness(width in 1_u32..300, height in 1_u32..300, value in any::<u8>(),
                                                most in (1_u32..100, 1_u32..100)) {
        let pixels = vec![value; (width * height * 3) as usize];
        let small = Thumbnail::shrink(width, height, &pixels, most).unwrap();
        prop_assert!(small.width <= most.0.max(1) && small.height <= most.1.max(1));
        prop_assert_eq!(small.pixels.len(), (small.width * small.height * 3) as usize);
        prop_assert!(small.pixels.iter().all(|pixel| *pixel == value));
        prop_assert_eq!(Thumbnail::shrink(width, height, &pixels[1..], most), None);
    }

    /// The order is one: no two machines are equal, none stands before itself, and what is before a
    /// machine is before all that is behind it.
    #[test]
    fn the_order_is_total(names in proptest::collection::vec("[a-c0-2]{0,4}", 3), grouping in 0..3, sort in 0..3) {
        let grouping = [Grouping::Place, Grouping::State, Grouping::None][grouping as usize];
        let sort = [Sort::Name, Sort::State, Sort::Used][sort as usize];
        let entries: Vec<_> = names.iter().enumerate().map(|(at, name)| {
            let state = if at % 2 == 0 { State::Running } else { State::Off(Off::Forced) };
            let mut entry = domain([NEAR, FAR][at % 2], name, state, &[]);
            if let Key::Domain { uuid, .. } = &mut entry.key { uuid.push_str(&at.to_string()); }
            entry
        }).collect();
        let before = |one: &Entry, other: &Entry| look(one).compare(&look(other), grouping, sort);
        for one in &entries {
            for other in &entries {
                prop_assert_eq!(before(one, other), before(other, one).reverse());
                prop_assert_eq!(before(one, other).is_eq(), one.key == other.key);
                for third in &entries {
                    if before(one, other).is_lt() && before(other, third).is_lt() {
                        prop_assert!(before(one, third).is_lt());
                    }
                }
            }
        }
    }

    /// Whatever is told in whatever order: what is drawn is what there is.
    #[test]
    fn what_is_drawn_is_what_there_is(steps in proptest::collection::vec((0_u8..6, 0_u8..3, 0_u8..3), 0..60)) {
        let mut shelf = Shelf::default();
        let mut drawn: BTreeSet<Key> = BTreeSet::new();
        let uris = [NEAR, FAR, "test:///default"];
        for (step, uri, name) in steps {
            let uri = uris[uri as usize].to_owned();
            let name = format!("vm{name}");
            let news = match step {
                0 => News::Added(uri),
                1 => News::Removed(uri),
                2 => News::Libvirt(uri, Change::Machine(machine(&name, State::Running, &["dbus"]))),
                3 => News::Libvirt(uri, Change::Gone(format!("uuid-of-{name}"))),
                4 => News::Libvirt(uri, Change::Status(Status::Connected)),
                _ => News::Bus(vec![(name, None)]),
            };
            for effect in shelf.hear(news) {
                match effect {
                    Effect::Machine(key) => _ = drawn.insert(key),
                    Effect::Gone(key) => prop_assert!(drawn.remove(&key), "it was never drawn"),
                    Effect::Connection(_) => {}
                }
            }
            let there: BTreeSet<Key> = shelf.entries().map(|entry| entry.key.clone()).collect();
            prop_assert_eq!(&there, &drawn);
        }
    }

    /// A name can be anything: the entry stays an entry, with the same five words in its command.
    #[test]
    fn a_launcher_runs_what_was_meant(name in "\\PC{0,20}", program in "/[ -~]{1,20}", uri in "[!-~]{1,30}") {
        let text = desktop_entry(&name, "Machine", &program, &uri, "u-1");
        prop_assert_eq!(text.lines().filter(|line| line.starts_with("Exec=")).count(), 1);
        let line = text.lines().find_map(|line| line.strip_prefix("Exec=")).unwrap();
        prop_assert_eq!(unquoted(line), [&program, "connect", "--libvirt", &uri, "u-1"]);
        prop_assert!(text.lines().skip(1).all(|line| line.contains('=')), "{}", text);
    }
}

/// The words of a command, as the desktop reads it: first the value's escapes, then quotes, then fields.
fn unquoted(value: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('s') => ' ',
                Some('\\') => '\\',
                other => panic!("{other:?} is escaped"),
            },
            letter => letter,
        });
    }
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut letters = plain.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if inside => {
                words.push(std::mem::take(&mut word));
                inside = false;
            }
            '"' => inside = true,
            '\\' => word.push(letters.next().unwrap()),
            '%' => assert_eq!(letters.next(), Some('%')),
            letter if inside => word.push(letter),
            ' ' => {}
            other => panic!("{other} stands outside"),
        }
        if letter == '%' {
            word.push('%');
        }
    }
    words
}
