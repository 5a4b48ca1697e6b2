//! A libvirtd of a test's own: its configuration, its machines and its processes end with the test.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use oriel::source::libvirt::{Access, Change, Hypervisor, LibvirtError, Machine, Roster, State};

use crate::session_watch::PATIENCE;

/// What libvirtd needs to know to run machines where there are neither control groups nor other users.
const QEMU_CONF: &str = "user = \"root\"\ngroup = \"root\"\ncgroup_controllers = []\nnamespaces = []\n\
                         remember_owner = 0\nsecurity_driver = \"none\"\nstdio_handler = \"file\"\n\
                         dynamic_ownership = 0\n";

/// Whoever can reach the socket may do everything.
pub(crate) const DAEMON_CONF: &str =
    "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nunix_sock_rw_perms = \"0700\"\n";

pub(crate) struct Daemon {
    place: tempfile::TempDir,
    supervisor: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Daemon {
    /// One that is about to run.
    pub(crate) fn start() -> Self {
        let mut daemon = Self::prepare();
        daemon.tell("start");
        daemon
    }

    /// One that does not run yet.
    pub(crate) fn prepare() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("etc")).unwrap();
        fs::write(place.path().join("etc/qemu.conf"), QEMU_CONF).unwrap();
        fs::write(place.path().join("libvirtd.conf"), DAEMON_CONF).unwrap();
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libvirt/supervise");
        let mut supervisor = unshare
            .arg(script)
            .arg(place.path())
            // To find out what QEMU can do takes a minute on a busy computer: once for all tests.
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("libvirt-knows"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is there");
        let words = supervisor.stdin.take();
        let answers = BufReader::new(supervisor.stdout.take().unwrap());
        Self { place, supervisor, words, answers }
    }

    /// Does what `supervise` knows this word for.
    pub(crate) fn tell(&mut self, word: &str) {
        writeln!(self.words.as_mut().unwrap(), "{word}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "'{word}' failed: {}", self.log());
    }

    pub(crate) fn uri(&self) -> String {
        format!("qemu+unix:///system?socket={}", self.place.path().join("run/libvirt-sock").display())
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("daemon.log")).unwrap_or_default()
    }

    /// Has libvirt's own shell do something to its machines, as another program beside us. What it says.
    pub(crate) fn virsh(&self, arguments: &[&str]) -> String {
        let mut virsh = Command::new("virsh");
        let output = virsh.args(["--connect", &self.uri()]).args(arguments).output().expect("virsh is there");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A connection that stands.
    pub(crate) fn connect(&self) -> Hypervisor {
        let hypervisor = Hypervisor::connect(self.uri(), Access::Full);
        self.until(&hypervisor, "a connection", |roster| {
            matches!(roster.status(), oriel::source::libvirt::Status::Connected).then_some(())
        });
        hypervisor
    }

    /// Waits until the roster is as `test` wants it.
    pub(crate) fn until<T: Send + 'static>(
        &self,
        hypervisor: &Hypervisor,
        what: &str,
        test: impl FnMut(&Roster) -> Option<T> + Send + 'static,
    ) -> T {
        let found = wait(hypervisor.when(test));
        found.flatten().unwrap_or_else(|| {
            let known: Vec<Change> = std::iter::from_fn({
                let changes = hypervisor.changes();
                std::thread::sleep(std::time::Duration::from_millis(200));
                move || changes.try_recv().ok()
            })
            .collect();
            panic!("it did not come to this: {what}; it is {known:#?}\n{}", self.log())
        })
    }

    /// Waits until a machine is in a state.
    pub(crate) fn until_state(
        &self,
        hypervisor: &Hypervisor,
        name: &'static str,
        is: impl Fn(State) -> bool + Send + 'static,
    ) -> Machine {
        self.until(hypervisor, name, move |roster| {
            roster.find(name).filter(|machine| is(machine.state)).cloned()
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It ends what it has started.
        drop(self.words.take());
        let _ = self.supervisor.wait();
    }
}

/// What comes of it, if it comes within the patience of these tests.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Option<T> {
    zruntime::block_on(async {
        zruntime::SharedRuntime::current().unwrap().timeout(PATIENCE * 3, work).await.ok()
    })
}

/// What comes of a call.
pub(crate) fn call<T>(work: impl Future<Output = Result<T, LibvirtError>>) -> Result<T, LibvirtError> {
    wait(work).expect("every call comes to an end")
}

/// A small machine that shows its firmware.
pub(crate) fn definition(name: &str, graphics: &str) -> String {
    format!(
        "<domain type='qemu'>\n  <name>{name}</name>\n  <memory unit='MiB'>64</memory>\n  <os>\n    \
         <type arch='x86_64' machine='pc'>hvm</type>\n  </os>\n  <features>\n    <acpi/>\n  </features>\n  \
         <devices>\n    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n    {graphics}\n    <video>\n      \
         <model type='vga'/>\n    </video>\n    <memballoon model='none'/>\n  </devices>\n</domain>\n"
    )
}

pub(crate) const P2P: &str = "<graphics type='dbus' p2p='yes'/>";
