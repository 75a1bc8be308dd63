//! What one client may publish and receive.

use std::sync::Arc;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use super::cover::{covers, overlaps};
use super::names::Names;
use super::rule::{Publishing, Rule};
use super::section::{Access, Section};
use crate::authorizer::{Asked, Question, Wish};
use crate::identity::Identity;

/// Topics below which only the broker publishes, and that only a rule naming them opens to readers.
const RESERVED: [&str; 3] = ["$SYS", "$events", "$sources"];

/// What one client may publish and receive: every source of rules as it stands for its user, roles and identifier.
///
/// - Nobody publishes to `$SYS/`, `$events/` and `$sources/`.
/// - The sources are asked in their order, and the first that has something to say decides.
/// - Where none has, services are asked. They take time: see [`Permissions::question`].
/// - Where none of them has an opinion, the setting `no_match` decides; but those three are read only where a rule names them.
/// - `#` and `+` at the first level do not stand for topics that begin with `$` [MQTT-4.7.2-1].
/// - A superuser reads everything.
///
/// An answer holds as long as the value: it may be kept per topic.
#[derive(Debug)]
pub struct Permissions(Kind);

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

impl Effect {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

/// Whether a client may do something, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check<'a> {
    /// Whether it may.
    pub effect: Effect,
    /// The name of the source: `client` for the rules that came with the client, `built_in_database` for those that
    /// are made by command, `file` for the ACL file, that of a service; `superuser`, `broker` for topics of the broker, `default` where no source has a rule.
    pub decided_by: &'a str,
}

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

/// How much of a subscription a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    None,
    Part,
    Whole,
}

#[derive(Debug)]
enum Kind {
    Superuser,
    Open,
    Layers { layers: Box<[Layer]>, asked: Option<Arc<Asked>>, no_match: Effect },
}

/// What one source says about one client.
#[derive(Debug)]
pub(crate) enum Layer {
    /// The ACL file: a `deny` of it goes before whatever of it allows, wherever they stand.
    File {
        /// Shared with all that have the user or role.
        sections: Box<[Arc<Section>]>,
        /// Pattern rules with the names of this client in them.
        own: Box<[(Access, ByteString)]>,
    },
    /// Rules in an order, of the source of this name.
    Rules(&'static str, Box<[Rule]>),
}

impl Layer {
    /// Rules in an order, with the names of a client in them.
    pub(crate) fn of_rules<'a>(
        source: &'static str,
        rules: impl IntoIterator<Item = &'a Rule>,
        identity: &Identity,
    ) -> Layer {
        let names = Names::of(identity);
        Layer::Rules(source, rules.into_iter().filter_map(|rule| rule.fill(names)).collect())
    }

    fn source(&self) -> &str {
        match self {
            Layer::File { .. } => "file",
            Layer::Rules(source, _) => source,
        }
    }

    fn publish(&self, what: &Publishing<'_>) -> Option<Effect> {
        match self {
            Layer::File { sections, own } => {
                if denied(sections, own, what.topic) {
                    return Some(Effect::Deny);
                }
                let open = sections.iter().any(|section| section.write.matches(what.topic))
                    || matches_own(own, what.topic, Access::writes);
                open.then_some(Effect::Allow)
            }
            Layer::Rules(_, rules) => rules.iter().find(|rule| rule.fits_publish(what)).map(|rule| rule.effect),
        }
    }

    fn delivery(&self, topic: &str) -> Option<Effect> {
        match self {
            Layer::File { sections, own } => {
                if denied(sections, own, topic) {
                    return Some(Effect::Deny);
                }
                let open = sections.iter().any(|section| section.read.matches(topic))
                    || matches_own(own, topic, Access::reads);
                open.then_some(Effect::Allow)
            }
            Layer::Rules(_, rules) => rules.iter().find(|rule| rule.fits_delivery(topic)).map(|rule| rule.effect),
        }
    }

