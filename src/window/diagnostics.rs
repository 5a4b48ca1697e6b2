//! Everything that somebody who is to help needs to know, as text: untranslated, as a log would be.

use std::env;
use std::fmt;
use std::fs;

use adw::prelude::*;
use gtk::glib;

use super::MachineWindow;
use super::i18n::gettext;
use crate::clock;
use crate::frame::{Dmabuf, Scanout};
use crate::present::{Refusals, Rung, Status};
use crate::session::{Console, ConsoleKind, Hardware, Ramfb};
use crate::stats::{Quantiles, Report, Wish};

/// What is known, in the order in which it is told.
#[derive(Debug, Default)]
struct Diagnostics {
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    title: String,
    /// Each what it is, and its value; of several lines perhaps.
    facts: Vec<(String, String)>,
}

impl Diagnostics {
    fn section<'a>(&mut self, title: &str, facts: impl IntoIterator<Item = (&'a str, String)>) {
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.sections.push(Section { title: title.to_owned(), facts });
    }

    /// The text, without what leads to the person: their home, which is in paths, is `~`.
    fn text(&self, home: Option<&str>) -> String {
        let text = self.to_string();
        match home.map(|home| home.trim_end_matches('/')).filter(|home| !home.is_empty()) {
            Some(home) => text.replace(home, "~"),
            None => text,
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, section) in self.sections.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            writeln!(f, "{between}{}", section.title)?;
            for (name, value) in &section.facts {
                // What a machine calls itself could be anything: it stays in its line.
                let value = value.lines().collect::<Vec<_>>().join("\n    ");
                writeln!(f, "  {name}: {value}")?;
            }
        }
        Ok(())
    }
}

impl MachineWindow {
    /// Puts everything there is to know on the clipboard.
    pub(super) fn copy_diagnostics(&self) {
        self.clipboard().set_text(&self.diagnostics());
        self.toast(&adw::Toast::new(&gettext("Diagnostics copied")));
    }

    /// Everything there is to know.
    pub(super) fn diagnostics(&self) -> String {
        let mut all = Diagnostics::default();
        self.add_software(&mut all);
        self.add_machine(&mut all);
        if let Some(console) = self.console() {
            let scanout = console.frames.current();
            all.section("Picture", picture(self.view().status().as_ref(), scanout.as_ref()));
            let format = match &scanout {
                Some(Scanout::Dmabuf(dmabuf)) => Some((dmabuf.fourcc(), dmabuf.modifier())),
                _ => None,
            };
            if let Some(facts) = self.view().facts() {
                all.section("Compositor and GPU", facts.lines(format));
            }
            all.section("Statistics since the start", statistics(&console.stats.summary(clock::now())));
        }
        all.text(glib::home_dir().to_str())
    }

    fn add_software(&self, all: &mut Diagnostics) {
        let display = gtk::prelude::WidgetExt::display(self);
        let renderer = self.renderer().map_or("none", |renderer| renderer.type_().name());
        let file = |path| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let variable = |name| env::var(name).unwrap_or_default();
        let sandbox = if fs::exists("/.flatpak-info").unwrap_or_default() { "Flatpak" } else { "none" };
        let scale = self.surface().map_or(1.0, |surface| surface.scale());
        all.section(
            "Software",
            [
                ("Oriel", env!("CARGO_PKG_VERSION").to_owned()),
                (
                    "GTK",
                    format!("{}.{}.{}", gtk::major_version(), gtk::minor_version(), gtk::micro_version()),
                ),
                (
                    "libadwaita",
                    format!("{}.{}.{}", adw::major_version(), adw::minor_version(), adw::micro_version()),
                ),
                ("System", glib::os_info("PRETTY_NAME").map(String::from).unwrap_or_default()),
                ("Kernel", file("/proc/sys/kernel/osrelease")),
                ("Sandbox", sandbox.to_owned()),
                ("Desktop", variable("XDG_CURRENT_DESKTOP")),
                ("Session", variable("XDG_SESSION_TYPE")),
                ("Display", display.type_().name().to_owned()),
                ("Renderer of the window", renderer.to_owned()),
                ("Scale of the window", scale.to_string()),
            ],
        );
    }

    fn add_machine(&self, all: &mut Diagnostics) {
        let known = self.shared().known.borrow();
        let machine = known.machine.as_ref();
        let name = machine.map(|machine| machine.name.clone()).unwrap_or_default();
        let qemu = machine.and_then(|machine| machine.qemu.clone());
        let qemu = qemu.unwrap_or_else(|| "of unknown version".to_owned());
        let mut facts = vec![("Name", name), ("QEMU", qemu), ("Reached", self.setup().way.to_owned())];
        facts.push(("Clipboard", self.shared().describe_clipboard()));
        facts.extend(known.consoles.iter().map(|console| {
            let shown = self.shared().head(console.id).is_some();
            ("Console", describe(console, shown))
        }));
        all.section("Machine", facts);
    }
}

/// A console in a line.
fn describe(console: &Console, shown: bool) -> String {
    let kind = match console.kind {
        ConsoleKind::Graphic => "graphic",
        ConsoleKind::Text => "text",
    };
    let device = if console.device.is_empty() { "no address" } else { &console.device };
    let hardware = match console.hardware {
        Hardware::Vfio { ramfb: Ramfb::On } => "vfio with ramfb",
        Hardware::Vfio { ramfb: Ramfb::Off } => "vfio without ramfb",
        Hardware::Vfio { ramfb: Ramfb::Unknown } => "vfio",
        Hardware::VirtioGpu => "virtio-gpu",
        Hardware::Ramfb => "ramfb",
        Hardware::Other => "of QEMU's own",
        Hardware::Unknown => "of an unknown kind",
    };
    let shown = if shown { ", shown" } else { "" };
    format!("{} {}, {kind}, head {} of {device}, {hardware}{shown}", console.id, console.label, console.head)
}

