//! A desktop, a QEMU and an agent in a guest, as far as their clipboards go, with messages under way.
//!
//! QEMU does here what ui/clipboard.c, ui/dbus-clipboard.c and ui/vdagent.c have it do, and the
//! agent what spice-vdagent does, one selection long.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::super::*;
use super::{CLIPBOARD, GIVEN};

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    HostCopies,
    HostCopiesSecret,
    HostReads,
    GuestCopies,
    /// The agent in the guest ends and begins, while nothing is under way.
    AgentRestarts,
    /// It does so at the worst of times: what is under way counts in serials that are no more.
    AgentCrashes,
    QemuHearsUs,
    QemuHearsAgent,
    AgentHears,
    ExchangeHears,
    LookAway,
    LookBack,
}

impl Step {
    pub(super) fn any(restart: Self) -> impl Strategy<Value = Self> {
        use Step::*;
        let often =
            vec![HostCopies, HostReads, GuestCopies, QemuHearsUs, QemuHearsAgent, AgentHears, ExchangeHears];
        let seldom = vec![HostCopiesSecret, restart, LookAway, LookBack];
        prop_oneof![5 => prop::sample::select(often), 1 => prop::sample::select(seldom)]
    }
}

/// Whose an owned clipboard is, where both are one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    Nobody,
    /// An application on this side, with this text.
    Own(Arc<str>),
    /// The other side.
    Other,
}

/// Between the two ends of QEMU.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Grab(u32),
    Release,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Us,
    Agent,
}

pub(super) struct World {
    exchange: Exchange,
    host: Owner,
    is_secret: bool,
    reads: VecDeque<Token>,
    /// What the guest is given when it pastes.
    offered: Option<Arc<str>>,

    to_qemu: VecDeque<Wire>,
    from_qemu: VecDeque<Wire>,
    /// Who owns QEMU's clipboard, with the serial that it remembers.
    qemu: Option<(Peer, u32)>,
    last_serial: u32,
    from_agent: VecDeque<Wire>,
    to_agent: VecDeque<Wire>,

