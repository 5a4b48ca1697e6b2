//! One of a machine's displays: what it is, and what the person does to it.

use super::member::Call;
use super::peer::{CallError, Peer, Properties, take};
use super::{ROOT, interface, member};
use crate::geometry::{Guest, Size};
use crate::input::{Command, Leds, PointerMode, Press};

/// The `Type` of a console that has pixels; others are made by other user interfaces of QEMU.
const GRAPHIC: &str = "Graphic";

/// What QEMU says of a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// A name for people, as "virtio-gpu-pci".
    pub label: String,
    /// Whether it has pixels, rather than text.
    pub graphic: bool,
    /// Which output of its device it is.
    pub head: u32,
    /// Where its device sits, as "pci/0000/02.0"; empty for ramfb.
    pub device: String,
    /// Its size, as good as QEMU knows it before the first listener.
    pub size: Size<Guest>,
    /// The lock lights. QEMU knows them once the guest has set one.
    pub leds: Leds,
    /// How the guest takes the pointer.
    pub pointer: PointerMode,
    /// How many touch points at once; 0 where it takes none (QEMU before 8.1).
    pub touch_slots: u32,
}

/// A wish about the guest's screen size, of the kind that a monitor makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UiInfo {
    /// Millimetres; 0 where unknown.
    pub width_mm: u16,
    /// Millimetres; 0 where unknown.
    pub height_mm: u16,
    /// Where it stands among the other heads, in pixels.
    pub x: i32,
    /// Where it stands among the other heads, in pixels.
    pub y: i32,
    /// Pixels.
    pub size: Size<Guest>,
}

/// A console, by its number.
#[derive(Debug, Clone)]
pub struct Console {
    peer: Peer,
    id: u32,
    path: String,
}

impl Console {
    pub(super) fn new(peer: Peer, id: u32) -> Self {
        Self { peer, id, path: format!("{ROOT}/Console_{id}") }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its machine.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Its object.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it is.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer, or has no such console.
    pub async fn describe(&self) -> Result<Description, CallError> {
        let mut console = self.peer.properties(&self.path, interface::CONSOLE).await?;
        // Consoles of text have neither keyboard nor mouse; QEMU before 8.1 knows no touch.
        let mut keyboard = self.optional(interface::KEYBOARD).await?;
        let mut mouse = self.optional(interface::MOUSE).await?;
        let mut touch = self.optional(interface::MULTI_TOUCH).await?;
        let width = take(&mut console, member::WIDTH).unwrap_or_default();
        let height = take(&mut console, member::HEIGHT).unwrap_or_default();
        let slots: i32 = take(&mut touch, member::MAX_SLOTS).unwrap_or_default();
        Ok(Description {
            label: take(&mut console, member::LABEL).unwrap_or_default(),
            graphic: take(&mut console, member::TYPE).is_none_or(|kind: String| kind == GRAPHIC),
            head: take(&mut console, member::HEAD).unwrap_or_default(),
            device: take(&mut console, member::DEVICE_ADDRESS).unwrap_or_default(),
            size: Size::new(width, height),
            leds: Leds::from_bits(take(&mut keyboard, member::MODIFIERS).unwrap_or_default()),
            pointer: pointer_mode(take(&mut mouse, member::IS_ABSOLUTE).unwrap_or_default()),
            touch_slots: u32::try_from(slots).unwrap_or_default(),
        })
    }

    /// Does to the guest what the person did. Completes when the message is written, which a QEMU
    /// that does not read may delay; there is no reply.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn send(&self, command: Command) -> Result<(), zbus::Error> {
        match command {
            Command::Key(key, press) => {
                let member = pick(press, member::KEY_PRESS, member::KEY_RELEASE);
                self.tell(member, &u32::from(key.0)).await
            }
            Command::Button(button, press) => {
                let member = pick(press, member::BUTTON_PRESS, member::BUTTON_RELEASE);
                self.tell(member, &(button as u32)).await
            }
            Command::MoveTo(at) => {
                let at = (u32::try_from(at.x).unwrap_or(0), u32::try_from(at.y).unwrap_or(0));
                self.tell(member::SET_ABS_POSITION, &at).await
            }
            Command::MoveBy { x, y } => self.tell(member::REL_MOTION, &(x, y)).await,
            // QEMU cuts positions down to whole pixels.
            Command::Touch { touch, slot, at } => {
                let body = (touch as u32, u64::from(slot), f64::from(at.x), f64::from(at.y));
                self.tell(member::SEND_EVENT, &body).await
            }
        }
    }

    /// Asks the guest for a screen size. It may not obey; its answer is a scanout of that size.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer, or the display cannot do that (`Error.Unsupported`).
    pub async fn set_ui_info(&self, info: UiInfo) -> Result<(), CallError> {
        let UiInfo { width_mm, height_mm, x, y, size } = info;
        let body = (width_mm, height_mm, x, y, size.width, size.height);
        self.peer.call(&self.path, member::SET_UI_INFO, &body).await.map(drop)
    }

    /// The properties of an interface that the console may not have.
    async fn optional(&self, interface: &str) -> Result<Properties, CallError> {
        match self.peer.properties(&self.path, interface).await {
            Err(CallError::Refused { .. }) => Ok(Properties::new()),
            properties => properties,
        }
    }

    async fn tell<B>(&self, member: Call, body: &B) -> Result<(), zbus::Error>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        self.peer.tell(&self.path, member, body).await
    }
}

fn pick(press: Press, down: Call, up: Call) -> Call {
    match press {
        Press::Down => down,
        Press::Up => up,
    }
}

/// What `Mouse.IsAbsolute` means.
pub(super) fn pointer_mode(absolute: bool) -> PointerMode {
    if absolute { PointerMode::Absolute } else { PointerMode::Relative }
}
