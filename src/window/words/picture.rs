//! Which way a picture takes to the screen, why it takes no better one, and what to do if there is none.

use crate::present::ladder::Reason;
use crate::present::{Fidelity, Kernel, Refusals, Rung};
use crate::stats::Path;
use crate::window::i18n::{gettext, gettext_f};

/// A way to the screen.
pub(in crate::window) fn way(rung: Rung) -> String {
    match rung {
        Rung::Direct => gettext("Direct: the guest’s own buffer"),
        Rung::Compose => gettext("Composed: the guest’s buffer, drawn by the GPU"),
        Rung::Bridge => gettext("Bridged: one copy from GPU to GPU"),
        Rung::Copy => gettext("Copied: what changes, by the processor"),
        Rung::Gtk => gettext("GTK: a texture that it draws"),
    }
}

/// Why a rung does not do: a clause that says who refuses.
pub(in crate::window) fn reason(reason: &Reason) -> String {
    let text = |value: &dyn ToString| value.to_string();
    match reason {
        Reason::Messages => gettext("the picture came in messages"),
        Reason::Asked => gettext("another way was asked for"),
        Reason::Snapshot => gettext("snapshots were asked for"),
        Reason::NotBuilt => gettext("this build of Oriel cannot draw with the GPU"),
        Reason::Unsealed => gettext("the guest’s memory belongs to another user and could shrink"),
        Reason::Access(why) => gettext_f("the guest’s memory cannot be shared: {error}", &[("error", why)]),
        Reason::Layout { offset, stride } => gettext_f(
            "the compositor takes no pixels {offset} bytes into a file, with rows of {stride} bytes",
            &[("offset", &text(offset)), ("stride", &text(stride))],
        ),
        Reason::ShmFormat(format) => gettext_f(
            "the compositor takes no shared memory of format {format}",
            &[("format", &text(format))],
        ),
        Reason::NoDmabuf => gettext("the compositor has no linux-dmabuf"),
        Reason::DmabufFormat(format, modifier) => gettext_f(
            "the compositor takes no buffers of format {format} and modifier {modifier}",
            &[("format", &text(format)), ("modifier", &text(modifier))],
        ),
        Reason::NoBuffer => gettext("what should be a buffer is something else"),
        Reason::Short => gettext("the buffer is smaller than its picture"),
        Reason::Refused => gettext("the compositor refused the buffer"),
        Reason::Tiled(modifier) => {
            gettext_f("the processor cannot read modifier {modifier}", &[("modifier", &text(modifier))])
        }
        Reason::Unreadable(format) => {
            gettext_f("the processor cannot read format {format}", &[("format", &text(format))])
        }
        Reason::Io(error) => gettext_f("the buffer cannot be read: {error}", &[("error", error)]),
        Reason::NoWayland => gettext("there is no Wayland compositor"),
        Reason::NoGlobal(name) => gettext_f("the compositor lacks {name}", &[("name", name)]),
        other => of_gpu(other),
    }
}

/// Why a GPU does not do.
fn of_gpu(reason: &Reason) -> String {
    let text = |value: &dyn ToString| value.to_string();
    match reason {
        Reason::Planes(planes, format) => gettext_f(
            "{planes} planes do not make a picture of format {format}",
            &[("planes", &text(planes)), ("format", &text(format))],
        ),
        Reason::NoGpu(error) => gettext_f("no GPU can be used: {error}", &[("error", error)]),
        Reason::GpuFormat(format, modifier) => gettext_f(
            "the GPU’s driver imports no buffers of format {format} and modifier {modifier}",
            &[("format", &text(format)), ("modifier", &text(modifier))],
        ),
        Reason::GpuRefused { error, .. } => {
            gettext_f("the GPU’s driver refused the buffer: {error}", &[("error", error)])
        }
        Reason::NoOwner => gettext("no other GPU has the buffer"),
        Reason::GpuLost => gettext("the GPU was lost"),
        Reason::Inexact => gettext("one guest pixel would not be one of the monitor’s"),
        Reason::Filter => gettext("the compositor has no such filter"),
        Reason::SharedMemory => gettext("the picture lies in memory that needs no GPU"),
        Reason::SoftwareGpu => gettext("a processor does the GPU’s work here, and copies more cheaply"),
        other => other.to_string(),
    }
}

