//! What can be said on the command line, as values; what contradicts itself is refused here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::exit::{self, Failure};
use crate::geometry::{Rotation, Scaling};
use crate::source::libvirt::{self, Domain};
use crate::source::{Launch, Source};

const EXAMPLES: &str = "\
Examples:
  oriel                                     all machines: the library
  oriel connect                             the first machine on the session bus
  oriel connect web                         the machine named 'web'
  oriel connect --qmp /run/user/1000/vm.qmp a machine by its QMP socket
  oriel connect --libvirt qemu:///system web a machine that libvirt runs
  oriel launch -- qemu-system-x86_64 -m 2G -cdrom debian.iso
  oriel list --json                         machines and their consoles
  oriel screenshot --qmp vm.qmp shot.png    what the machine shows, as a file

QEMU has to be started with '-display dbus' (on the session bus), or with
'-display dbus,p2p=yes' and a QMP socket. 'oriel launch' adds what is needed.";

/// A window onto a virtual machine's display.
///
/// Shows machines run by QEMU over its D-Bus display: their frames as they are, without copying,
/// scaling or encoding them on the way.
#[derive(Debug, Parser)]
#[command(name = "oriel", version, propagate_version = true)]
#[command(after_help = EXAMPLES, after_long_help = concat_help())]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Say more on standard error: -v how things went, -vv how they were done, -vvv everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

fn concat_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::HELP)
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show all machines: the same as no command.
    ///
    /// Machines of libvirt (qemu:///session, qemu:///system and connections that were added), on the
    /// session bus, and launched lately.
    #[command(after_help = "\
Examples:
  oriel
  oriel library --libvirt qemu+ssh://root@host/system")]
    Library(Library),
    /// Open a window on a running machine.
    ///
    /// Without MACHINE, the first one that owns the name org.qemu on the session bus.
    #[command(after_help = "\
Examples:
  oriel connect
  oriel connect web --fullscreen
  oriel connect --bus unix:path=/run/user/1000/vms.bus 5f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8
  oriel connect --qmp vm.qmp --scale 1:1
  oriel connect --libvirt qemu:///session web")]
    Connect(Connect),
    /// Start QEMU with Oriel as its display.
    ///
    /// Adds '-display dbus,p2p=yes' and a private QMP connection to the command. A '-display
    /// dbus,gl=on' of your own is kept and completed. Closing the window asks the guest to shut
    /// down; the machine never outlives Oriel.
    #[command(after_help = "\
Examples:
  oriel launch -- qemu-system-x86_64 -m 2G -cdrom debian.iso
  oriel launch --fullscreen -- qemu-system-x86_64 -display dbus,gl=on -device virtio-vga-gl")]
    Launch(LaunchCommand),
    /// List machines and their consoles.
    #[command(after_help = "\
Examples:
  oriel list
  oriel list --json | jq -r '.[].name'")]
    List(List),
    /// Save what a machine shows as a PNG file. Needs no display server.
    #[command(
        allow_missing_positional = true,
        after_help = "\
Examples:
  oriel screenshot shot.png
  oriel screenshot --qmp vm.qmp --console 1 shot.png
  oriel screenshot --bus unix:path=/run/vms.bus web - | display
  oriel screenshot --libvirt qemu:///system web shot.png"
    )]
    Screenshot(Screenshot),
    /// Print what a shell needs to complete Oriel's command line.
    #[command(after_help = "\
Examples:
  oriel completions bash > ~/.local/share/bash-completion/completions/oriel
  oriel completions fish > ~/.config/fish/completions/oriel.fish")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Default for Command {
    fn default() -> Self {
        Self::Library(Library::default())
    }
}

/// The ways to reach a machine that runs.
#[derive(Debug, Default, Args)]
pub struct Reach {
    /// The D-Bus address on which to look for machines [default: the session bus].
    #[arg(long, value_name = "ADDRESS", group = "way")]
    bus: Option<String>,
    /// The QMP socket of a machine with '-display dbus,p2p=yes'. Another viewer of it, which only one
    /// can be, loses its display.
    #[arg(long, value_name = "SOCKET", group = "way")]
    qmp: Option<PathBuf>,
    /// A descriptor of a connected socket that was inherited, and on which QEMU speaks D-Bus.
    #[arg(long, value_name = "N", group = "way", value_parser = clap::value_parser!(u32).range(3..))]
    fd: Option<u32>,
    /// The libvirt connection that has the machine, as qemu:///session or qemu:///system. Another
    /// viewer of it, which only one can be, loses its display.
    #[arg(long, value_name = "URI", group = "way", requires = "machine")]
    libvirt: Option<String>,
}