    /// Takes down what the rules say about a subscription; whether they leave nothing of it undecided.
    fn subscription(&self, (filter, qos): (&str, u8), said: &mut Said) -> bool {
        match self {
            Layer::File { sections, own } => {
                let any = |of: fn(Access) -> bool, with: fn(&str, &str) -> bool| {
                    own.iter().any(|(access, own)| of(*access) && with(own, filter))
                };
                let is_deny = |access| access == Access::Deny;
                let reach = |whole: bool, part: bool| match (whole, part) {
                    (true, _) => Reach::Whole,
                    (false, true) => Reach::Part,
                    (false, false) => Reach::None,
                };
                let denied = reach(
                    sections.iter().any(|section| section.deny.covers(filter)) || any(is_deny, covers),
                    sections.iter().any(|section| section.deny.overlaps(filter)) || any(is_deny, overlaps),
                );
                let open = reach(
                    sections.iter().any(|section| section.read.covers(filter)) || any(Access::reads, covers),
                    sections.iter().any(|section| section.read.overlaps(filter)) || any(Access::reads, overlaps),
                );
                said.take(Effect::Deny, denied) || said.take(Effect::Allow, open)
            }
            Layer::Rules(_, rules) => rules.iter().any(|rule| said.take(rule.effect, rule.reach(filter, qos))),
        }
    }
}

/// What was said of a subscription so far.
#[derive(Debug, Default)]
struct Said {
    allowed_some: bool,
    denied_some: bool,
}

impl Said {
    /// Takes down another rule; whether nothing is left undecided behind it.
    fn take(&mut self, effect: Effect, reach: Reach) -> bool {
        let seen = match effect {
            Effect::Allow => &mut self.allowed_some,
            Effect::Deny => &mut self.denied_some,
        };
        *seen |= reach != Reach::None;
        reach == Reach::Whole
    }

    fn readable(&self) -> Readable {
        match (self.allowed_some, self.denied_some) {
            (true, false) => Readable::All,
            (true, true) => Readable::Some,
            (false, _) => Readable::None,
        }
    }
}

impl Permissions {
    pub(crate) const fn superuser() -> Permissions {
        Permissions(Kind::Superuser)
    }

    /// Sources in their order, and what holds where none has a rule.
    pub(crate) const fn layers(layers: Box<[Layer]>, no_match: Effect) -> Permissions {
        Permissions(Kind::Layers { layers, asked: None, no_match })
    }

    /// The same with services that are asked where no source has a rule.
    pub(crate) const fn layers_and_services(layers: Box<[Layer]>, asked: Arc<Asked>, no_match: Effect) -> Permissions {
        Permissions(Kind::Layers { layers, asked: Some(asked), no_match })
    }

    /// What a client may do where there is no source of rules.
    pub const fn open() -> Permissions {
        Permissions(Kind::Open)
    }

    /// Whether a message may be published, a will among them.
    pub fn publish(&self, what: &Publishing<'_>) -> Check<'_> {
        if is_reserved(what.topic) {
            return Check { effect: Effect::Deny, decided_by: "broker" };
        }
        match &self.0 {
            Kind::Superuser => Check { effect: Effect::Allow, decided_by: "superuser" },
            Kind::Open => Check { effect: Effect::Allow, decided_by: "default" },
            Kind::Layers { layers, asked, no_match } => layers
                .iter()
                .find_map(|layer| Some(Check { effect: layer.publish(what)?, decided_by: layer.source() }))
                .or_else(|| asked.as_ref().and_then(|asked| answer(asked, &Wish::to_publish(what))))
                .unwrap_or(Check { effect: *no_match, decided_by: "default" }),
        }
    }

    /// Whether a message of QoS 0 that is not to be retained may be published to `topic`.
    pub fn may_publish(&self, topic: &str) -> bool {
        self.publish(&Publishing { topic, qos: 0, retain: false }).effect == Effect::Allow
    }

    /// Whether messages of `topic` may be delivered to the client.
    pub fn may_read(&self, topic: &str) -> bool {
        match &self.0 {
            Kind::Superuser => true,
            Kind::Open => !is_reserved(topic),
            Kind::Layers { layers, asked, no_match } => {
                let unsaid = || {
                    let is_granted = asked.as_ref().is_some_and(|asked| asked.is_granted(topic));
                    if is_granted || (*no_match == Effect::Allow && !is_reserved(topic)) {
                        Effect::Allow
                    } else {
                        Effect::Deny
                    }
                };
                layers.iter().find_map(|layer| layer.delivery(topic)).unwrap_or_else(unsaid) == Effect::Allow
            }
        }
    }

    /// Whether a subscription is of any use to the client.
    ///
    /// As in Mosquitto, a subscription may be wider than the rules and then receives what the client may read; unlike
    /// there, one that could never receive anything is refused, so that the client is told.
    pub fn may_subscribe(&self, filter: &mqtt::Filter) -> bool {
        self.readable(filter, 0).0 != Readable::None
    }

    /// How much of a subscription with this QoS the client may receive, and who decides last. The share group plays no
    /// part.
    pub fn readable(&self, filter: &mqtt::Filter, qos: u8) -> (Readable, &str) {
        let filter: &str = filter.topic_filter();
        let is_reserved = is_reserved(filter);
        match &self.0 {
            Kind::Superuser => (Readable::All, "superuser"),
            Kind::Open if is_reserved => (Readable::None, "broker"),
            Kind::Open => (Readable::All, "default"),
            Kind::Layers { layers, asked, no_match } => {
                let mut said = Said::default();
                let whole = layers.iter().find(|layer| layer.subscription((filter, qos), &mut said));
                if let Some(layer) = whole {
                    return (said.readable(), layer.source());
                }
                let asked = asked.as_ref();
                if let Some((asked, check)) =
                    asked.and_then(|asked| Some((asked, answer(asked, &Wish::to_subscribe(filter, qos))?)))
                {
                    if check.effect == Effect::Deny {
                        return (Readable::None, check.decided_by);
                    }
                    asked.grant(filter);
                    said.take(Effect::Allow, Reach::Whole);
                    return (said.readable(), check.decided_by);
                }
                said.take(if is_reserved { Effect::Deny } else { *no_match }, Reach::Whole);
                (said.readable(), "default")
            }
        }
    }
}

/// What has to be asked about a packet.
impl Permissions {
    /// Whether services may have to be asked at all.
    pub const fn asks(&self) -> bool {
        matches!(&self.0, Kind::Layers { asked: Some(_), .. })
    }

