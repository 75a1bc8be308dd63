//! The names of sources: what stands in FROM for the messages of another broker.

use std::fmt;

use bytestring::ByteString;

use crate::column::Column;
use crate::{Type, Value, closest};

/// The kinds of sources.
const KINDS: &[&str] = &["mqtt"];

/// A source by what FROM calls it: `$sources/mqtt:plant`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceTopic(ByteString);

/// Why a text in FROM names no source, though it begins as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSource {
    /// Expected and found.
    pub message: String,
    /// What was meant, where that can be guessed.
    pub help: Option<String>,
}

impl SourceTopic {
    /// What every such text begins with.
    pub const PREFIX: &'static str = "$sources/";

    /// What EMQX has called it before.
    pub const OLD_PREFIX: &'static str = "$bridges/";

    /// The source `name` of the kind `mqtt`.
    pub fn mqtt(name: &str) -> SourceTopic {
        SourceTopic(format!("{}mqtt:{name}", SourceTopic::PREFIX).into())
    }

    /// The source of the sample.
    pub fn sample() -> SourceTopic {
        SourceTopic::mqtt("plant")
    }

    /// Reads what stands in FROM, `$sources/mqtt:NAME` or `$bridges/mqtt:NAME`; `None` where it begins as neither.
    pub fn parse(text: &str) -> Option<Result<SourceTopic, WrongSource>> {
        let rest = text.strip_prefix(SourceTopic::PREFIX).or_else(|| text.strip_prefix(SourceTopic::OLD_PREFIX))?;
        Some(SourceTopic::parse_rest(rest))
    }

    fn parse_rest(rest: &str) -> Result<SourceTopic, WrongSource> {
        let prefix = SourceTopic::PREFIX;
        let Some((kind, name)) = rest.split_once(':') else {
            let message = format!("expected kind and name of a source, such as `{prefix}mqtt:plant`, found `{rest}`");
            return Err(WrongSource { message, help: None });
        };
        if !KINDS.contains(&kind) {
            let help = match closest(kind, KINDS.iter().copied()) {
                Some(near) => format!("did you mean `{prefix}{near}:{name}`?"),
                None => format!("there are sources of the kind `{}`", KINDS.join("`, `")),
            };
            return Err(WrongSource { message: format!("no kind of source `{kind}`"), help: Some(help) });
        }
        if name.is_empty() || name.contains(['+', '#', '*', '/']) {
            let message = format!("expected the name of one source behind `{prefix}{kind}:`, found `{name}`");
            return Err(WrongSource { message, help: Some("list several sources, with commas between them".into()) });
        }
        Ok(SourceTopic::mqtt(name))
    }

    /// The whole text: `$sources/mqtt:plant`.
    pub const fn as_text(&self) -> &ByteString {
        &self.0
    }

    /// The name alone: `plant`.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for SourceTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SourceTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name alone.
impl Column for SourceTopic {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.0.slice_ref(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_by_kind_and_name_under_both_spellings() {
        for text in ["$sources/mqtt:plant", "$bridges/mqtt:plant"] {
            let source = SourceTopic::parse(text).unwrap().unwrap();
            assert_eq!((source.name(), &**source.as_text()), ("plant", "$sources/mqtt:plant"));
            assert_eq!(source.to_value(), Value::from("plant"));
        }
        assert!(SourceTopic::parse("plant/#").is_none() && SourceTopic::parse("$events/client_ping").is_none());
    }

    #[test]
    fn what_names_no_source_is_told_with_what_was_meant() {
        for (text, message, help) in [
            ("$sources/plant", "expected kind and name of a source, such as `$sources/mqtt:plant`, found `plant`", ""),
            ("$bridges/mqt:x", "no kind of source `mqt`", "did you mean `$sources/mqtt:x`?"),
            ("$sources/kafka:x", "no kind of source `kafka`", "there are sources of the kind `mqtt`"),
            (
                "$sources/mqtt:*",
                "expected the name of one source behind `$sources/mqtt:`, found `*`",
                "list several sources, with commas between them",
            ),
        ] {
            let wrong = SourceTopic::parse(text).unwrap().unwrap_err();
            assert_eq!((&*wrong.message, wrong.help.as_deref().unwrap_or_default()), (message, help));
        }
    }
}
