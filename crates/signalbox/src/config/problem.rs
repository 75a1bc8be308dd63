//! What is wrong with a configuration, where, and how to mend it.

use std::ops::Range;

use sql::Diagnostic;

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    /// What kind of mistake it is.
    pub(crate) code: Code,
    /// What was expected and what was found.
    pub(crate) message: String,
    /// Where: a place in the configuration file, an environment variable or a flag.
    pub(crate) place: Place,
    /// How to mend it, where we can guess.
    pub(crate) help: Option<String>,
}

/// What kind of mistake it is; the numbers are never given to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The file is not TOML, or cannot be read.
    Syntax,
    /// There is no such option or section.
    Unknown,
    /// The value does not fit the option.
    Value,
    /// A secret is not there.
    Secret,
    /// A connector of this kind cannot be made of these options.
    Connector,
}

impl Code {
    /// As it is shown: `error[C102]: ...`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Code::Syntax => "C101",
            Code::Unknown => "C102",
            Code::Value => "C103",
            Code::Secret => "C104",
            Code::Connector => "C105",
        }
    }
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// Bytes of the configuration file.
    File(Range<usize>),
    /// An environment variable or a flag, by its name.
    Given(String),
    /// Nowhere in particular.
    Nowhere,
}

/// The configuration file as it was read.
#[derive(Clone)]
pub(crate) struct Source {
    /// Its name, as the user wrote it.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// Without the text, which may hold secrets.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Problem {
    /// A problem at a place, without help.
    pub(crate) fn at(code: Code, place: Place, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), place, help: None }
    }

    /// The same problem with a way to mend it.
    pub(crate) fn with_help(self, help: Option<String>) -> Problem {
        Problem { help: help.or(self.help), ..self }
    }

    /// The problem as text: the message, the line it is in and a caret below it.
    pub(crate) fn render(&self, source: Option<&Source>) -> String {
        let help = self.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
        let message = format!("error[{}]: {}", self.code.name(), self.message);
        match (&self.place, source) {
            (Place::File(span), Some(source)) => Diagnostic::error(self.code.name(), span.clone(), &*self.message)
                .with_help_if(self.help.clone())
                .render(&source.name, &source.text, 0)
                .trim_end()
                .to_owned(),
            (Place::Given(name), _) => format!("{message}\n  --> {name}{help}"),
            (Place::File(_), None) | (Place::Nowhere, _) => format!("{message}{help}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_the_line_and_a_caret_below_the_word() {
        let source = Source { name: "signalbox.toml".into(), text: "[http]\nbnid = 1\n".into() };
        let problem = Problem::at(Code::Unknown, Place::File(7..11), "no option `bnid` in `[http]`")
            .with_help(Some("did you mean `bind`?".to_owned()));
        assert_eq!(
            problem.render(Some(&source)),
            "error[C102]: no option `bnid` in `[http]`\n --> signalbox.toml:2:1\n  |\n2 | bnid = 1\n  | ^^^^ help: did you mean `bind`?"
        );
    }
}
