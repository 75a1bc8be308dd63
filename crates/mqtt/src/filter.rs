//! Topic filters: what a subscription asks for.

use std::fmt;

use bytestring::ByteString;

use crate::topic::{TOPIC_BYTES_MAX, is_system, levels};

/// The most levels a filter may have. Each is a step of the router, so a filter of 65,535 slashes is refused
/// with [`FilterErrorKind::TooManyLevels`].
pub const LEVELS_MAX: usize = 128;

const SHARE_PREFIX: &str = "$share/";

/// A checked topic filter, apart from the share group it may name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    whole: ByteString,
    filter: ByteString,
    group: Option<ByteString>,
}

impl Filter {
    /// Checks `text`, e.g. `a/+/b/#` or `$share/group/a/#`.
    pub fn parse(text: impl Into<ByteString>) -> Result<Filter, FilterError> {
        let whole: ByteString = text.into();
        if whole.is_empty() {
            return Err(FilterError { offset: 0, kind: FilterErrorKind::Empty });
        }
        if whole.len() > TOPIC_BYTES_MAX {
            return Err(FilterError { offset: TOPIC_BYTES_MAX, kind: FilterErrorKind::TooLong(whole.len()) });
        }
        if let Some(offset) = memchr::memchr(0, whole.as_bytes()) {
            return Err(FilterError { offset, kind: FilterErrorKind::Nul });
        }
        let Some(shared) = whole.strip_prefix(SHARE_PREFIX) else {
            check_levels(&whole, 0)?;
            return Ok(Filter { filter: whole.clone(), group: None, whole });
        };
        // [MQTT-4.8.2-1]: a group of at least one character, without wildcards, then a slash and a filter.
        let (group, filter) = shared
            .split_once('/')
            .ok_or(FilterError { offset: whole.len(), kind: FilterErrorKind::NoFilterInShare })?;
        if group.is_empty() {
            return Err(FilterError { offset: SHARE_PREFIX.len(), kind: FilterErrorKind::EmptyGroup });
        }
        if let Some(offset) = memchr::memchr2(b'+', b'#', group.as_bytes()) {
            return Err(FilterError { offset: SHARE_PREFIX.len() + offset, kind: FilterErrorKind::WildcardInGroup });
        }
        if filter.is_empty() {
            return Err(FilterError { offset: whole.len(), kind: FilterErrorKind::NoFilterInShare });
        }
        check_levels(filter, whole.len() - filter.len())?;
        Ok(Filter { filter: whole.slice_ref(filter), group: Some(whole.slice_ref(group)), whole })
    }

    /// Whether a message to `topic` is asked for. The share group plays no part.
    pub fn matches(&self, topic: &str) -> bool {
        matches(&self.filter, topic)
    }

    /// The text as it was given, `$share/group/` included.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The text as it was given, as a slice that can be kept.
    pub fn as_byte_string(&self) -> &ByteString {
        &self.whole
    }

    /// The filter proper: without `$share/group/`.
    pub fn topic_filter(&self) -> &ByteString {
        &self.filter
    }

    /// The share group of `$share/group/filter`.
    pub fn share(&self) -> Option<&ByteString> {
        self.group.as_ref()
    }

    /// The levels of the filter proper, `+` and `#` among them.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        levels(&self.filter)
    }

    /// Whether more than one topic can match.
    pub fn has_wildcards(&self) -> bool {
        has_wildcards(&self.filter)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        Filter::parse(text)
    }
}

/// Why a text is no filter, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{kind}, at byte {offset}")]
pub struct FilterError {
    /// The byte at which it goes wrong.
    pub offset: usize,
    /// What is wrong there.
    pub kind: FilterErrorKind,
}

/// What is wrong with a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FilterErrorKind {
    /// No character [MQTT-4.7.3-1].
    #[error("expected a topic filter, found an empty text")]
    Empty,
    /// More than 65,535 bytes [MQTT-4.7.3-3]. Holds the length.
    #[error("expected a topic filter of at most {TOPIC_BYTES_MAX} bytes, found {0}")]
    TooLong(usize),
    /// More than [`LEVELS_MAX`] levels. Holds how many there are.
    #[error("expected a topic filter of at most {LEVELS_MAX} levels, found {0}")]
    TooManyLevels(usize),
    /// U+0000 [MQTT-4.7.3-2].
    #[error("expected a topic filter without U+0000, found one")]
    Nul,
    /// `#` is not the last character [MQTT-4.7.1-1].
    #[error("expected `#` only as the last level, found it before others")]
    HashNotLast,
    /// `#` or `+` shares its level with other characters [MQTT-4.7.1-1], [MQTT-4.7.1-2].
    #[error("expected `{0}` alone between slashes, found it beside other characters")]
    WildcardNotAlone(char),
    /// `$share//...` [MQTT-4.8.2-1].
    #[error("expected a group name after `$share/`, found an empty one")]
    EmptyGroup,
    /// `+` or `#` in the share group [MQTT-4.8.2-2].
    #[error("expected a group name without wildcards, found one")]
    WildcardInGroup,
    /// `$share/group` without a filter behind it [MQTT-4.8.2-2].
    #[error("expected a topic filter after the group, as in `$share/group/filter`, found none")]
    NoFilterInShare,
}

fn check_levels(filter: &str, start: usize) -> Result<(), FilterError> {
    let mut offset = start;
    let mut count = 0;
    let mut hash_at = None;
    for level in levels(filter) {
        if let Some(offset) = hash_at {
            return Err(FilterError { offset, kind: FilterErrorKind::HashNotLast });
        }
        if let Some(at) = memchr::memchr2(b'+', b'#', level.as_bytes()) {
            let found = if level.as_bytes().get(at) == Some(&b'+') { '+' } else { '#' };
            if level.len() > 1 {
                return Err(FilterError { offset: offset + at, kind: FilterErrorKind::WildcardNotAlone(found) });
            }
            if found == '#' {
                hash_at = Some(offset);
            }
        }
        offset += level.len() + 1;
        count += 1;
    }
    if count > LEVELS_MAX {
        return Err(FilterError { offset: start, kind: FilterErrorKind::TooManyLevels(count) });
    }
    Ok(())
}

/// Whether `filter` has `+` or `#` in it.
pub fn has_wildcards(filter: &str) -> bool {
    memchr::memchr2(b'+', b'#', filter.as_bytes()).is_some()
}

/// Whether a message to `topic` is asked for by `filter`, which is a checked filter without a share group.
///
/// A wildcard at the first level does not match a topic that begins with `$` [MQTT-4.7.2-1]; `a/#` also matches `a`.
pub fn matches(filter: &str, topic: &str) -> bool {
    if is_system(topic) && matches!(filter.as_bytes().first(), Some(b'+' | b'#')) {
        return false;
    }
    let (filter, topic) = (filter.as_bytes(), topic.as_bytes());
    let (mut f, mut t) = (0, 0);
    loop {
        match (filter.get(f), topic.get(t)) {
            (Some(b'#'), _) => return true,
            (Some(b'+'), _) => {
                f += 1;
                t = level_end(topic, t);
            }
            (Some(a), Some(b)) if a == b => {
                f += 1;
                t += 1;
            }
            // `a/#` stands for its parent level too.
            (Some(b'/'), None) => return filter.get(f + 1) == Some(&b'#'),
            (None, None) => return true,
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

fn level_end(topic: &[u8], start: usize) -> usize {
    topic
        .get(start..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'/'))
        .map_or(topic.len(), |len| start + len)
}
