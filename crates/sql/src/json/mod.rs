//! JSON that is checked whole, read once, and built only where a path wants it.
//!
//! [`Document`] keeps the text and a flat list of its nodes. Text without escapes and keys are slices of the payload;
//! numbers keep their digits until somebody asks what they are worth.

mod number;
mod scan;
mod unescape;

use std::borrow::Cow;

use bytestring::ByteString;
use events::{Map, Value};

use crate::columns::{NotJson, is_same};
use crate::values::path::Place;

pub use number::NumberTooLarge;
pub(crate) use number::{INTEGER_BITS_MAX, number_of};
use number::{float_of, int_of};
use scan::{NotJsonAt, Shape, Token, scan};

/// The deepest nesting that is read; a deeper text counts as no JSON.
pub(crate) const DEPTH_MAX: usize = 128;

/// Room is made for that many members of an object at once; further ones make more.
const MEMBERS_EXPECTED: usize = 16;

/// A text that was checked to be JSON, with the places of its values.
#[derive(Debug, Clone)]
pub struct Document {
    text: ByteString,
    tokens: Vec<Token>,
}

impl Document {
    /// Reads `text`.
    pub fn read(text: ByteString) -> Result<Document, NotJson> {
        #[cfg(test)]
        READS.with(|reads| reads.set(reads.get() + 1));
        let tokens = scan(&text).map_err(|_| NotJson)?;
        Ok(Document { text, tokens })
    }

    /// Reads a payload: bytes that are not UTF-8 are not JSON.
    pub(crate) fn of_payload(payload: &Value) -> Result<Document, NotJson> {
        match payload {
            Value::Text(text) => Document::read(text.clone()),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_) => Err(NotJson),
        }
    }

    /// The byte at which `text` stops being JSON; `None` where it is JSON.
    pub fn not_json_at(text: &str) -> Option<usize> {
        scan(text).err().map(|NotJsonAt(at)| at)
    }

    /// The outermost value.
    pub fn root(&self) -> Node<'_> {
        Node { document: self, at: 0 }
    }

    /// Whether this is the document of `text`: not of an equal text, but of the very same.
    pub(crate) fn is_of(&self, text: &ByteString) -> bool {
        is_same(&self.text, text)
    }

    #[inline]
    fn token(&self, at: usize) -> Token {
        self.tokens.get(at).copied().unwrap_or(Token { shape: Shape::Null, start: 0, end: 0, next: 0 })
    }

    /// Whether a key is this name.
    #[inline]
    fn is_key(&self, key: Token, name: &str) -> bool {
        if key.shape == Shape::Escaped {
            return unescape::unescape(self.slice(key)) == name;
        }
        // Most keys differ in length or begin otherwise: a look at the first byte saves the call that compares the rest.
        let (start, end) = (index(key.start), index(key.end));
        let bytes = self.text.as_bytes();
        end - start == name.len()
            && (name.is_empty() || bytes.get(start) == name.as_bytes().first())
            && bytes.get(start..end) == Some(name.as_bytes())
    }

    fn slice(&self, token: Token) -> &str {
        let (start, end) = (index(token.start), index(token.end));
        self.text.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
thread_local! {
    /// How many documents this thread has read.
    pub(crate) static READS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A value inside a document.
#[derive(Clone, Copy, Debug)]
pub struct Node<'d> {
    document: &'d Document,
    at: usize,
}

impl<'d> Node<'d> {
    /// The member of that name; of several with one name the last counts.
    pub fn member(self, name: &str) -> Option<Node<'d>> {
        let this = self.token();
        if this.shape != Shape::Object {
            return None;
        }
        let (mut at, end) = (self.at + 1, index(this.next));
        let mut found = None;
        while at < end
            && let Some([key, value]) = self.document.tokens.get(at..at + 2)
        {
            if self.document.is_key(*key, name) {
                found = Some(Node { document: self.document, at: at + 1 });
            }
            at = index(value.next);
        }
        found
    }

    /// The members of an object in order, those that stand twice too; `None` where this is none.
    pub fn members(self) -> Option<impl Iterator<Item = (ByteString, Node<'d>)>> {
        let this = self.token();
        let (mut at, end) = (self.at + 1, index(this.next));
        (this.shape == Shape::Object).then(|| {
            std::iter::from_fn(move || {
                let key = (at < end).then(|| self.document.token(at))?;
                let member = Node { document: self.document, at: at + 1 };
                at = index(member.token().next);
                Some((self.text(key), member))
            })
        })
    }

    /// The element at a place.
    pub(crate) fn element(self, place: Place) -> Option<Node<'d>> {
        let len = if place.from_end { self.elements().count() } else { usize::MAX };
        self.elements().nth(place.position(len)?)
    }

    /// The elements of a list; none where this is no list.
    pub fn elements(self) -> impl Iterator<Item = Node<'d>> {
        let this = self.token();
        let end = if this.shape == Shape::List { index(this.next) } else { 0 };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let node = Node { document: self.document, at };
                at = index(node.token().next);
                node
            })
        })
    }

    /// Whether this is a list.
    pub fn is_list(self) -> bool {
        self.token().shape == Shape::List
    }

    /// Whether this is text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self.token().shape, Shape::Text | Shape::Escaped)
    }

    /// The text, where this is one.
    pub fn as_text(self) -> Option<Cow<'d, str>> {
        let token = self.token();
        match token.shape {
            Shape::Text => Some(Cow::Borrowed(self.document.slice(token))),
            Shape::Escaped => Some(Cow::Owned(unescape::unescape(self.document.slice(token)))),
            Shape::Null | Shape::True | Shape::False | Shape::Int | Shape::Float | Shape::List | Shape::Object => None,
        }
    }

    /// The JSON as it stands in the text.
    pub fn as_json(self) -> &'d str {
        let token = self.token();
        let (start, end) = (index(token.start), index(token.end));
        let quote = usize::from(self.is_text());
        self.document.text.get(start.saturating_sub(quote)..end + quote).unwrap_or_default()
    }

    /// How many bytes of the text this takes: a measure for what building it costs.
    pub(crate) fn text_len(self) -> usize {
        let token = self.token();
        index(token.end) - index(token.start)
    }

    /// What this is worth.
    #[inline]
    pub fn to_value(self) -> Result<Value, NumberTooLarge> {
        let token = self.token();
        match token.shape {
            Shape::Null => Ok(Value::Null),
            Shape::True => Ok(Value::Bool(true)),
            Shape::False => Ok(Value::Bool(false)),
            Shape::Int => int_of(self.document.slice(token)),
            Shape::Float => float_of(self.document.slice(token)),
            Shape::Text | Shape::Escaped => Ok(Value::Text(self.text(token))),
            Shape::List => self.to_list(),
            Shape::Object => self.to_map().map(Value::from),
        }
    }

    fn to_list(self) -> Result<Value, NumberTooLarge> {
        let mut items = Vec::with_capacity(self.elements().take(MEMBERS_EXPECTED).count());
        for element in self.elements() {
            items.push(element.to_value()?);
        }
        Ok(items.into())
    }

    fn to_map(self) -> Result<Map, NumberTooLarge> {
        let (mut at, end) = (self.at + 1, index(self.token().next));
        // A member is a key and at least one token more; what is nested may be much more.
        let mut map = Map::with_capacity(((end - at) / 2).min(MEMBERS_EXPECTED));
        while at < end {
            let member = Node { document: self.document, at: at + 1 };
            let (key, value) = (self.text(self.document.token(at)), member.to_value()?);
            match map.get_mut(&key) {
                Some(earlier) => *earlier = value,
                None => map.push_new(key, value),
            }
            at = index(member.token().next);
        }
        Ok(map)
    }

    fn text(self, token: Token) -> ByteString {
        let slice = self.document.slice(token);
        match token.shape {
            Shape::Escaped => unescape::unescape(slice).into(),
            Shape::Text
            | Shape::Null
            | Shape::True
            | Shape::False
            | Shape::Int
            | Shape::Float
            | Shape::List
            | Shape::Object => self.document.text.slice_ref(slice),
        }
    }

    fn token(self) -> Token {
        self.document.token(self.at)
    }
}

