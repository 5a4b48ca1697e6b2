//! Fullscreen: the picture alone, with a header bar that comes when the pointer asks for it.

use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::MachineWindow;
use super::i18n::gettext;

/// How near to the top edge the pointer brings the header bar, in logical pixels: at the edge
/// itself, so that the guest's own bar stays in reach.
const EDGE: f64 = 1.0;

/// How long the header bar stays when the pointer has left it.
const LINGER: Duration = Duration::from_millis(700);

impl MachineWindow {
    pub(super) fn watch_fullscreen(&self) {
        self.connect_fullscreened_notify(Self::adapt_to_fullscreen);
        self.adapt_to_fullscreen();

        let motion = gtk::EventControllerMotion::new();
        motion.set_propagation_phase(gtk::PropagationPhase::Capture);
        motion.connect_motion(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_, _, y| window.pointer_at_height(y)
        ));
        motion.connect_leave(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.hide_header_later()
        ));
        self.imp().bars.add_controller(motion);
    }

    fn adapt_to_fullscreen(&self) {
        let imp = self.imp();
        let fullscreen = self.is_fullscreen();
        imp.bars.set_extend_content_to_top_edge(fullscreen);
        imp.bars.set_reveal_top_bars(!fullscreen);
        let (icon, words) = if fullscreen {
            ("view-restore-symbolic", gettext("Leave Fullscreen"))
        } else {
            ("view-fullscreen-symbolic", gettext("Fullscreen"))
        };
        imp.fullscreen_button.set_icon_name(icon);
        imp.fullscreen_button.set_tooltip_text(Some(&words));
        imp.fullscreen_button.update_property(&[gtk::accessible::Property::Label(&words)]);
        if !fullscreen {
            self.left_monitor();
        }
        self.update_cover();
        self.view().grab_focus();
        if !fullscreen {
            self.left_fullscreen();
        }
        if let Some(toast) = imp.fullscreen_hint.take() {
            toast.dismiss();
        }
        if fullscreen && !imp.fullscreen_told.replace(true) {
            let toast = adw::Toast::new(&gettext(
                "Press F11 or move the pointer to the top edge to leave fullscreen",
            ));
            self.toast(&toast);
            imp.fullscreen_hint.replace(Some(toast));
        }
    }

    fn pointer_at_height(&self, y: f64) {
        if !self.is_fullscreen() {
            return;
        }
        let imp = self.imp();
        if y < EDGE {
            imp.bars.set_reveal_top_bars(true);
        }
        if imp.bars.reveals_top_bars() {
            if y < f64::from(imp.bars.top_bar_height()) {
                self.keep_header();
            } else {
                self.hide_header_later();
            }
        }
    }

    fn keep_header(&self) {
        if let Some(source) = self.imp().hiding.take() {
            source.remove();
        }
    }

    fn hide_header_later(&self) {
        let imp = self.imp();
        if !self.is_fullscreen() || !imp.bars.reveals_top_bars() || imp.hiding.borrow().is_some() {
            return;
        }
        let source = glib::timeout_add_local(
            LINGER,
            glib::clone!(
                #[weak(rename_to = window)]
                self,
                #[upgrade_or]
                glib::ControlFlow::Break,
                move || window.hide_header()
            ),
        );
        imp.hiding.replace(Some(source));
    }

    /// Hides the header bar, unless somebody is in its menu or on its buttons.
    fn hide_header(&self) -> glib::ControlFlow {
        let imp = self.imp();
        let focused = GtkWindowExt::focus(self).is_some_and(|focus| focus.is_ancestor(&*imp.header));
        let busy = self.is_fullscreen() && (imp.menu_button.is_active() || focused);
        if busy {
            return glib::ControlFlow::Continue;
        }
        imp.hiding.take();
        if self.is_fullscreen() {
            imp.bars.set_reveal_top_bars(false);
        }
        glib::ControlFlow::Break
    }
}
