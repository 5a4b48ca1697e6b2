//! Pictures of what is on a screen, and exact comparison of them.

use std::{
    fmt, fs,
    io::BufWriter,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    desk::Session,
    error::{Doing, Error, Result},
};

/// Red, green, blue, alpha.
pub type Pixel = [u8; 4];

/// How long a screenshot may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width; never negative.
    pub width: i32,
    /// Height; never negative.
    pub height: i32,
}

impl Rect {
    /// A rectangle from its left top corner and its size.
    pub fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { x, y, width, height }
    }

    /// The first column to the right of it.
    pub fn right(self) -> i32 {
        self.x + self.width
    }

    /// The first row below it.
    pub fn bottom(self) -> i32 {
        self.y + self.height
    }

    /// What both have in common; of no width or height where that is nothing.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        Self::new(x, y, (right - x).max(0), (bottom - y).max(0))
    }

    /// Grows it so that it holds this pixel as well; an empty one becomes that pixel.
    fn add(&mut self, x: u32, y: u32) {
        let (x, y) = (x.cast_signed(), y.cast_signed());
        if self.width == 0 {
            *self = Self::new(x, y, 1, 1);
            return;
        }
        let (right, bottom) = (self.right().max(x + 1), self.bottom().max(y + 1));
        (self.x, self.y) = (self.x.min(x), self.y.min(y));
        (self.width, self.height) = (right - self.x, bottom - self.y);
    }
}

/// A picture in device pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

/// Where two pictures differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diff {
    /// How many pixels differ.
    pub wrong: usize,
    /// The first one, in reading order.
    pub first: (u32, u32),
    /// What the first picture shows there.
    pub got: Pixel,
    /// What the other one shows there.
    pub want: Pixel,
    /// The smallest rectangle with all of them.
    pub bounds: Rect,
}

impl Image {
    /// A picture drawn by a function of x and y.
    pub fn from_fn(width: u32, height: u32, mut pixel: impl FnMut(u32, u32) -> Pixel) -> Self {
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for y in 0..height {
            for x in 0..width {
                rgba.extend(pixel(x, y));
            }
        }
        Self { width, height, rgba }
    }

