//! `oriel` alone: the library of machines, and the windows that are opened from it.

use adw::prelude::*;
use gtk::{gio, glib};

use super::signals;
use crate::app::exit::{Exit, Failure};
use crate::library::Living;
use crate::library::window::{LibraryWindow, connections};

/// Shows the library, and stays until its last window closes. With `only`, of these connections alone.
pub(in crate::app) fn run(only: Option<Vec<String>>) -> Exit {
    if super::prepare().is_err() {
        let words = "there is no display to open a window on; 'oriel screenshot' and 'oriel list' need none";
        return Failure::new(Exit::Error, words).report();
    }
    // A second 'oriel' brings the first one to the front.
    let flags = match only {
        Some(_) => gio::ApplicationFlags::NON_UNIQUE,
        None => gio::ApplicationFlags::default(),
    };
    let application = super::application();
    application.set_flags(flags);
    application.connect_activate(move |application| {
        let shown = application.windows().into_iter().find(|window| window.is::<LibraryWindow>());
        match shown {
            Some(window) => window.present(),
            None => open(application, only.as_deref()),
        }
    });
    application.run_with_args::<&str>(&[]);
    Exit::Done
}

fn open(application: &adw::Application, only: Option<&[String]>) {
    let (living, told) = Living::start(application, &connections(), only);
    let opener = living.clone();
    let wanted = glib::VariantTy::new("(ss)").expect("two strings");
    let action = gio::ActionEntryBuilder::new("open-machine")
        .parameter_type(Some(wanted))
        .activate(move |_: &adw::Application, _, which| {
            if let Some((uri, machine)) = which.and_then(glib::Variant::get::<(String, String)>) {
                opener.open_named(&uri, &machine);
            }
        })
        .build();
    // On the session bus, for other programs: 'gapplication action ... open-machine'.
    application.add_action_entries([action]);
    let window = LibraryWindow::new(application, living, told);
    // While machines are open it is only put away: it knows which those are.
    window.set_hide_on_close(true);
    window.connect_visible_notify(leave_with_the_last);
    application.connect_window_removed(glib::clone!(
        #[weak]
        window,
        move |_, _| leave_with_the_last(&window)
    ));
    window.present();
    leave_on_signals(application);
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
            application.windows().iter().for_each(GtkWindowExt::close);
        }
    });
}
