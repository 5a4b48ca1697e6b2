//! Up and down the ladder: from a frame to a buffer that can be attached.

use wayland_client::protocol::wl_buffer::WlBuffer;

use super::super::buffers::{self, Lookup};
use super::super::composed::Composed;
use super::super::composer;
use super::super::copier::{Copied, Placed, Workshop};
use super::Presenter;
use crate::clock;
use crate::frame::{BufferId, Pending, Scanout};
use crate::geometry::{Backing, Rect};
use crate::present::ladder::{self, Choice, Reason, Rung, Wanted};
use crate::present::scene::{Fidelity, Need, Scene};
use crate::present::table::Formats;
use crate::present::viewport::{Content, Shape};
use crate::present::{Kind, Status};

/// Something that can be attached.
pub(super) struct Frame {
    pub(super) buffer: WlBuffer,
    pub(super) content: Content,
    pub(super) origin: Origin,
}

/// Whose buffer it is.
#[allow(clippy::large_enum_variant, reason = "one for a frame, and moved once")]
pub(super) enum Origin {
    Guest,
    /// One of the copier's: the whole picture.
    Copied(usize),
    /// One of the copier's: the picture's device pixels.
    Placed {
        slot: usize,
        scene: Scene,
        damage: Vec<Rect<Backing>>,
    },
    /// One of those that a GPU draws into.
    Drawn {
        by: Rung,
        slot: usize,
        scene: Scene,
        damage: Vec<Rect<Backing>>,
    },
}

#[allow(clippy::large_enum_variant, reason = "one for a frame, and moved once")]
pub(super) enum Prepared {
    Ready(Frame),
    /// An event will tell when to try again.
    Later,
    Refused,
}

impl Presenter {
    /// Brings a frame to where it can be committed, on the best rung that does. Which one is announced
    /// when there is something to see: until then the window draws its own.
    pub(super) fn prepare(&mut self, pending: &Pending) -> Prepared {
        let scanout = &pending.scanout;
        self.weigh(scanout);
        let mut choices = std::mem::take(&mut self.choices);
        let prepared = loop {
            let choice = choices.get(self.options, scanout, clock::now(), |rung| self.check(rung, scanout));
            let Choice::Take { rung, .. } = *choice else {
                self.announce(scanout, choice, Fidelity::None);
                break Prepared::Refused;
            };
            match self.take(rung, pending) {
                Ok(Prepared::Later) => break Prepared::Later,
                Ok(Prepared::Ready(frame)) => {
                    let fidelity = self.fidelity(&frame);
                    self.announce(scanout, choice, fidelity);
                    break Prepared::Ready(frame);
                }
                Ok(Prepared::Refused) => break Prepared::Refused,
                // It is not as it seemed when the choice was made: fall, and say why.
                Err(reason) => choices.fail(scanout, rung, reason),
            }
        };
        self.choices = choices;
        prepared
    }

    /// Whether a rung seems to do for a scanout.
    fn check(&mut self, rung: Rung, scanout: &Scanout) -> Result<(), Reason> {
        match rung {
            Rung::Direct => self.check_direct(scanout),
            Rung::Compose => self.check_compose(scanout),
            Rung::Bridge => self.check_bridge(scanout),
            Rung::Copy | Rung::Gtk => ladder::readable(scanout).map(drop),
        }
    }

    /// Brings a frame to where it can be committed.
    fn take(&mut self, rung: Rung, pending: &Pending) -> Result<Prepared, Reason> {
        match rung {
            Rung::Direct => self.import(&pending.scanout),
            Rung::Compose | Rung::Bridge => self.draw(rung, pending),
            Rung::Copy | Rung::Gtk => self.copy(pending),
        }
    }

