//! The heads of a window, as tabs, and how heads and windows follow what is known and wished.

use std::cell::Cell;
use std::collections::BTreeSet;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::MachineWindow;
use super::arrangement::{Arrangement, Candidate};
use super::consoles::{self, Choice};
use super::head::Head;
use super::i18n::gettext;
use crate::session::{Console, ConsoleId, ConsoleKind};
use crate::view::DisplayView;

impl MachineWindow {
    /// The head that is seen: the tab in front.
    pub(super) fn head(&self) -> Option<Head> {
        self.imp().tabs.selected_page().and_then(|page| head_of(&page))
    }

    /// All heads of this window, as their tabs are.
    pub(super) fn heads(&self) -> Vec<Head> {
        let tabs = &self.imp().tabs;
        (0..tabs.n_pages()).filter_map(|at| head_of(&tabs.nth_page(at))).collect()
    }

    /// The picture of the head that is seen; one of nothing where there is none.
    pub(super) fn view(&self) -> DisplayView {
        self.head().map_or_else(|| self.imp().nothing.clone(), |head| head.view().clone())
    }

    /// The pictures of all heads of this window.
    pub(super) fn views(&self) -> Vec<DisplayView> {
        self.heads().iter().map(|head| head.view().clone()).collect()
    }

    /// The console that is shown.
    pub fn console(&self) -> Option<Console> {
        self.head().map(|head| head.console().clone())
    }