impl Reach {
    /// The way that was chosen; `machine` names one among several on a bus.
    fn source(self, machine: Option<String>) -> Result<Source, Failure> {
        Ok(match self {
            Self { qmp: Some(socket), .. } => Source::qmp(socket),
            Self { fd: Some(number), .. } => Source::inherited(number)?,
            Self { libvirt: Some(uri), .. } => Source::Libvirt(Domain::new(uri, machine.unwrap_or_default())),
            Self { bus: address, .. } => Source::Bus { address, machine },
        })
    }
}

/// `oriel library`.
#[derive(Debug, Default, Args)]
pub struct Library {
    /// Show the machines of this libvirt connection, and of others that are given so, but no more.
    #[arg(long, value_name = "URI")]
    libvirt: Vec<String>,
    /// Show nothing before somebody asks for it on the session bus, which has started us for that.
    #[arg(long, hide = true, conflicts_with = "libvirt")]
    gapplication_service: bool,
}

/// What the library shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelves {
    /// The usual connections, and machines from elsewhere.
    Usual,
    /// These connections, and nothing else.
    Only(Vec<String>),
    /// As usual, once it is wanted.
    Service,
}

impl Library {
    /// What it shows.
    pub fn shelves(self) -> Shelves {
        match self.libvirt {
            _ if self.gapplication_service => Shelves::Service,
            uris if uris.is_empty() => Shelves::Usual,
            uris => Shelves::Only(uris),
        }
    }
}

/// `oriel connect`.
#[derive(Debug, Default, Args)]
pub struct Connect {
    #[command(flatten)]
    reach: Reach,
    /// Name, UUID or unique bus name (:1.42) of the machine, where several are on one bus; name, UUID
    /// or id with --libvirt.
    #[arg(conflicts_with_all = ["qmp", "fd"])]
    machine: Option<String>,
    #[command(flatten)]
    show: Show,
}

/// `oriel launch`.
#[derive(Debug, Args)]
pub struct LaunchCommand {
    #[command(flatten)]
    show: Show,
    /// QEMU and its arguments, as they would be typed without Oriel.
    #[arg(last = true, required = true, value_name = "QEMU")]
    command: Vec<OsString>,
}