    fn import(&mut self, scanout: &Scanout) -> Result<Prepared, Reason> {
        let offer = &self.told.offer;
        let (lookup, new) = self.imports.get(scanout, &self.globals, offer, &self.queue, clock::now())?;
        if new {
            self.stats.imported();
        }
        Ok(match lookup {
            Lookup::Ready(buffer) => {
                let content = Content::Picture(Shape::of(scanout));
                Prepared::Ready(Frame { buffer, content, origin: Origin::Guest })
            }
            Lookup::Later => Prepared::Later,
        })
    }

    fn check_compose(&mut self, scanout: &Scanout) -> Result<(), Reason> {
        let shop = composer::Workshop::new(&self.globals, &self.told.offer, &self.queue);
        let checked = self.composer.check(scanout, self.need, shop);
        self.unfiltered = match self.need {
            Need::Nicer | Need::Drawn => checked.clone().err(),
            Need::Shown | Need::Exact => None,
        };
        checked
    }

    /// Whether a scanout has to be drawn by us where it stands now. What was chosen for another need
    /// does not count any more.
    fn weigh(&mut self, scanout: &Scanout) {
        let scene = self.shared.stage().scene();
        let need = scene.map_or(Need::Shown, |scene| self.need_of(&scene, scanout));
        if std::mem::replace(&mut self.need, need) != need {
            self.choices.clear();
        }
    }

    fn need_of(&self, scene: &Scene, scanout: &Scanout) -> Need {
        let need = scene.need(Shape::of(scanout).crop.size);
        match self.options.rung {
            Wanted::Compose => Need::Drawn,
            Wanted::Auto => need,
            // A copy is placed exactly as well.
            Wanted::Copy if need == Need::Exact => need,
            _ => Need::Shown,
        }
    }

    /// Whether what is on the screen is not what would be shown for this scene.
    pub(super) fn is_outdated(&self, scene: &Scene) -> bool {
        if let Some(drawn_for) = &self.drawn_for {
            return drawn_for != scene;
        }
        let Some((_, Choice::Take { .. }, fidelity)) = &self.announced else { return false };
        let Some(scanout) = self.frames.current() else { return false };
        self.need_of(scene, &scanout) != self.need || scene.viewed(self.unfiltered.as_ref()) != *fidelity
    }

    /// Whether the guest's own buffer can be shown, and as well as another way could show it.
    fn check_direct(&mut self, scanout: &Scanout) -> Result<(), Reason> {
        self.unfiltered = None;
        self.imports.check(scanout, &self.told.offer)?;
        if self.options.rung != Wanted::Auto || self.need == Need::Shown {
            return Ok(());
        }
        let better = if self.need == Need::Exact { Reason::Inexact } else { Reason::Filter };
        match self.check_compose(scanout) {
            Ok(()) => Err(better),
            Err(_) if self.need == Need::Exact && ladder::readable(scanout).is_ok() => Err(better),
            Err(_) => Ok(()),
        }
    }

    /// What becomes of the guest's pixels in this frame.
    fn fidelity(&self, frame: &Frame) -> Fidelity {
        match &frame.origin {
            Origin::Placed { scene, .. } | Origin::Drawn { scene, .. } => scene.drawn(),
            Origin::Guest | Origin::Copied(_) => {
                let scene = self.shared.stage().scene();
                scene.map_or(Fidelity::None, |scene| scene.viewed(self.unfiltered.as_ref()))
            }
        }
    }

    /// Draws with a GPU: the one that composes, or the one that has the buffer.
    fn draw(&mut self, by: Rung, pending: &Pending) -> Result<Prepared, Reason> {
        let Some(scene) = self.shared.stage().scene() else { return Ok(Prepared::Later) };
        let shop = composer::Workshop::new(&self.globals, &self.told.offer, &self.queue);
        let composer = if by == Rung::Bridge { &mut self.bridge } else { &mut self.composer };
        #[cfg(all(test, feature = "gl"))]
        composer.pretend_losses(&self.shared.losses);
        let composed = composer.compose(pending, &scene, shop)?;
        let Some(Composed { buffer, slot, damage, imported, copied }) = composed else {
            return Ok(Prepared::Later);
        };
        self.stats.composed();
        self.stats.copied(copied);
        (0..imported).for_each(|_| self.stats.imported());
        let origin = Origin::Drawn { by, slot, scene, damage };
        Ok(Prepared::Ready(Frame { buffer, content: Content::Seen, origin }))
    }

