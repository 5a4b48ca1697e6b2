//! The one table of pixel formats: pixman code, DRM fourcc, bytes per pixel, opaque or alpha, names.

use std::fmt;

/// A DRM format code (`drm_fourcc.h`), as it stands in memory: four ASCII letters, little endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fourcc(pub u32);

impl Fourcc {
    /// The code with these four letters.
    pub const fn new(letters: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(letters))
    }

    /// The same layout with the alpha channel ignored.
    ///
    /// A scanout has no alpha: what a guest leaves in that byte must not show through.
    pub fn opaque(self) -> Self {
        let letters = match &self.0.to_le_bytes() {
            b"AR24" => *b"XR24",
            b"AB24" => *b"XB24",
            b"RA24" => *b"RX24",
            b"BA24" => *b"BX24",
            b"AR30" => *b"XR30",
            b"AB30" => *b"XB30",
            b"AB48" => *b"XB48",
            b"AB4H" => *b"XB4H",
            b"AR15" => *b"XR15",
            other => *other,
        };
        Self::new(letters)
    }

    /// How many planes a picture of this format has, without those that a modifier adds.
    pub fn planes(self) -> usize {
        match &self.0.to_le_bytes() {
            b"NV12" | b"NV21" | b"NV16" | b"NV61" | b"NV24" | b"NV42" | b"NV15" | b"NV20" | b"NV30"
            | b"P010" | b"P012" | b"P016" | b"P210" | b"P030" => 2,
            b"YUV9" | b"YVU9" | b"YU11" | b"YV11" | b"YU12" | b"YV12" | b"YU16" | b"YV16" | b"YU24"
            | b"YV24" | b"Q410" | b"Q401" | b"S010" | b"S210" | b"S410" | b"S012" | b"S212" | b"S412"
            | b"S016" | b"S216" | b"S416" => 3,
            _ => 1,
        }
    }
}

impl fmt::Display for Fourcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.to_le_bytes() {
            write!(f, "{}", char::from(byte).escape_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fourcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fourcc({self})")
    }
}

/// A DRM format modifier: how the pixels are laid out in a buffer (`drm_fourcc.h`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Modifier(pub u64);

impl Modifier {
    /// Rows one after the other.
    pub const LINEAR: Self = Self(0);
    /// Not said: import without modifier attributes.
    pub const INVALID: Self = Self(0x00ff_ffff_ffff_ffff);
}

