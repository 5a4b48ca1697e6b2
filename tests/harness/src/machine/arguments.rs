//! What a test's QEMU is started with.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use super::{Machine, Serial, Sockets};
use crate::{
    error::{Doing, Error, Result},
    process::Scope,
};

/// UEFI code and the matching variables, as the distributions install them.
const OVMF: &[(&str, &str)] = &[
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
];

/// Where QEMU and the compositors find OpenGL.
pub const RENDER_NODE: &str = "/dev/dri/renderD128";

/// Emulation, with a thread for each processor.
const TCG: &str = "tcg,thread=multi";

/// How soon a processor that KVM cannot run has stopped: at the firmware's first steps.
const FIRST_STEPS: Duration = Duration::from_secs(1);

/// How long an empty machine may take to end.
const PROBE: Duration = Duration::from_secs(5);

/// What the machine begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firmware {
    /// UEFI, with variables of its own.
    Ovmf,
    /// The BIOS that QEMU brings; boots faster.
    #[default]
    SeaBios,
    /// None: the processor stops at once, and a test does itself what a guest would, over `-qtest`.
    Idle,
}

/// Where the machine's picture goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Display {
    /// Nothing about it is in the argument list: for `oriel launch`.
    #[default]
    Unset,
    /// Nowhere.
    None,
    /// To a client that QMP's `add_client` brings.
    DBusP2p,
    /// The same, with the guest's pictures as dma-bufs.
    DBusGl,
    /// To the bus at this address.
    DBus {
        /// As in `unix:path=/run/...`.
        address: String,
    },
    /// As `-display` takes it.
    Other(String),
}

/// What the Linux guest draws; see `tests/guest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestOptions {
    /// `scene`, `flip`, `in-place`, `unique`, `still` or `damage`.
    pub paint: String,
    /// New pictures a second.
    pub fps: u32,
    /// The mode, where it is not the one that the display prefers.
    pub mode: Option<(u32, u32)>,
    /// More words for the kernel's command line.
    pub more: String,
}

impl Default for GuestOptions {
    fn default() -> Self {
        Self { paint: "scene".to_owned(), fps: 30, mode: None, more: String::new() }
    }
}

impl GuestOptions {
    /// A guest that draws this.
    pub fn paint(paint: &str) -> Self {
        Self { paint: paint.to_owned(), ..Self::default() }
    }

    fn command_line(&self) -> String {
        let mode =
            self.mode.map(|(width, height)| format!(" oriel.mode={width}x{height}")).unwrap_or_default();
        let Self { paint, fps, more, .. } = self;
        // Linux tests the timer's interrupt by its timing, which fails on an emulator that has to wait.
        format!(
            "console=ttyS0 quiet panic=-1 no_timer_check oriel.paint={paint} oriel.fps={fps}{mode} {more}"
        )
    }
}

