//! Any text as a machine's definition: what is read can be planned for, edited, and taken back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oriel::host::domain::{Definition, Facts, VgpuFacts, apply, plan};
use oriel::markup::Document;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::from_bytes(bytes.to_vec()) else { return };
    let Ok(definition) = Definition::read(document.text()) else { return };
    let known = |uuid| VgpuFacts { uuid, intel: true, size: Some((1920, 1080)), rom: Some("/rom".into()) };
    let vgpus = definition.vgpus().into_iter().map(|vgpu| known(vgpu.uuid)).collect();
    let facts = Facts { render_node: Some("/dev/dri/renderD128".into()), vgpus };
    let Ok(change) = apply(&definition, &plan(&definition, &facts)) else { return };
    assert_eq!(change.undo(change.after().text()).as_deref(), Ok(definition.text()));
    assert_eq!(plan(change.after(), &facts), []);
});