    pub(super) fn watch_tabs(&self) {
        let tabs = self.imp().tabs.get();
        // All keys are the guest's.
        tabs.set_shortcuts(adw::TabViewShortcuts::NONE);
        self.connect_map(Self::return_focus);
        let bar = &self.imp().tab_bar;
        bar.set_autohide(false);
        bar.set_view(Some(&tabs));
        tabs.connect_n_pages_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.show_tab_bar()
        ));
        tabs.connect_selected_page_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.tab_selected()
        ));
        tabs.connect_page_attached(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_, page, _| window.tab_attached(page)
        ));
        tabs.connect_close_page(glib::clone!(
            #[weak(rename_to = window)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |tabs, page| window.tab_closes(tabs, page)
        ));
        tabs.connect_create_window(glib::clone!(
            #[weak(rename_to = window)]
            self,
            #[upgrade_or_default]
            move |_| window.side_window().map(|side| side.imp().tabs.get())
        ));
        tabs.connect_setup_menu(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |tabs, page| tabs
                .set_menu_model(page.and_then(head_of).map(|head| window.tab_menu(&head)).as_ref())
        ));
    }

    /// Shows the bar of tabs where there is a choice. Only then: a second bar changes the first one's looks.
    fn show_tab_bar(&self) {
        let imp = self.imp();
        let (several, shown) = (imp.tabs.n_pages() > 1, imp.tab_bar.parent().is_some());
        match (several, shown) {
            (true, false) => imp.bars.add_top_bar(&imp.tab_bar),
            (false, true) => imp.bars.remove(&imp.tab_bar),
            _ => return,
        }
        // The bars' new looks count from the next frame on.
        let frames = Cell::new(0);
        self.add_tick_callback(move |window, _| {
            if frames.replace(frames.get() + 1) == 0 {
                return glib::ControlFlow::Continue;
            }
            window.picture_changed(window.view().screen());
            glib::ControlFlow::Break
        });
    }

    /// What the person can do with a tab.
    pub(super) fn tab_menu(&self, head: &Head) -> gio::Menu {
        let menu = gio::Menu::new();
        let target = consoles::number(head.id()).to_variant();
        let add = |label: String, action: &str| {
            let item = gio::MenuItem::new(Some(&label), None);
            item.set_action_and_target_value(Some(action), Some(&target));
            menu.append_item(&item);
        };
        if self.heads().len() > 1 {
            add(gettext("Move to a _Window"), "win.to-window");
            add(gettext("_Hide"), "win.hide-console");
        }
        if !self.is_main() {
            add(gettext("Move to a _Tab"), "win.to-tab");
        }
        menu
    }

    /// Another tab is in front.
    fn tab_selected(&self) {
        if let Some(head) = self.head() {
            head.view().grab_focus();
            let known = self.shared().known.borrow().target();
            let by_hand = !self.shared().arranging.get() && !self.imp().tabs.is_transferring_page();
            if by_hand && self.is_main() && known != Some(head.id()) {
                return self.choose_console(consoles::number(head.id()));
            }
        }
        if !self.shared().arranging.get() {
            self.head_changed();
        }
    }

    /// A head has come, also by hand from another window.
    fn tab_attached(&self, page: &adw::TabPage) {
        let Some(head) = head_of(page) else { return };
        self.update_cover();
        if self.shared().arranging.get() {
            return;
        }
        let (shared, id, main) = (self.shared().clone(), head.id(), self.is_main());
        // The tabs are still at it.
        glib::idle_add_local_once(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move || {
                let windows = &mut shared.wishes.borrow_mut().windows;
                if main {
                    windows.remove(&id)
                } else {
                    windows.insert(id)
                };
                window.wishes_changed();
            }
        ));
    }

    /// A tab is closed by its button; or by us, because its head is to go.
    fn tab_closes(&self, tabs: &adw::TabView, page: &adw::TabPage) -> glib::Propagation {
        let goes = self.shared().arranging.get();
        tabs.close_page_finish(page, goes);
        if let (false, Some(head)) = (goes, head_of(page)) {
            self.hide_console(head.id());
        }
        glib::Propagation::Stop
    }

    /// The person wants a console in a window of its own, or among the tabs again.
    pub(super) fn set_own_window(&self, id: ConsoleId, own: bool) {
        {
            let mut wishes = self.shared().wishes.borrow_mut();
            if own {
                wishes.windows.insert(id)
            } else {
                wishes.windows.remove(&id)
            };
            wishes.open(id);
        }
        self.wishes_changed();
        if let Some((_, window)) = self.shared().head(id) {
            window.present();
        }
    }

    /// The person wants to see no more of a console.
    pub(super) fn hide_console(&self, id: ConsoleId) {
        let shared = self.shared();
        shared.wishes.borrow_mut().put_away(id);
        if let Some(spread) = &mut *shared.spread.borrow_mut() {
            spread.remove(&id);
        }
        if shared.known.borrow().choice == Choice::Pinned(id) {
            self.take_choice(Choice::Automatic);
        }
        self.wishes_changed();
    }

    /// What is wished is another: it is remembered, and done.
    fn wishes_changed(&self) {
        self.remember_windows();
        self.arrange();
    }

    /// Whether this is the window with the tabs.
    pub(super) fn is_main(&self) -> bool {
        self.shared().windows().first() == Some(self)
    }

    /// Whether the machine has other windows to be seen beside this one.
    pub(super) fn has_company(&self) -> bool {
        self.shared().windows().iter().any(|other| other != self && !other.imp().away.get())
    }

    /// Where the consoles are to be seen, going by what is known and wished.
    fn arrangement(&self) -> Arrangement {
        let shared = self.shared();
        let known = shared.known.borrow();
        let target = known.target();
        if let Choice::Demanded(_) = known.choice {
            return Arrangement { tabs: target.into_iter().collect(), windows: vec![] };
        }
        let candidates: Vec<_> = known.consoles.iter().map(|console| known.candidate(console)).collect();
        let wishes = shared.wishes.borrow();
        let Some(spread) = &*shared.spread.borrow() else { return wishes.arrange(&candidates, target) };
        let mut wishes = wishes.clone();
        wishes.put_away = candidates.iter().map(|it| it.id).filter(|id| !spread.contains_key(id)).collect();
        wishes.windows = spread.keys().skip(1).copied().collect();
        wishes.arrange(&candidates, spread.keys().next().copied())
    }

    /// Brings heads and windows in line with what is known and wished.
    pub(super) fn arrange(&self) {
        let shared = self.shared().clone();
        if self.is_closed() || shared.arranging.replace(true) {
            return;
        }
        let wanted = self.arrangement();
        let windows = shared.windows();
        let Some(main) = windows.first().cloned() else { return shared.arranging.set(false) };
        main.drop_heads_but(&wanted);
        for (at, id) in (0..).zip(&wanted.tabs) {
            main.take_head(*id, at);
        }
        for id in &wanted.windows {
            let there = shared.head(*id).map(|(_, window)| window).filter(|window| *window != main);
            if let Some(window) = there.or_else(|| main.side_window()) {
                window.take_head(*id, 0);
            }
        }
        shared.arranging.set(false);
        main.select_target();
        main.go_to_monitors();
        main.set_away(wanted.tabs.is_empty() && !wanted.windows.is_empty());
        let places = self.places();
        for window in shared.windows() {
            if window != main && window.heads().is_empty() {
                shared.remove_window(&window);
                window.destroy();
            } else {
                window.head_changed();
                window.tell_place(&places);
            }
        }
    }

    /// Parts with the heads that are not wanted any more, in all windows.
    fn drop_heads_but(&self, wanted: &Arrangement) {
        let shared = self.shared();
        let wanted: BTreeSet<_> = wanted.tabs.iter().chain(&wanted.windows).collect();
        for (head, window) in shared.heads() {
            let console = shared.known.borrow().consoles.iter().find(|it| it.id == head.id()).cloned();
            let stays = console.is_some_and(|console| head.shows(&console)) && wanted.contains(&head.id());
            if !stays {
                head.view().release_all();
                let tabs = &window.imp().tabs;
                tabs.close_page(&tabs.page(&head));
            }
        }
    }

    /// Has this console among its tabs, at this place: from another window, or new.
    fn take_head(&self, id: ConsoleId, at: i32) {
        let (shared, tabs) = (self.shared(), &self.imp().tabs);
        let at = at.min(tabs.n_pages());
        let head = match shared.head(id) {
            Some((head, window)) if &window == self => {
                let page = tabs.page(&head);
                tabs.reorder_page(&page, at.min(tabs.n_pages() - 1));
                head
            }
            Some((head, window)) => {
                let from = &window.imp().tabs;
                from.transfer_page(&from.page(&head), tabs, at);
                head
            }
            None => {
                let console = shared.known.borrow().consoles.iter().find(|it| it.id == id).cloned();
                let Some(console) = console else { return };
                let head = Head::new(console, shared.remote.clone());
                head.view().set_options(self.options());
                self.prepare_keyboard(head.view());
                self.apply_pointer(head.view());
                head.view().look_like(&shared.windows().first().unwrap_or(self).view());
                self.watch_view(head.view());
                tabs.insert(&head, at);
                head
            }
        };
        tabs.page(&head).set_title(&consoles::name(head.console()));
        self.pass_on(id);
    }

    /// Puts the tab in front that is to be.
    fn select_target(&self) {
        let Some(target) = self.shared().known.borrow().target() else { return };
        let Some(head) = self.heads().into_iter().find(|head| head.id() == target) else { return };
        let tabs = &self.imp().tabs;
        self.shared().arranging.set(true);
        tabs.set_selected_page(&tabs.page(&head));
        self.shared().arranging.set(false);
    }

    /// Another window of the machine, without a head yet.
    fn side_window(&self) -> Option<Self> {
        let application = self.application().and_downcast::<adw::Application>()?;
        let window = Self::with_shared(&application, self.shared().clone());
        window.open();
        Some(window)
    }

    /// The window is not to be seen while the others are; or it is again.
    pub(super) fn set_away(&self, away: bool) {
        if self.imp().away.replace(away) == away {
            return;
        }
        if away {
            self.remember_size();
            self.set_visible(false);
        } else {
            self.appear();
        }
    }

    /// This window shows another head, or none.
    fn head_changed(&self) {
        let shown = self.console().map(|console| console.id);
        if self.is_main() {
            self.shared().known.borrow_mut().shown = shown;
        }
        if self.imp().shown.replace(shown) != shown {
            self.update_cover();
            if let Some(id) = shown {
                self.pass_on(id);
            }
            self.emit_by_name::<()>("console-shown", &[]);
            self.hide_banner();
            self.picture_changed(self.view().screen());
            self.look_changed();
            self.return_focus();
        }
        self.refill_consoles();
        self.tell();
        self.shared().tell_watchers();
    }

    /// Tells the head of this console of lights and pointer.
    pub(super) fn pass_on(&self, id: ConsoleId) {
        let known = self.shared().known.borrow();
        if let Some((head, _)) = self.shared().head(id) {
            if let Some(lights) = known.leds.get(&id) {
                head.view().set_leds(*lights);
            }
            head.view().set_pointer_mode(known.pointers.get(&id).copied().unwrap_or_default());
        }
    }
}

fn head_of(page: &adw::TabPage) -> Option<Head> {
    page.child().downcast().ok()
}

impl super::news::Known {
    fn candidate(&self, console: &Console) -> Candidate {
        let graphic = console.kind == ConsoleKind::Graphic;
        Candidate { id: console.id, in_use: graphic && self.in_use.contains(&console.id), graphic }
    }
}