/// A machine to be.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    firmware: Firmware,
    guest: Option<GuestOptions>,
    display: Display,
    video: String,
    devices: Vec<String>,
    memory_mib: u32,
    processors: u32,
    accelerator: &'static str,
    kernel: &'static str,
    has_qmp: bool,
    more: Vec<OsString>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A machine with 512 MiB, virtio graphics, tablet and keyboard, and nothing else.
    ///
    /// It has one processor: with two, the emulator of QEMU 10.0 has stopped for good in one of seven
    /// starts with UEFI and a viewer, its main thread and both processors waiting for each other.
    pub fn new() -> Self {
        Self {
            name: "oriel-test".to_owned(),
            firmware: Firmware::default(),
            guest: None,
            display: Display::default(),
            video: "virtio-vga".to_owned(),
            devices: vec!["virtio-tablet-pci".to_owned(), "virtio-keyboard-pci".to_owned()],
            memory_mib: 512,
            processors: 1,
            accelerator: TCG,
            kernel: "vmlinuz",
            has_qmp: true,
            more: Vec::new(),
        }
    }

    /// The machine's name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// What it begins with.
    #[must_use]
    pub fn firmware(mut self, firmware: Firmware) -> Self {
        self.firmware = firmware;
        self
    }

    /// Boots the small Linux guest after the firmware. Its kernel and initramfs are in the
    /// directory that `$ORIEL_GUEST` names.
    #[must_use]
    pub fn guest(mut self, options: GuestOptions) -> Self {
        self.guest = Some(options);
        self
    }

    /// Where the picture goes.
    #[must_use]
    pub fn display(mut self, display: Display) -> Self {
        self.display = display;
        self
    }

    /// The graphics device, as `-device` takes it; an empty one is none.
    #[must_use]
    pub fn video(mut self, device: &str) -> Self {
        device.clone_into(&mut self.video);
        self
    }

    /// The other devices, in place of tablet and keyboard.
    #[must_use]
    pub fn devices(mut self, devices: &[&str]) -> Self {
        self.devices = devices.iter().map(|&device| device.to_owned()).collect();
        self
    }

    /// Memory in MiB.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// How many processors it has.
    #[must_use]
    pub fn processors(mut self, count: u32) -> Self {
        self.processors = count;
        self
    }

    /// Uses KVM where it runs the firmware; tests do not, so that they are alike everywhere.
    #[must_use]
    pub fn fast(mut self) -> Self {
        self.accelerator = if kvm_works(self.firmware) { "kvm" } else { TCG };
        self
    }

    /// Uses KVM, which has to work.
    #[must_use]
    pub fn kvm(mut self) -> Self {
        self.accelerator = "kvm";
        self
    }

    /// Starts the guest's kernel unpacked, which takes less time where emulation is slow. Not with
    /// UEFI.
    #[must_use]
    pub fn unpacked_kernel(mut self) -> Self {
        self.kernel = "vmlinux";
        self
    }

    /// Leaves QMP to the one who starts it.
    #[must_use]
    pub fn without_qmp(mut self) -> Self {
        self.has_qmp = false;
        self
    }

    /// One more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.more.push(argument.into());
        self
    }

    /// Makes the files and the argument list.
    ///
    /// # Errors
    /// When firmware or guest are not there, with what to do about it.
    pub fn prepare(&self) -> Result<Machine> {
        let scope = Scope::new("qemu")?;
        let serial_path = scope.join("serial.sock");
        let serial = Serial::listen(&serial_path)?;
        let qmp = self
            .has_qmp
            .then(|| Sockets { viewer: scope.join("qmp.sock"), harness: scope.join("qmp-own.sock") });
        let mut line = Line(vec!["qemu-system-x86_64".into()]);
        line.flag("-nodefaults");
        line.flag("-no-user-config");
        line.flag("-no-reboot");
        line.option("-name", &self.name);
        self.add_board(&mut line, &scope)?;
        line.option("-chardev", format!("socket,id=serial,path={}", escaped(&serial_path)));
        line.option("-serial", "chardev:serial");
        for socket in qmp.iter().flat_map(|sockets| [&sockets.viewer, &sockets.harness]) {
            line.option("-qmp", format!("unix:{},server=on,wait=off", escaped(socket)));
        }
        self.add_guest(&mut line)?;
        self.add_display(&mut line);
        line.0.extend(self.more.iter().cloned());
        Ok(Machine { arguments: line.0, serial, qmp, scope })
    }

    fn add_board(&self, line: &mut Line, scope: &Scope) -> Result<()> {
        line.option("-machine", "q35");
        line.option("-accel", self.accelerator);
        line.option("-cpu", "max");
        line.option("-smp", self.processors.to_string());
        line.option("-m", format!("{}M", self.memory_mib));
        line.option("-nic", "none");
        if !self.video.is_empty() {
            line.option("-device", &self.video);
        }
        for device in &self.devices {
            line.option("-device", device);
        }
        if self.firmware == Firmware::Ovmf {
            let found = OVMF.iter().find(|(code, vars)| Path::new(code).exists() && Path::new(vars).exists());
            let (code, vars) =
                found.ok_or_else(|| Error::failed("there is no UEFI firmware: install ovmf"))?;
            let own = scope.join("vars.fd");
            fs::copy(vars, &own).doing("copy the firmware's variables")?;
            line.option("-drive", format!("if=pflash,format=raw,unit=0,readonly=on,file={code}"));
            line.option("-drive", format!("if=pflash,format=raw,unit=1,file={}", escaped(&own)));
        }
        if self.firmware == Firmware::Idle {
            let rom = scope.join("idle.rom");
            fs::write(&rom, idle_rom()).doing("make a firmware that does nothing")?;
            line.option("-bios", rom);
        }
        Ok(())
    }

    fn add_guest(&self, line: &mut Line) -> Result<()> {
        let Some(options) = &self.guest else { return Ok(()) };
        let dir = guest_dir()?;
        line.option("-kernel", dir.join(self.kernel));
        line.option("-initrd", dir.join("initrd.img"));
        line.option("-append", options.command_line());
        Ok(())
    }

    fn add_display(&self, line: &mut Line) {
        match &self.display {
            Display::Unset => {}
            Display::None => line.option("-display", "none"),
            Display::DBusP2p => line.option("-display", "dbus,p2p=yes"),
            Display::DBusGl => {
                line.option("-display", format!("dbus,p2p=yes,gl=on,rendernode={RENDER_NODE}"));
            }
            Display::DBus { address } => {
                line.option("-display", format!("dbus,addr={}", address.replace(',', ",,")))
            }
            Display::Other(display) => line.option("-display", display),
        }
    }
}

