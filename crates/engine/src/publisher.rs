//! The way back into the broker: what a rule may publish, and how a loop of rules is stopped.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use mqtt::QoS;

/// Publishes messages. The binary implements it over the broker; tests collect what comes.
pub trait Publisher: Send + Sync {
    /// Hands `message` to the broker. Never blocks.
    fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused>;
}

/// A message that a rule wants published.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishRequest {
    /// The topic name, as rendered; the broker checks it.
    pub topic: ByteString,
    /// The application message.
    pub payload: Bytes,
    /// The QoS of the message.
    pub qos: QoS,
    /// Whether the broker shall keep it for later subscribers.
    pub retain: bool,
    /// The MQTT 5 properties.
    pub properties: PublishProperties,
    /// The rule that publishes; it stands as `clientid` in the events of the message.
    pub rule: Arc<str>,
    /// The topic of the message or event that the rule ran on.
    pub trigger: ByteString,
    /// How many rules have republished the message, this one included: that of the output, plus one.
    pub hops: u8,
}

/// The properties of a PUBLISH of MQTT 5 that a publisher may choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishProperties {
    /// Whether the payload is declared to be UTF-8 text.
    pub payload_format_indicator: Option<bool>,
    /// How long the message is of use, in s.
    pub message_expiry_interval_s: Option<u32>,
    /// What the payload is, such as `application/json`.
    pub content_type: Option<ByteString>,
    /// Where an answer is wanted.
    pub response_topic: Option<ByteString>,
    /// What an answer shall carry.
    pub correlation_data: Option<Bytes>,
    /// Pairs of the user, in order; names may repeat.
    pub user_properties: Vec<(ByteString, ByteString)>,
}

/// Why a message was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// The same message will be refused again: its topic is no topic name, it is too large, it goes round in circles.
    #[error("{reason}")]
    Rejected {
        /// Why.
        reason: String,
    },
    /// It may be accepted later: the broker is stopping or full.
    #[error("{reason}")]
    Busy {
        /// Why.
        reason: String,
    },
}

/// A publisher that refuses what has been republished too often: rules that feed each other in a circle.
///
/// Only publishing is refused. A message at the limit still reaches every other action.
pub struct HopLimit<P> {
    inner: P,
    hops_max: u8,
}

impl<P: Publisher> HopLimit<P> {
    /// Refuses a message with more than `hops_max` hops and hands all others to `inner`.
    pub fn new(inner: P, hops_max: u8) -> HopLimit<P> {
        HopLimit { inner, hops_max }
    }
}

impl<P: Publisher> Publisher for HopLimit<P> {
    fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused> {
        if message.hops <= self.hops_max {
            return self.inner.publish(message);
        }
        tracing::warn!(
            rule = &*message.rule,
            from = &*message.trigger,
            to = &*message.topic,
            hops = message.hops,
            "rules republish in a circle"
        );
        Err(PublishRefused::Rejected {
            reason: format!(
                "the message was republished {} times already, at most {} are allowed: \
                 it came to rule `{}` as `{}` and would go on as `{}`",
                message.hops - 1,
                self.hops_max,
                message.rule,
                message.trigger,
                message.topic
            ),
        })
    }
}

impl<P> std::fmt::Debug for HopLimit<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HopLimit").field("hops_max", &self.hops_max).finish_non_exhaustive()
    }
}

impl<P: Publisher + ?Sized> Publisher for Arc<P> {
    fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused> {
        (**self).publish(message)
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Collected(Mutex<Vec<u8>>);

    impl Publisher for Collected {
        fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused> {
            self.0.lock().push(message.hops);
            Ok(())
        }
    }

    #[test]
    fn a_message_beyond_the_hop_limit_is_refused_and_names_the_circle() {
        let collected = Arc::new(Collected::default());
        let limited = HopLimit::new(Arc::clone(&collected), 2);
        let message = |hops| PublishRequest {
            topic: "b".into(),
            payload: Bytes::new(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: PublishProperties::default(),
            rule: "ring".into(),
            trigger: "a".into(),
            hops,
        };
        assert_eq!([limited.publish(message(1)), limited.publish(message(2))], [Ok(()), Ok(())]);
        let Err(PublishRefused::Rejected { reason }) = limited.publish(message(3)) else { panic!("not refused") };
        assert!(reason.contains("rule `ring` as `a` and would go on as `b`"), "{reason}");
        assert_eq!(*collected.0.lock(), [1, 2]);
    }
}
