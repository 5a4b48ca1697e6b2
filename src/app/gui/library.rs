//! `oriel` alone: the library of machines, and the windows that are opened from it; also for whoever asks
//! for one over the session bus, which starts it then.

use std::cell::RefCell;
use std::rc::Rc;

use adw::prelude::*;
use gtk::{gio, glib};

use super::signals;
use crate::app::cli::Shelves;
use crate::app::exit::{Exit, Failure};
use crate::library::Living;
use crate::library::window::{LibraryWindow, connections};

/// The library of this process, once it was wanted.
#[derive(Debug)]
struct Library {
    /// The connections that it shows, where they are not the usual ones.
    only: Option<Vec<String>>,
    open: RefCell<Option<(Rc<Living>, glib::WeakRef<LibraryWindow>)>>,
}

/// Shows the library, and stays until its last window closes.
pub(in crate::app) fn run(shelves: Shelves) -> Exit {
    if super::prepare().is_err() {
        let words = "there is no display to open a window on; 'oriel screenshot' and 'oriel list' need none";
        return Failure::new(Exit::Error, words).report();
    }
    let (flags, only) = match shelves {
        // A second 'oriel' brings the first one to the front.
        Shelves::Usual => (gio::ApplicationFlags::default(), None),
        Shelves::Service => (gio::ApplicationFlags::IS_SERVICE, None),
        Shelves::Only(uris) => (gio::ApplicationFlags::NON_UNIQUE, Some(uris)),
    };
    let application = super::application();
    application.set_flags(flags);
    let library = Rc::new(Library { only, open: RefCell::default() });
    let shown = library.clone();
    application.connect_startup(move |application| {
        library.add_actions(application);
        leave_on_signals(application);
    });
    application.connect_activate(move |application| shown.open(application).1.present());
    application.run_with_args::<&str>(&[]);
    Exit::Done
}

impl Library {
    /// What others can ask for on the session bus: 'gapplication action ... open-machine'.
    fn add_actions(self: &Rc<Self>, application: &adw::Application) {
        let (library, any) = (self.clone(), self.clone());
        let wanted = glib::VariantTy::new("(ss)").expect("two strings");
        application.add_action_entries([
            gio::ActionEntryBuilder::new("open-machine")
                .parameter_type(Some(wanted))
                .activate(move |application: &adw::Application, _, which| {
                    if let Some((uri, machine)) = which.and_then(glib::Variant::get::<(String, String)>) {
                        library.open(application).0.open_named(&uri, &machine);
                    }
                })
                .build(),
            // As the desktop file calls it.
            gio::ActionEntryBuilder::new("connect")
                .activate(move |application, _, _| any.open(application).0.open_any())
                .build(),
        ]);
    }

    /// The library and its window, which may not be seen: it knows which machines are open.
    fn open(&self, application: &adw::Application) -> (Rc<Living>, LibraryWindow) {
        let open = self.open.borrow().as_ref().and_then(|(living, window)| {
            let window = window.upgrade().filter(|window| window.application().is_some())?;
            Some((living.clone(), window))
        });
        open.unwrap_or_else(|| {
            let (living, window) = make(application, self.only.as_deref());
            self.open.replace(Some((living.clone(), window.downgrade())));
            (living, window)
        })
    }
}

fn make(application: &adw::Application, only: Option<&[String]>) -> (Rc<Living>, LibraryWindow) {
    let (living, told) = Living::start(application, &connections(), only);
    let window = LibraryWindow::new(application, living.clone(), told);
    // While machines are open it is only put away.
    window.set_hide_on_close(true);
    window.connect_visible_notify(leave_with_the_last);
    application.connect_window_removed(glib::clone!(
        #[weak]
        window,
        move |_, _| leave_with_the_last(&window)
    ));
    (living, window)
}

/// Ends the library that was put away, once no machine is open any more.
fn leave_with_the_last(window: &LibraryWindow) {
    let others = window.application().is_some_and(|application| application.windows().len() > 1);
    if !window.is_visible() && !others {
        window.destroy();
    }
}

fn leave_on_signals(application: &adw::Application) {
    let signals = match signals::arrivals() {
        Ok(signals) => signals,
        Err(error) => return tracing::warn!(%error, "Ctrl+C ends the program at once"),
    };
    let application = application.downgrade();
    glib::spawn_future_local(async move {
        if signals.recv().await.is_ok()
            && let Some(application) = application.upgrade()
        {
            match application.windows() {
                windows if windows.is_empty() => application.quit(),
                windows => windows.iter().for_each(GtkWindowExt::close),
            }
        }
    });
}
