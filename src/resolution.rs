//! Which size to ask the guest for, when, and what became of it: a pure state machine.
//!
//! A wish is made when something *settles*: the window has kept its size for a moment, or the person
//! has chosen. It then stands for that size. Whatever the guest does about it, nothing is asked again
//! before the person does something else. That, and that a window sized to suit the guest's picture
//! asks for nothing, keeps the guest from following a window that follows the guest.
//!
//! - `device`: what display devices make of wishes; `ceiling`: what one shows at most.
//! - `physical`: millimetres.
//! - `layout`: where heads are among each other.
//! - `offers`: what a menu of sizes holds.
//! - `verdict`: what became of a wish, and why.
//!
//! The wish is `Console.SetUIInfo` of QEMU's D-Bus display (ui/dbus-display1.xml). QEMU ignores one
//! that is the same as the last, and tells the others to the device at once; the guest's answer, if
//! there is one, is a scanout of another size. Some devices disconnect the guest's monitor for 100 ms
//! for each wish (`vfio_display_edid_update`, hw/vfio/display.c), so wishes are to be rare.

mod ceiling;
mod device;
mod layout;
mod offers;
mod physical;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

pub use device::{Device, Keep, Limits};
pub use layout::{Head, layout, row};
pub use offers::{NoSize, Offer, OfferKind, offers, typed};
pub use physical::{Millimetres, Pitch};
pub use verdict::{Driver, Reason, Remedy, Verdict};

use self::ceiling::Ceiling;
use self::verdict::Evidence;
use crate::clock::Time;
use crate::geometry::{Guest, Logical, Point, Rect, Rotation, ScreenScale, Size, dividing_mode};

/// How long a window keeps its size before the guest hears of it.
const SETTLING: Duration = Duration::from_millis(300);

/// Shortest time from one wish to the next: longer than a vfio monitor is disconnected.
const APART: Duration = Duration::from_millis(250);

/// How long a guest has until it counts as not following. Its verdict still changes after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the guest follows the window.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Only when the person chooses a size.
    #[default]
    Off,
    FollowWindow,
    /// In fullscreen; windowed it has the size from before, or the one that was chosen.
    OnlyFullscreen,
}

/// Who has given the window its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SizedBy {
    /// The person, by hand or by tiling or maximising it.
    Person,
    /// The program, so that it suits the guest's picture.
    Picture,
    /// It is as large as the monitor.
    Fullscreen,
}

/// The window, as far as it matters to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The room for the picture.
    pub area: Rect<Logical>,
    pub scale: ScreenScale,
    pub rotation: Rotation,
    pub pitch: Pitch,
    /// Where this head is among the machine's others, in their pixels.
    pub at: Point<Guest>,
    pub sized_by: SizedBy,
}

/// A wish, as `SetUIInfo` takes it. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    pub size: Size<Guest>,
    pub millimetres: Millimetres,
    pub at: Point<Guest>,
}

/// What QEMU said to a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It passed it on. What the guest does is another matter.
    Accepted,
    /// The console takes no wishes (`Error.Unsupported`).
    Unsupported,
    /// There was no answer.
    Failed,
}

/// Resolution control of one console.
#[derive(Debug)]
pub struct Control {
    device: Device,
    driver: Driver,
    limits: Limits,
    ceiling: Ceiling,
    policy: Policy,
    window: Option<Window>,
    /// What the guest shows.
    shown: Option<Size<Guest>>,
    chosen: Option<Size<Guest>>,
    /// What the guest showed before fullscreen.
    windowed: Option<Size<Guest>>,
    phase: Phase,
    last: Option<Last>,
    support: Support,
    followed: bool,
    verdict: Verdict,
}

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resting,
    /// Something has changed; at this time it counts, if nothing else changes.
    Settling {
        until: Time,
        cause: Cause,
    },
    /// The guest has been asked.
    Waiting,
}

/// Why something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// The monitor's pixels are larger or smaller than those of the one before; no size is wanted.
    Density,
    /// The window is another.
    Window,
    /// The person wants it now, also if it was asked before.
    Person,
}

/// The last wish that QEMU has taken.
#[derive(Debug, Clone, Copy)]
struct Last {
    wish: Wish,
    /// What its millimetres were computed with.
    pitch: Pitch,
    /// When it was decided, or QEMU said that it has passed it on: wishes may have to wait for others.
    at: Time,
    passed_on: bool,
    /// What the guest showed then.
    before: Option<Size<Guest>>,
    /// Nothing else has been the goal since, so that it would be no news.
    stands: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Support {
    Unknown,
    Refused,
}

impl Control {
    /// For a console with this device; nothing is asked until there is a window.
    pub fn new(device: Device, policy: Policy) -> Self {
        Self {
            device,
            driver: Driver::Unknown,
            limits: device.limits(),
            ceiling: Ceiling::default(),
            policy,
            window: None,
            shown: None,
            chosen: None,
            windowed: None,
            phase: Phase::Resting,
            last: None,
            support: Support::Unknown,
            followed: false,
            verdict: Verdict::None,
        }
    }

