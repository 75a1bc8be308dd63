//! The events, each declared once: the comment is the documentation, the value is the sample.

mod certificate;
mod check;
mod client;
mod delivery;
mod message;
mod session;

pub use certificate::{CertificateRegistered, CertificateRejected};
pub use check::{ClientCheckAuthnComplete, ClientCheckAuthzComplete};
pub use client::{ClientConnack, ClientConnected, ClientDisconnected, ClientPing};
pub use delivery::{DeliveryDropped, MessageAcked, MessageDelivered};
pub use message::{MessageDropped, MessagePublish, SourceMessage};
pub use session::{
    SessionCreated, SessionDiscarded, SessionExpired, SessionResumed, SessionSubscribed, SessionTakenOver,
    SessionUnsubscribed,
};

use std::sync::LazyLock;

use crate::catalogue::names;
use crate::{EventType, Head, Value};

/// Declares one event as a struct with a sample and documented columns.
macro_rules! event {
    (
        $(#[doc = $doc:literal])*
        $type:ident {
            $($(#[doc = $field_doc:literal])* $field:ident: $column:ty = $sample:expr,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $type { $($(#[doc = $field_doc])* pub $field: $column,)* }

        impl $type {
            pub(super) const DOC: &'static [&'static str] = &[$($doc.trim_ascii(),)*];
            pub(super) const FIELDS: &'static [$crate::Field] = &[$($crate::Field {
                name: stringify!($field),
                ty: <$column as $crate::column::Column>::TYPE,
                optional: <$column as $crate::column::Column>::OPTIONAL,
                doc: &[$($field_doc.trim_ascii(),)*],
                sample: || $crate::column::Column::to_value(&$type::sample().$field),
            },)*];

            /// The event with the sample value of every field.
            pub fn sample() -> $type {
                $type { $($field: $sample,)* }
            }

            pub(super) fn field(&self, at: usize) -> $crate::Value {
                let columns: &[fn(&$type) -> $crate::Value] =
                    const { &[$(|event: &$type| $crate::column::Column::to_value(&event.$field),)*] };
                columns.get(at).map_or($crate::Value::Null, |column| column(self))
            }

            pub(super) fn push_fields(&self, into: &mut Vec<$crate::Value>) {
                into.extend([$($crate::column::Column::to_value(&self.$field),)*]);
            }
        }
    };
}
use event;

/// The list of all events: the variant, its topic and the spelling with slashes, its name, whether it belongs to the life
/// of a client.
macro_rules! catalogue {
    ($($kind:ident => $topic:expr, $slash_topic:expr, $name:literal, lifecycle: $lifecycle:literal;)*) => {
        /// Which event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind { $(#[doc = $name] $kind,)* }

        impl Kind {
            /// Every kind, in the order of the catalogue.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// What is known of events of this kind.
            pub fn event_type(self) -> &'static EventType {
                match self {
                    $(Kind::$kind => {
                        static TYPE: EventType = EventType {
                            kind: Kind::$kind,
                            topic: $topic,
                            slash_topic: $slash_topic,
                            name: $name,
                            lifecycle: $lifecycle,
                            doc: $kind::DOC,
                            fields: const { &concat::<{ Head::FIELDS.len() + $kind::FIELDS.len() }>($kind::FIELDS) },
                            names: LazyLock::new(|| names(Kind::$kind.event_type().fields)),
                        };
                        &TYPE
                    })*
                }
            }
        }

        /// What happened, by kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body { $(#[doc = $name] $kind($kind),)* }

        impl Body {
            pub(crate) fn field(&self, at: usize) -> Value {
                match self { $(Body::$kind(event) => event.field(at),)* }
            }

            /// Appends every field in order.
            pub(crate) fn push_fields(&self, into: &mut Vec<Value>) {
                match self { $(Body::$kind(event) => event.push_fields(into),)* }
            }
        }

        impl Event {
            /// Which kind this is.
            pub const fn kind(&self) -> Kind {
                match self.body { $(Body::$kind(_) => Kind::$kind,)* }
            }

            /// The event with the sample value of every field.
            pub fn sample(kind: Kind) -> Event {
                let body = match kind { $(Kind::$kind => Body::$kind($kind::sample()),)* };
                Event { head: Head::sample(), body }
            }
        }

        $(impl From<$kind> for Body {
            fn from(event: $kind) -> Body {
                Body::$kind(event)
            }
        })*
    };
}

