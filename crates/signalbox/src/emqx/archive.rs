//! The archives of `emqx ctl data export` and of the dashboard's backup: the configuration in them.

use std::io::Read as _;

use flate2::read::GzDecoder;
use tar::Archive;

/// What every gzip file begins with (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// The file in the archive that holds rules, actions and connectors.
const CONFIGURATION: &str = "cluster.hocon";

/// The most bytes of configuration that are read; beyond that it is a bomb rather than an export.
const CONFIGURATION_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most bytes that are unpacked on the way to it.
const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Whether these bytes are a compressed archive.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP_MAGIC)
}

/// The configuration in the archive.
pub(super) fn configuration(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let wrong = |cause: std::io::Error| format!("the archive cannot be read: {cause}");
    let mut archive = Archive::new(GzDecoder::new(bytes).take(UNPACKED_BYTES_MAX));
    // Raw, for a name that an entry of its own holds would be kept whole, however long; ours is short.
    for entry in archive.entries().map_err(wrong)?.raw(true) {
        let entry = entry.map_err(wrong)?;
        let is_wanted = entry.path().map_err(wrong)?.file_name().is_some_and(|name| name == CONFIGURATION);
        if !is_wanted {
            continue;
        }
        if entry.size() > CONFIGURATION_BYTES_MAX {
            return Err(format!("`{CONFIGURATION}` in the archive is longer than {CONFIGURATION_BYTES_MAX} bytes"));
        }
        let mut text = Vec::new();
        entry.take(CONFIGURATION_BYTES_MAX).read_to_end(&mut text).map_err(wrong)?;
        return Ok(text);
    }
    Err(format!("there is no `{CONFIGURATION}` in the archive"))
}