    /// The device that this is about.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What may be asked of it.
    pub fn limits(&self) -> Limits {
        self.ceiling.within(self.limits)
    }

    /// What is known of the guest's driver.
    pub fn set_driver(&mut self, driver: Driver) {
        self.driver = driver;
    }

    /// When the guest follows the window.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The size that the person chose, as long as it counts.
    pub fn chosen(&self) -> Option<Size<Guest>> {
        self.chosen
    }

    /// The last wish, if QEMU was told of one.
    pub fn wish(&self) -> Option<Wish> {
        self.last.map(|last| last.wish)
    }

    /// What became of the last wish.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The guest follows the window by another rule from now on.
    pub fn set_policy(&mut self, policy: Policy, now: Time) {
        if self.policy == policy {
            return;
        }
        self.policy = policy;
        if policy == Policy::FollowWindow {
            self.chosen = None;
        }
        self.want_now(now);
    }

    /// The person wants this size; `None` to want none any more.
    ///
    /// Without following it is asked for once. While the guest follows the window it lasts until the
    /// person gives the window another size; with [`Policy::OnlyFullscreen`] it is that of the window.
    pub fn choose(&mut self, size: Option<Size<Guest>>, now: Time) {
        // What the device turns out not to have is cut off where it is asked for: another may have it.
        self.chosen = size.map(|size| self.limits.clamp(size));
        self.want_now(now);
    }

    /// Asks again for what the guest has not done, or has forgotten: after a restart, or when the
    /// person says so.
    pub fn ask_again(&mut self, now: Time) {
        self.support = Support::Unknown;
        self.forget_limits();
        self.want_now(now);
    }

    /// The connection is a new one: nothing is known of what QEMU was asked for, nor of the device, which
    /// may be a larger one now.
    pub fn reconnected(&mut self, now: Time) {
        (self.last, self.support, self.verdict) = (None, Support::Unknown, Verdict::None);
        self.forget_limits();
        let follows = |window: Window| self.policy != Policy::Off && window.sized_by != SizedBy::Picture;
        self.phase = match self.window {
            Some(window) if self.chosen.is_some() || follows(window) => {
                Phase::Settling { until: now + SETTLING, cause: Cause::Window }
            }
            _ => Phase::Resting,
        };
    }

    /// The window is this one now.
    pub fn set_window(&mut self, window: Window, now: Time) {
        if window.area.is_empty() {
            // Not yet laid out, or hidden.
            return;
        }
        let before = self.window.replace(window);
        if before == Some(window) {
            return;
        }
        let was_fullscreen = before.is_some_and(|before| before.sized_by == SizedBy::Fullscreen);
        let is_fullscreen = window.sized_by == SizedBy::Fullscreen;
        if is_fullscreen && !was_fullscreen {
            self.windowed = self.shown;
        }
        let follows = match self.policy {
            Policy::Off => false,
            Policy::FollowWindow => true,
            Policy::OnlyFullscreen => is_fullscreen,
        };
        let alike = before.is_some_and(|before| before.is_alike(&window));
        let suits = window.sized_by == SizedBy::Picture && !was_fullscreen;
        if suits && !alike {
            self.suited();
        }
        if alike || suits {
            if follows && self.has_news_of_density(&window) {
                self.settle(now + SETTLING, Cause::Density);
            }
            return;
        }
        let counts = follows || self.policy == Policy::OnlyFullscreen && was_fullscreen;
        if self.policy != Policy::OnlyFullscreen && !is_fullscreen {
            self.windowed = None;
        }
        if self.policy == Policy::FollowWindow && before.is_some() {
            self.chosen = None;
        }
        if counts {
            self.settle(now + SETTLING, Cause::Window);
        }
    }

    /// The guest shows this; `None` while it shows nothing.
    pub fn set_shown(&mut self, shown: Option<Size<Guest>>, now: Time) {
        if self.shown == shown {
            return;
        }
        self.shown = shown;
        if let Some(shown) = shown {
            self.ceiling.showed(shown);
        }
        let (Some(last), Some(shown)) = (self.last, shown) else { return };
        let rounded = self.rounds(last.wish.size, shown);
        if rounded {
            self.limits = Limits::COMMON;
        }
        if shown == last.wish.size || rounded && self.chosen.is_none() {
            self.followed = true;
            if !matches!(self.verdict, Verdict::Followed { .. }) {
                self.verdict = Verdict::Followed { size: shown, after: now.since(last.at) };
            }
            if self.phase == Phase::Waiting {
                self.phase = Phase::Resting;
            }
        } else if matches!(self.verdict, Verdict::Followed { .. }) {
            self.verdict = Verdict::None;
        }
    }

