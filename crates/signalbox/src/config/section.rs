//! Reads sections of options from the layers: flags over environment over file over defaults.

use std::ops::Range;
use std::path::PathBuf;

use super::node::{Entry, Node, NodeValue};
use super::problem::{Code, Place, Problem, Source};
use super::secret::{self, Environment};
use super::setting::{Setting, Unfit};

/// A group of options: one table of the file.
pub(crate) trait Section: Sized {
    /// Its options, as declared.
    const OPTIONS: &'static [Declared];

    /// The values, from whichever layer has them.
    fn read(reader: &mut TableReader<'_, '_>) -> Self;
}

/// An option as it was declared.
#[derive(Debug)]
pub(crate) struct Declared {
    /// Its name in the table.
    pub(crate) key: &'static str,
    /// What it does, line by line.
    pub(crate) doc: &'static [&'static str],
    /// Its default.
    pub(crate) default: &'static str,
    /// What values it takes.
    pub(crate) expected: &'static str,
}

/// Declares a section: the struct, its documentation and its options in one place.
macro_rules! section {
    ($(#[doc = $doc:literal])+ $name:ident { $( $(#[doc = $option_doc:literal])+ $field:ident: $type:ty = $default:literal, )+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        pub(crate) struct $name { $( $(#[doc = $option_doc])+ pub(crate) $field: $type, )+ }

        impl $crate::config::section::Section for $name {
            const OPTIONS: &'static [$crate::config::section::Declared] = &[$(
                $crate::config::section::Declared {
                    key: stringify!($field),
                    doc: &[$($option_doc),+],
                    default: $default,
                    expected: <$type as $crate::config::setting::Setting>::EXPECTED,
                },
            )+];

            fn read(reader: &mut $crate::config::section::TableReader<'_, '_>) -> $name {
                let mut declared = Self::OPTIONS.iter();
                $name { $( $field: reader.option::<$type>(
                    declared.next().expect("OPTIONS is made of the same list as the fields"),
                ), )+ }
            }
        }
    };
}
pub(crate) use section;

/// Where the value of an option came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file, at this line.
    File(usize),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(&'static str),
}

/// A value given outside the file.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    /// The option, such as `http.bind`.
    pub(crate) path: String,
    /// The text that was given.
    pub(crate) text: String,
    /// The flag or the environment variable.
    pub(crate) origin: Origin,
}

/// An option as it stands, for `config show`.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The table it is in, such as `listeners.default`; empty for the top.
    pub(crate) table: String,
    /// Its name in the table.
    pub(crate) key: String,
    /// What it does.
    pub(crate) doc: &'static [&'static str],
    /// Its value in TOML's notation, secrets hidden.
    pub(crate) value: String,
    /// Its default in TOML's notation, where it has one.
    pub(crate) default: Option<String>,
    /// What values it takes; empty where only its kind of connector knows.
    pub(crate) expected: &'static str,
    /// Where the value came from.
    pub(crate) origin: Origin,
}

/// The layers, and what came of reading them.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The file, where there is one.
    pub(crate) source: Option<Source>,
    /// Its contents.
    pub(crate) root: Node,
    /// What flags and the environment set; the first that names an option wins.
    pub(crate) overrides: Vec<Override>,
    /// Where relative paths of the file and of defaults begin.
    pub(crate) base: PathBuf,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// Every option, in the order read.
    pub(crate) shown: Vec<Shown>,
}

impl Layers {
    /// Reads the section at `path`; keys that are neither its options nor among `children` are problems.
    pub(crate) fn section<S: Section>(&mut self, path: &str, children: &[&str]) -> S {
        let table = self.table_at(path);
        self.check_keys(path, &table, S::OPTIONS, children);
        S::read(&mut TableReader { layers: self, path, table: &table })
    }

    /// The names of the tables below `path`, such as those of the listeners.
    pub(crate) fn names_below(&mut self, path: &str) -> Vec<String> {
        self.table_at(path).entries().iter().map(|entry| entry.key.clone()).collect()
    }

