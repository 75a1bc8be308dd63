//! The types an option can have: how each is read, shown, and what to say when something else stands there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use broker::{Mountpoint, Pattern, Rate};
use mqtt::QoS;

use super::node::NodeValue;
use super::options::Anonymous;

/// A type an option can have.
pub(crate) trait Setting: Sized {
    /// What to write, for messages and for `config show`: `a port`, `one of ...`.
    const EXPECTED: &'static str;
    /// Whether the text of an environment variable or a flag is taken as it is, instead of as a TOML value.
    const IS_TEXT: bool;

    /// The value, or what is wrong with what stands there.
    fn read(value: &NodeValue) -> Result<Self, Unfit>;

    /// The value in TOML's notation.
    fn show(&self) -> String;

    /// The value with relative paths resolved against the place it was written in.
    fn anchored(self, _base: &Path) -> Self {
        self
    }
}

/// Why a value does not fit an option.
#[derive(Debug, PartialEq)]
pub(crate) struct Unfit {
    /// What is wrong, when it is more than the type.
    pub(crate) message: Option<String>,
    /// How to mend it.
    pub(crate) help: Option<String>,
}

impl Unfit {
    /// Another type than the option's.
    pub(crate) const TYPE: Unfit = Unfit { message: None, help: None };

    fn says(message: String) -> Unfit {
        Unfit { message: Some(message), help: None }
    }
}

/// A path; one that is relative is resolved against the folder of the configuration file, or against the working
/// directory where it comes from a flag or the environment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilePath {
    written: String,
    resolved: PathBuf,
}

impl FilePath {
    /// The path to open.
    pub(crate) fn as_path(&self) -> &Path {
        &self.resolved
    }
}

impl Setting for FilePath {
    const EXPECTED: &'static str = "a path";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<FilePath, Unfit> {
        let written = String::read(value)?;
        if written.is_empty() {
            return Err(Unfit::says("expected a path, found an empty text".to_owned()));
        }
        Ok(FilePath { resolved: PathBuf::from(&written), written })
    }

    fn show(&self) -> String {
        self.written.show()
    }

    fn anchored(self, base: &Path) -> FilePath {
        FilePath { resolved: base.join(&self.resolved), written: self.written }
    }
}

/// A path that may be left out by an empty text.
impl Setting for Option<FilePath> {
    const EXPECTED: &'static str = "a path, or an empty text for none";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<Option<FilePath>, Unfit> {
        if String::read(value)?.is_empty() { Ok(None) } else { FilePath::read(value).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| String::new().show(), Setting::show)
    }

    fn anchored(self, base: &Path) -> Option<FilePath> {
        self.map(|path| path.anchored(base))
    }
}

/// Permissions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileMode(pub(crate) u32);

impl Setting for FileMode {
    const EXPECTED: &'static str = "permissions in octal digits such as `660`";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<FileMode, Unfit> {
        let text = String::read(value)?;
        u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777).map(FileMode).ok_or(Unfit::TYPE)
    }

    fn show(&self) -> String {
        format!("{:o}", self.0).show()
    }
}

/// A regular expression; none where it is empty.
#[derive(Debug, Clone)]
pub(crate) struct IdPattern {
    written: String,
    pattern: Option<Pattern>,
}

impl IdPattern {
    /// The expression, where there is one.
    pub(crate) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }
}

impl Setting for IdPattern {
    const EXPECTED: &'static str = "a regular expression";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<IdPattern, Unfit> {
        let written = String::read(value)?;
        if written.is_empty() {
            return Ok(IdPattern { written, pattern: None });
        }
        let pattern = Pattern::parse(&written)
            .map_err(|error| Unfit::says(format!("expected a regular expression, found `{written}`: {error}")))?;
        Ok(IdPattern { written, pattern: Some(pattern) })
    }

    fn show(&self) -> String {
        self.written.show()
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "a text";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<String, Unfit> {
        match value {
            NodeValue::Text(text) => Ok(text.clone()),
            NodeValue::Integer(_)
            | NodeValue::Float(_)
            | NodeValue::Boolean(_)
            | NodeValue::List(_)
            | NodeValue::Table(_) => Err(Unfit::TYPE),
        }
    }

    fn show(&self) -> String {
        toml::Value::String(self.clone()).to_string()
    }
}

