//! From what is known of a machine to the page that says so: a pure function.

use super::i18n::{gettext, gettext_f, ngettext_f};
use super::remote::Hold;
use super::words;
use crate::frame::Screen;
use crate::session::{Firmware, Loss, Stage, State};
use crate::source::libvirt::LibvirtError;
use crate::source::{Chance, ConnectError};

/// What is known of a machine when a page is to be chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story<'a> {
    /// Where the session stands.
    pub(super) state: &'a State,
    /// What the chosen console shows; `None` where the machine has none.
    pub(super) screen: Option<Screen>,
    /// Whether that console is one of text.
    pub(super) text: bool,
    /// Whether anything draws before the guest's own driver does.
    pub(super) firmware: Firmware,
    /// Whose machine it is.
    pub(super) hold: Hold,
    /// Its name, once known.
    pub(super) name: Option<&'a str>,
    /// Seconds until the next attempt to connect.
    pub(super) retry: Option<u32>,
    /// Whether the machine can come back by itself.
    pub(super) returns: bool,
    /// Whether its definition can be changed.
    pub(super) managed: bool,
}

/// What a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) icon: Icon,
    pub(super) title: String,
    /// What is going on, in sentences.
    pub(super) body: String,
    /// What happens next.
    pub(super) note: Option<String>,
    /// What can be done; the most likely first.
    pub(super) choices: Vec<Choice>,
    pub(super) input: Input,
}

/// What keys and clicks do while a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// They go to the guest.
    Guest,
    /// They work the page.
    Page,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    /// Something that will be over in a moment.
    Working,
    Starting,
    Asleep,
    Lost,
    Off,
    Text,
}

impl Icon {
    /// Its name in the icon theme; none for what moves.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Working => None,
            Self::Starting => Some("machine-starting-symbolic"),
            Self::Asleep => Some("machine-asleep-symbolic"),
            Self::Lost => Some("machine-lost-symbolic"),
            Self::Off => Some("system-shutdown-symbolic"),
            Self::Text => Some("utilities-terminal-symbolic"),
        }
    }
}

/// What a page offers to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Reconnect,
    StartAgain,
    /// Has libvirt start the machine.
    SwitchOn,
    Details,
    Close,
    /// The setting that lets firmware draw, as QEMU's command line has it.
    CopyForQemu,
    /// The same, as libvirt's XML has it.
    CopyForLibvirt,
    /// To change the machine's definition.
    MakeReady,
}

impl Choice {
    pub(super) fn label(self) -> String {
        match self {
            Self::Reconnect => gettext("_Reconnect"),
            Self::StartAgain => gettext("_Start Again"),
            Self::SwitchOn => gettext("_Start"),
            Self::Details => gettext("_Details"),
            Self::Close => gettext("_Close"),
            Self::CopyForQemu => gettext("Copy for _QEMU"),
            Self::CopyForLibvirt => gettext("Copy for _libvirt"),
            Self::MakeReady => gettext("_Make Ready…"),
        }
    }

    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Reconnect | Self::StartAgain => "win.reconnect",
            Self::SwitchOn => "win.power::start",
            Self::Details => "win.details",
            Self::Close => "window.close",
            Self::CopyForQemu => "win.copy-ramfb::qemu",
            Self::CopyForLibvirt => "win.copy-ramfb::libvirt",
            Self::MakeReady => "win.make-ready",
        }
    }
}

