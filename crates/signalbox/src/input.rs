//! What commands are given to read: a file, or standard input for `-`.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

/// All of it.
pub(crate) fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return fs::read(file);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}
