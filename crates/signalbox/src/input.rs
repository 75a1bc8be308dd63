//! What commands are given to read: a file, or standard input for `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// All of it, if it has at most so many bytes; no more are read.
pub(crate) fn read(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        read_from(io::stdin().lock(), bytes_max)
    } else {
        read_from(File::open(file)?, bytes_max)
    }
}

fn read_from(input: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = input.take(bytes_max);
    input.read_to_end(&mut bytes)?;
    if input.into_inner().read(&mut [0])? == 0 {
        return Ok(bytes);
    }
    Err(io::Error::other(format!("it has more than {} MiB", bytes_max / (1024 * 1024))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_allowed() {
        assert_eq!(read_from(&b"abc"[..], 3).unwrap(), b"abc");
        assert_eq!(read_from(io::repeat(0), 2 * 1024 * 1024).unwrap_err().to_string(), "it has more than 2 MiB");
        assert!(read(Path::new("/dev/zero"), 1024).is_err());
    }
}
