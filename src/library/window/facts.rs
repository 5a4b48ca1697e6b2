//! What there is to know about a machine: a pure function of what is known.

use super::words;
use crate::host::domain::Definition;
use crate::library::model::{Condition, Entry, Key, What};
use crate::library::supply::Showing;
use crate::markup::Document;
use crate::window::i18n::{gettext, gettext_f, ngettext_f};

/// What it is, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) title: String,
    pub(super) value: String,
}

fn fact(title: String, value: impl Into<String>) -> Fact {
    Fact { title, value: value.into() }
}

/// Who the machine is.
pub(super) fn of(entry: &Entry, condition: Condition) -> Vec<Fact> {
    let mut facts = vec![fact(gettext("State"), words::condition(condition, entry))];
    if let Some(machine) = entry.domain() {
        if machine.title.is_some() {
            facts.push(fact(gettext("Name"), &machine.name));
        }
        facts.push(fact(gettext("Displays"), words::displays(entry)));
    }
    match (&entry.key, &entry.what) {
        (Key::Domain { uri, .. }, _) => facts.push(fact(gettext("Connection"), uri)),
        (Key::Bus { owner }, _) => facts.push(fact(gettext("Name on the session bus"), owner)),
        (Key::Launched { .. }, What::Launched(launched)) => {
            facts.push(fact(gettext("Command"), launched.command.join(" ")));
            facts.push(fact(gettext("Folder"), &launched.folder));
        }
        (Key::Launched { .. }, _) => {}
    }
    facts.extend(entry.uuid().map(|uuid| fact(gettext("UUID"), uuid)));
    facts
}

/// How screens are seen, and what draws them.
pub(super) fn screens(drawing: &[Fact], showing: &[Showing]) -> Vec<Fact> {
    showing.iter().map(shown).chain(drawing.iter().cloned()).collect()
}

/// What draws, by a machine's definition.
pub(super) fn drawing(text: &str) -> Vec<Fact> {
    let mut facts = videos(text);
    let Ok(definition) = Definition::read(text) else { return facts };
    for graphics in definition.graphics() {
        if graphics.gl {
            let node = graphics.render_node.unwrap_or_else(|| gettext("chosen by libvirt"));
            facts.push(fact(gettext("GPU that the display draws with"), node));
        }
    }
    for vgpu in definition.vgpus() {
        let seen = if vgpu.display { gettext("QEMU shows it") } else { gettext("QEMU does not show it") };
        facts.push(fact(gettext("Mediated device"), format!("{} · {seen}", vgpu.uuid)));
    }
    facts
}

fn shown(showing: &Showing) -> Fact {
    let parts: Vec<&str> =
        [showing.way.as_str(), showing.rate.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    fact(gettext_f("Shown: {console}", &[("console", &showing.console)]), parts.join(" · "))
}

/// The devices of `<video>`, each with its heads.
fn videos(text: &str) -> Vec<Fact> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let devices = document.root().child("devices");
    let models =
        devices.into_iter().flat_map(|devices| devices.all("video")).filter_map(|video| video.child("model"));
    let facts = models.map(|model| {
        let kind = model.attribute("type").unwrap_or_default().to_owned();
        let heads: u32 = model.attribute("heads").and_then(|heads| heads.parse().ok()).unwrap_or(1);
        let count = heads.to_string();
        let heads = ngettext_f("{count} screen", "{count} screens", heads, &[("count", &count)]);
        fact(gettext("Graphics device"), format!("{kind} · {heads}"))
    });
    facts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_says_what_draws() {
        let text = "<domain><devices><video><model type='virtio' heads='2'/></video>\
                    <graphics type='dbus' p2p='yes'><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>\
                    <hostdev mode='subsystem' type='mdev' model='vfio-pci' display='on'>\
                    <source><address uuid='4b20d080-1b54-4048-85b3-a6a62d165c01'/></source></hostdev>\
                    </devices></domain>";
        let showing = Showing { console: "gpu".into(), way: "direct".into(), rate: String::new() };
        let values: Vec<_> = screens(&drawing(text), &[showing]).into_iter().map(|fact| fact.value).collect();
        assert_eq!(
            values,
            [
                "direct",
                "virtio · 2 screens",
                "/dev/dri/renderD128",
                "4b20d080-1b54-4048-85b3-a6a62d165c01 · QEMU shows it"
            ]
        );
        assert_eq!(screens(&drawing("<nonsense"), &[]), []);
        assert_eq!(screens(&[], &[]), []);
    }
}
