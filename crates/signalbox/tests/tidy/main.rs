//! What holds for the whole repository: who imports whom, and how files look.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]

mod architecture;
mod files;

use std::path::{Path, PathBuf};

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
