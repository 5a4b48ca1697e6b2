//! A machine that is saved, which takes as long as its memory and the disk want.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oriel::source::libvirt::{Hypervisor, Off, Operation, State};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::daemon::{Daemon, P2P, call, definition};
use crate::desk::Scene;
use crate::window::window_of;

/// A machine whose memory takes a while to write, running.
pub(crate) fn started(daemon: &Daemon, hypervisor: &Hypervisor) -> String {
    let stuff = daemon.path().join("stuff");
    fs::write(&stuff, vec![0xa5; 16 << 20]).unwrap();
    let device = format!("loader,file={},addr=0x1800000,force-raw=on", stuff.display());
    let command = format!(
        "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='{device}'/></qemu:commandline></domain>"
    );
    let text = definition("web", P2P)
        .replace("<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ")
        .replace("</domain>", &command);
    call(hypervisor.define(text)).unwrap();
    let uuid = daemon.until_state(hypervisor, "web", |_| true).uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    daemon.until_state(hypervisor, "web", |state| state == State::Running);
    uuid
}

/// The file that libvirt saves a machine to, as a pipe: it takes no more than is let through.
struct Dam {
    pipe: File,
    path: PathBuf,
}

impl Dam {
    fn build(path: &Path) -> Self {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Both ends, so that neither side waits for the other to open it.
        let pipe = OpenOptions::new().read(true).write(true).open(path).unwrap();
        Self { pipe, path: path.to_owned() }
    }

    /// Lets everything through from now on.
    fn open(&self) -> Flood {
        let (over, mut pipe) = (Arc::new(AtomicBool::new(false)), self.pipe.try_clone().unwrap());
        let end = over.clone();
        let reading = thread::spawn(move || {
            let mut part = vec![0; 1 << 16];
            while !end.load(Ordering::Relaxed) {
                let wait = rustix::event::Timespec::try_from(Duration::from_millis(20)).unwrap();
                let mut ready = [rustix::event::PollFd::new(&pipe, rustix::event::PollFlags::IN)];
                if rustix::event::poll(&mut ready, Some(&wait)).unwrap() > 0 {
                    assert!(pipe.read(&mut part).unwrap() > 0);
                }
            }
        });
        Flood { over, reading: Some(reading) }
    }
}

impl Drop for Dam {
    fn drop(&mut self) {
        // Whatever is at its place now.
        let _ = fs::remove_file(&self.path);
    }
}

/// What is let through, until it is dropped.
struct Flood {
    over: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.reading.take().expect("once").join().expect("a reader");
    }
}

/// The hundredths in "Saving… 21 %", if they tell of something that goes on.
fn part(words: &str) -> Option<u8> {
    let (_, rest) = words.split_once("Saving… ")?;
    rest.split_once(" %")?.0.parse().ok().filter(|part| (1..100).contains(part))
}

/// The list of the library, once it is so.
fn list(scene: &mut Scene, right: impl Fn(&str) -> bool) {
    scene.ask_until("library list", "list ", right);
}

/// How far it is stands in the window of whoever saves it, who can also think better of it; a second time
/// in the library; and at last it is saved.
#[test]
fn a_save_says_how_far_it_is_and_can_be_cancelled() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let uuid = started(&daemon, &hypervisor);
    let dam = Dam::build(&daemon.path().join("lib/qemu/save/web.save"));
    let mut scene = window_of(&daemon, "web");
    scene.play(&["live web", "console 0", "picture 0 640 480", &format!("library living {}", daemon.uri())]);
    scene.ask_until("power", "power ", |power| power.contains("Save and Stop"));
    list(&mut scene, |list| list.contains("|web; Running"));

    scene.play(&["action win.power save"]);
    scene.ask_until("say", "state ", |state| {
        state.split_once("banner=[").is_some_and(|(_, banner)| part(banner).is_some())
    });
    assert!(matches!(call(hypervisor.progress(&uuid)), Ok(Some(1..100))));
    // Others see that it stands still, and nothing that they could do about it.
    list(&mut scene, |list| list.contains("|web; Paused for a moment"));
    scene.play(&["action win.cancel-work"]);
    scene.wait_for_state("banner=[Cancelling…]");
    let flood = dam.open();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    scene.wait_for_state("banner=[]");
    scene.ask_until("toasts", "toasts ", |toasts| toasts.contains("Saving “web” was cancelled: it runs on"));
    drop(flood);

    scene.play(&["library choose web", "library action win.power save"]);
    list(&mut scene, |list| part(list).is_some());
    scene.ask_until("library details", "details ", |details| {
        part(details).is_some() && details.contains("Cancel")
    });
    scene.play(&["library action win.cancel-work"]);
    let flood = dam.open();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    list(&mut scene, |list| list.contains("|web; Running"));
    scene.ask_until("library toasts", "toasts ", |toasts| toasts.contains("Saving “web” was cancelled"));
    drop((flood, dam));

    assert!(call(hypervisor.cancel(&uuid)).is_err(), "nothing is being done");
    scene.play(&["library action win.power save"]);
    daemon.until_state(&hypervisor, "web", |state| state == State::Off(Off::Saved));
    list(&mut scene, |list| list.contains("|web; Saved"));
}
