//! A client of MQTT 3.1.1 that reads when the test says so, and never before.

use std::net::{IpAddr, SocketAddr};

use super::attacker::Attacker;
use super::packets::{CONNACK_V311, connect_v311};

/// The identifier of every SUBSCRIBE.
const SUBSCRIBE_ID: [u8; 2] = [0xff, 0xff];

/// A client with a clean session and no keep-alive.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    connection: Attacker,
    last_published: usize,
    last_acknowledged: usize,
}

impl Client {
    pub(crate) async fn connect(broker: SocketAddr, id: &str) -> Client {
        Client::connect_from([127, 0, 0, 1].into(), broker, id).await
    }

    /// Comes from an address of its own.
    pub(crate) async fn connect_from(source: IpAddr, broker: SocketAddr, id: &str) -> Client {
        let connection = Attacker::open_from(source, broker).await;
        Client::begin(connection, id, &connect_v311(id, 0)).await
    }

    /// Sends a CONNECT that the broker accepts.
    pub(crate) async fn begin(connection: Attacker, id: &str, connect: &[u8]) -> Client {
        Client::begin_with(connection, id, (connect, CONNACK_V311)).await
    }

    /// Sends a CONNECT that the broker answers so.
    pub(super) async fn begin_with(mut connection: Attacker, id: &str, (connect, connack): (&[u8], &[u8])) -> Client {
        connection.send(connect).await.unwrap();
        assert_eq!(connection.read(4).await, connack, "{id}");
        Client { id: id.to_owned(), connection, last_published: 0, last_acknowledged: 0 }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.connection.address
    }

    /// Subscribes at QoS 0.
    pub(crate) async fn subscribe(&mut self, filter: &str) {
        self.subscribe_at(filter, 0).await;
    }

    pub(super) async fn subscribe_at(&mut self, filter: &str, qos: u8) {
        let body = [&SUBSCRIBE_ID[..], &text(filter), &[qos]].concat();
        self.send(0x82, &body).await;
        assert_eq!(self.next_packet().await, (0x90, [&SUBSCRIBE_ID[..], &[qos]].concat()), "{filter}");
    }

    /// Publishes at QoS 1 and does not wait for the PUBACK.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.last_published += 1;
        let body = [&text(topic), &packet_id(self.last_published)[..], payload].concat();
        self.send(0x32, &body).await;
    }

    /// Reads the PUBACKs of everything that it has published, in order.
    pub(crate) async fn assert_acknowledged(&mut self) {
        while self.last_acknowledged < self.last_published {
            self.last_acknowledged += 1;
            let id = packet_id(self.last_acknowledged);
            assert_eq!(self.next_packet().await, (0x40, id.to_vec()), "{}", self.id);
        }
    }

    /// Publishes and waits for the PUBACK.
    pub(crate) async fn publish_acknowledged(&mut self, topic: &str, payload: &[u8]) {
        self.publish(topic, payload).await;
        self.assert_acknowledged().await;
    }

    /// The topic and payload of the next message, which is one of QoS 0.
    pub(crate) async fn next_message(&mut self) -> (String, Vec<u8>) {
        let (header, body) = self.next_packet().await;
        assert_eq!(header, 0x30, "no PUBLISH of QoS 0");
        topic_and_rest(body)
    }

    /// The topic and payload of the next message, which is one of QoS 1, sent for the first time or again.
    pub(super) async fn next_message_at_qos_1(&mut self) -> (String, Vec<u8>) {
        let (header, body) = self.next_packet().await;
        assert_eq!(header & !0x08, 0x32, "no PUBLISH of QoS 1");
        let (topic, mut rest) = topic_and_rest(body);
        let payload = rest.split_off(2);
        self.send(0x40, &rest).await;
        (topic, payload)
    }

    /// Asks whether the broker is there, when nothing else is to be read.
    pub(crate) async fn ping(&mut self) {
        self.send(0xc0, b"").await;
        assert_eq!(self.next_packet().await, (0xd0, Vec::new()), "{}", self.id);
    }

    /// Says goodbye.
    pub(crate) async fn disconnect(mut self) {
        self.send(0xe0, b"").await;
        self.assert_ended().await;
    }

    /// Checks that the broker has ended the connection.
    pub(crate) async fn assert_ended(&mut self) {
        assert_eq!(self.connection.read_to_end().await, b"", "{}", self.id);
    }

    async fn send(&mut self, header: u8, body: &[u8]) {
        let mut packet = vec![header];
        let mut rest_len = body.len();
        loop {
            let low_bits = u8::try_from(rest_len % 128).unwrap();
            rest_len /= 128;
            packet.push(if rest_len > 0 { 0x80 | low_bits } else { low_bits });
            if rest_len == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.connection.send(&packet).await.unwrap();
    }

    /// The first byte and the body of the next packet.
    async fn next_packet(&mut self) -> (u8, Vec<u8>) {
        let header = self.connection.read(1).await[0];
        let (mut len, mut shift) = (0, 0);
        loop {
            let byte = self.connection.read(1).await[0];
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return (header, self.connection.read(len).await);
            }
        }
    }
}

/// The topic of a PUBLISH, and what stands behind it.
fn topic_and_rest(mut body: Vec<u8>) -> (String, Vec<u8>) {
    let topic_len = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let rest = body.split_off(2 + topic_len);
    (String::from_utf8(body.split_off(2)).unwrap(), rest)
}

/// The identifier of its message with that number, from 1 on.
fn packet_id(number: usize) -> [u8; 2] {
    u16::try_from((number - 1) % 10_000 + 1).unwrap().to_be_bytes()
}

/// Text with its length, as MQTT has it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}
