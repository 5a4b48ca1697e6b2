//! What QEMU calls on our clipboard, as values: the only door for its arguments.

use thiserror::Error;

use super::{Said, TEXT};
use crate::clipboard::Selection;
use crate::display1::interface;
use crate::display1::wire::{Malformed, Message};

/// A call that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The machine tells something.
    Told(Said),
    /// The guest pastes: it waits for this text, and the whole machine with it.
    Text(Selection),
    /// Which properties there are.
    Properties,
    /// Which extensions there are.
    Interfaces,
}

/// Why a call makes no sense, with the name of the D-Bus error that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAsked {
    #[error("no such method")]
    Method,
    #[error("no such property")]
    Property,
    #[error("arguments of other types")]
    Arguments,
    #[error("no such selection")]
    Selection,
    #[error("there is only {TEXT}")]
    Type,
}

impl NotAsked {
    /// The error that tells QEMU.
    pub fn name(self) -> &'static str {
        match self {
            Self::Method => "org.freedesktop.DBus.Error.UnknownMethod",
            Self::Property => "org.freedesktop.DBus.Error.UnknownProperty",
            Self::Arguments => "org.freedesktop.DBus.Error.InvalidArgs",
            Self::Selection => "org.qemu.Display1.Error.Invalid",
            Self::Type => "org.qemu.Display1.Error.Unsupported",
        }
    }
}

impl From<Malformed> for NotAsked {
    fn from(_: Malformed) -> Self {
        Self::Arguments
    }
}

impl Asked {
    /// What a call to our object asks for.
    ///
    /// # Errors
    ///
    /// When it is none that our object has, or asks for what there is not.
    pub fn decode(call: &Message<'_>) -> Result<Self, NotAsked> {
        let mut body = call.body.clone();
        let signature = |wanted| if call.signature == wanted { Ok(()) } else { Err(NotAsked::Arguments) };
        match (call.interface, call.member) {
            (interface::CLIPBOARD | "", "Register") => Ok(Self::Told(Said::Reset)),
            (interface::CLIPBOARD | "", "Grab") => {
                signature("uuas")?;
                let (selection, serial) = (body.u32()?, body.u32()?);
                let selection = Selection::from_number(selection).ok_or(NotAsked::Selection)?;
                let text = body
                    .strings()?
                    .try_fold(false, |found, one| Ok::<_, Malformed>(found | (one? == TEXT)))?;
                Ok(Self::Told(Said::Grabbed { selection, serial, text }))
            }
            (interface::CLIPBOARD | "", "Release") => {
                signature("u")?;
                let selection = Selection::from_number(body.u32()?).ok_or(NotAsked::Selection)?;
                Ok(Self::Told(Said::Released(selection)))
            }
            (interface::CLIPBOARD | "", "Request") => {
                signature("uas")?;
                let selection = Selection::from_number(body.u32()?).ok_or(NotAsked::Selection)?;
                let text = body
                    .strings()?
                    .try_fold(false, |found, one| Ok::<_, Malformed>(found | (one? == TEXT)))?;
                if text { Ok(Self::Text(selection)) } else { Err(NotAsked::Type) }
            }
            (interface::PROPERTIES | "", "GetAll") => {
                signature("s")?;
                Ok(Self::Properties)
            }
            (interface::PROPERTIES | "", "Get") => {
                signature("ss")?;
                let (_, property) = (body.string()?, body.string()?);
                if property == "Interfaces" { Ok(Self::Interfaces) } else { Err(NotAsked::Property) }
            }
            _ => Err(NotAsked::Method),
        }
    }
}
