//! Shapes that invert what is below them, made so that they are seen on everything.
//!
//! Text cursors of Windows, and all shapes of two colours, say of some pixels that they invert what
//! they lie on. That is no colour, and no compositor does it. In premultiplied colours such a pixel
//! is one that adds light without covering anything: no alpha, but a colour. It becomes black with a
//! white edge, which differs from any ground somewhere.

use std::sync::Arc;

use crate::frame::Cursor;
use crate::geometry::{Point, Size};

const CLEAR: [u8; 4] = [0; 4];
const BLACK: [u8; 4] = [0, 0, 0, 255];
const WHITE: [u8; 4] = [255; 4];

/// The shape itself, or one without pixels that invert: one pixel larger on each side for the edge.
pub(super) fn made_visible(shape: &Arc<Cursor>) -> Arc<Cursor> {
    let size = shape.size();
    let pixels: Vec<[u8; 4]> =
        shape.bytes().chunks_exact(4).map(|pixel| pixel.try_into().unwrap_or(CLEAR)).collect();
    if !pixels.iter().any(|pixel| inverts(*pixel)) {
        return shape.clone();
    }
    let room = Size::new(size.width + 2, size.height + 2);
    let at = |x: i64, y: i64| {
        let inside = (0..i64::from(size.width)).contains(&x) && (0..i64::from(size.height)).contains(&y);
        let index = y * i64::from(size.width) + x;
        usize::try_from(index)
            .ok()
            .filter(|_| inside)
            .and_then(|index| pixels.get(index))
            .copied()
            .unwrap_or(CLEAR)
    };
    let seen = |x: i64, y: i64| {
        let pixel = at(x, y);
        if inverts(pixel) {
            return BLACK;
        }
        let mut around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (x + dx, y + dy)));
        let is_edge = pixel == CLEAR && around.any(|(x, y)| inverts(at(x, y)));
        if is_edge { WHITE } else { pixel }
    };
    let rows = -1..=i64::from(size.height);
    let places = rows.flat_map(|y| (-1..=i64::from(size.width)).map(move |x| (x, y)));
    let bytes = places.flat_map(|(x, y)| seen(x, y)).collect();
    let hotspot = Point::new(shape.hotspot().x + 1, shape.hotspot().y + 1);
    // The largest shapes have no room for an edge.
    Cursor::new(room, hotspot, bytes).map_or_else(|| shape.clone(), Arc::new)
}

fn inverts([blue, green, red, alpha]: [u8; 4]) -> bool {
    alpha == 0 && [blue, green, red] != [0; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(pixels: &[[u8; 4]]) -> Arc<Cursor> {
        let size = Size::new(pixels.len() as u32, 1);
        Arc::new(Cursor::new(size, Point::new(1, 0), pixels.concat()).expect("a shape"))
    }

    #[test]
    fn shapes_that_invert_nothing_stay_as_they_are() {
        let plain = shape(&[CLEAR, BLACK, WHITE, [9, 9, 9, 20]]);
        assert!(Arc::ptr_eq(&made_visible(&plain), &plain));
    }

    #[test]
    fn what_inverts_is_black_with_a_white_edge_and_points_where_it_did() {
        let beam = made_visible(&shape(&[CLEAR, [255, 255, 255, 0], [7, 7, 7, 255], CLEAR]));
        assert_eq!((beam.size(), beam.hotspot()), (Size::new(6, 3), Point::new(2, 1)));
        let rows: Vec<Vec<[u8; 4]>> = beam
            .bytes()
            .chunks_exact(24)
            .map(|row| row.chunks_exact(4).map(|pixel| pixel.try_into().expect("four")).collect())
            .collect();
        assert_eq!(rows[0], [CLEAR, WHITE, WHITE, WHITE, CLEAR, CLEAR]);
        assert_eq!(rows[1], [CLEAR, WHITE, BLACK, [7, 7, 7, 255], CLEAR, CLEAR]);
        assert_eq!(rows[2], rows[0]);
    }

    #[test]
    fn the_largest_shape_is_not_made_larger() {
        let side = Cursor::MAX_SIDE;
        let bytes = vec![9, 9, 9, 0].repeat((side * side) as usize);
        let large = Arc::new(Cursor::new(Size::new(side, side), Point::new(0, 0), bytes).expect("a shape"));
        assert!(Arc::ptr_eq(&made_visible(&large), &large));
    }
}
