//! `/metrics`: everything that is counted, as Prometheus reads it (OpenMetrics 1.0).
//!
//! Nothing is counted here: each scrape asks broker, bus and engine for their own numbers.

use auth::SourceStats;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use broker::{BusStats, ReasonCounts, Stats};
use engine::{ActionStatus, BreakerState, Drops, Ledger, RuleStatus, SourceState, SourceStatus};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::Api;
use crate::access::Viewer;
use crate::problem::Problem;

/// Tells everything that is counted, as Prometheus reads it
#[utoipa::path(get, path = "/metrics", tag = "metrics",
    responses((status = 200, description = "OpenMetrics 1.0", content_type = "application/openmetrics-text", body = String)),
    security(("bearer" = ["viewer"])))]
pub(crate) async fn scrape(_viewer: Viewer, State(api): State<Api>) -> Result<Response, Problem> {
    let snapshot = Snapshot {
        broker: api.broker.stats(),
        reasons: api.broker.reason_counts(),
        bus: api.broker.bus().stats(),
        rules: api.engine.rules(),
        authenticators: api.broker.auth().stats(),
        authorizers: api.broker.auth().authorizer_stats(),
        sources: api.engine.sources(),
    };
    let mut registry = Registry::with_prefix("signalbox");
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    encode(&mut text, &registry)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

/// All numbers at one moment.
#[derive(Debug)]
struct Snapshot {
    broker: Stats,
    reasons: ReasonCounts,
    bus: Vec<BusStats>,
    rules: Vec<RuleStatus>,
    authenticators: Vec<SourceStats>,
    authorizers: Vec<SourceStats>,
    sources: Vec<SourceStatus>,
}

/// A number of the broker: its name, its help, where it is.
type Row<T> = (&'static str, &'static str, fn(&T) -> u64);

const GAUGES: &[Row<Stats>] = &[
    ("connections", "Network connections, before and after CONNECT", |stats| stats.connections),
    ("sessions_online", "Sessions with a connection", |stats| stats.sessions_online),
    ("sessions_offline", "Sessions that wait for their client", |stats| stats.sessions_offline),
    ("subscriptions", "Subscriptions of all sessions", |stats| stats.subscriptions),
    ("retained_messages", "Retained messages", |stats| stats.retained_messages),
    ("retained_bytes", "Bytes of retained messages", |stats| stats.retained_bytes),
    ("memory_bytes", "Memory of the process that is really there", |stats| stats.memory_bytes),
    ("queued_bytes", "Bytes of messages that wait for sessions", |stats| stats.queued_bytes),
];

const COUNTERS: &[Row<Stats>] = &[
    ("connections_accepted", "Network connections accepted", |stats| stats.connections_accepted),
    ("connections_shed", "Connections closed because too many waited for their refusal", |stats| {
        stats.connections_shed
    }),
    ("connects_accepted", "CONNECT packets accepted", |stats| stats.connects_accepted),
    ("connects_refused", "CONNECT packets refused", |stats| stats.connects_refused),
    ("connects_refused_memory", "CONNECT packets refused because the process took more memory than it may", |stats| {
        stats.connects_refused_memory
    }),
    ("disconnects", "Connections that ended", |stats| stats.disconnects),
    ("disconnects_unauthenticated", "Connections that ended without having been accepted", |stats| {
        stats.disconnects_unauthenticated
    }),
    ("sessions_ended", "Sessions that ended", |stats| stats.sessions_ended),
    ("reads_paused", "How often a client that published more than it may was not read from for a while", |stats| {
        stats.reads_paused
    }),
    ("received_bytes", "Bytes from clients", |stats| stats.bytes_received),
    ("sent_bytes", "Bytes to clients", |stats| stats.bytes_sent),
    ("packets_received", "Packets from clients", |stats| stats.packets_received),
    ("packets_sent", "Packets to clients", |stats| stats.packets_sent),
    ("messages_published", "Messages accepted from clients, wills and rules", |stats| stats.messages_published),
    ("messages_routed", "Messages handed to sessions", |stats| stats.messages_routed),
    ("messages_dropped", "Messages that reached nobody", |stats| stats.messages_dropped),
    ("retained_refused", "Messages not retained because the store was full", |stats| stats.retained_refused),
    ("deliveries_dropped", "Messages dropped for one receiver whose queue was full", |stats| stats.deliveries_dropped),
    ("deliveries_offline", "Messages of QoS 0 for a session without a connection", |stats| stats.deliveries_offline),
    ("deliveries_expired", "Messages that expired before they could be sent", |stats| stats.deliveries_expired),
    ("deliveries_too_large", "Messages larger than their receiver takes", |stats| stats.deliveries_too_large),
    ("deliveries_not_authorized", "Messages their receiver may not read", |stats| stats.deliveries_not_authorized),
];

const OF_A_RULE: &[Row<RuleStatus>] = &[
    ("rule_matched", "How often a rule was run", |rule| rule.counts.matched),
    ("rule_passed", "How often a rule made at least one row", |rule| rule.counts.passed),
    ("rule_failed_exception", "How often the evaluation of a rule failed", |rule| rule.counts.failed_exception),
    ("rule_failed_no_result", "How often a rule made no row", |rule| rule.counts.failed_no_result),
    ("rule_payload_not_json", "How often a rule wanted JSON and the payload was none", |rule| {
        rule.counts.payload_not_json
    }),
    ("rule_blocked", "Events a rule was not run on, because an action with block_rule had no room", |rule| {
        rule.counts.blocked
    }),
];

const OF_AN_ACTION: &[Row<Ledger>] = &[
    ("action_in", "Outputs handed to an action", |ledger| ledger.in_),
    ("action_delivered", "Outputs delivered by an action", |ledger| ledger.delivered),
    ("action_dead", "Outputs refused for good", |ledger| ledger.dead),
    ("action_expired", "Outputs that grew too old", |ledger| ledger.expired),
    ("action_dropped", "Outputs for which there was no room", |ledger| ledger.dropped),
    ("action_fallen_back", "Outputs that went to the fallback action", |ledger| ledger.fallen_back),
];

const OF_A_SOURCE: &[Row<SourceStatus>] = &[
    ("source_received", "Messages that came by a source, those that came again included", |source| {
        source.counts.received
    }),
    ("source_redelivered", "Messages that the other side said it had sent before", |source| source.counts.redelivered),
    ("source_accepted", "Messages of a source that rules have seen and that were acknowledged", |source| {
        source.counts.accepted
    }),
    ("source_dropped", "Messages of a source that no rule has seen", |source| source.counts.dropped),
    ("source_returned", "Messages that were not acknowledged when the connection ended", |source| {
        source.counts.returned
    }),
    ("source_connects", "How often a source was connected", |source| source.counts.connects),
    ("source_sessions_lost", "How often the other side had forgotten the session of a source", |source| {
        source.counts.sessions_lost
    }),
];

const OF_A_SOURCE_NOW: &[Row<SourceStatus>] = &[
    ("source_waiting", "Messages of a source that are not acknowledged yet", |source| source.counts.waiting),
    ("source_connected", "Whether a source is connected: 1 or 0", |source| {
        u64::from(source.state == SourceState::Connected)
    }),
];

const OF_AN_AUTHENTICATOR: &[Row<SourceStats>] = &[
    ("authentication_allowed", "Clients let in by an authenticator", |source| source.allowed),
    ("authentication_denied", "Clients refused by an authenticator", |source| source.denied),
    ("authentication_ignored", "Clients that were none of an authenticator", |source| source.ignored),
    ("authentication_failed", "Clients about whom an authenticator could not tell", |source| source.failed),
    ("authentication_waited_us", "Microseconds that clients have waited for an authenticator", |source| {
        source.waited_us
    }),
];

const OF_AN_AUTHORIZER: &[Row<SourceStats>] = &[
    ("authorization_allowed", "Questions what a client may do that a service allowed", |source| source.allowed),
    ("authorization_denied", "Questions what a client may do that a service denied", |source| source.denied),
    ("authorization_ignored", "Questions about which a service had no opinion", |source| source.ignored),
    ("authorization_failed", "Questions that a service did not answer", |source| source.failed),
    ("authorization_waited_us", "Microseconds that clients have waited for a service", |source| source.waited_us),
];

const OF_AN_ACTION_NOW: &[Row<Ledger>] = &[
    ("action_queued", "Outputs that wait", |ledger| ledger.queued),
    ("action_in_flight", "Outputs being sent", |ledger| ledger.in_flight),
];

/// Why outputs were dropped, and how many.
type Cause = (&'static str, fn(&Drops) -> u64);

const DROPS: &[Cause] = &[
    ("overflow", |drops| drops.overflow),
    ("closed", |drops| drops.closed),
    ("draining", |drops| drops.draining),
    ("damaged", |drops| drops.damaged),
];

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in GAUGES {
            ConstGauge::new(value(&self.broker)).encode(encoder.encode_descriptor(
                name,
                help,
                None,
                MetricType::Gauge,
            )?)?;
        }
        for (name, help, value) in COUNTERS {
            ConstCounter::new(value(&self.broker)).encode(encoder.encode_descriptor(
                name,
                help,
                None,
                MetricType::Counter,
            )?)?;
        }
        self.encode_reasons(&mut encoder)?;
        let mut family = encoder.encode_descriptor(
            "bus_lost",
            "Events lost because the queue of a reader was full",
            None,
            MetricType::Counter,
        )?;
        for reader in &self.bus {
            counter(&mut family, &[("reader", &reader.name)], reader.lost_count)?;
        }
        for (name, help, value) in OF_A_RULE {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for rule in &self.rules {
                counter(&mut family, &[("rule", &rule.id)], value(rule))?;
            }
        }
        self.encode_askers(&mut encoder)?;
        self.encode_sources(&mut encoder)?;
        self.encode_actions(&mut encoder)
    }
}