/// Reads a whole text as a value; `None` where it is not JSON, or has a number beyond what a number may be.
pub(crate) fn decode(text: &ByteString) -> Option<Value> {
    Document::read(text.clone()).ok()?.root().to_value().ok()
}

/// Places in a document are kept in 32 bits; [`scan`] refuses what is longer.
fn index(place: u32) -> usize {
    usize::try_from(place).expect("usize has at least 32 bits on every target we build for")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str) -> Option<Value> {
        decode(&text.into())
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let document = Document::read(r#"{"x":1,"\u0078":2,"y":[3,{"z":4}]}"#.into()).unwrap();
        let root = document.root();
        assert_eq!(root.member("x").unwrap().to_value(), Ok(Value::Int(2)));
        let list = root.member("y").unwrap();
        assert_eq!(list.element(Place::of(-1)).unwrap().member("z").unwrap().to_value(), Ok(Value::Int(4)));
        assert!([0, 3, -3].iter().all(|place| list.element(Place::of(*place)).is_none()));
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(value_of("12345678901234567890123").unwrap().to_json(), "12345678901234567890123");
        assert_eq!(value_of("-0"), Some(Value::Int(0)));
        assert_eq!(value_of("2e2"), Some(Value::Float(200.0)));
        assert!(Document::read("1E400".into()).is_ok(), "well-formed");
        assert_eq!(value_of("1E400"), None, "but too large");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"x\":1,}",
            "01",
            "1.",
            ".5",
            "+1",
            "nul",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\u{1}\"",
            "[1] 2",
            "'a'",
            "{1:2}",
            "{\"a\" 1}",
            "[1 2]",
            "NaN",
            "\"abc",
            "-",
            "1e",
            "]",
        ] {
            assert!(Document::read(text.into()).is_err(), "{text}");
        }
        assert!(Document::read("[".repeat(100_000).into()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in "[\\[\\]{},:0-9.eE\"a\\\\u\\-+ ntrfl]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).ok().map(|json| Value::from_json(&json));
            let ours = value_of(&text);
            let big = |value: &Value| value.to_json().bytes().filter(u8::is_ascii_digit).count() > 18;
            // `-0` is an integer here and a float there.
            if !ours.as_ref().is_some_and(big) && !text.contains("-0") {
                proptest::prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn it_reads_what_sonic_reads(text in "(\\{\"a\":(\\[\\]|(-?[1-9][0-9]{0,2}|0[0-9]{0,2})(\\.[0-9]{1,4})?|\"[a-zé\\\\n]{0,9}\"|true|null) ?,? ?\"b\" ?: ?[0-9]\\}|.{0,12})") {
            let theirs = sonic_rs::from_str::<sonic_rs::Value>(&text).ok().map(|json| sonic_rs::to_string(&json).unwrap());
            let theirs = theirs.map(|json| Value::from_json(&serde_json::from_str(&json).unwrap()));
            proptest::prop_assert_eq!(value_of(&text), theirs);
        }
    }
}
