//! What a machine that is shown lacks, and the ways from its window to the dialog.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::super::MachineWindow;
use super::super::i18n::gettext;
use crate::host::computer::facts_at;
use crate::host::domain::{Definition, Edit, lacks};
use crate::source::libvirt::{Hypervisor, LibvirtError, Which};

/// How long the hint lies over the picture, in seconds.
const SHOWN: u32 = 12;

/// A machine of libvirt's, as a window knows it.
#[derive(Debug, Clone)]
pub struct Managed {
    pub hypervisor: Hypervisor,
    /// What a person called it: a UUID, a name, or a number.
    pub wanted: String,
}

/// What a machine that is shown lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hint {
    /// The firmware is not seen.
    NoFirmware,
    /// Something else.
    Other,
}

impl MachineWindow {
    /// Opens the dialog, where the machine is one of libvirt's.
    pub(in crate::window) fn make_ready(&self) {
        let Some(Managed { hypervisor, wanted }) = self.setup().managed.clone() else { return };
        glib::spawn_future_local(glib::clone!(
            #[weak(rename_to = window)]
            self,
            async move {
                // It says itself why there is no such machine.
                let uuid = hypervisor.find(&wanted).await.map_or(wanted, |machine| machine.uuid);
                super::present(&window, &hypervisor, &uuid);
            }
        ));
    }

    /// Finds out what the machine lacks, once it is shown.
    pub(in crate::window) fn look_what_is_lacking(&self) {
        // Once, however often it is connected: to look costs others something, too.
        if !self.is_main() || self.imp().hinted.get() {
            return;
        }
        let Some(managed) = self.setup().managed.clone() else { return };
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            let hint = match lacking(&managed).await {
                Ok(edits) => hint(&edits),
                Err(error) => return tracing::debug!(%error, "nobody says what the machine lacks"),
            };
            let Some(window) = window.upgrade().filter(|window| !window.is_closed()) else { return };
            let Some(hint) = hint else { return };
            window.tell_hint(&hint);
        });
    }

    fn tell_hint(&self, hint: &Hint) {
        // It may have been connected twice while somebody looked.
        if self.imp().hinted.replace(true) {
            return;
        }
        let words = match hint {
            Hint::NoFirmware => gettext("The firmware is not seen on this virtual GPU"),
            Hint::Other => gettext("This machine’s definition can be improved"),
        };
        let toast = adw::Toast::builder()
            .title(words)
            .button_label(gettext("_Look"))
            .action_name("win.make-ready")
            .timeout(SHOWN)
            .build();
        self.toast(&toast);
    }

    /// The action is there where there is something to change.
    pub(in crate::window) fn install_make_ready(&self) {
        let action = gio::ActionEntryBuilder::new("make-ready")
            .activate(|window: &Self, _, _| window.make_ready())
            .build();
        self.add_action_entries([action]);
    }
}

/// What is lacking of a machine whose display is open.
async fn lacking(managed: &Managed) -> Result<Vec<Edit>, LibvirtError> {
    let Managed { hypervisor, wanted } = managed;
    let machine = hypervisor.find(wanted).await?;
    let text = hypervisor.definition(&machine.uuid, Which::Next).await?;
    let uri = hypervisor.uri().to_owned();
    let read = gio::spawn_blocking(move || {
        let definition = Definition::read(text).ok()?;
        Some(lacks(&definition, &facts_at(&uri, &definition)))
    });
    Ok(read.await.ok().flatten().unwrap_or_default())
}

fn hint(edits: &[Edit]) -> Option<Hint> {
    match edits {
        [] => None,
        [Edit::BootVgpu { .. }] => Some(Hint::NoFirmware),
        _ => Some(Hint::Other),
    }
}
