//! Topic names: what a message is published to.

/// The longest topic name or filter, in bytes: its length has two bytes on the wire [MQTT-4.7.3-3].
pub const TOPIC_BYTES_MAX: usize = 65_535;

/// Why a text is no topic name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TopicError {
    /// It has no character [MQTT-4.7.3-1].
    #[error("expected a topic name, found an empty text")]
    Empty,
    /// It is longer than [`TOPIC_BYTES_MAX`] [MQTT-4.7.3-3]. Holds its length.
    #[error("expected a topic name of at most {TOPIC_BYTES_MAX} bytes, found {0}")]
    TooLong(usize),
    /// It has a wildcard [MQTT-3.3.2-2].
    #[error("expected a topic name without wildcards, found `{found}` at byte {offset}")]
    Wildcard {
        /// `+` or `#`.
        found: char,
        /// Where, in bytes.
        offset: usize,
    },
    /// It has U+0000 at this byte [MQTT-4.7.3-2].
    #[error("expected a topic name without U+0000, found one at byte {0}")]
    Nul(usize),
}

/// Checks that something can be published to `topic`.
pub fn validate_topic_name(topic: &str) -> Result<(), TopicError> {
    if topic.is_empty() {
        return Err(TopicError::Empty);
    }
    if topic.len() > TOPIC_BYTES_MAX {
        return Err(TopicError::TooLong(topic.len()));
    }
    match memchr::memchr3(b'+', b'#', 0, topic.as_bytes()) {
        None => Ok(()),
        Some(offset) => Err(match topic.as_bytes().get(offset) {
            Some(b'+') => TopicError::Wildcard { found: '+', offset },
            Some(b'#') => TopicError::Wildcard { found: '#', offset },
            Some(_) | None => TopicError::Nul(offset),
        }),
    }
}

/// The levels of a topic name or filter: what stands between its slashes, empty levels included.
pub fn levels(topic: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    topic.split('/')
}

/// Whether wildcards at the first level leave `topic` alone: it begins with `$` [MQTT-4.7.2-1].
pub fn is_system(topic: &str) -> bool {
    topic.as_bytes().first() == Some(&b'$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_checked() {
        for topic in ["a", "/", "a//b", " ", "$SYS/x", "ü/€"] {
            assert_eq!(validate_topic_name(topic), Ok(()), "{topic}");
        }
        assert_eq!(validate_topic_name(""), Err(TopicError::Empty));
        assert_eq!(validate_topic_name("a/+"), Err(TopicError::Wildcard { found: '+', offset: 2 }));
        assert_eq!(validate_topic_name("a#"), Err(TopicError::Wildcard { found: '#', offset: 1 }));
        assert_eq!(validate_topic_name("a\0"), Err(TopicError::Nul(1)));
        assert_eq!(validate_topic_name(&"a".repeat(65_535)), Ok(()));
        assert_eq!(validate_topic_name(&"a".repeat(65_536)), Err(TopicError::TooLong(65_536)));
    }

    #[test]
    fn empty_levels_are_levels() {
        assert_eq!(levels("/a//b/").collect::<Vec<_>>(), ["", "a", "", "b", ""]);
    }
}