    /// What has to be asked before [`Permissions::publish`] is; `None` where everything is known.
    pub fn question(&self, what: &Publishing<'_>) -> Option<Question> {
        let Kind::Layers { layers, asked: Some(asked), .. } = &self.0 else { return None };
        if is_reserved(what.topic) || layers.iter().any(|layer| layer.publish(what).is_some()) {
            return None;
        }
        let wish = Wish::to_publish(what);
        (!asked.knows(&wish)).then(|| Question::new(Arc::clone(asked), vec![wish]))
    }

    /// What has to be asked before [`Permissions::readable`] is, for subscriptions with their QoS.
    pub fn question_of_filters<'a>(&self, filters: impl Iterator<Item = (&'a mqtt::Filter, u8)>) -> Option<Question> {
        let Kind::Layers { layers, asked: Some(asked), .. } = &self.0 else { return None };
        let is_decided = |filter: &str, qos| {
            let mut said = Said::default();
            layers.iter().any(|layer| layer.subscription((filter, qos), &mut said))
        };
        let undecided = filters.filter(|(filter, qos)| !is_decided(filter.topic_filter(), *qos));
        let wishes = undecided.map(|(filter, qos)| Wish::to_subscribe(filter.topic_filter(), qos));
        let unknown: Vec<Wish> = wishes.filter(|wish| !asked.knows(wish)).collect();
        (!unknown.is_empty()).then(|| Question::new(Arc::clone(asked), unknown))
    }

    /// Forgets what services have said about a packet that is handled.
    pub fn begin_packet(&self) {
        if let Kind::Layers { asked: Some(asked), .. } = &self.0 {
            asked.begin();
        }
    }

    /// Lets a subscription stand that was allowed before: services are not asked again about a session that goes on.
    pub fn keep_subscription(&self, filter: &mqtt::Filter) {
        if let Kind::Layers { asked: Some(asked), .. } = &self.0 {
            asked.grant(filter.topic_filter());
        }
    }
}

impl Wish {
    fn to_publish(what: &Publishing<'_>) -> Wish {
        Wish { action: "publish", topic: what.topic.into(), qos: what.qos, retain: what.retain }
    }

    fn to_subscribe(filter: &str, qos: u8) -> Wish {
        Wish { action: "subscribe", topic: filter.into(), qos, retain: false }
    }
}

/// What the services have said; `None` where they have no opinion. What nobody has asked about is not allowed.
fn answer<'a>(asked: &'a Asked, wish: &Wish) -> Option<Check<'a>> {
    match asked.take(wish) {
        Some((ruling, decided_by)) => Some(Check { effect: ruling?, decided_by }),
        None => Some(Check { effect: Effect::Deny, decided_by: "default" }),
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
