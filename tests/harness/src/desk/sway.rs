//! Sway without a screen: outputs of any size and fractional scale, windows placed to the pixel, exact screenshots.

use std::{
    cell::RefCell,
    fmt::Write as _,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    desk::{
        Desk, START, Session,
        ipc::{Ask, Ipc},
        session::wait_for_socket,
    },
    error::{Doing, Error, Result},
    process::{Process, wait_until},
    shot::{self, Image, Rect},
};

/// An output to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Output {
    /// Width in device pixels.
    pub width: u32,
    /// Height in device pixels.
    pub height: u32,
    /// Device pixels per logical pixel. Width and height should be multiples of its numerator:
    /// then the logical size is whole.
    pub scale: f64,
}

impl Output {
    /// An output of this many device pixels at scale 1.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, scale: 1.0 }
    }

    /// The same with another scale.
    #[must_use]
    pub fn scale(self, scale: f64) -> Self {
        Self { scale, ..self }
    }
}

/// Where new windows go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// They share the output among them; one alone fills it.
    #[default]
    Tiled,
    /// They have the size that they ask for, in the middle of the output.
    Floating,
}

/// What draws the desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renderer {
    /// The processor; clients' dma-bufs are not taken.
    #[default]
    Pixman,
    /// OpenGL on this computer's first render node, which may be one without a GPU.
    Gles,
}

/// What a sway should be like.
#[derive(Clone, Debug)]
pub struct SwayConfig {
    /// The outputs, from left to right: `HEADLESS-1`, `HEADLESS-2`, ...
    pub outputs: Vec<Output>,
    /// Where new windows go.
    pub layout: Layout,
    /// What draws it.
    pub renderer: Renderer,
    /// Whether it takes the kernel's input devices, for which it must be root's.
    pub takes_devices: bool,
    /// More lines of configuration, see sway(5).
    pub more: String,
}

impl Default for SwayConfig {
    fn default() -> Self {
        Self {
            outputs: vec![Output::new(1280, 800)],
            layout: Layout::default(),
            renderer: Renderer::default(),
            takes_devices: false,
            more: String::new(),
        }
    }
}

/// An output as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputState {
    /// As in `HEADLESS-1`.
    pub name: String,
    /// Where it is in the layout, in logical pixels.
    pub rect: Rect,
    /// Device pixels per logical pixel.
    pub scale: f64,
    /// Size in device pixels.
    pub mode: (u32, u32),
}

/// A window as sway sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Sway's name for it, for `[con_id=...]`.
    pub id: i64,
    /// The process that it belongs to.
    pub pid: u32,
    /// The application's id.
    pub app_id: String,
    /// The title.
    pub title: String,
    /// The name of the output it is on; `__i3` for the scratchpad, where nothing is shown.
    pub output: String,
    /// What the client draws (its window geometry, without shadows), in logical pixels of the layout.
    pub rect: Rect,
    /// Whether it floats.
    pub floating: bool,
    /// Whether it fills its output.
    pub fullscreen: bool,
    /// Whether any of it could be seen.
    pub visible: bool,
    /// Whether it has the keyboard.
    pub focused: bool,
}

/// Which window is meant.
#[derive(Clone, Copy, Debug)]
pub enum Find<'a> {
    /// The first of this application.
    AppId(&'a str),
    /// The first with this title.
    Title(&'a str),
    /// The first of this process.
    Pid(u32),
    /// The one with this id.
    Id(i64),
}

impl Find<'_> {
    fn fits(self, window: &Window) -> bool {
        match self {
            Self::AppId(id) => window.app_id == id,
            Self::Title(title) => window.title == title,
            Self::Pid(pid) => window.pid == pid,
            Self::Id(id) => window.id == id,
        }
    }
}

/// A sway that runs until this is dropped.
#[derive(Debug)]
pub struct Sway {
    server: Process,
    ipc: RefCell<Ipc>,
    ipc_path: PathBuf,
    session: Session,
}

