//! The state machine between the two clipboards: what happens goes in, what to do comes out.
//!
//! The host's text is read before the guest is told of it, so that a paste in the guest, which
//! stops the whole machine, is answered at once. The guest's text is fetched when somebody on the
//! host pastes it. While the person looks elsewhere nothing goes either way; what was copied last is
//! passed on when they come back.

use std::sync::Arc;

use super::lane::{Fetch, Guest, Host, Lane, Ruling, Seen};
use super::lines::Lines;
use super::{LineEnds, Offer, Selection};

/// The longest text that reaches a guest, in bytes: QEMU drops a message to the agent that does not
/// fit into its buffer of 1 MiB beside what waits there, and the guest waits for it in vain
/// (ui/vdagent.c, `VDAGENT_BUFFER_LIMIT`).
const LONGEST_TO_GUEST: usize = 1024 * 1024 - 16 * 1024;

/// The longest text that the host takes unless the person says otherwise, in bytes.
const LONGEST_TO_HOST: usize = 16 * 1024 * 1024;

/// Which way a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    ToGuest,
    ToHost,
}

/// Whether the person lets texts go a way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consent {
    /// They have not been asked: nothing goes.
    #[default]
    Unasked,
    Given,
    Refused,
}

/// What the person wants of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub to_guest: Consent,
    pub to_host: Consent,
    /// Whether what is selected counts, beside what is copied.
    pub primary: bool,
    /// The longest text that goes either way, in bytes.
    pub longest: usize,
    /// How lines end in the guest.
    pub line_ends: LineEnds,
}

impl Default for Settings {
    fn default() -> Self {
        let (to_guest, to_host) = (Consent::default(), Consent::default());
        Self { to_guest, to_host, primary: true, longest: LONGEST_TO_HOST, line_ends: LineEnds::Auto }
    }
}

impl Settings {
    /// The longest text that goes this way, in bytes.
    pub fn limit(&self, direction: Direction) -> usize {
        match direction {
            Direction::ToGuest => self.longest.min(LONGEST_TO_GUEST),
            Direction::ToHost => self.longest,
        }
    }

    fn consent(&self, direction: Direction) -> Consent {
        match direction {
            Direction::ToGuest => self.to_guest,
            Direction::ToHost => self.to_host,
        }
    }
}

/// Whether somebody in the guest sees to its clipboard.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agent {
    /// Nothing has been heard: there is none, or one that came before us and cannot count grabs.
    #[default]
    Unknown,
    /// It has gone, or there is no port for it.
    Absent,
    Present,
}

/// One reading of a clipboard; what comes of an earlier one is of no interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

/// An application of the host's that pastes the guest's text, by a number of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasteId(pub u64);

/// Why a clipboard could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadError {
    /// It is longer than [`Settings::limit`]: so many bytes, or at least so many.
    TooLong(usize),
    /// It is no text.
    NotText,
    /// It turned out to be a secret.
    Secret,
    /// Its owner does not give it.
    Failed,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The machine takes grabs from now on.
    Connected,
    /// The machine is gone.
    Disconnected,
    /// An agent in the guest announced itself: serials begin at 0 on both sides.
    Reset,
    /// The agent's port in the guest was opened or closed, where the machine's monitor tells.
    Port { open: bool },
    /// Something was copied in the guest.
    GuestCopied { selection: Selection, serial: u32, text: bool },
    /// What was copied in the guest is gone.
    GuestReleased(Selection),
    /// What [`Act::ReadGuest`] asked for.
    GuestRead { selection: Selection, token: Token, text: Result<Arc<str>, ReadError> },
    /// Something was copied on the host, by anybody but us.
    HostCopied { selection: Selection, offer: Offer },
    /// What lies on the host's clipboard is told of anew, and may have lain there before: a Wayland
    /// compositor tells each time that one of our windows gets the keyboard.
    HostSeen { selection: Selection, offer: Offer },
    /// What [`Act::ReadHost`] asked for.
    HostRead { selection: Selection, token: Token, text: Result<Arc<str>, ReadError> },
    /// An application of the host's wants the text that [`Act::OfferToHost`] promised.
    HostPastes { selection: Selection, paste: PasteId },
    /// The person looks at the machine, or no longer.
    Focus(bool),
    /// The person wants it so.
    Settings(Settings),
}

/// What to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Read the host's text, at most so many bytes.
    ReadHost { selection: Selection, token: Token, limit: usize },
    /// Read the guest's text, at most so many bytes.
    ReadGuest { selection: Selection, token: Token, limit: usize },
    /// Offer this to the guest.
    Grab { selection: Selection, serial: u32, text: Arc<str> },
    /// Take back what was offered to the guest.
    Release(Selection),
    /// Become the owner of the host's clipboard, with text to come.
    OfferToHost(Selection),
    /// Cease to own the host's clipboard.
    WithdrawFromHost(Selection),
    /// Give this to the application that pastes; `None` if there is nothing to give.
    Deliver { paste: PasteId, text: Option<Arc<str>> },
    /// Ask the person whether texts may go this way.
    Ask(Direction),
    /// Tell the person.
    Tell(Notice),
}

