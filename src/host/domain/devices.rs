//! Edits of what is in `<devices>`.

use super::definition::{Definition, GraphicsKind};
use super::edit::{Gl, Input, InputBus};
use crate::markup::{Fragment, Node, Patch, Splice};

/// The port by which SPICE's agent in the guest is reached, whoever serves it.
const AGENT_PORT: &str = "com.redhat.spice.0";

/// The order in which libvirt writes devices (src/conf/domain_conf.c, `virDomainDefFormatInternal`):
/// new ones go where they would be afterwards.
const ORDER: [&str; 19] = [
    "emulator",
    "disk",
    "controller",
    "lease",
    "filesystem",
    "interface",
    "smartcard",
    "serial",
    "parallel",
    "console",
    "channel",
    "crypto",
    "input",
    "tpm",
    "graphics",
    "sound",
    "audio",
    "video",
    "hostdev",
];

/// Puts a device among its like.
pub(super) fn add(definition: &Definition, fragment: &Fragment, name: &str) -> Splice {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    let last = definition.devices().children().rfind(|device| rank(device.name()) <= rank(name));
    definition.devices().insert(last, fragment)
}

pub(super) fn display(definition: &Definition, gl: &Gl) -> Patch {
    let Some(display) = graphics(definition, &GraphicsKind::Dbus) else {
        let mut fragment = Fragment::new("graphics").with("type", "dbus").with("p2p", "yes");
        if let Gl::On(node) = gl {
            fragment = fragment.containing(gl_fragment(node.as_deref()));
        }
        return Patch::new([add(definition, &fragment, "graphics")]);
    };
    // On a bus that somebody chose it can be reached; libvirt refuses both at once.
    let own_bus = display.attribute("address").is_some();
    let p2p = if own_bus { None } else { display.set("p2p", "yes") };
    let gl = match (gl, display.child("gl")) {
        (Gl::Off, _) => Vec::new(),
        (Gl::On(node), None) => vec![display.insert(None, &gl_fragment(node.as_deref()))],
        (Gl::On(node), Some(gl)) => {
            let node = node.as_deref().and_then(|node| gl.set("rendernode", node));
            gl.set("enable", "yes").into_iter().chain(node).collect()
        }
    };
    Patch::new(p2p.into_iter().chain(gl))
}

fn gl_fragment(node: Option<&str>) -> Fragment {
    let gl = Fragment::new("gl").with("enable", "yes");
    match node {
        Some(node) => gl.with("rendernode", node),
        None => gl,
    }
}

fn graphics<'d>(definition: &'d Definition, kind: &GraphicsKind) -> Option<Node<'d>> {
    definition.devices().all("graphics").find(|graphics| graphics.attribute("type") == Some(kind.as_str()))
}

pub(super) fn remove_graphics(definition: &Definition, kind: &GraphicsKind) -> Patch {
    let graphics = definition.devices().all("graphics");
    Patch::new(
        graphics.filter(|graphics| graphics.attribute("type") == Some(kind.as_str())).map(Node::remove),
    )
}

/// Channels and smart cards that a SPICE viewer would serve, but for the agent's, which
/// [`agent`] gives to QEMU.
fn spice_ports(definition: &Definition) -> impl Iterator<Item = Node<'_>> {
    definition.devices().children().filter(|device| {
        let kind = device.attribute("type");
        let is_spice = kind == Some("spiceport") || kind == Some("spicevmc");
        match device.name() {
            "smartcard" => is_spice,
            "channel" => is_spice && port_name(*device) != Some(AGENT_PORT),
            "serial" | "parallel" | "console" => kind == Some("spiceport"),
            _ => false,
        }
    })
}

pub(super) fn has_spice_ports(definition: &Definition) -> bool {
    spice_ports(definition).next().is_some()
}

pub(super) fn remove_spice_ports(definition: &Definition) -> Patch {
    Patch::new(spice_ports(definition).map(Node::remove))
}