impl Sway {
    /// Starts a sway and waits until clients can connect.
    ///
    /// # Errors
    /// When it does not come up; the error holds the end of its log.
    pub fn start(config: SwayConfig) -> Result<Self> {
        let mut session = Session::start("sway")?;
        let config_path = session.scope().join("sway.conf");
        fs::write(&config_path, config_text(&config)).doing("write sway's configuration")?;
        let ipc_path = session.runtime_dir().join("sway.sock");
        let mut command = session.command("sway");
        command
            .args(["--debug", "--config"])
            .arg(&config_path)
            .env("SWAYSOCK", &ipc_path)
            .env("WLR_BACKENDS", "headless")
            .env("WLR_HEADLESS_OUTPUTS", config.outputs.len().to_string())
            .env("WLR_LIBINPUT_NO_DEVICES", "1");
        if config.takes_devices {
            command.env("WLR_BACKENDS", "headless,libinput").env("LIBSEAT_BACKEND", "noop");
        }
        match config.renderer {
            Renderer::Pixman => command.env("WLR_RENDERER", "pixman"),
            // Mesa refuses to be told twice that it is to do without a GPU.
            Renderer::Gles => command
                .env_remove("LIBGL_ALWAYS_SOFTWARE")
                .env("WLR_RENDERER", "gles2")
                .env("WLR_RENDERER_ALLOW_SOFTWARE", "1")
                .env("WLR_RENDER_DRM_DEVICE", crate::machine::RENDER_NODE),
        };
        let mut server = session.scope().spawn("sway", command)?;
        wait_for_socket(&mut server, "control socket of sway", &ipc_path)?;
        session.set("WAYLAND_DISPLAY", display_name(&session)?);
        session.set("XDG_SESSION_TYPE", "wayland");
        session.set("GDK_BACKEND", "wayland");
        let sway = Self { server, ipc: RefCell::new(Ipc::connect(&ipc_path)?), ipc_path, session };
        sway.wait_for_outputs(config.outputs.len())?;
        Ok(sway)
    }

