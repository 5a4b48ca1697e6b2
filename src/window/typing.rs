//! 'Type Clipboard Into the Machine': keystrokes for machines that nobody in them helps to paste.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use adw::prelude::*;
use gtk::{gdk, glib};

use super::MachineWindow;
use super::i18n::{gettext, gettext_f, ngettext_f};
use crate::input::typing::{self, LONGEST, Layout, Typing};
use crate::input::{Command, Leds};
use crate::view::DisplayView;

const TYPE: &str = "type";
const STOP: &str = "stop";

/// So many characters that cannot be typed are named.
const NAMED: usize = 12;

impl MachineWindow {
    /// Asks in which layout the clipboard's text is to be typed, and types it.
    pub(super) fn ask_to_type_clipboard(&self) {
        let window = self.downgrade();
        let read = self.clipboard().read_text_future();
        glib::spawn_future_local(async move {
            let text = read.await.ok().flatten().filter(|text| !text.is_empty());
            let Some(window) = window.upgrade() else { return };
            match text {
                Some(text) => window.ask_to_type(text.as_str().into()),
                None => window.toast(&adw::Toast::new(&gettext("There is no text on the clipboard"))),
            }
        });
    }

    fn ask_to_type(&self, text: Rc<str>) {
        let content = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(12).build();
        let names: Vec<_> = Layout::all().iter().map(|layout| layout.name).collect();
        let row = adw::ComboRow::builder()
            .title(gettext("Layout in the Machine"))
            .model(&gtk::StringList::new(&names))
            .enable_search(true)
            .expression(gtk::PropertyExpression::new(
                gtk::StringObject::static_type(),
                gtk::Expression::NONE,
                "string",
            ))
            .build();
        let list = gtk::ListBox::builder()
            .selection_mode(gtk::SelectionMode::None)
            .css_classes(["boxed-list"])
            .build();
        list.append(&row);
        let note = gtk::Label::builder().wrap(true).xalign(0.0).css_classes(["caption"]).build();
        content.append(&list);
        content.append(&note);
        let dialog = adw::AlertDialog::builder()
            .heading(gettext("Type the Clipboard’s Text?"))
            .body(gettext(
                "It is typed as if by hand, where the machine’s own cursor is. Everything that the machine does with keys happens: a line break may start a command.",
            ))
            .extra_child(&content)
            .close_response("cancel")
            .default_response(TYPE)
            .build();
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), (TYPE, &gettext("_Type"))]);
        dialog.set_response_appearance(TYPE, adw::ResponseAppearance::Suggested);
        let (lights, view) = (self.lights(), self.view());
        let describe = {
            let text = text.clone();
            glib::clone!(
                #[weak]
                note,
                move |row: &adw::ComboRow| {
                    note.set_label(&describe(&text, &Typing::new(&text, chosen(row), lights)));
                }
            )
        };
        row.set_selected(self.layout_to_begin_with());
        describe(&row);
        row.connect_selected_notify(describe);
        dialog.connect_response(
            Some(TYPE),
            glib::clone!(
                #[weak(rename_to = window)]
                self,
                move |_, _| {
                    let layout = chosen(&row);
                    window.remember_layout(layout);
                    window.type_into(&view, Typing::new(&text, layout, window.lights()));
                }
            ),
        );
        dialog.present(Some(self));
    }

    /// Types, and shows how far it is; the person can stop it.
    fn type_into(&self, view: &DisplayView, typing: Typing) {
        let bar = gtk::ProgressBar::builder().show_text(true).build();
        let dialog = adw::AlertDialog::builder()
            .heading(gettext("Typing…"))
            .extra_child(&bar)
            .close_response(STOP)
            .build();
        dialog.add_responses(&[(STOP, &gettext("_Stop"))]);
        view.release_all();
        let job =
            Rc::new(Job { view: view.clone(), typing: RefCell::new(Some(typing)), source: Cell::default() });
        let step = {
            let job = job.clone();
            glib::clone!(
                #[weak(rename_to = window)]
                self,
                #[weak]
                dialog,
                #[upgrade_or]
                glib::ControlFlow::Break,
                move || {
                    let hangs = window.shared().known.borrow().hangs;
                    if window.is_live() && job.step(&bar, hangs) {
                        return glib::ControlFlow::Continue;
                    }
                    job.source.take();
                    dialog.force_close();
                    glib::ControlFlow::Break
                }
            )
        };
        job.source.set(Some(glib::timeout_add_local(typing::PACE, step)));
        // At once: a dialog tells that it was closed only when it has faded away.
        dialog.set_can_close(false);
        let stopped = job.clone();
        dialog.connect_close_attempt(move |dialog| {
            stopped.end();
            dialog.force_close();
        });
        dialog.connect_closed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| {
                job.end();
                window.return_focus();
            }
        ));
        dialog.present(Some(self));
    }

    /// The guest's lock lights, as far as it has told.
    pub(super) fn lights(&self) -> Leds {
        let id = self.console().map(|console| console.id);
        id.and_then(|id| self.shared().known.borrow().leds.get(&id).copied()).unwrap_or_default()
    }

    /// The layout that the machine was typed to in before, else that of this computer.
    fn layout_to_begin_with(&self) -> u32 {
        let remembered = self.remembered_layout().and_then(|id| Layout::named(&id));
        let here = || host_layout(&WidgetExt::display(self));
        let layout = remembered.or_else(here).unwrap_or(&Layout::all()[0]);
        let at = Layout::all().iter().position(|one| one.id == layout.id);
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default()
    }
}

