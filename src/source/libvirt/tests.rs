use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

fn machine(uuid: &str, name: &str, state: State) -> Machine {
    Machine {
        uuid: uuid.into(),
        name: name.into(),
        title: None,
        id: state.is_on().then_some(7),
        state,
        persistent: true,
        saved: false,
        displays: Vec::new(),
    }
}

#[test]
fn states_are_libvirts() {
    assert_eq!(State::from_libvirt(1, 1), State::Running);
    assert_eq!(State::from_libvirt(3, 5), State::Paused(Paused::IoError));
    assert_eq!(State::from_libvirt(3, 1), State::Paused(Paused::ByUser));
    assert_eq!(State::from_libvirt(3, 2), State::Paused(Paused::Migrating));
    // What a watchdog has paused, or a snapshot of a paused machine, does not go on by itself.
    for reason in [6, 7] {
        assert!(State::from_libvirt(3, reason).offers(false).contains(&Operation::Resume), "{reason}");
    }
    for reason in [3, 8, 11] {
        assert_eq!(State::from_libvirt(3, reason), State::Paused(Paused::Passing), "{reason}");
    }
    assert_eq!(State::from_libvirt(5, 2), State::Off(Off::Forced));
    assert_eq!(State::from_libvirt(99, -1), State::Unknown);
    assert!(State::Crashed.is_on() && !State::Off(Off::Saved).is_on());
}

#[test]
fn a_definition_tells_the_displays() {
    let mut machine = machine("u", "web", State::Running);
    let text = "<domain><title> The web </title><devices><graphics type='vnc'/><graphics type='dbus' p2p='yes'/>\
                <graphics type='dbus' address='unix:path=/run/x'/><graphics type='dbus'/></devices></domain>";
    machine.describe(text).unwrap();
    assert_eq!(machine.title.as_deref(), Some("The web"));
    assert_eq!(
        machine.displays,
        [
            Display::Other { kind: "vnc".into() },
            Display::Peer { index: 1 },
            Display::Bus { address: Some("unix:path=/run/x".into()) },
            Display::Bus { address: None },
        ]
    );
    assert!(machine.describe("<domain").is_err());
}

#[test]
fn machines_are_found_by_uuid_then_name_then_number() {
    let mut roster = Roster::default();
    assert_eq!(roster.connected(), Ask::All);
    let named_like_a_number = Machine { id: Some(3), ..machine("a-1", "7", State::Running) };
    let numbered = machine("b-2", "web", State::Running);
    let (changes, again) = roster.listed(vec![named_like_a_number.clone(), numbered.clone()]);
    assert_eq!((changes.len(), again), (3, None));
    assert_eq!(roster.find("7"), Some(&named_like_a_number));
    assert_eq!(roster.find("3"), Some(&named_like_a_number));
    assert_eq!(roster.find("B-2"), Some(&numbered));
    assert_eq!(roster.find("web"), Some(&numbered));
    assert_eq!(roster.find("none"), None);
}

#[test]
fn what_is_lost_stays_as_it_was_known() {
    let mut roster = Roster::default();
    roster.connected();
    roster.listed(vec![machine("a", "web", State::Running)]);
    assert_eq!(
        roster.lost(LibvirtError::Disconnected),
        [Change::Status(Status::Lost(LibvirtError::Disconnected))]
    );
    assert_eq!(roster.lost(LibvirtError::Disconnected), []);
    assert_eq!(roster.machines().count(), 1);
    // What was still on its way is of no interest.
    assert_eq!(roster.listed(Vec::new()), (Vec::new(), None));
    assert_eq!(roster.machines().count(), 1);
    roster.connected();
    let (changes, _) = roster.listed(Vec::new());
    assert_eq!(changes, [Change::Gone("a".into()), Change::Status(Status::Connected)]);
}

#[test]
fn other_computers_are_told_by_their_uri() {
    for near in
        ["qemu:///system", "qemu:///session", "test:///default", "qemu+unix:///system?socket=/x", "nonsense"]
    {
        assert!(!is_remote(near), "{near}");
    }
    for far in ["qemu+ssh://root@host/system", "qemu://host/system", "qemu+tls://host:16514/system"] {
        assert!(is_remote(far), "{far}");
    }
}

#[test]
fn pictures_are_read_and_damaged_ones_refused() {
    let pixmap = |text: &[u8]| Shot::read("image/x-portable-pixmap", text);
    let shot = pixmap(b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06").unwrap();
    assert_eq!((shot.size(), shot.pixels()), ((2, 1), &[1, 2, 3, 4, 5, 6][..]));
    assert!(matches!(pixmap(b"P6\n2 1\n255\n\x01"), Err(ShotError::Damaged(_))));
    assert!(matches!(pixmap(b"P6\n2 1\n65535\n\x01"), Err(ShotError::Damaged(_))));
    assert!(matches!(pixmap(b"P6\n0 1\n255\n"), Err(ShotError::TooLarge(0, 1))));
    assert!(matches!(pixmap(b"P6\n4294967295 4294967295\n255\n"), Err(ShotError::TooLarge(..))));
    for broken in [&b""[..], b"P6", b"P6 ", b"P6 1", b"P6 1 1 255", b"P5 1 1 255 \0", b"P6 x 1 255 \0"] {
        assert!(pixmap(broken).is_err(), "{broken:?}");
    }
    assert!(matches!(Shot::read("image/gif", b""), Err(ShotError::Kind(_))));
    assert!(matches!(Shot::read("image/png", b"\x89PNG"), Err(ShotError::Damaged(_))));
}

#[test]
fn a_png_is_read_as_pixels() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[1, 2, 3, 255, 4, 5, 6, 0]).unwrap();
    writer.finish().unwrap();
    let shot = Shot::read("image/png", &file).unwrap();
    assert_eq!((shot.size(), shot.pixels()), ((2, 1), &[1, 2, 3, 4, 5, 6][..]));
}