/// Names of `drm_fourcc.h`; where there is none, the maker's before the number.
impl fmt::Debug for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::LINEAR => "LINEAR",
            Self::INVALID => "INVALID",
            Self(0x0100_0000_0000_0001) => "I915_X_TILED",
            Self(0x0100_0000_0000_0002) => "I915_Y_TILED",
            Self(0x0100_0000_0000_0003) => "I915_Yf_TILED",
            Self(0x0100_0000_0000_0004) => "I915_Y_TILED_CCS",
            Self(0x0100_0000_0000_0005) => "I915_Yf_TILED_CCS",
            Self(0x0100_0000_0000_0006) => "I915_Y_TILED_GEN12_RC_CCS",
            Self(0x0100_0000_0000_0007) => "I915_Y_TILED_GEN12_MC_CCS",
            Self(0x0100_0000_0000_0008) => "I915_Y_TILED_GEN12_RC_CCS_CC",
            Self(0x0100_0000_0000_0009) => "I915_4_TILED",
            Self(0x0100_0000_0000_000a) => "I915_4_TILED_DG2_RC_CCS",
            Self(0x0100_0000_0000_000b) => "I915_4_TILED_DG2_MC_CCS",
            Self(0x0100_0000_0000_000c) => "I915_4_TILED_DG2_RC_CCS_CC",
            Self(0x0100_0000_0000_000d) => "I915_4_TILED_MTL_RC_CCS",
            Self(0x0100_0000_0000_000e) => "I915_4_TILED_MTL_MC_CCS",
            Self(0x0100_0000_0000_000f) => "I915_4_TILED_MTL_RC_CCS_CC",
            Self(0x0100_0000_0000_0010) => "I915_4_TILED_LNL_CCS",
            Self(0x0100_0000_0000_0011) => "I915_4_TILED_BMG_CCS",
            Self(code) => {
                let maker = match code >> 56 {
                    1 => "Intel ",
                    2 => "AMD ",
                    3 => "NVIDIA ",
                    8 => "ARM ",
                    _ => "",
                };
                return write!(f, "{maker}{code:#018x}");
            }
        };
        f.write_str(name)
    }
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whether a format has an alpha channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpha {
    /// Every pixel covers what is behind it.
    Opaque,
    /// Pixels may be translucent.
    Blended,
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $pixman:literal, $fourcc:literal, $bytes:literal, $alpha:ident;)*) => {
        /// A pixel format that QEMU's surfaces can have, with memory layout on a little-endian host.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$doc])* $name,)*
        }

        impl Format {
            /// Every format, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The format with this `pixman_format_code_t`, as in `Scanout`, `Update`, `ScanoutMap`.
            pub const fn from_pixman(code: u32) -> Option<Self> {
                match code {
                    $($pixman => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its `pixman_format_code_t`.
            pub const fn pixman(self) -> u32 {
                match self {
                    $(Self::$name => $pixman,)*
                }
            }

            /// Its DRM format code.
            pub const fn fourcc(self) -> Fourcc {
                match self {
                    $(Self::$name => Fourcc::new(*$fourcc),)*
                }
            }

            /// Bytes that one pixel takes.
            pub const fn bytes_per_pixel(self) -> u32 {
                match self {
                    $(Self::$name => $bytes,)*
                }
            }

            /// Whether it has an alpha channel.
            pub const fn alpha(self) -> Alpha {
                match self {
                    $(Self::$name => Alpha::$alpha,)*
                }
            }
        }
    };
}

formats! {
    /// Bytes B, G, R, unused: QEMU's default.
    Xrgb8888 = 0x2002_0888, b"XR24", 4, Opaque;
    /// Bytes B, G, R, A.
    Argb8888 = 0x2002_8888, b"AR24", 4, Blended;
    /// Bytes R, G, B, unused.
    Xbgr8888 = 0x2003_0888, b"XB24", 4, Opaque;
    /// Bytes R, G, B, A.
    Abgr8888 = 0x2003_8888, b"AB24", 4, Blended;
    /// Bytes unused, R, G, B.
    Bgrx8888 = 0x2008_0888, b"BX24", 4, Opaque;
    /// Bytes A, R, G, B.
    Bgra8888 = 0x2008_8888, b"BA24", 4, Blended;
    /// Bytes unused, B, G, R.
    Rgbx8888 = 0x2009_0888, b"RX24", 4, Opaque;
    /// Bytes A, B, G, R.
    Rgba8888 = 0x2009_8888, b"RA24", 4, Blended;
    /// Bytes B, G, R.
    Rgb888 = 0x1802_0888, b"RG24", 3, Opaque;
    /// Bytes R, G, B.
    Bgr888 = 0x1803_0888, b"BG24", 3, Opaque;
    /// 16 bits: red 5, green 6, blue 5.
    Rgb565 = 0x1002_0565, b"RG16", 2, Opaque;
    /// 16 bits: unused 1, red 5, green 5, blue 5.
    Xrgb1555 = 0x1002_0555, b"XR15", 2, Opaque;
}

impl Format {
    /// The format with this DRM code.
    pub fn from_fourcc(fourcc: Fourcc) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.fourcc() == fourcc)
    }

    /// The same layout with the alpha channel ignored.
    pub fn opaque(self) -> Self {
        Self::from_fourcc(self.fourcc().opaque()).unwrap_or(self)
    }

    /// The red, green and blue of one pixel whose bytes `pixel` starts with.
    ///
    /// # Panics
    ///
    /// If `pixel` is shorter than [`Self::bytes_per_pixel`].
    pub fn rgb(self, pixel: &[u8]) -> [u8; 3] {
        match self {
            Self::Xrgb8888 | Self::Argb8888 | Self::Rgb888 => [pixel[2], pixel[1], pixel[0]],
            Self::Xbgr8888 | Self::Abgr8888 | Self::Bgr888 => [pixel[0], pixel[1], pixel[2]],
            Self::Bgrx8888 | Self::Bgra8888 => [pixel[1], pixel[2], pixel[3]],
            Self::Rgbx8888 | Self::Rgba8888 => [pixel[3], pixel[2], pixel[1]],
            Self::Rgb565 => {
                let word = u16::from_le_bytes([pixel[0], pixel[1]]);
                [widen(word >> 11, 5), widen(word >> 5, 6), widen(word, 5)]
            }
            Self::Xrgb1555 => {
                let word = u16::from_le_bytes([pixel[0], pixel[1]]);
                [widen(word >> 10, 5), widen(word >> 5, 5), widen(word, 5)]
            }
        }
    }
}

