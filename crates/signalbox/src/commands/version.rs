//! `signalbox version`.

use serde_json::json;

use crate::cli::Output;
use crate::outcome::Outcome;
use crate::terminal::{say, say_json};

/// Prints version and platform.
pub(crate) fn run(output: Output) -> Outcome {
    let (version, arch, os) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, std::env::consts::OS);
    if output.json {
        say_json(&json!({ "version": version, "arch": arch, "os": os }))?;
    } else {
        say(&format!("signalbox {version} ({arch}-{os})"))?;
    }
    Ok(())
}
