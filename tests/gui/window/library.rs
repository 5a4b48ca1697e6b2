//! The library's window before made-up machines.

use crate::SCREEN;
use crate::desk::Scene;

const HERE: &str = "qemu:///system";
const THERE: &str = "qemu+ssh://ada@tower/system";

/// The library, with these lines played.
fn library(lines: &[&str]) -> Scene {
    let mut scene = Scene::new(SCREEN, "");
    scene.play(&["library open", "library size 940 640"]);
    scene.play(&[&format!("library connection {HERE} connected")]);
    scene.play(lines);
    scene
}

fn list(scene: &mut Scene, wanted: &str) {
    scene.ask_until("library list", "list ", |list| list == format!("list {wanted}"));
}

fn page(scene: &mut Scene, part: &str) {
    scene.ask_until("library page", "page ", |page| page.contains(part));
}

fn details(scene: &mut Scene, part: &str) {
    scene.ask_until("library details", "details ", |details| details.contains(part));
}

/// Holds that this was asked of the host, now or soon.
fn asked(scene: &mut Scene, wish: &str) {
    match scene.asked.iter().position(|asked| asked == wish) {
        Some(at) => _ = scene.asked.remove(at),
        None => _ = scene.hear_until(|asked| asked == wish),
    }
}

#[test]
fn machines_stand_sorted_under_their_headings_and_are_found() {
    let mut scene = library(&[]);
    page(&mut scene, "page empty");
    scene.play(&[
        &format!("library machine {HERE} web running dbus"),
        &format!("library machine {HERE} Mail off spice"),
        &format!("library connection {THERE} connected"),
        &format!("library machine {THERE} web off dbus"),
        "library bus :1.7 desk",
        "library launched live",
    ]);
    page(&mut scene, "page list");
    list(
        &mut scene,
        "[This Computer]|Mail; Off · SPICE|web; Running · D-Bus display|[tower]|\
         web; Off · D-Bus display|[On D-Bus]|desk; Running · D-Bus display|\
         [Launched Lately]|live; Launched 11/18/26, 11:06",
    );
    scene.play(&["library action win.group state", "library action win.sort state"]);
    scene.ask_until("library list", "list ", |list| {
        list.starts_with("list [Running]|desk; ") && list.contains("|[Not Running]|Mail; ")
    });
    scene.play(&["library action win.group none"]);
    scene.ask_until("library list", "list ", |list| list.starts_with("list desk; ") && !list.contains('['));
    scene.play(&[
        "library action win.group place",
        "library action win.sort name",
        "library search web+tower",
    ]);
    list(&mut scene, "[tower]|web; Off · D-Bus display");
    scene.play(&["library search nothing"]);
    page(&mut scene, "page none");
    scene.play(&[
        "library search",
        &format!("library gone {HERE} web"),
        &format!("library gone {THERE} web"),
    ]);
    scene.ask_until("library list", "list ", |list| {
        list.starts_with("list [This Computer]|Mail; Off · SPICE|[On D-Bus]")
    });
}

#[test]
fn the_one_button_does_what_it_says_and_asks_before_something_is_lost() {
    let mut scene = library(&[
        &format!("library machine {HERE} web running dbus"),
        &format!("library machine {HERE} mail off dbus"),
        &format!("library machine {HERE} files paused dbus"),
    ]);
    for (name, wishes) in [
        ("web", &["host open web"][..]),
        ("mail", &["host open mail", "host operate Start mail"]),
        ("files", &["host operate Resume files"]),
    ] {
        scene.play(&[&format!("library choose {name}"), "library action win.primary"]);
        wishes.iter().for_each(|wish| asked(&mut scene, wish));
    }
    scene.play(&["library choose web", "library action win.power shut-down"]);
    asked(&mut scene, "host operate ShutDown web");
    for (switch, question) in [("force-off", "Force “web” Off?"), ("reset", "Reset “web”?")] {
        scene.play(&[&format!("library action win.power {switch}")]);
        page(&mut scene, &format!("dialog=[{question}]"));
        scene.play(&["library close-dialog"]);
        page(&mut scene, "dialog=[]");
    }
    assert!(!scene.asked.iter().any(|asked| asked.contains("ForceOff")), "{:?}", scene.asked);
    scene.play(&["library action win.power force-off"]);
    page(&mut scene, "dialog=[Force “web” Off?]");
    scene.play(&["library press Force+Off"]);
    asked(&mut scene, "host operate ForceOff web");
    scene.asked.clear();
    // Meanwhile nothing else can be done to it.
    scene.play(&[&format!("library doing {HERE} web 40")]);
    list(
        &mut scene,
        "[This Computer]|files; Paused · D-Bus display|mail; Off · D-Bus display|web; Saving… 40 % · D-Bus display",
    );
    scene.play(&["library action win.primary", "library action win.power pause"]);
    assert!(!scene.asked.iter().any(|asked| asked.starts_with("host o")), "{:?}", scene.asked);
    scene.play(&[&format!("library done {HERE} web"), &format!("library failed {HERE} web")]);
    scene.ask_until("library toasts", "toasts ", |toasts| {
        toasts.contains("“web” does not start: Cannot access storage file")
    });
    scene.play(&["library action win.open-in-manager"]);
    asked(&mut scene, "host manager web");
    scene.play(&["library action win.launcher"]);
    asked(&mut scene, "host launcher web web");
}