/// Stretches the low `bits` of `word` over a whole byte, so that all ones stay all ones.
fn widen(word: u16, bits: u32) -> u8 {
    let value = word & ((1 << bits) - 1);
    let wide = (value << (8 - bits)) | (value >> (2 * bits - 8));
    wide.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_codes() {
        for &format in Format::ALL {
            assert_eq!(Format::from_pixman(format.pixman()), Some(format));
            assert_eq!(Format::from_fourcc(format.fourcc()), Some(format));
            // The top byte of a pixman code is the bits per pixel.
            assert_eq!(format.pixman() >> 24, format.bytes_per_pixel() * 8);
        }
        assert_eq!(Format::from_pixman(0), None);
    }

    #[test]
    fn an_opaque_twin_has_the_same_layout() {
        for &format in Format::ALL {
            let twin = format.opaque();
            assert_eq!(twin.alpha(), Alpha::Opaque);
            let pixel = [0x12, 0x34, 0x56, 0x78];
            assert_eq!(twin.rgb(&pixel), format.rgb(&pixel));
        }
    }

    #[test]
    fn channels_are_read_from_their_bytes() {
        let blue = 0x0000_00ff_u32.to_le_bytes();
        assert_eq!(Format::Xrgb8888.rgb(&blue), [0, 0, 255]);
        assert_eq!(Format::Xbgr8888.rgb(&blue), [255, 0, 0]);
        assert_eq!(Format::Bgrx8888.rgb(&0xff00_0000_u32.to_le_bytes()), [0, 0, 255]);
        assert_eq!(Format::Rgbx8888.rgb(&0xff00_0000_u32.to_le_bytes()), [255, 0, 0]);
        assert_eq!(Format::Rgb565.rgb(&0xf800_u16.to_le_bytes()), [255, 0, 0]);
        assert_eq!(Format::Rgb565.rgb(&0x07e0_u16.to_le_bytes()), [0, 255, 0]);
        assert_eq!(Format::Xrgb1555.rgb(&0x001f_u16.to_le_bytes()), [0, 0, 255]);
        assert_eq!(Format::Xrgb1555.rgb(&0x4210_u16.to_le_bytes()), [132, 132, 132]);
    }

    #[test]
    fn codes_are_written_as_their_letters() {
        assert_eq!(Format::Xrgb8888.fourcc().to_string(), "XR24");
        assert_eq!(Fourcc(0).to_string(), "\\u{0}\\u{0}\\u{0}\\u{0}");
        assert_eq!(Modifier::INVALID.to_string(), "INVALID");
        assert_eq!(Modifier(1 << 56 | 9).to_string(), "I915_4_TILED");
        assert_eq!(Modifier(2 << 56 | 1).to_string(), "AMD 0x0200000000000001");
    }
}
