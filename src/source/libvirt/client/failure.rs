//! libvirt's errors as ours.

use virt::connect::Connect;
use virt::error::{Error, ErrorNumber as N};

use super::super::LibvirtError;

/// Why no connection could be made.
pub(super) fn of_opening(error: &Error, uri: &str) -> LibvirtError {
    let (uri, words) = (uri.to_owned(), error.message().to_owned());
    match error.code() {
        code if is_refusal(code) => LibvirtError::Refused { uri, words },
        // The system's word for it is all that there is (src/rpc/virnetsocket.c).
        N::SystemError | N::InternalError | N::Rpc
            if words.contains("Permission denied") || words.contains("Host key verification failed") =>
        {
            LibvirtError::Refused { uri, words }
        }
        N::NoConnect | N::InvalidArg | N::ConfigUnsupported | N::NoSupport | N::UnknownHost => {
            LibvirtError::BadUri { uri, words }
        }
        _ => LibvirtError::Absent { uri, words },
    }
}

/// Why something could not be done over a connection.
pub(super) fn of_call(error: &Error, connect: &Connect, uri: &str) -> LibvirtError {
    if is_over(connect) {
        return LibvirtError::Disconnected;
    }
    let words = error.message().to_owned();
    match error.code() {
        code if is_refusal(code) => LibvirtError::Refused { uri: uri.to_owned(), words },
        N::NoDomain => LibvirtError::NoMachine { wanted: words, uri: uri.to_owned() },
        N::OperationAborted => LibvirtError::Cancelled,
        N::OperationInvalid => LibvirtError::NotNow(words),
        N::OperationTimeout | N::ResourceBusy => LibvirtError::Busy(words),
        N::XmlError | N::XmlDetail | N::XmlInvalidSchema | N::ParseFailed | N::DomExist => {
            LibvirtError::Rejected(words)
        }
        N::NoSupport | N::OperationUnsupported | N::ArgumentUnsupported | N::ConfigUnsupported => {
            LibvirtError::Unsupported(words)
        }
        _ => LibvirtError::Failed(words),
    }
}

/// Whether the connection has ended.
pub(super) fn is_over(connect: &Connect) -> bool {
    !connect.is_alive().unwrap_or(false)
}

fn is_refusal(code: N) -> bool {
    matches!(
        code,
        N::AuthFailed | N::AuthCancelled | N::AuthUnavailable | N::AccessDenied | N::OperationDenied
    )
}
