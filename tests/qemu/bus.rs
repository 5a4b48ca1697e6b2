//! Stock QEMU on a private bus: two machines queue for one name.

use harness::Result;
use harness::machine::{Builder, Display, Running};
use oriel::session::{Loss, State};
use oriel::source::Source;
use serde_json::Value;
use standin::bus::PrivateBus;

use crate::session_watch::{Watch, eventually};
use crate::support::done;

fn machine(bus: &PrivateBus, name: &str, uuid: &str) -> Result<Running> {
    let display = Display::DBus { address: bus.address().to_owned() };
    Builder::new()
        .name(name)
        .video("VGA")
        .display(display)
        .argument("-uuid")
        .argument(uuid)
        .prepare()?
        .start()
}

fn listed(bus: &PrivateBus) -> Vec<Value> {
    serde_json::from_slice(&done(&["list", "--json", "--bus", bus.address()])).unwrap()
}

const UUIDS: [&str; 2] = ["5f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8", "9f0f47a0-2f63-4e65-8a9e-1d6f5b3c2a10"];

#[test]
fn two_machines_on_one_bus_are_told_apart() -> Result<()> {
    let bus = PrivateBus::start().unwrap();
    let web = machine(&bus, "web", UUIDS[0])?;
    eventually("the first machine is on the bus", || listed(&bus).len() == 1);
    let mail = machine(&bus, "mail", UUIDS[1])?;
    eventually("both are", || listed(&bus).len() == 2);

    let machines = listed(&bus);
    let column = |key: &str| machines.iter().map(|machine| machine[key].clone()).collect::<Vec<_>>();
    assert_eq!(column("name"), ["web", "mail"]);
    assert_eq!(column("uuid"), UUIDS);
    for machine in &machines {
        let console = &machine["consoles"][0];
        assert_eq!(console["label"], "VGA");
        assert_eq!(console["type"], "graphic");
        assert_eq!(console["device"], "pci/0000/01.0");
    }

    // Both can be pictured, whoever owns the name.
    let place = tempfile::tempdir().unwrap();
    for wanted in ["web", "mail", UUIDS[1], machines[1]["owner"].as_str().unwrap()] {
        let file = place.path().join("shot.png");
        done(&["screenshot", "--bus", bus.address(), wanted, file.to_str().unwrap()]);
        std::fs::remove_file(file).unwrap();
    }
    drop((web, mail));
    Ok(())
}

#[test]
fn a_machine_that_is_started_again_is_connected_again() -> Result<()> {
    let bus = PrivateBus::start().unwrap();
    let other = machine(&bus, "web", UUIDS[0])?;
    let mail = machine(&bus, "mail", UUIDS[1])?;
    eventually("both are on the bus", || listed(&bus).len() == 2);
    let source = Source::Bus { address: Some(bus.address().to_owned()), machine: Some("mail".into()) };
    let watch = Watch::start(source);
    assert_eq!(watch.live().uuid.as_deref(), Some(UUIDS[1]));
    let console = watch.console();
    eventually("a picture", || console.frames.current().is_some());

    drop(mail);
    let State::Lost { reason: Loss::Gone, retry: None } = watch.down() else { panic!("no loss") };
    let mail = machine(&bus, "mail", UUIDS[1])?;
    assert_eq!(watch.live().name, "mail");
    watch.close();
    drop((mail, other));
    Ok(())
}
