//! Whose picture is taken: of machines that run and are seen, while anybody looks.

use std::cell::RefCell;
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

use super::LibraryWindow;
use crate::clock;
use crate::library::model::{Key, Shutter, Thumbnail};
use crate::window::ticking::Ticking;

/// How often it is looked who is to be taken.
const TICK: Duration = Duration::from_millis(1000);

#[derive(Debug, Default)]
pub(super) struct Pictures {
    shutter: RefCell<Shutter>,
    ticking: Ticking,
}

impl LibraryWindow {
    pub(super) fn watch_pictures(&self) {
        self.connect_map(Self::update_ticking);
        self.connect_unmap(Self::update_ticking);
        self.connect_suspended_notify(Self::update_ticking);
        let adjustment = self.imp().scroller.vadjustment();
        adjustment.connect_value_changed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.take_pictures()
        ));
    }

    /// Nobody looks at a window that is minimised or covered.
    fn update_ticking(&self) {
        let looks = self.is_mapped() && !self.is_suspended();
        self.imp().pictures.ticking.set(looks, TICK, self, |window| {
            window.take_pictures();
            window.draw_showing();
        });
    }

    fn take_pictures(&self) {
        if !self.imp().pictures.ticking.is_on() {
            return;
        }
        let mut keys = self.seen_keys();
        let chosen = self.imp().chosen.borrow().clone();
        keys.extend(chosen.filter(|key| self.imp().details.is_mapped() && !keys.contains(key)));
        {
            let shelf = self.imp().shelf.borrow();
            keys.retain(|key| shelf.get(key).is_some_and(|entry| shelf.condition(entry).has_picture()));
        }
        loop {
            let next = self.imp().pictures.shutter.borrow_mut().take(&keys, clock::now());
            let Some(key) = next else { return };
            self.host().photograph(&key);
        }
    }

    pub(super) fn picture_taken(&self, key: &Key, picture: Option<Thumbnail>) {
        let imp = self.imp();
        imp.pictures.shutter.borrow_mut().taken(key, picture.is_some(), clock::now());
        let on = {
            let shelf = imp.shelf.borrow();
            shelf.get(key).is_some_and(|entry| shelf.condition(entry).has_picture())
        };
        // A machine that shows nothing now showed something before; one that ended has nothing to show.
        let Some(texture) = picture.filter(|_| on).map(texture) else { return };
        imp.textures.borrow_mut().insert(key.clone(), texture.clone());
        self.draw_picture(key, Some(&texture));
        if imp.chosen.borrow().as_ref() == Some(key) {
            self.draw_chosen_picture();
        }
        self.take_pictures();
    }

    /// Something happened to a machine: its next picture is another one.
    pub(super) fn picture_outdated(&self, key: &Key) {
        let imp = self.imp();
        let on = {
            let shelf = imp.shelf.borrow();
            shelf.get(key).is_some_and(|entry| shelf.condition(entry).has_picture())
        };
        if !on && imp.textures.borrow_mut().remove(key).is_some() {
            self.draw_picture(key, None);
        }
        imp.pictures.shutter.borrow_mut().changed(key);
    }

    pub(super) fn forget_picture(&self, key: &Key) {
        self.imp().textures.borrow_mut().remove(key);
        self.imp().pictures.shutter.borrow_mut().changed(key);
    }
}

fn texture(picture: Thumbnail) -> gdk::Texture {
    let stride = picture.width as usize * 3;
    let side = |side: u32| i32::try_from(side).expect("a thumbnail is small");
    let (width, height) = (side(picture.width), side(picture.height));
    let bytes = glib::Bytes::from_owned(picture.pixels);
    gdk::MemoryTexture::new(width, height, gdk::MemoryFormat::R8g8b8, &bytes, stride).upcast()
}
