//! SUBSCRIBE and UNSUBSCRIBE.

use std::num::NonZeroU32;

use auth::Readable;
use events::PermissionAction;
use mqtt::{Filter, Packet, QoS, ReasonCode, RetainHandling, Suback, Unsuback, Unsubscribe};

use super::inbound::has_levels_at_most;
use super::{Effects, Link, Session, Step, Subscribe, Subscription, Terms};
use crate::bus::Kinds;
use crate::durable::Change;
use crate::feed::{is_of_events, kinds_of, meant_events};
use crate::router::Granted;

impl Session {
    pub(super) fn handle_subscribe(
        &mut self,
        packet: &mqtt::Subscribe,
        link: &mut Link,
        terms: Terms<'_>,
        fx: &mut Effects,
    ) {
        let subscription_id = packet.properties.subscription_identifier().and_then(NonZeroU32::new);
        let mut reason_codes = Vec::with_capacity(packet.subscriptions.len());
        for (at, wanted) in packet.subscriptions.iter().enumerate() {
            let is_within = at < terms.limits.subscribe_filters_max;
            let checked =
                if is_within { self.check_wanted(wanted, link, terms, fx) } else { Err(ReasonCode::QuotaExceeded) };
            reason_codes.push(match checked {
                Err(code) => code,
                Ok((filter, readable)) => {
                    link.checks_reads |= readable != Readable::All;
                    let granted = Granted {
                        qos: if is_of_events(filter.topic_filter()) {
                            wanted.options.qos.min(QoS::AtLeastOnce)
                        } else {
                            wanted.options.qos
                        },
                        no_local: wanted.options.no_local,
                        retain_as_published: wanted.options.retain_as_published,
                        subscription_id,
                    };
                    let subscription = Subscription { filter, granted };
                    // The key is a copy: the filter is a slice of the packet, and lives as long as the session.
                    let is_new = self
                        .subscriptions
                        .insert(subscription.filter.as_byte_string().clone(), subscription.clone())
                        .is_none();
                    let change = Change::Subscribed { key: self.key, filter: subscription.filter.as_str(), granted };
                    self.promise(&change, fx);
                    let sends_retained = subscription.filter.share().is_none()
                        && match wanted.options.retain_handling {
                            RetainHandling::Send => true,
                            RetainHandling::SendIfNew => is_new,
                            RetainHandling::DoNotSend => false,
                        };
                    let properties = packet.properties.clone();
                    fx.steps.push(Step::Subscribe(Box::new(Subscribe { subscription, sends_retained, properties })));
                    granted_code(granted.qos)
                }
            });
        }
        let suback = Suback { packet_id: packet.packet_id, properties: super::outbound::NO_PROPERTIES, reason_codes };
        link.send(&Packet::Suback(suback), fx);
    }

    pub(super) fn handle_unsubscribe(&mut self, packet: &Unsubscribe, link: &Link, fx: &mut Effects) {
        let mut reason_codes = Vec::with_capacity(packet.filters.len());
        for filter in &packet.filters {
            let mounted =
                link.mount.as_ref().and_then(|mount| mount.mounted_filter(&Filter::parse(filter.clone()).ok()?).ok());
            let filter = mounted.as_ref().map_or(filter, Filter::as_byte_string);
            reason_codes.push(match self.subscriptions.remove(filter) {
                Some(subscription) => {
                    self.promise(&Change::Unsubscribed { key: self.key, filter: subscription.filter.as_str() }, fx);
                    fx.steps.push(Step::Unsubscribe(subscription, packet.properties.clone()));
                    ReasonCode::Success
                }
                None => ReasonCode::NoSubscriptionExisted,
            });
        }
        let unsuback =
            Unsuback { packet_id: packet.packet_id, properties: super::outbound::NO_PROPERTIES, reason_codes };
        link.send(&Packet::Unsuback(unsuback), fx);
    }

    /// The filter, copied out of its packet, and how much of it the client may read; or why it is refused.
    fn check_wanted(
        &self,
        wanted: &mqtt::Subscription,
        link: &Link,
        terms: Terms<'_>,
        fx: &mut Effects,
    ) -> Result<(Filter, Readable), ReasonCode> {
        let filter = Filter::parse(wanted.filter.as_ref() as &str).map_err(|_| ReasonCode::TopicFilterInvalid)?;
        if !has_levels_at_most(filter.topic_filter(), terms.limits.topic_levels_max) {
            return Err(ReasonCode::TopicFilterInvalid);
        }
        if is_of_events(filter.topic_filter()) && kinds_of(filter.topic_filter()) == Kinds::NONE {
            tracing::warn!(
                client_id = %link.client.client_id,
                filter = %filter,
                meant = meant_events(filter.topic_filter()),
                "a client subscribes to an event that there is not"
            );
            return Err(ReasonCode::TopicFilterInvalid);
        }
        let (readable, decided_by) = link.permissions.readable(&filter, wanted.options.qos.into());
        fx.tell_checked(filter.as_str(), PermissionAction::Subscribe, readable != Readable::None, decided_by);
        if readable == Readable::None {
            return Err(terms.protocol.denied_subscribe.code());
        }
        let filter = match &link.mount {
            Some(mount) => mount.mounted_filter(&filter).map_err(|_too_long| ReasonCode::TopicFilterInvalid)?,
            None => filter,
        };
        let is_new = !self.subscriptions.contains_key(filter.as_str());
        if is_new && self.subscriptions.len() >= terms.limits.subscriptions_max {
            return Err(ReasonCode::QuotaExceeded);
        }
        Ok((filter, readable))
    }
}

const fn granted_code(qos: QoS) -> ReasonCode {
    match qos {
        QoS::AtMostOnce => ReasonCode::Success,
        QoS::AtLeastOnce => ReasonCode::GrantedQos1,
        QoS::ExactlyOnce => ReasonCode::GrantedQos2,
    }
}