/// What makes the monitor's pixels of the guest's; `None` where nothing is shown.
pub(in crate::window) fn fidelity(fidelity: &Fidelity) -> Option<String> {
    Some(match fidelity {
        Fidelity::None => return None,
        Fidelity::Exact => gettext("exact"),
        Fidelity::Rounded => gettext("exact, as far as the compositor rounds to pixels"),
        Fidelity::Mixed(kernel) => mixed(*kernel),
        Fidelity::Compositor(None) => gettext("scaled by the compositor"),
        Fidelity::Compositor(Some(why)) => {
            gettext_f("scaled by the compositor: {reason}", &[("reason", &reason(why))])
        }
        Fidelity::Gtk(kernel) => gettext_f("{filter}, by GTK", &[("filter", &mixed(*kernel))]),
    })
}

fn mixed(kernel: Kernel) -> String {
    match kernel {
        Kernel::Nearest => gettext("nearest pixel"),
        Kernel::Linear => gettext("linear"),
        Kernel::Sharp => gettext("sharp edges"),
        Kernel::Area => gettext("smooth when smaller"),
        Kernel::Sharpen => gettext("more contrast"),
    }
}

/// The picture's size, format and modifier, as far as they are known.
pub(in crate::window) fn layout(path: &Path) -> String {
    let size = path.size.map(|(width, height)| format!("{width}×{height}"));
    [size, path.format.clone(), path.modifier.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was refused, by whom, and what to try.
pub(in crate::window) fn refusal(refused: &Refusals, path: &Path) -> String {
    let reasons = telling(refused);
    let said = reasons.iter().map(|why| reason(why)).collect::<Vec<_>>().join("; ");
    let values = [("picture", &*layout(path)), ("reasons", &said)];
    let told = gettext_f("A picture ({picture}) cannot be shown: {reasons}.", &values);
    match reasons.iter().find_map(|why| advice(why)) {
        Some(advice) => format!("{told} {advice}"),
        None => told,
    }
}

/// The reasons to tell, each once: that another way was asked for is one only if there is no other,
/// and so is what only says that a rung is for other cases.
fn telling(refused: &Refusals) -> Vec<&Reason> {
    let mut reasons: Vec<&Reason> = Vec::new();
    for (_, reason) in refused.iter() {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let telling = |reason: &Reason| {
        use Reason as R;
        let beside_the_point = matches!(
            reason,
            R::NotBuilt | R::NoOwner | R::SharedMemory | R::SoftwareGpu | R::Inexact | R::Filter
        );
        !beside_the_point && !matches!(reason, R::Asked | R::Snapshot)
    };
    if reasons.iter().any(|reason| telling(reason)) {
        reasons.retain(|reason| telling(reason));
    }
    reasons
}

/// What to try. Not every reason leaves the person something to do.
fn advice(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::Asked | Reason::Snapshot => gettext("Choose “Automatic” in the preferences."),
        Reason::NotBuilt => gettext("Install a complete build of Oriel."),
        Reason::DmabufFormat(..)
        | Reason::GpuFormat(..)
        | Reason::GpuRefused { .. }
        | Reason::Tiled(_)
        | Reason::Unreadable(_) => gettext(
            "Give QEMU the GPU that shows your desktop: “-display dbus,gl=on,rendernode=…”. If it has it, update Mesa and the kernel.",
        ),
        Reason::NoDmabuf | Reason::NoGlobal(_) => gettext("Update your desktop’s compositor."),
        Reason::Refused | Reason::NoBuffer | Reason::Short | Reason::Io(_) => {
            gettext("Reconnect, and report it with the diagnostics if it happens again.")
        }
        Reason::Unsealed | Reason::Access(_) => gettext("Run QEMU as the user who looks at it."),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixel::{Fourcc, Modifier};

    const FORMAT: Fourcc = Fourcc::new(*b"XR24");
    const MODIFIER: Modifier = Modifier(0x0100_0000_0000_0002);

    fn every_reason() -> Vec<Reason> {
        use Reason as R;
        let refused = "EGL_BAD_MATCH".to_owned();
        let size = Size::new(1920, 1080);
        vec![
            R::Messages,
            R::Asked,
            R::Snapshot,
            R::NotBuilt,
            R::Unsealed,
            R::Access("it may only be read"),
            R::Layout { offset: 2, stride: 1923 },
            R::ShmFormat(FORMAT),
            R::NoDmabuf,
            R::DmabufFormat(FORMAT, MODIFIER),
            R::Planes(5, FORMAT),
            R::NoBuffer,
            R::Short,
            R::Refused,
            R::NoOwner,
            R::Tiled(MODIFIER),
            R::Unreadable(FORMAT),
            R::Io("broken pipe".to_owned()),
            R::NoGpu("no driver".to_owned()),
            R::GpuFormat(FORMAT, MODIFIER),
            R::GpuRefused { size, fourcc: FORMAT, modifier: MODIFIER, error: refused },
            R::GpuLost,
            R::SharedMemory,
            R::SoftwareGpu,
            R::Inexact,
            R::Filter,
            R::NoWayland,
            R::NoGlobal("wp_viewporter"),
        ]
    }

    fn path() -> Path {
        Path {
            size: Some((1920, 1080)),
            format: Some(FORMAT.to_string()),
            modifier: Some(MODIFIER.to_string()),
            ..Path::default()
        }
    }

    fn of(reasons: &[(Rung, Reason)]) -> String {
        let add = |refused: Refusals, (rung, reason): &(Rung, Reason)| refused.and(*rung, reason.clone());
        refusal(&reasons.iter().fold(Refusals::default(), add), &path())
    }

    #[test]
    fn every_reason_is_a_clause_that_keeps_the_figures() {
        for why in every_reason() {
            let words = reason(&why);
            assert!(words.len() > 8 && !words.contains('{') && !words.ends_with('.'), "{why:?}: {words}");
            let debug = format!("{why:?}");
            for figure in ["1923", "XR24", "broken pipe", "no driver", "EGL_BAD_MATCH", "wp_viewporter"] {
                let told = words.contains(figure) || matches!(why, Reason::GpuRefused { .. });
                assert!(told || !debug.contains(figure), "{debug}: {words}");
            }
        }
    }

    #[test]
    fn a_refusal_says_what_by_whom_and_what_to_try() {
        for why in every_reason() {
            let words = of(&[(Rung::Direct, why.clone())]);
            assert!(
                words.starts_with("A picture (1920×1080, XR24, I915_Y_TILED) cannot be shown: "),
                "{words}"
            );
            assert!(words.contains(&reason(&why)), "{words}");
        }
        let format = Reason::DmabufFormat(FORMAT, MODIFIER);
        let words =
            of(&[(Rung::Direct, format), (Rung::Compose, Reason::GpuLost), (Rung::Copy, Reason::Short)]);
        assert!(words.ends_with("update Mesa and the kernel."), "{words}");
    }

    #[test]
    fn what_was_merely_asked_for_is_told_only_alone() {
        let asked = (Rung::Compose, Reason::Asked);
        assert!(of(&[asked.clone(), asked.clone()]).contains("“Automatic”"));
        let words = of(&[asked, (Rung::Direct, Reason::NoDmabuf), (Rung::Bridge, Reason::NoOwner)]);
        assert!(
            words.contains("linux-dmabuf") && !words.contains("asked") && !words.contains("no other GPU"),
            "{words}"
        );
    }

    #[test]
    fn every_way_has_a_name() {
        let names: std::collections::BTreeSet<_> =
            Rung::SURFACE.into_iter().chain([Rung::Gtk]).map(way).collect();
        assert_eq!(names.len(), 5);
    }
}
