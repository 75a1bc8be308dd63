//! The PROXY protocol: the header by which a load balancer says who the client is.
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, versions 1 and 2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a header of version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of a line of version 1, its end included.
const LINE_BYTES_MAX: usize = 107;
/// Bytes behind the fixed part of version 2: two addresses, and additions that are read and left alone.
const ADDITIONS_BYTES_MAX: usize = 4096;

/// Whom a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxied {
    /// The load balancer itself, as for its health checks: the addresses of the connection are the true ones.
    Itself,
    /// A client of the load balancer.
    Client {
        /// The address of the client.
        source: SocketAddr,
        /// The address it has connected to.
        destination: SocketAddr,
    },
}

/// Reads the header and not a byte more. An error of kind `InvalidData` says in words what came instead.
pub(super) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Proxied> {
    let mut head = [0; 12];
    stream.read_exact(&mut head[..1]).await?;
    if head[0] != b'P' && head[0] != SIGNATURE[0] {
        return Err(wrong(other_than_header(head[0])));
    }
    stream.read_exact(&mut head[1..]).await?;
    if head == SIGNATURE {
        return read_v2(stream).await;
    }
    if !head.starts_with(b"PROXY ") {
        return Err(wrong(other_than_header(head[0])));
    }
    let mut line = head.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LINE_BYTES_MAX {
            return Err(wrong(format!("expected the PROXY line to end within {LINE_BYTES_MAX} bytes, found no end")));
        }
        line.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&line);
    parse_v1(text.trim_end()).ok_or_else(|| {
        wrong(format!("expected `PROXY TCP4 SOURCE DESTINATION PORT PORT`, found `{}`", text.trim_end().escape_debug()))
    })
}

fn other_than_header(first: u8) -> String {
    let found = match first {
        0x10 => "an MQTT CONNECT",
        0x16 => "a TLS handshake",
        _ => "something else",
    };
    format!(
        "expected a PROXY protocol header, found {found}; help: connect through the load balancer, or set \
         `proxy_protocol = false` for this listener"
    )
}

/// The fields of a line of version 1.
fn parse_v1(line: &str) -> Option<Proxied> {
    let mut words = line.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Proxied::Itself);
    }
    let (source, destination): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (source_port, destination_port) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let is_right = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    let client = Proxied::Client {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    };
    (is_right && words.next().is_none()).then_some(client)
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Proxied> {
    let (version_and_command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let len = usize::from(stream.read_u16().await?);
    if version_and_command >> 4 != 2 {
        return Err(wrong(format!("expected version 2 of the PROXY protocol, found {}", version_and_command >> 4)));
    }
    if len > ADDITIONS_BYTES_MAX {
        return Err(wrong(format!("expected a PROXY header of at most {ADDITIONS_BYTES_MAX} bytes, found {len}")));
    }
    let mut rest = vec![0; len];
    stream.read_exact(&mut rest).await?;
    match version_and_command & 0x0F {
        0 => Ok(Proxied::Itself),
        1 => parse_v2(family, &rest).ok_or_else(|| {
            wrong(format!("expected two addresses of family {family:#04x} in the PROXY header, found {len} bytes"))
        }),
        command => Err(wrong(format!("expected the PROXY command 0 or 1, found {command}"))),
    }
}

/// The addresses of version 2. Families other than TCP over IP tell no address.
fn parse_v2(family: u8, bytes: &[u8]) -> Option<Proxied> {
    let port = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let client = |source: IpAddr, destination: IpAddr, ports_at: usize| {
        Some(Proxied::Client {
            source: SocketAddr::new(source, port(ports_at)?),
            destination: SocketAddr::new(destination, port(ports_at + 2)?),
        })
    };
    match family {
        0x11 => {
            let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?));
            client(address(0)?.into(), address(4)?.into(), 8)
        }
        0x21 => {
            let address = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?));
            client(address(0)?.into(), address(16)?.into(), 32)
        }
        _ => Some(Proxied::Itself),
    }
}

fn wrong(message: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a header with MQTT behind it; gives what it says, or what is wrong, and the bytes that are left.
    async fn read(bytes: &[u8]) -> (Result<Proxied, String>, Vec<u8>) {
        let mut rest = bytes;
        let read = read_header(&mut rest).await.map_err(|error| error.to_string());
        (read, rest.to_vec())
    }

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let len = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &len, addresses, b"\x10"].concat()
    }

    fn client(source: &str, destination: &str) -> Result<Proxied, String> {
        Ok(Proxied::Client { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
    }

    #[tokio::test]
    async fn both_versions_tell_the_addresses_and_leave_what_follows() {
        let v4 = [&[192, 0, 2, 1, 192, 0, 2, 2][..], &50000u16.to_be_bytes(), &1883u16.to_be_bytes()].concat();
        let with_addition = [&v4[..], b"\x04\x00\x01x"].concat();
        let v6 = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
        let v6 = [&v6[..], &v6, &[0, 7, 0, 8]].concat();
        let from_v4 = client("192.0.2.1:50000", "192.0.2.2:1883");
        for (bytes, expected) in [
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 1883\r\n\x10".to_vec(), from_v4.clone()),
            (b"PROXY TCP6 ::1 ::2 5 6\r\n\x10".to_vec(), client("[::1]:5", "[::2]:6")),
            (b"PROXY UNKNOWN\r\n\x10".to_vec(), Ok(Proxied::Itself)),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n\x10".to_vec(), Ok(Proxied::Itself)),
            (v2(0x21, 0x11, &v4), from_v4.clone()),
            (v2(0x21, 0x11, &with_addition), from_v4),
            (v2(0x21, 0x21, &v6), client("[2001:db8::1]:7", "[2001:db8::1]:8")),
            (v2(0x20, 0x00, b""), Ok(Proxied::Itself)),
            (v2(0x21, 0x31, &[0; 216]), Ok(Proxied::Itself)),
        ] {
            assert_eq!(read(&bytes).await, (expected, b"\x10".to_vec()), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_told() {
        let long_line = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
        for (bytes, message) in [
            (b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0".to_vec(), "found an MQTT CONNECT"),
            (b"\x16\x03\x01".to_vec(), "found a TLS handshake"),
            (b"POST / HTTP/1.1".to_vec(), "found something else"),
            (b"PROXY TCP4 192.0.2.1 ::2 50000 1883\r\n".to_vec(), "expected `PROXY TCP4"),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 70000\r\n".to_vec(), "expected `PROXY TCP4"),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n".to_vec(), "expected `PROXY TCP4"),
            (long_line, "found no end"),
            (v2(0x31, 0x11, b""), "expected version 2"),
            (v2(0x22, 0x11, b""), "expected the PROXY command 0 or 1, found 2"),
            (v2(0x21, 0x11, b"short"), "found 5 bytes"),
            (v2(0x21, 0x11, &[0; 5000]), "at most 4096 bytes, found 5000"),
        ] {
            let told = read(&bytes).await.0.unwrap_err();
            assert!(told.contains(message), "{bytes:?}: {told}");
        }
    }
}