    fn check_bridge(&mut self, scanout: &Scanout) -> Result<(), Reason> {
        let shop = composer::Workshop::new(&self.globals, &self.told.offer, &self.queue);
        let asked = self.options.rung == Wanted::Bridge;
        self.bridge.check(scanout, if asked { Need::Drawn } else { Need::Shown }, shop)
    }

    fn copy(&mut self, pending: &Pending) -> Result<Prepared, Reason> {
        let shop = Workshop { shm: &self.globals.shm, offer: &self.told.offer, queue: &self.queue };
        let scene = self.shared.stage().scene().filter(|_| self.need == Need::Exact);
        let copied = self.copier.copy(&pending.scanout, &pending.damage, scene, shop, clock::now())?;
        let Some(Copied { buffer, slot, bytes, placed }) = copied else { return Ok(Prepared::Later) };
        self.stats.copied(bytes);
        let (content, origin) = match (placed, scene) {
            (Placed::Seen(damage), Some(scene)) => (Content::Seen, Origin::Placed { slot, scene, damage }),
            (Placed::Seen(_), None) => return Ok(Prepared::Later),
            (Placed::Whole(shape), _) => (Content::Picture(shape), Origin::Copied(slot)),
        };
        Ok(Prepared::Ready(Frame { buffer, content, origin }))
    }

    fn announce(&mut self, scanout: &Scanout, choice: &Choice, fidelity: Fidelity) {
        let kind = Kind::of(scanout);
        let said = |(of, what, pixels): &(Kind, Choice, Fidelity)| {
            *of == kind && what == choice && *pixels == fidelity
        };
        if self.announced.as_ref().is_some_and(said) {
            return;
        }
        self.announced = Some((kind, choice.clone(), fidelity.clone()));
        let status = Status::of(choice, fidelity);
        let fit = match (scanout, choice) {
            (Scanout::Dmabuf(dmabuf), Choice::Take { rung: Rung::Direct, .. }) => {
                buffers::as_what(dmabuf, &self.told.offer).map(|direct| direct.fit).ok()
            }
            _ => None,
        };
        {
            let mut facts = self.shared.facts();
            facts.formats.clone_from(&self.told.offer.dmabuf);
            (facts.gpu, facts.owner) = (self.composer.about(), self.bridge.about());
        }
        self.stats.path(kind.path(&status, self.options.presenting, fit));
        self.shared.set_status(status);
    }

    /// The compositor says which buffers suit the surface where it is now. The ladder is climbed
    /// anew: what it refused before it may take, and the other way round.
    ///
    /// Buffers are made known again when another device composes. Compositors repeat themselves, sway
    /// several times a second while it cannot scan a buffer out: that changes nothing.
    pub(in crate::present::surface) fn offered(&mut self, formats: Formats) {
        match &self.told.offer.dmabuf {
            Some(former) if *former == formats => return,
            Some(former) if former.main == formats.main => self.imports.forgive(),
            Some(_) => self.imports.renew(),
            None => {}
        }
        if self.told.offer.dmabuf.as_ref().is_none_or(|former| former.main != formats.main) {
            self.composer.renew();
            self.bridge.renew();
        }
        self.told.offer.dmabuf = Some(formats);
        self.choices.clear();
        self.again = true;
    }

    /// The compositor has answered about a dma-buf.
    pub(in crate::present::surface) fn imported(&mut self, id: BufferId, buffer: Option<WlBuffer>) {
        if self.composer.answered(id, buffer.as_ref()) || self.bridge.answered(id, buffer.as_ref()) {
            return;
        }
        if buffer.is_none() {
            tracing::info!("the compositor refused a dma-buf");
            self.choices.forget(id);
        }
        self.imports.answered(id, buffer);
    }
}