/// `oriel list`.
#[derive(Debug, Args)]
pub struct List {
    /// The D-Bus address on which to look for machines [default: the session bus].
    #[arg(long, value_name = "ADDRESS", group = "where")]
    pub bus: Option<String>,
    /// The QMP socket of one machine with '-display dbus,p2p=yes'. Another viewer of it, which only
    /// one can be, loses its display.
    #[arg(long, value_name = "SOCKET", group = "where")]
    pub qmp: Option<PathBuf>,
    /// The libvirt connection whose machines to list [default: beside the session bus, qemu:///session
    /// and qemu:///system where they are].
    #[arg(long, value_name = "URI", group = "where")]
    pub libvirt: Option<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl List {
    /// Whom to ask: for displays, and which of libvirt's connections.
    pub(super) fn places(self) -> (Option<Source>, Vec<String>) {
        match self {
            Self { libvirt: Some(uri), .. } => (None, vec![uri]),
            Self { qmp: Some(socket), .. } => (Some(Source::qmp(socket)), Vec::new()),
            Self { bus: Some(address), .. } => {
                (Some(Source::Bus { address: Some(address), machine: None }), Vec::new())
            }
            Self { .. } => {
                let uris = if cfg!(feature = "libvirt") { libvirt::likely() } else { Vec::new() };
                let bus = Source::Bus { address: None, machine: None };
                (Some(bus), uris.into_iter().map(str::to_owned).collect())
            }
        }
    }
}

/// `oriel screenshot`.
#[derive(Debug, Args)]
pub struct Screenshot {
    #[command(flatten)]
    reach: Reach,
    /// Name, UUID or unique bus name (:1.42) of the machine, where several are on one bus; name, UUID
    /// or id with --libvirt.
    #[arg(conflicts_with_all = ["qmp", "fd"])]
    machine: Option<String>,
    /// The console to look at [default: the first graphical one].
    #[arg(long, value_name = "N")]
    pub console: Option<u32>,
    /// How long to wait for the picture.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Where to save the picture; '-' is standard output.
    #[arg(value_name = "FILE.png")]
    pub file: PathBuf,
}

impl Screenshot {
    /// Whom to ask.
    pub(super) fn source(&mut self) -> Result<Source, Failure> {
        std::mem::take(&mut self.reach).source(self.machine.take())
    }
}

/// How a machine is shown: the options that `connect` and `launch` share.
#[derive(Debug, Default, Args)]
pub struct Show {
    /// The console to show, and no other [default: the one that the machine uses, or that was chosen
    /// in the window].
    #[arg(long, value_name = "N")]
    console: Option<u32>,
    /// Fill the screen: the one that the window is on; the MONITOR of this connector (DP-1), number (1 is
    /// the leftmost) or name; or 'all' of them, each with a console of the machine.
    #[arg(long, value_name = "MONITOR", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    fullscreen: Option<String>,
    /// Size of the picture: fit for all that fits, 1:1 for the guest's pixels as they are, integer for
    /// the largest whole multiple, fill for all of the window [default: as it was last time, at first
    /// fit].
    #[arg(long, value_name = "SCALE")]
    scale: Option<Scale>,
    /// How pixels are mixed where the picture has another size: auto is sharp where it is enlarged and
    /// area where it is shrunk [default: as it was last time, at first auto].
    #[arg(long, value_name = "FILTER")]
    filter: Option<Mixing>,
    /// Turn the picture clockwise by so many degrees [default: as it was last time, at first 0].
    #[arg(long, value_name = "DEGREES")]
    rotate: Option<Turn>,
    /// How the picture reaches the screen; auto takes the best way that works [default: as chosen in
    /// the preferences, at first auto].
    #[arg(long, value_name = "WAY")]
    present: Option<Present>,
    /// Copy the picture at the moment of each update: for guests that draw into what is shown.
    #[arg(long)]
    snapshot: bool,
    /// Show statistics over the picture (Ctrl+Alt+I): its way, both rates, delays and costs.
    #[arg(long)]
    overlay: bool,
    /// Ask QEMU for a vGPU's picture at the screen's pace, through its monitor, where that helps; off
    /// leaves it at the 33 frames a second that QEMU gives by itself [default: as chosen in the
    /// preferences, at first auto].
    #[arg(long, value_name = "WHEN")]
    boost: Option<Boost>,
    /// Write statistics: one JSON object a second, and a summary at the end; '-' is standard error.
    ///
    /// 'path' tells which way the picture takes, and why not a better one; 'guest_rate' how often the
    /// guest's picture changed in a second, 'presented_rate' how many frames were seen, 'rate' how many
    /// the compositor was given; 'commit' and 'present' how many milliseconds that took; counts are of
    /// that second.
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// Close the window after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    exit_after: Option<Duration>,
}

/// `--scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scale {
    Fit,
    #[value(name = "1:1")]
    OneToOne,
    Integer,
    Fill,
}

/// `--filter`: what makes the monitor's pixels of the guest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mixing {
    /// As fits.
    Auto,
    /// The nearest pixel.
    Nearest,
    /// Four pixels; the compositor does it.
    Linear,
    /// Enlarged pixels with sharp edges.
    Sharp,
    /// All pixels that are covered: shrunk pictures do not shimmer.
    Area,
    /// Smooth, with contrast added where there is little.
    Sharpen,
}

/// `--rotate`: quarter turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Turn {
    #[value(name = "0")]
    None,
    #[value(name = "90")]
    Right,
    #[value(name = "180")]
    Half,
    #[value(name = "270")]
    Left,
}

/// `--fullscreen`: what the machine fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fullscreen {
    No,
    Here,
    /// By its connector, number or name.
    On(String),
    All,
}

/// `--present`: the way that the picture is to take to the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Present {
    /// The best way that works.
    Auto,
    /// The guest's own buffer, handed to the compositor.
    Direct,
    /// The guest's buffer, drawn by Oriel with the GPU.
    Compose,
    /// The guest's buffer, copied by the GPU that has it for the one that shows it.
    Bridge,
    /// Changes copied into memory that the compositor reads.
    Copy,
    /// A texture drawn by GTK.
    Gtk,
}

