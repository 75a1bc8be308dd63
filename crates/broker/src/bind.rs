//! Binds listening sockets and accepts from them.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::{Bind, Bound};

/// Connections the system holds until we accept them.
const BACKLOG: i32 = 4096;
/// What events say of clients that come through a Unix socket, and of its own end.
pub(crate) const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listening {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

/// A connection as it was accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// The file of a Unix socket, which goes with it.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever has removed it before us has done no harm.
        drop(fs::remove_file(&self.0));
    }
}

impl Listening {
    /// Begins to listen; gives where that really is.
    pub(crate) fn begin(bind: &Bind) -> io::Result<(Listening, Bound)> {
        match bind {
            Bind::Tcp(address) => {
                let listener = bind_tcp(*address)?;
                let address = listener.local_addr()?;
                Ok((Listening::Tcp(listener), Bound::Tcp(address)))
            }
            Bind::Unix { path, mode } => {
                let listener = bind_unix(path, *mode)?;
                Ok((Listening::Unix { listener, _file: SocketFile(path.clone()) }, Bound::Unix(path.clone())))
            }
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listening::Tcp(listener) => {
                let (stream, peername) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, canonical(peername)))
            }
            Listening::Unix { listener, .. } => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` takes IPv4 too, as it does by default on most systems.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    remove_stale(path)?;
    // Bound beside and renamed: nobody can connect before the permissions are right.
    let beside = path.with_extension("new");
    drop(fs::remove_file(&beside));
    let listener = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

/// Removes the socket of a process that is gone.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if !meta.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "expected a socket or nothing, found another file"))
        }
        Ok(_) if StdUnixStream::connect(path).is_ok() => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there"))
        }
        Ok(_) => fs::remove_file(path),
    }
}

/// An IPv4 client of a socket for IPv6 has its IPv4 address.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_other_files_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let bind = Bind::Unix { path: dir.path().join("mqtt.sock"), mode: 0o620 };
        let Bind::Unix { path, .. } = &bind else { unreachable!("it was made so") };
        let stale = std::os::unix::net::UnixListener::bind(path).unwrap();
        let used = Listening::begin(&bind).unwrap_err();
        assert_eq!(used.to_string(), "another process listens there");
        drop(stale);
        let (listening, _) = Listening::begin(&bind).unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o620);
        let (accepted, connected) = tokio::join!(listening.accept(), UnixStream::connect(path));
        assert!(matches!(accepted.unwrap(), Accepted::Unix(_)) && connected.is_ok());
        drop(listening);
        assert!(!path.exists());
        fs::write(path, "precious").unwrap();
        assert!(Listening::begin(&bind).unwrap_err().to_string().contains("found another file"));
        assert_eq!(fs::read_to_string(path).unwrap(), "precious");
    }
}
