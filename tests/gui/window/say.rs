//! What the program under test says of itself when it is asked, and what is done in its dialogs.

use oriel::source::libvirt::Roster;

use super::*;

impl Play {
    pub(super) fn say_state(&self) {
        let window = self.window();
        let focus = GtkWindowExt::focus(window).map(|widget| widget.type_().name().to_owned());
        self.recorder.say(&format!(
            "state active={} size={}x{} focus={} dialog={} fullscreen={} maximized={} banner=[{}] panel={} title=[{}] page=[{}]",
            window.is_active(),
            window.width(),
            window.height(),
            focus.unwrap_or_default(),
            window.visible_dialog().is_some_and(|dialog| dialog.is_mapped()),
            window.is_fullscreen(),
            window.is_maximized(),
            find::<adw::Banner>(window.upcast_ref())
                .filter(adw::Banner::is_revealed)
                .map(|banner| banner.title())
                .unwrap_or_default(),
            panel(window.upcast_ref()).is_some_and(|panel| panel.is_mapped()),
            find::<adw::WindowTitle>(window.upcast_ref()).map(|title| title.subtitle()).unwrap_or_default(),
            page(window.upcast_ref()).unwrap_or_default(),
        ));
    }

    /// What the panel over the picture says, one line after the other.
    pub(super) fn say_facts(&self) {
        let panel = panel(self.window().upcast_ref()).expect("a panel");
        let mut words = Vec::new();
        labels(&panel, &mut words);
        self.recorder.say(&format!("facts {}", words.join("|")));
    }

    /// The title of the window that has the keyboard, and which of its widgets.
    pub(super) fn say_focus(&self) {
        let active = self.application.windows().into_iter().find(GtkWindowExt::is_active);
        let focus = active.as_ref().and_then(GtkWindowExt::focus).map(|widget| widget.type_().name());
        let title = active.as_ref().and_then(GtkWindowExt::title).unwrap_or_default();
        self.recorder.say(&format!("focus [{title}] {}", focus.unwrap_or_default()));
    }

    pub(super) fn keyboard_button(&self) -> Option<gtk::MenuButton> {
        let mut buttons = all::<gtk::MenuButton>(self.window().upcast_ref()).into_iter();
        let icons = ["input-keyboard-symbolic", "dialog-warning-symbolic"];
        buttons.find(|button| button.icon_name().is_some_and(|icon| icons.contains(&icon.as_str())))
    }

    /// The combinations of keys that the menu offers beside the common ones.
    pub(super) fn say_combinations(&self) {
        let mut buttons = all::<gtk::MenuButton>(self.window().upcast_ref()).into_iter();
        let menu = buttons.find(gtk::MenuButton::is_primary).and_then(|button| button.menu_model());
        let mut found = Vec::new();
        targets(&menu.expect("a menu"), "win.send-combination", &mut found);
        self.recorder.say(&format!("combinations {}", found.join("|")));
    }

    /// Who has the keyboard, as the window shows it.
    pub(super) fn say_keyboard(&self) {
        let button = self.keyboard_button().filter(gtk::MenuButton::is_visible);
        let words = button.and_then(|button| button.tooltip_text());
        self.recorder.say(&format!("keyboard {}", words.as_deref().unwrap_or("-")));
    }

    /// Which of the machine's lock keys the window shows as lit.
    pub(super) fn say_lights(&self) {
        let popover = self.keyboard_button().and_then(|button| button.popover()).expect("a popover");
        let shown = all::<gtk::Label>(popover.upcast_ref()).into_iter();
        let words = shown.filter(|label| label.has_css_class("caption") && WidgetExt::get_visible(label));
        let words: Vec<_> = words.map(|label| label.text()).collect();
        self.recorder.say(&format!("lights {}", words.join("|")));
    }

    /// The tabs of each window that is seen, the one in front with a star; sorted.
    pub(super) fn say_windows(&self) {
        let seen = self.application.windows().into_iter().filter(|window| window.is_visible());
        let mut words: Vec<_> = seen.map(|window| tabs(window.upcast_ref())).collect();
        words.sort();
        self.recorder.say(&format!("windows {}", words.join("|")));
    }

    /// What the short messages over the picture say.
    pub(super) fn say_toasts(&self) {
        let mut words = Vec::new();
        self.toasts().iter().for_each(|toast| labels(toast, &mut words));
        self.recorder.say(&format!("toasts {}", words.join("|")));
    }