/// `--boost`: whether a vGPU's picture is asked for oftener than QEMU gives it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Boost {
    /// Where we hold the machine's monitor (launch, --qmp), and it helps.
    Auto,
    /// Whether it helps or not, and through libvirt, too, which marks the machine as tainted for it.
    Always,
    /// Never.
    Off,
}

/// What a window is to show, and how.
#[derive(Debug)]
pub struct ConnectOptions {
    pub source: Source,
    /// The console's number; without, as it was last time, or the one that the machine uses.
    pub console: Option<u32>,
    /// What is filled.
    pub fullscreen: Fullscreen,
    /// The size of the picture; as it was last time without.
    pub scaling: Option<Scaling>,
    /// How its pixels are mixed in another size; as it was last time without.
    pub filter: Option<Mixing>,
    /// How far it is turned; as it was last time without.
    pub rotation: Option<Rotation>,
    /// The way that the picture takes; as the person prefers without.
    pub present: Option<Present>,
    /// Whether each update is copied at once.
    pub snapshot: bool,
    /// Whether statistics are shown over the picture.
    pub overlay: bool,
    /// Whether a vGPU's picture is asked for oftener; as the person prefers without.
    pub boost: Option<Boost>,
    /// Where statistics go.
    pub stats: Option<PathBuf>,
    /// How long the window stays.
    pub exit_after: Option<Duration>,
}

impl Show {
    fn options(self, source: Source) -> ConnectOptions {
        ConnectOptions {
            source,
            console: self.console,
            fullscreen: match self.fullscreen.as_deref() {
                None => Fullscreen::No,
                Some("") => Fullscreen::Here,
                Some("all") => Fullscreen::All,
                Some(monitor) => Fullscreen::On(monitor.to_owned()),
            },
            scaling: self.scale.map(|scale| match scale {
                Scale::Fit => Scaling::Fit,
                Scale::OneToOne => Scaling::OneToOne,
                Scale::Integer => Scaling::Integer,
                Scale::Fill => Scaling::Fill,
            }),
            filter: self.filter,
            rotation: self.rotate.map(|turn| match turn {
                Turn::None => Rotation::None,
                Turn::Right => Rotation::Right,
                Turn::Half => Rotation::Half,
                Turn::Left => Rotation::Left,
            }),
            present: self.present,
            snapshot: self.snapshot,
            overlay: self.overlay,
            boost: self.boost,
            stats: self.stats,
            exit_after: self.exit_after,
        }
    }
}

impl Connect {
    /// What `oriel connect` is to open.
    pub fn options(self) -> Result<ConnectOptions, Failure> {
        let source = self.reach.source(self.machine)?;
        Ok(self.show.options(source))
    }
}

impl LaunchCommand {
    /// The command, if it can be written down.
    pub(super) fn words(&self) -> Option<Vec<String>> {
        self.command.iter().map(|word| word.to_str().map(str::to_owned)).collect()
    }

    /// What `oriel launch` is to start and open.
    pub fn options(self) -> Result<ConnectOptions, Failure> {
        let launch =
            Launch::new(self.command).map_err(|error| Failure::new(exit::Exit::Usage, error.to_string()))?;
        Ok(self.show.options(Source::Launch(launch)))
    }
}

/// A span of time in seconds, fractions allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a number of seconds above 0, such as 5 or 0.5";
    let seconds: f64 = text.parse().map_err(|_| EXPECTED.to_owned())?;
    let span = Duration::try_from_secs_f64(seconds).map_err(|_| EXPECTED.to_owned())?;
    if span.is_zero() { Err(EXPECTED.to_owned()) } else { Ok(span) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fullscreen(arguments: &[&str]) -> Fullscreen {
        let command = ["oriel", "connect"].iter().chain(arguments);
        match Cli::try_parse_from(command).expect("a command line").command {
            Some(Command::Connect(connect)) => connect.options().expect("options").fullscreen,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn a_monitor_may_be_named_or_not() {
        assert_eq!(fullscreen(&[]), Fullscreen::No);
        assert_eq!(fullscreen(&["--fullscreen", "web"]), Fullscreen::Here, "the machine is no monitor");
        assert_eq!(fullscreen(&["--fullscreen=2"]), Fullscreen::On("2".to_owned()));
        assert_eq!(fullscreen(&["--fullscreen=all"]), Fullscreen::All);
    }
}
