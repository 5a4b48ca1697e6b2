//! Every page and state of the window as a picture, for people to look at: `./dev album`.
//!
//! `[--dark] [--scale N] [--size WxH] [--locale NAME] [FOLDER]`
#![allow(clippy::print_stdout, reason = "where the pictures are is the result")]

#[path = "window/desk.rs"]
#[expect(dead_code, reason = "what the tests alone need")]
mod desk;
#[path = "window/stage.rs"]
mod stage;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use desk::Scene;
use harness::desk::{Desk, Output};
use harness::input::{Input, keys};

/// This program, started once more, shows the window whatever it is told.
const STAGE: &str = "";

/// Every page and state of the window as a picture.
#[derive(Debug, Parser)]
struct Args {
    /// In the dark.
    #[arg(long)]
    dark: bool,
    /// Device pixels for a unit of the window.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The window's size in units.
    #[arg(long, value_name = "WxH", default_value = "800x600")]
    size: String,
    /// In this language, such as de.UTF-8.
    #[arg(long, default_value = "")]
    locale: String,
    /// Only the dialog that makes machines ready.
    #[cfg(feature = "libvirt")]
    #[arg(long)]
    ready: bool,
    /// The library alone.
    #[arg(long)]
    library: bool,
    /// Where the pictures go.
    #[arg(default_value = "album")]
    folder: PathBuf,
}

fn main() {
    if stage::is_wanted() {
        return stage::run();
    }
    let args = Args::parse();
    std::fs::create_dir_all(&args.folder).expect("a folder for the pictures");
    let (width, height) = if args.scale > 1.0 { (1536, 1152) } else { (1152, 864) };
    let mut scene = Scene::new(Output::new(width, height).scale(args.scale), &args.locale);
    if args.dark {
        scene.play(&["dark"]);
    }
    let size = format!("size {}", args.size.replace('x', " "));
    let mut album =
        Album { scene, size, folder: args.folder.clone(), is_english: args.locale.is_empty(), shots: 0 };
    if args.library {
        album.play(&["open guest"]);
        album.library();
        return println!("{} pictures in {}", album.shots, args.folder.display());
    }
    album.begin();
    #[cfg(feature = "libvirt")]
    if args.ready {
        album.ready();
        return println!("{} pictures in {}", album.shots, args.folder.display());
    }
    album.menus_and_dialogs();
    album.clipboard();
    album.looks();
    album.fullscreen();
    album.resolution();
    album.statistics();
    album.refusal();
    album.consoles();
    album.pages();
    album.firmware();
    #[cfg(feature = "libvirt")]
    album.ready();
    album.library();
    println!("{} pictures in {}", album.shots, args.folder.display());
}

struct Album {
    scene: Scene,
    /// The line that gives the window its size.
    size: String,
    folder: PathBuf,
    /// Whether the words are those that the script knows.
    is_english: bool,
    shots: u32,
}

impl Album {
    fn play(&mut self, lines: &[&str]) {
        self.scene.play(lines);
    }

    fn input(&mut self) -> Input {
        self.scene.input()
    }

    /// A picture of what stands still.
    fn shot(&mut self, name: &str) {
        let image = self.scene.picture();
        self.keep(name, &image);
    }

    /// A picture of what moves.
    fn glance(&mut self, name: &str) {
        std::thread::sleep(Duration::from_millis(500));
        let image = self.scene.sway.screenshot().expect("a picture");
        self.keep(name, &image);
    }

    fn keep(&mut self, name: &str, image: &harness::shot::Image) {
        self.shots += 1;
        image.save(&self.folder.join(format!("{:02}-{name}.png", self.shots))).expect("a file");
    }

    fn begin(&mut self) {
        let size = self.size.clone();
        self.play(&["open owner", &size, "starting"]);
        self.glance("starting");
        self.play(&["live Debian+13", "console 0"]);
        self.shot("waiting");
        self.play(&["picture 0 1024 640", &size]);
        self.shot("picture");
    }

    /// The picture in all its sizes, turned, and larger than the window.
    fn looks(&mut self) {
        let size = self.size.clone();
        self.play(&["picture 0 320 200", &size]);
        for scaling in ["fit", "one-to-one", "integer", "fill"] {
            self.play(&[&format!("action win.scaling {scaling}")]);
            self.shot(scaling);
        }
        self.play(&["action win.scaling fit", "action win.rotate-right", "set background #3d3846"]);
        self.shot("turned");
        self.play(&["action win.rotate-reset", "set background #000000"]);
        self.play(&["action win.scaling one-to-one", "picture 0 1600 1200", &size]);
        self.play(&["action win.pan-right"]);
        let bars = self.scene.sway.screenshot().expect("a picture");
        self.keep("scroll-bars", &bars);
        self.play(&["action win.scaling fit", "picture 0 1024 640", &size]);
    }

    /// What is asked and can be chosen about the clipboard.
    fn clipboard(&mut self) {
        let _input = self.input();
        self.play(&["action win.copy-diagnostics", "sharing", "agent reset"]);
        self.shot("clipboard-offer");
        self.play(&["action win.ask-clipboard"]);
        self.shot("clipboard-question");
        self.play(&["press Share", "action win.clipboard"]);
        self.shot("clipboard");
        self.play(&["agent closed"]);
        self.shot("clipboard-without-agent");
        self.play(&["close-dialog"]);
    }

