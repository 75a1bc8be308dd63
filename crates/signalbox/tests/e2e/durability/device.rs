//! A client packet by packet, which keeps its side of a session as the test wants it, whatever becomes of the broker.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt::{
    Ack, Connect, Filter, Packet, PacketId, Properties, Publish, QoS, RetainHandling, Sender, Subscribe, Subscription,
    SubscriptionOptions, Version, Will,
};

use crate::support::PATIENCE;

/// A connection of a client.
pub(crate) struct Wire {
    stream: TcpStream,
    buf: BytesMut,
    version: Version,
    pub(crate) session_present: bool,
}

/// CONNECT of a client that keeps its session.
pub(crate) fn keeping(id: &str, version: Version) -> Connect {
    let properties =
        if version.is_v5() { Properties::builder().session_expiry_interval_s(3600).build() } else { Properties::new() };
    Connect {
        version,
        clean_start: false,
        keepalive_s: 0,
        client_id: id.into(),
        username: None,
        password: None,
        will: None,
        properties,
        bridge: false,
    }
}

/// A will that is published so many seconds after the connection is lost.
pub(crate) fn will(topic: &str, delay_s: u32) -> Will {
    Will {
        topic: topic.into(),
        payload: Bytes::from_static(b"gone"),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: Properties::builder().will_delay_interval_s(delay_s).build(),
    }
}

pub(crate) fn publish(topic: &str, payload: &str, qos: QoS, packet_id: Option<PacketId>) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: topic.into(),
        packet_id,
        properties: Properties::new(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

impl Wire {
    /// Connects; an error where the broker is not there, or goes away meanwhile.
    pub(crate) fn open(address: SocketAddr, connect: Connect) -> io::Result<Wire> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let version = connect.version;
        let mut wire = Wire { stream, buf: BytesMut::new(), version, session_present: false };
        wire.send(&Packet::Connect(Box::new(connect)))?;
        let answer = wire.receive()?;
        let Packet::Connack(connack) = &answer else { panic!("expected CONNACK, found {answer:?}") };
        wire.session_present = connack.session_present;
        Ok(wire)
    }

    /// The connection of a client that is there for the first time or again.
    pub(crate) fn must_open(address: SocketAddr, connect: Connect) -> Wire {
        Wire::open(address, connect).unwrap()
    }

    pub(crate) fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        mqtt::encode(packet, self.version, &mut bytes).unwrap();
        self.stream.write_all(&bytes)
    }

    /// The next packet.
    pub(crate) fn receive(&mut self) -> io::Result<Packet> {
        loop {
            let limits = mqtt::Limits { sender: Sender::Server, ..mqtt::Limits::default() };
            if let Some(packet) = mqtt::decode(&mut self.buf, Some(self.version), &limits).unwrap() {
                return Ok(packet);
            }
            let mut bytes = [0; 4096];
            let len = self.stream.read(&mut bytes)?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buf.extend_from_slice(bytes.get(..len).unwrap());
        }
    }

    /// The next packet, or `None` where none comes for a while.
    pub(crate) fn receive_soon(&mut self) -> io::Result<Option<Packet>> {
        self.stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        let received = self.receive();
        self.stream.set_read_timeout(Some(PATIENCE))?;
        match received {
            Ok(packet) => Ok(Some(packet)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next packet, which is a message.
    pub(crate) fn receive_publish(&mut self) -> Publish {
        let packet = self.receive().unwrap();
        let Packet::Publish(publish) = packet else { panic!("expected PUBLISH, found {packet:?}") };
        publish
    }

    /// Subscribes, and waits until the broker says so.
    pub(crate) fn subscribe(&mut self, filter: &str, qos: QoS) {
        let options = SubscriptionOptions {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        };
        Filter::parse(filter).unwrap();
        let subscriptions = vec![Subscription { filter: filter.into(), options }];
        let subscribe = Subscribe { packet_id: id(60_000), properties: Properties::new(), subscriptions };
        self.send(&Packet::Subscribe(subscribe)).unwrap();
        assert!(matches!(self.receive().unwrap(), Packet::Suback(_)));
    }

    /// Publishes at QoS 1, and waits for PUBACK.
    pub(crate) fn publish_acknowledged(&mut self, publish: Publish) {
        let packet_id = id(50_000);
        let publish = Publish { qos: QoS::AtLeastOnce, packet_id: Some(packet_id), ..publish };
        self.send(&Packet::Publish(publish)).unwrap();
        let answer = self.receive().unwrap();
        let Packet::Puback(ack) = &answer else { panic!("expected PUBACK, found {answer:?}") };
        assert_eq!(ack.packet_id, packet_id);
    }

    /// Everything that comes before the answer to a PINGREQ.
    pub(crate) fn receive_rest(&mut self) -> Vec<Packet> {
        self.send(&Packet::Pingreq).unwrap();
        let mut rest = Vec::new();
        loop {
            let packet = self.receive().unwrap();
            if packet == Packet::Pingresp {
                return rest;
            }
            rest.push(packet);
        }
    }

    pub(crate) fn puback(&mut self, packet_id: PacketId) -> io::Result<()> {
        self.send(&Packet::Puback(Ack::new(packet_id)))
    }
}
