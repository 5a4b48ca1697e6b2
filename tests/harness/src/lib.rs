//! Surroundings for Oriel's tests: desktops without a screen, virtual input, screenshots, machines.
//!
//! Everything is private to the test that starts it, bounded in time, and ends with it, even when
//! the test is killed. Nothing here knows Oriel; it is run as the program that a person runs.
//!
//! ```no_run
//! use std::time::Duration;
//! use harness::{
//!     desk::{Desk, Find, Output, Sway, SwayConfig},
//!     input::{Input, keys},
//!     shot::Rect,
//! };
//!
//! # fn main() -> harness::Result<()> {
//! let sway = Sway::start(SwayConfig { outputs: vec![Output::new(1280, 720).scale(1.25)], ..Default::default() })?;
//! let mut input = Input::connect(&sway)?;
//! let client = sway.spawn("terminal", sway.command("weston-terminal"))?;
//! let window = sway.wait_for_window(Find::Pid(client.id()), Duration::from_secs(10))?;
//! let window = sway.place(&window, Rect::new(16, 24, 640, 400))?;
//! input.move_to(f64::from(window.rect.x + 100), f64::from(window.rect.y + 50))?;
//! input.click(keys::BTN_LEFT)?;
//! input.type_text("ls\n")?;
//! let picture = sway.screenshot()?;
//! assert_eq!((picture.width(), picture.height()), (1280, 720));
//! # Ok(())
//! # }
//! ```
//!
//! With `HARNESS_LOGS` set, the end of every program's log is shown, not only that of failed tests.

pub mod desk;
pub mod dice;
mod error;
pub mod input;
pub mod machine;
pub mod process;
pub mod shot;
pub mod usage;
pub mod viewer;

pub use error::{Doing, Error, Result};
