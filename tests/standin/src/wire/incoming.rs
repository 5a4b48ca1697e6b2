//! Messages received.

use std::fmt;
use std::os::fd::OwnedFd;

use zbus::wire::serialized::{Context, Data};
use zbus::wire::{BE, LE};
use zbus::{Type, Variant};

use super::{FIXED_HEADER, Kind, MAX_MESSAGE, NO_REPLY_EXPECTED};

/// A message that came in. Fields that it lacks are empty.
pub struct Incoming {
    pub kind: Kind,
    pub flags: u8,
    pub serial: u32,
    pub path: String,
    pub interface: String,
    pub member: String,
    pub error: String,
    pub reply_to: u32,
    pub sender: Option<String>,
    pub signature: String,
    pub fds: Vec<OwnedFd>,
    pub(crate) fd_count: usize,
    body: Vec<u8>,
    context: Context,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("kind", &self.kind)
            .field("serial", &self.serial)
            .field("member", &self.member)
            .field("signature", &self.signature)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

type Header<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, Variant<'a>)>);

impl Incoming {
    /// The length of the whole message that starts with `fixed`, in bytes; `None` for no message.
    pub(crate) fn length(fixed: &[u8; FIXED_HEADER]) -> Option<usize> {
        let number = |at: usize| {
            let bytes = [fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]];
            match fixed[0] {
                b'l' => Some(u32::from_le_bytes(bytes) as usize),
                b'B' => Some(u32::from_be_bytes(bytes) as usize),
                _ => None,
            }
        };
        let length = (FIXED_HEADER + number(12)?).next_multiple_of(8) + number(4)?;
        (length <= MAX_MESSAGE).then_some(length)
    }

    /// Reads a whole message, except for its descriptors.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, zbus::Error> {
        let context = Context::new(if bytes.first() == Some(&b'B') { BE } else { LE }, 0);
        let data = Data::new(bytes, context);
        let (header, used): (Header<'_>, usize) = data.deserialize()?;
        let (_, kind, flags, _, _, serial, fields) = header;
        let kind = match kind {
            1 => Kind::Call,
            2 => Kind::Return,
            3 => Kind::Error,
            4 => Kind::Signal,
            _ => return Err(zbus::Error::InvalidField),
        };
        let mut message = Self {
            kind,
            flags,
            serial,
            path: String::new(),
            interface: String::new(),
            member: String::new(),
            error: String::new(),
            reply_to: 0,
            sender: None,
            signature: String::new(),
            fds: Vec::new(),
            fd_count: 0,
            body: data.bytes()[used.next_multiple_of(8).min(data.bytes().len())..].to_vec(),
            context,
        };
        for (code, value) in fields {
            message.set_field(code, &value);
        }
        Ok(message)
    }

    fn set_field(&mut self, code: u8, value: &Variant<'_>) {
        match (code, value) {
            (1, Variant::ObjectPath(path)) => self.path = path.as_str().to_owned(),
            (2, Variant::Str(text)) => self.interface = text.as_str().to_owned(),
            (3, Variant::Str(text)) => self.member = text.as_str().to_owned(),
            (4, Variant::Str(text)) => self.error = text.as_str().to_owned(),
            (5, Variant::U32(serial)) => self.reply_to = *serial,
            (9, Variant::U32(count)) => self.fd_count = *count as usize,
            (7, Variant::Str(text)) => self.sender = Some(text.as_str().to_owned()),
            (8, Variant::Signature(signature)) => {
                self.signature = signature.to_string_no_parens();
            }
            _ => {}
        }
    }

    /// Decodes the arguments; `T` is a tuple.
    pub fn read<T>(&self) -> Result<T, zbus::Error>
    where
        T: for<'d> serde::Deserialize<'d> + Type,
    {
        Ok(Data::new(self.body.clone(), self.context).deserialize()?.0)
    }

    #[must_use]
    pub fn expects_reply(&self) -> bool {
        self.kind == Kind::Call && self.flags & NO_REPLY_EXPECTED == 0
    }
}