    /// The table at a dotted path; an empty one where there is none.
    pub(crate) fn table_at(&mut self, path: &str) -> Node {
        let mut node = &self.root;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let Some(entry) = node.get(part) else { return Node::empty() };
            node = &entry.node;
        }
        if matches!(node.value, NodeValue::Table(_)) {
            return node.clone();
        }
        let message = format!("`{path}` expects a table, found {}", node.value.describe());
        let help = Some(format!("write `[{path}]` on a line of its own and its options below"));
        let problem = Problem::at(Code::Value, Place::File(node.span.clone()), message).with_help(help);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        Node::empty()
    }

    /// Replaces the references to secrets in the section of this name.
    pub(crate) fn expand_secrets(&mut self, name: &str, environment: Environment<'_>) {
        let NodeValue::Table(entries) = &mut self.root.value else { return };
        for entry in entries.iter_mut().filter(|entry| entry.key == name) {
            entry.node = secret::expand(&entry.node, &self.base, environment, &mut self.problems);
        }
    }

    /// The line of a place in the file, from 1 on.
    pub(crate) fn line_of(&self, span: &Range<usize>) -> usize {
        let text = self.source.as_ref().map_or("", |source| source.text.as_str());
        text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }

    fn check_keys(&mut self, path: &str, table: &Node, options: &[Declared], children: &[&str]) {
        let known = || options.iter().map(|option| option.key).chain(children.iter().copied());
        for Entry { key, key_span, .. } in table.entries() {
            if known().any(|name| name == key) {
                continue;
            }
            let message = match path {
                "" => format!("no option or section `{key}`"),
                path => format!("no option `{key}` in `[{path}]`"),
            };
            let help = events::closest(key, known()).map_or_else(
                || format!("known here: {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.problems
                .push(Problem::at(Code::Unknown, Place::File(key_span.clone()), message).with_help(Some(help)));
        }
    }
}

/// Reads the options of one table.
#[derive(Debug)]
pub(crate) struct TableReader<'a, 'b> {
    layers: &'a mut Layers,
    path: &'b str,
    table: &'b Node,
}

impl TableReader<'_, '_> {
    /// The value of an option. What does not fit is noted as a problem and read as the default, so that one run tells
    /// all that is wrong.
    pub(crate) fn option<T: Setting>(&mut self, declared: &Declared) -> T {
        let default = of_text::<T>(declared.default).expect("a test reads the default of every option");
        let shown_default = default.show();
        let (value, origin) = self.given(declared).unwrap_or_else(|| {
            let base = self.layers.base.clone();
            (default.anchored(&base), Origin::Default)
        });
        self.layers.shown.push(Shown {
            table: self.path.to_owned(),
            key: declared.key.to_owned(),
            doc: declared.doc,
            value: value.show(),
            default: Some(shown_default),
            expected: declared.expected,
            origin,
        });
        value
    }

    /// What flags, environment or file say, in this order.
    fn given<T: Setting>(&mut self, declared: &Declared) -> Option<(T, Origin)> {
        let full = join(self.path, declared.key);
        let from_outside = self.layers.overrides.iter().find(|given| given.path == full).cloned();
        if let Some(Override { text, origin, .. }) = from_outside {
            let place = Place::Given(origin.describe());
            let read = of_text::<T>(&text).map(|value| value.anchored(std::path::Path::new("")));
            return self.keep(read, place, (&full, NodeValue::Text(text))).map(|value| (value, origin));
        }
        let Node { span, value } = self.table.get(declared.key)?.node.clone();
        let line = self.layers.line_of(&span);
        let base = self.layers.base.clone();
        let read = T::read(&value).map(|value| value.anchored(&base));
        self.keep(read, Place::File(span), (&full, value)).map(|value| (value, Origin::File(line)))
    }

    fn keep<T: Setting>(
        &mut self,
        read: Result<T, Unfit>,
        place: Place,
        (path, found): (&str, NodeValue),
    ) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(Unfit { message, help }) => {
                let what = message.unwrap_or_else(|| format!("expected {}, found {}", T::EXPECTED, found.describe()));
                self.layers.problems.push(Problem::at(Code::Value, place, format!("`{path}`: {what}")).with_help(help));
                None
            }
        }
    }
}

impl Origin {
    /// Where the value came from, in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Origin::Default => "default".to_owned(),
            Origin::File(line) => format!("line {line} of the file"),
            Origin::Environment(name) => format!("environment variable {name}"),
            Origin::Flag(name) => format!("flag {name}"),
        }
    }
}

/// A dotted path.
pub(crate) fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// A value from the text of a flag, an environment variable or a declared default.
fn of_text<T: Setting>(text: &str) -> Result<T, Unfit> {
    if T::IS_TEXT {
        return T::read(&NodeValue::Text(text.to_owned()));
    }
    Node::parse_value(text).ok_or(Unfit::TYPE).and_then(|value| T::read(&value))
}
