//! The dialog that says how a machine starts with a size: for QEMU's command line and for libvirt.

use adw::prelude::*;
use gtk::glib;

use super::super::MachineWindow;
use super::super::i18n::{gettext, gettext_f};
use crate::frame::Screen;
use crate::geometry::{Guest, Size};
use crate::resolution::{Device, Verdict};

impl MachineWindow {
    /// The size that could be kept, and the device that would: what the guest was asked for and does
    /// not show, else what it shows.
    pub(super) fn kept_size(&self) -> Option<(Device, Size<Guest>)> {
        let shown = match self.view().screen() {
            Screen::Live(size) => Some(size),
            Screen::Waiting | Screen::Off => None,
        };
        let (device, verdict) = self.with_head(|_, head| (head.control.device(), head.control.verdict()))?;
        let size = match verdict {
            Verdict::NotFollowed { asked, .. } | Verdict::Waiting { asked } => asked,
            Verdict::None | Verdict::Followed { .. } => shown?,
        };
        // Of a device that nobody knows it is worth a try.
        let device = if device == Device::Unknown { Device::Virtio } else { device };
        device.keep(size).map(|_| (device, size))
    }

    pub(super) fn show_how_to_keep(&self) {
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

fn about_group(words: &str) -> adw::PreferencesGroup {
    adw::PreferencesGroup::builder().description(glib::markup_escape_text(words).as_str()).build()
}

/// A text to copy, under its title.
fn text_group(toasts: &adw::ToastOverlay, title: &str, words: &str, text: &str) -> adw::PreferencesGroup {
    let copy = gtk::Button::builder()
        .icon_name("edit-copy-symbolic")
        .tooltip_text(gettext("Copy"))
        .valign(gtk::Align::Center)
        .css_classes(["flat"])
        .build();
    let view = gtk::TextView::builder()
        .editable(false)
        .cursor_visible(false)
        .monospace(true)
        .wrap_mode(gtk::WrapMode::WordChar)
        .top_margin(12)
        .bottom_margin(12)
        .left_margin(12)
        .right_margin(12)
        .css_classes(["inline"])
        .build();
    view.buffer().set_text(text.trim_end());
    view.update_property(&[gtk::accessible::Property::Label(title)]);
    let card = gtk::Frame::builder().child(&view).build();
    let group = adw::PreferencesGroup::builder()
        .title(title)
        .description(glib::markup_escape_text(words).as_str())
        .header_suffix(&copy)
        .build();
    group.add(&card);
    let text = text.to_owned();
    copy.connect_clicked(glib::clone!(
        #[weak]
        toasts,
        move |button| {
            button.clipboard().set_text(&text);
            toasts.add_toast(adw::Toast::new(&gettext("Setting copied")));
        }
    ));
    group
}
