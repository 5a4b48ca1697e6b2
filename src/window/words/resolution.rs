//! What became of a wish for a screen size, in words for people that say what works instead.

use super::super::i18n::{gettext, gettext_f};
use crate::resolution::{Policy, Reason, Remedy, Verdict, Wish};

/// When the guest is asked for the window's size.
pub(in super::super) fn policy(policy: Policy) -> String {
    match policy {
        Policy::FollowWindow => gettext("Always"),
        Policy::OnlyFullscreen => gettext("Only in fullscreen"),
        Policy::Off => gettext("Never"),
    }
}

/// What was asked for.
pub(in super::super) fn wish(wish: Wish) -> String {
    let values = [
        ("size", wish.size.to_string()),
        ("width", wish.millimetres.width.to_string()),
        ("height", wish.millimetres.height.to_string()),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    gettext_f("{size} pixels on {width} × {height} mm", &values)
}

/// What became of it.
pub(in super::super) fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::None => gettext("The guest has the size that it chose itself"),
        Verdict::Waiting { .. } => gettext("The guest has been asked"),
        Verdict::Followed { after, .. } if after.is_zero() => gettext("The guest had it already"),
        Verdict::Followed { after, .. } => {
            let seconds = format!("{:.1}", after.as_secs_f64());
            gettext_f("The guest has followed within {seconds} s", &[("seconds", &seconds)])
        }
        Verdict::NotFollowed { reason, .. } => why(reason),
    }
}

/// The same in a few words, for the statistics.
pub(in super::super) fn short(verdict: Verdict) -> Option<String> {
    let (text, size) = match verdict {
        Verdict::None => return None,
        Verdict::Waiting { asked } => (gettext("{size} asked for"), asked),
        Verdict::Followed { size, .. } => (gettext("{size}, as asked for"), size),
        Verdict::NotFollowed { asked, .. } => (gettext("not {size}, which was asked for"), asked),
    };
    Some(text.replace("{size}", &size.to_string()))
}

/// Why the guest has not followed.
fn why(reason: Reason) -> String {
    match reason {
        Reason::Unsupported => gettext("This display device has no way to tell the guest a size"),
        Reason::Undelivered => gettext("QEMU has not answered: it may be busy, or paused"),
        Reason::NoDriver => {
            gettext("The guest shows what its firmware drew: no driver for this display is running yet")
        }
        Reason::Ignored => gettext(
            "QEMU has passed it on and nothing has happened: the virtual GPU has no EDID that can change, or the guest’s driver does not look at it",
        ),
        Reason::NoAgent => gettext("The guest’s driver has been told, and nothing in the guest acts on it"),
        Reason::OtherSize(size) => gettext_f(
            "The guest has taken {size} instead: the nearest that it can, or one that was chosen there",
            &[("size", &size.to_string())],
        ),
        Reason::Most(size) => gettext_f(
            "The virtual GPU shows {size} at most, as far as can be seen",
            &[("size", &size.to_string())],
        ),
        Reason::Late => gettext("The guest has followed before and has not yet: it may be busy"),
        Reason::Unknown => gettext("The guest has been told, as far as QEMU knows, and shows what it did"),
    }
}

/// Why it has not, as short as a message over the picture has to be.
pub(in super::super) fn excuse(reason: Reason) -> String {
    match reason {
        Reason::Unsupported => gettext("This display cannot be resized"),
        Reason::Undelivered => gettext("QEMU does not answer"),
        Reason::NoDriver => gettext("The guest’s display driver is not running yet"),
        Reason::Ignored | Reason::NoAgent | Reason::Unknown => gettext("The guest keeps its resolution"),
        Reason::OtherSize(size) => {
            gettext_f("The guest has taken {size} instead", &[("size", &size.to_string())])
        }
        Reason::Most(size) => gettext_f("This display shows {size} at most", &[("size", &size.to_string())]),
        Reason::Late => gettext("The guest has not followed yet"),
    }
}

/// What can be done, and how.
pub(in super::super) fn remedy(remedy: Remedy) -> (String, String) {
    match remedy {
        Remedy::Definition => (
            gettext("Start With This Resolution"),
            gettext("Put it into the machine’s definition: it counts from the next start on"),
        ),
        Remedy::OtherDevice => (
            gettext("Give the Machine Another Display"),
            gettext("One that can be told: “-device virtio-vga”, or the video model “virtio” in libvirt"),
        ),
        Remedy::LargerDevice => (
            gettext("Give the Machine a Larger Virtual GPU"),
            gettext("Types of virtual GPUs differ in the largest resolution that they show"),
        ),
        Remedy::Driver => (
            gettext("Install the Display’s Driver in the Guest"),
            gettext("For Windows it is in virtio-win; that of a virtual GPU comes from its maker"),
        ),
        Remedy::Agent => (
            gettext("Let Something in the Guest Follow"),
            gettext(
                "GNOME and KDE Plasma do once somebody is logged in. On Windows the service “vgpusrv” of virtio-win does",
            ),
        ),
        Remedy::InTheGuest => (
            gettext("Choose the Resolution in the Guest"),
            gettext("In the display settings there: the window follows"),
        ),
        Remedy::AskAgain => (gettext("Try Again"), gettext("The guest may have been busy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::resolution::Millimetres;

    #[test]
    fn everything_has_words() {
        let told: std::collections::BTreeSet<_> = Reason::EVERY.into_iter().map(why).collect();
        assert_eq!(told.len(), Reason::EVERY.len(), "each reason is another");
        // What fits into a message over a window of 360 units.
        assert!(Reason::EVERY.into_iter().all(|reason| excuse(reason).chars().count() < 50));
    }

    #[test]
    fn numbers_are_told() {
        let size = Size::new(1600, 900);
        let millimetres = Millimetres { width: 423, height: 238 };
        let wish = Wish { size, millimetres, at: crate::geometry::Point::new(0, 0) };
        assert_eq!(super::wish(wish), "1600×900 pixels on 423 × 238 mm");
        assert_eq!(short(Verdict::Waiting { asked: size }).as_deref(), Some("1600×900 asked for"));
    }
}