    /// A picture from rows of red, green, blue and alpha without gaps.
    ///
    /// # Errors
    /// When the length does not fit the size.
    pub fn from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Self> {
        if rgba.len() != width as usize * height as usize * 4 {
            return Err(Error::failed(format_args!(
                "{} bytes are no picture of {width}x{height}",
                rgba.len()
            )));
        }
        Ok(Self { width, height, rgba })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The whole picture as a rectangle.
    pub fn rect(&self) -> Rect {
        Rect::new(0, 0, self.width.cast_signed(), self.height.cast_signed())
    }

    /// The pixel at x and y.
    ///
    /// # Panics
    /// Outside the picture.
    pub fn get(&self, x: u32, y: u32) -> Pixel {
        assert!(
            x < self.width && y < self.height,
            "pixel {x},{y} of a picture of {}x{}",
            self.width,
            self.height
        );
        let at = (y as usize * self.width as usize + x as usize) * 4;
        [self.rgba[at], self.rgba[at + 1], self.rgba[at + 2], self.rgba[at + 3]]
    }

    /// The part that `rect` covers.
    ///
    /// # Panics
    /// When it is not inside the picture.
    #[must_use]
    pub fn crop(&self, rect: Rect) -> Self {
        let part = |n: i32| u32::try_from(n).expect("a rectangle inside the picture");
        let (left, top) = (part(rect.x), part(rect.y));
        Self::from_fn(part(rect.width), part(rect.height), |x, y| self.get(left + x, top + y))
    }

    /// The smallest rectangle with all pixels that `is` is true of.
    pub fn find_rect(&self, is: impl Fn(Pixel) -> bool) -> Option<Rect> {
        let mut bounds = Rect::default();
        for (x, y) in self.positions().filter(|&(x, y)| is(self.get(x, y))) {
            bounds.add(x, y);
        }
        (bounds.width > 0).then_some(bounds)
    }

    /// The left top corner at which all of `part` is in this picture, looked for inside `within`.
    ///
    /// Alpha is not compared: screens have none.
    pub fn find(&self, part: &Self, within: Rect) -> Option<(u32, u32)> {
        let within = within.intersection(self.rect());
        let (right, bottom) = (within.right() - part.rect().width, within.bottom() - part.rect().height);
        let same =
            |left: u32, top: u32, x: u32, y: u32| self.get(left + x, top + y)[..3] == part.get(x, y)[..3];
        let is_there = |left: u32, top: u32| {
            // A few pixels tell whether it is worth looking at all of them.
            (0..part.width.min(part.height)).step_by(37).all(|n| same(left, top, n, n))
                && part.positions().all(|(x, y)| same(left, top, x, y))
        };
        let places = (within.y..=bottom).flat_map(|y| (within.x..=right).map(move |x| (x, y)));
        places.map(|(x, y)| (x.cast_unsigned(), y.cast_unsigned())).find(|&(x, y)| is_there(x, y))
    }

    /// How many pixels `is` is true of.
    pub fn count(&self, is: impl Fn(Pixel) -> bool) -> usize {
        self.positions().filter(|&(x, y)| is(self.get(x, y))).count()
    }

    /// Where this picture differs from what it should be; nothing when it does not.
    ///
    /// Alpha is not compared: screens have none.
    ///
    /// # Errors
    /// When they have different sizes.
    pub fn compare(&self, want: &Self) -> Result<Option<Diff>> {
        if (self.width, self.height) != (want.width, want.height) {
            let (got, want) = (format!("{self:?}"), format!("{want:?}"));
            return Err(Error::failed(format_args!("{got} cannot be {want}")));
        }
        let mut diff: Option<Diff> = None;
        for (x, y) in self.positions() {
            let (got, wanted) = (self.get(x, y), want.get(x, y));
            if got[..3] == wanted[..3] {
                continue;
            }
            let diff = diff.get_or_insert(Diff {
                wrong: 0,
                first: (x, y),
                got,
                want: wanted,
                bounds: Rect::default(),
            });
            diff.wrong += 1;
            diff.bounds.add(x, y);
        }
        Ok(diff)
    }

    /// Fails unless this picture is exactly what it should be.
    ///
    /// # Errors
    /// When it is not; then `NAME.got.png`, `NAME.want.png` and `NAME.diff.png` are kept among the
    /// artifacts, and the error says where the first wrong pixel is.
    pub fn expect(&self, want: &Self, name: &str) -> Result<()> {
        let difference = match self.compare(want) {
            Ok(None) => return Ok(()),
            Ok(Some(diff)) => {
                self.marked(want).keep(&format!("{name}.diff"))?;
                format!("{diff:?}")
            }
            Err(sizes) => sizes.to_string(),
        };
        let got = self.keep(&format!("{name}.got"))?;
        want.keep(&format!("{name}.want"))?;
        Err(Error::failed(format_args!(
            "{name} is not what it should be: {difference}; see {}",
            got.display()
        )))
    }

    /// Writes the picture as a PNG file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let file = fs::File::create(path).doing(format_args!("create {}", path.display()))?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(Error::failed)?;
        writer.write_image_data(&self.rgba).map_err(Error::failed)?;
        writer.finish().map_err(Error::failed)
    }

    /// Writes the picture as `NAME.png` among the artifacts and says where that is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, name: &str) -> Result<PathBuf> {
        let dir = artifacts();
        fs::create_dir_all(&dir).doing(format_args!("make {}", dir.display()))?;
        let path = dir.join(format!("{name}.png"));
        self.save(&path)?;
        Ok(path)
    }

    /// Reads a PNG file.
    ///
    /// # Errors
    /// When it is no PNG file of 8 bits a channel.
    pub fn load(path: &Path) -> Result<Self> {
        let file = fs::File::open(path).doing(format_args!("open {}", path.display()))?;
        let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
        decoder
            .set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().map_err(Error::failed)?;
        let size = reader.output_buffer_size().ok_or_else(|| Error::failed("the picture is too large"))?;
        let mut data = vec![0; size];
        let info = reader.next_frame(&mut data).map_err(Error::failed)?;
        data.truncate(info.buffer_size());
        let rgba = match info.color_type {
            png::ColorType::Rgba => data,
            png::ColorType::GrayscaleAlpha => {
                data.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect()
            }
            other => {
                return Err(Error::failed(format_args!("{} holds {other:?} pixels", path.display())));
            }
        };
        Self::from_rgba(info.width, info.height, rgba)
    }

    /// Reads a binary portable pixmap, netpbm's `P6`, of 8 bits a channel.
    fn from_ppm(data: &[u8]) -> Result<Self> {
        let no = || Error::failed("the screenshot is no portable pixmap");
        let mut rest = data;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace).ok_or_else(no)?;
            let text = std::str::from_utf8(&rest[..end]).map_err(|_| no())?;
            rest = &rest[end + 1..];
            Ok::<_, Error>(text)
        };
        let format = word()?;
        let mut number = || word()?.parse::<u32>().map_err(|_| no());
        let (width, height, deepest) = (number()?, number()?, number()?);
        if format != "P6" || deepest != 255 {
            return Err(no());
        }
        Self::from_rgba(width, height, rest.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect())
    }

    /// This picture darkened, with what differs from `want` in red.
    fn marked(&self, want: &Self) -> Self {
        Self::from_fn(self.width, self.height, |x, y| {
            let [r, g, b, _] = self.get(x, y);
            if [r, g, b] == want.get(x, y)[..3] { [r / 3, g / 3, b / 3, 255] } else { [255, 0, 0, 255] }
        })
    }

    fn positions(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let width = self.width;
        (0..self.height).flat_map(move |y| (0..width).map(move |x| (x, y)))
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a picture of {}x{}", self.width, self.height)
    }
}

