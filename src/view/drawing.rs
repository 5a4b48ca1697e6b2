//! Where the picture is in the window, and what the widget itself draws of it.

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib, graphene};

use super::DisplayView;
use crate::frame::Screen;
use crate::geometry::{Logical, Placement, Rect, ScreenScale};
use crate::present::{Output, Status};

impl DisplayView {
    /// Starts presenting, if there is a console and a mapped window.
    pub(super) fn open_output(&self) {
        self.close_output();
        let Some(native) = self.native().filter(|_| self.is_mapped()) else { return };
        let options = self.imp().options.get();
        let output = self.imp().console.borrow().as_ref().map(|console| {
            let (frames, stats) = (console.frames.clone(), console.stats.clone());
            Output::open(&native, frames, stats, options, self.watcher())
        });
        self.imp().output.replace(output);
        self.place();
    }

    /// What the output calls when there is something to draw, or when it says something else of itself.
    pub(super) fn watcher(&self) -> impl Fn() + 'static {
        let weak = self.downgrade();
        move || {
            if let Some(view) = weak.upgrade() {
                view.output_changed();
            }
        }
    }

    /// Stops presenting.
    pub(super) fn close_output(&self) {
        // The output may call back while it closes: the cell is free by then.
        let output = self.imp().output.take();
        if let Some(output) = output {
            output.close();
        }
        self.imp().placement.set(None);
        self.imp().seen.set(false);
    }

    fn output_changed(&self) {
        self.fall_or_climb();
        self.queue_draw();
        let status = self.status();
        if matches!(status, Some(Status::Showing { .. })) {
            self.imp().seen.set(true);
        }
        if *self.imp().told.borrow() != status {
            self.imp().told.replace(status);
            self.emit_by_name::<()>("status-changed", &[]);
        }
    }

    /// Watches the window's surface: its scale and its borders move the picture, too.
    pub(super) fn watch_surface(&self) {
        let Some(surface) = self.native().and_then(|native| native.surface()) else { return };
        self.open_holder(&surface);
        let weak = self.downgrade();
        let rescaled = surface.connect_scale_notify(move |_| {
            if let Some(view) = weak.upgrade() {
                view.queue_resize();
                view.climb();
                view.place();
            }
        });
        let weak = self.downgrade();
        let entered = surface.connect_enter_monitor(move |_, _| {
            if let Some(view) = weak.upgrade() {
                view.climb();
            }
        });
        let weak = self.downgrade();
        let laid_out = surface.connect_layout(move |_, _, _| {
            if let Some(view) = weak.upgrade() {
                view.place();
            }
        });
        let shortcuts = self.watch_shortcuts(&surface);
        let handlers = [rescaled, entered, laid_out].into_iter().chain(shortcuts).collect();
        self.imp().surface.replace(Some((surface, handlers)));
    }

    /// Device pixels for a logical unit of the window.
    pub fn screen_scale(&self) -> ScreenScale {
        let surface = self.native().and_then(|native| native.surface());
        surface.map_or(ScreenScale::ONE, |surface| ScreenScale::new(surface.scale()))
    }

    /// Finds out where the picture belongs, and tells those concerned if that is another place.
    pub(super) fn place(&self) {
        let placement = self.placement_now();
        self.imp().placement.set(placement);
        if let Some(Output::Surface(surface)) = &*self.imp().output.borrow() {
            surface.place(self.scene(), self.stacking());
        }
        self.follow_tie();
        self.follow_pointer();
        self.queue_draw();
        let scrolls = self.scrolls();
        if self.imp().scrolls.replace(scrolls) != scrolls {
            // Not now: listeners may want another layout, and this may be in the middle of one.
            let weak = self.downgrade();
            glib::idle_add_local_once(move || {
                if let Some(view) = weak.upgrade() {
                    view.tell_look();
                }
            });
        }
    }

    fn placement_now(&self) -> Option<Placement> {
        let Screen::Live(size) = self.screen() else { return None };
        Placement::new(size, self.area()?, self.screen_scale(), self.imp().look.get())
    }

    /// The widget's rectangle in the surface, in whole units.
    fn area(&self) -> Option<Rect<Logical>> {
        let native = self.native()?;
        let (across, down) = native.surface_transform();
        let corner = self.compute_point(&native, &graphene::Point::zero())?;
        #[expect(clippy::cast_possible_truncation, reason = "coordinates of a window are small")]
        let whole = |at: f64| at.round() as i32;
        let length = |length: i32| u32::try_from(length).unwrap_or(0);
        Some(Rect::new(
            whole(f64::from(corner.x()) + across),
            whole(f64::from(corner.y()) + down),
            length(self.width()),
            length(self.height()),
        ))
    }

    /// Draws what the presenter does not: the bars around the picture, or all of it.
    ///
    /// A picture on a surface of its own needs a transparent hole once it is there: it is behind the
    /// window whenever the window draws. The widget's parents paint nothing there: the window's style
    /// says so.
    pub(super) fn draw(&self, snapshot: &gtk::Snapshot) {
        // The picture may have moved without a new allocation, when something above it moved.
        if self.placement_now() != self.imp().placement.get() {
            self.place();
        }
        let whole = graphene::Rect::new(0.0, 0.0, self.width() as f32, self.height() as f32);
        let background = self.background();
        let Some(scene) = self.scene() else {
            snapshot.append_color(&background, &whole);
            return;
        };
        match &*self.imp().output.borrow() {
            // What is refused leaves the last picture where it is.
            Some(Output::Surface(_)) if self.imp().seen.get() => {
                let seen = self.seen_placement().unwrap_or(scene.placement);
                self.draw_around(snapshot, &whole, &seen, &background);
            }
            Some(Output::Drawn(painter)) => {
                snapshot.append_color(&background, &whole);
                painter.snapshot(snapshot, &scene, self.origin());
            }
            Some(Output::Surface(_)) | None => snapshot.append_color(&background, &whole),
        }
        self.draw_pointer(snapshot);
    }

    /// Everything but a hole, whose edges are those of device pixels: what is half covered by both
    /// picture and window would be neither's.
    fn draw_around(
        &self,
        snapshot: &gtk::Snapshot,
        whole: &graphene::Rect,
        placement: &Placement,
        background: &gdk::RGBA,
    ) {
        let (across, down) = self.origin();
        let (seen, scale) = (placement.visible_pixels(), placement.scale().factor());
        #[expect(clippy::cast_possible_truncation, reason = "coordinates of a window are small")]
        let hole = graphene::Rect::new(
            (f64::from(seen.origin.x) / scale - across) as f32,
            (f64::from(seen.origin.y) / scale - down) as f32,
            (f64::from(seen.size.width) / scale) as f32,
            (f64::from(seen.size.height) / scale) as f32,
        );
        let (left, top) = (hole.x(), hole.y());
        let (right, bottom) = (left + hole.width(), top + hole.height());
        let bars = [
            graphene::Rect::new(0.0, 0.0, whole.width(), top),
            graphene::Rect::new(0.0, bottom, whole.width(), whole.height() - bottom),
            graphene::Rect::new(0.0, top, left, hole.height()),
            graphene::Rect::new(right, top, whole.width() - right, hole.height()),
        ];
        for bar in bars.iter().filter(|bar| bar.width() > 0.0 && bar.height() > 0.0) {
            snapshot.append_color(background, bar);
        }
    }

    /// The widget's corner in the surface.
    pub(super) fn origin(&self) -> (f64, f64) {
        let corner = self.area().map(|area| area.origin);
        corner.map_or((0.0, 0.0), |corner| (f64::from(corner.x), f64::from(corner.y)))
    }
}
