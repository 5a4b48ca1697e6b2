//! `oriel list`: machines and their consoles, for people and as JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use super::cli;
use super::exit::{Exit, Failure};
use crate::display1::Description;
use crate::source::libvirt::{self, Access, Hypervisor, LibvirtError};
use crate::source::{ConnectError, Source, Surveyed, survey};

/// A machine, as JSON has it.
#[derive(Debug, Serialize)]
struct Machine {
    /// `null` where the machine does not answer.
    name: Option<String>,
    uuid: Option<String>,
    /// Its unique name on the bus; `null` without a bus.
    owner: Option<String>,
    /// Where it was found: the address of a bus, the path of a socket, libvirt's URI; `null` for the
    /// session bus.
    address: Option<String>,
    /// Whether it answered in time.
    answers: bool,
    /// What libvirt says of it, where it was found through libvirt. Its consoles are not looked at then:
    /// that would take its display from another viewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    libvirt: Option<Domain>,
    consoles: Vec<Console>,
}

/// What libvirt says of a machine, as JSON has it.
#[derive(Debug, Serialize)]
struct Domain {
    /// "running", "paused", "shutting-down", "asleep", "off", "crashed" or "unknown".
    state: &'static str,
    /// Its number, while it runs.
    id: Option<u32>,
    title: Option<String>,
    /// Whether it goes on from where it was saved.
    saved: bool,
    /// The kinds of its displays: "dbus", "spice", "vnc".
    displays: Vec<String>,
}

/// A console, as JSON has it.
#[derive(Debug, Serialize)]
struct Console {
    id: u32,
    label: String,
    /// "graphic" or "text".
    #[serde(rename = "type")]
    kind: &'static str,
    head: u32,
    width: u32,
    height: u32,
    device: String,
}

pub(super) fn run(list: cli::List) -> Result<Exit, Failure> {
    let json = list.json;
    let machines = machines(list)?;
    let text = if json {
        let json = serde_json::to_string_pretty(&machines).expect("strings and numbers");
        json + "\n"
    } else {
        table(&machines)
    };
    if machines.is_empty() {
        tracing::info!("no machine owns the name org.qemu there");
    }
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The machines of every place that was asked for. One that was asked for by name has to answer; of
/// the others one.
fn machines(list: cli::List) -> Result<Vec<Machine>, Failure> {
    let named = list.libvirt.is_some();
    let (source, uris) = list.places();
    let several = !uris.is_empty() && !named;
    let mut machines = Vec::new();
    let mut reached = false;
    for (uri, found) in of_libvirt(uris) {
        match found {
            Ok(found) => {
                reached = true;
                machines.extend(found.into_iter().map(|machine| Machine::of_libvirt(machine, &uri)));
            }
            Err(error) if named => return Err(ConnectError::from(error).into()),
            Err(error) => tracing::info!(uri, %error, "libvirt is left out"),
        }
    }
    let Some(source) = source else { return Ok(machines) };
    let address = match &source {
        Source::Bus { address, .. } => address.clone(),
        Source::Qmp(place) => Some(place.to_string()),
        Source::Fd(_) | Source::Launch(_) | Source::Libvirt(_) => None,
    };
    match survey(&source) {
        Ok(found) => machines.extend(found.into_iter().map(|found| Machine::new(found, address.clone()))),
        Err(error) if several && reached => tracing::info!(%error, "the session bus is left out"),
        Err(error) => return Err(error.into()),
    }
    Ok(machines)
}

/// The machines of each of libvirt's connections, asked at once.
fn of_libvirt(uris: Vec<String>) -> Vec<(String, Result<Vec<libvirt::Machine>, LibvirtError>)> {
    let connections: Vec<_> = uris.iter().map(|uri| Hypervisor::connect(uri, Access::ReadOnly)).collect();
    let asked = connections.iter().map(Hypervisor::machines);
    let found = zruntime::block_on(futures_util::future::join_all(asked));
    uris.into_iter().zip(found).collect()
}

/// Writes a command's result to standard output.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result
            .map_err(|error| Failure::new(Exit::Error, format!("cannot write to standard output: {error}"))),
    }
}

impl Machine {
    fn new(found: Surveyed, address: Option<String>) -> Self {
        let owner = found.owner;
        let Some((machine, consoles)) = found.answer else {
            return Self {
                name: None,
                uuid: None,
                owner,
                address,
                answers: false,
                libvirt: None,
                consoles: Vec::new(),
            };
        };
        let consoles = consoles.into_iter().map(|(id, description)| Console::new(id, description));
        Self {
            name: Some(machine.name),
            uuid: machine.uuid,
            owner,
            address,
            answers: true,
            libvirt: None,
            consoles: consoles.collect(),
        }
    }

    fn of_libvirt(machine: libvirt::Machine, uri: &str) -> Self {
        let libvirt::Machine { uuid, name, title, id, state, saved, displays, .. } = machine;
        let displays = displays.iter().map(|display| display.word().to_owned()).collect();
        Self {
            name: Some(name),
            uuid: Some(uuid),
            owner: None,
            address: Some(uri.to_owned()),
            answers: true,
            libvirt: Some(Domain { state: state.word(), id, title, saved, displays }),
            consoles: Vec::new(),
        }
    }
}

impl Console {
    fn new(id: u32, description: Description) -> Self {
        let Description { label, graphic, head, device, size, .. } = description;
        let kind = if graphic { "graphic" } else { "text" };
        Self { id, label, kind, head, width: size.width, height: size.height, device }
    }
}

/// One line a machine, and below it one a console.
fn table(machines: &[Machine]) -> String {
    let mut text = String::new();
    for Machine { name, uuid, owner, answers, consoles, libvirt, address } in machines {
        let name = plain(name.as_deref().unwrap_or("?"));
        let uuid = uuid.as_deref().map_or_else(|| "no UUID".into(), plain);
        let owner = owner.as_deref().map_or_else(String::new, |owner| format!("  {owner}"));
        let silent = if *answers { "" } else { "  does not answer" };
        let domain = libvirt.as_ref().map_or_else(String::new, |Domain { state, displays, .. }| {
            let uri = plain(address.as_deref().unwrap_or_default());
            let displays = if displays.is_empty() { "no display".to_owned() } else { displays.join(", ") };
            format!("  {uri}  {state}  {}", plain(&displays))
        });
        let _ = writeln!(text, "{name}  {uuid}{owner}{domain}{silent}");
        for Console { id, label, kind, width, height, device, .. } in consoles {
            let size = format!("{width}x{height}");
            let _ = writeln!(text, "  {id:<3} {kind:<8} {size:<10} {}  {}", plain(label), plain(device));
        }
    }
    text
}

/// Text from a peer, harmless to a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_show_who_answers_and_hide_what_a_terminal_obeys() {
        let console = Console {
            id: 0,
            label: "VGA\x1b[2J".into(),
            kind: "graphic",
            head: 0,
            width: 720,
            height: 400,
            device: "pci/0000/02.0".into(),
        };
        let web = Machine {
            name: Some("web".into()),
            uuid: None,
            owner: Some(":1.5".into()),
            address: None,
            answers: true,
            libvirt: None,
            consoles: vec![console],
        };
        let silent = Machine {
            name: None,
            uuid: None,
            owner: Some(":1.6".into()),
            address: None,
            answers: false,
            libvirt: None,
            consoles: Vec::new(),
        };
        let expected = "web  no UUID  :1.5\n  0   graphic  720x400    VGA\u{fffd}[2J  pci/0000/02.0\n\
                        ?  no UUID  :1.6  does not answer\n";
        assert_eq!(table(&[web, silent]), expected);
    }
}
