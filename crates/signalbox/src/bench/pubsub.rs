//! Publishers and subscribers in one thread, so that one clock measures latency end to end and every message is
//! accounted for.
//!
//! A closed loop: a message is outstanding until it has been acknowledged and delivered to everyone who should get it,
//! and a publisher has at most `window` of them. So a broker cannot look fast by queueing or dropping.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::{BufMut as _, BytesMut};
use mqtt::{Packet, PacketId, Properties, Publish, QoS, Version};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

use super::clock::now_ns;
use super::latency::{Latency, count_of};
use super::link::Link;
use super::packets;
use super::process::Process;

/// Every payload begins with the time it was sent, its publisher and its number.
const HEAD_BYTES: usize = 16;

/// Who publishes to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Layout {
    /// As many subscribers as publishers, a topic for each pair.
    OneToOne,
    /// Many publishers, one subscriber of all their topics.
    FanIn,
    /// One topic that every subscriber has.
    FanOut,
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Who publishes to whom.
    pub(crate) layout: Layout,
    /// Of publishers and subscriptions.
    pub(crate) qos: QoS,
    /// The protocol version of all clients.
    pub(crate) version: Version,
    /// How many publish.
    pub(crate) publishers: usize,
    /// How many subscribe.
    pub(crate) subscribers: usize,
    /// How many messages of a publisher may be outstanding.
    pub(crate) window: u64,
    /// The size of a payload.
    pub(crate) payload_bytes: usize,
    /// What stands before the topics of subscribers: something republishes the messages below it. Empty: nothing does.
    pub(crate) through: &'static str,
    /// Whether sessions outlive their connections, so that what waits for them is to survive.
    pub(crate) keeps_sessions: bool,
    /// Not counted, at the beginning.
    pub(crate) warm_up: Duration,
    /// Counted.
    pub(crate) measure: Duration,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Delivered messages a second.
    pub(crate) rate: f64,
    /// CPU of the broker per delivered message, in us.
    pub(crate) cpu_us: f64,
    /// From publishing to delivery.
    pub(crate) latency: Latency,
    /// Copies that had not arrived five seconds after the last was sent.
    pub(crate) lost: u64,
    /// Copies that came in another order than they were sent in.
    pub(crate) reordered: u64,
}

/// Everything the connections share. One thread: cells, no locks.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    /// Copies of a message that should arrive.
    copies: u64,
    publishers: Vec<Publisher>,
    phase: Cell<Phase>,
    tally: RefCell<Tally>,
}

#[derive(Debug, Default)]
struct Publisher {
    sent: Cell<u64>,
    acknowledged: Cell<u64>,
    delivered: Cell<u64>,
    opened: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measure,
    Drain,
}

#[derive(Debug, Default)]
struct Tally {
    measured: u64,
    latency: Latency,
    reordered: u64,
}

impl Shared {
    fn outstanding(&self, publisher: &Publisher) -> u64 {
        let sent = publisher.sent.get();
        let delivered = sent - (publisher.delivered.get() / self.copies).min(sent);
        match self.plan.qos {
            QoS::AtMostOnce => delivered,
            QoS::AtLeastOnce | QoS::ExactlyOnce => delivered.max(sent - publisher.acknowledged.get().min(sent)),
        }
    }

    fn may_send(&self, publisher: &Publisher) -> bool {
        self.phase.get() != Phase::Drain && self.outstanding(publisher) < self.plan.window
    }

    fn missing(&self) -> u64 {
        self.publishers
            .iter()
            .map(|publisher| (publisher.sent.get() * self.copies).saturating_sub(publisher.delivered.get()))
            .sum()
    }

    /// Takes note of a delivered payload: `seen` is the next number awaited of each publisher by this subscriber.
    fn handle_delivery(&self, payload: &[u8], seen: &mut [u32]) {
        let Some((sent_ns, from, number)) = read_head(payload) else { return };
        let (Some(publisher), Some(next)) = (self.publishers.get(from), seen.get_mut(from)) else { return };
        let was_open = self.may_send(publisher);
        publisher.delivered.set(publisher.delivered.get() + 1);
        if !was_open && self.may_send(publisher) {
            publisher.opened.notify_one();
        }
        let mut tally = self.tally.borrow_mut();
        if number < *next {
            tally.reordered += 1;
        }
        *next = (*next).max(number + 1);
        if self.phase.get() == Phase::Measure {
            tally.measured += 1;
            tally.latency.add(now_ns() - sent_ns);
        }
    }
}

