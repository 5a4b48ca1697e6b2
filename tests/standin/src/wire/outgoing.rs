//! Messages to send, with the headers that GDBus writes.

use std::borrow::Cow;

use super::encode::{pad, put_array, put_signature, put_str, put_u32};
use super::{Args, Incoming, Kind, NO_REPLY_EXPECTED};

/// Names in a message's header, most of them known beforehand.
type Text = Cow<'static, str>;

/// A message before its serial number is known.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) path: Option<Text>,
    pub(crate) interface: Option<Text>,
    pub(crate) member: Option<Text>,
    pub(crate) error: Option<Text>,
    pub(crate) reply_to: Option<u32>,
    pub(crate) destination: Option<Text>,
    pub(crate) args: Args,
}

impl Outgoing {
    fn new(kind: Kind, args: Args) -> Self {
        Self {
            kind,
            flags: 0,
            path: None,
            interface: None,
            member: None,
            error: None,
            reply_to: None,
            destination: None,
            args,
        }
    }

    pub(crate) fn call(
        path: impl Into<Text>,
        interface: impl Into<Text>,
        member: impl Into<Text>,
        args: Args,
    ) -> Self {
        Self {
            path: Some(path.into()),
            interface: Some(interface.into()),
            member: Some(member.into()),
            ..Self::new(Kind::Call, args)
        }
    }

    pub(crate) fn no_reply(mut self) -> Self {
        self.flags |= NO_REPLY_EXPECTED;
        self
    }

    pub(crate) fn to(mut self, destination: &'static str) -> Self {
        self.destination = Some(destination.into());
        self
    }

    pub(crate) fn signal(
        path: impl Into<Text>,
        interface: impl Into<Text>,
        member: impl Into<Text>,
        args: Args,
    ) -> Self {
        Self { flags: NO_REPLY_EXPECTED, kind: Kind::Signal, ..Self::call(path, interface, member, args) }
    }

    pub(crate) fn reply(call: &Incoming, args: Args) -> Self {
        Self {
            reply_to: Some(call.serial),
            destination: call.sender.clone().map(Text::from),
            flags: NO_REPLY_EXPECTED,
            ..Self::new(Kind::Return, args)
        }
    }

    pub(crate) fn error(call: &Incoming, name: impl Into<Text>, text: &str) -> Self {
        Self { kind: Kind::Error, error: Some(name.into()), ..Self::reply(call, Args::new().str(text)) }
    }

    /// Everything up to a shared tail, as bytes.
    pub(crate) fn head(&self, serial: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(192 + self.args.bytes.len());
        out.extend_from_slice(&[b'l', self.kind as u8, self.flags, 1]);
        put_u32(&mut out, u32::try_from(self.args.body_len()).expect("less than 4 GiB"));
        put_u32(&mut out, serial);
        put_array(&mut out, 8, |out| self.put_fields(out));
        pad(&mut out, 8);
        out.extend_from_slice(&self.args.bytes);
        out
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        let strings = [
            (1, "o", &self.path),
            (2, "s", &self.interface),
            (3, "s", &self.member),
            (4, "s", &self.error),
            (6, "s", &self.destination),
        ];
        for (code, signature, value) in strings {
            if let Some(value) = value {
                pad(out, 8);
                out.push(code);
                put_signature(out, signature);
                put_str(out, value);
            }
        }
        let fds = u32::try_from(self.args.fds.len()).expect("few descriptors");
        for (code, value) in [(5, self.reply_to), (9, (fds > 0).then_some(fds))] {
            if let Some(value) = value {
                pad(out, 8);
                out.push(code);
                put_signature(out, "u");
                put_u32(out, value);
            }
        }
        // GDBus writes it also where there are no arguments.
        pad(out, 8);
        out.push(8);
        put_signature(out, "g");
        put_signature(out, &self.args.signature);
    }
}