impl Snapshot {
    fn encode_actions(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in OF_AN_ACTION {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            self.each_action(|labels, action| counter(&mut family, labels, value(&action.ledger)))?;
        }
        for (name, help, value) in OF_AN_ACTION_NOW {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            self.each_action(|labels, action| {
                ConstGauge::new(value(&action.ledger)).encode(family.encode_family(&labels.as_slice())?)
            })?;
        }
        let mut family = encoder.encode_descriptor(
            "action_dropped_by_cause",
            "Outputs dropped, by cause",
            None,
            MetricType::Counter,
        )?;
        self.each_action(|[rule, action, kind], status| {
            DROPS.iter().try_for_each(|(cause, value)| {
                counter(&mut family, &[*rule, *action, *kind, ("cause", cause)], value(&status.drops))
            })
        })?;
        let mut family = encoder.encode_descriptor(
            "action_breaker_open",
            "Whether an action only asks whether the other side is there: 1 or 0",
            None,
            MetricType::Gauge,
        )?;
        self.each_action(|labels, action| {
            let is_open = u64::from(action.breaker == BreakerState::Open);
            ConstGauge::new(is_open).encode(family.encode_family(&labels.as_slice())?)
        })?;
        let mut family = encoder.encode_descriptor(
            "action_disk_bytes",
            "Bytes of the disk a buffer uses",
            None,
            MetricType::Gauge,
        )?;
        self.each_action(|labels, action| {
            ConstGauge::new(action.disk_bytes).encode(family.encode_family(&labels.as_slice())?)
        })?;
        Ok(())
    }

