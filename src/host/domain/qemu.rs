//! What a definition says to QEMU behind libvirt's back, in a namespace of its own.
//!
//! `qemu:override` sets properties of devices by alias; `qemu:commandline` adds arguments (libvirt:
//! docs/drvqemu.rst). The namespace may have any prefix, or be declared where it is used.

use std::collections::BTreeMap;

use super::definition::Definition;
use super::vgpu::{ValueKind, automatic_name};
use crate::markup::{Fragment, Node, Patch, Splice};

/// The namespace.
pub(super) const NAMESPACE: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// Names in the namespace, as they are to be written in some element.
struct Names {
    prefix: Option<String>,
    /// What declares it, where nothing does yet.
    declaration: Option<Splice>,
}

impl Names {
    fn within(node: Node<'_>) -> Self {
        if let Some(prefix) = node.prefix_of(NAMESPACE) {
            return Self { prefix: Some(prefix.to_owned()), declaration: None };
        }
        if node.namespace() == Some(NAMESPACE) {
            return Self { prefix: None, declaration: None };
        }
        let free = |prefix: &String| node.prefixes().all(|(taken, _)| taken != prefix);
        let mut prefixes =
            std::iter::once("qemu".to_owned()).chain((1..).map(|count| format!("qemu{count}")));
        let prefix = prefixes.find(free).expect("there is no end of prefixes");
        let declaration = node.set(&format!("xmlns:{prefix}"), NAMESPACE);
        Self { prefix: Some(prefix), declaration }
    }

    fn fragment(&self, name: &str) -> Fragment {
        match &self.prefix {
            Some(prefix) => Fragment::new(format!("{prefix}:{name}")),
            None => Fragment::new(name),
        }
    }

    fn property(&self, name: &str, kind: ValueKind, value: &str) -> Fragment {
        self.fragment("property").with("name", name).with("type", kind.as_str()).with("value", value)
    }

    fn device(&self, alias: &str, properties: impl IntoIterator<Item = Fragment>) -> Fragment {
        let frontend = properties.into_iter().fold(self.fragment("frontend"), Fragment::containing);
        self.fragment("device").with("alias", alias).containing(frontend)
    }
}

fn own<'d>(node: Node<'d>, name: &str) -> Option<Node<'d>> {
    node.children().find(|child| child.is_in(NAMESPACE, name))
}

fn override_of<'d>(definition: &'d Definition, alias: &str) -> Option<Node<'d>> {
    let overrides = own(definition.root(), "override")?;
    overrides
        .children()
        .find(|device| device.is_in(NAMESPACE, "device") && device.attribute("alias") == Some(alias))
}

/// Whether something is said to QEMU of the device with this alias.
pub(super) fn mentions(definition: &Definition, alias: &str) -> bool {
    let set = format!("device.{alias}.");
    override_of(definition, alias).is_some()
        || arguments(definition)
            .any(|argument| argument.attribute("value").is_some_and(|value| value.starts_with(&set)))
}

/// Overrides one property of a device.
pub(super) fn set_property(
    definition: &Definition,
    alias: &str,
    name: &str,
    kind: ValueKind,
    value: &str,
) -> Vec<Splice> {
    set_properties(definition, alias, &[(name.to_owned(), kind, value.to_owned())])
}

type Properties = [(String, ValueKind, String)];

/// Overrides properties of a device.
fn set_properties(definition: &Definition, alias: &str, properties: &Properties) -> Vec<Splice> {
    let root = definition.root();
    let Some(overrides) = own(root, "override") else {
        let names = Names::within(root);
        let written = properties.iter().map(|(name, kind, value)| names.property(name, *kind, value));
        let new = names.fragment("override").containing(names.device(alias, written));
        let splice = root.insert(root.children().next_back(), &new);
        return names.declaration.into_iter().chain([splice]).collect();
    };
    let frontend = override_of(definition, alias).and_then(|device| own(device, "frontend"));
    let Some(frontend) = frontend else {
        let names = Names::within(overrides);
        let written = properties.iter().map(|(name, kind, value)| names.property(name, *kind, value));
        // A device whose override has no frontend yet says nothing: another may stand beside it.
        let splice = match override_of(definition, alias) {
            Some(device) => device.replace(&names.device(alias, written)),
            None => overrides.insert(overrides.children().next_back(), &names.device(alias, written)),
        };
        return names.declaration.into_iter().chain([splice]).collect();
    };
    let names = Names::within(frontend);
    let known = |name: &str| {
        frontend
            .children()
            .find(|child| child.is_in(NAMESPACE, "property") && child.attribute("name") == Some(name))
    };
    let mut splices = Vec::new();
    let mut new = Vec::new();
    for (name, kind, value) in properties {
        match known(name) {
            Some(property) => {
                splices.extend(property.set("type", kind.as_str()));
                splices.extend(property.set("value", value));
            }
            None => new.push(names.property(name, *kind, value)),
        }
    }
    if !new.is_empty() {
        splices.push(frontend.insert_all(frontend.children().next_back(), &new));
        splices.extend(names.declaration);
    }
    splices
}

