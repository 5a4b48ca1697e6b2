//! Display modes: which of a display's to take, and timings for sizes that it does not list.

use drm::control::{Mode, ModeTypeFlags, connector};

use super::Wish;
use crate::size::Size;

/// Pixels and lines that no display shows: enough for any sync, as in reduced blanking.
const BLANKING: (u32, u32) = (160, 30);

const REFRESH: u32 = 60;

pub(super) fn size(mode: &Mode) -> Size {
    let (width, height) = mode.size();
    Size::new(width.into(), height.into())
}

/// The mode that a connected display should have; `None` where there is nothing to choose from.
pub(super) fn choose(connector: &connector::Info, wish: Wish) -> Option<Mode> {
    let modes = connector.modes();
    match wish {
        Wish::Preferred => {
            let preferred = |mode: &&Mode| mode.mode_type().contains(ModeTypeFlags::PREFERRED);
            modes.iter().find(preferred).or(modes.first()).copied()
        }
        Wish::Exactly(wanted) => {
            let listed = modes.iter().find(|mode| size(mode) == wanted).copied();
            Some(listed.unwrap_or_else(|| Mode::from(timings(wanted))))
        }
    }
}

/// A mode of this size at 60 pictures a second.
fn timings(size: Size) -> drm_ffi::drm_mode_modeinfo {
    let narrow = |length: u32| u16::try_from(length).expect("a size is at most 8192");
    let (total_width, total_height) = (size.width + BLANKING.0, size.height + BLANKING.1);
    let mut mode = drm_ffi::drm_mode_modeinfo {
        clock: total_width * total_height / 1000 * REFRESH,
        hdisplay: narrow(size.width),
        hsync_start: narrow(size.width + 48),
        hsync_end: narrow(size.width + 80),
        htotal: narrow(total_width),
        vdisplay: narrow(size.height),
        vsync_start: narrow(size.height + 3),
        vsync_end: narrow(size.height + 9),
        vtotal: narrow(total_height),
        vrefresh: REFRESH,
        ..Default::default()
    };
    for (place, byte) in mode.name.iter_mut().zip(size.to_string().bytes()) {
        *place = byte.cast_signed();
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_are_in_order() {
        for (width, height) in [(16, 16), (1367, 769), (8192, 8192)] {
            let mode = timings(Size::new(width, height));
            assert_eq!(size(&Mode::from(mode)), Size::new(width, height));
            let across = [mode.hdisplay, mode.hsync_start, mode.hsync_end, mode.htotal];
            let down = [mode.vdisplay, mode.vsync_start, mode.vsync_end, mode.vtotal];
            assert!(across.is_sorted_by(|a, b| a < b) && down.is_sorted_by(|a, b| a < b));
        }
    }
}
