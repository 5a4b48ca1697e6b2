//! Holds our members against the interfaces of the QEMU that is installed.
//!
//! QEMU's packages do not ship ui/dbus-display1.xml, but two places tell what it said: the objects
//! of a running QEMU, by introspection, and for the interfaces that the viewer implements the tables
//! that GLib's generator made of it, in QEMU's own module.

mod module;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use harness::Result;
use harness::machine::{Builder, Display};
use oriel::display1::decode::Method;
use oriel::display1::member::{CALLS, PROPERTIES};
use oriel::display1::{Peer, ROOT, interface};
use oriel::source::Source;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use zruntime::block_on;

use self::module::Interface;

/// Interfaces that no part of the program uses yet, and those of QEMU on Windows.
const NOT_OURS: [&str; 7] = [
    "org.qemu.Display1.Audio",
    "org.qemu.Display1.AudioInListener",
    "org.qemu.Display1.AudioOutListener",
    "org.qemu.Display1.Chardev",
    "org.qemu.Display1.Chardev.VCEncoding",
    "org.qemu.Display1.Listener.Win32.D3d11",
    "org.qemu.Display1.Listener.Win32.Map",
];

/// `Interfaces` of the machine is always empty; that of a console says what we find out by asking.
const UNREAD: [(&str, &str); 2] = [(interface::VM, "Interfaces"), (interface::CONSOLE, "Interfaces")];

/// Where distributions put QEMU's D-Bus display.
const MODULES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/qemu/ui-dbus.so",
    "/usr/lib/aarch64-linux-gnu/qemu/ui-dbus.so",
    "/usr/lib64/qemu-kvm/ui-dbus.so",
    "/usr/lib64/qemu/ui-dbus.so",
];

/// What we have of each interface: methods with their arguments, and properties with their types.
fn ours() -> BTreeMap<&'static str, Interface> {
    let mut ours = BTreeMap::<&str, Interface>::new();
    for method in Method::ALL {
        let methods = &mut ours.entry(method.interface()).or_default().methods;
        methods.insert(method.member().to_owned(), method.signature().to_owned());
    }
    for call in CALLS {
        let methods = &mut ours.entry(call.interface).or_default().methods;
        methods.insert(call.member.to_owned(), call.signature.to_owned());
    }
    for property in PROPERTIES {
        let properties = &mut ours.entry(property.interface).or_default().properties;
        properties.insert(property.name.to_owned(), property.signature.to_owned());
    }
    // Those that the viewer tells rather than reads.
    for interface in [interface::LISTENER, interface::CLIPBOARD] {
        let properties = &mut ours.entry(interface).or_default().properties;
        properties.insert("Interfaces".to_owned(), "as".to_owned());
    }
    ours
}

/// What QEMU has and we have not, or with other types.
fn missing(theirs: &BTreeMap<String, Interface>) -> Vec<String> {
    let ours = ours();
    let mut missing = Vec::new();
    for (name, interface) in theirs {
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        let Some(known) = ours.get(name.as_str()) else {
            missing.push(format!("interface {name}"));
            continue;
        };
        for (member, signature) in &interface.methods {
            if known.methods.get(member) != Some(signature) {
                missing.push(format!("method {name}.{member}({signature})"));
            }
        }
        for (property, signature) in &interface.properties {
            let unread = UNREAD.contains(&(name.as_str(), property.as_str()));
            if !unread && known.properties.get(property) != Some(signature) {
                missing.push(format!("property {name}.{property} of type {signature}"));
            }
        }
    }
    missing
}

fn installed_module() -> PathBuf {
    let named = std::env::var_os("ORIEL_QEMU_DBUS_MODULE").map(PathBuf::from);
    named
        .or_else(|| MODULES.iter().map(PathBuf::from).find(|path| path.exists()))
        .expect("QEMU's ui-dbus.so is installed (Debian: qemu-system-modules-opengl)")
}

#[test]
fn every_member_in_qemus_module_has_its_counterpart_here() {
    let bytes = std::fs::read(installed_module()).expect("the module can be read");
    let theirs = module::interfaces(&bytes, "org.qemu.Display1.").expect("a shared object of 64 bits");
    for name in [interface::VM, interface::CONSOLE, interface::LISTENER] {
        assert!(theirs.contains_key(name), "the module is understood: it has {:?}", theirs.keys());
    }
    let found = missing(&theirs);
    assert!(found.is_empty(), "not known here:\n{}", found.join("\n"));
}