    guest: Owner,
    /// The serial that the agent expects.
    counter: u32,
    copies: u32,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            exchange: Exchange::default(),
            host: Owner::Nobody,
            is_secret: false,
            reads: VecDeque::new(),
            offered: None,
            to_qemu: VecDeque::new(),
            from_qemu: VecDeque::new(),
            qemu: None,
            last_serial: 0,
            from_agent: VecDeque::new(),
            to_agent: VecDeque::new(),
            guest: Owner::Nobody,
            counter: 0,
            copies: 0,
        };
        for input in [Input::Settings(GIVEN), Input::Connected, Input::Focus(true)] {
            world.tell(input);
        }
        world
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::HostCopies => self.host_copies(false),
            Step::HostCopiesSecret => self.host_copies(true),
            Step::HostReads => self.host_reads(),
            Step::GuestCopies => {
                let text = self.text("guest");
                self.guest = Owner::Own(text);
                self.from_agent.push_back(Wire::Grab(self.counter));
                self.counter += 1;
            }
            Step::AgentRestarts => {
                self.deliver();
                self.restart();
                self.deliver();
            }
            Step::AgentCrashes => self.restart(),
            Step::QemuHearsUs => self.qemu_hears_us(),
            Step::QemuHearsAgent => self.qemu_hears_agent(),
            Step::AgentHears => self.agent_hears(),
            Step::ExchangeHears => self.exchange_hears(),
            Step::LookAway => self.tell(Input::Focus(false)),
            Step::LookBack => {
                self.host_is_told_again();
                self.tell(Input::Focus(true));
            }
        }
    }

    /// Lets the person look, and everything arrive.
    pub(super) fn settle(&mut self) {
        self.step(Step::LookBack);
        self.deliver();
    }

    /// Lets everything under way arrive.
    fn deliver(&mut self) {
        use Step::{AgentHears, ExchangeHears, HostReads, QemuHearsAgent, QemuHearsUs};
        for _ in 0..1000 {
            let wires = [&self.to_qemu, &self.from_qemu, &self.to_agent, &self.from_agent];
            if wires.iter().all(|wire| wire.is_empty()) && self.reads.is_empty() {
                return;
            }
            for step in [HostReads, QemuHearsUs, QemuHearsAgent, AgentHears, ExchangeHears] {
                self.step(step);
            }
        }
        panic!("it never ends");
    }

    /// Whether the guest can paste what the host copied last.
    pub(super) fn guest_has_the_hosts(&self) -> bool {
        matches!(&self.host, Owner::Own(text) if self.guest == Owner::Other && self.offered.as_ref() == Some(text))
    }

    /// After all is said, both sides agree.
    pub(super) fn check(&self) {
        let owner = self.qemu.map(|(peer, _)| peer);
        match (&self.host, &self.guest) {
            (Owner::Own(text), Owner::Other) if !self.is_secret => {
                assert_eq!(owner, Some(Peer::Us), "QEMU thinks otherwise");
                assert_eq!(self.offered.as_ref(), Some(text), "the guest pastes something else");
            }
            (Owner::Other, Owner::Own(_)) => assert_eq!(owner, Some(Peer::Agent), "QEMU thinks otherwise"),
            // What the guest copied before the secret is still there for the guest.
            (Owner::Own(_), Owner::Nobody | Owner::Own(_)) if self.is_secret => {}
            (Owner::Nobody, Owner::Nobody) => {}
            (host, guest) => panic!("the host has {host:?} and the guest {guest:?}"),
        }
        self.check_secrets();
    }

    pub(super) fn check_secrets(&self) {
        let leaked = self.offered.as_ref().is_some_and(|text| text.starts_with("secret"));
        assert!(!leaked, "a secret has left");
    }

    fn text(&mut self, whose: &str) -> Arc<str> {
        self.copies += 1;
        format!("{whose} {}", self.copies).into()
    }

    fn host_copies(&mut self, is_secret: bool) {
        self.is_secret = is_secret;
        let text = self.text(if is_secret { "secret" } else { "host" });
        self.host = Owner::Own(text);
        let offer = if is_secret { Offer::Secret } else { Offer::Text };
        self.tell(Input::HostCopied { selection: CLIPBOARD, offer });
    }

    /// As a Wayland compositor does.
    fn host_is_told_again(&mut self) {
        if matches!(self.host, Owner::Own(_)) {
            let offer = if self.is_secret { Offer::Secret } else { Offer::Text };
            self.tell(Input::HostSeen { selection: CLIPBOARD, offer });
        }
    }

    fn host_reads(&mut self) {
        let Some(token) = self.reads.pop_front() else { return };
        // An application gives what it has by now.
        let text = match &self.host {
            Owner::Own(text) => Ok(text.clone()),
            _ => Err(ReadError::Failed),
        };
        self.tell(Input::HostRead { selection: CLIPBOARD, token, text });
    }

    fn tell(&mut self, input: Input) {
        for act in self.exchange.handle(input) {
            match act {
                Act::ReadHost { selection: CLIPBOARD, token, .. } => self.reads.push_back(token),
                Act::Grab { selection: CLIPBOARD, serial, text } => {
                    self.offered = Some(text);
                    self.to_qemu.push_back(Wire::Grab(serial));
                }
                Act::Release(CLIPBOARD) => {
                    self.offered = None;
                    self.to_qemu.push_back(Wire::Release);
                }
                Act::OfferToHost(CLIPBOARD) => self.host = Owner::Other,
                Act::WithdrawFromHost(CLIPBOARD) => self.host = Owner::Nobody,
                _ => {}
            }
        }
    }

    /// `dbus_clipboard_grab`, `dbus_clipboard_release`.
    fn qemu_hears_us(&mut self) {
        match self.to_qemu.pop_front() {
            Some(Wire::Grab(serial)) if self.qemu.is_none_or(|(_, last)| serial >= last) => {
                self.qemu = Some((Peer::Us, serial));
                self.to_agent.push_back(Wire::Grab(serial));
            }
            Some(Wire::Release) => self.drop_owner(Peer::Us),
            _ => {}
        }
    }

    /// `vdagent_clipboard_recv_grab`, `vdagent_chr_recv_caps`.
    fn qemu_hears_agent(&mut self) {
        match self.from_agent.pop_front() {
            Some(Wire::Grab(serial)) if serial >= self.last_serial => {
                self.last_serial = serial;
                self.qemu = Some((Peer::Agent, serial));
                self.from_qemu.push_back(Wire::Grab(serial));
            }
            Some(Wire::Reset) => {
                self.last_serial = 0;
                self.from_qemu.push_back(Wire::Reset);
            }
            _ => {}
        }
    }

    /// `qemu_clipboard_peer_release`: everybody is told, whoever released.
    fn drop_owner(&mut self, peer: Peer) {
        if self.qemu.take_if(|(owner, _)| *owner == peer).is_some() {
            self.from_qemu.push_back(Wire::Release);
            self.to_agent.push_back(Wire::Release);
        }
    }

    /// `vdagent_disconnect`, and an agent that begins anew.
    fn restart(&mut self) {
        self.drop_owner(Peer::Agent);
        self.to_agent.clear();
        self.from_agent.clear();
        self.guest = Owner::Nobody;
        self.counter = 0;
        self.from_agent.push_back(Wire::Reset);
        // Nothing is sent to an agent that has not said what it can do.
        self.qemu_hears_agent();
    }

    /// spice-vdagent, `do_client_clipboard`.
    fn agent_hears(&mut self) {
        match self.to_agent.pop_front() {
            Some(Wire::Grab(serial)) if serial + 1 == self.counter => self.guest = Owner::Other,
            Some(Wire::Grab(serial)) if serial == self.counter => {
                self.counter += 1;
                self.guest = Owner::Other;
            }
            Some(Wire::Release) if self.guest == Owner::Other => self.guest = Owner::Nobody,
            _ => {}
        }
    }

    fn exchange_hears(&mut self) {
        let selection = CLIPBOARD;
        match self.from_qemu.pop_front() {
            Some(Wire::Grab(serial)) => {
                self.tell(Input::GuestCopied { selection, serial, text: true });
            }
            Some(Wire::Release) => self.tell(Input::GuestReleased(selection)),
            Some(Wire::Reset) => self.tell(Input::Reset),
            None => {}
        }
    }
}
