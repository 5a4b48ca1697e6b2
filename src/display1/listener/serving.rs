//! The loop: hears, shows, answers.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::answer::answer;
use super::complaints::Complaints;
use super::incoming::{Filled, Incoming};
use super::outgoing::Outgoing;
use super::tickets::{Bell, Tickets};
use super::{Closed, Frames, Pace, Report};
use crate::clock::{self, Time};
use crate::display1::LISTENER_PATH;
use crate::display1::decode::{DecodeError, Descriptors, Method, decode};
use crate::display1::wire::{Kind, Message};
use crate::frame::{Applied, Beat, Event, Mailbox, USUAL_REFRESH};
use crate::stats::Stats;

/// A listener's loop and all that it owns.
pub(super) struct Serving<'a> {
    socket: UnixStream,
    incoming: Incoming,
    fds: Descriptors,
    desk: Desk<'a>,
}

/// Where messages are dealt with.
struct Desk<'a> {
    console: u32,
    mailbox: Arc<Mailbox>,
    stats: Arc<Stats>,
    pace: Pace,
    report: &'a dyn Fn(Report),
    tickets: Tickets,
    outgoing: Outgoing,
    complaints: Complaints,
}

impl<'a> Serving<'a> {
    /// On a socket that has been authenticated.
    pub(super) fn new(
        console: u32,
        socket: UnixStream,
        bell: Arc<Bell>,
        frames: Frames,
        report: &'a dyn Fn(Report),
    ) -> io::Result<Self> {
        let Frames { mailbox, stats, pace } = frames;
        socket.set_nonblocking(true)?;
        let (tickets, outgoing, complaints) =
            (Tickets::new(bell), Outgoing::default(), Complaints::default());
        let desk = Desk { console, mailbox, stats, pace, report, tickets, outgoing, complaints };
        Ok(Self { socket, incoming: Incoming::new(), fds: Descriptors::default(), desk })
    }

    /// Serves until the connection is gone.
    pub(super) fn run(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.turn() {
                return closed;
            }
        }
    }

    /// Handles what has come, does what is due, and waits only where there is nothing else to do.
    fn turn(&mut self) -> Result<(), Closed> {
        while let Some(message) = self.incoming.next(&mut self.fds)? {
            self.desk.handle(&message, &mut self.fds, clock::now());
        }
        let now = clock::now();
        self.desk.do_what_is_due(now);
        self.desk.outgoing.flush(&self.socket)?;
        match self.incoming.fill(&self.socket)? {
            Filled::Some => Ok(()),
            Filled::Nothing => self.wait(self.desk.deadline().map(|deadline| deadline.since(now))),
        }
    }

    /// Waits until there is something to read, room to write, or a ring of the bell.
    fn wait(&self, timeout: Option<Duration>) -> Result<(), Closed> {
        let tickets = &self.desk.tickets;
        if !tickets.fall_asleep() {
            return Ok(());
        }
        let mut wanted = PollFlags::IN;
        if self.desk.outgoing.is_waiting() {
            wanted |= PollFlags::OUT;
        }
        let bell = tickets.bell();
        let mut fds = [PollFd::new(&self.socket, wanted), PollFd::from_borrowed_fd(bell, PollFlags::IN)];
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let woken = poll(&mut fds, timeout.as_ref());
        tickets.wake_up(fds[1].revents().contains(PollFlags::IN));
        match woken {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }
}

impl Desk<'_> {
    fn handle(&mut self, message: &Message<'_>, fds: &mut Descriptors, now: Time) {
        let Kind::Call { wants_reply } = message.kind else { return };
        let method = Method::find(message.interface, message.member);
        match method.filter(|_| message.path == LISTENER_PATH) {
            Some(method) => self.hear(method, message, wants_reply, fds, now),
            None if wants_reply => answer(message, &mut self.outgoing),
            None => self.complain(message.member, &"a call of an unknown method", now),
        }
    }

    fn hear(
        &mut self,
        method: Method,
        message: &Message<'_>,
        wants_reply: bool,
        fds: &mut Descriptors,
        now: Time,
    ) {
        let outcome = decode(method, message.signature, message.body.clone(), fds)
            .and_then(|event| self.apply(method, event, message.serial, wants_reply, now));
        match outcome {
            // The ticket's turn.
            Ok(()) if method == Method::UpdateDmabuf && self.pace == Pace::Screen => {}
            Ok(()) if wants_reply => {
                self.outgoing.reply(message.serial);
                if method == Method::UpdateDmabuf {
                    self.stats.replied(now, now);
                }
            }
            Ok(()) => {}
            Err(error) => {
                if wants_reply {
                    self.outgoing.reply_error(message.serial, error.name(), &error.to_string());
                }
                self.stats.dropped();
                self.complain(message.member, &error, now);
            }
        }
    }

    fn apply(
        &mut self,
        method: Method,
        mut event: Event<'_>,
        serial: u32,
        wants_reply: bool,
        now: Time,
    ) -> Result<(), DecodeError> {
        if let Event::Damage { ack, .. } = &mut event
            && method == Method::UpdateDmabuf
            && wants_reply
            && self.pace == Pace::Screen
        {
            *ack = Some(self.tickets.issue(serial, now));
        }
        tracing::trace!(console = self.console, ?event, "heard");
        if event.is_frame() {
            self.stats.received(now);
        }
        if event.is_update() {
            self.stats.updated();
        }
        let flips = self.mailbox.pulse().flips;
        let applied = self.mailbox.apply(event, now)?;
        self.stats.flipped(self.mailbox.pulse().flips - flips);
        self.resync_if(applied);
        Ok(())
    }

    fn resync_if(&self, applied: Applied) {
        if applied.resync {
            tracing::debug!(console = self.console, "a scanout was lost on the way");
            (self.report)(Report::Resync);
        }
    }

    fn do_what_is_due(&mut self, now: Time) {
        if let Some(size) = self.tickets.size() {
            // A size makes no picture that could be refused.
            let _ = self.mailbox.apply(Event::ConsoleSize(size), now);
        }
        if self.mailbox.deadline().is_some_and(|deadline| deadline <= now) {
            let applied = self.mailbox.tick(now);
            self.resync_if(applied);
        }
        let beat = self.mailbox.cadence().last();
        self.tickets.set_refresh(beat.map_or(USUAL_REFRESH, Beat::interval));
        while let Some(due) = self.tickets.due(now) {
            self.outgoing.reply(due.serial);
            self.stats.replied(due.received, now);
        }
    }

    fn deadline(&self) -> Option<Time> {
        [self.mailbox.deadline(), self.tickets.deadline()].into_iter().flatten().min()
    }

    fn complain(&mut self, member: &str, problem: &dyn std::fmt::Display, now: Time) {
        self.complaints.warn(self.console, member, problem, now);
    }
}