catalogue! {
    ClientConnack => Some("$events/client_connack"), Some("$events/client/connack"), "client.connack", lifecycle: true;
    ClientConnected => Some("$events/client_connected"), Some("$events/client/connected"), "client.connected", lifecycle: true;
    ClientDisconnected => Some("$events/client_disconnected"), Some("$events/client/disconnected"), "client.disconnected", lifecycle: true;
    ClientPing => Some("$events/client_ping"), Some("$events/client/ping"), "client.ping", lifecycle: false;
    ClientCheckAuthnComplete => Some("$events/client_check_authn_complete"), Some("$events/auth/check_authn_complete"), "client.check_authn_complete", lifecycle: false;
    ClientCheckAuthzComplete => Some("$events/client_check_authz_complete"), Some("$events/auth/check_authz_complete"), "client.check_authz_complete", lifecycle: false;
    SessionCreated => Some("$events/session_created"), Some("$events/session/created"), "session.created", lifecycle: true;
    SessionResumed => Some("$events/session_resumed"), Some("$events/session/resumed"), "session.resumed", lifecycle: true;
    SessionTakenOver => Some("$events/session_taken_over"), Some("$events/session/taken_over"), "session.taken_over", lifecycle: true;
    SessionDiscarded => Some("$events/session_discarded"), Some("$events/session/discarded"), "session.discarded", lifecycle: true;
    SessionExpired => Some("$events/session_expired"), Some("$events/session/expired"), "session.expired", lifecycle: true;
    SessionSubscribed => Some("$events/session_subscribed"), Some("$events/session/subscribed"), "session.subscribed", lifecycle: true;
    SessionUnsubscribed => Some("$events/session_unsubscribed"), Some("$events/session/unsubscribed"), "session.unsubscribed", lifecycle: true;
    CertificateRegistered => Some("$events/certificate_registered"), Some("$events/certificate/registered"), "certificate.registered", lifecycle: true;
    CertificateRejected => Some("$events/certificate_rejected"), Some("$events/certificate/rejected"), "certificate.rejected", lifecycle: true;
    MessagePublish => None, None, "message.publish", lifecycle: false;
    SourceMessage => None, None, "$sources/mqtt:*", lifecycle: false;
    MessageDelivered => Some("$events/message_delivered"), Some("$events/message/delivered"), "message.delivered", lifecycle: false;
    MessageAcked => Some("$events/message_acked"), Some("$events/message/acked"), "message.acked", lifecycle: false;
    MessageDropped => Some("$events/message_dropped"), Some("$events/message/dropped"), "message.dropped", lifecycle: false;
    DeliveryDropped => Some("$events/delivery_dropped"), Some("$events/message/delivery_dropped"), "delivery.dropped", lifecycle: false;
}

/// Something that happened: a row of a declared table.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What every event carries.
    pub head: Head,
    /// What this kind of event carries.
    pub body: Body,
}

/// The fields of the head, then those of the body.
const fn concat<const LEN: usize>(body: &'static [crate::Field]) -> [crate::Field; LEN] {
    let head: &'static [crate::Field] = const { &Head::FIELDS };
    let mut all =
        [const { crate::Field { name: "", ty: crate::Type::Null, optional: true, doc: &[], sample: || Value::Null } };
            LEN];
    let mut at = 0;
    while at < LEN {
        let field = if at < head.len() { &head[at] } else { &body[at - head.len()] };
        all[at] = crate::Field {
            name: field.name,
            ty: field.ty,
            optional: field.optional,
            doc: field.doc,
            sample: field.sample,
        };
        at += 1;
    }
    all
}
