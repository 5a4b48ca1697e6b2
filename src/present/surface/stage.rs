//! What both threads need to make one consistent commit: the surface, and where it stands.

use wayland_client::protocol::wl_output::Transform;
use wayland_client::protocol::wl_subcompositor::WlSubcompositor;
use wayland_client::protocol::wl_subsurface::WlSubsurface;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Proxy, QueueHandle};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1;
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;

use super::thread::Presenter;
use crate::geometry::Rotation;
use crate::present::scene::Scene;
use crate::present::viewport::{Content, Turn, Viewport};

/// Under one lock, held for no longer than it takes to write a few requests.
///
/// The presenter attaches buffers; the main thread moves, resizes and restacks. Position and stack
/// take effect with the parent's next commit, size and picture with our own. To make them one, the
/// main thread puts the subsurface into synchronised mode first: all that either thread commits is
/// then held back by the compositor until the parent's commit, after which the main thread makes it
/// desynchronised again.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) objects: Option<Objects>,
    role: Option<Role>,
    scene: Option<Scene>,
    attached: Option<Attached>,
    /// The next commit has to show all of the picture, not only what is new.
    pub(super) whole: bool,
    /// The presenter has moved the surface: that waits for the window's next commit.
    moved: bool,
}

/// What the presenter has made, before the surface has its role.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) surface: WlSurface,
    pub(super) viewport: WpViewport,
    pub(super) feedback: Option<ZwpLinuxDmabufFeedbackV1>,
    pub(super) subcompositor: WlSubcompositor,
    pub(super) queue: QueueHandle<Presenter>,
}

/// The surface is one of the window's.
#[derive(Debug)]
struct Role {
    subsurface: WlSubsurface,
    parent: WlSurface,
    position: Option<(i32, i32)>,
    height: Height,
    mode: Mode,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Commits wait for the parent's.
    Synchronised,
    Free,
}

/// Where the surface is in the window's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Height {
    Below,
    Above,
}

/// Whether GDK waits for the compositor to show something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It may: it has drawn since the compositor was asked, or nobody has asked.
    Unknown,
    /// A frame callback of ours is under way; it comes after GDK's.
    Asked,
    /// The same, but GDK has drawn again since.
    AskedTooEarly,
    /// It does not.
    Yes,
}

/// Marks the frame callback of the window's surface.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParentFrame;

#[derive(Debug, Clone, Copy)]
struct Attached {
    content: Content,
    viewport: Viewport,
}

impl Stage {
    /// Whether a picture may be committed.
    pub(super) fn is_set(&self) -> bool {
        self.objects.is_some() && self.role.is_some() && self.scene.is_some()
    }

    /// Whether the surface has its place in the window's.
    pub(super) fn has_role(&self) -> bool {
        self.role.is_some()
    }

    /// Whether something is attached.
    pub(super) fn has_picture(&self) -> bool {
        self.attached.is_some()
    }

    /// Main thread: makes the surface a part of the window's, below it.
    pub(super) fn adopt(&mut self, parent: &WlSurface) {
        let Some(objects) = &self.objects else { return };
        let Some(backend) = objects.surface.backend().upgrade() else { return };
        // The same object, such that what it makes is on the presenter's queue.
        let Ok(parent) = WlSurface::from_id(&Connection::from_backend(backend), parent.id()) else { return };
        let subsurface = objects.subcompositor.get_subsurface(&objects.surface, &parent, &objects.queue, ());
        subsurface.place_below(&parent);
        self.role = Some(Role {
            subsurface,
            parent,
            position: None,
            height: Height::Below,
            // As a new subsurface is.
            mode: Mode::Synchronised,
            seen: Seen::Unknown,
        });
        self.whole = true;
    }

    /// Main thread: the window's surface is going away, or we are.
    pub(super) fn abandon(&mut self) {
        if let Some(role) = self.role.take() {
            role.subsurface.destroy();
        }
        if let (Some(objects), Some(_)) = (&self.objects, self.attached.take()) {
            // What is attached must not appear when the surface gets a role again.
            objects.surface.attach(None, 0, 0);
            objects.surface.commit();
        }
    }

    /// Main thread: puts the picture somewhere, with the parent's next commit. Whether there is
    /// anything that needs one.
    pub(super) fn place(&mut self, scene: Option<Scene>) -> bool {
        let was = std::mem::replace(&mut self.scene, scene);
        let waiting = std::mem::take(&mut self.moved);
        let (Some(objects), Some(role)) = (&self.objects, &mut self.role) else { return false };
        let placement = scene.map(|scene| scene.placement);
        let place = placement.map(|placement| match self.attached {
            Some(attached) => attached.content.place(&placement),
            None => placement.visible(),
        });
        let position = place.map(|place| (place.origin.x, place.origin.y));
        let moved = position.is_some() && role.position != position;
        if was == scene && !moved {
            return waiting;
        }
        role.hold();
        if let Some(position) = position {
            role.move_to(position);
        }
        match (placement, self.attached) {
            (Some(placement), Some(attached)) => {
                let viewport = attached.content.viewport(&placement);
                objects.shape(Some(attached.viewport), viewport);
                self.attached = Some(Attached { viewport, ..attached });
                objects.surface.commit();
            }
            (None, Some(_)) => {
                objects.surface.attach(None, 0, 0);
                objects.surface.commit();
                self.attached = None;
                self.whole = true;
            }
            (_, None) => {}
        }
        true
    }

    /// Main thread: the parent has been committed, and with it all that waited.
    pub(super) fn parent_committed(&mut self) {
        if let Some(role) = &mut self.role
            && role.mode == Mode::Synchronised
        {
            role.subsurface.set_desync();
            role.mode = Mode::Free;
        }
    }

