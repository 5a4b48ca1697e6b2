//! Several machines on one bus.

use standin::Standin;
use standin::bus::{NAME, PrivateBus};
use zbus::connection::Builder;
use zruntime::block_on;

#[test]
fn machines_queue_for_one_name_and_are_told_apart() {
    let bus = PrivateBus::start().unwrap();
    let machine = |name: &str| {
        let machine = Standin::builder().name(name).build().unwrap();
        let joined = machine.join(bus.address()).unwrap();
        (machine, joined)
    };
    let (_first, first) = machine("first");
    let (_second, second) = machine("second");
    assert!(first.is_owner && !second.is_owner);

    let viewer = block_on(Builder::address(bus.address()).build()).unwrap();
    let ask = |to: &str, path: &str, interface: &str, member: &str, args: (&str, &str)| {
        block_on(viewer.call_method(Some(to), path, Some(interface), member, &args)).unwrap()
    };
    let daemon = "org.freedesktop.DBus";
    let owners = block_on(viewer.call_method(
        Some(daemon),
        "/org/freedesktop/DBus",
        Some(daemon),
        "ListQueuedOwners",
        &(NAME,),
    ));
    let owners: Vec<String> = owners.unwrap().body().deserialize().unwrap();
    assert_eq!(owners, [first.unique_name, second.unique_name]);
    let names: Vec<String> = owners
        .iter()
        .map(|owner| {
            let property = ("org.qemu.Display1.VM", "Name");
            let properties = "org.freedesktop.DBus.Properties";
            let reply = ask(owner, "/org/qemu/Display1/VM", properties, "Get", property);
            let value: zbus::OwnedVariant = reply.body().deserialize().unwrap();
            value.try_into().unwrap()
        })
        .collect();
    assert_eq!(names, ["first", "second"]);
}