    /// Takes the short message away that is seen, as its small button does.
    pub(super) fn close_toast(&self) {
        let mut buttons = self.toasts().into_iter().flat_map(|toast| all::<gtk::Button>(&toast));
        let close = buttons.find(|button| button.icon_name().as_deref() == Some("window-close-symbolic"));
        close.expect("a message").emit_clicked();
    }

    fn toasts(&self) -> Vec<gtk::Widget> {
        let widgets = all::<gtk::Widget>(self.window().upcast_ref()).into_iter();
        let is_toast = |widget: &gtk::Widget| widget.type_().name() == "AdwToastWidget" && widget.is_mapped();
        widgets.filter(is_toast).collect()
    }

    /// What can be done to the machine, in its menu.
    pub(super) fn say_power(&self) {
        let mut words = Vec::new();
        let buttons = all::<gtk::MenuButton>(self.window().upcast_ref()).into_iter();
        for menu in buttons.filter_map(|button| button.menu_model()) {
            submenu(&menu, "Power", &mut words);
        }
        self.recorder.say(&format!("power {}", words.join("|").replace('_', "")));
    }

    /// What the buttons of the page say.
    pub(super) fn say_buttons(&self) {
        let seen = all::<gtk::Button>(self.window().upcast_ref()).into_iter().filter(gtk::Button::is_mapped);
        let pills = seen.filter(|button| button.has_css_class("pill"));
        let words: Vec<_> =
            pills.filter_map(|button| button.label()).map(|label| label.replace('_', "")).collect();
        self.recorder.say(&format!("buttons {}", words.join("|")));
    }

    /// What the dialog over the picture says.
    pub(super) fn say_words(&self) {
        let mut words = Vec::new();
        if let Some(dialog) = self.window().visible_dialog() {
            labels(dialog.upcast_ref(), &mut words);
        }
        self.recorder.say(&format!("words {}", words.join("|").replace('\n', " ")));
    }

    pub(super) fn consoles_button(&self) -> Option<gtk::MenuButton> {
        let mut buttons = all::<gtk::MenuButton>(self.window().upcast_ref()).into_iter();
        buttons.find(|button| button.icon_name().as_deref() == Some("video-display-symbolic"))
    }

    /// What the menu of consoles offers, where it is shown.
    pub(super) fn say_consoles(&self) {
        let mut words = Vec::new();
        let button = self.consoles_button().filter(gtk::MenuButton::is_visible);
        if let Some(menu) = button.and_then(|button| button.menu_model()) {
            entries(&menu, &mut words);
        }
        self.recorder.say(&format!("consoles {}", words.join("|")));
    }
}

impl Play {
    pub(super) fn hypervisor(&self) -> Hypervisor {
        self.hypervisor.clone().expect("libvirt first")
    }

    pub(super) fn start(&self, uuid: &str) {
        let (hypervisor, recorder, uuid) = (self.hypervisor(), self.recorder.clone(), uuid.to_owned());
        glib::spawn_future_local(async move {
            let started = hypervisor.operate(&uuid, Operation::Start).await;
            recorder.say(&format!("started {started:?}"));
        });
    }

    /// Defines what is in a file, as somebody else would.
    pub(super) fn define(&self, file: &str) {
        let (hypervisor, recorder) = (self.hypervisor(), self.recorder.clone());
        let text = std::fs::read_to_string(file).expect("a definition");
        let (_, uuid) = text.split_once("<uuid>").expect("a UUID");
        let uuid = uuid.split('<').next().unwrap_or_default().to_owned();
        glib::spawn_future_local(async move {
            let words =
                hypervisor.define(text).await.map_or_else(|error| error.to_string(), |()| "yes".into());
            // Whoever looks for it finds it once libvirt has told of it.
            let known = move |roster: &Roster| roster.find(&uuid).map(|_| ());
            if words == "yes" {
                hypervisor.when(known).await;
            }
            recorder.say(&format!("taken {words}"));
        });
    }

    /// Scrolls the dialog that is seen.
    pub(super) fn scroll_dialog(&self, place: &str) {
        let scrolled = find::<gtk::ScrolledWindow>(&self.dialog()).expect("something that scrolls");
        let bar = scrolled.vadjustment();
        bar.set_value(if place == "end" { bar.upper() } else { bar.upper() / 2.0 - bar.page_size() / 2.0 });
    }