/// How the picture gets to the screen, why not in a better way, and how its buffer is laid out.
fn picture(status: Option<&Status>, scanout: Option<&Scanout>) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let (way, refused) = match status {
        None => ("none: there is no output".to_owned(), None),
        Some(Status::Idle) => ("none yet".to_owned(), None),
        Some(Status::Showing { rung, refused, fidelity }) => {
            let pixels = fidelity.name().map_or_else(String::new, |name| format!(", pixels {name}"));
            (format!("{rung}{pixels}"), Some(refused))
        }
        Some(Status::Refused { refused }) => ("refused".to_owned(), Some(refused)),
        Some(Status::Gone { reason }) => (format!("gone: {reason}"), None),
    };
    facts.push(("Way", way));
    facts.extend(
        refused.into_iter().flat_map(Refusals::iter).map(|(rung, reason)| (not(*rung), reason.to_string())),
    );
    match scanout {
        None | Some(Scanout::Blank) => facts.push(("Buffer", "none".to_owned())),
        Some(Scanout::Pixels(pixels)) => {
            let (size, format) = (pixels.size(), pixels.format());
            facts
                .push(("Buffer", format!("{}x{} {}, in messages", size.width, size.height, format.fourcc())));
        }
        Some(Scanout::Mapped(mapped)) => facts.push((
            "Buffer",
            format!(
                "{}x{} {}, shared memory, offset {}, stride {}",
                mapped.size().width,
                mapped.size().height,
                mapped.format().fourcc(),
                mapped.offset(),
                mapped.stride()
            ),
        )),
        Some(Scanout::Dmabuf(dmabuf)) => facts.extend(buffer(dmabuf)),
    }
    facts
}

/// What a rung that was refused is told under.
const fn not(rung: Rung) -> &'static str {
    match rung {
        Rung::Direct => "Not direct",
        Rung::Compose => "Not compose",
        Rung::Bridge => "Not bridge",
        Rung::Copy => "Not copy",
        Rung::Gtk => "Not gtk",
    }
}

fn buffer(dmabuf: &Dmabuf) -> Vec<(&'static str, String)> {
    let (backing, crop) = (dmabuf.backing(), dmabuf.crop());
    let upside = if dmabuf.y0_top() { ", y0_top" } else { "" };
    let mut facts = vec![(
        "Buffer",
        format!(
            "{}x{}+{}+{} of {}x{} {}, dma-buf, modifier {}{upside}",
            crop.size.width,
            crop.size.height,
            crop.origin.x,
            crop.origin.y,
            backing.width,
            backing.height,
            dmabuf.fourcc(),
            dmabuf.modifier()
        ),
    )];
    facts.extend(
        dmabuf
            .planes()
            .iter()
            .map(|plane| ("Plane", format!("offset {}, stride {}", plane.offset, plane.stride))),
    );
    facts
}

fn statistics(report: &Report) -> Vec<(&'static str, String)> {
    let counts = &report.counts;
    #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
    let rate = |count: u64| {
        let rate = if report.span > 0.0 { count as f64 / report.span } else { 0.0 };
        format!("{count} ({rate:.1} a second)")
    };
    vec![
        ("Seconds", format!("{:.0}", report.seconds)),
        ("Messages", rate(counts.received)),
        ("Updates of the guest", rate(counts.updates)),
        ("Flips of the guest", counts.flips.to_string()),
        ("Asked for at the monitor", format!("{} ({:?})", counts.kicks, report.boost)),
        ("Shown once more", counts.resampled.to_string()),
        ("Committed", rate(counts.committed)),
        ("Presented", rate(counts.presented)),
        (
            "Never seen",
            format!("{} overtaken, {} missed, {} refused", counts.overtaken, counts.missed, counts.dropped),
        ),
        ("Scanned out", counts.scanned_out.to_string()),
        ("Waited for, shown unfinished", format!("{}, {}", counts.waited, counts.unfinished)),
        ("Sizes asked for", format!("{}, {}", counts.wishes, wish(report.wish.as_ref()))),
        ("Imports", counts.imported.to_string()),
        ("Shader passes", counts.passes.to_string()),
        ("Bytes copied", counts.copied.to_string()),
        ("Delay to reply", latency(report.reply)),
        ("Delay to commit", latency(report.commit)),
        ("Delay to screen", latency(report.present)),
    ]
}

/// What the guest was asked for last.
fn wish(wish: Option<&Wish>) -> String {
    let Some(Wish { size, millimetres, at, outcome, after }) = wish else { return "none open".to_owned() };
    let after = after.map(|after| format!(" after {after:.0} ms")).unwrap_or_default();
    format!("{}x{} of {}x{} mm at {at:?}: {outcome}{after}", size.0, size.1, millimetres.0, millimetres.1)
}

fn latency(quantiles: Option<Quantiles>) -> String {
    quantiles.map_or_else(
        || "unknown".to_owned(),
        |Quantiles { p50, p99, max }| format!("p50 {p50:.3} ms, p99 {p99:.3} ms, max {max:.3} ms"),
    )
}

#[cfg(test)]
mod tests;
