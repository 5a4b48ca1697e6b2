//! A size with which a machine starts: written into its definition where libvirt has one, after it was
//! shown; told for QEMU's command line and for libvirt otherwise.

use adw::prelude::*;
use gtk::glib;

use super::super::i18n::{gettext, gettext_f};
use super::super::ready::{self, Managed};
use super::super::{MachineWindow, monospace};
use crate::frame::Screen;
use crate::geometry::{Guest, Size};
use crate::host::domain::{Definition, Edit, Named, Property};
use crate::resolution::Device;
use crate::source::libvirt::{Hypervisor, Which};

impl MachineWindow {
    /// The size that could be kept, and the device that would.
    pub(super) fn kept_size(&self) -> Option<(Device, Size<Guest>)> {
        let shown = match self.view().screen() {
            Screen::Live(size) => Some(size),
            Screen::Waiting | Screen::Off => None,
        };
        let (device, verdict) = self.with_head(|_, head| (head.control.device(), head.control.verdict()))?;
        let size = verdict.wanted(shown)?;
        // Of a device that nobody knows it is worth a try.
        let device = if device == Device::Unknown { Device::Virtio } else { device };
        device.keep(size).map(|_| (device, size))
    }

    /// Offers to write the size into the machine's definition, or tells where it goes.
    pub(super) fn keep_size(&self) {
        let (Some((device, size)), Some(console)) = (self.kept_size(), self.console()) else { return };
        let Some(Managed { hypervisor, wanted }) = self.setup().managed.clone() else {
            return self.show_how_to_keep();
        };
        glib::spawn_future_local(glib::clone!(
            #[weak(rename_to = window)]
            self,
            async move {
                match edits(&hypervisor, &wanted, (console.device_name(), device), size).await {
                    Some((uuid, edits)) => {
                        let title = gettext("Keep After Restart");
                        ready::present_edits(&window, &hypervisor, &uuid, &title, edits);
                    }
                    None => window.show_how_to_keep(),
                }
            }
        ));
    }

    fn show_how_to_keep(&self) {
        let Some((device, size)) = self.kept_size() else { return };
        let Some(keep) = device.keep(size) else { return };
        let label = self.console().map(|console| console.label).unwrap_or_default();
        let alias = if label.starts_with("hostdev") { label.as_str() } else { "hostdev0" };

        let page = adw::PreferencesPage::new();
        let about = gettext_f(
            "With this in its definition the machine starts with {size}. A guest that remembers a resolution of its own may still change it.",
            &[("size", &size.to_string())],
        );
        let toasts = adw::ToastOverlay::new();
        page.add(&about_group(&about));
        page.add(&text_group(
            &toasts,
            &gettext("For QEMU"),
            &gettext("Add this to the display’s “-device”:"),
            &format!(",{}", keep.argument()),
        ));
        let words = match device {
            Device::Vfio => gettext(
                "libvirt has no element for it: with this it passes the size on to QEMU. The alias is the device’s own.",
            ),
            _ => gettext("Add the resolution to the display’s “video” element:"),
        };
        page.add(&text_group(&toasts, &gettext("For libvirt"), &words, &keep.libvirt(device, alias)));

        let bars = adw::ToolbarView::builder().content(&page).build();
        bars.add_top_bar(&adw::HeaderBar::new());
        toasts.set_child(Some(&bars));
        let dialog = adw::Dialog::builder()
            .title(gettext("Keep After Restart"))
            .child(&toasts)
            .content_width(560)
            .follows_content_size(false)
            .content_height(560)
            .build();
        dialog.present(Some(self));
    }
}

/// The edits that have a machine start with a size, and its UUID; `None` where nobody knows which of its
/// devices draws there.
async fn edits(
    hypervisor: &Hypervisor,
    wanted: &str,
    (name, device): (&str, Device),
    size: Size<Guest>,
) -> Option<(String, Vec<Edit>)> {
    let machine = hypervisor.find(wanted).await.ok()?;
    // Only a running machine's devices have all their names.
    let current = hypervisor.definition(&machine.uuid, Which::Current).await.ok()?;
    let current = Definition::read(current).ok()?;
    let Size { width, height, .. } = size;
    let only = || if device == Device::Vfio { current.only_vgpu() } else { current.only_video() };
    let edits = match current.named(name).or_else(only)? {
        Named::Video(place) => vec![Edit::VideoSize { place, width, height }],
        Named::Vgpu(uuid) => [Property::Width(width), Property::Height(height)]
            .map(|property| Edit::SetProperty { uuid: uuid.clone(), property })
            .to_vec(),
    };
    Some((machine.uuid, edits))
}

fn about_group(words: &str) -> adw::PreferencesGroup {
    adw::PreferencesGroup::builder().description(glib::markup_escape_text(words).as_str()).build()
}

/// A text to copy, under its title.
fn text_group(toasts: &adw::ToastOverlay, title: &str, words: &str, text: &str) -> adw::PreferencesGroup {
    let view = monospace::view(text.trim_end(), title);
    monospace::group(toasts, title, words, &view, (&gettext("Copy"), gettext("Setting copied")))
}