/// What a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// A text of at least so many bytes stays where it is.
    TooLong { direction: Direction, length: usize, limit: usize },
    /// A password stays on the host.
    Secret,
}

/// The clipboards of one machine and of the desktop it is shown on.
#[derive(Debug, Default)]
pub struct Exchange {
    settings: Settings,
    agent: Agent,
    is_connected: bool,
    is_focused: bool,
    asked: Vec<Direction>,
    lanes: [Lane; Selection::ALL.len()],
    lines: Lines,
    tokens: u64,
    acts: Vec<Act>,
}

impl Exchange {
    /// Whether somebody in the guest sees to its clipboard.
    pub fn agent(&self) -> Agent {
        self.agent
    }

    /// What the person wants.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes in what happened; says what to do about it.
    pub fn handle(&mut self, input: Input) -> Vec<Act> {
        match input {
            Input::Connected => self.connected(),
            Input::Disconnected => self.disconnected(),
            Input::Reset => self.reset(),
            Input::Port { open } => self.agent = if open { Agent::Present } else { Agent::Absent },
            Input::GuestCopied { selection, serial, text } => self.guest_copied(selection, serial, text),
            Input::GuestReleased(selection) => self.guest_released(selection),
            Input::GuestRead { selection, token, text } => self.guest_read(selection, token, text),
            Input::HostCopied { selection, offer } => self.host_copied(selection, offer),
            Input::HostSeen { selection, offer } => self.host_seen(selection, offer),
            Input::HostRead { selection, token, text } => self.host_read(selection, token, text),
            Input::HostPastes { selection, paste } => self.host_pastes(selection, paste),
            Input::Focus(is_focused) => self.is_focused = is_focused,
            Input::Settings(settings) => self.set(settings),
        }
        for selection in Selection::ALL {
            self.pass_on(selection);
        }
        std::mem::take(&mut self.acts)
    }

    /// Does what waited for the person, their word, or the machine.
    fn pass_on(&mut self, selection: Selection) {
        if self.lane(selection).host == Host::Unsure && self.can(Direction::ToGuest, selection) {
            let token = self.read_host(selection);
            self.lane(selection).host = Host::Checking(token);
        }
        let lane = self.lane(selection);
        if matches!(lane.host, Host::Checking(_)) {
            return;
        }
        if lane.guest == (Guest::Theirs { untold: true }) {
            if self.may(Direction::ToHost, selection) {
                self.lane(selection).guest = Guest::Theirs { untold: false };
                self.own_host(selection, Host::Guests(Fetch::Unread));
                self.acts.push(Act::OfferToHost(selection));
            }
            return;
        }
        let Host::Unread(offer) = lane.host else { return };
        if !self.may(Direction::ToGuest, selection) {
            return;
        }
        match offer {
            Offer::Text => {
                let token = self.read_host(selection);
                self.lane(selection).host = Host::Reading(token);
            }
            Offer::Secret | Offer::Nothing => {
                self.lane(selection).seen = Seen::Unreadable(offer);
                self.keep(selection, (offer == Offer::Secret).then_some(Notice::Secret));
            }
        }
    }

    /// Whether a text may go this way now. Asks the person, if that is what it takes, and if there is
    /// anybody in the guest to give it to.
    fn may(&mut self, direction: Direction, selection: Selection) -> bool {
        let can = self.can(direction, selection);
        let asks = self.is_wanted(selection)
            && self.settings.consent(direction) == Consent::Unasked
            && self.agent == Agent::Present
            && !self.asked.contains(&direction);
        if asks {
            self.asked.push(direction);
            self.acts.push(Act::Ask(direction));
        }
        can
    }

    fn can(&self, direction: Direction, selection: Selection) -> bool {
        self.is_wanted(selection) && self.settings.consent(direction) == Consent::Given
    }

    fn is_wanted(&self, selection: Selection) -> bool {
        let wanted = selection == Selection::Clipboard || self.settings.primary;
        self.is_connected && self.is_focused && wanted
    }

    fn read_host(&mut self, selection: Selection) -> Token {
        let (token, limit) = (self.token(), self.settings.limit(Direction::ToGuest));
        self.acts.push(Act::ReadHost { selection, token, limit });
        token
    }

    fn connected(&mut self) {
        self.is_connected = true;
        for selection in Selection::ALL {
            // An earlier connection's offer would have QEMU refuse our serials.
            self.acts.push(Act::Release(selection));
        }
    }

