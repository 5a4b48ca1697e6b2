//! Which edits a machine needs for a display of ours, by what is known of this computer.

use super::definition::{Definition, GraphicsKind};
use super::devices::{agent_kind, has_device, has_input, has_spice_ports, has_usb};
use super::edit::{Edit, Gl, Input, InputBus};
use super::qemu;
use super::vgpu::Property;
use super::{Vgpu, apply};

/// What is known of the computer that the machine runs on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The render node of the GPU that machines are to draw with, as `/dev/dri/renderD128`; libvirt
    /// picks one where there is none.
    pub render_node: Option<String>,
    /// What is known of mediated devices.
    pub vgpus: Vec<VgpuFacts>,
}

/// What is known of a mediated device.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct VgpuFacts {
    pub uuid: String,
    /// Its parent is an Intel GPU (GVT-g): guests find their monitors through its OpRegion.
    pub intel: bool,
    /// The largest size of its type, or the one that is wanted, in pixels.
    pub size: Option<(u32, u32)>,
    /// A ROM with which firmware can draw on it, as a path.
    pub rom: Option<String>,
}

/// What is to be done so that the machine can be shown, and what is worth doing with it: nothing
/// for a machine that is ready. In the order in which it is to be done.
pub fn plan(definition: &Definition, facts: &Facts) -> Vec<Edit> {
    let mut edits = Vec::new();
    let vgpus = definition.vgpus();
    let gl = wanted_gl(definition, &vgpus, facts);
    edits.extend(excluded(definition, &gl).into_iter().map(Edit::RemoveGraphics));
    let stays = |kind: &GraphicsKind| {
        definition.display(kind).is_some() && !edits.contains(&Edit::RemoveGraphics(kind.clone()))
    };
    let keeps_spice = stays(&GraphicsKind::Spice);
    edits.push(Edit::Display(gl));
    if !keeps_spice && has_spice_ports(definition) {
        edits.push(Edit::RemoveSpicePorts);
    }
    if has_device(definition, "sound") && !keeps_spice {
        edits.push(Edit::Sound);
    }
    // One port, which SPICE goes on to serve while it is there.
    if !keeps_spice && agent_kind(definition).is_none_or(|kind| kind == "spicevmc") {
        edits.push(Edit::Agent);
    }
    if !keeps_spice && has_usb(definition) {
        edits.push(Edit::RedirectUsb);
    }
    if !has_input(definition, Input::Tablet) {
        let bus = if has_usb(definition) { InputBus::Usb } else { InputBus::Virtio };
        edits.push(Edit::AddInput(Input::Tablet, bus));
    }
    if !has_usb(definition) && !has_input(definition, Input::Keyboard) {
        edits.push(Edit::AddInput(Input::Keyboard, InputBus::Virtio));
    }
    if qemu::has_set_arguments(definition) {
        edits.push(Edit::MoveSetArguments);
    }
    // libvirt lets one have ramfb.
    let boots = vgpus.iter().find(|vgpu| vgpu.ramfb).or(vgpus.first());
    edits.extend(vgpus.iter().flat_map(|vgpu| of_vgpu(vgpu, boots == Some(vgpu), facts)));
    edits.retain(|edit| changes(definition, edit));
    edits
}

/// Whether the machine is to draw with a GPU: a vGPU has to, and what did goes on to.
fn wanted_gl(definition: &Definition, vgpus: &[Vgpu], facts: &Facts) -> Gl {
    let graphics = definition.graphics();
    let did = graphics.iter().any(|graphics| graphics.gl || graphics.kind == GraphicsKind::EglHeadless);
    if vgpus.is_empty() && !did && !definition.is_accelerated() {
        return Gl::Off;
    }
    // One that was chosen before stays.
    let chosen = graphics.into_iter().find_map(|graphics| graphics.render_node);
    Gl::On(chosen.or_else(|| facts.render_node.clone()))
}

/// The displays that cannot be beside ours. QEMU takes one `-display`; while a GPU draws, no other
/// kind may look at a console (ui/console.c, `console_compatible_with`); libvirt's RDP server wants
/// a bus where we want a connection.
fn excluded(definition: &Definition, gl: &Gl) -> Vec<GraphicsKind> {
    let mut kinds: Vec<GraphicsKind> =
        definition.graphics().into_iter().map(|graphics| graphics.kind).collect();
    kinds.dedup();
    kinds.retain(|kind| match kind {
        GraphicsKind::Dbus | GraphicsKind::Other(_) => false,
        GraphicsKind::Spice | GraphicsKind::Vnc => *gl != Gl::Off,
        GraphicsKind::EglHeadless | GraphicsKind::Sdl | GraphicsKind::Rdp | GraphicsKind::Desktop => true,
    });
    kinds
}

fn of_vgpu(vgpu: &Vgpu, boots: bool, facts: &Facts) -> Vec<Edit> {
    let uuid = || vgpu.uuid.clone();
    let mut edits = vec![Edit::ShowVgpu { uuid: uuid() }];
    edits.extend(boots.then(|| Edit::BootVgpu { uuid: uuid() }));
    let known = facts.vgpus.iter().find(|facts| facts.uuid.eq_ignore_ascii_case(&vgpu.uuid));
    let Some(VgpuFacts { intel, size, rom, .. }) = known else { return edits };
    let size = size.map(|(width, height)| [Property::Width(width), Property::Height(height)]);
    let properties = intel
        .then_some(Property::OpRegion(true))
        .into_iter()
        .chain(size.into_iter().flatten())
        .chain(rom.clone().map(Property::Rom));
    edits.extend(properties.map(|property| Edit::SetProperty { uuid: uuid(), property }));
    edits
}

fn changes(definition: &Definition, edit: &Edit) -> bool {
    // One that cannot be made says so when it is tried.
    apply(definition, std::slice::from_ref(edit)).map_or(true, |change| !change.is_empty())
}
