//! Text as machines write it: to read, and to copy.

use adw::prelude::*;
use gtk::glib;

use super::i18n::gettext;

/// A text that can be read and selected, under its name for those who do not see it.
pub(super) fn view(text: &str, name: &str) -> gtk::TextView {
    let view = gtk::TextView::builder()
        .editable(false)
        .cursor_visible(false)
        .monospace(true)
        .wrap_mode(gtk::WrapMode::WordChar)
        .top_margin(12)
        .bottom_margin(12)
        .left_margin(12)
        .right_margin(12)
        .build();
    // All classes at once would take the one of the font away.
    view.add_css_class("inline");
    view.buffer().set_text(text);
    view.update_property(&[gtk::accessible::Property::Label(name)]);
    view
}

/// Shows a text over a window: `copy` says what the button does, `copied` that it has.
pub(crate) fn present(
    parent: &impl IsA<gtk::Widget>,
    title: &str,
    text: String,
    (copy, copied): (&str, String),
    (width, height): (i32, i32),
) {
    let view = view(&text, title);
    let scroller = gtk::ScrolledWindow::builder().child(&view).vexpand(true).build();
    let button =
        gtk::Button::builder().label(gettext("_Copy")).use_underline(true).tooltip_text(copy).build();
    let header = adw::HeaderBar::new();
    header.pack_start(&button);
    let bars = adw::ToolbarView::builder().content(&scroller).build();
    bars.add_top_bar(&header);
    let toasts = adw::ToastOverlay::new();
    toasts.set_child(Some(&bars));
    copy_with(&button, &toasts, move || text.clone(), copied);
    let dialog = adw::Dialog::builder()
        .title(title)
        .child(&toasts)
        .content_width(width)
        .content_height(height)
        .build();
    dialog.present(Some(parent));
}

/// Has a button copy a text, and say so.
pub(super) fn copy_with(
    button: &gtk::Button,
    toasts: &adw::ToastOverlay,
    text: impl Fn() -> String + 'static,
    done: String,
) {
    button.connect_clicked(glib::clone!(
        #[weak]
        toasts,
        move |button| {
            button.clipboard().set_text(&text());
            toasts.add_toast(adw::Toast::new(&done));
        }
    ));
}

/// A group with a text and a button that copies it.
pub(super) fn group(
    toasts: &adw::ToastOverlay,
    title: &str,
    words: &str,
    view: &gtk::TextView,
    (tooltip, done): (&str, String),
) -> adw::PreferencesGroup {
    let copy = gtk::Button::builder()
        .icon_name("edit-copy-symbolic")
        .tooltip_text(tooltip)
        .valign(gtk::Align::Center)
        .css_classes(["flat"])
        .build();
    let group = adw::PreferencesGroup::builder()
        .title(glib::markup_escape_text(title).as_str())
        .description(glib::markup_escape_text(words).as_str())
        .header_suffix(&copy)
        .build();
    group.add(&gtk::Frame::builder().child(view).build());
    let buffer = view.buffer();
    let text = move || buffer.text(&buffer.start_iter(), &buffer.end_iter(), false).to_string();
    copy_with(&copy, toasts, text, done);
    group
}