pub(super) fn sound(definition: &Definition) -> Patch {
    let audios = || definition.devices().all("audio");
    let of_kind = |kind| audios().find(|audio| audio.attribute("type") == Some(kind));
    let used = of_kind("dbus").or_else(|| of_kind("spice")).or_else(|| of_kind("none")).or(audios().next());
    let id = used.and_then(|audio| audio.attribute("id")).unwrap_or("1");
    let new = Fragment::new("audio").with("id", id).with("type", "dbus");
    let change = match used {
        None => Some(add(definition, &new, "audio")),
        Some(audio) => match audio.attribute("type") {
            Some("dbus") => None,
            // These have nothing of their own that would not be understood.
            Some("spice" | "none") => audio.set("type", "dbus"),
            _ => Some(audio.replace(&new)),
        },
    };
    let display = graphics(definition, &GraphicsKind::Dbus);
    let link = display.and_then(|display| match display.child("audio") {
        Some(audio) => audio.set("id", id),
        None => {
            let last = display.children().next_back();
            Some(display.insert(last, &Fragment::new("audio").with("id", id)))
        }
    });
    Patch::new(change.into_iter().chain(link))
}

fn port_name(channel: Node<'_>) -> Option<&str> {
    channel.child("target")?.attribute("name")
}

pub(super) fn agent(definition: &Definition) -> Patch {
    // QEMU's own agent would take the pointer over as soon as it is there, guest or not: the tablet is
    // for that.
    let mouse = || Fragment::new("mouse").with("mode", "server");
    let clipboard = || Fragment::new("clipboard").with("copypaste", "yes");
    let source = || Fragment::new("source").containing(clipboard()).containing(mouse());
    let channel = definition.devices().all("channel").find(|channel| port_name(*channel) == Some(AGENT_PORT));
    let Some(channel) = channel else {
        let target = Fragment::new("target").with("type", "virtio").with("name", AGENT_PORT);
        let channel = Fragment::new("channel").with("type", "qemu-vdagent");
        return Patch::new([add(definition, &channel.containing(source()).containing(target), "channel")]);
    };
    let kind = channel.set("type", "qemu-vdagent");
    let inside = match channel.child("source") {
        None => vec![channel.insert(None, &source())],
        Some(own) if own.children().next().is_none() => vec![own.replace(&source())],
        Some(own) => {
            let clipboard = match own.child("clipboard") {
                Some(own) => own.set("copypaste", "yes"),
                None => Some(own.insert(None, &clipboard())),
            };
            let mouse = match own.child("mouse") {
                Some(own) => own.set("mode", "server"),
                None => Some(own.insert(own.children().next_back(), &mouse())),
            };
            clipboard.into_iter().chain(mouse).collect()
        }
    };
    Patch::new(kind.into_iter().chain(inside))
}

pub(super) fn redirect_usb(definition: &Definition) -> Patch {
    let all = || definition.devices().all("redirdev").filter(|device| device.attribute("bus") == Some("usb"));
    if all().next().is_none() {
        let new = Fragment::new("redirdev").with("bus", "usb").with("type", "dbus");
        return Patch::new([add(definition, &new, "redirdev")]);
    }
    let of_spice = all().filter(|device| device.attribute("type") == Some("spicevmc"));
    Patch::new(of_spice.filter_map(|device| device.set("type", "dbus")))
}

/// Whether SPICE redirects USB devices.
pub(super) fn has_spice_redirection(definition: &Definition) -> bool {
    definition.devices().all("redirdev").any(|device| device.attribute("type") == Some("spicevmc"))
}

/// Whether there is something to connect USB devices to: libvirt adds a controller where none is
/// forbidden.
pub(super) fn has_usb(definition: &Definition) -> bool {
    let mut controllers = definition.devices().all("controller");
    !controllers
        .any(|device| device.attribute("type") == Some("usb") && device.attribute("model") == Some("none"))
}

pub(super) fn has_input(definition: &Definition, input: Input) -> bool {
    definition.devices().all("input").any(|device| device.attribute("type") == Some(input.as_str()))
}

pub(super) fn has_device(definition: &Definition, name: &str) -> bool {
    definition.devices().child(name).is_some()
}

/// Whether the guest's agent is reached through this definition, and whether SPICE serves it.
pub(super) fn agent_kind(definition: &Definition) -> Option<&str> {
    let mut channels = definition.devices().all("channel");
    channels.find(|channel| port_name(*channel) == Some(AGENT_PORT))?.attribute("type")
}

pub(super) fn add_input(definition: &Definition, input: Input, bus: InputBus) -> Patch {
    let is_there = definition.devices().all("input").any(|device| {
        device.attribute("type") == Some(input.as_str()) && device.attribute("bus") == Some(bus.as_str())
    });
    if is_there {
        return Patch::default();
    }
    let new = Fragment::new("input").with("type", input.as_str()).with("bus", bus.as_str());
    Patch::new([add(definition, &new, "input")])
}
