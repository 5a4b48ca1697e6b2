//! Has QEMU look at a display at once, over its own monitor or through libvirt's.

use serde_json::{Value, json};
use thiserror::Error;

use super::libvirt::{LibvirtError, Reached};
use super::qmp::{Client, QmpError};

/// Where nothing can ever be written.
const NOWHERE: &str = "/dev/null/oriel-refresh";

/// What a display showed when QEMU was made to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// A buffer of the guest's.
    Buffer,
    /// A surface of QEMU's own: text, ramfb, VGA.
    Surface,
}

/// Why QEMU does not look.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// There is nobody to ask any more.
    #[error("nobody answers: {0}")]
    Gone(String),
    #[error("{0}")]
    Refused(String),
}

/// Who passes it on to QEMU.
#[derive(Debug, Clone, Copy)]
pub enum Refresher<'a> {
    /// A monitor of our own.
    Monitor(&'a Client),
    /// libvirt, which marks the machine as tainted for it.
    Libvirt(&'a Reached),
}

impl Refresher<'_> {
    /// Whether somebody else minds.
    pub fn taints(self) -> bool {
        matches!(self, Self::Libvirt(_))
    }

    /// Has QEMU look at a display: the one of the device with this id and head, or else the first.
    ///
    /// The only command for that is `screendump`, whose first step it is (ui/ui-qmp-cmds.c,
    /// `qmp_screendump`); what follows fails. While a buffer of the guest's is shown there is no
    /// surface to dump; otherwise the dump stops at its file, which cannot be made anywhere, so that
    /// nothing is ever written.
    ///
    /// # Errors
    ///
    /// When QEMU refuses for another reason, or does not answer.
    pub async fn refresh(self, device: Option<(&str, u32)>) -> Result<Refreshed, RefreshError> {
        let arguments = match device {
            Some((id, head)) => json!({ "filename": NOWHERE, "device": id, "head": head }),
            None => json!({ "filename": NOWHERE }),
        };
        let words = match self {
            Self::Monitor(client) => match client.screendump(arguments).await {
                Err(QmpError::Refused { words, .. }) => Some(words),
                Err(error @ (QmpError::Closed | QmpError::Silent { .. })) => {
                    return Err(RefreshError::Gone(error.to_string()));
                }
                Err(error) => return Err(RefreshError::Refused(error.to_string())),
                Ok(()) => None,
            },
            Self::Libvirt(reached) => {
                let command = json!({ "execute": "screendump", "arguments": arguments });
                match reached.monitor(command.to_string()).await {
                    Ok(reply) => refusal(&reply)?,
                    Err(error) if error.is_of_connection() => {
                        return Err(RefreshError::Gone(error.to_string()));
                    }
                    // Another call is at it: the next will come through.
                    Err(LibvirtError::Busy(_)) => return Ok(Refreshed::Buffer),
                    Err(error) => return Err(RefreshError::Refused(error.to_string())),
                }
            }
        };
        match words {
            Some(words) if words == "no surface" => Ok(Refreshed::Buffer),
            Some(words) if words.contains(NOWHERE) => Ok(Refreshed::Surface),
            Some(words) => Err(RefreshError::Refused(words)),
            None => Err(RefreshError::Refused("it can write a picture where no file can be".to_owned())),
        }
    }
}

/// What QEMU's reply, as libvirt passes it on, refuses with.
fn refusal(reply: &str) -> Result<Option<String>, RefreshError> {
    let reply: Value = serde_json::from_str(reply)
        .map_err(|error| RefreshError::Refused(format!("libvirt's reply cannot be read: {error}")))?;
    Ok(reply["error"].as_object().map(|error| {
        let words = error.get("desc").and_then(Value::as_str);
        words.unwrap_or("it does not say why").to_owned()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libvirts_replies_are_understood() {
        let refused = r#"{"id":"libvirt-9","error":{"class":"GenericError","desc":"no surface"}}"#;
        assert_eq!(refusal(refused).unwrap().as_deref(), Some("no surface"));
        assert_eq!(refusal(r#"{"return":{}}"#).unwrap(), None);
        assert_eq!(refusal(r#"{"error":{}}"#).unwrap().as_deref(), Some("it does not say why"));
        assert!(matches!(refusal("nonsense"), Err(RefreshError::Refused(_))));
    }
}