struct Line(Vec<OsString>);

impl Line {
    fn flag(&mut self, flag: &str) {
        self.0.push(flag.into());
    }

    fn option(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.extend([name.into(), value.into()]);
    }
}

/// Whether QEMU runs this firmware with KVM. That its device can be opened is not enough: with some
/// nested ones QEMU fails an assertion when it first sets the processor's registers, with others the
/// machine stops at the firmware's first instruction that KVM has to emulate.
fn kvm_works(firmware: Firmware) -> bool {
    if fs::File::options().read(true).write(true).open("/dev/kvm").is_err() {
        return false;
    }
    let bare = Builder { accelerator: "kvm", ..Builder::new() }.display(Display::None).firmware(firmware);
    let runs = || {
        let mut machine = bare.prepare()?.start()?;
        let mut qmp = machine.qmp()?;
        // The wait for what must not come is as long as this takes on a slow computer.
        let stopped = qmp.wait_for("STOP", FIRST_STEPS).is_ok();
        let running = qmp.execute("query-status", serde_json::json!({}))?["running"] == true;
        qmp.execute("quit", serde_json::json!({}))?;
        let status: ExitStatus = machine.process().wait(PROBE)?;
        Ok::<_, Error>(!stopped && running && status.success())
    };
    runs().unwrap_or(false)
}

/// `cli`, `hlt` and a jump back to it where an x86 processor begins: 16 bytes below the end.
fn idle_rom() -> Vec<u8> {
    let mut rom = vec![0; 64 * 1024];
    let start = rom.len() - 16;
    rom[start..start + 4].copy_from_slice(&[0xfa, 0xf4, 0xeb, 0xfd]);
    rom
}

/// QEMU separates options with commas; two of them mean one.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// The directory with the guest's `vmlinuz` and `initrd.img`.
fn guest_dir() -> Result<PathBuf> {
    let dir = env::var_os("ORIEL_GUEST").map(PathBuf::from).ok_or_else(|| {
        Error::failed("ORIEL_GUEST has to name the directory with the test guest; tests/guest/build makes and prints it")
    })?;
    for file in ["vmlinuz", "initrd.img"] {
        if !dir.join(file).is_file() {
            return Err(Error::failed(format_args!(
                "{} has no {file}, which tests/guest/build makes",
                dir.display()
            )));
        }
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_guest_needs_nothing_but_qemu() {
        let machine =
            Builder::new().display(Display::DBus { address: "unix:a=1,b=2".into() }).prepare().expect("made");
        let line: Vec<_> = machine.arguments().iter().map(|word| word.to_string_lossy()).collect();
        assert_eq!(line[0], "qemu-system-x86_64");
        assert!(line.windows(2).any(|two| two == ["-display", "dbus,addr=unix:a=1,,b=2"]));
        assert!(!line.iter().any(|word| word == "-kernel"));
    }

    #[test]
    fn what_oriel_adds_itself_can_be_left_out() {
        let machine = Builder::new().without_qmp().prepare().expect("made");
        assert!(!machine.arguments().iter().any(|word| word == "-qmp" || word == "-display"));
    }

    #[test]
    fn the_guest_is_told_what_to_draw() {
        let options = GuestOptions { fps: 60, mode: Some((1920, 1080)), ..GuestOptions::paint("flip") };
        let line = options.command_line();
        assert!(line.contains("oriel.paint=flip oriel.fps=60 oriel.mode=1920x1080"), "{line}");
    }
}
