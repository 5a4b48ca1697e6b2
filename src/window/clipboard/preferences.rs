//! What the person wants of the machine's clipboard, to be changed at any time.

use std::cell::RefCell;
use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::super::MachineWindow;
use super::super::i18n::{gettext, gettext_f};
use super::super::settings::{number_in, numbered};
use super::super::shared::Shared;
use super::memory::{ENDS, MIB};
use crate::clipboard::{Agent, Consent, Settings};

/// The most that can be chosen, in MiB.
const MOST: f64 = 64.0;

/// The rows that tell whether there is an agent, as long as they are there.
#[derive(Debug, Default)]
pub(super) struct Rows(RefCell<Vec<glib::WeakRef<adw::ActionRow>>>);

impl Rows {
    fn add(&self, row: &adw::ActionRow) {
        self.0.borrow_mut().push(row.downgrade());
    }

    /// Has them tell this.
    pub(super) fn tell(&self, agent: Agent) {
        self.0
            .borrow_mut()
            .retain(|row| row.upgrade().inspect(|row| row.set_subtitle(&presence(agent))).is_some());
    }
}

/// Whether the guest can take part, and what to do if not.
fn presence(agent: Agent) -> String {
    match agent {
        Agent::Present => gettext("Connected"),
        Agent::Absent => gettext(
            "Not connected. Install “spice-vdagent” in a Linux guest, or the SPICE guest tools in Windows.",
        ),
        Agent::Unknown => gettext(
            "Not heard of. The machine needs a SPICE agent port (“qemu-vdagent”), and the guest its agent: “spice-vdagent” for Linux, the SPICE guest tools for Windows.",
        ),
    }
}

impl MachineWindow {
    /// Shows the machine's preferences of the clipboard alone.
    pub(in super::super) fn show_clipboard(&self) {
        let page = adw::PreferencesPage::new();
        page.add(&self.clipboard_group());
        let dialog = adw::PreferencesDialog::builder().title(gettext("Clipboard")).build();
        dialog.add(&page);
        dialog.present(Some(self));
    }

    /// The machine's preferences of the clipboard.
    pub(in super::super) fn clipboard_group(&self) -> adw::PreferencesGroup {
        let shared = self.shared();
        let settings = shared.clipboard_settings();
        let title = gettext_f("Clipboard of “{name}”", &[("name", &self.machine_name())]);
        let group = adw::PreferencesGroup::builder()
            .title(glib::markup_escape_text(&title).as_str())
            .description(gettext(
                "Text only, and only while you work in the machine’s window. Passwords that are marked as such stay here.",
            ))
            .build();
        group.add(&agent(shared));
        group.add(&switch(
            shared,
            &gettext("From Here to the Machine"),
            "",
            settings.to_guest == Consent::Given,
            |settings, on| settings.to_guest = consent(on),
        ));
        group.add(&switch(
            shared,
            &gettext("From the Machine to Here"),
            "",
            settings.to_host == Consent::Given,
            |settings, on| settings.to_host = consent(on),
        ));
        group.add(&switch(
            shared,
            &gettext("Selected Text, Too"),
            &gettext("What is selected without being copied, to be pasted with the middle button"),
            settings.primary,
            |settings, on| settings.primary = on,
        ));
        group.add(&line_ends(shared, settings));
        group.add(&longest(shared, settings));
        group
    }
}

fn consent(given: bool) -> Consent {
    if given { Consent::Given } else { Consent::Refused }
}

fn agent(shared: &Rc<Shared>) -> adw::ActionRow {
    let row = adw::ActionRow::builder()
        .title(gettext("Agent in the Guest"))
        .subtitle(presence(shared.clipboard_agent()))
        .use_markup(false)
        .build();
    shared.clipboard.rows.add(&row);
    row
}

fn switch(
    shared: &Rc<Shared>,
    title: &str,
    subtitle: &str,
    is_active: bool,
    set: impl Fn(&mut Settings, bool) + 'static,
) -> adw::SwitchRow {
    let row =
        adw::SwitchRow::builder().title(title).subtitle(subtitle).use_markup(false).active(is_active).build();
    row.connect_active_notify(changed(shared, move |settings, row: &adw::SwitchRow| {
        set(settings, row.is_active())
    }));
    row
}

fn line_ends(shared: &Rc<Shared>, settings: Settings) -> adw::ComboRow {
    // In the order of their numbers in the schema.
    let names = [gettext("Automatic"), gettext("Linux (LF)"), gettext("Windows (CR LF)")];
    let row = adw::ComboRow::builder()
        .title(gettext("Line Ends in the Machine"))
        .subtitle(gettext("Automatic: as in what the machine copies"))
        .use_markup(false)
        .model(&gtk::StringList::new(&names.each_ref().map(String::as_str)))
        .selected(u32::try_from(number_in(&ENDS, &settings.line_ends)).unwrap_or_default())
        .build();
    row.connect_selected_notify(changed(shared, |settings, row: &adw::ComboRow| {
        // Nothing is selected with the largest number.
        settings.line_ends = numbered(&ENDS, i32::try_from(row.selected()).unwrap_or(-1));
    }));
    row
}

fn longest(shared: &Rc<Shared>, settings: Settings) -> adw::SpinRow {
    let row = adw::SpinRow::with_range(1.0, MOST, 1.0);
    row.set_title(&gettext("Longest Text"));
    row.set_subtitle(&gettext("In MiB. QEMU itself passes at most 1 MiB on to the machine."));
    #[expect(clippy::cast_precision_loss, reason = "at most so many MiB as can be chosen")]
    row.set_value(((settings.longest / MIB) as f64).min(MOST));
    row.connect_value_notify(changed(shared, |settings, row: &adw::SpinRow| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the row's range")]
        let mebibytes = row.value() as usize;
        settings.longest = mebibytes * MIB;
    }));
    row
}

/// Has the machine's clipboard follow what was changed in a row.
fn changed<R>(shared: &Rc<Shared>, set: impl Fn(&mut Settings, &R) + 'static) -> impl Fn(&R) + 'static {
    let shared = Rc::downgrade(shared);
    move |row| {
        let Some(shared) = shared.upgrade() else { return };
        let mut settings = shared.clipboard_settings();
        set(&mut settings, row);
        shared.set_clipboard(settings);
    }
}