#[test]
fn details_tell_what_draws_and_a_narrow_window_shows_one_pane() {
    let mut scene = library(&[
        &format!("library machine {HERE} web running dbus"),
        &format!("library connection {THERE} connected"),
        &format!("library machine {THERE} far running dbus"),
    ]);
    details(&mut scene, "No Machine Chosen");
    scene.play(&["library choose web"]);
    for part in [
        "|State|Running|",
        "|Displays|D-Bus display|",
        "|Connection|qemu:///system|",
        "|Shown: virtio-gpu-pci (pci/0000/02.0)|The guest’s own buffer · 60 updates a second, 60 of them seen|",
        "|Graphics device|virtio · 2 screens|",
        "|GPU that the display draws with|/dev/dri/renderD128|",
        "|Mediated device|4b20d080-1b54-4048-85b3-a6a62d165c01 · QEMU shows it",
        "Only one viewer at a time",
    ] {
        details(&mut scene, part);
    }
    scene.play(&["library action win.definition"]);
    page(&mut scene, "dialog=[Definition of web]");
    scene.play(&["library close-dialog", "library choose far"]);
    details(&mut scene, "another computer, which alone can show its display");
    scene.asked.clear();
    scene.play(&["library action win.primary"]);
    assert!(!scene.asked.iter().any(|asked| asked == "host open far"), "{:?}", scene.asked);

    scene.play(&["library size 360 640"]);
    page(&mut scene, "collapsed=true");
    page(&mut scene, "width=360");
    scene.play(&["library back"]);
    page(&mut scene, "content=false");
    scene.play(&["library activate web"]);
    page(&mut scene, "content=true");
    details(&mut scene, "|State|Running|");
    scene.play(&[&format!("library gone {HERE} web")]);
    page(&mut scene, "content=false");
}

#[test]
fn a_connection_that_fails_says_so_and_the_others_go_on() {
    let mut scene = library(&[
        &format!("library machine {HERE} web running dbus"),
        &format!("library connection {THERE} refused"),
    ]);
    scene.ask_until("library list", "list ", |list| {
        list.contains("[tower]|libvirt does not let you in at")
            && list.contains("; Try Again")
            && list.contains("[This Computer]|web; Running · D-Bus display")
    });
    scene.play(&[&format!("library connection {HERE} silent")]);
    scene.ask_until("library list", "list ", |list| {
        list.contains("[This Computer]|libvirt does not answer.")
            && list.contains("|web; Running, when last heard of · D-Bus display")
    });
    scene.asked.clear();
    scene.play(&["library choose web", "library action win.primary"]);
    assert!(!scene.asked.iter().any(|asked| asked == "host open web"), "{:?}", scene.asked);
    scene.play(&[&format!("library connection {HERE} connected")]);
    scene.ask_until("library list", "list ", |list| {
        list.starts_with("list [This Computer]|web; Running · D-Bus display|[tower]|")
    });
    scene.play(&["library action win.connections"]);
    page(&mut scene, "dialog=[Connections]");
}

/// A machine's own window switches it, too, as far as libvirt says that it can be.
#[cfg(feature = "libvirt")]
#[test]
fn a_window_switches_the_machine_that_it_shows() {
    let mut scene = Scene::new(SCREEN, "");
    // What libvirt brings along for tests: one machine, which runs.
    scene.play(&["libvirt test:///default", "managed test", "open monitor", "lost gone"]);
    scene.ask_until("power", "power ", |power| {
        power == "power Shut Down|Reboot|Pause|Save and Stop|Reset…|Force Off…"
    });
    scene.play(&["action win.power pause"]);
    scene.ask_until("power", "power ", |power| power.starts_with("power Resume|"));
    // Why nothing moves is said where it would.
    scene.wait_for_state("banner=[Paused]");
    scene.play(&["action win.power resume"]);
    scene.ask_until("power", "power ", |power| power.starts_with("power Shut Down|"));
    scene.wait_for_state("banner=[]");
    scene.play(&["action win.power shut-down"]);
    scene.ask_until("power", "power ", |power| power == "power Start");
    // The page offers it, too.
    scene.ask_until("buttons", "buttons ", |buttons| buttons.starts_with("buttons Start|"));
    scene.play(&["action win.power start"]);
    scene.ask_until("power", "power ", |power| power.starts_with("power Shut Down|"));
}

/// Pictures are taken of machines that run and are seen, and of no others.
#[test]
fn pictures_are_taken_of_what_is_seen() {
    let mut lines = vec![format!("library machine {HERE} off off dbus")];
    lines.extend((10..50).map(|number| format!("library machine {HERE} vm{number} running dbus")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut scene = library(&lines);
    asked(&mut scene, "host photograph vm10");
    // Of one that does not answer there is no second before the first has come.
    for number in 11..14 {
        scene.play(&[&format!("library picture {HERE} vm{}", number - 1)]);
        asked(&mut scene, &format!("host photograph vm{number}"));
    }
    scene.play(&[&format!("library picture {HERE} vm13")]);
    assert!(!scene.asked.iter().any(|asked| asked.ends_with(" off")), "{:?}", scene.asked);
    assert!(!scene.asked.iter().any(|asked| asked.ends_with(" vm49")), "{:?}", scene.asked);
}