    /// Adds to, or replaces in, the environment of all clients to come.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.session.set(name, value);
    }

    /// Runs commands of sway(5).
    ///
    /// # Errors
    /// Sway's own words when it refuses one.
    pub fn run(&self, commands: &str) -> Result<()> {
        self.ipc.borrow_mut().run(commands)?;
        self.settle()
    }

    /// Waits until everything that was asked for is on the screen.
    ///
    /// Sway answers at once, but moves windows, and the pointer's focus with them, only when the
    /// clients have drawn what the new layout asks of them, or after 200 ms. No answer tells when;
    /// its log does.
    ///
    /// # Errors
    /// When that takes unreasonably long.
    pub fn settle(&self) -> Result<()> {
        let settled = wait_until("new layout on the screen", START, || {
            let log = fs::read(self.server.stderr()).doing("read sway's log")?;
            let log = String::from_utf8_lossy(&log);
            let begun = log.matches(" committing with ").count();
            Ok((begun == log.matches("] Applying transaction ").count()).then_some(()))
        });
        settled.map_err(|error| error.with_detail(&self.server.log()))
    }

    /// Another connection to sway, for events of one's own choice.
    ///
    /// # Errors
    /// When sway has ended.
    pub fn ipc(&self) -> Result<Ipc> {
        Ipc::connect(&self.ipc_path)
    }

    /// The process of the compositor.
    pub fn process(&self) -> &Process {
        &self.server
    }

    /// The path of the Wayland socket.
    ///
    /// # Errors
    /// When sway has ended.
    pub fn socket(&self) -> Result<PathBuf> {
        Ok(self.session.runtime_dir().join(display_name(&self.session)?))
    }

    /// All outputs, from left to right.
    ///
    /// # Errors
    /// When sway has ended.
    pub fn outputs(&self) -> Result<Vec<OutputState>> {
        let answer = self.ipc.borrow_mut().ask(Ask::Outputs, "")?;
        let mut outputs: Vec<_> = answer
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["active"] == true)
            .map(output_state)
            .collect();
        outputs.sort_by_key(|output| output.rect.x);
        Ok(outputs)
    }

    /// Changes an output's scale while clients are on it.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn set_scale(&self, output: &str, scale: f64) -> Result<()> {
        self.run(&format!("output {output} scale {scale}"))?;
        wait_until("change of scale", START, || {
            let now = self.outputs()?.into_iter().find(|one| one.name == output);
            Ok(now.filter(|one| (one.scale - scale).abs() < 0.01).map(drop))
        })
    }

    /// Makes an output another one, with its windows on it.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn set_output(&self, name: &str, output: Output) -> Result<()> {
        let x = self.outputs()?.into_iter().find(|one| one.name == name).map_or(0, |one| one.rect.x);
        self.run(output_line(name, output, x).trim())?;
        wait_until("change of an output", START, || {
            let now = self.outputs()?.into_iter().find(|one| one.name == name);
            let is_so = |one: &OutputState| {
                (one.scale - output.scale).abs() < 0.01 && one.mode == (output.width, output.height)
            };
            Ok(now.filter(is_so).map(drop))
        })
    }

    /// Plugs in another output, to the right of the others, and gives its name.
    ///
    /// # Errors
    /// When sway refuses.
    pub fn add_output(&self, output: Output) -> Result<String> {
        let before = self.outputs()?;
        let x = before.iter().map(|one| one.rect.right()).max().unwrap_or(0);
        self.run("create_output")?;
        let name = wait_until("new output", START, || {
            let now = self.outputs()?;
            Ok(now.into_iter().map(|one| one.name).find(|name| before.iter().all(|one| &one.name != name)))
        })?;
        self.run(output_line(&name, output, x).trim())?;
        wait_until("mode of the new output", START, || {
            let mut now = self.outputs()?.into_iter();
            Ok(now.find(|one| one.name == name && one.mode == (output.width, output.height)).map(drop))
        })?;
        Ok(name)
    }

    /// Unplugs an output.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn remove_output(&self, name: &str) -> Result<()> {
        self.run(&format!("output {name} unplug"))
    }

    /// All windows, hidden ones too.
    ///
    /// # Errors
    /// When sway has ended.
    pub fn windows(&self) -> Result<Vec<Window>> {
        let tree = self.ipc.borrow_mut().ask(Ask::Tree, "")?;
        let mut windows = Vec::new();
        collect_windows(&tree, "", &mut windows);
        Ok(windows)
    }

    /// The window that is meant, if there is one now.
    ///
    /// # Errors
    /// When sway has ended.
    pub fn window(&self, find: Find<'_>) -> Result<Option<Window>> {
        Ok(self.windows()?.into_iter().find(|window| find.fits(window)))
    }

    /// Waits for a window to be mapped.
    ///
    /// # Errors
    /// When none is within `limit`; the error lists those that are.
    pub fn wait_for_window(&self, find: Find<'_>, limit: Duration) -> Result<Window> {
        let what = format!("window with {find:?}");
        self.wait_for_windows(&what, limit, |windows| {
            windows.iter().find(|window| find.fits(window)).cloned()
        })
    }

    /// Waits for a window to go away.
    ///
    /// # Errors
    /// When it is still there after `limit`.
    pub fn wait_for_no_window(&self, find: Find<'_>, limit: Duration) -> Result<()> {
        let what = format!("end of the window with {find:?}");
        self.wait_for_windows(&what, limit, |windows| {
            (!windows.iter().any(|window| find.fits(window))).then_some(())
        })
    }

    /// Waits until `check` finds what it looks for in the list of windows. It looks again whenever
    /// sway reports a change; of a window that draws itself in another size there is no report.
    ///
    /// # Errors
    /// When it has not found it within `limit`; the error lists the windows.
    pub fn wait_for_windows<T>(
        &self,
        what: &str,
        limit: Duration,
        mut check: impl FnMut(&[Window]) -> Option<T>,
    ) -> Result<T> {
        // Sway says nothing of some changes (sizes among them): look at least this often.
        const LOOK: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + limit;
        let mut events = self.ipc()?;
        events.subscribe(&["window", "workspace", "output"])?;
        loop {
            let windows = self.windows()?;
            if let Some(found) = check(&windows) {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                let detail = format!("there are {windows:#?}\n{}", self.server.log());
                return Err(Error::Timeout { what: what.to_owned(), limit, detail });
            }
            events.event(deadline.min(Instant::now() + LOOK))?;
        }
    }

    /// Runs a command of sway(5) on one window.
    ///
    /// # Errors
    /// When the window has gone or sway refuses.
    pub fn on(&self, window: &Window, command: &str) -> Result<()> {
        self.run(&format!("[con_id={}] {command}", window.id))
    }

    /// Lets the window float with its content at exactly `rect`, in logical pixels of the layout,
    /// and waits until the client has drawn that size.
    ///
    /// # Errors
    /// When the window does not take that size, which its own minimum may forbid.
    pub fn place(&self, window: &Window, rect: Rect) -> Result<Window> {
        let Rect { x, y, width, height } = rect;
        self.on(
            window,
            &format!(
                "floating enable, resize set width {width} px height {height} px, \
                 move absolute position {x} px {y} px"
            ),
        )?;
        let what = format!("window at {rect:?}");
        self.wait_for_windows(&what, START, |windows| {
            windows.iter().find(|one| one.id == window.id && one.rect == rect).cloned()
        })
    }

    /// Makes the window fill its output, or no longer.
    ///
    /// # Errors
    /// When the window has gone or does not follow.
    pub fn fullscreen(&self, window: &Window, on: bool) -> Result<Window> {
        self.on(window, if on { "fullscreen enable" } else { "fullscreen disable" })?;
        self.wait_for_windows("change of fullscreen", START, |windows| {
            windows.iter().find(|one| one.id == window.id && one.fullscreen == on).cloned()
        })
    }

    /// Hides the window: it stays mapped and gets no more frame callbacks.
    ///
    /// # Errors
    /// When the window has gone.
    pub fn hide(&self, window: &Window) -> Result<()> {
        self.on(window, "move scratchpad")
    }

    /// Shows a hidden window again, floating.
    ///
    /// # Errors
    /// When the window has gone.
    pub fn unhide(&self, window: &Window) -> Result<()> {
        self.on(window, "scratchpad show")
    }

    /// Moves the window to another output.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn move_to_output(&self, window: &Window, output: &str) -> Result<()> {
        self.on(window, &format!("move container to output {output}"))
    }

    /// Gives the window the keyboard.
    ///
    /// # Errors
    /// When the window has gone.
    pub fn focus(&self, window: &Window) -> Result<()> {
        self.on(window, "focus")
    }

    /// Asks the client to close the window, as its close button would.
    ///
    /// # Errors
    /// When the window has gone.
    pub fn close(&self, window: &Window) -> Result<()> {
        self.on(window, "kill")
    }

    /// What one output shows now, in its device pixels, with the pointer.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn shot_of(&self, output: &str) -> Result<Image> {
        shot::of_wayland_output(&self.session, output)
    }

    fn wait_for_outputs(&self, count: usize) -> Result<()> {
        let ready =
            wait_until("outputs of sway", START, || Ok((self.outputs()?.len() == count).then_some(())));
        ready.map_err(|error| error.with_detail(&self.server.log()))
    }
}

