//! `%u`, `%c` and their longer spellings in filters: the names of a client where a rule has a place for them.

use bytestring::ByteString;

use crate::identity::{Identity, attribute};

/// The names of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    /// The user name, where somebody has checked it.
    pub(super) username: Option<&'a str>,
    pub(super) client_id: &'a str,
    attributes: &'a [(ByteString, ByteString)],
}

impl<'a> Names<'a> {
    pub(super) fn of(identity: &'a Identity) -> Names<'a> {
        Names {
            username: identity.username.as_deref().filter(|_| !identity.anonymous),
            client_id: &identity.client_id,
            attributes: &identity.attributes,
        }
    }
}

/// What a place in a filter is for.
enum Place<'a> {
    User,
    Client,
    Attribute(&'a str),
}

/// The next place in `text`: what stands before it, what it is for, what stands behind it.
fn next_place(text: &str) -> Option<(&str, Place<'_>, &str)> {
    const PLACES: [(&str, Place<'_>); 4] =
        [("%u", Place::User), ("%c", Place::Client), ("${username}", Place::User), ("${clientid}", Place::Client)];
    let at = text.find(['%', '$'])?;
    let (before, rest) = text.split_at(at);
    for (spelling, place) in PLACES {
        if let Some(behind) = rest.strip_prefix(spelling) {
            return Some((before, place, behind));
        }
    }
    if let Some((name, behind)) = rest.strip_prefix("${client_attrs.").and_then(|rest| rest.split_once('}')) {
        return Some((before, Place::Attribute(name), behind));
    }
    // The character stands for itself; what comes behind it may still be a place.
    let (_, behind) = rest.split_at(1);
    let (between, place, behind_place) = next_place(behind)?;
    let before_len = at + 1 + between.len();
    Some((text.get(..before_len)?, place, behind_place))
}

/// Whether a filter has places for names.
pub(super) fn has_places(filter: &str) -> bool {
    next_place(filter).is_some()
}

/// The filter that a pattern is for one client; `None` where the pattern says nothing about it. A name that is not
/// there, or that has `+`, `#` or `/` in it, could reach the topics of others: a pattern that allows gives it nothing,
/// one that denies has a `+` in its place.
pub(super) fn fill(pattern: &ByteString, is_deny: bool, names: Names<'_>) -> Option<ByteString> {
    if !has_places(pattern) {
        return Some(pattern.clone());
    }
    let levels: Option<Vec<String>> =
        pattern.split('/').map(|level| fill_level(level, names).or_else(|| is_deny.then(|| "+".to_owned()))).collect();
    Some(levels?.join("/").into())
}

/// `level` with its names, in one pass: a user called `%c` is not a client identifier.
fn fill_level(level: &str, names: Names<'_>) -> Option<String> {
    let mut out = String::with_capacity(level.len() + 16);
    let mut rest = level;
    while let Some((before, place, behind)) = next_place(rest) {
        let name = match place {
            Place::User => names.username,
            Place::Client => Some(names.client_id),
            Place::Attribute(name) => attribute(names.attributes, name),
        };
        let name = name.filter(|name| !name.is_empty() && !name.contains(['+', '#', '/', '\0']))?;
        out.extend([before, name]);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}