    fn disconnected(&mut self) {
        self.is_connected = false;
        self.agent = Agent::Unknown;
        for selection in Selection::ALL {
            let lane = self.lane(selection);
            lane.reset();
            match std::mem::replace(&mut lane.guest, Guest::Nothing) {
                Guest::Ours { .. } if lane.host.is_settled() => lane.host = Host::Unread(Offer::Text),
                Guest::Theirs { .. } => self.guest_gone(selection),
                Guest::Nothing | Guest::TakenBack { .. } | Guest::Ours { .. } => {}
            }
        }
    }

    fn reset(&mut self) {
        self.agent = Agent::Present;
        for selection in Selection::ALL {
            // QEMU remembers the last serial until nobody owns its clipboard.
            self.acts.push(Act::Release(selection));
            let lane = self.lane(selection);
            lane.reset();
            match std::mem::replace(&mut lane.guest, Guest::Nothing) {
                Guest::Nothing | Guest::TakenBack { .. } => {}
                Guest::Ours { text, .. } => self.grab(selection, text),
                Guest::Theirs { .. } => self.guest_gone(selection),
            }
        }
    }

    fn guest_copied(&mut self, selection: Selection, serial: u32, text: bool) {
        // One that came before us does not announce itself.
        self.agent = Agent::Present;
        match self.lane(selection).grabbed(serial) {
            Ruling::Ours { serial, text } => self.acts.push(Act::Grab { selection, serial, text }),
            Ruling::Nobodys { serial } => {
                self.acts.push(Act::Grab { selection, serial, text: "".into() });
                self.acts.push(Act::Release(selection));
            }
            Ruling::Theirs => {
                let lane = self.lane(selection);
                let before = std::mem::replace(&mut lane.guest, Guest::Theirs { untold: text });
                match lane.host {
                    // It is of interest again should the guest lose what it has.
                    Host::Settled if text && matches!(before, Guest::Ours { .. }) => {
                        lane.host = Host::Unread(Offer::Text);
                    }
                    Host::Reading(_) | Host::Checking(_) | Host::Unsure if text => {
                        lane.host = Host::Unread(Offer::Text);
                    }
                    Host::Unread(_) | Host::Reading(_) if !text => lane.host = Host::Settled,
                    _ => {}
                }
                if !text {
                    self.guest_gone(selection);
                }
            }
        }
    }

    fn guest_released(&mut self, selection: Selection) {
        let lane = self.lane(selection);
        // That QEMU lost what we gave it is what we told it ourselves, a moment ago.
        if matches!(lane.guest, Guest::Theirs { .. }) {
            lane.guest = Guest::Nothing;
            self.guest_gone(selection);
        }
    }

    /// What was copied in the guest cannot be fetched any more; what we have of it stays.
    fn guest_gone(&mut self, selection: Selection) {
        let lane = self.lane(selection);
        if matches!(lane.host, Host::Unsure | Host::Checking(_)) {
            lane.host = Host::Unread(Offer::Text);
        }
        if matches!(self.lane(selection).host, Host::Guests(Fetch::Unread | Fetch::Reading(..))) {
            self.own_host(selection, Host::Settled);
            self.acts.push(Act::WithdrawFromHost(selection));
        }
    }

    fn guest_read(&mut self, selection: Selection, token: Token, text: Result<Arc<str>, ReadError>) {
        let Host::Guests(fetch) = &mut self.lane(selection).host else { return };
        let Fetch::Reading(expected, pastes) = fetch else { return };
        if *expected != token {
            return;
        }
        let pastes = std::mem::take(pastes);
        let text = self.checked(Direction::ToHost, text).ok().map(|text| self.lines.for_host(text));
        self.lane(selection).host = Host::Guests(text.clone().map_or(Fetch::Unread, Fetch::Text));
        let deliver = |paste| Act::Deliver { paste, text: text.clone() };
        self.acts.extend(pastes.into_iter().map(deliver));
    }

    fn host_copied(&mut self, selection: Selection, offer: Offer) {
        if let Guest::Theirs { untold } = &mut self.lane(selection).guest {
            *untold = false;
        }
        self.own_host(selection, Host::Unread(offer));
    }

    fn host_seen(&mut self, selection: Selection, offer: Offer) {
        let lane = self.lane(selection);
        let is_dealt_with = match &lane.host {
            host if host.is_settled() => true,
            // The guest copied after it.
            Host::Unread(_) => lane.guest == Guest::Theirs { untold: true },
            _ => false,
        };
        match (&lane.seen, offer) {
            (Seen::Unreadable(seen), offer) if *seen == offer && is_dealt_with => {}
            (Seen::Text(_) | Seen::TooLong(_), Offer::Text) if is_dealt_with => lane.host = Host::Unsure,
            _ => self.host_copied(selection, offer),
        }
    }