    /// QEMU has answered a wish. Only the last one matters.
    pub fn answered(&mut self, wish: Wish, answer: Answer, now: Time) {
        let Some(last) = self.last.as_mut().filter(|last| last.wish == wish) else { return };
        let reason = match answer {
            Answer::Accepted => {
                (last.at, last.passed_on) = (now, true);
                return;
            }
            Answer::Unsupported => Reason::Unsupported,
            Answer::Failed => Reason::Undelivered,
        };
        if answer == Answer::Unsupported {
            self.support = Support::Refused;
        }
        last.stands = false;
        self.verdict = Verdict::NotFollowed { asked: wish.size, reason };
        if self.phase == Phase::Waiting {
            self.phase = Phase::Resting;
        }
    }

    /// When [`Self::step`] is to be called next, if nothing happens before.
    pub fn wake(&self) -> Option<Time> {
        match self.phase {
            Phase::Resting => None,
            Phase::Settling { until, .. } => Some(until),
            Phase::Waiting => self.last.filter(|last| last.passed_on).map(|last| last.at + PATIENCE),
        }
    }

    /// What to ask the guest for now, if anything.
    pub fn step(&mut self, now: Time) -> Option<Wish> {
        if self.wake().is_none_or(|wake| now < wake) {
            return None;
        }
        match self.phase {
            Phase::Resting => None,
            Phase::Waiting => {
                self.phase = Phase::Resting;
                self.give_up();
                None
            }
            Phase::Settling { cause, .. } => {
                let asked = self.settled(cause);
                match asked {
                    Some((wish, pitch)) => self.asked(wish, pitch, now),
                    None => self.rest(),
                }
                asked.map(|(wish, _)| wish)
            }
        }
    }

    fn asked(&mut self, wish: Wish, pitch: Pitch, now: Time) {
        self.last = Some(Last { wish, pitch, at: now, passed_on: false, before: self.shown, stands: true });
        (self.phase, self.verdict) = if self.shown == Some(wish.size) {
            // Only millimetres or the place are new, and the guest will not say that it knows.
            (Phase::Resting, Verdict::Followed { size: wish.size, after: Duration::ZERO })
        } else {
            (Phase::Waiting, Verdict::Waiting { asked: wish.size })
        };
    }

    /// Nothing is to be asked: at most the guest is still to answer.
    fn rest(&mut self) {
        let waiting = matches!(self.verdict, Verdict::Waiting { .. });
        self.phase = if waiting { Phase::Waiting } else { Phase::Resting };
    }

    fn want_now(&mut self, now: Time) {
        let earliest = self.last.map_or(now, |last| last.at + APART);
        self.settle(now.max(earliest), Cause::Person);
    }

    /// Something changed. What the person wants is not forgotten over a window that moves.
    fn settle(&mut self, until: Time, cause: Cause) {
        let cause = match self.phase {
            Phase::Settling { cause: before, .. } => cause.max(before),
            _ => cause,
        };
        self.phase = Phase::Settling { until, cause };
    }

    /// Nothing is known any more of what the device can do, but for its kind.
    fn forget_limits(&mut self) {
        (self.limits, self.ceiling) = (self.device.limits(), Ceiling::default());
    }

    /// Whether a guest has what it was asked for, but for a width that it rounds.
    fn rounds(&self, asked: Size<Guest>, shown: Size<Guest>) -> bool {
        let rounded = Size::new(asked.width / Limits::COMMON.align * Limits::COMMON.align, asked.height);
        self.phase == Phase::Waiting && self.limits.align == 1 && asked != shown && shown == rounded
    }

    /// Whether the guest has been told of other pixels than this window's monitor has.
    fn has_news_of_density(&self, window: &Window) -> bool {
        let differs = |last: &Last| last.has_other_pixels_than(window.pitch, last.wish.size);
        self.device.tells_millimetres() && self.last.as_ref().is_some_and(differs)
    }

    /// The window suits the picture: nothing is to be asked, and no earlier wish is for it.
    fn suited(&mut self) {
        if let Some(last) = &mut self.last {
            last.stands &= self.shown == Some(last.wish.size);
        }
        if matches!(self.phase, Phase::Settling { cause: Cause::Window, .. }) {
            self.rest();
        }
    }

