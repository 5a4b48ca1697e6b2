use super::backup::{Backup, Backups, made};
use super::*;
use crate::markup::MarkupError;

const VGPU: &str = "4b20d080-1b54-4048-85b3-a6a62d165c01";

fn definition(devices: &str) -> Definition {
    Definition::read(format!(
        "<domain type='kvm'>\n  <name>a</name>\n  <devices>\n{devices}  </devices>\n</domain>\n"
    ))
    .expect("a definition")
}

fn with_vgpu() -> Definition {
    definition(&format!(
        "    <hostdev mode='subsystem' type='mdev' model='vfio-pci'>\n      <source>\n        \
         <address uuid='{VGPU}'/>\n      </source>\n    </hostdev>\n"
    ))
}

#[test]
fn what_is_no_definition_is_refused_in_words() {
    let refusal = |text: &str| Definition::read(text).expect_err("it is refused");
    assert_eq!(refusal("<network/>"), DefinitionError::NotADomain("network".into()));
    assert_eq!(refusal("<q:domain xmlns:q='urn:q'/>"), DefinitionError::NotADomain("domain".into()));
    assert_eq!(refusal("<domain/>"), DefinitionError::NoDevices);
    let bomb = refusal("<!DOCTYPE d [<!ENTITY a 'b'>]><domain><devices>&a;</devices></domain>");
    assert_eq!(bomb, DefinitionError::Markup(MarkupError::DocumentType));
    assert!(bomb.to_string().contains("document type"), "{bomb}");
}

#[test]
fn edits_that_cannot_be_made_leave_everything_as_it_is() {
    let definition = with_vgpu();
    let elsewhere = Edit::ShowVgpu { uuid: "none".into() };
    let edits = [Edit::Display(Gl::On(None)), elsewhere];
    assert_eq!(apply(&definition, &edits), Err(EditError::NoVgpu("none".into())));
    let rom = Edit::SetProperty { uuid: VGPU.into(), property: Property::Rom("/rom\u{1}".into()) };
    assert!(matches!(apply(&definition, &[rom]), Err(EditError::Unwritable { .. })));
    let node = Edit::Display(Gl::On(Some("/dev/'\"<&>\n".into())));
    let change = apply(&definition, &[node]).expect("it can be written");
    let display = change.after().display(&GraphicsKind::Dbus).expect("a display");
    assert_eq!(display.render_node.as_deref(), Some("/dev/'\"<&>\n"));
}

#[test]
fn every_property_has_its_kind_and_can_be_changed() {
    let set = |property| Edit::SetProperty { uuid: VGPU.into(), property };
    let first = [
        set(Property::OpRegion(true)),
        set(Property::Width(1920)),
        set(Property::Height(1080)),
        set(Property::Rom("/a b.rom".into())),
        set(Property::NoHotplug),
    ];
    let change = apply(&with_vgpu(), &first).expect("they can be made");
    let text = change.after().text();
    for line in [
        "<alias name='ua-vgpu'/>",
        "<qemu:device alias='ua-vgpu'>",
        "<qemu:property name='x-igd-opregion' type='bool' value='true'/>",
        "<qemu:property name='xres' type='unsigned' value='1920'/>",
        "<qemu:property name='yres' type='unsigned' value='1080'/>",
        "<qemu:property name='romfile' type='string' value='/a b.rom'/>",
        "<qemu:property name='driver' type='string' value='vfio-pci-nohotplug'/>",
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
    }
    assert_eq!(text.matches("xmlns:qemu=").count(), 1, "{text}");
    let smaller = apply(change.after(), &[set(Property::Width(800))]).expect("it can be made");
    assert!(smaller.after().text().contains("name='xres' type='unsigned' value='800'"));
}

#[test]
fn one_edit_can_be_taken_back_alone() {
    let edits = plan(&with_vgpu(), &Facts::default());
    let change = apply(&with_vgpu(), &edits).expect("they can be made");
    let boot = Edit::BootVgpu { uuid: VGPU.into() };
    let without = change.without(&boot).expect("the others can be made");
    let vgpu = |change: &Change| change.after().vgpus().into_iter().next().expect("a vGPU");
    assert!(vgpu(&change).ramfb && !vgpu(&without).ramfb && vgpu(&without).display);
}

fn backup(seconds: u64, uuid: &str) -> Backup {
    let [uri, name] = ["qemu:///system", "web"].map(str::to_owned);
    Backup {
        uri,
        name,
        uuid: uuid.to_owned(),
        seconds,
        before: "<domain/>\n".into(),
        after: "<b/>".into(),
        base: None,
        edits: Vec::new(),
        defined: None,
    }
}

#[test]
fn backups_are_kept_and_found_again() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let backups = Backups::at(place.path().join("a/b"));
    assert_eq!(backups.of(VGPU), []);
    let path = backups.keep(&backup(5, VGPU)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    backups.keep(&backup(5, VGPU)).unwrap();
    backups.keep(&backup(7, VGPU)).unwrap();
    backups.keep(&backup(6, "../../etc")).unwrap();
    std::fs::write(place.path().join("a/b/x.json"), "{").unwrap();
    assert_eq!(backups.of(VGPU), [backup(7, VGPU), backup(5, VGPU), backup(5, VGPU)]);
    assert_eq!(backups.of("../../etc"), [backup(6, "../../etc")]);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn edits_made_one_after_the_other_are_known_together() {
    let of = |name: &str| format!("<domain><name>{name}</name><devices/></domain>");
    let step = |before: &str, edit: Edit, defined: Option<&str>| Backup {
        before: of(before),
        edits: vec![edit],
        defined: defined.map(of),
        ..backup(1, VGPU)
    };
    let backups = [
        step("c", Edit::Sound, Some("d")),
        step("b", Edit::Agent, None),
        step("a", Edit::RedirectUsb, Some("c")),
        Backup { before: of("d"), defined: Some(of("d")), ..backup(1, VGPU) },
    ];
    let current = |name: &str| Definition::read(of(name)).unwrap();
    let (base, edits) = made(&current("d"), &backups).expect("it is known");
    assert_eq!((base.name(), edits), (Some("a"), vec![Edit::RedirectUsb, Edit::Sound]));
    assert_eq!(made(&current("b"), &backups), None, "what came of it was never noted");
    assert_eq!(made(&current("e"), &backups), None, "somebody else's");
    // Two that lead to each other end.
    let circle = [step("a", Edit::Sound, Some("b")), step("b", Edit::Agent, Some("a"))];
    assert_eq!(made(&current("a"), &circle).map(|(_, edits)| edits.len()), Some(2));
}

#[test]
fn old_backups_go_and_others_stay() {
    let place = tempfile::tempdir().unwrap();
    let backups = Backups::at(place.path());
    backups.keep(&backup(1, "other")).unwrap();
    for seconds in 0..30 {
        backups.keep(&backup(seconds, VGPU)).unwrap();
    }
    let kept: Vec<u64> = backups.of(VGPU).iter().map(|backup| backup.seconds).collect();
    assert_eq!(kept, (20..30).rev().collect::<Vec<_>>());
    assert_eq!(backups.of("other").len(), 1);
}

#[test]
fn what_cannot_be_kept_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("file"), "").unwrap();
    assert!(Backups::at(place.path().join("file/folder")).keep(&backup(1, VGPU)).is_err());
}
