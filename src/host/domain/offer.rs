//! What a machine is offered: edits in groups that a person decides on, and what depends on each.

use super::abilities::{Abilities, Obstacle};
use super::change::{Change, EditError, apply};
use super::definition::{Definition, GraphicsKind};
use super::devices::{agent_kind, has_spice_redirection};
use super::edit::Edit;
use super::lines::{Line, compare};
use super::plan::{Facts, plan};
use super::vgpu::Property;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Made together or not at all.
    pub edits: Vec<Edit>,
    pub weight: Weight,
    /// Why it cannot be made here.
    pub obstacle: Option<Obstacle>,
    /// Whether it was made before.
    pub made: bool,
    /// Whether it is to be made, or to stay.
    pub chosen: bool,
}

/// What depends on an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Without it the machine does not start, or is not seen here.
    Needed,
    /// Without it something that people expect does not work.
    Useful,
    /// A matter of taste.
    Extra,
}

/// What a machine is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The definition that libvirt has.
    current: String,
    /// The definition that the edits are of: before those that were made already.
    base: Definition,
    items: Vec<Item>,
}

impl Offer {
    /// For a definition as libvirt has it. `made` says what it was before edits of ours, and which: they
    /// can be taken back one by one.
    ///
    /// # Errors
    ///
    /// When one of those cannot be made any more.
    pub fn new(
        current: Definition,
        made: Option<(Definition, Vec<Edit>)>,
        facts: &Facts,
        abilities: &Abilities,
    ) -> Result<Self, EditError> {
        let text = current.text().to_owned();
        let (base, made) = made.unwrap_or((current, Vec::new()));
        let after = apply(&base, &made)?;
        let mut items = grouped(&base, made, abilities, true);
        items.extend(grouped(after.after(), plan(after.after(), facts), abilities, false));
        Ok(Self { current: text, base, items })
    }

    /// For these edits alone.
    pub fn of(current: Definition, edits: Vec<Edit>, abilities: &Abilities) -> Self {
        let mut items = grouped(&current, edits, abilities, false);
        items.iter_mut().for_each(|item| item.chosen = true);
        Self { current: current.text().to_owned(), base: current, items }
    }

    /// What is to be decided.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Decides.
    pub fn choose(&mut self, place: usize, chosen: bool) {
        if let Some(item) = self.items.get_mut(place) {
            item.chosen = chosen;
        }
    }

    /// The definition that libvirt has.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The definition before all edits.
    pub fn base(&self) -> &Definition {
        &self.base
    }

    /// Whether what was decided is how it is already.
    pub fn is_settled(&self) -> bool {
        self.items.iter().all(|item| item.chosen == item.made)
    }

    /// Before and after, line by line; nothing where it stays as it is.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn compare(&self) -> Result<Vec<Line>, EditError> {
        if self.is_settled() {
            return Ok(Vec::new());
        }
        Ok(compare(&self.current, self.change()?.after().text()))
    }

    /// What was decided, as a change of the definition before all edits.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn change(&self) -> Result<Change, EditError> {
        let chosen = self.items.iter().filter(|item| item.chosen);
        let edits: Vec<Edit> = chosen.flat_map(|item| item.edits.clone()).collect();
        apply(&self.base, &edits)
    }
}

/// Edits as decisions: those that are nothing without each other are one.
fn grouped(base: &Definition, edits: Vec<Edit>, abilities: &Abilities, made: bool) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for edit in edits {
        let weight = weight(base, &edit);
        let obstacle = abilities.obstacle(&edit);
        if let Some(item) = items.iter_mut().find(|item| belong_together(&item.edits[0], &edit)) {
            item.edits.push(edit);
            continue;
        }
        let chosen = made || (weight != Weight::Extra && obstacle.is_none());
        items.push(Item { edits: vec![edit], weight, obstacle, made, chosen });
    }
    items
}

fn belong_together(one: &Edit, other: &Edit) -> bool {
    let size_of = |edit: &Edit| match edit {
        Edit::SetProperty { uuid, property: Property::Width(_) | Property::Height(_) } => Some(uuid.clone()),
        _ => None,
    };
    size_of(one).is_some_and(|uuid| size_of(other).as_ref() == Some(&uuid))
}

fn weight(base: &Definition, edit: &Edit) -> Weight {
    match edit {
        Edit::Display(_)
        | Edit::RemoveGraphics(_)
        | Edit::RemoveSpicePorts
        | Edit::ShowVgpu { .. }
        | Edit::MoveSetArguments => Weight::Needed,
        // What is SPICE's does not start without it.
        Edit::Agent if agent_kind(base) == Some("spicevmc") => Weight::Needed,
        Edit::RedirectUsb if has_spice_redirection(base) => Weight::Needed,
        Edit::Agent
        | Edit::RedirectUsb
        | Edit::Sound
        | Edit::AddInput(..)
        | Edit::BootVgpu { .. }
        | Edit::SetProperty {
            property: Property::OpRegion(_) | Property::Rom(_) | Property::NoHotplug,
            ..
        } => Weight::Useful,
        // QEMU refuses a size where the device has no EDID (hw/vfio/pci.c, `vfio_realize`).
        Edit::SetProperty { property: Property::Width(_) | Property::Height(_), .. }
        | Edit::VideoSize { .. } => Weight::Extra,
    }
}

/// What a machine whose display is open lacks: nothing that is a matter of taste.
pub fn lacks(definition: &Definition, facts: &Facts) -> Vec<Edit> {
    let is_of_display = |edit: &Edit| {
        matches!(
            edit,
            Edit::Display(_) | Edit::ShowVgpu { .. } | Edit::BootVgpu { .. } | Edit::MoveSetArguments
        )
    };
    let has_display = definition.display(&GraphicsKind::Dbus).is_some();
    plan(definition, facts).into_iter().filter(|edit| !has_display || is_of_display(edit)).collect()
}
