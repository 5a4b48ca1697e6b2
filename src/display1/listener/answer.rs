//! What a listener says of itself: QEMU asks for its properties when it registers, and blocks until
//! they are told.

use std::collections::HashMap;
use std::fmt::Write;

use zbus::Variant;
use zbus::wire::serialized::Context;
use zbus::wire::{LE, to_bytes};

use super::outgoing::Outgoing;
use crate::display1::decode::Method;
use crate::display1::wire::Message;
use crate::display1::{LISTENER_PATH, interface};

/// The extensions that QEMU may use; it looks here once, when the listener registers
/// (ui/dbus-listener.c, `dbus_display_listener_new`).
const EXTENSIONS: [&str; 2] = [interface::LISTENER_MAP, interface::LISTENER_DMABUF2];

const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const UNKNOWN_OBJECT: &str = "org.freedesktop.DBus.Error.UnknownObject";
const UNKNOWN_INTERFACE: &str = "org.freedesktop.DBus.Error.UnknownInterface";
const UNKNOWN_PROPERTY: &str = "org.freedesktop.DBus.Error.UnknownProperty";
const READ_ONLY: &str = "org.freedesktop.DBus.Error.PropertyReadOnly";
const INVALID_ARGS: &str = "org.freedesktop.DBus.Error.InvalidArgs";
const FAILED: &str = "org.freedesktop.DBus.Error.Failed";

type Answer = Result<(&'static str, Vec<u8>), (&'static str, String)>;

/// Answers a call that brings no frame; the caller waits for it.
pub(super) fn answer(call: &Message<'_>, replies: &mut Outgoing) {
    match value(call) {
        Ok((signature, body)) => replies.reply_value(call.serial, signature, &body),
        Err((name, text)) => replies.reply_error(call.serial, name, &text),
    }
}

fn value(call: &Message<'_>) -> Answer {
    if call.path != LISTENER_PATH && call.interface != interface::PEER {
        return Err((UNKNOWN_OBJECT, format!("there is only {LISTENER_PATH}")));
    }
    match (call.interface, call.member) {
        (interface::PROPERTIES | "", "GetAll") => get_all(call),
        (interface::PROPERTIES | "", "Get") => get(call),
        (interface::PROPERTIES | "", "Set") => Err((READ_ONLY, "no property can be set".into())),
        (interface::INTROSPECTABLE | "", "Introspect") => Ok(("s", marshal(&introspection()))),
        (interface::PEER | "", "Ping") => Ok(("", Vec::new())),
        (interface::PEER | "", "GetMachineId") => machine_id(),
        (interface, member) => Err((UNKNOWN_METHOD, format!("no method {member} in {interface:?}"))),
    }
}

fn get_all(call: &Message<'_>) -> Answer {
    let [interface] = strings(call, "s")?;
    let mut properties = HashMap::new();
    match interface {
        interface::LISTENER => properties.insert("Interfaces", Variant::from(EXTENSIONS.to_vec())),
        interface if EXTENSIONS.contains(&interface) => None,
        _ => return Err((UNKNOWN_INTERFACE, format!("no interface {interface:?}"))),
    };
    Ok(("a{sv}", marshal(&properties)))
}

fn get(call: &Message<'_>) -> Answer {
    match strings(call, "ss")? {
        [interface::LISTENER, "Interfaces"] => Ok(("v", marshal(&Variant::from(EXTENSIONS.to_vec())))),
        [interface, property] => {
            Err((UNKNOWN_PROPERTY, format!("no property {property:?} in {interface:?}")))
        }
    }
}

fn strings<'a, const N: usize>(
    call: &Message<'a>,
    signature: &str,
) -> Result<[&'a str; N], (&'static str, String)> {
    let wrong = (INVALID_ARGS, format!("{} takes arguments of the types {signature:?}", call.member));
    if call.signature != signature {
        return Err(wrong);
    }
    let mut body = call.body.clone();
    let mut strings = [""; N];
    for string in &mut strings {
        match body.string() {
            Ok(text) => *string = text,
            Err(_) => return Err(wrong),
        }
    }
    Ok(strings)
}

fn machine_id() -> Answer {
    match std::fs::read_to_string("/etc/machine-id") {
        Ok(id) => Ok(("s", marshal(&id.trim()))),
        Err(error) => Err((FAILED, error.to_string())),
    }
}

fn introspection() -> String {
    let mut xml = String::from("<node>\n");
    for interface in std::iter::once(interface::LISTENER).chain(EXTENSIONS) {
        // Writing to a string cannot fail.
        let _ = writeln!(xml, r#"  <interface name="{interface}">"#);
        for method in Method::ALL.iter().filter(|method| method.interface() == interface) {
            let _ = writeln!(xml, r#"    <method name="{}">"#, method.member());
            for kind in types(method.signature()) {
                let _ = writeln!(xml, r#"      <arg type="{kind}" direction="in"/>"#);
            }
            xml.push_str("    </method>\n");
        }
        if interface == interface::LISTENER {
            xml.push_str("    <property name=\"Interfaces\" type=\"as\" access=\"read\"/>\n");
        }
        xml.push_str("  </interface>\n");
    }
    xml.push_str("</node>\n");
    xml
}

/// The single types in a signature of basic types and arrays of them.
fn types(signature: &str) -> impl Iterator<Item = &str> {
    signature.split_inclusive(|letter| letter != 'a')
}

fn marshal<T: serde::Serialize + zbus::DynamicType + ?Sized>(value: &T) -> Vec<u8> {
    to_bytes(Context::new(LE, 0), value).map(|data| data.bytes().to_vec()).unwrap_or_default()
}
