//! What one client may publish and receive.

use std::sync::Arc;

use bytestring::ByteString;

use super::cover::{covers, overlaps};
use super::section::{Access, Section};

/// Topics below which only the broker publishes, and that only an ACL rule naming them opens to readers.
const RESERVED: [&str; 3] = ["$SYS", "$events", "$sources"];

/// What one client may publish and receive: the ACL as it stands for its user, roles and client identifier.
///
/// - Nobody publishes to `$SYS/`, `$events/` and `$sources/`.
/// - Without an ACL file everything else may be published, and everything but those three be read.
/// - With one, a topic is open where a rule for the client gives it, and no rule for the client denies it. A `deny`
///   wins over everything, wherever it stands.
/// - `#` and `+` at the first level do not stand for topics that begin with `$` [MQTT-4.7.2-1], so `$events/#` is read
///   only where a rule names it.
/// - A superuser reads everything.
///
/// An answer holds as long as the value: it may be kept per topic.
#[derive(Debug)]
pub struct Permissions(Kind);

/// How much of a subscription its client may receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    /// Every topic: deliveries need no check.
    All,
    /// Some topics, or so it seems from the filters: each delivery is checked with [`Permissions::may_read`].
    Some,
    /// No topic: the subscription is refused.
    None,
}

#[derive(Debug)]
enum Kind {
    Superuser,
    Open,
    Rules {
        /// Shared with all that have the user or role.
        sections: Box<[Arc<Section>]>,
        /// Pattern rules with the names of this client in them.
        own: Box<[(Access, ByteString)]>,
    },
}

impl Permissions {
    pub(super) const fn superuser() -> Permissions {
        Permissions(Kind::Superuser)
    }

    pub(super) const fn rules(sections: Box<[Arc<Section>]>, own: Box<[(Access, ByteString)]>) -> Permissions {
        Permissions(Kind::Rules { sections, own })
    }

    /// What a client may do where there is no ACL file.
    pub const fn open() -> Permissions {
        Permissions(Kind::Open)
    }

    /// Who decides: `superuser`, `default` where there is no ACL file, else `file`.
    pub const fn source(&self) -> &'static str {
        match self.0 {
            Kind::Superuser => "superuser",
            Kind::Open => "default",
            Kind::Rules { .. } => "file",
        }
    }

    /// Whether a message may be published to `topic`, a will among them.
    pub fn may_publish(&self, topic: &str) -> bool {
        if is_reserved(topic) {
            return false;
        }
        match &self.0 {
            Kind::Superuser | Kind::Open => true,
            Kind::Rules { sections, own } => {
                !denied(sections, own, topic)
                    && (sections.iter().any(|section| section.write.matches(topic))
                        || matches_own(own, topic, Access::writes))
            }
        }
    }

    /// Whether messages of `topic` may be delivered to the client.
    pub fn may_read(&self, topic: &str) -> bool {
        match &self.0 {
            Kind::Superuser => true,
            Kind::Open => !is_reserved(topic),
            Kind::Rules { sections, own } => {
                !denied(sections, own, topic)
                    && (sections.iter().any(|section| section.read.matches(topic))
                        || matches_own(own, topic, Access::reads))
            }
        }
    }

    /// Whether a subscription is of any use to the client.
    ///
    /// As in Mosquitto, a subscription may be wider than the ACL and then receives what the client may read; unlike
    /// there, one that could never receive anything is refused, so that the client is told.
    pub fn may_subscribe(&self, filter: &mqtt::Filter) -> bool {
        self.readable(filter) != Readable::None
    }

    /// How much of a subscription the client may receive. The share group plays no part.
    pub fn readable(&self, filter: &mqtt::Filter) -> Readable {
        let filter: &str = filter.topic_filter();
        match &self.0 {
            Kind::Superuser => Readable::All,
            Kind::Open if is_reserved(filter) => Readable::None,
            Kind::Open => Readable::All,
            Kind::Rules { sections, own } => {
                let any = |of: fn(Access) -> bool, with: fn(&str, &str) -> bool| {
                    own.iter().any(|(access, own)| of(*access) && with(own, filter))
                };
                let is_deny = |access| access == Access::Deny;
                if sections.iter().any(|section| section.deny.covers(filter)) || any(is_deny, covers) {
                    return Readable::None;
                }
                let whole = sections.iter().any(|section| section.read.covers(filter)) || any(Access::reads, covers);
                let cut = sections.iter().any(|section| section.deny.overlaps(filter)) || any(is_deny, overlaps);
                let part = whole
                    || sections.iter().any(|section| section.read.overlaps(filter))
                    || any(Access::reads, overlaps);
                match (part, whole && !cut) {
                    (_, true) => Readable::All,
                    (true, false) => Readable::Some,
                    (false, false) => Readable::None,
                }
            }
        }
    }
}

fn denied(sections: &[Arc<Section>], own: &[(Access, ByteString)], topic: &str) -> bool {
    sections.iter().any(|section| section.deny.matches(topic))
        || matches_own(own, topic, |access| access == Access::Deny)
}

fn matches_own(own: &[(Access, ByteString)], topic: &str, wanted: fn(Access) -> bool) -> bool {
    own.iter().any(|(access, filter)| wanted(*access) && mqtt::filter::matches(filter, topic))
}

/// Whether the first level of a topic or filter is one of [`RESERVED`].
fn is_reserved(topic: &str) -> bool {
    topic.starts_with('$') && topic.split('/').next().is_some_and(|first| RESERVED.contains(&first))
}
