//! As much of D-Bus' wire format as a listener needs: calls in, replies out, one buffer.
//!
//! The D-Bus specification calls the pieces so: "message format", "header fields", "marshalling".
//! Nothing is copied and nothing allocated here: a frame's pixels are borrowed from the buffer that
//! they were received in.

use thiserror::Error;

/// Bytes of the fixed part of a header, with the length of the variable part.
pub const HEADER: usize = 16;

/// The longest message that D-Bus allows, in bytes.
pub const MAX_MESSAGE: usize = 128 * 1024 * 1024;

/// The longest variable part of a header that we take, in bytes: names have at most 255 each, and a
/// path to the listener is short.
const MAX_FIELDS: usize = 64 * 1024;

/// The bit of a call's flags that says that nobody waits for a reply.
const NO_REPLY_EXPECTED: u8 = 1;

/// Bytes that are no D-Bus message, or no arguments of the stated types.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// The byte order of a message, which its sender chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endian {
    Little,
    Big,
}

impl Endian {
    fn of(mark: u8) -> Result<Self, Malformed> {
        match mark {
            b'l' => Ok(Self::Little),
            b'B' => Ok(Self::Big),
            _ => Err(Malformed("a message of neither byte order")),
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// How long the message that starts here is, in bytes; `None` before that can be known.
///
/// # Errors
///
/// When no message can start like this, or it is longer than D-Bus allows.
pub fn message_length(start: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(header) = start.get(..HEADER) else { return Ok(None) };
    let endian = Endian::of(header[0])?;
    let mut reader = Reader { bytes: header, at: 4, endian };
    let body = reader.u32()? as usize;
    reader.at = 12;
    let fields = reader.u32()? as usize;
    if fields > MAX_FIELDS {
        return Err(Malformed("a header that is too long"));
    }
    let length = (HEADER + fields).next_multiple_of(8).saturating_add(body);
    if length > MAX_MESSAGE {
        return Err(Malformed("a message that is too long"));
    }
    Ok(Some(length))
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A method call, with or without somebody waiting for its outcome.
    Call { wants_reply: bool },
    /// A reply, an error or a signal.
    Other,
}

/// A message, borrowed from the buffer that it was received in.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    pub kind: Kind,
    /// The number that a reply refers to.
    pub serial: u32,
    /// Empty where the message has none; so are the other names.
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
    /// The types of its arguments.
    pub signature: &'a str,
    /// How many descriptors belong to it.
    pub fds: u32,
    /// Its arguments.
    pub body: Reader<'a>,
}

impl<'a> Message<'a> {
    /// Reads one whole message: `bytes` has the length that [`message_length`] told.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.get(..HEADER).ok_or(Malformed("a message without a header"))?;
        let endian = Endian::of(header[0])?;
        let mut reader = Reader { bytes, at: 8, endian };
        let serial = reader.u32()?;
        let end = HEADER + reader.u32()? as usize;
        let (fields, body) = (bytes.get(..end), bytes.get(end.next_multiple_of(8)..));
        let (fields, body) = fields.zip(body).ok_or(Malformed("a header that is too long"))?;
        if header[3] != 1 || serial == 0 {
            return Err(Malformed("a message of another protocol"));
        }
        let kind = match header[1] {
            1 => Kind::Call { wants_reply: header[2] & NO_REPLY_EXPECTED == 0 },
            0 => return Err(Malformed("a message of no kind")),
            _ => Kind::Other,
        };
        let body = Reader { bytes: body, at: 0, endian };
        let mut message =
            Self { kind, serial, path: "", interface: "", member: "", signature: "", fds: 0, body };
        message.read_fields(Reader { bytes: fields, at: HEADER, endian })?;
        Ok(message)
    }

    fn read_fields(&mut self, mut fields: Reader<'a>) -> Result<(), Malformed> {
        while !fields.is_empty() {
            fields.align(8)?;
            let code = fields.byte()?;
            match (code, fields.signature()?) {
                (1, "o") => self.path = fields.string()?,
                (2, "s") => self.interface = fields.string()?,
                (3, "s") => self.member = fields.string()?,
                (8, "g") => self.signature = fields.signature()?,
                (9, "u") => self.fds = fields.u32()?,
                (1..=3 | 8 | 9, _) => return Err(Malformed("a header field of another type")),
                (_, signature) => fields.skip(signature)?,
            }
        }
        Ok(())
    }
}

/// Reads marshalled values one after the other.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    endian: Endian,
}

