//! What may be the topic of a message.

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To the clients of this broker.
    Here,
    /// To another broker, or to whoever answers.
    Elsewhere,
}

impl Destination {
    /// Checks that a topic name is one [MQTT-3.3.2-2, MQTT-4.7.3-1, MQTT-4.7.3-2, MQTT-4.7.3-3], and that nothing is
    /// published where only the broker speaks.
    pub(super) fn check_topic(self, topic: &str) -> Result<(), String> {
        if topic.is_empty() {
            return Err("topic: expected at least one character".to_owned());
        }
        if topic.len() > usize::from(u16::MAX) {
            return Err(format!("topic: expected at most 65535 bytes, found {}", topic.len()));
        }
        if topic.contains('\0') {
            return Err("topic: expected no U+0000".to_owned());
        }
        if topic.contains(['+', '#']) {
            return Err(wildcard(topic));
        }
        match self.reserved().iter().find(|prefix| topic.starts_with(*prefix)) {
            Some(prefix) => Err(format!("topic: `{prefix}` is reserved for the broker, found `{topic}`")),
            None => Ok(()),
        }
    }

    const fn reserved(self) -> &'static [&'static str] {
        match self {
            Destination::Here => &["$events/", "$sources/", "$SYS/"],
            Destination::Elsewhere => &[],
        }
    }
}

/// What is said of a topic with a wildcard.
pub(super) fn wildcard(topic: &str) -> String {
    format!("topic: expected no wildcard in the name of a topic, found `{topic}`")
}
