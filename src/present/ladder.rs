//! Which way a picture takes to the screen, and why it is not a better one: choices without I/O.

use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

use super::Options;
use super::file::{Access, File, Trust};
use super::table::{Fit, Formats};
use crate::frame::{Dmabuf, Mapped, Scanout};
use crate::geometry::{Backing, Size};
use crate::pixel::{Format, Fourcc, Modifier};

/// What the person asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The best that works.
    #[default]
    Auto,
    /// No copy of a buffer that the guest shares: what cannot be shown without one is refused.
    Direct,
    /// Drawn by us on the GPU, even where the compositor would take the guest's own buffer.
    Compose,
    /// Copied from one GPU to another, even where that is not needed.
    Bridge,
    /// A copy in shared memory, even where the guest's own buffer would do.
    Copy,
    /// Drawn by GTK, even where there could be a surface of our own.
    Gtk,
}

impl Wanted {
    /// The one rung that it names.
    pub const fn only(self) -> Option<Rung> {
        match self {
            Self::Auto => None,
            Self::Direct => Some(Rung::Direct),
            Self::Compose => Some(Rung::Compose),
            Self::Bridge => Some(Rung::Bridge),
            Self::Copy => Some(Rung::Copy),
            Self::Gtk => Some(Rung::Gtk),
        }
    }
}

/// Whether the guest may still draw into what is shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presenting {
    /// The guest's buffer is shown as it is at each refresh, also while the guest draws into it.
    #[default]
    Live,
    /// It is copied at the moment of the update: for guests that draw into the buffer being shown.
    Snapshot,
}

impl Presenting {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A way from the guest's picture to the screen, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The compositor gets the guest's own buffer.
    Direct,
    /// We import the guest's buffer and draw it with the GPU that shows the window.
    Compose,
    /// The GPU that has the buffer copies it into one that the other GPU can read.
    Bridge,
    /// What changed is copied into shared memory of ours.
    Copy,
    /// GTK draws a texture.
    Gtk,
}

impl Rung {
    /// The rungs that take a surface of our own, the best first.
    pub const SURFACE: [Self; 4] = [Self::Direct, Self::Compose, Self::Bridge, Self::Copy];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Compose => "compose",
            Self::Bridge => "bridge",
            Self::Copy => "copy",
            Self::Gtk => "gtk",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a rung does not do.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Reason {
    #[error("the picture came in messages")]
    Messages,
    #[error("it was asked for")]
    Asked,
    #[error("a copy of each update was asked for")]
    Snapshot,
    #[error("this build of Oriel has no part that draws with the GPU")]
    NotBuilt,
    #[error("the guest's memory could shrink: it is not sealed and belongs to another user")]
    Unsealed,
    #[error("the guest's memory cannot be shared: {0}")]
    Access(&'static str),
    #[error("the compositor takes no pixels {offset} bytes into a file, with rows of {stride} bytes")]
    Layout { offset: u64, stride: u64 },
    #[error("the compositor takes no shared memory of format {0}")]
    ShmFormat(Fourcc),
    #[error("the compositor has no linux-dmabuf")]
    NoDmabuf,
    #[error("the compositor takes no buffers of format {0} and modifier {1}")]
    DmabufFormat(Fourcc, Modifier),
    #[error("{0} planes do not make a picture of format {1}")]
    Planes(usize, Fourcc),
    #[error("what should be a dma-buf is something else")]
    NoBuffer,
    #[error("the buffer is smaller than its picture")]
    Short,
    #[error("the compositor refused the buffer")]
    Refused,
    #[error("no other GPU has the buffer")]
    NoOwner,
    #[error("the processor cannot read modifier {0}")]
    Tiled(Modifier),
    #[error("the processor cannot read format {0}")]
    Unreadable(Fourcc),
    #[error("the buffer cannot be read: {0}")]
    Io(String),
    #[error("no GPU can be used: {0}")]
    NoGpu(String),
    #[error("the GPU's driver imports no buffers of format {0} and modifier {1}")]
    GpuFormat(Fourcc, Modifier),
    #[error("the GPU's driver refused a buffer of {size}, format {fourcc}, modifier {modifier}: {error}")]
    GpuRefused { size: Size<Backing>, fourcc: Fourcc, modifier: Modifier, error: String },
    #[error("the GPU was lost")]
    GpuLost,
    #[error("the picture lies in memory that needs no GPU")]
    SharedMemory,
    #[error("one guest pixel would not be one of the monitor's")]
    Inexact,
    #[error("the compositor has no such filter")]
    Filter,
    #[error("a processor does the GPU's work here, and copies more cheaply")]
    SoftwareGpu,
    #[error("there is no Wayland compositor")]
    NoWayland,
    #[error("the compositor lacks {0}")]
    NoGlobal(&'static str),
}

/// Why the rungs above a picture's own did not do, the best first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Refusals(Vec<(Rung, Reason)>);

impl Refusals {
    /// No surface of ours at all, for this reason.
    pub fn of_surface(reason: &Reason) -> Self {
        Self(Rung::SURFACE.map(|rung| (rung, reason.clone())).into())
    }

    /// Every rung that was refused, and why.
    pub fn iter(&self) -> impl Iterator<Item = &(Rung, Reason)> {
        self.0.iter()
    }

    /// Why this rung did not do.
    pub fn reason(&self, rung: Rung) -> Option<&Reason> {
        self.0.iter().find(|(refused, _)| *refused == rung).map(|(_, reason)| reason)
    }

    /// The one reason to tell: why it is not the best rung.
    pub fn first(&self) -> Option<&Reason> {
        self.0.first().map(|(_, reason)| reason)
    }

    /// One more, worse than the others.
    #[must_use]
    pub fn and(mut self, rung: Rung, reason: Reason) -> Self {
        self.add(rung, reason);
        self
    }

    fn add(&mut self, rung: Rung, reason: Reason) {
        self.0.push((rung, reason));
    }
}

/// All reasons, rungs with the same one together.
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, alike) in self.0.chunk_by(|(_, one), (_, other)| one == other).enumerate() {
            let rungs: Vec<_> = alike.iter().map(|(rung, _)| rung.name()).collect();
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{}: {}", rungs.join(", "), alike[0].1)?;
        }
        Ok(())
    }
}