    /// Works a switch of the dialog that is seen, by its place.
    pub(super) fn switch(&self, place: usize) {
        let rows = all::<adw::SwitchRow>(&self.dialog());
        let row = rows.get(place).expect("a switch");
        row.set_active(!row.is_active());
    }

    /// Chooses among what a row of the dialog offers.
    pub(super) fn select(&self, words: &str) {
        let words = words.replace('_', " ");
        for row in all::<adw::ComboRow>(&self.dialog()) {
            let offered = row.model().and_downcast::<gtk::StringList>().expect("words");
            let place = (0..offered.n_items()).find(|at| offered.string(*at).as_deref() == Some(&*words));
            if let Some(place) = place {
                return row.set_selected(place);
            }
        }
        panic!("nobody offers {words}");
    }

    /// Clicks a button of the dialog that is seen, by its label, or its tooltip, as they are in English.
    pub(super) fn press(&self, label: &str) {
        let label = label.replace('_', " ");
        // Wherever the mnemonic stands.
        let ends = label.char_indices().map(|(at, _)| format!("{}_{}", &label[..at], &label[at..]));
        let names: Vec<_> =
            ends.chain([label.clone()]).map(|name| gettextrs::gettext(name).replace('_', "")).collect();
        let is_it = |button: &gtk::Button| {
            let own = [button.label(), button.tooltip_text()];
            own.into_iter().flatten().any(|own| names.contains(&own.replace('_', "")))
        };
        let button = all::<gtk::Button>(&self.dialog()).into_iter().find(is_it);
        button.unwrap_or_else(|| panic!("no button {label}")).emit_clicked();
    }

    fn dialog(&self) -> gtk::Widget {
        self.window().visible_dialog().expect("a dialog").upcast()
    }

    /// What the dialog says: its switches, its texts, and which buttons can be pressed.
    pub(super) fn say_dialog(&self) {
        let Some(dialog) = self.window().visible_dialog() else { return self.recorder.say("dialog none") };
        let switches = all::<adw::SwitchRow>(dialog.upcast_ref()).into_iter();
        let switches = switches.map(|row| if row.is_active() { '1' } else { '0' }).collect::<String>();
        let mut words = Vec::new();
        labels(dialog.upcast_ref(), &mut words);
        let texts = all::<gtk::TextView>(dialog.upcast_ref()).into_iter().map(|view| {
            let buffer = view.buffer();
            buffer.text(&buffer.start_iter(), &buffer.end_iter(), false).replace('\n', "|")
        });
        let texts = texts.collect::<Vec<_>>().join("||");
        let apply = all::<gtk::Button>(dialog.upcast_ref()).into_iter();
        let apply = apply.filter(|button| button.label().as_deref() == Some(&*gettextrs::gettext("_Apply")));
        let can = apply.map(|button| button.is_sensitive()).next().unwrap_or_default();
        let words = words.join("|").replace('\n', " ");
        self.recorder.say(&format!("dialog [{switches}] apply={can} words=[{words}] texts=[{texts}]"));
    }

    /// A finger on the window, in its units: no compositor without a screen has any.
    pub(super) fn touch(&self, event: &str, x: &str, y: &str) {
        let event = match event {
            "begin" => gtk::gdk::EventType::TouchBegin,
            "update" => gtk::gdk::EventType::TouchUpdate,
            _ => gtk::gdk::EventType::TouchEnd,
        };
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let (left, top) = self.window().surface_transform();
        self.view().touched(oriel::input::FingerId(7), event, (number(x) + left, number(y) + top));
    }

    pub(super) fn say_defined(&self, uuid: &str) {
        let (hypervisor, recorder, uuid) = (self.hypervisor(), self.recorder.clone(), uuid.to_owned());
        glib::spawn_future_local(async move {
            let text =
                hypervisor.definition(&uuid, Which::Next).await.unwrap_or_else(|error| error.to_string());
            recorder.say(&format!("defined {}", text.replace('\n', "|")));
        });
    }
}

/// How a QEMU ended that could not begin.
pub(super) fn failed() -> Exited {
    let words = [
        "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID[eax=07h].EBX.hle [bit 4]",
        "qemu-system-x86_64: -drive file=/home/ada/machines/web.qcow2: Could not open '/home/ada/machines/web.qcow2': No such file or directory",
    ];
    Exited { status: ExitStatus::from_raw(256), words: words.map(str::to_owned).to_vec() }
}
