//! What has to be known of a machine before anything can be offered.

use gtk::gio;

use crate::host::computer::facts_at;
use crate::host::domain::backup::{Backup, Backups, made};
use crate::host::domain::{Abilities, Definition, DefinitionError, Edit, EditError, Offer};
use crate::source::libvirt::{Hypervisor, LibvirtError, Machine, Which};

/// What is known of a machine.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) machine: Machine,
    pub(super) offer: Offer,
    /// The newest first.
    pub(super) backups: Vec<Backup>,
}

/// What a person wants.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// A machine that can be shown as well as possible.
    Ready,
    /// These edits.
    Edits(Vec<Edit>),
}

/// Why nothing can be offered.
#[derive(Debug)]
pub(super) enum Trouble {
    Libvirt(LibvirtError),
    Definition(DefinitionError),
    Edit(EditError),
}

impl From<LibvirtError> for Trouble {
    fn from(error: LibvirtError) -> Self {
        Self::Libvirt(error)
    }
}

impl From<DefinitionError> for Trouble {
    fn from(error: DefinitionError) -> Self {
        Self::Definition(error)
    }
}

impl From<EditError> for Trouble {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

/// Asks libvirt, this computer, and its disk.
pub(super) async fn learn(hypervisor: &Hypervisor, uuid: &str, purpose: &Purpose) -> Result<Known, Trouble> {
    let machine = hypervisor.find(uuid).await?;
    let current = Definition::read(hypervisor.definition(&machine.uuid, Which::Next).await?)?;
    let abilities = abilities(hypervisor, &current).await;
    let (uri, definition, of) = (hypervisor.uri().to_owned(), current.clone(), machine.uuid.clone());
    let read = gio::spawn_blocking(move || {
        let backups = Backups::of_person().map(|backups| backups.of(&of)).unwrap_or_default();
        (facts_at(&uri, &definition), backups)
    });
    let (facts, backups) = read.await.unwrap_or_default();
    let offer = match purpose {
        Purpose::Edits(edits) => Offer::of(current, edits.clone(), &abilities),
        Purpose::Ready => {
            let made = made(&current, &backups);
            // What cannot be taken back any more one by one counts as there from the beginning.
            match Offer::new(current.clone(), made, &facts, &abilities) {
                Ok(offer) => offer,
                Err(_) => Offer::new(current, None, &facts, &abilities)?,
            }
        }
    };
    offer.change()?;
    Ok(Known { machine, offer, backups })
}

/// What machines like this one can have; everything where libvirt does not say.
async fn abilities(hypervisor: &Hypervisor, definition: &Definition) -> Abilities {
    let told = match hypervisor.capabilities(definition.platform()).await {
        Ok(told) => Abilities::read(&told).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let abilities = told.unwrap_or_else(|error| {
        tracing::info!(error, "libvirt does not say what machines can have");
        Abilities::default()
    });
    match hypervisor.version().await {
        Ok(version) => abilities.with(version),
        Err(_) => abilities,
    }
}
