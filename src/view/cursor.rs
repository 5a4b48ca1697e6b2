//! The guest's pointer shape as the host's, the fastest pointer there is; and drawn by us where the
//! guest has it elsewhere.

mod drawn;
mod inverted;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib, graphene, gsk};

use self::drawn::{Drawn, turned};
use super::DisplayView;
use crate::clock;
use crate::frame::{Cursor, Pointer, Screen};
use crate::geometry::{Guest, Point, Rotation};
use crate::input::{PointerMode, Warp, Whereabouts};
use crate::present::Stacking;

/// How long the guest has before it is looked where its pointer is.
const SOON: Duration = Duration::from_millis(300);

/// What the host's pointer looks like.
#[derive(Debug, Clone)]
enum Shape {
    Named(&'static str),
    /// The guest's, turned, with device pixels for a guest pixel across and down.
    Guests {
        shape: Arc<Cursor>,
        rotation: Rotation,
        zoom: (f64, f64),
    },
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(one), Self::Named(other)) => one == other,
            (
                Self::Guests { shape, rotation, zoom },
                Self::Guests { shape: other, rotation: turn, zoom: scale },
            ) => Arc::ptr_eq(shape, other) && rotation == turn && zoom == scale,
            _ => false,
        }
    }
}

/// The pointers that there are: the host's, and one that we draw.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    /// What the host's looks like now.
    worn: RefCell<Option<Shape>>,
    /// Ours, in the picture.
    drawn: RefCell<Option<Ours>>,
    covers: Cell<bool>,
    /// Where a guest with a tablet has it.
    warp: RefCell<Warp>,
    /// Runs until it is looked again where that is.
    looking: RefCell<Option<glib::SourceId>>,
}

/// A pointer in the picture.
#[derive(Debug, Clone)]
struct Ours {
    shape: Arc<Cursor>,
    texture: gdk::Texture,
    /// Its corner.
    at: Point<Guest>,
}

impl DisplayView {
    /// Gives the host's pointer the shape that the guest wants, and draws the guest's where the host's
    /// cannot be.
    pub(super) fn follow_pointer(&self) {
        let live = matches!(self.screen(), Screen::Live(_));
        let (pointer, place) = match &*self.imp().console.borrow() {
            Some(console) if live => (console.frames.pointer(), console.frames.pointer_place()),
            _ => (Pointer::Unknown, None),
        };
        self.wear(self.shape_for(&pointer, live));
        let ours = match pointer {
            Pointer::Shown(Some(shape)) => {
                place.filter(|at| self.is_elsewhere(*at, &shape)).map(|at| (shape, at))
            }
            _ => None,
        };
        self.draw_ours(ours);
    }

    fn shape_for(&self, pointer: &Pointer, live: bool) -> Shape {
        match pointer {
            // The guest's is elsewhere, and the host's would only mislead.
            _ if self.holds_pointer() => Shape::Named("none"),
            // The person has to see where to click.
            _ if self.wants_hold() => Shape::Named("default"),
            Pointer::Shown(Some(shape)) => {
                let placed = self.imp().placement.get();
                let rotation = placed.map_or(Rotation::None, |placed| placed.rotation());
                let (across, down) = placed.map_or((1.0, 1.0), |placed| placed.zoom());
                let zoom = if rotation.is_sideways() { (down, across) } else { (across, down) };
                Shape::Guests { shape: shape.clone(), rotation, zoom }
            }
            // Guests that draw their own pointer hide this one.
            Pointer::Hidden if live => Shape::Named("none"),
            _ => Shape::Named("default"),
        }
    }

    /// Whether the guest has its pointer somewhere that the host's is not.
    fn is_elsewhere(&self, at: Point<Guest>, shape: &Cursor) -> bool {
        if self.imp().seat.borrow().hands.mode() == PointerMode::Relative {
            return true;
        }
        let now = clock::now();
        let whereabouts = self.imp().cursors.warp.borrow_mut().look(at, shape.hotspot(), now);
        if let Whereabouts::Coming(until) = whereabouts {
            self.look_again(until - now);
        }
        whereabouts == Whereabouts::Elsewhere
    }

    /// The guest was told that the person points there.
    pub(super) fn pointed_at(&self, at: Point<Guest>) {
        let cursors = &self.imp().cursors;
        cursors.warp.borrow_mut().told(at, clock::now());
        if cursors.drawn.borrow().is_some() {
            self.follow_pointer();
        } else if cursors.warp.borrow().is_credible() {
            self.look_again(SOON);
        }
    }

    /// The person points at nothing of the guest's.
    pub(super) fn points_no_more(&self) {
        self.imp().cursors.warp.borrow_mut().left();
        self.follow_pointer();
    }

    /// What was known of where the guest has its pointer says nothing any more.
    pub(super) fn forget_whereabouts(&self) {
        self.imp().cursors.warp.take();
    }