impl Story<'_> {
    /// The page to show; `None` for the picture.
    pub(super) fn face(&self) -> Option<Face> {
        match self.state {
            State::Connecting(stage) => Some(self.connecting(*stage)),
            State::Live(_) => self.without_picture(),
            State::Lost { reason, .. } => Some(self.lost(reason)),
            State::Ended(end) => Some(self.ended(&words::end(end))),
        }
    }

    fn connecting(&self, stage: Stage) -> Face {
        let body = match stage {
            Stage::Reaching => gettext("Looking for the machine."),
            Stage::Starting => gettext("QEMU is starting."),
            Stage::Opening => gettext("Asking for the machine’s display."),
            Stage::Asking => gettext("Asking for the machine’s consoles."),
        };
        let title = match (self.hold, self.name) {
            (Hold::Owner, _) => gettext("Starting…"),
            (_, Some(name)) => gettext_f("Connecting to “{name}”…", &[("name", name)]),
            (_, None) => gettext("Connecting…"),
        };
        Face { icon: Icon::Working, title, body, note: None, choices: vec![], input: Input::Page }
    }

    fn without_picture(&self) -> Option<Face> {
        if self.text {
            return Some(text_console());
        }
        let (icon, title, body) = match self.screen {
            Some(Screen::Live(_)) => return None,
            Some(Screen::Waiting) if self.firmware == Firmware::DrawsNothing => {
                return Some(dark(self.managed));
            }
            Some(Screen::Waiting) => (
                Icon::Starting,
                gettext("No Picture Yet"),
                gettext("The machine is running but has not shown anything. Keys already reach it."),
            ),
            Some(Screen::Off) => (
                Icon::Asleep,
                gettext("Display Off"),
                gettext("The machine has switched its display off. Press a key or click to wake it."),
            ),
            None => (
                Icon::Starting,
                gettext("No Display"),
                gettext("The machine is running but has no graphical console that Oriel could show."),
            ),
        };
        let input = if self.screen.is_some() { Input::Guest } else { Input::Page };
        let doubtful = self.screen == Some(Screen::Waiting) && self.firmware == Firmware::MayDrawNothing;
        let note = doubtful.then(|| {
            gettext("A virtual GPU without “ramfb” shows nothing before the guest’s own driver has started.")
        });
        Some(Face { icon, title, body, note, choices: vec![], input })
    }

    fn lost(&self, reason: &Loss) -> Face {
        let told = match (self.serves_once(), reason) {
            (true, Loss::TakenOver) => words::taken_over_for_good(),
            _ => words::loss(reason),
        };
        let again = match reason {
            _ if self.serves_once() => Choice::Close,
            Loss::Unreachable(_) if self.hold == Hold::Owner => Choice::StartAgain,
            // Also one of our own, which lives on without its display.
            _ => Choice::Reconnect,
        };
        let choices = match reason {
            Loss::Unreachable(error) if self.managed && has_no_display(error) => {
                vec![Choice::MakeReady, again, Choice::Details]
            }
            _ => vec![again, Choice::Details],
        };
        let note = match (self.retry, reason) {
            (Some(seconds), _) => Some(countdown(seconds)),
            (None, Loss::Unreachable(error)) if error.chance() == Chance::No => None,
            (None, Loss::TakenOver | Loss::Display(_)) => None,
            (None, _) => self.promise(),
        };
        Face { icon: Icon::Lost, title: told.title, body: told.body, note, choices, input: Input::Page }
    }

    /// Whether it was reached by a descriptor that somebody gave us, and never can be again.
    fn serves_once(&self) -> bool {
        serves_once(self.hold, self.returns)
    }

    fn ended(&self, told: &words::Told) -> Face {
        let icon = if told.failed { Icon::Lost } else { Icon::Off };
        let again = (self.hold == Hold::Owner).then_some(Choice::StartAgain);
        let details = told.failed.then_some(Choice::Details);
        let choices = [again, details, Some(Choice::Close)].into_iter().flatten().collect();
        let (title, body) = (told.title.clone(), told.body.clone());
        Face { icon, title, body, note: self.promise(), choices, input: Input::Page }
    }

    /// That nothing needs to be done, where that is so.
    fn promise(&self) -> Option<String> {
        self.returns.then(|| gettext("This window connects by itself when the machine is back."))
    }
}

/// Whether a machine that belongs to these, and may come back by itself or not, is reached once and never
/// again: by a descriptor. Every other way can be gone anew.
pub(super) fn serves_once(hold: Hold, returns: bool) -> bool {
    hold != Hold::Owner && !returns
}

/// A console of text, of which QEMU gives no picture.
fn text_console() -> Face {
    Face {
        icon: Icon::Text,
        title: gettext("Text Console"),
        body: gettext(
            "This console shows text, such as that of a serial port or of QEMU’s monitor. QEMU gives no picture of it.",
        ),
        note: None,
        choices: vec![],
        input: Input::Page,
    }
}

/// The firmware has nothing to draw on: how to give it that.
fn dark(managed: bool) -> Face {
    let choices =
        if managed { vec![Choice::MakeReady] } else { vec![Choice::CopyForQemu, Choice::CopyForLibvirt] };
    let help = if managed {
        gettext("Oriel can change the machine’s definition so.")
    } else {
        gettext("Copy the setting, and put it into the machine’s configuration.")
    };
    Face {
        icon: Icon::Starting,
        title: gettext("Nothing to See Before the Driver"),
        body: gettext_f(
            "The machine is running, but its firmware cannot draw on this virtual GPU: the first picture comes with the guest’s own driver. With “ramfb” you see the firmware and the boot messages, too. {help} Keys already reach the machine.",
            &[("help", &help)],
        ),
        note: None,
        choices,
        input: Input::Guest,
    }
}

/// Whether a machine of libvirt's has no display of ours.
fn has_no_display(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Libvirt(LibvirtError::NoDisplay { .. }))
}

fn countdown(seconds: u32) -> String {
    if seconds == 0 {
        return gettext("Trying again…");
    }
    let number = seconds.to_string();
    let values = [("seconds", number.as_str())];
    ngettext_f("Trying again in {seconds} second", "Trying again in {seconds} seconds", seconds, &values)
}
