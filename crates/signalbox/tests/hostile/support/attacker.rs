//! A socket that sends whatever a test wants.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;

/// A network connection to the broker.
#[derive(Debug)]
pub(crate) struct Attacker {
    stream: TcpStream,
    /// Its own address: what events call `peername`.
    pub(crate) address: SocketAddr,
}

impl Attacker {
    pub(crate) async fn open(broker: SocketAddr) -> Attacker {
        Attacker::open_from([127, 0, 0, 1].into(), broker).await
    }

    /// Opens it from an address of its own; all of 127.0.0.0/8 are.
    pub(crate) async fn open_from(source: IpAddr, broker: SocketAddr) -> Attacker {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        Attacker::open_through(socket, broker).await
    }

    /// Opens it through a socket that has been prepared.
    pub(crate) async fn open_through(socket: TcpSocket, broker: SocketAddr) -> Attacker {
        let stream = timeout(PATIENCE, socket.connect(broker)).await.expect("the broker takes no connection").unwrap();
        stream.set_nodelay(true).unwrap();
        let address = stream.local_addr().unwrap();
        Attacker { stream, address }
    }

    /// Opens it and sends these bytes at once.
    pub(crate) async fn open_with(broker: SocketAddr, bytes: &[u8]) -> Attacker {
        let mut attacker = Attacker::open(broker).await;
        attacker.send(bytes).await.unwrap();
        attacker
    }

    /// Sends bytes. It is an error when the broker has ended the connection already.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the broker does not read")
    }

    /// Sends one byte after the other with a pause between them, until the broker ends the connection.
    pub(crate) async fn trickle(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes {
            self.send(&[*byte]).await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Reads exactly so many bytes.
    pub(crate) async fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        timeout(PATIENCE, self.stream.read_exact(&mut bytes)).await.expect("the broker does not answer").unwrap();
        bytes
    }

    /// Reads what the broker says first; nothing when it ends the connection.
    pub(crate) async fn read_some(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        let len = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("the broker does not answer");
        bytes.truncate(len.unwrap_or(0));
        bytes
    }

    /// Reads until the broker ends the connection, and returns everything it has said.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        match timeout(PATIENCE, self.stream.read_to_end(&mut answer)).await.expect("the broker does not hang up") {
            Ok(_) => {}
            // It hangs up that way where something that was sent has not been read.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}"),
        }
        answer
    }

    /// Says that nothing more comes, and goes on reading.
    pub(crate) async fn close_half(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Breaks the connection off, as a machine does that has been restarted.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
