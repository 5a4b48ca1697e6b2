//! Where a machine's heads are among each other, so that the guest's layout is that of the monitors.
//!
//! Monitors are laid out in logical units, of which each scale makes another number of pixels; the
//! guest lays out its heads in their own pixels. So places are not scaled but rebuilt: what is to the
//! right stays to the right and begins where its neighbour ends, and nothing overlaps. Where one unit
//! is one pixel everywhere, the guest's layout is the monitors'.
//!
//! QEMU 10.0 takes places and keeps them to itself: a virtio-gpu tells its guest sizes alone
//! (`virtio_gpu_base_fill_display_info`, hw/display/virtio-gpu-base.c), and a vfio device has one head.

use crate::geometry::{Guest, Logical, Point, Rect, Size};

/// A head of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What it fills, in the units of all monitors; no two heads overlap.
    pub place: Rect<Logical>,
    /// What the guest shows on it, or is to.
    pub size: Size<Guest>,
}

/// Where each head is for the guest; the whole begins at 0, 0.
pub fn layout(heads: &[Head]) -> Vec<Point<Guest>> {
    let across = axis(heads, Axis::across, |_, _| false);
    let down = axis(heads, Axis::down, |one, other| Axis::across(one).is_apart(&Axis::across(other)));
    across.into_iter().zip(down).map(|(x, y)| Point::new(x, y)).collect()
}

/// Heads that share no monitors, such as windows: side by side, in their order.
pub fn row(sizes: &[Size<Guest>]) -> Vec<Point<Guest>> {
    let mut next = 0_i64;
    let place = |size: &Size<Guest>| {
        let at = next;
        next += i64::from(size.width);
        Point::new(narrow(at), 0)
    };
    sizes.iter().map(place).collect()
}

/// A head along one axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// In units.
    start: i64,
    end: i64,
    /// In the guest's pixels.
    pixels: i64,
}

impl Axis {
    fn across(head: &Head) -> Self {
        Self::new(head.place.origin.x, head.place.size.width, head.size.width)
    }

    fn down(head: &Head) -> Self {
        Self::new(head.place.origin.y, head.place.size.height, head.size.height)
    }

    fn new(start: i32, units: u32, pixels: u32) -> Self {
        let start = i64::from(start);
        Self { start, end: start + i64::from(units), pixels: i64::from(pixels) }
    }

    /// Whether one ends before the other begins.
    fn is_apart(&self, other: &Self) -> bool {
        self.end <= other.start || other.end <= self.start
    }

    /// How far `next` begins after this, in pixels of the guest.
    fn distance(&self, next: &Self) -> i64 {
        if self.end <= next.start {
            return self.pixels + next.start - self.end;
        }
        (next.start - self.start) * self.pixels / (self.end - self.start).max(1)
    }
}

/// The places along one axis. Each head is placed by those that begin before it; by those that are
/// `settled` along the other axis only where there are no others.
fn axis(heads: &[Head], along: fn(&Head) -> Axis, settled: fn(&Head, &Head) -> bool) -> Vec<i32> {
    let mut order: Vec<_> = (0..heads.len()).collect();
    order.sort_by_key(|&index| (along(&heads[index]).start, index));
    let mut places = vec![0_i64; heads.len()];
    for (rank, &index) in order.iter().enumerate() {
        let here = along(&heads[index]);
        let place = |&&before: &&usize| {
            let there = along(&heads[before]);
            places[before] + there.distance(&here)
        };
        let apart = |&&before: &&usize| {
            settled(&heads[before], &heads[index]) && along(&heads[before]).is_apart(&here)
        };
        let near = order[..rank].iter().filter(|before| !apart(before)).map(|before| place(&before)).max();
        let any = || order[..rank].iter().map(|before| place(&before)).max();
        places[index] = near.or_else(any).unwrap_or(0);
    }
    places.into_iter().map(narrow).collect()
}