impl Setting for SocketAddr {
    const EXPECTED: &'static str = "an address and port such as `127.0.0.1:1883`";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<SocketAddr, Unfit> {
        let text = String::read(value)?;
        text.parse().map_err(|_not_an_address| Unfit {
            message: None,
            help: text
                .parse::<u16>()
                .map(|port| {
                    format!("write `127.0.0.1:{port}` for this machine only, `0.0.0.0:{port}` for every network")
                })
                .ok(),
        })
    }

    fn show(&self) -> String {
        self.to_string().show()
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "`true` or `false`";
    const IS_TEXT: bool = false;

    fn read(value: &NodeValue) -> Result<bool, Unfit> {
        match value {
            NodeValue::Boolean(value) => Ok(*value),
            NodeValue::Text(_)
            | NodeValue::Integer(_)
            | NodeValue::Float(_)
            | NodeValue::List(_)
            | NodeValue::Table(_) => Err(Unfit::TYPE),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";
    const IS_TEXT: bool = false;

    fn read(value: &NodeValue) -> Result<Vec<String>, Unfit> {
        match value {
            NodeValue::List(items) => items.iter().map(|item| String::read(&item.value)).collect(),
            NodeValue::Text(_)
            | NodeValue::Integer(_)
            | NodeValue::Float(_)
            | NodeValue::Boolean(_)
            | NodeValue::Table(_) => Err(Unfit::TYPE),
        }
    }

    fn show(&self) -> String {
        let items: Vec<String> = self.iter().map(Setting::show).collect();
        format!("[{}]", items.join(", "))
    }
}

/// Who may connect without a password, where it differs.
impl Setting for Option<Anonymous> {
    const EXPECTED: &'static str = "one of `no`, `loopback`, `yes`, or an empty text";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<Option<Anonymous>, Unfit> {
        if String::read(value)?.is_empty() { Ok(None) } else { Anonymous::read(value).map(Some) }
    }

    fn show(&self) -> String {
        self.map_or("", Anonymous::word).to_owned().show()
    }
}

/// A text that is not shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text; `None` where it is empty.
    pub(crate) fn given(&self) -> Option<String> {
        Some(self.0.clone()).filter(|text| !text.is_empty())
    }
}

impl Setting for Secret {
    const EXPECTED: &'static str = "a text";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<Secret, Unfit> {
        String::read(value).map(Secret)
    }

    fn show(&self) -> String {
        self.given().map_or_else(String::new, |_| ::auth::HIDDEN.to_owned()).show()
    }
}

impl Setting for BTreeMap<String, String> {
    const EXPECTED: &'static str = "a table of texts";
    const IS_TEXT: bool = false;

    fn read(value: &NodeValue) -> Result<BTreeMap<String, String>, Unfit> {
        match value {
            NodeValue::Table(entries) => {
                entries.iter().map(|entry| Ok((entry.key.clone(), String::read(&entry.node.value)?))).collect()
            }
            NodeValue::Text(_)
            | NodeValue::Integer(_)
            | NodeValue::Float(_)
            | NodeValue::Boolean(_)
            | NodeValue::List(_) => Err(Unfit::TYPE),
        }
    }

    fn show(&self) -> String {
        let entries: Vec<String> = self
            .iter()
            .map(|(key, value)| format!("{} = {}", key.clone().show(), ::auth::without_secret(key, value).show()))
            .collect();
        if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
    }
}

/// A mountpoint; none where it is empty.
impl Setting for Option<Mountpoint> {
    const EXPECTED: &'static str = "the beginning of a topic such as `plant-7/`, or an empty text for none";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<Option<Mountpoint>, Unfit> {
        let text = String::read(value)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(Unfit::says) }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(String::new, ToString::to_string).show()
    }
}

/// A rate; none where it is 0.
impl Setting for Option<Rate> {
    const EXPECTED: &'static str =
        "a rate such as `100/s`, `10/m` or `20/10s`, a number for so many a second, or 0 for none";
    const IS_TEXT: bool = true;

    fn read(value: &NodeValue) -> Result<Option<Rate>, Unfit> {
        match value {
            NodeValue::Integer(_) => u32::read(value).map(Rate::per_second),
            NodeValue::Text(text) => rate(text).ok_or(Unfit::TYPE),
            NodeValue::Float(_) | NodeValue::Boolean(_) | NodeValue::List(_) | NodeValue::Table(_) => Err(Unfit::TYPE),
        }
    }

    fn show(&self) -> String {
        self.map_or_else(|| "0".to_owned(), |rate| rate.notation().show())
    }
}

/// A rate as people write it; `None` where it is none.
fn rate(text: &str) -> Option<Option<Rate>> {
    let text = text.replace('_', "");
    let Some((count, period)) = text.split_once('/') else {
        return text.parse().ok().map(Rate::per_second);
    };
    let unit_at = period.len().checked_sub(1)?;
    let (number, unit) = period.split_at_checked(unit_at)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _unknown => return None,
    };
    let number: u32 = if number.is_empty() { 1 } else { number.parse().ok().filter(|number| *number > 0)? };
    let period_ms = number.checked_mul(unit_s * 1000)?;
    count.parse().ok().map(|count| Rate::new(count, period_ms))
}

impl Setting for QoS {
    const EXPECTED: &'static str = "`0`, `1` or `2`";
    const IS_TEXT: bool = false;