/// Which rung a picture takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This one; `refused` says why not those above it.
    Take { rung: Rung, refused: Refusals },
    /// None that a surface of ours has.
    Refuse(Refusals),
}

/// Picks the best rung of a surface of ours that the person allows and that does.
///
/// `check` is asked about one rung after the other, the best first, until one does.
pub fn choose(options: Options, mut check: impl FnMut(Rung) -> Result<(), Reason>) -> Choice {
    let mut refused = Refusals::default();
    for rung in Rung::SURFACE {
        match permit(options, rung, &refused).and_then(|()| check(rung)) {
            Ok(()) => return Choice::Take { rung, refused },
            Err(reason) => refused.add(rung, reason),
        }
    }
    Choice::Refuse(refused)
}

/// Whether the person wants this rung, after what those above it have said.
fn permit(options: Options, rung: Rung, refused: &Refusals) -> Result<(), Reason> {
    if let Some(only) = options.rung.only().filter(|only| *only != rung) {
        // There is no buffer that a copy would betray.
        let messages = rung == Rung::Copy && refused.reason(only) == Some(&Reason::Messages);
        return if messages { Ok(()) } else { Err(Reason::Asked) };
    }
    if rung == Rung::Direct && options.presenting == Presenting::Snapshot {
        return Err(Reason::Snapshot);
    }
    Ok(())
}

/// What a compositor takes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Formats of `wl_shm`.
    pub shm: HashSet<Fourcc>,
    /// Formats of `zwp_linux_dmabuf_v1`, where there is one.
    pub dmabuf: Option<Formats>,
}

/// A `wl_shm` pool over a file of the guest's, and the buffer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    pub size: i32,
    pub offset: i32,
    pub width: i32,
    pub height: i32,
    pub stride: i32,
    pub format: Fourcc,
}