    /// Main thread: the parent is about to be drawn. It must be seen then, or GDK, which waits for
    /// the compositor to show what it has drawn, would never draw again: a compositor says nothing of
    /// a surface that an opaque one hides. Whether that needs a commit.
    pub(super) fn parent_draws(&mut self) -> bool {
        if let Some(role) = &mut self.role {
            role.seen = match role.seen {
                Seen::Asked | Seen::AskedTooEarly => Seen::AskedTooEarly,
                Seen::Unknown | Seen::Yes => Seen::Unknown,
            };
        }
        self.lower()
    }

    /// Main thread: puts the picture behind the window with the parent's next commit. Whether it was
    /// in front.
    pub(super) fn lower(&mut self) -> bool {
        let Some(role) = self.role.as_mut().filter(|role| role.height == Height::Above) else { return false };
        role.subsurface.place_below(&role.parent);
        role.height = Height::Below;
        true
    }

    /// Main thread: asks whether all that the window has drawn was shown. The commit is empty.
    pub(super) fn ask(&mut self) {
        let (Some(objects), Some(role)) = (&self.objects, &mut self.role) else { return };
        let idle = matches!(role.seen, Seen::Unknown) && role.mode == Mode::Free;
        if idle && role.height == Height::Below && self.attached.is_some() {
            role.parent.frame(&objects.queue, ParentFrame);
            role.parent.commit();
            role.seen = Seen::Asked;
        }
    }

    /// Presenter: the compositor has shown what the window had drawn when it was asked.
    pub(super) fn parent_seen(&mut self) {
        if let Some(role) = &mut self.role {
            role.seen = if role.seen == Seen::Asked { Seen::Yes } else { Seen::Unknown };
        }
    }

    /// Main thread: puts the picture in front of a window that has nothing to draw. Not through GDK:
    /// it would wait for a frame that nobody sees.
    pub(super) fn raise(&mut self) {
        let Some(role) = self.role.as_mut() else { return };
        let quiet = role.seen == Seen::Yes && role.mode == Mode::Free && role.height == Height::Below;
        if quiet && self.attached.is_some() {
            role.subsurface.place_above(&role.parent);
            role.parent.commit();
            role.height = Height::Above;
        }
    }

    /// How the picture is to look, if it has a place.
    pub(super) fn scene(&self) -> Option<Scene> {
        self.scene.filter(|_| self.role.is_some())
    }

    /// Presenter: prepares the surface for a buffer that holds this, which the caller attaches and
    /// commits before it lets go of the lock. `None` if it has no place at the moment.
    ///
    /// Where the surface has to move for that, all of it waits for the window's next commit: the main
    /// thread has to be told ([`Self::is_moving`]).
    pub(super) fn dress(&mut self, content: Content) -> Option<&Objects> {
        let placement = self.scene()?.placement;
        let (Some(objects), Some(role)) = (&self.objects, &mut self.role) else { return None };
        let at = content.place(&placement).origin;
        if role.position != Some((at.x, at.y)) {
            role.hold();
            role.move_to((at.x, at.y));
            self.moved = true;
        }
        let viewport = content.viewport(&placement);
        objects.shape(self.attached.map(|attached| attached.viewport), viewport);
        self.attached = Some(Attached { content, viewport });
        Some(objects)
    }

    /// Whether the main thread has to see to a commit of the window.
    pub(super) fn is_moving(&self) -> bool {
        self.moved
    }
}

impl Role {
    /// All that is committed from now on waits for the parent.
    fn hold(&mut self) {
        if self.mode == Mode::Free {
            self.subsurface.set_sync();
            self.mode = Mode::Synchronised;
        }
    }

    fn move_to(&mut self, (x, y): (i32, i32)) {
        if self.position.replace((x, y)) != Some((x, y)) {
            self.subsurface.set_position(x, y);
        }
    }
}

impl Objects {
    /// Asks for what is another than it was.
    fn shape(&self, was: Option<Viewport>, is: Viewport) {
        if was.is_none_or(|was| was.turn != is.turn) {
            self.surface.set_buffer_transform(transform(is.turn));
        }
        if was.is_none_or(|was| was.source != is.source) {
            let [x, y, width, height] = is.source.map_or([-1.0; 4], |source| source.map(from_fixed));
            self.viewport.set_source(x, y, width, height);
        }
        if was.is_none_or(|was| was.destination != is.destination) {
            let length = |units: u32| i32::try_from(units).unwrap_or(i32::MAX).max(1);
            self.viewport.set_destination(length(is.destination.width), length(is.destination.height));
        }
    }
}

/// What was done to the surface to make the buffer of it (`wl_surface.set_buffer_transform`): the
/// other way round. Wayland turns counter-clockwise, after a flip from left to right.
fn transform(Turn { flipped, rotation }: Turn) -> Transform {
    match (flipped, rotation) {
        (false, Rotation::None) => Transform::Normal,
        (false, Rotation::Right) => Transform::_90,
        (false, Rotation::Half) => Transform::_180,
        (false, Rotation::Left) => Transform::_270,
        (true, Rotation::None) => Transform::Flipped180,
        (true, Rotation::Right) => Transform::Flipped90,
        (true, Rotation::Half) => Transform::Flipped,
        (true, Rotation::Left) => Transform::Flipped270,
    }
}

/// Exact: `wl_fixed` has 24 bits before and 8 after the point, and a double has 53.
fn from_fixed(value: i32) -> f64 {
    f64::from(value) / 256.0
}