/// A text that is being typed.
struct Job {
    view: DisplayView,
    typing: RefCell<Option<Typing>>,
    source: Cell<Option<glib::SourceId>>,
}

impl Job {
    /// Types the next key, unless QEMU hangs, which would take all of it at once later: faster than a
    /// guest can. Whether there is more.
    fn step(&self, bar: &gtk::ProgressBar, hangs: bool) -> bool {
        if hangs {
            self.wait();
            bar.set_text(Some(&gettext("QEMU does not answer")));
            return true;
        }
        let commands = self.typing.borrow_mut().as_mut().and_then(Typing::step);
        let Some(commands) = commands else { return false };
        self.view.type_keys(commands);
        if let Some(typing) = &*self.typing.borrow() {
            let typing::Progress { done, total } = typing.progress();
            #[expect(clippy::cast_precision_loss, reason = "at most LONGEST")]
            bar.set_fraction(done as f64 / total.max(1) as f64);
            bar.set_text(Some(&gettext_f(
                "{done} of {total} characters",
                &[("done", &done.to_string()), ("total", &total.to_string())],
            )));
        }
        true
    }

    /// Types nothing for now.
    fn wait(&self) {
        let held = self.typing.borrow_mut().as_mut().map(Typing::pause);
        self.view.type_keys(held.unwrap_or_default());
    }

    /// Nothing stays held, wherever it was.
    fn end(&self) {
        if let Some(source) = self.source.take() {
            source.remove();
        }
        if let Some(typing) = self.typing.take() {
            let rest: Vec<Command> = typing.cancel();
            self.view.type_keys(rest);
        }
    }
}

fn chosen(row: &adw::ComboRow) -> &'static Layout {
    let at = usize::try_from(row.selected()).unwrap_or_default();
    Layout::all().get(at).unwrap_or(&Layout::all()[0])
}

/// The layout of this computer's keyboard, where it is one of those that we know.
fn host_layout(display: &gdk::Display) -> Option<&'static Layout> {
    let keyboard = display.default_seat()?.keyboard()?;
    let names = keyboard.layout_names();
    let active = usize::try_from(keyboard.active_layout_index()).unwrap_or_default();
    let name = names.get(active).or(names.first())?;
    Layout::all().iter().find(|layout| layout.name == name.as_str())
}

/// How much there is to type, and what will be missing.
fn describe(text: &str, typing: &Typing) -> String {
    let total = typing.progress().total;
    let mut lines = vec![ngettext_f(
        "{count} character, about {seconds} s",
        "{count} characters, about {seconds} s",
        u32::try_from(total).unwrap_or(u32::MAX),
        &[("count", &total.to_string()), ("seconds", &seconds(typing.duration()))],
    )];
    if text.chars().nth(LONGEST).is_some() {
        lines.push(gettext_f(
            "The text is longer than {most} characters: the rest is left out.",
            &[("most", &LONGEST.to_string())],
        ));
    }
    let missing = typing.untypable();
    if !missing.is_empty() {
        let named: Vec<_> = missing.iter().take(NAMED).map(char::to_string).collect();
        let more = if missing.len() > NAMED { " …" } else { "" };
        lines.push(gettext_f(
            "This layout has no keys for these, which are left out: {characters}",
            &[("characters", &(named.join(" ") + more))],
        ));
    }
    lines.join("\n")
}

fn seconds(span: Duration) -> String {
    format!("{:.0}", span.as_secs_f64().ceil())
}
