//! `oriel connect` and `oriel launch`: a machine's window, from the first moment to the exit code.
//!
//! - `library`: `oriel` alone.
//! - `stats`: what `--stats` writes.
//! - `signals`: Ctrl+C, and whoever else wants us to end.

pub(super) mod library;
mod signals;
mod stats;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use adw::prelude::*;
use gtk::{gio, glib};

use self::stats::Writer;
use super::cli::{self, Boost, ConnectOptions, Mixing, Present};
use super::exit::{Exit, Failure};
use crate::APP_ID;
use crate::present::{Filter, Wanted};
use crate::session::{Boosting, Session, State};
use crate::source::Source;
use crate::window::{Fullscreen, Hold, MachineWindow, Managed, Monitor, Setup};

/// Where translations lie, once installed or built.
const LOCALE_DIR: &str = env!("ORIEL_LOCALE_DIR");

/// The name of our translations.
const DOMAIN: &str = "oriel";

/// Where our resources are.
const RESOURCES: &str = "/io/github/oriel_viewer/Oriel";

/// How long a session may take to let go of its machine when the window has closed.
const FAREWELL: Duration = Duration::from_secs(10);

/// Opens a window on a machine, and stays until it closes.
pub(super) fn run(options: ConnectOptions) -> Exit {
    let writer = match options.stats.as_deref().map(Writer::start).transpose() {
        Ok(writer) => writer.map(Rc::new),
        Err(error) => {
            return Failure::new(Exit::Error, format!("cannot write statistics: {error}")).report();
        }
    };
    if prepare().is_err() {
        let words = "there is no display to open a window on; 'oriel screenshot' and 'oriel list' need none";
        return Failure::new(Exit::Error, words).report();
    }
    if let Err(failure) = check_monitor(&options.fullscreen) {
        return failure.report();
    }
    let application = application();
    let window = Rc::new(RefCell::new(None));
    let opened = window.clone();
    let shown = writer.clone();
    let options = RefCell::new(Some(options));
    application.connect_activate(move |application| {
        // Nobody else activates us: each `oriel` is a process of its own.
        if let Some(options) = options.take() {
            opened.replace(Some(open(application, options, shown.clone())));
        }
    });
    application.run_with_args::<&str>(&[]);
    if let Some(writer) = writer {
        writer.finish();
    }
    let window = window.take();
    window.map_or(Exit::Error, |window| exit(&window.state()))
}

/// Makes ready what every window needs: texts, resources, a display.
///
/// # Errors
///
/// When there is no display.
pub fn prepare() -> Result<(), glib::BoolError> {
    let bound = gettextrs::bindtextdomain(DOMAIN, LOCALE_DIR)
        .and_then(|_| gettextrs::bind_textdomain_codeset(DOMAIN, "UTF-8"))
        .and_then(|_| gettextrs::textdomain(DOMAIN));
    if let Err(error) = bound {
        tracing::warn!(%error, "texts stay in English");
    }
    gio::resources_register_include!("oriel.gresource").expect("built into the program");
    glib::set_application_name("Oriel");
    log_to_tracing();
    adw::init()
}

/// An application that has our resources, and no other instance.
pub fn application() -> adw::Application {
    adw::Application::builder()
        .application_id(APP_ID)
        .flags(gio::ApplicationFlags::NON_UNIQUE)
        .resource_base_path(RESOURCES)
        // Tells when the screen is locked.
        .register_session(true)
        .build()
}

/// Whether there is the monitor that is to be filled; the failure lists those that there are.
fn check_monitor(wanted: &cli::Fullscreen) -> Result<(), Failure> {
    let (cli::Fullscreen::On(meant), Some(display)) = (wanted, gtk::gdk::Display::default()) else {
        return Ok(());
    };
    let monitors = Monitor::all(&display);
    if Monitor::find(&monitors, meant).is_some() {
        return Ok(());
    }
    let line = |(number, monitor): (usize, &Monitor)| {
        format!("\n  {number}  {}  {}", monitor.connector, monitor.name).trim_end().to_owned()
    };
    let there: String = (1..).zip(&monitors).map(line).collect();
    Err(Failure::new(Exit::Usage, format!("there is no monitor '{meant}'; there are:{there}")))
}

