//! Topic aliases, in both directions. They end with the network connection [MQTT-3.3.2-7].

use std::collections::HashMap;
use std::num::NonZeroU16;

use bytestring::ByteString;
use events::DisconnectReason;
use foldhash::fast::RandomState;
use mqtt::{Publish, ReasonCode};

use crate::ending::Ending;

/// Topics up to this length are not worth an alias: the property alone takes as many bytes.
const SHORT_TOPIC_BYTES: usize = 3;

/// What the client's aliases stand for.
#[derive(Debug, Default)]
pub(crate) struct IncomingAliases {
    /// By alias less 1; empty where it is not set.
    topics: Vec<ByteString>,
}

impl IncomingAliases {
    /// The topic of a message, which may be what an alias stands for; `None` where that is not known.
    pub(crate) fn topic_of<'a>(&'a self, publish: &'a Publish) -> Option<&'a str> {
        if !publish.topic.is_empty() {
            return Some(&publish.topic);
        }
        let at = usize::from(publish.properties.topic_alias()?.get()) - 1;
        self.topics.get(at).filter(|topic| !topic.is_empty()).map(|topic| &**topic)
    }

    /// Puts the topic in that an alias stands for, and remembers what an alias stands for. At most `max` aliases.
    pub(crate) fn resolve(&mut self, publish: &mut Publish, max: u16) -> Result<(), Ending> {
        if publish.properties.is_empty() {
            return Ok(());
        }
        let Some(alias) = publish.properties.topic_alias() else { return Ok(()) };
        if alias.get() > max {
            return Err(Ending::by_broker(DisconnectReason::TopicAliasInvalid, ReasonCode::TopicAliasInvalid)
                .because(format!("expected a topic alias of at most {max}, found {alias}")));
        }
        let at = usize::from(alias.get()) - 1;
        if publish.topic.is_empty() {
            match self.topics.get(at).filter(|topic| !topic.is_empty()) {
                Some(topic) => publish.topic = topic.clone(),
                // An alias that nothing was set for is no invalid one [3.3.2.3.4].
                None => {
                    return Err(Ending::by_broker(DisconnectReason::ProtocolError, ReasonCode::ProtocolError)
                        .because(format!("expected a topic for alias {alias} first, found none")));
                }
            }
        } else {
            if self.topics.len() <= at {
                self.topics.resize(at + 1, ByteString::new());
            }
            if let Some(known) = self.topics.get_mut(at).filter(|known| **known != publish.topic) {
                // A copy: the topic is a slice of a buffer that would be kept for it.
                *known = ByteString::from(publish.topic.as_ref() as &str);
            }
        }
        Ok(())
    }
}

/// How a message names its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By the topic alone.
    Topic,
    /// By the topic, which has this alias from now on.
    Introduced(NonZeroU16),
    /// By the alias alone.
    Alias(NonZeroU16),
}

impl Naming {
    /// The alias in the packet.
    pub(crate) const fn alias(self) -> Option<NonZeroU16> {
        match self {
            Naming::Topic => None,
            Naming::Introduced(alias) | Naming::Alias(alias) => Some(alias),
        }
    }
}

/// The aliases we have given to topics, in the order the topics came, until there is no alias left.
#[derive(Debug)]
pub(crate) struct OutgoingAliases {
    topics: HashMap<Box<str>, NonZeroU16, RandomState>,
    max: u16,
}

impl OutgoingAliases {
    /// At most `max` aliases [MQTT-3.1.2-26]; nothing where that is none [MQTT-3.1.2-27].
    pub(crate) fn new(max: u16) -> Option<Box<OutgoingAliases>> {
        (max > 0).then(|| Box::new(OutgoingAliases { topics: HashMap::default(), max }))
    }

    /// How the next message to `topic` may name it.
    pub(crate) fn naming(&self, topic: &str) -> Naming {
        if topic.len() <= SHORT_TOPIC_BYTES {
            return Naming::Topic;
        }
        if let Some(alias) = self.topics.get(topic) {
            return Naming::Alias(*alias);
        }
        let next = u16::try_from(self.topics.len() + 1).ok().filter(|next| *next <= self.max);
        next.and_then(NonZeroU16::new).map_or(Naming::Topic, Naming::Introduced)
    }

    /// A message to `topic` was written with this naming.
    pub(crate) fn handle_written(&mut self, topic: &str, naming: Naming) {
        if let Naming::Introduced(alias) = naming {
            self.topics.insert(topic.into(), alias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_get_aliases_until_there_is_none_left() {
        let mut aliases = OutgoingAliases::new(1).unwrap();
        let one = NonZeroU16::MIN;
        assert_eq!(aliases.naming("plant/1"), Naming::Introduced(one));
        assert_eq!(aliases.naming("plant/1"), Naming::Introduced(one), "asking alone changes nothing");
        aliases.handle_written("plant/1", Naming::Introduced(one));
        assert_eq!(aliases.naming("plant/1"), Naming::Alias(one));
        assert_eq!(aliases.naming("plant/2"), Naming::Topic);
        assert_eq!(aliases.naming("a/b"), Naming::Topic, "a short topic is cheaper");
        assert!(OutgoingAliases::new(0).is_none());
    }
}