fn narrow(at: i64) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A head that fills `place`, each unit of which is `scale` quarters of a pixel.
    fn head(x: i32, y: i32, width: u32, height: u32, scale: u32) -> Head {
        let size = Size::new(width * scale / 4, height * scale / 4);
        Head { place: Rect::new(x, y, width, height), size }
    }

    fn places(heads: &[Head]) -> Vec<(i32, i32)> {
        layout(heads).into_iter().map(|at| (at.x, at.y)).collect()
    }

    #[test]
    fn neighbours_touch_whatever_their_scales() {
        let heads = [head(0, 0, 1280, 720, 8), head(1280, 0, 1000, 600, 6)];
        assert_eq!(places(&heads), [(0, 0), (2560, 0)]);
        let heads = [head(1000, 0, 1000, 600, 4), head(0, 0, 1000, 600, 6)];
        assert_eq!(places(&heads), [(1500, 0), (0, 0)], "in any order");
        let heads = [head(0, 0, 1280, 720, 8), head(1280, 360, 1280, 720, 4)];
        assert_eq!(places(&heads), [(0, 0), (2560, 720)], "halfway down");
        let heads = [head(0, 0, 1280, 720, 8), head(0, 720, 1280, 720, 4)];
        assert_eq!(places(&heads), [(0, 0), (0, 1440)], "below each other");
        assert_eq!(places(&[head(500, 300, 100, 100, 4)]), [(0, 0)]);
        assert_eq!(places(&[]), []);
    }

    #[test]
    fn windows_stand_in_a_row() {
        let sizes = [Size::new(640, 480), Size::new(0, 0), Size::new(800, 600), Size::new(320, 200)];
        let places: Vec<_> = row(&sizes).into_iter().map(|at| (at.x, at.y)).collect();
        assert_eq!(places, [(0, 0), (640, 0), (640, 0), (1440, 0)]);
    }

    /// Heads that do not overlap: cells of a grid, each with room to spare.
    fn grid() -> impl Strategy<Value = Vec<Head>> {
        let cell = (0..4_i32, 0..4_i32, 0..300_i32, 0..300_i32, 200..700_u32, 200..700_u32, 4..13_u32);
        prop::collection::vec(cell, 1..7).prop_map(|cells| {
            let mut heads: Vec<((i32, i32), Head)> = Vec::new();
            for (column, row, x, y, width, height, scale) in cells {
                if heads.iter().all(|(cell, _)| *cell != (column, row)) {
                    heads
                        .push(((column, row), head(column * 1000 + x, row * 1000 + y, width, height, scale)));
                }
            }
            heads.into_iter().map(|(_, head)| head).collect()
        })
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_the_whole_begins_at_the_corner(heads in grid()) {
            let places = layout(&heads);
            let rect = |index: usize| Rect { origin: places[index], size: heads[index].size };
            for one in 0..heads.len() {
                for other in 0..one {
                    let (a, b) = (rect(one), rect(other));
                    let apart = a.right() <= i64::from(b.origin.x) || b.right() <= i64::from(a.origin.x)
                        || a.bottom() <= i64::from(b.origin.y) || b.bottom() <= i64::from(a.origin.y);
                    prop_assert!(apart, "{:?} {:?}", a, b);
                }
            }
            prop_assert_eq!(places.iter().map(|at| at.x).min(), Some(0));
            prop_assert_eq!(places.iter().map(|at| at.y).min(), Some(0));
        }

        #[test]
        fn where_a_unit_is_a_pixel_the_layout_is_the_monitors(heads in grid()) {
            let heads: Vec<_> = heads.iter().map(|head| Head { size: head.place.size.cast(), ..*head }).collect();
            let corner = |along: fn(&Head) -> i32| heads.iter().map(along).min().unwrap_or(0);
            let (left, top) = (corner(|head| head.place.origin.x), corner(|head| head.place.origin.y));
            let wanted: Vec<_> = heads.iter().map(|head| {
                (head.place.origin.x - left, head.place.origin.y - top)
            }).collect();
            prop_assert_eq!(places(&heads), wanted);
        }
    }
}
