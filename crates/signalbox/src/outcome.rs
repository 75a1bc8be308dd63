//! How a command ends: what is said, and with which exit code.

use std::process::ExitCode;

use auth::AuthError;

/// What a command returns; a command that is done has said all it had to say.
pub(crate) type Outcome = Result<(), Stop>;

/// Why a command did not end with exit code 0.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Exit code 1: the command did its work and found something, or the world did not play along.
    Failed(anyhow::Error),
    /// Exit code 2: what it was given is wrong. The text is printed as it is.
    BadInput(String),
    /// Exit code 1, and everything is said already: a list of failed tests.
    Found,
    /// Exit code 0: who was reading has had enough, as `| head` has.
    NobodyReads,
}

impl Stop {
    /// Input that is refused, as `error: ...` with a way out below it.
    pub(crate) fn bad_input(message: impl std::fmt::Display, help: Option<&str>) -> Stop {
        let help = help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
        Stop::BadInput(format!("error: {message}{help}"))
    }

    /// Says what is left to say.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Stop::Failed(_) | Stop::Found => ExitCode::from(1),
            Stop::BadInput(_) => ExitCode::from(2),
            Stop::NobodyReads => ExitCode::SUCCESS,
        }
    }

    /// What is to be printed on standard error.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Stop::Failed(error) => Some(format!("error: {error:#}")),
            Stop::BadInput(text) => Some(text.clone()),
            Stop::Found | Stop::NobodyReads => None,
        }
    }
}

impl Stop {
    /// What is wrong with a file of users, rights or keys, or with what was to be written into it.
    pub(crate) fn of_auth(error: AuthError) -> Stop {
        match error {
            AuthError::File { .. } => Stop::BadInput(format!("error: {:#}", anyhow::Error::new(error))),
            AuthError::Missing { .. }
            | AuthError::Broken { .. }
            | AuthError::Name { .. }
            | AuthError::Unknown { .. }
            | AuthError::Exists { .. }
            | AuthError::Option { .. }
            | AuthError::Ban { .. }
            | AuthError::Rule { .. }
            | AuthError::HashCost(_) => Stop::BadInput(format!("error: {error}")),
        }
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Stop::NobodyReads } else { Stop::Failed(error.into()) }
    }
}

impl From<crate::config::Refused> for Stop {
    fn from(refused: crate::config::Refused) -> Stop {
        Stop::BadInput(refused.render())
    }
}