/// Where pictures of failures are kept: `$ORIEL_TEST_ARTIFACTS`, otherwise `target/test-artifacts`.
pub fn artifacts() -> PathBuf {
    if let Some(dir) = std::env::var_os("ORIEL_TEST_ARTIFACTS") {
        return dir.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"))
        .join("test-artifacts")
}

/// What one output of a wlroots compositor shows.
pub(crate) fn of_wayland_output(session: &Session, output: &str) -> Result<Image> {
    let mut grim = session.command("grim");
    grim.args(["-t", "ppm", "-o", output, "-"]);
    Image::from_ppm(&session.scope().run("grim", grim, LIMIT)?)
}

/// What an X server shows.
pub(crate) fn of_x_root(session: &Session) -> Result<Image> {
    let mut import = session.command("import");
    import.args(["-silent", "-window", "root", "-depth", "8", "ppm:-"]);
    Image::from_ppm(&session.scope().run("import", import, LIMIT)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Pixel = [255; 4];
    const RED: Pixel = [255, 0, 0, 255];

    #[test]
    fn a_difference_is_counted_located_and_bounded() {
        let want = Image::from_fn(8, 6, |_, _| WHITE);
        let got = Image::from_fn(8, 6, |x, y| if (x, y) == (5, 1) || (x, y) == (2, 4) { RED } else { WHITE });
        let diff = got.compare(&want).expect("equal sizes").expect("they differ");
        assert_eq!((diff.wrong, diff.first, diff.bounds), (2, (5, 1), Rect::new(2, 1, 4, 4)));
        assert_eq!((diff.got, diff.want), (RED, WHITE));
        assert_eq!(got.find_rect(|pixel| pixel == RED), Some(diff.bounds));
        assert_eq!(got.compare(&got).expect("equal sizes"), None);
    }

    #[test]
    fn rectangles_apart_have_nothing_in_common() {
        let screen = Rect::new(0, 0, 100, 80);
        assert_eq!(Rect::new(-5, 70, 20, 20).intersection(screen), Rect::new(0, 70, 15, 10));
        assert_eq!(Rect::new(200, 10, 20, 20).intersection(screen).width, 0);
    }

    #[test]
    fn other_sizes_are_an_error_not_a_difference() {
        let one = Image::from_fn(1, 2, |_, _| RED);
        assert!(one.compare(&Image::from_fn(2, 1, |_, _| RED)).is_err());
    }

    #[test]
    fn files_keep_every_pixel() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.png");
        let image = Image::from_fn(37, 5, |x, y| [x as u8 * 3, y as u8 * 50, 7, 255]);
        image.save(&path).expect("saved");
        assert_eq!(Image::load(&path).expect("loaded"), image);
    }

    #[test]
    fn pixmaps_are_read_and_others_refused() {
        let image = Image::from_ppm(b"P6\n2 1\n255\n\x01\x02\x03\x20\x0a\x0d").expect("a pixmap");
        assert_eq!((image.get(0, 0), image.get(1, 0)), ([1, 2, 3, 255], [0x20, 0x0a, 0x0d, 255]));
        assert!(Image::from_ppm(b"P6\n2 1\n255\n\x01\x02").is_err());
        assert!(Image::from_ppm(b"P5\n1 1\n255\n\x01").is_err());
    }
}
