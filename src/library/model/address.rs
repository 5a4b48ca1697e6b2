//! libvirt's URIs, as people type them (libvirt: docs/uri.rst).

use std::fmt;

use thiserror::Error;

use crate::source::libvirt::is_remote;

/// The URI of one of libvirt's connections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Why a text is no such URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("nothing was typed")]
    Empty,
    #[error("there is no '://' in it")]
    NoScheme,
    #[error("a URI has neither blanks nor control characters")]
    Blank,
    #[error("what it is to drive is missing")]
    NoDriver,
    #[error("it needs a host")]
    NoHost,
    #[error("it needs a path, such as /system")]
    NoPath,
}

impl Address {
    /// Reads what a person typed: a URI, or `user@host` for that computer's own machines over SSH.
    ///
    /// # Errors
    ///
    /// When libvirt could not make anything of it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(AddressError::Blank);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            // As with ssh: the computer alone is enough.
            let plain = !text.contains(['/', '?', '#', ':']);
            return match plain && text.contains('@') {
                true => Ok(Self(format!("qemu+ssh://{text}/system"))),
                false => Err(AddressError::NoScheme),
            };
        };
        let (driver, transport) = scheme.split_once('+').unwrap_or((scheme, ""));
        if driver.is_empty() || !driver.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(AddressError::NoDriver);
        }
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() && matches!(transport, "ssh" | "libssh" | "libssh2" | "tls" | "tcp") {
            return Err(AddressError::NoHost);
        }
        match path.trim_start_matches('/') {
            "" => Err(AddressError::NoPath),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The other computer that a connection leads to, without who one is there.
    pub fn host(uri: &str) -> Option<&str> {
        let (_, rest) = uri.split_once("://").filter(|_| is_remote(uri))?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        host.rsplit('@').next()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
