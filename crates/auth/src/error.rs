//! What can go wrong, and how it is said.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What can go wrong with the files of this crate.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A file cannot be read or written; the cause is attached.
    #[error("cannot {verb} `{}`", path.display())]
    File {
        /// `read`, `lock` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that was asked for is not there.
    #[error("expected a file `{}`, found none\nhelp: {help}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What to do.
        help: &'static str,
    },
    /// A file has mistakes: all of them, each with its line.
    #[error("{}", Faults { path, faults })]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, by line.
        faults: Vec<Fault>,
    },
    /// A name or role that cannot stand in the file.
    #[error("expected {expected}, found `{found}`")]
    Name {
        /// What may stand there.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A user or key of that name is not there.
    #[error("no {what} `{name}`{}", .close.as_ref().map(|close| format!("\nhelp: did you mean `{close}`?")).unwrap_or_default())]
    Unknown {
        /// `user` or `key`.
        what: &'static str,
        /// The name.
        name: String,
        /// The name that comes closest.
        close: Option<String>,
    },
    /// A user or key of that name is there already.
    #[error("{what} `{name}` is there already\nhelp: {help}")]
    Exists {
        /// `user` or `key`.
        what: &'static str,
        /// The name.
        name: String,
        /// What to do instead.
        help: &'static str,
    },
    /// An option that cannot be used.
    #[error("`{option}`: {message}{}", .help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default())]
    Option {
        /// The option, such as `auth.authenticators.fleet.url`.
        option: String,
        /// What was expected and what was found.
        message: String,
        /// What may be meant.
        help: Option<String>,
    },
    /// A rule that cannot be made.
    #[error("{message}")]
    Rule {
        /// What was expected and found.
        message: String,
    },
    /// A ban that cannot be made.
    #[error("{message}")]
    Ban {
        /// What was expected and found.
        message: String,
    },
    /// The parameters of a password hash are out of range.
    #[error("expected parameters argon2id takes, found {0}")]
    HashCost(String),
}

impl AuthError {
    /// What is wrong with an option, and what may be meant.
    pub(crate) fn option(option: &str, (message, help): (String, Option<String>)) -> AuthError {
        AuthError::Option { option: option.to_owned(), message, help }
    }
}

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub message: String,
    /// What may have been meant.
    pub help: Option<String>,
}

struct Faults<'a> {
    path: &'a PathBuf,
    faults: &'a [Fault],
}

/// `file:line: message`, the help on the next line.
impl fmt::Display for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{}: {}", self.path.display(), fault.line, fault.message)?;
            if let Some(help) = &fault.help {
                write!(f, "\nhelp: {help}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_with_file_and_line() {
        let error = AuthError::Broken {
            path: "acl".into(),
            faults: vec![
                Fault {
                    line: 2,
                    message: "expected `user`, found `usr`".into(),
                    help: Some("did you mean `user`?".into()),
                },
                Fault { line: 7, message: "expected a topic filter".into(), help: None },
            ],
        };
        assert_eq!(
            error.to_string(),
            "acl:2: expected `user`, found `usr`\nhelp: did you mean `user`?\nacl:7: expected a topic filter"
        );
    }
}