    fn look_again(&self, wait: Duration) {
        let mut looking = self.imp().cursors.looking.borrow_mut();
        let weak = self.downgrade();
        looking.get_or_insert_with(|| {
            glib::timeout_add_local_once(wait, move || {
                let Some(view) = weak.upgrade() else { return };
                view.imp().cursors.looking.take();
                view.follow_pointer();
            })
        });
    }

    fn wear(&self, shape: Shape) {
        if self.imp().cursors.worn.borrow().as_ref() == Some(&shape) {
            return;
        }
        match &shape {
            Shape::Named(name) => self.set_cursor_from_name(Some(name)),
            Shape::Guests { shape, rotation, zoom } => {
                self.set_cursor(shaped(shape, *rotation, *zoom).as_ref());
            }
        }
        self.imp().cursors.worn.replace(Some(shape));
    }

    /// Draws this in the picture, or nothing any more.
    fn draw_ours(&self, pointer: Option<(Arc<Cursor>, Point<Guest>)>) {
        let cursors = &self.imp().cursors;
        let mut drawn = cursors.drawn.borrow_mut();
        let new = pointer.map(|(shape, at)| match &*drawn {
            Some(ours) if Arc::ptr_eq(&ours.shape, &shape) => Ours { at, ..ours.clone() },
            _ => Ours { texture: drawn::texture(&inverted::made_visible(&shape)), shape, at },
        });
        let same = match (&*drawn, &new) {
            (Some(before), Some(now)) => before.at == now.at && Arc::ptr_eq(&before.shape, &now.shape),
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        *drawn = new;
        let covers = drawn.is_some();
        drop(drawn);
        if cursors.covers.replace(covers) != covers {
            self.place();
        }
        self.queue_draw();
    }

    /// Where the picture may be in the stack: behind the window while a pointer is drawn over it.
    pub(super) fn stacking(&self) -> Stacking {
        if self.imp().cursors.covers.get() { Stacking::Below } else { self.imp().stacking.get() }
    }

    /// Draws the guest's pointer where the guest has it.
    pub(super) fn draw_pointer(&self, snapshot: &gtk::Snapshot) {
        let drawn = self.imp().cursors.drawn.borrow();
        let (Some(ours), Some(placed)) = (&*drawn, self.seen_placement()) else { return };
        let (left, top) = self.origin();
        let scale = placed.scale().factor();
        let (across, down) = placed.zoom();
        // The corner of a guest pixel is half a pixel from its middle, whichever way it is turned.
        let (x, y) = placed.centre_of(ours.at);
        let size = ours.shape.size();
        // In device pixels: only there is the place a whole number that can be told exactly.
        #[expect(clippy::cast_possible_truncation, reason = "coordinates of a window are small")]
        let rect = graphene::Rect::new(
            (-0.5 * across) as f32,
            (-0.5 * down) as f32,
            (f64::from(size.width) * across) as f32,
            (f64::from(size.height) * down) as f32,
        );
        snapshot.save();
        #[expect(clippy::cast_possible_truncation, reason = "coordinates of a window are small")]
        {
            snapshot.translate(&graphene::Point::new(-left as f32, -top as f32));
            snapshot.scale((1.0 / scale) as f32, (1.0 / scale) as f32);
            snapshot.translate(&graphene::Point::new((x * scale) as f32, (y * scale) as f32));
        }
        snapshot.rotate(match placed.rotation() {
            Rotation::None => 0.0,
            Rotation::Right => 90.0,
            Rotation::Half => 180.0,
            Rotation::Left => 270.0,
        });
        snapshot.append_scaled_texture(&ours.texture, gsk::ScalingFilter::Nearest, &rect);
        snapshot.restore();
    }

    /// Where the guest's pointer points, in the surface: there the host's is to come back.
    pub(super) fn place_to_return(&self) -> Option<(f64, f64)> {
        let drawn = self.imp().cursors.drawn.borrow();
        let ours = drawn.as_ref()?;
        let (placed, hot) = (self.seen_placement()?, ours.shape.hotspot());
        let size = placed.guest();
        let inside = |at: i32, hot: i32, of: u32| (at + hot).clamp(0, i32::try_from(of).unwrap_or(1) - 1);
        let at = Point::new(inside(ours.at.x, hot.x, size.width), inside(ours.at.y, hot.y, size.height));
        let (x, y) = placed.centre_of(at);
        // Beside what is seen of it the person would not look for it.
        placed.guest_at(x, y).map(|_| (x, y))
    }
}

fn shaped(shape: &Arc<Cursor>, rotation: Rotation, zoom: (f64, f64)) -> Option<gdk::Cursor> {
    let arrow = gdk::Cursor::from_name("default", None);
    let shape = turned(&inverted::made_visible(shape), rotation);
    let draw =
        move |_: &gdk::Cursor, _: i32, scale: f64, w: &mut i32, h: &mut i32, x: &mut i32, y: &mut i32| {
            let drawn = Drawn::new(&shape, zoom, scale);
            (*w, *h) = drawn.size;
            (*x, *y) = drawn.hotspot;
            drawn.texture()
        };
    gdk::Cursor::from_callback(draw, arrow.as_ref())
}