    fn read(value: &NodeValue) -> Result<QoS, Unfit> {
        u8::read(value).and_then(|level| QoS::try_from(level).map_err(|_no_such_level| Unfit::TYPE))
    }

    fn show(&self) -> String {
        u8::from(*self).to_string()
    }
}

/// A whole number, and the range it may have.
macro_rules! whole_number {
    ($($type:ty: $expected:literal),+ $(,)?) => {$(
        impl Setting for $type {
            const EXPECTED: &'static str = $expected;
            const IS_TEXT: bool = false;

            fn read(value: &NodeValue) -> Result<$type, Unfit> {
                match value {
                    NodeValue::Integer(number) => {
                        <$type>::try_from(*number).map_err(|_out_of_range| Unfit::TYPE)
                    }
                    NodeValue::Text(_)
                    | NodeValue::Float(_)
                    | NodeValue::Boolean(_)
                    | NodeValue::List(_)
                    | NodeValue::Table(_) => Err(Unfit::TYPE),
                }
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

whole_number! {
    u8: "an integer from 0 to 255",
    u16: "an integer from 0 to 65535",
    u32: "an integer from 0 to 4294967295",
    u64: "an integer from 0 on",
    usize: "an integer from 0 on",
}

/// A closed set of words an option can have.
macro_rules! choices {
    ($(#[doc = $doc:literal])+ $name:ident, $expected:literal { $( $(#[doc = $choice_doc:literal])+ $choice:ident = $word:literal ),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $( $(#[doc = $choice_doc])+ $choice ),+ }

        impl $name {
            /// As it is written.
            pub(crate) const fn word(self) -> &'static str {
                match self { $( $name::$choice => $word ),+ }
            }
        }

        impl $crate::config::setting::Setting for $name {
            const EXPECTED: &'static str = $expected;
            const IS_TEXT: bool = true;

            fn read(value: &$crate::config::node::NodeValue) -> Result<$name, $crate::config::setting::Unfit> {
                let text = String::read(value)?;
                match text.as_str() {
                    $( $word => Ok($name::$choice), )+
                    _unknown => Err($crate::config::setting::Unfit {
                        message: None,
                        help: $crate::config::setting::meant(&text, &[$($word),+]),
                    }),
                }
            }

            fn show(&self) -> String {
                self.word().to_owned().show()
            }
        }
    };
}
pub(crate) use choices;

/// `did you mean ...?`, where a word is near one of the known ones.
pub(crate) fn meant(word: &str, known: &[&str]) -> Option<String> {
    events::closest(&word.to_lowercase(), known.iter().copied()).map(|near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_told_how_to_become_an_address() {
        let unfit = SocketAddr::read(&NodeValue::Text("1883".into())).unwrap_err();
        assert!(unfit.help.unwrap().contains("0.0.0.0:1883"));
    }

    #[test]
    fn a_number_out_of_range_is_refused() {
        assert_eq!(u16::read(&NodeValue::Integer(70_000)), Err(Unfit::TYPE));
        assert_eq!(u32::read(&NodeValue::Integer(-1)), Err(Unfit::TYPE));
        assert_eq!(u8::read(&NodeValue::Integer(255)), Ok(255));
    }

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        let read = |text: &str| Option::<Rate>::read(&NodeValue::Text(text.into()));
        for (text, count, period_ms) in [
            ("5", 5, 1000),
            ("1_000/s", 1000, 1000),
            ("10/m", 10, 60_000),
            ("3/10s", 3, 10_000),
            ("1/2h", 1, 7_200_000),
        ] {
            let rate = read(text).unwrap();
            assert_eq!(rate, Rate::new(count, period_ms), "{text}");
            assert_eq!(read(rate.show().trim_matches(['"', '\''])), Ok(rate), "what is shown can be read");
        }
        assert_eq!((read("0"), read("0/m")), (Ok(None), Ok(None)));
        for text in ["", "/s", "5/", "5/x", "-5/s", "5/0s", "5/s/s", "many", "1/é"] {
            assert_eq!(read(text), Err(Unfit::TYPE), "{text}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_told_where_it_is_wrong() {
        let unfit = IdPattern::read(&NodeValue::Text("pump-(1".into())).unwrap_err();
        assert!(unfit.message.unwrap().contains("unclosed group"));
        let right = IdPattern::read(&NodeValue::Text("pump-[0-9]+".into())).unwrap();
        assert!(right.pattern().unwrap().matches("pump-17") && !right.pattern().unwrap().matches("pump-17x"));
    }

    #[test]
    fn text_is_shown_as_toml_writes_it() {
        assert_eq!("a\"b".to_owned().show(), "'a\"b'");
        assert_eq!(vec!["a".to_owned()].show(), "[\"a\"]");
    }
}