fn open(
    application: &adw::Application,
    options: ConnectOptions,
    writer: Option<Rc<Writer>>,
) -> MachineWindow {
    let setup = setup(&options);
    let (session, events) = Session::start(options.source);
    let window = MachineWindow::new(application, Rc::new(session), setup);
    if let Some(writer) = writer {
        window.connect_consoles_seen(move |consoles| writer.show(consoles));
    }
    window.follow(events);
    window.open();

    let application = application.clone();
    window.connect_destroy(move |_| {
        let application = application.clone();
        glib::timeout_add_local_once(FAREWELL, move || {
            tracing::warn!("the machine does not let itself be let go");
            application.quit();
        });
    });
    if let Some(span) = options.exit_after {
        let window = window.downgrade();
        glib::timeout_add_local_once(span, move || {
            window.upgrade().inspect(MachineWindow::leave);
        });
    }
    leave_on_signals(&window);
    window
}

fn leave_on_signals(window: &MachineWindow) {
    let signals = match signals::arrivals() {
        Ok(signals) => signals,
        Err(error) => return tracing::warn!(%error, "Ctrl+C ends the program at once"),
    };
    let window = window.downgrade();
    glib::spawn_future_local(async move {
        if signals.recv().await.is_ok() {
            window.upgrade().inspect(MachineWindow::leave);
        }
    });
}

fn setup(options: &ConnectOptions) -> Setup {
    let hold = match &options.source {
        Source::Launch(_) => Hold::Owner,
        Source::Qmp { .. } | Source::Libvirt(_) => Hold::Monitor,
        Source::Bus { .. } | Source::Fd(_) => Hold::Guest,
    };
    let way = match &options.source {
        Source::Launch(_) => "launch",
        Source::Qmp { .. } => "qmp",
        Source::Bus { .. } => "bus",
        Source::Fd(_) => "fd",
        Source::Libvirt(_) => "libvirt",
    };
    let filter = options.filter.map(|mixing| match mixing {
        Mixing::Auto => Filter::Auto,
        Mixing::Nearest => Filter::Nearest,
        Mixing::Linear => Filter::Linear,
        Mixing::Sharp => Filter::Sharp,
        Mixing::Area => Filter::Area,
        Mixing::Sharpen => Filter::Sharpen,
    });
    let present = options.present.map(|present| match present {
        Present::Auto => Wanted::Auto,
        Present::Direct => Wanted::Direct,
        Present::Compose => Wanted::Compose,
        Present::Bridge => Wanted::Bridge,
        Present::Copy => Wanted::Copy,
        Present::Gtk => Wanted::Gtk,
    });
    let boost = options.boost.map(|boost| match boost {
        Boost::Auto => Boosting::Auto,
        Boost::Always => Boosting::Always,
        Boost::Off => Boosting::Off,
    });
    let managed = match &options.source {
        Source::Libvirt(domain) => {
            Some(Managed { hypervisor: domain.hypervisor().clone(), wanted: domain.wanted() })
        }
        _ => None,
    };
    Setup {
        hold,
        way,
        managed,
        console: options.console,
        fullscreen: match &options.fullscreen {
            cli::Fullscreen::No => Fullscreen::No,
            cli::Fullscreen::Here => Fullscreen::Here,
            cli::Fullscreen::On(monitor) => Fullscreen::On(monitor.clone()),
            cli::Fullscreen::All => Fullscreen::All,
        },
        scaling: options.scaling,
        filter,
        rotation: options.rotation,
        present,
        snapshot: options.snapshot,
        statistics: options.overlay,
        boost,
        returns: options.source.can_return(),
    }
}

/// How it ended, for scripts.
fn exit(state: &State) -> Exit {
    match state {
        State::Connecting(_) | State::Live(_) => Exit::Done,
        State::Lost { reason, .. } => Exit::from(reason),
        State::Ended(end) => Exit::from(end),
    }
}

/// What GTK and its kin complain about goes where our own words go, never to standard output.
fn log_to_tracing() {
    glib::log_set_writer_func(|level, fields| {
        let field =
            |name| fields.iter().find(|field| field.key() == name).and_then(glib::LogField::value_str);
        let (domain, words) = (field("GLIB_DOMAIN").unwrap_or("-"), field("MESSAGE").unwrap_or_default());
        match level {
            glib::LogLevel::Error | glib::LogLevel::Critical => tracing::error!(domain, "{words}"),
            glib::LogLevel::Warning => tracing::warn!(domain, "{words}"),
            glib::LogLevel::Message => tracing::info!(domain, "{words}"),
            glib::LogLevel::Info => tracing::debug!(domain, "{words}"),
            glib::LogLevel::Debug => tracing::trace!(domain, "{words}"),
        }
        glib::LogWriterOutput::Handled
    });
}
