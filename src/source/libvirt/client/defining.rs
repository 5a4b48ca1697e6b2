//! What is asked of libvirt to change a machine's definition, and to know what can be in one.

use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

use super::super::{LibvirtError, Platform, Version};
use super::{Hypervisor, QUICK, SLOW};

/// What came of the attempt to put one definition in another's place.
enum Attempt {
    /// The one that was to be replaced is not there any more.
    Edited,
    /// It is done; what libvirt made of it, if it still tells.
    Done(Option<String>),
}

impl Hypervisor {
    /// Gives a machine another definition. libvirt validates it, and takes it whole or not at all; a
    /// machine that runs has it from its next start on.
    ///
    /// # Errors
    ///
    /// When libvirt does not take it: nothing has changed then.
    pub async fn define(&self, definition: String) -> Result<(), LibvirtError> {
        // The first time, libvirt asks every QEMU what it can do.
        let defined = self.call("take the definition", SLOW, move |connect| {
            Domain::define_xml_flags(connect, &definition, sys::VIR_DOMAIN_DEFINE_VALIDATE).map(drop)
        });
        defined.await.map_err(rejected)
    }

    /// Puts another definition in the place of the one that was read
    /// ([`Which::Next`](super::super::Which::Next)), as [`Self::define`] does, if that is still the
    /// machine's. Gives back how libvirt says the new one; `None` where it does not say it any more.
    ///
    /// libvirt itself does not compare. Between its last word on the old definition and its first on the
    /// new one lies nothing but this call.
    ///
    /// # Errors
    ///
    /// When somebody has changed it in between, there is no such machine any more, or libvirt does not
    /// take it: nothing has changed then. When libvirt is silent or lost, it may have.
    pub async fn replace(
        &self,
        uuid: &str,
        before: String,
        after: String,
    ) -> Result<Option<String>, LibvirtError> {
        let replaced = self.of("take the definition", SLOW, uuid, move |connect, domain| {
            if next(domain)? != before {
                return Ok(Attempt::Edited);
            }
            let domain = Domain::define_xml_flags(connect, &after, sys::VIR_DOMAIN_DEFINE_VALIDATE)?;
            Ok(Attempt::Done(next(&domain).ok()))
        });
        match replaced.await.map_err(rejected)? {
            Attempt::Edited => Err(LibvirtError::Edited),
            Attempt::Done(now) => Ok(now),
        }
    }

    /// What machines of this platform can have here, as libvirt's XML (its docs/formatdomaincaps.rst).
    ///
    /// # Errors
    ///
    /// When there is no such platform.
    pub async fn capabilities(&self, platform: Platform) -> Result<String, LibvirtError> {
        let Platform { emulator, arch, machine, kind } = platform;
        // The first time, libvirt asks QEMU what it can do.
        let told = self.call("tell what QEMU can do", SLOW, move |connect| {
            let [emulator, arch, machine, kind] = [&emulator, &arch, &machine, &kind].map(Option::as_deref);
            connect.get_domain_capabilities(emulator, arch, machine, kind, 0)
        });
        told.await
    }

    /// Which libvirt is at the other end.
    ///
    /// # Errors
    ///
    /// When it does not say.
    pub async fn version(&self) -> Result<Version, LibvirtError> {
        self.call("tell its version", QUICK, |connect| connect.get_lib_version().map(Version)).await
    }

    /// Has QEMU's monitor execute a command of its machine protocol, and gives back its reply. libvirt
    /// marks the machine as tainted for it (its docs/drvqemu.rst, 'Passthrough of QEMU monitor
    /// commands').
    ///
    /// # Errors
    ///
    /// When libvirt refuses; what QEMU refuses is a reply.
    pub async fn monitor(&self, uuid: &str, command: String) -> Result<String, LibvirtError> {
        let executed = self.of("pass a command to QEMU", QUICK, uuid, move |_, domain| {
            domain.qemu_monitor_command(&command, 0)
        });
        executed.await
    }
}

/// A machine's definition as it will be started the next time. Passwords, too: what is defined again
/// without them has none.
pub(super) fn next(domain: &Domain) -> Result<String, Error> {
    domain.get_xml_desc(sys::VIR_DOMAIN_XML_INACTIVE | sys::VIR_DOMAIN_XML_SECURE)
}

fn rejected(error: LibvirtError) -> LibvirtError {
    match error {
        LibvirtError::Unsupported(words) | LibvirtError::Failed(words) => LibvirtError::Rejected(words),
        error => error,
    }
}