/// Something that happens to a libvirtd of our own making, or between it and us.
#[derive(Debug, Clone)]
enum Happening {
    /// A machine is there, as this.
    Machine(u8, u8),
    Undefined(u8),
    /// The next event on its way arrives.
    Event,
    /// The next question is answered.
    Answer,
    Lost,
    Connected,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0_u8..4, any::<u8>()).prop_map(|(uuid, state)| Happening::Machine(uuid, state)),
        1 => (0_u8..4).prop_map(Happening::Undefined),
        4 => Just(Happening::Event),
        4 => Just(Happening::Answer),
        1 => Just(Happening::Lost),
        1 => Just(Happening::Connected),
    ]
}

/// A libvirtd of our own making, the way to it and back, and whoever watches.
#[derive(Default)]
struct World {
    machines: BTreeMap<String, Machine>,
    connected: bool,
    events: VecDeque<String>,
    asks: VecDeque<Ask>,
    roster: Roster,
    watched: BTreeMap<String, Machine>,
}

impl World {
    fn see(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Machine(machine) => _ = self.watched.insert(machine.uuid.clone(), machine),
                Change::Gone(uuid) => assert!(self.watched.remove(&uuid).is_some(), "{uuid} was never there"),
                Change::Status(_) => {}
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Machine(uuid, state) => {
                let uuid = format!("uuid-{uuid}");
                let state = State::from_libvirt(u32::from(state % 8), i32::from(state / 32));
                self.machines.insert(uuid.clone(), machine(&uuid, "name", state));
                self.tell(uuid);
            }
            Happening::Undefined(uuid) => {
                let uuid = format!("uuid-{uuid}");
                if self.machines.remove(&uuid).is_some() {
                    self.tell(uuid);
                }
            }
            Happening::Event => {
                let ask = self.events.pop_front().and_then(|uuid| self.roster.happened(&uuid));
                self.asks.extend(ask);
            }
            Happening::Answer => self.answer(),
            Happening::Lost if self.connected => {
                self.connected = false;
                self.events.clear();
                self.asks.clear();
                let changes = self.roster.lost(LibvirtError::Disconnected);
                self.see(changes);
            }
            Happening::Connected if !self.connected => {
                self.connected = true;
                let ask = self.roster.connected();
                self.asks.push_back(ask);
            }
            Happening::Lost | Happening::Connected => {}
        }
    }

    fn tell(&mut self, uuid: String) {
        if self.connected {
            self.events.push_back(uuid);
        }
    }

    fn answer(&mut self) {
        match self.asks.pop_front() {
            Some(Ask::All) => {
                let (changes, ask) = self.roster.listed(self.machines.values().cloned().collect());
                self.see(changes);
                self.asks.extend(ask);
            }
            Some(Ask::One(uuid)) => {
                let (change, ask) = self.roster.described(&uuid, self.machines.get(&uuid).cloned());
                self.see(change);
                self.asks.extend(ask);
            }
            None => {}
        }
    }
}

proptest! {
    /// However events, answers and losses follow each other: once they have all arrived, what is known
    /// is what there is, and whoever watched knows the same.
    #[test]
    fn the_roster_comes_to_know_what_there_is(happenings in proptest::collection::vec(happening(), 0..80)) {
        let mut world = World::default();
        for happening in happenings {
            world.happen(happening);
        }
        world.happen(Happening::Connected);
        let mut steps = 0;
        while !world.events.is_empty() || !world.asks.is_empty() {
            world.happen(Happening::Event);
            world.happen(Happening::Answer);
            steps += 1;
            prop_assert!(steps < 1000, "it never comes to rest");
        }
        prop_assert_eq!(world.roster.status(), &Status::Connected);
        let known: Vec<_> = world.roster.machines().cloned().collect();
        let there: Vec<_> = world.machines.into_values().collect();
        prop_assert_eq!(&known, &there);
        let watched: Vec<_> = world.watched.into_values().collect();
        prop_assert_eq!(&watched, &there);
    }

    #[test]
    fn any_picture_does_no_harm(head in "P6[ \n0-9]{0,20}", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Shot::read("image/x-portable-pixmap", &[head.as_bytes(), &bytes].concat());
        let _ = Shot::read("image/png", &bytes);
    }
}
