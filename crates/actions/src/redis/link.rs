//! The connection to a server, which all actions of a connector share.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisResult, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::command::Rendered;
use super::outcome::{self, Failure};
use crate::server_tls::ServerTls;

/// Where the server is, and who we are to it.
pub(super) struct Target {
    /// `host:port`.
    pub(super) address: String,
    pub(super) tls: Option<ServerTls>,
    pub(super) login: RedisConnectionInfo,
    pub(super) connect_timeout: Duration,
}

/// A connection that is or was open.
#[derive(Debug)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    driver: tokio::task::JoinHandle<()>,
}

impl Link {
    /// Connects and signs in. A refusal comes back as it is.
    pub(super) async fn open(target: &Target) -> Result<Link, Failure> {
        let limit = target.connect_timeout;
        match tokio::time::timeout(limit, connect(target)).await {
            Ok(opened) => opened,
            Err(_) => Err(outcome::timed_out("no connection: no answer", limit)),
        }
    }

    /// Whether it is of no more use.
    pub(super) fn is_broken(&self) -> bool {
        self.driver.is_finished()
    }

    /// Sends `commands` as one transaction: the answers to MULTI, to each of them, and to EXEC. They are written at once,
    /// so that nothing of another batch comes between.
    pub(super) async fn transact(&self, commands: &[&Rendered]) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(commands.len() + 2);
        pipeline.cmd("MULTI");
        for command in commands {
            pipeline.add_command(cmd(command));
        }
        pipeline.cmd("EXEC");
        self.connection.clone().send_packed_commands(&pipeline, 0, commands.len() + 2).await
    }

    /// Sends one command.
    pub(super) async fn ask(&self, command: &Rendered) -> RedisResult<Value> {
        self.connection.clone().send_packed_command(&cmd(command)).await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn connect(target: &Target) -> Result<Link, Failure> {
    let stream = TcpStream::connect(&target.address).await.map_err(|error| outcome::of_io(&error))?;
    stream.set_nodelay(true).map_err(|error| outcome::of_io(&error))?;
    match &target.tls {
        None => sign_in(stream, target).await,
        Some(tls) => {
            let tls = tls.connect(stream).await;
            sign_in(tls.map_err(|error| outcome::of_io(&error))?, target).await
        }
    }
}

async fn sign_in<S>(stream: S, target: &Target) -> Result<Link, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // How long an answer may take is decided around it: the connection is closed then.
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let opened = MultiplexedConnection::new_with_config(&target.login, stream, config).await;
    let (connection, driver) = opened.map_err(|error| outcome::of_connecting(&error))?;
    #[expect(clippy::disallowed_methods, reason = "the task ends with the link that spawns it")]
    let driver = tokio::spawn(driver);
    Ok(Link { connection, driver })
}

fn cmd(command: &Rendered) -> Cmd {
    let mut cmd = Cmd::new();
    for argument in command {
        cmd.arg(&**argument);
    }
    cmd
}
