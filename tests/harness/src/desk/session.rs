//! A login session of its own: private directories, a private bus, and an environment that knows nothing else.

use std::{
    fs,
    os::unix::{fs::DirBuilderExt, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    desk::START,
    error::{Doing, Result},
    process::{Process, Scope, wait_until},
};

/// What a client may inherit. Everything else could lead it to the desktop of the person who runs the tests.
const INHERITED: &[&str] = &[
    "CARGO_TARGET_DIR",
    "GSETTINGS_SCHEMA_DIR",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "LOGNAME",
    "MESA_SHADER_CACHE_DIR",
    "PATH",
    "RUST_BACKTRACE",
    "VK_DRIVER_FILES",
    "RUST_LOG",
    "TMPDIR",
    "USER",
    "XDG_DATA_DIRS",
];

/// Prefixes of what a client may inherit as well.
const INHERITED_PREFIXES: &[&str] =
    &["ORIEL_", "GTK_DEBUG", "GDK_DEBUG", "G_DEBUG", "G_MESSAGES_DEBUG", "WAYLAND_DEBUG"];

/// Settings of the desktop that make pictures repeatable; GTK reads them through GSettings.
///
/// The keyfile backend rather than the memory one, because that one cannot be filled beforehand.
const SETTINGS: &str = "\
[org/gnome/desktop/interface]
enable-animations=false
cursor-blink=false
overlay-scrolling=false
";

/// Where no session service can be activated: what a test needs it starts, and nothing else runs.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:path=PATH</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Directories, bus and environment of one desktop.
#[derive(Debug)]
pub struct Session {
    environment: Vec<(String, String)>,
    bus: Process,
    // Last: it ends what is left of the others.
    scope: Scope,
}

impl Session {
    /// Makes the directories and starts the bus; there is no display yet.
    ///
    /// # Errors
    /// When a directory cannot be made or `dbus-daemon` does not come up.
    pub fn start(name: &str) -> Result<Self> {
        let scope = Scope::new(name)?;
        let dir = |name: &str| -> Result<String> {
            let path = scope.join(name);
            fs::DirBuilder::new()
                .mode(0o700)
                .recursive(true)
                .create(&path)
                .doing("make a private directory")?;
            Ok(path.to_string_lossy().into_owned())
        };
        let config = dir("config")?;
        let keyfile = scope.join("config/glib-2.0/settings/keyfile");
        dir("config/glib-2.0/settings")?;
        fs::write(&keyfile, SETTINGS).doing("write the desktop's settings")?;
        let bus_path = scope.join("bus");
        let mut environment: Vec<(String, String)> =
            std::env::vars().filter(|(name, _)| is_inherited(name)).collect();
        let own = [
            ("HOME", dir("home")?),
            ("XDG_RUNTIME_DIR", dir("run")?),
            ("XDG_CONFIG_HOME", config),
            ("XDG_DATA_HOME", dir("data")?),
            ("XDG_CACHE_HOME", dir("cache")?),
            ("XDG_STATE_HOME", dir("state")?),
            ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus_path.display())),
            ("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", bus_path.display())),
            ("GSETTINGS_BACKEND", "keyfile".to_owned()),
            ("GTK_A11Y", "none".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()),
            ("TERM", "dumb".to_owned()),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let bus = start_bus(&scope, &environment, &bus_path)?;
        Ok(Self { environment, bus, scope })
    }

    /// The private directory and its processes.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The session's `XDG_RUNTIME_DIR`.
    pub fn runtime_dir(&self) -> PathBuf {
        self.scope.join("run")
    }

    /// The address of the private bus, which is the session's and the system's.
    pub fn bus_address(&self) -> String {
        format!("unix:path={}", self.scope.join("bus").display())
    }

    /// Adds to, or replaces in, the environment of all clients to come.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// A command with this session's environment and nothing else.
    pub fn command(&self, program: &str) -> Command {
        command(program, &self.environment)
    }

    /// The end of the bus's logs.
    pub fn log(&self) -> String {
        self.bus.log()
    }
}

fn command(program: &str, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

fn is_inherited(name: &str) -> bool {
    INHERITED.contains(&name) || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn start_bus(scope: &Scope, environment: &[(String, String)], path: &Path) -> Result<Process> {
    let config = scope.join("bus.conf");
    fs::write(&config, BUS.replace("PATH", &path.to_string_lossy()))
        .doing("write the bus's configuration")?;
    let mut daemon = command("dbus-daemon", environment);
    daemon.arg("--nofork").arg("--nopidfile").arg("--config-file").arg(config);
    let mut bus = scope.spawn("bus", daemon)?;
    wait_for_socket(&mut bus, "session bus", path)?;
    Ok(bus)
}

/// Waits until somebody listens at `path`.
pub(super) fn wait_for_socket(server: &mut Process, what: &str, path: &Path) -> Result<()> {
    let ready = wait_until(what, START, || {
        if !server.is_running()? {
            return Err(crate::Error::failed(format_args!("the {what} ended at once")));
        }
        Ok(UnixStream::connect(path).ok())
    });
    ready.map(drop).map_err(|error| error.with_detail(&server.log()))
}
