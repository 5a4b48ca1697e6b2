//! A window manager for an X server: windows are as large as they ask to be, or as the screen.

use std::collections::HashMap;
use std::thread;

use harness::desk::{Desk, Xvfb};
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConfigureRequestEvent, ConfigureWindowAux,
    ConnectionExt, CreateWindowAux, EventMask, InputFocus, PropMode, Rectangle, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

type Result<T> = std::result::Result<T, ReplyOrIdError>;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        _NET_SUPPORTED,
        _NET_SUPPORTING_WM_CHECK,
        _NET_WM_NAME,
        _NET_WM_STATE,
        _NET_WM_STATE_FOCUSED,
        _NET_WM_STATE_FULLSCREEN,
        _NET_WM_STATE_MAXIMIZED_HORZ,
        _NET_WM_STATE_MAXIMIZED_VERT,
        UTF8_STRING,
    }
}

/// What a window is like, see the specification of extended window manager hints.
#[derive(Debug, Default)]
struct Managed {
    states: Vec<u32>,
    /// Where it was before it filled the screen.
    before: Option<Rectangle>,
}

struct Manager {
    connection: RustConnection,
    atoms: Atoms,
    screen: (u16, u16),
    windows: HashMap<u32, Managed>,
}

/// Manages the windows of this screen until its server ends.
pub(crate) fn manage(screen: &Xvfb) {
    let command = screen.session().command("");
    let display = command.get_envs().find_map(|(name, value)| (name == "DISPLAY").then_some(value?));
    let display = display.and_then(|name| name.to_str()).expect("a display");
    let manager = Manager::on(display).expect("no other window manager");
    thread::spawn(move || manager.run());
}

impl Manager {
    fn on(display: &str) -> Result<Self> {
        let (connection, number) = x11rb::connect(Some(display)).expect("the X server");
        let root = &connection.setup().roots[number];
        let (root, screen) = (root.root, (root.width_in_pixels, root.height_in_pixels));
        let atoms = Atoms::new(&connection)?.reply()?;
        let events = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        let attributes = ChangeWindowAttributesAux::new().event_mask(events);
        connection.change_window_attributes(root, &attributes)?.check()?;
        // By this programs know that there is one, and what it does.
        let check = connection.generate_id()?;
        let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        connection.create_window(0, check, root, -1, -1, 1, 1, 0, class, 0, &aux)?;
        for window in [root, check] {
            let (kind, property) = (AtomEnum::WINDOW, atoms._NET_SUPPORTING_WM_CHECK);
            connection.change_property32(PropMode::REPLACE, window, property, kind, &[check])?;
        }
        let (name, text) = (atoms._NET_WM_NAME, atoms.UTF8_STRING);
        connection.change_property8(PropMode::REPLACE, check, name, text, b"manager")?;
        let supported = [
            atoms._NET_SUPPORTING_WM_CHECK,
            atoms._NET_WM_STATE,
            atoms._NET_WM_STATE_FOCUSED,
            atoms._NET_WM_STATE_FULLSCREEN,
            atoms._NET_WM_STATE_MAXIMIZED_HORZ,
            atoms._NET_WM_STATE_MAXIMIZED_VERT,
        ];
        let (property, kind) = (atoms._NET_SUPPORTED, AtomEnum::ATOM);
        connection.change_property32(PropMode::REPLACE, root, property, kind, &supported)?.check()?;
        Ok(Self { connection, atoms, screen, windows: HashMap::new() })
    }

    fn run(mut self) {
        // It ends with the server, and a window may be gone before it is managed.
        while let Ok(event) = self.connection.wait_for_event() {
            let _ = match event {
                Event::MapRequest(event) => self.map(event.window),
                Event::ConfigureRequest(event) => self.configure(&event),
                Event::ClientMessage(event) if event.type_ == self.atoms._NET_WM_STATE => self.change(&event),
                _ => Ok(()),
            };
        }
    }

    fn map(&mut self, window: u32) -> Result<()> {
        self.windows.entry(window).or_default().states.push(self.atoms._NET_WM_STATE_FOCUSED);
        self.tell(window)?;
        self.connection.map_window(window)?;
        self.connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?.check()?;
        Ok(())
    }

    fn configure(&self, event: &ConfigureRequestEvent) -> Result<()> {
        if self.windows.get(&event.window).is_none_or(|managed| managed.before.is_none()) {
            let wanted = ConfigureWindowAux::from_configure_request(event).sibling(None).stack_mode(None);
            self.connection.configure_window(event.window, &wanted)?.check()?;
        }
        Ok(())
    }

    /// A program wants a state (1), does not want it (0) or the other (2).
    fn change(&mut self, event: &ClientMessageEvent) -> Result<()> {
        let [action, first, second, ..] = event.data.as_data32();
        let managed = self.windows.entry(event.window).or_default();
        for state in [first, second].into_iter().filter(|state| *state != 0) {
            let has = managed.states.contains(&state);
            managed.states.retain(|one| *one != state);
            if action == 1 || action == 2 && !has {
                managed.states.push(state);
            }
        }
        let is = |state| managed.states.contains(&state);
        let large = is(self.atoms._NET_WM_STATE_FULLSCREEN) || is(self.atoms._NET_WM_STATE_MAXIMIZED_VERT);
        let place = match (large, managed.before) {
            (true, None) => {
                let now = self.connection.get_geometry(event.window)?.reply()?;
                managed.before = Some(Rectangle { x: now.x, y: now.y, width: now.width, height: now.height });
                Some(Rectangle { x: 0, y: 0, width: self.screen.0, height: self.screen.1 })
            }
            (false, before) => {
                managed.before = None;
                before
            }
            (true, Some(_)) => None,
        };
        self.tell(event.window)?;
        if let Some(Rectangle { x, y, width, height }) = place {
            let place = ConfigureWindowAux::new().x(i32::from(x)).y(i32::from(y));
            let place = place.width(u32::from(width)).height(u32::from(height));
            self.connection.configure_window(event.window, &place)?.check()?;
        }
        Ok(())
    }

    /// Says of a window what it is like.
    fn tell(&self, window: u32) -> Result<()> {
        let states = self.windows.get(&window).map(|managed| managed.states.as_slice()).unwrap_or_default();
        let (property, kind) = (self.atoms._NET_WM_STATE, AtomEnum::ATOM);
        self.connection.change_property32(PropMode::REPLACE, window, property, kind, states)?.check()?;
        Ok(())
    }
}