/// Runs the plan against the broker at `to`, whose process is `broker`.
pub(crate) async fn run(to: SocketAddr, broker: Process, plan: Plan) -> Result<Figures> {
    if plan.payload_bytes < HEAD_BYTES || plan.window == 0 || plan.publishers == 0 || plan.subscribers == 0 {
        bail!(
            "a run wants publishers, subscribers, a window of at least 1 and payloads of at least {HEAD_BYTES} bytes"
        );
    }
    let copies = if plan.layout == Layout::FanOut { u64::try_from(plan.subscribers)? } else { 1 };
    let shared = Rc::new(Shared {
        plan,
        copies,
        publishers: (0..plan.publishers).map(|_| Publisher::default()).collect(),
        phase: Cell::new(Phase::WarmUp),
        tally: RefCell::default(),
    });
    let mut connections = JoinSet::new();
    let ready = Rc::new(Barrier::new(plan.publishers + plan.subscribers + 1));
    for at in 0..plan.subscribers {
        connections.spawn_local(subscriber(Rc::clone(&shared), Rc::clone(&ready), to, at));
    }
    for at in 0..plan.publishers {
        connections.spawn_local(publisher(Rc::clone(&shared), Rc::clone(&ready), to, at));
    }
    tokio::select! {
        _ = ready.wait() => {}
        Some(ended) = connections.join_next() => { ended??; bail!("a connection ended before all were ready"); }
    }

    tokio::time::sleep(plan.warm_up).await;
    shared.phase.set(Phase::Measure);
    let (cpu_before, started) = (broker.cpu_us()?, now_ns());
    tokio::time::sleep(plan.measure).await;
    let (cpu_after, ended) = (broker.cpu_us()?, now_ns());
    shared.phase.set(Phase::Drain);
    while shared.missing() > 0 && now_ns() - ended < 5_000_000_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if let Some(ended) = connections.try_join_next() {
        ended??;
    }
    let tally = shared.tally.borrow();
    Ok(Figures {
        rate: count_of(tally.measured) / (count_of(ended - started) / 1e9),
        cpu_us: (cpu_after - cpu_before) / count_of(tally.measured.max(1)),
        latency: tally.latency.clone(),
        lost: shared.missing(),
        reordered: tally.reordered,
    })
}

async fn subscriber(shared: Rc<Shared>, ready: Rc<Barrier>, to: SocketAddr, at: usize) -> Result<()> {
    let plan = shared.plan;
    let mut link = Link::open(to, plan.version, format!("bench-s{at}").into(), plan.keeps_sessions).await?;
    let filter = match plan.layout {
        Layout::OneToOne => format!("bench/{at}"),
        Layout::FanIn => "bench/#".to_owned(),
        Layout::FanOut => "bench/all".to_owned(),
    };
    link.subscribe(&format!("{}{filter}", plan.through), plan.qos).await?;
    ready.wait().await;
    let mut seen = vec![0u32; plan.publishers];
    let version = link.version();
    while link
        .turn(|packet, out| {
            if let Packet::Publish(publish) = packet {
                shared.handle_delivery(&publish.payload, &mut seen);
                if let Some(id) = publish.packet_id {
                    packets::acknowledge(publish.qos, id, version, out);
                }
            } else if let Packet::Pubrel(ack) = packet {
                packets::pubcomp(ack.packet_id, version, out);
            }
        })
        .await?
    {}
    bail!("the broker closed the connection of subscriber {at}")
}

async fn publisher(shared: Rc<Shared>, ready: Rc<Barrier>, to: SocketAddr, at: usize) -> Result<()> {
    let plan = shared.plan;
    let mut link = Link::open(to, plan.version, format!("bench-p{at}").into(), plan.keeps_sessions).await?;
    let topic = if plan.layout == Layout::FanOut { "bench/all".to_owned() } else { format!("bench/{at}") };
    ready.wait().await;
    let publisher = &shared.publishers[at];
    let version = link.version();
    let mut message = Publish {
        dup: false,
        qos: plan.qos,
        retain: false,
        topic: topic.into(),
        packet_id: None,
        properties: Properties::default(),
        payload: vec![b'x'; plan.payload_bytes].into(),
    };
    let mut next_id = 0u16;
    loop {
        while shared.may_send(publisher) {
            next_id = next_id.checked_add(1).unwrap_or(1);
            let number = publisher.sent.get();
            publisher.sent.set(number + 1);
            message.packet_id = PacketId::new(next_id).filter(|_| plan.qos != QoS::AtMostOnce);
            packets::publish_head(&message, version, &mut link.output);
            write_head(at, number, plan.payload_bytes, &mut link.output);
        }
        link.write()?;
        let turn = link.turn(|packet, out| {
            if let Packet::Puback(_) | Packet::Pubcomp(_) = packet {
                publisher.acknowledged.set(publisher.acknowledged.get() + 1);
            } else if let Packet::Pubrec(ack) = packet {
                packets::pubrel(ack.packet_id, version, out);
            }
        });
        tokio::select! {
            open = turn => if !open? { bail!("the broker closed the connection of publisher {at}") },
            () = publisher.opened.notified() => {}
        }
    }
}

fn write_head(publisher: usize, number: u64, payload_bytes: usize, out: &mut BytesMut) {
    let end = out.len() + payload_bytes;
    out.put_u64(now_ns());
    out.put_u32(u32::try_from(publisher).expect("fewer publishers than 2^32"));
    out.put_u32(u32::try_from(number & 0xFFFF_FFFF).expect("32 bits"));
    out.resize(end, b'x');
}

fn read_head(payload: &[u8]) -> Option<(u64, usize, u32)> {
    let (sent_ns, rest) = payload.split_first_chunk()?;
    let (from, rest) = rest.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*sent_ns), usize::try_from(u32::from_be_bytes(*from)).ok()?, u32::from_be_bytes(*number)))
}