    fn menus_and_dialogs(&mut self) {
        self.play(&["action win.menu"]);
        self.shot("menu");
        let mut input = self.input();
        input.tap(keys::KEY_DOWN).expect("a key");
        input.tap(keys::KEY_RIGHT).expect("a key");
        self.shot("looks-menu");
        input.tap(keys::KEY_LEFT).expect("a key");
        for _ in 0..2 {
            input.tap(keys::KEY_DOWN).expect("a key");
        }
        input.tap(keys::KEY_RIGHT).expect("a key");
        self.shot("send-key");
        self.play(&["close-menu", "console 1"]);
        for dialog in ["shortcuts", "about", "force-off"] {
            self.play(&[&format!("action win.{dialog}")]);
            self.scene.wait_for_state("dialog=true");
            self.shot(dialog);
            self.play(&["close-dialog"]);
        }
        self.play(&["action win.copy-screenshot"]);
        self.shot("copied");
    }

    fn fullscreen(&mut self) {
        let mut input = self.input();
        self.play(&["action win.fullscreen"]);
        self.shot("fullscreen");
        input.move_to(300.0, 0.0).expect("a pointer");
        self.shot("fullscreen-header");
        input.move_to(300.0, 300.0).expect("a pointer");
        self.play(&["action win.fullscreen"]);
    }

    fn resolution(&mut self) {
        let size = self.size.clone();
        self.play(&["action win.menu"]);
        let mut input = self.input();
        for _ in 0..2 {
            input.tap(keys::KEY_DOWN).expect("a key");
        }
        input.tap(keys::KEY_RIGHT).expect("a key");
        self.shot("resolution-menu");
        self.play(&["close-menu", "action win.resolution-status"]);
        self.shot("resolution-nothing-asked");
        self.play(&["close-dialog", "action win.custom-resolution"]);
        self.shot("resolution-custom");
        input.tap(keys::KEY_A).expect("a key");
        self.shot("resolution-custom-wrong");
        self.play(&["close-dialog", "action win.keep-resolution"]);
        self.shot("resolution-keep");
        self.play(&["close-dialog", "action win.resolution 1024x768"]);
        self.wish();
        self.play(&["answer obey", &size, "action win.resolution-status"]);
        self.shot("resolution-followed");
        self.play(&["close-dialog", "action win.resolution 1280x800"]);
        self.wish();
        self.play(&["answer accept", "set statistics true"]);
        // Longer than a guest has until it counts as not following.
        std::thread::sleep(Duration::from_secs(5));
        self.shot("resolution-not-followed");
        self.play(&["set statistics false", "action win.resolution-status"]);
        self.shot("resolution-no-agent");
        self.play(&["close-dialog", "action win.ask-again"]);
        self.wish();
        self.play(&["answer unsupported"]);
        self.shot("resolution-unsupported");
        self.play(&["action win.resolution-status"]);
        self.shot("resolution-unsupported-why");
        self.play(&["close-dialog", "action win.follow never", "picture 0 1024 640", &size]);
    }

    /// Waits until the guest is asked for a size.
    fn wish(&mut self) {
        let is_wish = |answer: &str| answer.starts_with("0 wish ");
        if !self.scene.asked.iter().any(|asked| is_wish(asked)) {
            self.scene.hear_until(is_wish);
        }
        self.scene.asked.clear();
    }

    fn statistics(&mut self) {
        self.play(&["set statistics true", "map 0 1024 640"]);
        self.shot("statistics-direct");
        self.play(&["picture 0 1024 640"]);
        self.shot("statistics-copy");
        self.play(&["action win.copy-diagnostics"]);
        self.shot("diagnostics-copied");
    }

    fn refusal(&mut self) {
        self.play(&["refused 0 1024 640"]);
        self.shot("refused-statistics");
        self.play(&["set statistics false"]);
        self.shot("refused");
        self.play(&["picture 0 1024 640", "action win.preferences"]);
        self.shot("preferences");
        for place in ["middle", "end"] {
            self.play(&[&format!("scroll-dialog {place}")]);
            self.shot(&format!("preferences-{place}"));
        }
        self.play(&["close-dialog"]);
    }

    fn consoles(&mut self) {
        let size = self.size.clone();
        self.play(&["console-action 0", "text-console 2", "open-consoles"]);
        self.shot("consoles");
        self.play(&["close-consoles", "picture 1 800 500", &size]);
        self.shot("tabs");
        self.play(&["console-action 2"]);
        self.shot("text-console");
        self.play(&["console-action 0", "hide-console 2", "to-window 1"]);
        self.shot("windows");
        self.play(&["to-tab 1", "console-action 0"]);
        let more = self.scene.sway.add_output(Output::new(1024, 768)).expect("a monitor");
        self.play(&["action win.menu"]);
        self.shot("menu-monitors");
        self.play(&["close-menu", "no-console 1", "no-console 2", "console-action -1"]);
        self.scene.sway.remove_output(&more).expect("a monitor");
    }

