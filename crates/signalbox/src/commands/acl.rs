//! `signalbox acl forget`: what clients may do.

use super::api::Api;
use crate::cli::Acl;
use crate::outcome::Outcome;
use crate::terminal::complain;

/// Runs the command.
pub(crate) fn run(command: &Acl) -> Outcome {
    let Acl::Forget { remote } = command;
    Api::new(remote)?.delete(&["authorization", "cache"])?;
    complain("services are asked anew what clients may do");
    Ok(())
}
