//! Packets that wait until a service has said whether their client may do what it wants. Nothing else is read from the
//! client meanwhile, so that its packets keep their order; messages are delivered to it, and others wait for nothing.

use std::sync::Arc;
use std::task::{Context, Poll};

use auth::{Identity, Permissions, Publishing, Question};
use bytes::BytesMut;
use mqtt::{Connect, Filter, Limits, Packet, Version};

use super::{Connection, Phase, Turn, Workspace};
use crate::awaited::Awaited;
use crate::clock::Now;
use crate::mountpoint::Mount;
use crate::session::Link;

/// A packet, and the answer it waits for.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) packet: Packet,
    /// Until it is there.
    answer: Option<Awaited>,
}

impl Asking {
    /// The packet is copied: it is a slice of the buffer of all connections of a thread.
    pub(super) fn new(packet: &Packet, version: Version, question: Question) -> Box<Asking> {
        let mut bytes = BytesMut::new();
        let copy = mqtt::encode(packet, version, &mut bytes)
            .ok()
            .and_then(|()| mqtt::decode(&mut bytes, Some(version), &Limits::default()).ok()?);
        let packet = copy.unwrap_or_else(|| packet.clone());
        Box::new(Asking { packet, answer: Some(Awaited::new(Box::pin(question.ask()))) })
    }
}

/// A client that is let in when it is known whether it may leave its will.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) identity: Identity,
    pub(super) mount: Option<Mount>,
    pub(super) permissions: Arc<Permissions>,
    /// The ACL that `permissions` were read from.
    pub(super) acl_version: u64,
}

impl Admission {
    /// What has to be asked about the will.
    pub(super) fn question(&self, connect: &Connect) -> Option<Question> {
        let will = connect.will.as_ref()?;
        self.permissions.question(&Publishing { topic: &will.topic, qos: will.qos.into(), retain: will.retain })
    }
}

impl Connection {
    /// Whether a packet waits for an answer.
    pub(crate) const fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Pending while a packet waits; ready with whether it did, and is to be handled now.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(asking) = &mut self.asking else { return Poll::Ready(false) };
        if let Some(answer) = &mut asking.answer {
            if answer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            asking.answer = None;
        }
        Poll::Ready(true)
    }

    /// What has to be asked about the will of a client that is to be let in, after [`Turn::Authenticate`].
    pub(crate) fn take_will_question(&mut self) -> Option<Question> {
        let Phase::Stranger(stranger) = &self.phase else { return None };
        stranger.admission.as_ref()?.question(stranger.connect.as_ref()?)
    }

    /// Handles that it was answered.
    pub(crate) fn handle_will_answer(&mut self, now: Now, work: &mut Workspace) -> Turn {
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        match (stranger.connect.take(), stranger.admission.take()) {
            (Some(connect), Some(admission)) => self.let_in(now, &connect, *admission, work),
            (Some(_) | None, Some(_) | None) => Turn::Wait,
        }
    }
}

impl Link {
    /// What has to be asked before a packet can be handled. One that has waited has its answers, unless the rules are
    /// others by now.
    pub(super) fn question(&self, (packet, has_waited): (&Packet, bool), filters_max: usize) -> Option<Question> {
        if !self.permissions.asks() {
            return None;
        }
        if !has_waited {
            self.permissions.begin_packet();
        }
        match packet {
            Packet::Publish(publish) => {
                let topic = self.incoming_aliases.topic_of(publish)?;
                self.permissions.question(&Publishing { topic, qos: publish.qos.into(), retain: publish.retain })
            }
            Packet::Subscribe(subscribe) => {
                let wanted = subscribe.subscriptions.iter().take(filters_max);
                let filters: Vec<(Filter, u8)> = wanted
                    .filter_map(|of| Some((Filter::parse(of.filter.as_ref() as &str).ok()?, of.options.qos.into())))
                    .collect();
                self.permissions.question_of_filters(filters.iter().map(|(filter, qos)| (filter, *qos)))
            }
            Packet::Connect(_)
            | Packet::Connack(_)
            | Packet::Puback(_)
            | Packet::Pubrec(_)
            | Packet::Pubrel(_)
            | Packet::Pubcomp(_)
            | Packet::Suback(_)
            | Packet::Unsubscribe(_)
            | Packet::Unsuback(_)
            | Packet::Pingreq
            | Packet::Pingresp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => None,
        }
    }
}