/// Whether, and how, a file that QEMU draws into can be a `wl_shm` pool itself.
///
/// A pool that shrinks costs us the connection (compositors answer the SIGBUS with an error on it),
/// so the file must be sealed against that, or be our own user's, who could end us anyway. A
/// compositor maps a pool readable and writable. libwayland and wlroots want whole rows within the
/// pool; pixman wants offset and stride in words, and other renderers rows of whole pixels.
pub fn direct_map(mapped: &Mapped, file: &File, offer: &Offer) -> Result<Pool, Reason> {
    match file.access {
        Access::Shared => {}
        Access::ReadOnly => return Err(Reason::Access("it may only be read")),
        Access::Sealed => return Err(Reason::Access("it is sealed against writing")),
        Access::Stream => return Err(Reason::Access("it is no file of memory")),
    }
    if file.trust == Trust::Foreign {
        return Err(Reason::Unsealed);
    }
    let format = mapped.format().opaque().fourcc();
    if !offer.shm.contains(&format) {
        return Err(Reason::ShmFormat(format));
    }
    let (offset, stride) = (u64::from(mapped.offset()), u64::from(mapped.stride()));
    let end = offset + stride * u64::from(mapped.size().height);
    let pixel = u64::from(mapped.format().bytes_per_pixel());
    let aligned = offset.is_multiple_of(4) && stride.is_multiple_of(4) && stride.is_multiple_of(pixel);
    let unfit = || Reason::Layout { offset, stride };
    if !aligned || end > file.length {
        return Err(unfit());
    }
    let int = |value: u64| i32::try_from(value).map_err(|_| unfit());
    Ok(Pool {
        size: int(end)?,
        offset: int(offset)?,
        width: int(u64::from(mapped.size().width))?,
        height: int(u64::from(mapped.size().height))?,
        stride: int(stride)?,
        format,
    })
}

/// What can be known of a plane's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Its length in bytes, 0 where unknown.
    Fixed(u64),
    /// It is no buffer at all.
    NoBuffer,
}

/// As what a compositor takes a dma-buf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direct {
    pub format: Fourcc,
    pub fit: Fit,
}

/// Whether a dma-buf can be given to the compositor as it is, and as what.
///
/// A compositor ends the connection over a pair of format and modifier that it did not offer, over
/// planes that the format does not have, and over one that reaches beyond its buffer.
pub fn direct_dmabuf(dmabuf: &Dmabuf, extents: &[Extent], offer: &Offer) -> Result<Direct, Reason> {
    let Some(formats) = &offer.dmabuf else { return Err(Reason::NoDmabuf) };
    let modifier = dmabuf.modifier();
    let opaque = dmabuf.fourcc().opaque();
    let as_what = |format: Fourcc| formats.fit(format, modifier).map(|fit| Direct { format, fit });
    let known = as_what(opaque).or_else(|| as_what(dmabuf.fourcc()));
    let direct = known.ok_or(Reason::DmabufFormat(opaque, modifier))?;
    let planes = dmabuf.planes();
    // Other modifiers may add planes for compression data.
    let plain = modifier == Modifier::LINEAR || modifier == Modifier::INVALID;
    let least = direct.format.planes();
    if planes.len() < least || (plain && planes.len() > least) {
        return Err(Reason::Planes(planes.len(), direct.format));
    }
    let height = u64::from(dmabuf.backing().height);
    for (index, (plane, extent)) in planes.iter().zip(extents).enumerate() {
        let Extent::Fixed(length) = *extent else { return Err(Reason::NoBuffer) };
        // The first plane has all rows; others may be subsampled or hold compression data. That is
        // what libweston, wlroots and mutter check, whatever the modifier.
        let rows = if index == 0 { height } else { 1 };
        let needed = u64::from(plane.offset) + u64::from(plane.stride) * rows;
        if needed > u64::from(u32::MAX) || (length > 0 && needed > length) {
            return Err(Reason::Short);
        }
    }
    Ok(direct)
}

/// Whether the processor can read a picture row by row, and in which format.
pub fn readable(scanout: &Scanout) -> Result<Format, Reason> {
    match scanout {
        Scanout::Blank => Err(Reason::Short),
        Scanout::Pixels(pixels) => Ok(pixels.format()),
        Scanout::Mapped(mapped) => Ok(mapped.format()),
        Scanout::Dmabuf(dmabuf) => {
            if dmabuf.modifier() != Modifier::LINEAR {
                return Err(Reason::Tiled(dmabuf.modifier()));
            }
            let format = Format::from_fourcc(dmabuf.fourcc().opaque());
            let format = format.filter(|_| dmabuf.planes().len() == 1);
            format.ok_or(Reason::Unreadable(dmabuf.fourcc()))
        }
    }
}

#[cfg(test)]
mod tests;
