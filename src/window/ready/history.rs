//! What the definition was earlier: each backup brings it back in one click.

use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::super::i18n::{gettext, gettext_f, ngettext_f};
use super::known::Known;
use super::{Ready, words};
use crate::host::domain::Definition;
use crate::host::domain::backup::Backup;

/// Every definition that was replaced, if it is another than now.
pub(super) fn group(ready: &Rc<Ready>, known: &Known) -> Option<adw::PreferencesGroup> {
    let current = known.offer.current();
    let others: Vec<&Backup> = known.backups.iter().filter(|backup| backup.before != current).collect();
    if others.is_empty() || !known.machine.persistent {
        return None;
    }
    let group = adw::PreferencesGroup::builder()
        .title(gettext("Earlier Definitions"))
        .description(gettext(
            "Kept before each change. What is restored takes the present one’s place, which is kept, too.",
        ))
        .build();
    for backup in others {
        group.add(&row(ready, backup));
    }
    Some(group)
}

fn row(ready: &Rc<Ready>, backup: &Backup) -> adw::ActionRow {
    let when = i64::try_from(backup.seconds).ok().and_then(|at| glib::DateTime::from_unix_local(at).ok());
    let when = when.and_then(|at| at.format("%c").ok()).unwrap_or_default();
    let row = adw::ActionRow::builder().title(when).subtitle(reason(backup)).use_markup(false).build();
    let button = gtk::Button::builder()
        .label(gettext("_Restore"))
        .use_underline(true)
        .valign(gtk::Align::Center)
        .build();
    let (weak, backup) = (Rc::downgrade(ready), backup.clone());
    button.connect_clicked(move |_| {
        if let Some(ready) = weak.upgrade() {
            ready.restore(&backup);
        }
    });
    row.add_suffix(&button);
    row
}

/// Before what it was kept.
fn reason(backup: &Backup) -> String {
    let base = Definition::read(backup.base()).ok();
    let Some((base, first)) = base.as_ref().zip(backup.edits.first()) else {
        return gettext("Before an earlier definition was restored");
    };
    let title = words::edit_words(first, base).0;
    match u32::try_from(backup.edits.len() - 1).unwrap_or(u32::MAX) {
        0 => gettext_f("Before “{change}”", &[("change", &title)]),
        more => ngettext_f(
            "Before “{change}” and {count} other change",
            "Before “{change}” and {count} other changes",
            more,
            &[("change", &title), ("count", &more.to_string())],
        ),
    }
}