impl Desk for Sway {
    fn session(&self) -> &Session {
        &self.session
    }

    /// The leftmost output.
    fn screenshot(&self) -> Result<Image> {
        let outputs = self.outputs()?;
        let first = outputs.first().ok_or_else(|| Error::failed("sway has no output"))?;
        self.shot_of(&first.name)
    }
}

fn config_text(config: &SwayConfig) -> String {
    let mut text = String::from(
        "xwayland disable\n\
         default_border none\n\
         default_floating_border none\n\
         focus_follows_mouse no\n\
         focus_on_window_activation focus\n\
         floating_maximum_size -1 x -1\n\
         floating_minimum_size 1 x 1\n",
    );
    let mut x = 0;
    for (index, output) in config.outputs.iter().enumerate() {
        text.push_str(&output_line(&format!("HEADLESS-{}", index + 1), *output, x));
        x += logical(output.width, output.scale);
    }
    if config.layout == Layout::Floating {
        text.push_str("for_window [app_id=\".*\"] floating enable\n");
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", config.more);
    text
}

fn output_line(name: &str, output: Output, x: i32) -> String {
    let Output { width, height, scale } = output;
    format!("output {name} mode --custom {width}x{height}@60Hz scale {scale} position {x} 0\n")
}

/// Logical pixels that an output takes in the layout, as wlroots rounds them.
#[allow(clippy::cast_possible_truncation)]
fn logical(device: u32, scale: f64) -> i32 {
    (f64::from(device) / scale).round() as i32
}

fn display_name(session: &Session) -> Result<String> {
    let entries = fs::read_dir(session.runtime_dir()).doing("look for the Wayland socket")?;
    let mut names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .find(|name| name.starts_with("wayland-") && !name.ends_with(".lock"))
        .ok_or_else(|| Error::failed("sway has no Wayland socket"))
}

fn output_state(value: &Value) -> OutputState {
    let size =
        |name: &str| value["current_mode"][name].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    OutputState {
        name: text(&value["name"]),
        rect: rect(&value["rect"]),
        scale: value["scale"].as_f64().unwrap_or(1.0),
        mode: (size("width"), size("height")),
    }
}

fn collect_windows(node: &Value, output: &str, windows: &mut Vec<Window>) {
    let name = node["name"].as_str().unwrap_or("");
    let output = if node["type"] == "output" { name } else { output };
    if let Some(pid) = node["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()) {
        windows.push(window(node, pid, output));
    }
    for list in ["nodes", "floating_nodes"] {
        for child in node[list].as_array().into_iter().flatten() {
            collect_windows(child, output, windows);
        }
    }
}

fn window(node: &Value, pid: u32, output: &str) -> Window {
    // `window_rect` is the content, relative to the container's `rect`.
    let (outer, inner) = (rect(&node["rect"]), rect(&node["window_rect"]));
    Window {
        id: node["id"].as_i64().unwrap_or(0),
        pid,
        app_id: text(&node["app_id"]),
        title: text(&node["name"]),
        output: output.to_owned(),
        rect: Rect { x: outer.x + inner.x, y: outer.y + inner.y, ..inner },
        floating: node["type"] == "floating_con",
        fullscreen: node["fullscreen_mode"].as_i64().unwrap_or(0) != 0,
        visible: node["visible"] == true,
        focused: node["focused"] == true,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn rect(value: &Value) -> Rect {
    let number = |name: &str| value[name].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(0);
    Rect { x: number("x"), y: number("y"), width: number("width"), height: number("height") }
}
