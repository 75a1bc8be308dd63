//! An HTTP receiver in a process of its own: it writes what it got to a file before it answers.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use tempfile::TempDir;

/// The argument that makes this program the receiver.
pub(crate) const ROLE: &str = "receive";

/// Is the receiver, until it is killed.
pub(crate) fn serve(address: &str, file: &str) {
    let file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    let app = Router::new().fallback(keep).with_state(Arc::new(file));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        axum::serve(listener, app).await.unwrap();
    });
}

/// Keeps a body as a line. One write: who is killed has written all of it or nothing.
async fn keep(State(file): State<Arc<File>>, body: Bytes) -> StatusCode {
    // Who only asks whether we are there sends none.
    if !body.is_empty() {
        file.as_ref().write_all(&[&*body, b"\n"].concat()).unwrap();
    }
    StatusCode::NO_CONTENT
}

/// The process of the receiver.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    dir: TempDir,
    process: Child,
}

impl Receiver {
    pub(crate) fn start(address: SocketAddr) -> Receiver {
        let dir = tempfile::tempdir().unwrap();
        let process = start(address, &file(&dir));
        Receiver { address, dir, process }
    }

    /// As by `kill -9`.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself, which shows when nothing arrives.
        drop(self.process.kill());
        self.process.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = start(self.address, &file(&self.dir));
    }

    /// Everything that was received, a line each.
    pub(crate) fn received(&self) -> String {
        std::fs::read_to_string(file(&self.dir)).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("received")
}

fn start(address: SocketAddr, file: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([ROLE, &address.to_string()]).arg(file).stdin(Stdio::null()).spawn().unwrap()
}
