//! What the message or event at hand carries.

mod clientid;
mod clientip;
mod contains_topic;
mod contains_topic_match;
mod flag;
mod flags;
mod ip_in_cidr;
mod msgid;
mod payload;
mod peerhost;
mod qos;
mod topic;
mod username;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &clientid::CLIENTID,
    &clientip::CLIENTIP,
    &contains_topic::CONTAINS_TOPIC,
    &contains_topic_match::CONTAINS_TOPIC_MATCH,
    &flag::FLAG,
    &flags::FLAGS,
    &ip_in_cidr::IP_IN_CIDR,
    &msgid::MSGID,
    &payload::PAYLOAD,
    &peerhost::PEERHOST,
    &qos::QOS,
    &topic::TOPIC,
    &username::USERNAME,
];