#[test]
fn what_is_not_in_our_table_is_found_missing() {
    let mut theirs = BTreeMap::<String, Interface>::new();
    let keyboard = theirs.entry(interface::KEYBOARD.to_owned()).or_default();
    keyboard.methods.insert("Press".to_owned(), "u".to_owned());
    assert!(missing(&theirs).is_empty());
    let keyboard = theirs.entry(interface::KEYBOARD.to_owned()).or_default();
    keyboard.methods.insert("Press".to_owned(), "uu".to_owned());
    keyboard.properties.insert("Layout".to_owned(), "s".to_owned());
    theirs.entry("org.qemu.Display1.Future".to_owned()).or_default();
    let expected = [
        "interface org.qemu.Display1.Future",
        "method org.qemu.Display1.Keyboard.Press(uu)",
        "property org.qemu.Display1.Keyboard.Layout of type s",
    ];
    assert_eq!(missing(&theirs), expected);
}

#[test]
fn every_member_of_a_running_qemu_has_its_counterpart_here() -> Result<()> {
    let machine = Builder::new().display(Display::DBusP2p).argument("-S").prepare()?.start()?;
    let source = Source::qmp(machine.qmp_socket()?);
    let theirs = block_on(async {
        let link = source.connect(|_| {}).await.expect("a machine");
        let mut theirs = BTreeMap::new();
        let mut objects = vec![ROOT.to_owned()];
        while let Some(object) = objects.pop() {
            let xml = introspect(&link.peer, &object).await;
            let (interfaces, children) = read(&xml);
            theirs.extend(interfaces);
            objects.extend(children.into_iter().map(|child| format!("{object}/{child}")));
        }
        theirs
    });
    let names: BTreeSet<_> = theirs.keys().map(String::as_str).collect();
    for name in [interface::VM, interface::CONSOLE, interface::KEYBOARD, interface::MOUSE] {
        assert!(names.contains(name), "{names:?}");
    }
    let found = missing(&theirs);
    assert!(found.is_empty(), "not known here:\n{}", found.join("\n"));
    Ok(())
}

async fn introspect(peer: &Peer, object: &str) -> String {
    let call = peer.connection().call_method(
        peer.owner(),
        object,
        Some(interface::INTROSPECTABLE),
        "Introspect",
        &(),
    );
    call.await.expect("introspection").body().deserialize().expect("XML")
}

/// QEMU's interfaces in an introspection, and the names of the objects below.
fn read(xml: &str) -> (BTreeMap<String, Interface>, Vec<String>) {
    let (mut interfaces, mut children) = (BTreeMap::new(), Vec::new());
    let (mut interface, mut method) = (None::<(String, Interface)>, None::<(String, String)>);
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(tag) | Event::Empty(tag) => {
                let value = |key: &str| {
                    let found = tag.try_get_attribute(key).expect("attributes");
                    found.map(|found| found.value.into_owned())
                };
                let name = value("name").unwrap_or_default();
                match (tag.name().as_ref(), &mut interface) {
                    ("node", _) if !name.is_empty() => children.push(name),
                    ("interface", _) => interface = Some((name, Interface::default())),
                    ("method", Some((_, known))) => {
                        known.methods.insert(name.clone(), String::new());
                        method = Some((name, String::new()));
                    }
                    ("arg", Some((_, known))) if value("direction").as_deref() != Some("out") => {
                        if let Some((method, signature)) = &mut method {
                            signature.push_str(&value("type").unwrap_or_default());
                            known.methods.insert(method.clone(), signature.clone());
                        }
                    }
                    ("property", Some((_, known))) => {
                        known.properties.insert(name, value("type").unwrap_or_default());
                    }
                    _ => {}
                }
            }
            Event::End(tag) => match tag.name().as_ref() {
                "method" => method = None,
                "interface" => {
                    let ours = interface.take().filter(|(name, _)| name.starts_with("org.qemu.Display1."));
                    interfaces.extend(ours);
                }
                _ => {}
            },
            Event::Eof => return (interfaces, children),
            _ => {}
        }
    }
}
