//! What a certificate says (RFC 5280, section 4.1). Whether it is good has been decided by others.

use std::fmt::Write as _;
use std::net::IpAddr;

use auth::PeerCertificate;
use bytestring::ByteString;
use events::Timestamp;
use sha2::{Digest as _, Sha256};

use super::der::{
    Element, GENERALIZED_TIME, IA5_STRING, INTEGER, OID, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTC_TIME, UTF8_STRING,
};

/// The version and the extensions have tags of their own, [0] and [3].
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;

/// Attributes of names, and how they are written (RFC 4514, section 3).
const ATTRIBUTES: [(&[u8], &str); 8] = [
    (COMMON_NAME, "CN"),
    (b"\x55\x04\x06", "C"),
    (b"\x55\x04\x07", "L"),
    (b"\x55\x04\x08", "ST"),
    (b"\x55\x04\x0a", "O"),
    (b"\x55\x04\x0b", "OU"),
    (b"\x55\x04\x05", "serialNumber"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
];
/// 2.5.4.3
const COMMON_NAME: &[u8] = b"\x55\x04\x03";
/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: &[u8] = b"\x55\x1d\x11";

/// Reads a certificate; `None` where the bytes are none.
pub(super) fn read(der: &[u8]) -> Option<PeerCertificate> {
    let mut outer = Reader(Reader(der).read(SEQUENCE)?);
    let mut body = Reader(outer.read(SEQUENCE)?);
    body.read(VERSION);
    let serial = body.read(INTEGER)?;
    let _algorithm = body.read(SEQUENCE)?;
    let issuer = body.read(SEQUENCE)?;
    let mut validity = Reader(body.read(SEQUENCE)?);
    let subject = body.read(SEQUENCE)?;
    let mut certificate = PeerCertificate {
        common_name: attributes(subject).filter(|(oid, _)| *oid == COMMON_NAME).last().map(|(_, value)| value.into()),
        subject: written(subject).into(),
        issuer: written(issuer).into(),
        serial: hex(serial),
        fingerprint_sha256: hex(&Sha256::digest(der)),
        not_before: moment(validity.next()?)?,
        not_after: moment(validity.next()?)?,
        ..PeerCertificate::default()
    };
    if let Some(names) = alternative_names(body) {
        names.for_each(|name| add_name(&mut certificate, name));
    }
    Some(certificate)
}

/// The attributes of a name: the identifier of each, and its value as text.
fn attributes(name: &[u8]) -> impl Iterator<Item = (&[u8], String)> {
    Reader(name).filter(|set| set.tag == SET).flat_map(|set| Reader(set.content)).filter_map(|attribute| {
        let mut attribute = Reader(attribute.content);
        let oid = attribute.read(OID)?;
        Some((oid, text(attribute.next()?)))
    })
}

fn text(value: Element<'_>) -> String {
    match value.tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => String::from_utf8_lossy(value.content).into_owned(),
        // Other alphabets are rare, and told as RFC 4514 tells what it cannot write.
        _ => format!("#{}", hex(value.content)),
    }
}

