//! The life of a session, event by event.

use super::*;
use crate::source::{LaunchError, Shutdown};

/// A life and a clock that only runs when told to.
struct Told {
    life: Lifecycle,
    now: Time,
}

impl Told {
    fn new(can_return: bool) -> Self {
        Self { life: Lifecycle::new(can_return), now: Time::from_millis(1_000_000) }
    }

    fn hear(&mut self, input: Input) -> Task {
        self.life.handle(input, self.now);
        self.life.task()
    }

    fn live_for(&mut self, seconds: u64) {
        assert_eq!(self.hear(connected()), Task::Serve);
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn state(&self) -> State {
        self.life.state(self.now).expect("it has not ended")
    }

    fn retry(&self) -> Option<u64> {
        match self.state() {
            State::Lost { retry, .. } => retry.map(|wait| wait.as_secs()),
            other => panic!("nothing is lost: {other:?}"),
        }
    }
}

fn connected() -> Input {
    Input::Connected(Machine { name: "web".into(), uuid: None, qemu: None })
}

fn busy_later() -> ConnectError {
    let error = zbus::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
    ConnectError::NoBus { bus: "a bus".into(), error }
}

fn nobody() -> ConnectError {
    ConnectError::NoMachine { bus: "a bus".into() }
}

#[test]
fn attempts_that_fail_become_rarer() {
    let mut told = Told::new(true);
    let mut waits = Vec::new();
    for _ in 0..7 {
        told.hear(Input::Unreachable(busy_later()));
        waits.push(told.retry().unwrap());
        assert_eq!(told.hear(Input::Due), Task::Connect);
    }
    assert_eq!(waits, [1, 2, 4, 8, 15, 15, 15]);

    told.live_for(60);
    told.hear(Input::Ended(Ending::Closed));
    assert_eq!(told.retry(), Some(1), "a connection that lasted counts");
}

#[test]
fn the_person_need_not_wait() {
    let mut told = Told::new(true);
    for _ in 0..5 {
        told.hear(Input::Unreachable(busy_later()));
        told.hear(Input::Due);
    }
    told.hear(Input::Unreachable(busy_later()));
    assert_eq!(told.hear(Input::Reconnect), Task::Connect);
    told.hear(Input::Unreachable(busy_later()));
    assert_eq!(told.retry(), Some(1));
}

#[test]
fn a_machine_that_is_not_there_is_awaited_not_polled() {
    let mut told = Told::new(true);
    assert_eq!(told.hear(Input::Unreachable(nobody())), Task::Wait { until: None, watch: true });
    assert_eq!(told.retry(), None);
    assert_eq!(told.hear(Input::Returned), Task::Connect);
}

#[test]
fn a_machine_that_is_gone_has_ended_after_a_while_and_may_still_return() {
    let mut told = Told::new(true);
    told.live_for(60);
    let farewell = told.now + FAREWELL;
    let task = told.hear(Input::Ended(Ending::Gone));
    assert_eq!(task, Task::Wait { until: Some(farewell), watch: true });
    assert!(matches!(told.state(), State::Lost { reason: Loss::Gone, retry: None }));
    assert_eq!(told.hear(Input::Due), Task::Wait { until: None, watch: true });
    assert!(matches!(told.state(), State::Ended(End::Gone)));
    assert_eq!(told.hear(Input::Returned), Task::Connect);
}

#[test]
fn a_machine_that_shut_down_may_be_started_again() {
    let mut told = Told::new(true);
    told.live_for(60);
    let shutdown = Shutdown { guest: true, reason: "guest-shutdown".into() };
    let task = told.hear(Input::Ended(Ending::Shutdown(shutdown.clone())));
    assert_eq!(task, Task::Wait { until: None, watch: true });
    let State::Ended(end) = told.state() else { panic!("it has not ended") };
    assert_eq!(end, End::Shutdown(shutdown));
}

/// Trap 9 (reference §9): QEMU 9.0 to 10.2 never forget a listener.
#[test]
fn connections_that_never_last_are_given_up() {
    let mut told = Told::new(true);
    let mut waits = Vec::new();
    for _ in 0..4 {
        told.live_for(1);
        assert!(matches!(told.hear(Input::Ended(Ending::Closed)), Task::Wait { until: Some(_), .. }));
        waits.push(told.retry().unwrap());
        told.hear(Input::Due);
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    told.live_for(1);
    let nothing = Task::Wait { until: None, watch: false };
    assert_eq!(told.hear(Input::Ended(Ending::Closed)), nothing);
    assert_eq!(told.retry(), None);

    assert_eq!(told.hear(Input::Reconnect), Task::Connect);
    told.live_for(1);
    assert_ne!(told.hear(Input::Ended(Ending::Gone)), nothing, "the person's wish counts anew");
}

#[test]
fn what_cannot_come_back_is_not_waited_for() {
    let nothing = Task::Wait { until: None, watch: false };
    for ending in [Ending::Closed, Ending::Gone, Ending::TakenOver] {
        let mut told = Told::new(false);
        told.live_for(60);
        assert_eq!(told.hear(Input::Ended(ending)), nothing);
    }
    let mut told = Told::new(false);
    assert_eq!(told.hear(Input::Unreachable(busy_later())), nothing, "a machine would be started again");
}

#[test]
fn a_display_taken_by_another_viewer_or_broken_is_left_alone() {
    for input in [Input::Ended(Ending::TakenOver), Input::Broken("no listener".into())] {
        let mut told = Told::new(true);
        told.live_for(60);
        assert_eq!(told.hear(input), Task::Wait { until: None, watch: false });
    }
}

#[test]
fn a_qemu_of_ours_that_ends_before_its_display_is_there_has_ended() {
    let exited = crate::source::Exited { status: std::process::ExitStatus::default(), words: Vec::new() };
    let mut told = Told::new(false);
    told.hear(Input::Unreachable(ConnectError::Launch(LaunchError::Exited(exited.clone()))));
    let State::Ended(end) = told.state() else { panic!("it has not ended") };
    assert_eq!(end, End::Exited(exited));
}

#[test]
fn closing_ends_it_from_anywhere() {
    let lives: [fn(&mut Told); 4] = [
        |_| {},
        |told| told.live_for(1),
        |told| {
            told.hear(Input::Unreachable(nobody()));
        },
        |told| {
            told.live_for(1);
            told.hear(Input::Ended(Ending::Gone));
            told.hear(Input::Due);
        },
    ];
    for live in lives {
        let mut told = Told::new(true);
        live(&mut told);
        assert_eq!(told.hear(Input::Close), Task::Stop);
        assert!(told.life.state(told.now).is_none());
    }
}