    fn host_read(&mut self, selection: Selection, token: Token, text: Result<Arc<str>, ReadError>) {
        let lane = self.lane(selection);
        let before = lane.seen.clone();
        match lane.host {
            Host::Reading(expected) if expected == token => lane.see(&text),
            Host::Checking(expected) if expected == token => {
                lane.see(&text);
                if lane.seen == before {
                    // It is of interest again should the guest lose what it has.
                    let theirs = lane.guest == (Guest::Theirs { untold: true });
                    lane.host = if theirs { Host::Unread(Offer::Text) } else { Host::Settled };
                    return;
                }
                if let Guest::Theirs { untold } = &mut lane.guest {
                    *untold = false;
                }
            }
            _ => return,
        }
        if !self.may(Direction::ToGuest, selection) {
            self.lane(selection).host = Host::Unread(Offer::Text);
            return;
        }
        let text = text.map(|text| self.lines.for_guest(text));
        match self.checked(Direction::ToGuest, text) {
            Ok(text) => {
                let lane = self.lane(selection);
                lane.host = Host::Settled;
                if !matches!(&lane.guest, Guest::Ours { text: given, .. } if *given == text) {
                    self.grab(selection, text);
                }
            }
            Err(error) => {
                self.keep(selection, (error == ReadError::Secret).then_some(Notice::Secret));
            }
        }
    }

    fn host_pastes(&mut self, selection: Selection, paste: PasteId) {
        let (fresh, limit) = (self.token(), self.settings.limit(Direction::ToHost));
        let text = match &mut self.lane(selection).host {
            Host::Guests(Fetch::Text(text)) => Some(text.clone()),
            Host::Guests(Fetch::Reading(_, pastes)) => {
                pastes.push(paste);
                return;
            }
            Host::Guests(fetch @ Fetch::Unread) => {
                *fetch = Fetch::Reading(fresh, vec![paste]);
                self.acts.push(Act::ReadGuest { selection, token: fresh, limit });
                return;
            }
            Host::Settled | Host::Unread(_) | Host::Reading(_) | Host::Unsure | Host::Checking(_) => None,
        };
        self.acts.push(Act::Deliver { paste, text });
    }

    fn set(&mut self, settings: Settings) {
        let before = std::mem::replace(&mut self.settings, settings);
        self.lines.wanted = settings.line_ends;
        for selection in Selection::ALL {
            let wanted = selection == Selection::Clipboard || settings.primary;
            let stopped = |direction| {
                before.consent(direction) == Consent::Given
                    && !(wanted && settings.consent(direction) == Consent::Given)
            };
            let lane = self.lane(selection);
            if stopped(Direction::ToGuest) && lane.take_back() {
                if lane.host.is_settled() {
                    lane.host = Host::Unread(Offer::Text);
                }
                self.acts.push(Act::Release(selection));
            }
            if stopped(Direction::ToHost) && matches!(self.lane(selection).host, Host::Guests(_)) {
                if let Guest::Theirs { untold } = &mut self.lane(selection).guest {
                    *untold = true;
                }
                self.own_host(selection, Host::Settled);
                self.acts.push(Act::WithdrawFromHost(selection));
            }
        }
    }

    /// The host's clipboard is this now; whoever waited for what it was waits in vain.
    fn own_host(&mut self, selection: Selection, host: Host) {
        let before = std::mem::replace(&mut self.lane(selection).host, host);
        if let Host::Guests(Fetch::Reading(_, pastes)) = before {
            self.acts.extend(pastes.into_iter().map(|paste| Act::Deliver { paste, text: None }));
        }
    }

    /// What the host holds stays there, and the guest must not go on with what it held before.
    fn keep(&mut self, selection: Selection, notice: Option<Notice>) {
        let lane = self.lane(selection);
        lane.host = Host::Settled;
        if lane.take_back() {
            self.acts.push(Act::Release(selection));
        }
        self.acts.extend(notice.map(Act::Tell));
    }

    fn grab(&mut self, selection: Selection, text: Arc<str>) {
        let serial = self.lane(selection).grab(text.clone());
        self.acts.push(Act::Grab { selection, serial, text });
    }

    /// A text that is not too long; the person is told of one that is.
    fn checked(
        &mut self,
        direction: Direction,
        text: Result<Arc<str>, ReadError>,
    ) -> Result<Arc<str>, ReadError> {
        let limit = self.settings.limit(direction);
        let text = match text {
            Ok(text) if text.len() > limit => Err(ReadError::TooLong(text.len())),
            text => text,
        };
        if let Err(ReadError::TooLong(length)) = text {
            self.acts.push(Act::Tell(Notice::TooLong { direction, length, limit }));
        }
        text
    }

    fn lane(&mut self, selection: Selection) -> &mut Lane {
        &mut self.lanes[selection.index()]
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }
}

#[cfg(test)]
mod tests;