fn arguments(definition: &Definition) -> impl Iterator<Item = Node<'_>> {
    let commandline = own(definition.root(), "commandline");
    commandline.into_iter().flat_map(Node::children).filter(|child| child.is_in(NAMESPACE, "arg"))
}

/// One `-set device.ALIAS.PROPERTY=VALUE` for a mediated device.
struct SetArgument<'d> {
    nodes: [Node<'d>; 2],
    alias: String,
    property: String,
    value: String,
}

fn set_arguments(definition: &Definition) -> Vec<SetArgument<'_>> {
    let arguments: Vec<Node<'_>> = arguments(definition).collect();
    let names: Vec<String> = definition.mediated().filter_map(|device| name_of(definition, device)).collect();
    let mut found = Vec::new();
    for pair in arguments.windows(2) {
        let &[option, value] = pair else { continue };
        if option.attribute("value") != Some("-set") {
            continue;
        }
        let Some(setting) = value.attribute("value").and_then(|value| value.strip_prefix("device.")) else {
            continue;
        };
        let Some((alias, rest)) = setting.split_once('.') else { continue };
        let Some((property, value_)) = rest.split_once('=') else { continue };
        if names.iter().any(|name| name == alias) {
            found.push(SetArgument {
                nodes: [option, value],
                alias: alias.to_owned(),
                property: property.to_owned(),
                value: value_.to_owned(),
            });
        }
    }
    found
}

/// The name by which QEMU knows a device, its own or libvirt's.
fn name_of(definition: &Definition, device: Node<'_>) -> Option<String> {
    let alias = device.child("alias").and_then(|alias| alias.attribute("name"));
    alias.map(str::to_owned).or_else(|| automatic_name(definition, device))
}

/// Whether there are arguments that QEMU refuses.
pub(super) fn has_set_arguments(definition: &Definition) -> bool {
    !set_arguments(definition).is_empty()
}

/// Moves what is said of one device; the edit is made again for the next.
pub(super) fn move_set_arguments(definition: &Definition) -> Patch {
    let mut found = set_arguments(definition);
    let Some(alias) = found.first().map(|argument| argument.alias.clone()) else { return Patch::default() };
    found.retain(|argument| argument.alias == alias);
    let mut splices = Vec::new();
    let commandline = own(definition.root(), "commandline");
    match commandline.filter(|commandline| commandline.children().count() == found.len() * 2) {
        // Nothing else is in it.
        Some(commandline) => splices.push(commandline.remove()),
        None => splices.extend(found.iter().flat_map(|argument| argument.nodes).map(Node::remove)),
    }
    let device = definition.mediated().find(|device| name_of(definition, *device).as_ref() == Some(&alias));
    // Of what was said twice the last word counted.
    let mut attributes: BTreeMap<&str, &str> = BTreeMap::new();
    let mut properties: BTreeMap<&str, (ValueKind, String)> = BTreeMap::new();
    for SetArgument { property, value, .. } in &found {
        match property.as_str() {
            // libvirt has words for these.
            "display" | "ramfb" => _ = attributes.insert(property, if is_on(value) { "on" } else { "off" }),
            _ => _ = properties.insert(property, typed(value)),
        }
    }
    splices.extend(attributes.iter().filter_map(|(name, value)| device?.set(name, value)));
    let properties: Vec<_> =
        properties.into_iter().map(|(name, (kind, value))| (name.to_owned(), kind, value)).collect();
    if !properties.is_empty() {
        splices.extend(set_properties(definition, &alias, &properties));
    }
    Patch::new(splices)
}

fn is_on(value: &str) -> bool {
    matches!(value, "on" | "yes" | "true")
}

/// What kind of value QEMU's parser of options would take this for.
fn typed(value: &str) -> (ValueKind, String) {
    match value {
        "on" | "yes" | "true" => (ValueKind::Bool, "true".to_owned()),
        "off" | "no" | "false" => (ValueKind::Bool, "false".to_owned()),
        number if number.parse::<u64>().is_ok() => (ValueKind::Unsigned, number.to_owned()),
        text => (ValueKind::String, text.to_owned()),
    }
}
