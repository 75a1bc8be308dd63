//! How the engine gets the actions that rules ask for, without knowing any kind of them.

use std::ops::Range;

use bytestring::ByteString;
use events::Type;
use sql::Diagnostic;

use crate::{Action, ActionError, BoxFuture, SourceStatus};

/// Builds actions. The crate with the connectors implements it, and so do tests.
pub trait ActionFactory: Send + Sync {
    /// Builds the action that `spec` describes, or says everything that is wrong with it.
    ///
    /// Called whenever a rule file is read, also for a rule that is refused in the end, so nothing may be opened or
    /// sent here: connect when the first batch comes, or in [`Action::check`].
    fn build(&self, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>>;

    /// The connectors that there are: name and kind.
    fn connectors(&self) -> Vec<(String, &'static str)> {
        Vec::new()
    }

    /// The sources that there are, and how they are.
    fn sources(&self) -> Vec<SourceStatus> {
        Vec::new()
    }

    /// Reaches for the other side of a source, and looks whether it lets us listen; `None` where there is no such source.
    fn check_source<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Option<Result<(), ActionError>>> {
        Box::pin(std::future::ready(None))
    }

    /// Reaches for the other side of a connector; `None` where there is no such connector.
    fn check_connector<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Option<Result<(), ActionError>>> {
        Box::pin(std::future::ready(None))
    }

    /// Takes a connector up, or another in place of the one of that name. Its options are as they were given, with
    /// `${env:...}` and `${file:...}` in them. Actions that were built before keep the one that they have.
    fn put_connector(&self, name: &str, _options: &toml::Table) -> Result<(), Vec<ConfigError>> {
        Err(vec![ConfigError::at(&[], format!("there are no connectors here, so no `{name}`"))])
    }

    /// Forgets a connector.
    fn remove_connector(&self, _name: &str) {}

    /// Reads the options of a connector that nobody has declared, and reaches for its other side.
    fn probe_connector<'a>(&'a self, _options: &'a toml::Table) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(std::future::ready(Err(ActionError::new("there are no connectors here"))))
    }
}

/// A connector and who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorUse {
    /// Its name in the configuration.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// The rules and actions that use it.
    pub actions: Vec<(String, String)>,
}

/// An action as a rule file describes it.
#[derive(Clone, Copy, Debug)]
pub struct ActionSpec<'a> {
    /// The identifier of the rule.
    pub rule: &'a str,
    /// The name of the action, unique in its rule: given as `name`, else the connector or kind.
    pub name: &'a str,
    /// What carries it.
    pub via: Via<'a>,
    /// The options that belong to the kind; what belongs to the engine (`name`, `buffer`, `batch`, `retry`,
    /// `fallback`) is taken out already.
    pub options: &'a toml::Table,
    /// The fields of the rule's rows with their types, in order; `None` where only an event can tell (`SELECT *` over
    /// messages, computed names). Variables of templates are checked against it.
    pub output_fields: Option<&'a [(ByteString, Type)]>,
}

/// What carries an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via<'a> {
    /// `republish = { ... }`: a kind that needs no connector. Its options are the table.
    Kind(&'a str),
    /// `connector = "ops_webhook"`: a connector of the configuration. Its options are the keys beside it.
    Connector(&'a str),
}

/// What is wrong with an action, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// The way to the value from [`ActionSpec::options`], such as `["headers", "x-site"]`. Empty: the action itself,
    /// its kind or its connector.
    pub path: Vec<String>,
    /// Whether the key itself is meant and not its value, as for an unknown option.
    pub at_key: bool,
    /// The bytes of a text value that are meant, where that can be told; a variable of a template.
    pub within: Option<Range<usize>>,
    /// The code of what is wrong with a template; other errors have that of actions.
    pub code: Option<&'static str>,
    /// What is wrong: expected and found.
    pub message: String,
    /// What to do about it, where that can be guessed.
    pub help: Option<String>,
}

impl From<Vec<ConfigError>> for ActionError {
    /// All of them in one sentence, with the first advice.
    fn from(errors: Vec<ConfigError>) -> ActionError {
        let message = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
        ActionError { message, help: errors.into_iter().find_map(|error| error.help) }
    }
}

impl ConfigError {
    /// An error about the value at `path`.
    pub fn at(path: &[&str], message: impl Into<String>) -> ConfigError {
        ConfigError {
            path: path.iter().map(|&step| step.to_owned()).collect(),
            at_key: false,
            within: None,
            code: None,
            message: message.into(),
            help: None,
        }
    }

    /// An error about the key at `path`, with the nearest of the names that would do.
    pub fn unknown_key(path: &[&str], known: &[&str]) -> ConfigError {
        let found = path.last().copied().unwrap_or_default();
        let help = match events::closest(found, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("expected one of `{}`", known.join("`, `")),
        };
        ConfigError { at_key: true, ..ConfigError::at(path, format!("unknown option `{found}`")).with_help(help) }
    }

    /// What is wrong with the template at `path`.
    pub fn of_template(path: &[&str], diagnostic: Diagnostic) -> ConfigError {
        let Diagnostic { code, span, message, help, severity: _ } = diagnostic;
        ConfigError { within: Some(span), code: Some(code), help, ..ConfigError::at(path, message) }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> ConfigError {
        ConfigError { help: Some(help.into()), ..self }
    }
}