    /// What came of asking who clients are and what they may do.
    fn encode_askers(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (rows, sources) in [(OF_AN_AUTHENTICATOR, &self.authenticators), (OF_AN_AUTHORIZER, &self.authorizers)] {
            for (name, help, value) in rows {
                let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                for source in sources {
                    counter(&mut family, &[("name", &source.name), ("kind", source.kind)], value(source))?;
                }
            }
        }
        Ok(())
    }

    fn encode_reasons(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut family = encoder.encode_descriptor(
            "connects_refused_by_reason",
            "CONNECT packets refused, by reason code",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in &self.reasons.refusals {
            counter(&mut family, &[("reason_code", reason.name())], *count)?;
        }
        let mut family = encoder.encode_descriptor(
            "disconnects_by_reason",
            "Connections that ended, by reason",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in &self.reasons.disconnects {
            counter(&mut family, &[("reason", reason.name())], *count)?;
        }
        Ok(())
    }

    fn encode_sources(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in OF_A_SOURCE {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for source in &self.sources {
                counter(&mut family, &[("source", source.topic.name()), ("type", source.kind)], value(source))?;
            }
        }
        for (name, help, value) in OF_A_SOURCE_NOW {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for source in &self.sources {
                let labels = [("source", source.topic.name()), ("type", source.kind)];
                ConstGauge::new(value(source)).encode(family.encode_family(&labels.as_slice())?)?;
            }
        }
        Ok(())
    }

    fn each_action(
        &self,
        mut encode: impl FnMut(&[(&str, &str); 3], &ActionStatus) -> Result<(), std::fmt::Error>,
    ) -> Result<(), std::fmt::Error> {
        for rule in &self.rules {
            for action in &rule.actions {
                encode(&[("rule", &rule.id), ("action", &action.name), ("type", action.kind)], action)?;
            }
        }
        Ok(())
    }
}

fn counter(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: u64) -> Result<(), std::fmt::Error> {
    ConstCounter::new(value).encode(family.encode_family(&labels)?)
}
