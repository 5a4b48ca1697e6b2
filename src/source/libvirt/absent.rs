//! The connection in builds without libvirt's library: there is none, and it says so.

use std::os::fd::OwnedFd;

use async_channel::Receiver;

use super::{
    Access, Change, FirstPicture, LibvirtError, Machine, Operation, Platform, Roster, Shot, Version, Which,
};

/// A connection to libvirt that cannot be made.
#[derive(Debug, Clone)]
pub struct Hypervisor {
    uri: String,
}

#[expect(clippy::unused_async, reason = "as it is where there is something to wait for")]
impl Hypervisor {
    /// Connects to nothing.
    pub fn connect(uri: impl Into<String>, _access: Access) -> Self {
        Self { uri: uri.into() }
    }

    /// The URI of the connection.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Nothing ever changes.
    pub fn changes(&self) -> Receiver<Change> {
        async_channel::bounded(1).1
    }

    /// There is nothing to connect to.
    pub fn retry(&self) {}

    /// # Errors
    ///
    /// Always, as all that follow.
    pub async fn machines(&self) -> Result<Vec<Machine>, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn find(&self, _wanted: &str) -> Result<Machine, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// Never completes.
    pub async fn when<T: Send + 'static>(
        &self,
        _test: impl FnMut(&Roster) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        std::future::pending().await
    }

    /// # Errors
    ///
    /// Always.
    pub async fn definition(&self, _uuid: &str, _which: Which) -> Result<String, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn define(&self, _definition: String) -> Result<(), LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn replace(
        &self,
        _uuid: &str,
        _before: String,
        _after: String,
    ) -> Result<Option<String>, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn capabilities(&self, _platform: Platform) -> Result<String, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn version(&self) -> Result<Version, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn monitor(&self, _uuid: &str, _command: String) -> Result<String, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn open_display(&self, _uuid: &str, _index: u32) -> Result<OwnedFd, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn operate(&self, _uuid: &str, _operation: Operation) -> Result<(), LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn start_watched(&self, _uuid: &str) -> Result<FirstPicture, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// No machine is ever started.
    pub fn awaits_viewer(&self, _uuid: &str) -> bool {
        false
    }

    /// # Errors
    ///
    /// Always.
    pub(in crate::source::libvirt) async fn go_on(&self, _uuid: &str) -> Result<(), LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// Nobody waits for it.
    pub(in crate::source) fn watched(&self, _uuid: &str, _picture: FirstPicture) {}

    /// # Errors
    ///
    /// Always.
    pub async fn screenshot(&self, _uuid: &str, _screen: u32) -> Result<Shot, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn progress(&self, _uuid: &str) -> Result<Option<u8>, LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }

    /// # Errors
    ///
    /// Always.
    pub async fn cancel(&self, _uuid: &str) -> Result<(), LibvirtError> {
        Err(LibvirtError::NotBuilt)
    }
}