    fn firmware(&mut self) {
        let size = self.size.clone();
        self.play(&["leave", "open guest", &size, "live Windows", "vgpu 0"]);
        self.shot("firmware");
        self.play(&["picture 0 640 480"]);
        self.shot("firmware-notice");
    }

    /// The dialog that makes a machine ready, from nothing to everything made and earlier definitions.
    #[cfg(feature = "libvirt")]
    fn ready(&mut self) {
        const UUID: &str = "7d1b3f2e-0000-4000-8000-000000000099";
        let size = self.size.clone();
        let file = self.folder.join("definition.xml");
        let defined = include_str!("window/definition.xml");
        std::fs::write(&file, defined).expect("a file");
        let file = std::fs::canonicalize(&file).expect("a file");
        let open = format!("ready {UUID}");
        self.play(&[
            "leave",
            "libvirt test:///default",
            "managed web",
            "open guest",
            &size,
            "lost no-display",
        ]);
        self.shot("ready-no-display");
        self.play(&[&open]);
        self.shot("ready-no-machine");
        self.play(&["close-dialog", &format!("define {}", file.display())]);
        if !self.scene.asked.iter().any(|asked| asked == "taken yes") {
            self.scene.hear_until(|answer| answer == "taken yes");
        }
        let is_english = self.is_english;
        let tell = |album: &mut Self, lines: &[&str], part: &str| {
            album.play(lines);
            let is_there = |dialog: &str| dialog.contains(part) || (!is_english && !part.contains('='));
            album.scene.ask_until("dialog", "dialog ", is_there);
        };
        tell(self, &[&open], "apply=true");
        self.shot("ready-offer");
        for place in ["middle", "end"] {
            self.play(&[&format!("scroll-dialog {place}")]);
            self.shot(&format!("ready-offer-{place}"));
        }
        tell(self, &["press Apply"], "is ready");
        self.shot("ready-applied");
        tell(self, &["switch 4"], "apply=true");
        self.play(&["scroll-dialog end"]);
        self.shot("ready-history");
        self.play(&["close-dialog", &format!("start {UUID}")]);
        tell(self, &[&open], "running");
        self.shot("ready-running");
        self.play(&["close-dialog", "live web", "console 0", "picture 0 1024 640", &size]);
        self.play(&["action win.keep-resolution"]);
        tell(self, &[], "apply=true");
        self.shot("ready-keep");
        self.play(&["close-dialog"]);
        std::fs::remove_file(&file).expect("a file");
    }

    /// The library, empty and full, in the window's size and as narrow as it gets.
    fn library(&mut self) {
        let (here, there) = ("qemu:///system", "qemu+ssh://ada@tower/system");
        self.play(&["leave", "library open"]);
        for (name, size) in [("", self.size.clone()), ("-narrow", "size 360 640".to_owned())] {
            self.play(&[&format!("library {size}")]);
            self.shot(&format!("library-empty{name}"));
        }
        let lines = [
            format!("connection {here} connected"),
            format!("machine {here} web running dbus"),
            format!("machine {here} Windows+11 paused dbus"),
            format!("machine {here} build off dbus"),
            format!("machine {here} mail running spice"),
            format!("machine {here} old saved vnc"),
            format!("connection {there} connected"),
            format!("machine {there} backup running dbus"),
            "connection qemu:///session refused".to_owned(),
            "bus :1.7 desk".to_owned(),
            "launched live".to_owned(),
            format!("picture {here} web"),
        ];
        let size = format!("library {}", self.size);
        self.play(&[&size]);
        for line in lines {
            self.play(&[&format!("library {line}")]);
        }
        self.shot("library");
        self.play(&["library choose web"]);
        self.shot("library-details");
        self.play(&["library size 360 640", "library back"]);
        self.shot("library-narrow");
        self.play(&["library activate web"]);
        self.shot("library-details-narrow");
        self.play(&["library back", &size, "library choose mail"]);
        self.shot("library-make-ready");
        self.play(&["library choose backup"]);
        self.shot("library-remote");
        self.play(&["library action win.connections"]);
        self.shot("library-connections");
        self.play(&["library close-dialog", "library choose web", "library action win.power force-off"]);
        self.shot("library-force-off");
        self.play(&["library close-dialog", "library action win.definition"]);
        self.shot("library-definition");
        self.play(&["library close-dialog", "library action win.row-menu", "library search nothing"]);
        self.shot("library-nothing-found");
        self.play(&["library search", &format!("library doing {here} web 40")]);
        self.glance("library-saving");
    }

    fn pages(&mut self) {
        self.play(&["off 0"]);
        self.shot("asleep");
        for kind in ["closed", "taken", "none", "launch", "gone"] {
            self.play(&[&format!("lost {kind}")]);
            self.shot(&format!("lost-{kind}"));
        }
        self.play(&["lost launch", "action win.details"]);
        self.shot("details");
        self.play(&["close-dialog"]);
        for kind in ["shutdown", "failed", "gone"] {
            self.play(&[&format!("ended {kind}")]);
            self.shot(&format!("ended-{kind}"));
        }
    }
}
