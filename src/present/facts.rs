//! What the presenter knows of the compositor and the GPU, for whoever is to help: data, and its words.

use std::fmt;
use std::time::Duration;

use super::table::{Device, Formats, Tranche};
use crate::pixel::{Fourcc, Modifier};

/// What is behind the ladder's choices.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The compositor's globals with their versions.
    pub globals: Vec<(String, u32)>,
    /// What it takes as dma-bufs for our surface, where it takes any.
    pub formats: Option<Formats>,
    /// The GPU that we draw with, as its driver describes it.
    pub gpu: Option<String>,
    /// The GPU that has the guest's buffer, where that is another.
    pub owner: Option<String>,
    /// Between two refreshes of the screen, where the compositor says it.
    pub refresh: Option<Duration>,
    /// How the presenter and the compositor tell each other that a buffer is ready.
    pub sync: Sync,
}

/// How buffers are synchronised with the compositor.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// By the fences that the kernel keeps with each buffer.
    #[default]
    Implicit,
    /// By points on timelines (`wp_linux_drm_syncobj_v1`).
    Explicit,
}

impl Sync {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Explicit => "explicit",
        }
    }
}

/// A fact and its words; of several lines perhaps.
pub type Line = (&'static str, String);

impl Facts {
    /// All facts in words, untranslated, those about formats for a picture of this `format`.
    pub fn lines(&self, format: Option<(Fourcc, Modifier)>) -> Vec<Line> {
        let globals: Vec<_> =
            self.globals.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let mut lines = vec![("Compositor's globals", or_none(globals.join(", ")))];
        match &self.formats {
            Some(formats) => lines.extend(self::formats(formats, format)),
            None => lines.push(("Buffers for the compositor", "none: it has no linux-dmabuf".into())),
        }
        lines.push(("GPU that draws", self.gpu.clone().unwrap_or_else(|| "none was needed".into())));
        lines.extend(self.owner.clone().map(|owner| ("GPU that has the buffer", owner)));
        lines.push(("Synchronisation", self.sync.name().into()));
        let hertz = self.refresh.map(|refresh| format!("{:.2} Hz", 1.0 / refresh.as_secs_f64()));
        lines.push(("Refresh", hertz.unwrap_or_else(|| "unknown".into())));
        lines
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".into() } else { text }
}

fn formats(formats: &Formats, picture: Option<(Fourcc, Modifier)>) -> Vec<Line> {
    let device = |device: Option<Device>| device.map_or("unknown".into(), |device| device.to_string());
    let mut lines = vec![("Compositor's device", device(formats.main))];
    for Tranche { target, fit, pairs } in &formats.tranches {
        let of_picture = picture.map(|(fourcc, _)| (fourcc, modifiers(pairs, fourcc)));
        let of_picture = of_picture.map(|(fourcc, known)| format!("; {fourcc}: {}", or_none(known)));
        let text = format!(
            "{} pairs for device {}, {}{}",
            pairs.len(),
            device(*target),
            fit.name(),
            of_picture.unwrap_or_default()
        );
        lines.push(("Compositor takes", text));
    }
    if let Some((fourcc, modifier)) = picture {
        let fit = [fourcc.opaque(), fourcc].into_iter().find_map(|format| formats.fit(format, modifier));
        let text = fit.map_or("not taken".into(), |fit| fit.name().to_owned());
        lines.push(("The picture's buffer", format!("{fourcc} {modifier}: {text}")));
    }
    lines
}

/// The modifiers of a format and its opaque twin, sorted.
fn modifiers(pairs: &std::collections::HashSet<(Fourcc, Modifier)>, fourcc: Fourcc) -> String {
    let known = pairs.iter().filter(|(format, _)| *format == fourcc || *format == fourcc.opaque());
    let mut known: Vec<_> = known.map(|(_, modifier)| *modifier).collect();
    known.sort_unstable();
    known.dedup();
    known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// All facts, one in a line.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(None).iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Fit;
    use super::*;

    const AR24: Fourcc = Fourcc::new(*b"AR24");
    const XR24: Fourcc = Fourcc::new(*b"XR24");

    fn text(facts: &Facts, picture: Option<(Fourcc, Modifier)>) -> String {
        let lines = facts.lines(picture);
        lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }

    #[test]
    fn all_is_told_in_words() {
        let tiled = Modifier(0x0100_0000_0000_0002);
        let tranche = |target, fit, pairs: &[(Fourcc, Modifier)]| Tranche {
            target: Some(Device(target)),
            fit,
            pairs: pairs.iter().copied().collect(),
        };
        let facts = Facts {
            globals: vec![("wl_compositor".into(), 6), ("zwp_linux_dmabuf_v1".into(), 5)],
            formats: Some(Formats {
                main: Some(Device(0xe280)),
                tranches: vec![
                    tranche(0xe200, Fit::Scanout, &[(XR24, tiled)]),
                    tranche(0xe280, Fit::Sampled, &[(XR24, tiled), (AR24, Modifier::LINEAR)]),
                ],
            }),
            gpu: Some("Mesa Intel, OpenGL ES 3.2".into()),
            owner: None,
            refresh: Some(Duration::from_nanos(16_666_667)),
            sync: Sync::Explicit,
        };
        insta::assert_snapshot!(text(&facts, Some((AR24, tiled))), @r"
        Compositor's globals: wl_compositor 6, zwp_linux_dmabuf_v1 5
        Compositor's device: 226:128
        Compositor takes: 1 pairs for device 226:0, scanout; AR24: I915_Y_TILED
        Compositor takes: 2 pairs for device 226:128, sampled; AR24: LINEAR, I915_Y_TILED
        The picture's buffer: AR24 I915_Y_TILED: scanout
        GPU that draws: Mesa Intel, OpenGL ES 3.2
        Synchronisation: explicit
        Refresh: 60.00 Hz
        ");
    }

    #[test]
    fn what_is_not_known_is_said_so() {
        insta::assert_snapshot!(Facts::default(), @r"
        Compositor's globals: none
        Buffers for the compositor: none: it has no linux-dmabuf
        GPU that draws: none was needed
        Synchronisation: implicit
        Refresh: unknown
        ");
    }
}
