//! The exchange by itself, and between a desktop and a QEMU that behave as theirs do.

mod world;

use proptest::prelude::*;

use super::*;
use world::{Step, World};

const GIVEN: Settings = Settings {
    to_guest: Consent::Given,
    to_host: Consent::Given,
    primary: true,
    longest: 1000,
    line_ends: LineEnds::Auto,
};
const CLIPBOARD: Selection = Selection::Clipboard;

/// One that is connected, looked at, and may do everything.
fn open() -> Exchange {
    let mut exchange = Exchange::default();
    exchange.handle(Input::Settings(GIVEN));
    exchange.handle(Input::Connected);
    exchange.handle(Input::Focus(true));
    exchange
}

fn text(text: &str) -> Arc<str> {
    text.into()
}

fn copied(offer: Offer) -> Input {
    Input::HostCopied { selection: CLIPBOARD, offer }
}

/// Copies this text on the host; says what became of it.
fn copy(exchange: &mut Exchange, what: &str) -> Vec<Act> {
    let acts = exchange.handle(copied(Offer::Text));
    let [Act::ReadHost { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
    exchange.handle(Input::HostRead { selection, token, text: Ok(text(what)) })
}

fn grab(serial: u32, what: &str) -> Act {
    Act::Grab { selection: CLIPBOARD, serial, text: text(what) }
}

fn guest_copies(exchange: &mut Exchange, serial: u32) -> Vec<Act> {
    exchange.handle(Input::GuestCopied { selection: CLIPBOARD, serial, text: true })
}

#[test]
fn the_hosts_text_is_read_before_the_guest_is_told() {
    let mut exchange = open();
    assert_eq!(copy(&mut exchange, "a"), [grab(0, "a")]);
    assert_eq!(copy(&mut exchange, "b"), [grab(1, "b")]);
    assert_eq!(copy(&mut exchange, "b"), [], "the guest has it");
}

#[test]
fn the_guests_text_is_read_once_somebody_pastes_it() {
    let mut exchange = open();
    assert_eq!(guest_copies(&mut exchange, 0), [Act::OfferToHost(CLIPBOARD)]);
    let acts = exchange.handle(Input::HostPastes { selection: CLIPBOARD, paste: PasteId(1) });
    let [Act::ReadGuest { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
    assert_eq!(exchange.handle(Input::HostPastes { selection, paste: PasteId(2) }), []);
    let given = |paste| Act::Deliver { paste: PasteId(paste), text: Some(text("g")) };
    let read = Input::GuestRead { selection, token, text: Ok(text("g")) };
    assert_eq!(exchange.handle(read), [given(1), given(2)]);
    assert_eq!(exchange.handle(Input::HostPastes { selection, paste: PasteId(3) }), [given(3)]);
    assert_eq!(copy(&mut exchange, "a"), [grab(1, "a")], "the guest's grab counts");
}

#[test]
fn a_secret_stays_and_takes_what_was_before_with_it() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    let acts = exchange.handle(copied(Offer::Secret));
    assert_eq!(acts, [Act::Release(CLIPBOARD), Act::Tell(Notice::Secret)]);
}

#[test]
fn nothing_goes_while_the_person_looks_elsewhere() {
    let mut exchange = open();
    exchange.handle(Input::Focus(false));
    assert_eq!(exchange.handle(copied(Offer::Text)), []);
    assert_eq!(guest_copies(&mut exchange, 0), []);
    assert_eq!(exchange.handle(Input::Focus(true)), [Act::OfferToHost(CLIPBOARD)], "the guest was last");
    exchange.handle(Input::Focus(false));
    assert_eq!(guest_copies(&mut exchange, 1), []);
    assert_eq!(exchange.handle(copied(Offer::Text)), []);
    let acts = exchange.handle(Input::Focus(true));
    assert!(matches!(acts[..], [Act::ReadHost { .. }]), "the host was last: {acts:?}");
}

#[test]
fn the_person_is_asked_once_for_each_way() {
    let mut exchange = Exchange::default();
    exchange.handle(Input::Connected);
    exchange.handle(Input::Focus(true));
    assert_eq!(exchange.handle(copied(Offer::Text)), [], "nobody is there to have it");
    assert_eq!(exchange.handle(Input::Port { open: true }), [Act::Ask(Direction::ToGuest)]);
    assert_eq!(exchange.handle(copied(Offer::Text)), []);
    assert_eq!(guest_copies(&mut exchange, 0), [Act::Ask(Direction::ToHost)]);
    assert_eq!(exchange.handle(Input::Settings(GIVEN)), [Act::OfferToHost(CLIPBOARD)]);
}

#[test]
fn turning_a_way_off_takes_back_what_went_it() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    let refused = Settings { to_guest: Consent::Refused, ..GIVEN };
    assert_eq!(exchange.handle(Input::Settings(refused)), [Act::Release(CLIPBOARD)]);
    assert_eq!(exchange.handle(copied(Offer::Text)), []);
    guest_copies(&mut exchange, 1);
    let refused = Settings { to_host: Consent::Refused, ..GIVEN };
    assert_eq!(exchange.handle(Input::Settings(refused))[0], Act::WithdrawFromHost(CLIPBOARD));
    assert_eq!(exchange.handle(Input::Settings(GIVEN)), [Act::OfferToHost(CLIPBOARD)]);
}

#[test]
fn a_selection_is_left_alone_where_it_is_not_wanted() {
    let mut exchange = open();
    exchange.handle(Input::Settings(Settings { primary: false, ..GIVEN }));
    let selection = Selection::Primary;
    assert_eq!(exchange.handle(Input::HostCopied { selection, offer: Offer::Text }), []);
    assert_eq!(exchange.handle(Input::GuestCopied { selection, serial: 0, text: true }), []);
}

#[test]
fn a_text_that_is_too_long_stays_and_the_person_is_told() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    let long = "x".repeat(1001);
    let told = |direction| Act::Tell(Notice::TooLong { direction, length: 1001, limit: 1000 });
    assert_eq!(copy(&mut exchange, &long), [told(Direction::ToGuest), Act::Release(CLIPBOARD)]);
    guest_copies(&mut exchange, 1);
    let acts = exchange.handle(Input::HostPastes { selection: CLIPBOARD, paste: PasteId(1) });
    let [Act::ReadGuest { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
    let acts = exchange.handle(Input::GuestRead { selection, token, text: Err(ReadError::TooLong(1001)) });
    assert_eq!(acts, [told(Direction::ToHost), Act::Deliver { paste: PasteId(1), text: None }]);
}

/// A Wayland compositor tells of it each time the window gets the keyboard.
fn told_again(exchange: &mut Exchange, offer: Offer, what: Result<&str, ReadError>) -> Vec<Act> {
    exchange.handle(Input::Focus(false));
    exchange.handle(Input::HostSeen { selection: CLIPBOARD, offer });
    let acts = exchange.handle(Input::Focus(true));
    match acts[..] {
        [Act::ReadHost { selection, token, .. }] => {
            exchange.handle(Input::HostRead { selection, token, text: what.map(text) })
        }
        _ => acts,
    }
}

#[test]
fn what_was_there_before_is_not_copied_again() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    assert_eq!(told_again(&mut exchange, Offer::Text, Ok("a")), []);
    assert_eq!(told_again(&mut exchange, Offer::Text, Ok("b")), [grab(1, "b")]);
    let long = Err(ReadError::TooLong(2000));
    assert!(matches!(told_again(&mut exchange, Offer::Text, long)[..], [Act::Tell(_), Act::Release(_)]));
    assert_eq!(told_again(&mut exchange, Offer::Text, long), [], "they know");
    assert_eq!(told_again(&mut exchange, Offer::Secret, long), [Act::Tell(Notice::Secret)]);
    assert_eq!(told_again(&mut exchange, Offer::Secret, long), []);
    assert_eq!(told_again(&mut exchange, Offer::Text, Ok("b")), [grab(2, "b")]);
}

#[test]
fn what_the_guest_copies_behind_ones_back_counts() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    exchange.handle(Input::Focus(false));
    guest_copies(&mut exchange, 1);
    let acts = told_again(&mut exchange, Offer::Text, Ok("a"));
    assert_eq!(acts, [Act::OfferToHost(CLIPBOARD)], "it came later");
    copy(&mut exchange, "b");
    exchange.handle(Input::Focus(false));
    guest_copies(&mut exchange, 3);
    let acts = told_again(&mut exchange, Offer::Text, Ok("c"));
    assert_eq!(acts, [grab(4, "c")], "the host has copied since, who knows when");
}

#[test]
fn a_text_that_was_read_in_vain_is_read_again() {
    let mut exchange = open();
    let acts = exchange.handle(copied(Offer::Text));
    let [Act::ReadHost { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
    exchange.handle(Input::Focus(false));
    assert_eq!(exchange.handle(Input::HostRead { selection, token, text: Ok(text("a")) }), []);
    assert_eq!(told_again(&mut exchange, Offer::Text, Ok("a")), [grab(0, "a")]);
}

#[test]
fn lines_end_as_the_other_side_ends_them() {
    let mut exchange = open();
    guest_copies(&mut exchange, 0);
    let acts = exchange.handle(Input::HostPastes { selection: CLIPBOARD, paste: PasteId(1) });
    let [Act::ReadGuest { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
    let acts = exchange.handle(Input::GuestRead { selection, token, text: Ok(text("a\r\nb")) });
    assert_eq!(acts, [Act::Deliver { paste: PasteId(1), text: Some(text("a\nb")) }]);
    assert_eq!(copy(&mut exchange, "c\nd"), [grab(1, "c\r\nd")]);
}

#[test]
fn what_qemu_would_drop_is_not_sent() {
    let settings = Settings { longest: usize::MAX, ..GIVEN };
    assert!(settings.limit(Direction::ToGuest) < 1024 * 1024);
}

#[test]
fn who_copies_at_the_same_time_as_the_host_loses_and_is_told_again() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    assert_eq!(guest_copies(&mut exchange, 0), [grab(0, "a")]);
    assert_eq!(guest_copies(&mut exchange, 1), [Act::OfferToHost(CLIPBOARD)]);
}

#[test]
fn an_agent_that_starts_again_is_given_the_hosts_text_again() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    copy(&mut exchange, "b");
    assert_eq!(exchange.agent(), Agent::Unknown);
    assert_eq!(
        exchange.handle(Input::Reset),
        [Act::Release(CLIPBOARD), grab(0, "b"), Act::Release(Selection::Primary)]
    );
    assert_eq!(exchange.agent(), Agent::Present);
    assert_eq!(exchange.handle(Input::GuestReleased(CLIPBOARD)), [], "an echo of our own");
    assert_eq!(copy(&mut exchange, "c"), [grab(1, "c")]);
    exchange.handle(Input::Port { open: false });
    assert_eq!(exchange.agent(), Agent::Absent);
}

#[test]
fn a_machine_that_comes_back_is_given_the_hosts_text_again() {
    let mut exchange = open();
    copy(&mut exchange, "a");
    assert_eq!(exchange.handle(Input::Disconnected), []);
    let acts = exchange.handle(Input::Connected);
    assert_eq!(acts[..2], [Act::Release(CLIPBOARD), Act::Release(Selection::Primary)]);
    assert!(matches!(acts[2..], [Act::ReadHost { .. }]), "{acts:?}");
}

#[test]
fn the_guests_text_outlives_the_guest_once_it_was_pasted() {
    let mut exchange = open();
    guest_copies(&mut exchange, 0);
    let acts = exchange.handle(Input::HostPastes { selection: CLIPBOARD, paste: PasteId(1) });
    let [Act::ReadGuest { selection, token, .. }] = acts[..] else { panic!("{acts:?}") };
    exchange.handle(Input::GuestRead { selection, token, text: Ok(text("g")) });
    assert_eq!(exchange.handle(Input::Disconnected), []);
    let acts = exchange.handle(Input::HostPastes { selection, paste: PasteId(2) });
    assert_eq!(acts, [Act::Deliver { paste: PasteId(2), text: Some(text("g")) }]);
}

#[test]
fn nobody_waits_for_a_text_that_is_gone() {
    let mut exchange = open();
    guest_copies(&mut exchange, 0);
    exchange.handle(Input::HostPastes { selection: CLIPBOARD, paste: PasteId(7) });
    let nothing = Act::Deliver { paste: PasteId(7), text: None };
    let acts = exchange.handle(Input::Disconnected);
    assert_eq!(acts, [nothing, Act::WithdrawFromHost(CLIPBOARD)]);
}

/// Grabs on both sides at once, in every order that messages can arrive in.
#[test]
fn races_end_with_one_owner() {
    use Step::{AgentHears, ExchangeHears, GuestCopies, HostCopies, HostReads, QemuHearsAgent, QemuHearsUs};
    let start = [HostCopies, HostReads, GuestCopies];
    let middle = [QemuHearsUs, QemuHearsAgent, AgentHears, ExchangeHears, GuestCopies];
    for first in middle {
        for second in middle {
            for third in middle {
                let mut world = World::new();
                start.into_iter().chain([first, second, third]).for_each(|step| world.step(step));
                world.settle();
                world.check();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn both_sides_end_up_with_the_same(
        steps in prop::collection::vec(Step::any(Step::AgentRestarts), 0..60),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check_secrets();
        }
        world.settle();
        world.check();
    }

    /// No side can know what became of a grab that was under way when the agent ended; but they find
    /// together again.
    #[test]
    fn after_a_crash_some_copy_gets_through(
        steps in prop::collection::vec(Step::any(Step::AgentCrashes), 0..40),
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        let mut copies = (0..40).map(|_| {
            world.step(Step::HostCopies);
            world.settle();
            world.guest_has_the_hosts()
        });
        prop_assert!(copies.any(|arrived| arrived));
        prop_assert!(copies.take(3).all(|arrived| arrived));
    }

    #[test]
    fn whatever_happens_every_paste_is_answered(inputs in prop::collection::vec(input(), 0..80)) {
        let mut exchange = open();
        let (mut waiting, mut guest_reads) = (Vec::new(), Vec::new());
        for (number, input) in (0..).zip(inputs) {
            let input = match input {
                Input::HostPastes { selection, .. } => {
                    waiting.push(PasteId(number));
                    Input::HostPastes { selection, paste: PasteId(number) }
                }
                other => other,
            };
            let acts = exchange.handle(input);
            note(&acts, &mut waiting, &mut guest_reads);
            prop_assert!(guest_reads.len() >= usize::from(!waiting.is_empty()), "nobody reads for {waiting:?}");
        }
        for (selection, token) in std::mem::take(&mut guest_reads) {
            let acts = exchange.handle(Input::GuestRead { selection, token, text: Err(ReadError::Failed) });
            note(&acts, &mut waiting, &mut guest_reads);
        }
        prop_assert_eq!(waiting, []);
    }
}

fn note(acts: &[Act], waiting: &mut Vec<PasteId>, guest_reads: &mut Vec<(Selection, Token)>) {
    for act in acts {
        match act {
            Act::Deliver { paste, .. } => waiting.retain(|one| one != paste),
            Act::ReadGuest { selection, token, .. } => guest_reads.push((*selection, *token)),
            _ => {}
        }
    }
}

fn input() -> impl Strategy<Value = Input> {
    let selection = prop::sample::select(Selection::ALL.to_vec());
    let offer = prop::sample::select(vec![Offer::Nothing, Offer::Text, Offer::Secret]);
    prop_oneof![
        Just(Input::Connected),
        Just(Input::Disconnected),
        Just(Input::Reset),
        any::<bool>().prop_map(Input::Focus),
        (selection.clone(), 0..5_u32, any::<bool>())
            .prop_map(|(selection, serial, text)| Input::GuestCopied { selection, serial, text }),
        selection.clone().prop_map(Input::GuestReleased),
        (selection.clone(), offer).prop_map(|(selection, offer)| Input::HostCopied { selection, offer }),
        (selection.clone(), prop::sample::select(vec![Offer::Nothing, Offer::Text, Offer::Secret]))
            .prop_map(|(selection, offer)| Input::HostSeen { selection, offer }),
        (selection.clone(), 0..20_u64).prop_map(|(selection, token)| Input::HostRead {
            selection,
            token: Token(token),
            text: Ok("t".into())
        }),
        selection.prop_map(|selection| Input::HostPastes { selection, paste: PasteId(0) }),
        any::<bool>().prop_map(|primary| Input::Settings(Settings { primary, ..GIVEN })),
    ]
}
