//! `oriel list`: machines and their consoles, for people and as JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use super::cli;
use super::exit::{Exit, Failure};
use crate::display1::Description;
use crate::source::{Source, Surveyed, survey};

/// A machine, as JSON has it.
#[derive(Debug, Serialize)]
struct Machine {
    /// `null` where the machine does not answer.
    name: Option<String>,
    uuid: Option<String>,
    /// Its unique name on the bus; `null` without a bus.
    owner: Option<String>,
    /// Where it was found: the address of a bus, the path of a socket; `null` for the session bus.
    address: Option<String>,
    /// Whether it answered in time.
    answers: bool,
    consoles: Vec<Console>,
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
    let source = list.source();
    let address = match &source {
        Source::Bus { address, .. } => address.clone(),
        Source::Qmp(place) => Some(place.to_string()),
        Source::Fd(_) | Source::Launch(_) => None,
    };
    let machines: Vec<Machine> =
        survey(&source)?.into_iter().map(|found| Machine::new(found, address.clone())).collect();
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
            return Self { name: None, uuid: None, owner, address, answers: false, consoles: Vec::new() };
        };
        let consoles = consoles.into_iter().map(|(id, description)| Console::new(id, description));
        Self {
            name: Some(machine.name),
            uuid: machine.uuid,
            owner,
            address,
            answers: true,
            consoles: consoles.collect(),
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
    for Machine { name, uuid, owner, answers, consoles, .. } in machines {
        let name = plain(name.as_deref().unwrap_or("?"));
        let uuid = uuid.as_deref().map_or_else(|| "no UUID".into(), plain);
        let owner = owner.as_deref().map_or_else(String::new, |owner| format!("  {owner}"));
        let silent = if *answers { "" } else { "  does not answer" };
        let _ = writeln!(text, "{name}  {uuid}{owner}{silent}");
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
            consoles: vec![console],
        };
        let silent = Machine {
            name: None,
            uuid: None,
            owner: Some(":1.6".into()),
            address: None,
            answers: false,
            consoles: Vec::new(),
        };
        let expected = "web  no UUID  :1.5\n  0   graphic  720x400    VGA\u{fffd}[2J  pci/0000/02.0\n\
                        ?  no UUID  :1.6  does not answer\n";
        assert_eq!(table(&[web, silent]), expected);
    }
}
