//! One client connection of the load generator.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use bytestring::ByteString;
use mqtt::{Connack, Connect, Limits, Packet, Properties, QoS, Sender, Version};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::logins::Login;

/// Reading goes on in steps of this many bytes.
const READ_BYTES: usize = 64 * 1024;

/// How long a session is kept that is.
const KEPT_S: u32 = 3600;

/// A connected MQTT client.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    version: Version,
    input: BytesMut,
    /// What is to be written next.
    pub(crate) output: BytesMut,
}

impl Link {
    /// Connects as `client_id` with a session that is kept, or a clean one, and waits for the CONNACK.
    pub(crate) async fn open(to: SocketAddr, version: Version, client_id: ByteString, is_kept: bool) -> Result<Link> {
        Link::open_as(to, version, (client_id, None), is_kept).await
    }

    /// The same with a user name and a password.
    pub(crate) async fn open_as(
        to: SocketAddr,
        version: Version,
        (client_id, login): (ByteString, Option<Login>),
        is_kept: bool,
    ) -> Result<Link> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        let mut link = Link { stream, version, input: BytesMut::new(), output: BytesMut::new() };
        let connect = Connect {
            version,
            clean_start: !is_kept,
            keepalive_s: 60,
            client_id,
            username: login.as_ref().map(|login| login.username.clone()),
            password: login.map(|login| login.password),
            will: None,
            properties: if is_kept && version.is_v5() {
                Properties::builder().session_expiry_interval_s(KEPT_S).build()
            } else {
                Properties::default()
            },
            bridge: false,
        };
        link.queue(&Packet::Connect(Box::new(connect)));
        let answer = link.next().await?;
        if matches!(&answer, Packet::Connack(Connack { code, .. }) if code.code() == 0) {
            return Ok(link);
        }
        bail!("the broker answered CONNECT with {answer:?}")
    }

    /// Subscribes to `filter` and waits for the SUBACK.
    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) -> Result<()> {
        self.queue(&super::packets::subscribe(filter, qos));
        let answer = self.next().await?;
        if matches!(&answer, Packet::Suback(suback) if super::packets::is_granted(suback)) {
            return Ok(());
        }
        bail!("the broker answered SUBSCRIBE with {answer:?}")
    }

    /// Queues a packet to be written.
    pub(crate) fn queue(&mut self, packet: &Packet) {
        mqtt::encode(packet, self.version, &mut self.output).expect("the load generator's own packets are short");
    }

    /// The version of the connection.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// Writes what is queued, reads what is there, and hands every packet to `handle` together with the output.
    ///
    /// Waits until one of both was possible. Returns false once the broker has closed the connection.
    pub(crate) async fn turn(&mut self, mut handle: impl FnMut(Packet, &mut BytesMut)) -> Result<bool> {
        if !self.write()? {
            self.stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
        } else {
            self.stream.readable().await?;
        }
        self.input.reserve(READ_BYTES);
        match self.stream.try_read_buf(&mut self.input) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        while let Some(packet) = decode(&mut self.input, self.version)? {
            handle(packet, &mut self.output);
        }
        self.write()?;
        Ok(true)
    }

    /// Writes as much of the output as the socket takes now; true once nothing is left.
    pub(crate) fn write(&mut self) -> Result<bool> {
        while !self.output.is_empty() {
            match self.stream.try_write(&self.output) {
                Ok(written) => drop(self.output.split_to(written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    async fn next(&mut self) -> Result<Packet> {
        let mut found = None;
        while found.is_none() {
            if !self.turn(|packet, _| found = found.take().or(Some(packet))).await? {
                bail!("the broker closed the connection");
            }
        }
        found.context("a packet was awaited")
    }
}

fn decode(input: &mut BytesMut, version: Version) -> Result<Option<Packet>> {
    const LIMITS: Limits = Limits { packet_bytes_max: 1 << 20, sender: Sender::Server };
    mqtt::decode(input, Some(version), &LIMITS).context("the broker sent what is not MQTT")
}