impl<'a> Reader<'a> {
    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// A `u`, or the index that stands for an `h`.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.align(4)?;
        let endian = self.endian;
        Ok(endian.u32(self.array()?))
    }

    /// An `i`.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.u32().map(u32::cast_signed)
    }

    /// A `t`.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.align(8)?;
        let endian = self.endian;
        Ok(endian.u64(self.array()?))
    }

    /// A `b`: every number but 0 is true, though only 1 may be sent.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        self.u32().map(|word| word != 0)
    }

    /// An `ay`.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    /// An `au` or `ah`.
    pub fn words(&mut self) -> Result<Words<'a>, Malformed> {
        let length = self.u32()? as usize;
        let (words, rest) = self.take(length)?.as_chunks();
        if !rest.is_empty() {
            return Err(Malformed("an array that ends within an element"));
        }
        Ok(Words { words, endian: self.endian })
    }

    /// An `as`, its strings one after the other.
    pub fn strings(&mut self) -> Result<Strings<'a>, Malformed> {
        let length = self.u32()? as usize;
        let bytes = self.take(length)?;
        Ok(Strings(Reader { bytes, at: 0, endian: self.endian }))
    }

    /// An `s` or `o`.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u32()? as usize;
        self.text(length)
    }

    fn signature(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.byte()?);
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Malformed> {
        let text = self.take(length)?;
        if self.byte()? != 0 {
            return Err(Malformed("a string without its end"));
        }
        std::str::from_utf8(text).map_err(|_| Malformed("a string that is not UTF-8"))
    }

    /// Passes over a value of a basic type.
    fn skip(&mut self, signature: &str) -> Result<(), Malformed> {
        match signature {
            "y" => self.byte().map(drop),
            "b" | "i" | "u" | "h" => self.u32().map(drop),
            "x" | "t" | "d" => self.u64().map(drop),
            "s" | "o" => self.string().map(drop),
            "g" => self.signature().map(drop),
            _ => Err(Malformed("a header field of a strange type")),
        }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N)?.first_chunk();
        Ok(*bytes.expect("as many as were asked for"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(SHORT)?;
        let taken = self.bytes.get(self.at..end).ok_or(SHORT)?;
        self.at = end;
        Ok(taken)
    }

    fn align(&mut self, to: usize) -> Result<(), Malformed> {
        let gap = self.at.next_multiple_of(to) - self.at;
        self.take(gap).map(drop)
    }
}

const SHORT: Malformed = Malformed("a message that ends within a value");

/// An array of 32-bit numbers.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    words: &'a [[u8; 4]],
    endian: Endian,
}

impl Words<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The one at `index`.
    pub fn get(&self, index: usize) -> Option<u32> {
        self.words.get(index).map(|word| self.endian.u32(*word))
    }
}

/// An array of strings.
#[derive(Debug, Clone)]
pub struct Strings<'a>(Reader<'a>);

impl<'a> Iterator for Strings<'a> {
    type Item = Result<&'a str, Malformed>;

    /// After the first error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let string = self.0.string();
        if string.is_err() {
            self.0.bytes = &[];
        }
        Some(string)
    }
}

/// Writes a reply without a value.
pub fn write_reply(out: &mut Vec<u8>, serial: u32, to: u32) {
    write_header(out, 2, serial, to, None, "", 0);
}

/// Writes a reply with a value: `body`, marshalled little-endian, is of this type.
pub fn write_value(out: &mut Vec<u8>, serial: u32, to: u32, signature: &str, body: &[u8]) {
    write_header(out, 2, serial, to, None, signature, body.len());
    out.extend_from_slice(body);
}

/// Writes an error reply.
pub fn write_error(out: &mut Vec<u8>, serial: u32, to: u32, name: &str, text: &str) {
    write_header(out, 3, serial, to, Some(name), "s", 4 + text.len() + 1);
    write_string(out, text);
}

fn write_header(
    out: &mut Vec<u8>,
    kind: u8,
    serial: u32,
    to: u32,
    error: Option<&str>,
    signature: &str,
    body: usize,
) {
    let start = out.len();
    out.extend_from_slice(&[b'l', kind, NO_REPLY_EXPECTED, 1]);
    out.extend_from_slice(&length(body).to_le_bytes());
    out.extend_from_slice(&serial.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[5, 1, b'u', 0]);
    out.extend_from_slice(&to.to_le_bytes());
    if let Some(name) = error {
        pad(out, start);
        out.extend_from_slice(&[4, 1, b's', 0]);
        write_string(out, name);
    }
    if !signature.is_empty() {
        pad(out, start);
        out.extend_from_slice(&[8, 1, b'g', 0, u8::try_from(signature.len()).unwrap_or(u8::MAX)]);
        out.extend_from_slice(signature.as_bytes());
        out.push(0);
    }
    let fields = length(out.len() - start - HEADER);
    out[start + 12..start + HEADER].copy_from_slice(&fields.to_le_bytes());
    pad(out, start);
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&length(text.len()).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn pad(out: &mut Vec<u8>, start: usize) {
    let padded = start + (out.len() - start).next_multiple_of(8);
    out.resize(padded, 0);
}

/// Our own messages are short.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a reply of a few kilobytes at most")
}