    fn give_up(&mut self) {
        let Some(Last { wish: Wish { size: asked, .. }, before, .. }) = self.last else { return };
        let &mut Self { device, driver, shown, followed, .. } = self;
        let reason = match shown.filter(|_| device == Device::Vfio) {
            Some(shown) => {
                self.ceiling.stayed(asked, before, shown);
                self.ceiling.explains(asked, shown).then_some(Reason::Most(shown))
            }
            None => None,
        };
        let evidence = || Evidence { device, driver, before, shown, followed }.reason();
        self.verdict = Verdict::NotFollowed { asked, reason: reason.unwrap_or_else(evidence) };
    }

    /// Things have settled: what is to be asked, if that is anything new, and with which pixels.
    fn settled(&mut self, cause: Cause) -> Option<(Wish, Pitch)> {
        let window = self.window?;
        if self.support == Support::Refused && cause < Cause::Person {
            return None;
        }
        let size = match cause {
            Cause::Density => self.standing()?,
            Cause::Window | Cause::Person => self.goal(&window)?,
        };
        if window.sized_by != SizedBy::Fullscreen {
            self.windowed = None;
        }
        let pitch = window.pitch;
        let wish = Wish { size, millimetres: pitch.millimetres(size), at: window.at };
        let tells_millimetres = self.device.tells_millimetres();
        let Some(last) = &mut self.last else {
            // The first wish tells the guest how large its pixels are, also if their number is right.
            let news = self.shown != Some(size) || tells_millimetres;
            return news.then_some((wish, pitch));
        };
        let same_size = last.wish.size == size;
        let told = last.wish.at == wish.at && !(tells_millimetres && last.has_other_pixels_than(pitch, size));
        last.stands &= same_size && told;
        let known = same_size && cause < Cause::Person && last.stands;
        if told && (known || self.shown == Some(size)) {
            return None;
        }
        Some((if wish == last.wish { wish.nudged() } else { wish }, pitch))
    }

    /// The size that a guest has, or is to have: not that of the window, if it has gone its own way since.
    fn standing(&self) -> Option<Size<Guest>> {
        match self.verdict {
            Verdict::None => self.shown.filter(|shown| self.limits().allow(*shown)),
            Verdict::Followed { size, .. } => Some(size),
            Verdict::Waiting { .. } | Verdict::NotFollowed { .. } => self.last.map(|last| last.wish.size),
        }
    }

    /// The size that the guest should have, `None` where that is its own affair. What it shows, if
    /// that does as well.
    fn goal(&self, window: &Window) -> Option<Size<Guest>> {
        let fullscreen = window.sized_by == SizedBy::Fullscreen;
        match (self.policy, self.chosen) {
            (Policy::OnlyFullscreen, chosen) if !fullscreen => {
                chosen.or(self.windowed).map(|size| self.limits().clamp(size))
            }
            (Policy::OnlyFullscreen, _) | (Policy::FollowWindow, None) => {
                Some(self.fitting(window, fullscreen))
            }
            (Policy::Off | Policy::FollowWindow, chosen) => chosen.map(|size| self.limits().clamp(size)),
        }
    }

    fn fitting(&self, window: &Window, fullscreen: bool) -> Size<Guest> {
        // A monitor's own size is one that guests know, whatever divides it.
        let limits = self.limits();
        let align = if fullscreen { 1 } else { limits.align };
        let Window { area, scale, rotation, .. } = *window;
        let best = limits.clamp(dividing_mode(area, scale, rotation, align));
        let all = limits.clamp(dividing_mode(area, scale, rotation, 1));
        let enough = |shown: &Size<Guest>| {
            let between = |least: u32, shown: u32, most: u32| least <= shown && shown <= most;
            between(best.width, shown.width, all.width) && between(best.height, shown.height, all.height)
        };
        self.shown.filter(enough).unwrap_or(best)
    }
}

impl Last {
    /// Whether a screen of this size would have other millimetres now. What rounding or nudging makes of
    /// them is no news.
    fn has_other_pixels_than(&self, pitch: Pitch, size: Size<Guest>) -> bool {
        self.pitch.millimetres(size) != pitch.millimetres(size)
    }
}

impl Wish {
    /// The same for the guest, and news for QEMU, which drops what is the same as the last one.
    #[must_use]
    pub fn nudged(self) -> Self {
        Self { millimetres: self.millimetres.nudged(), ..self }
    }
}

impl Window {
    /// Whether the guest would be told the same, but for its millimetres.
    fn is_alike(&self, other: &Self) -> bool {
        let Self { area, scale, rotation, at, sized_by, .. } = self;
        let fullscreen = |sized_by: &SizedBy| *sized_by == SizedBy::Fullscreen;
        (area.size, scale, rotation, at) == (other.area.size, &other.scale, &other.rotation, &other.at)
            && fullscreen(sized_by) == fullscreen(&other.sized_by)
    }
}