/// A name as RFC 4514 writes it: the last attribute first, as in `CN=pump-17,O=Example`.
fn written(name: &[u8]) -> String {
    let mut parts: Vec<String> = attributes(name)
        .map(|(oid, value)| {
            let known = ATTRIBUTES.iter().find(|(known, _)| *known == oid).map(|(_, short)| (*short).to_owned());
            format!("{}={}", known.unwrap_or_else(|| dotted(oid)), escaped(&value))
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

/// Escapes what RFC 4514, section 2.4 wants escaped.
fn escaped(value: &str) -> String {
    value.chars().fold(String::with_capacity(value.len()), |mut text, character| {
        if matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            text.push('\\');
        }
        text.push(character);
        text
    })
}

/// An object identifier as numbers with dots (X.690, section 8.19).
fn dotted(oid: &[u8]) -> String {
    let (mut parts, mut part) = (Vec::new(), 0u64);
    for byte in oid {
        part = part << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            parts.push(std::mem::take(&mut part));
        }
    }
    let first = parts.first().copied().unwrap_or_default();
    let root = (first / 40).min(2);
    let rest = parts.iter().skip(1).map(|part| format!(".{part}")).collect::<String>();
    format!("{root}.{}{rest}", first - root * 40)
}

/// The subject alternative names among the extensions behind the subject.
fn alternative_names(body: Reader<'_>) -> Option<Reader<'_>> {
    let extensions = { body }.find(|element| element.tag == EXTENSIONS)?.content;
    let names = Reader(Reader(extensions).read(SEQUENCE)?).find_map(|extension| {
        let mut extension = Reader(extension.content);
        let is_wanted = extension.read(OID)? == SUBJECT_ALTERNATIVE_NAME;
        extension.read(BOOLEAN);
        extension.read(OCTET_STRING).filter(|_| is_wanted)
    })?;
    Some(Reader(Reader(names).read(SEQUENCE)?))
}

/// Adds a name of RFC 5280, section 4.2.1.6.
fn add_name(certificate: &mut PeerCertificate, name: Element<'_>) {
    let text = || ByteString::from(String::from_utf8_lossy(name.content).into_owned());
    match name.tag {
        0x81 => certificate.emails.push(text()),
        0x82 => certificate.dns_names.push(text()),
        0x86 => certificate.uris.push(text()),
        0x87 => {
            let v4 = <[u8; 4]>::try_from(name.content).map(IpAddr::from);
            certificate.ip_addresses.extend(v4.or_else(|_| <[u8; 16]>::try_from(name.content).map(IpAddr::from)));
        }
        _ => {}
    }
}

/// A time of RFC 5280, section 4.1.2.5: always in UTC, with seconds.
fn moment(time: Element<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(time.content).ok()?.strip_suffix('Z')?;
    let (year, rest) = match time.tag {
        UTC_TIME => {
            let (digits, rest) = text.split_at_checked(2)?;
            let year: i64 = digits.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (digits, rest) = text.split_at_checked(4)?;
            (digits.parse().ok()?, rest)
        }
        _ => return None,
    };
    let number = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day, hour, minute, second) = (number(0)?, number(2)?, number(4)?, number(6)?, number(8)?);
    let days = days_from_epoch(year, month, day);
    Some(Timestamp((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000))
}

/// Days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is the last one.
const fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days_before_month + day - 719_469
}

fn hex(bytes: &[u8]) -> ByteString {
    let text = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    });
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by OpenSSL; the comments of the test are its `x509 -text`.
    const CERTIFICATE: &[u8] = include_bytes!("../../../tests/certificates/pump-17.der");

    #[test]
    fn a_certificate_of_another_make_is_read() {
        let certificate = read(CERTIFICATE).unwrap();
        assert_eq!(certificate.common_name.as_deref(), Some("pump-17"));
        assert_eq!(&*certificate.subject, "CN=pump-17,OU=Pumps\\, big ones,O=Plant,C=DE");
        assert_eq!(&*certificate.issuer, "1.2.840.113549.1.9.1=ca@example.com,CN=Plant CA");
        assert_eq!(&*certificate.serial, "0102030405060708");
        assert_eq!(certificate.dns_names, ["pump-17.example.com"]);
        assert_eq!(certificate.emails, ["pumps@example.com"]);
        assert_eq!(certificate.uris, ["urn:pump:17"]);
        assert_eq!(
            certificate.ip_addresses,
            ["192.0.2.17".parse::<IpAddr>().unwrap(), "2001:db8::17".parse().unwrap()]
        );
        // 2024-02-29 12:34:56 and 2054-03-01 00:00:00, UTC.
        assert_eq!(certificate.not_before, Timestamp(1_709_210_096_000));
        assert_eq!(certificate.not_after, Timestamp(2_655_936_000_000));
        assert_eq!(certificate.fingerprint_sha256.len(), 64);
    }

    #[test]
    fn a_certificate_that_is_cut_or_changed_does_no_harm() {
        for len in 0..CERTIFICATE.len() {
            assert_eq!(read(&CERTIFICATE[..len]), None, "{len} bytes");
        }
        for at in 0..CERTIFICATE.len() {
            for change in [0x01, 0x80, 0xFF] {
                let mut bytes = CERTIFICATE.to_vec();
                bytes[at] ^= change;
                // It may be read, or not; what it must not do is panic.
                let _certificate = read(&bytes);
            }
        }
    }
}
