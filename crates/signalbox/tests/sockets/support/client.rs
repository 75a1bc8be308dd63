//! A client that sends what a script says, over a socket of its own.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use bytes::BytesMut;
use mqtt::{Packet, Sender, Version};

use super::PATIENCE;

/// A network connection and what has come over it that no line has looked at yet.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    received: BytesMut,
    pub(crate) version: Version,
}

impl Client {
    /// Connects. That it comes from 127.0.0.1 is all that a script may rely on.
    pub(crate) fn open(broker: SocketAddr, version: Version) -> Client {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, broker.port())).expect("the broker takes connections");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, received: BytesMut::new(), version }
    }

    /// Sends bytes. A broker that has hung up already is no mistake: what it has said can still be read.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// Waits for a packet; gives it and the bytes that it was.
    pub(crate) fn next_packet(&mut self) -> Result<(Packet, Vec<u8>), String> {
        let limits = mqtt::Limits { sender: Sender::Server, ..mqtt::Limits::default() };
        loop {
            let before = self.received.clone();
            let decoded = mqtt::decode(&mut self.received, Some(self.version), &limits);
            match decoded.map_err(|error| format!("expected packets from the broker, found other bytes: {error}"))? {
                Some(packet) => {
                    let len = before.len() - self.received.len();
                    return Ok((packet, before[..len].to_vec()));
                }
                None if self.receive()? == 0 => return Err("expected a packet, found the end of the connection".into()),
                None => {}
            }
        }
    }

    /// Waits until the broker hangs up, before which it must not say anything more.
    pub(crate) fn wait_for_end(&mut self) -> Result<(), String> {
        while self.receive()? > 0 {}
        if self.received.is_empty() {
            Ok(())
        } else {
            Err(format!("expected no more bytes, found {:02x?}", self.received))
        }
    }

    /// The same, whatever it says before.
    pub(crate) fn wait_for_end_of_anything(&mut self) -> Result<(), String> {
        while self.receive()? > 0 {}
        Ok(())
    }

    /// Hangs up as a program does that ends.
    pub(crate) fn close(self) {
        drop(self.stream.shutdown(Shutdown::Both));
    }

    /// Reads what is there; 0 bytes at the end.
    fn receive(&mut self) -> Result<usize, String> {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(len) => {
                self.received.extend_from_slice(&bytes[..len]);
                Ok(len)
            }
            // It hangs up that way where something that was sent has not been read.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(format!("expected the broker to say something, found: {error}")),
        }
    }
}
