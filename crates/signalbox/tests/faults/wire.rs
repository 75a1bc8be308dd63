//! A connection of a client of MQTT 3.1.1, packet by packet.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use mqtt::{Connect, Packet, Properties, Sender, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a broker may take to let a client in.
const CONNACK_PATIENCE: Duration = Duration::from_secs(10);

/// A connection that the broker has accepted.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    pub(crate) session_present: bool,
}

impl Wire {
    /// Connects; an error where the broker is not there or goes away meanwhile.
    pub(crate) async fn open(broker: SocketAddr, client_id: &str, keeps_session: bool) -> io::Result<Wire> {
        let stream = TcpStream::connect(broker).await?;
        stream.set_nodelay(true)?;
        let (input, output) = (BytesMut::new(), BytesMut::new());
        let mut wire = Wire { stream, input, output, session_present: false };
        wire.queue(&Packet::Connect(Box::new(Connect {
            version: Version::V311,
            clean_start: !keeps_session,
            keepalive_s: 0,
            client_id: client_id.into(),
            username: None,
            password: None,
            will: None,
            properties: Properties::new(),
            bridge: false,
        })));
        wire.flush().await?;
        let answer = timeout(CONNACK_PATIENCE, wire.receive()).await.map_err(io::Error::from)??;
        let Packet::Connack(connack) = &answer else { panic!("expected CONNACK, found {answer:?}") };
        assert!(connack.code.is_success(), "{client_id}: {connack:?}");
        wire.session_present = connack.session_present;
        Ok(wire)
    }

    /// Puts a packet behind those that are to be written.
    pub(crate) fn queue(&mut self, packet: &Packet) {
        mqtt::encode(packet, Version::V311, &mut self.output).unwrap();
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.output).await
    }

    /// The next packet. What is read is not lost where this is given up.
    pub(crate) async fn receive(&mut self) -> io::Result<Packet> {
        loop {
            let limits = mqtt::Limits { sender: Sender::Server, ..mqtt::Limits::default() };
            if let Some(packet) = mqtt::decode(&mut self.input, Some(Version::V311), &limits).unwrap() {
                return Ok(packet);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
