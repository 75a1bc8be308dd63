//! What the message or event at hand carries.

mod clientid;
mod clientip;
mod contains_topic;
mod contains_topic_match;
mod flag;
mod flags;
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
    &msgid::MSGID,
    &payload::PAYLOAD,
    &peerhost::PEERHOST,
    &qos::QOS,
    &topic::TOPIC,
    &username::USERNAME,
];
