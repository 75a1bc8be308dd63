//! What a client's TLS certificate says.

use bytestring::ByteString;
use events::Timestamp;

/// What a client's TLS certificate says. The listener has verified it: signed by an authority it trusts, not expired,
/// and the client has its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The common name of the subject; the last one where there are several.
    pub common_name: Option<ByteString>,
    /// The distinguished name of the subject as RFC 4514 writes it, such as `CN=pump-17,O=Example`.
    pub subject: ByteString,
    /// The distinguished name of the authority that signed it.
    pub issuer: ByteString,
    /// The serial number, in hexadecimal, lower case.
    pub serial: ByteString,
    /// SHA-256 of the whole certificate, in hexadecimal, lower case.
    pub fingerprint_sha256: ByteString,
    /// The subject alternative names that are DNS names, in their order.
    pub dns_names: Vec<ByteString>,
    /// The subject alternative names that are mail addresses.
    pub emails: Vec<ByteString>,
    /// The subject alternative names that are URIs.
    pub uris: Vec<ByteString>,
    /// The subject alternative names that are IP addresses.
    pub ip_addresses: Vec<std::net::IpAddr>,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it expires.
    pub not_after: Timestamp,
}
