//! The connection to a server: opened, used for one batch after the other, left when it is silent or breaks.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use engine::{ErrorClass, ItemOutcome};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::login::Login;
use super::message::Message;
use super::outcome::{self, Failure};
use super::protocol::{ServerOp, next_op, push_publish};
use crate::server_tls::ServerTls;

/// How long a connection may be unused and be used again: a server asks every two minutes whether we are still there, and
/// nobody answers while nothing is sent.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Where the server is, and who we are to it.
pub(super) struct Target {
    /// `host:port`.
    pub(super) address: String,
    pub(super) tls: Option<ServerTls>,
    pub(super) login: Login,
    pub(super) connect_timeout: Duration,
}

/// Any stream of bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection.
pub(super) struct Link {
    reader: Reader,
    writer: WriteHalf<Box<dyn Stream>>,
    /// What the subjects begin with under which JetStream answers.
    inbox: String,
    /// The longest message that the server takes.
    message_bytes_max: usize,
    used_at: Instant,
}

struct Reader {
    stream: ReadHalf<Box<dyn Stream>>,
    buf: BytesMut,
    owes_pong: bool,
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

    /// Whether it was used a moment ago.
    pub(super) fn is_fresh(&self) -> bool {
        self.used_at.elapsed() < IDLE_MAX
    }

    /// Sends `messages` in order, each with the place of its output among the `outcomes`, and notes there what becomes of
    /// them. After a failure, what has no outcome may have arrived, and the connection is of no more use.
    pub(super) async fn publish(
        &mut self,
        messages: &[(usize, Message)],
        jetstream: bool,
        outcomes: &mut [Option<ItemOutcome>],
    ) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let mut sent = Vec::with_capacity(messages.len());
        for (at, message) in messages {
            let len = message.header.len() + message.payload.len();
            if len > self.message_bytes_max {
                let most = self.message_bytes_max;
                let reason = format!("the server takes messages of at most {most} bytes, found {len}");
                outcomes[*at] = Some(ItemOutcome::Rejected { class: ErrorClass::Data, reason });
                continue;
            }
            let reply = jetstream.then(|| format!("{}{at}", self.inbox));
            push_publish(&mut bytes, &message.subject, reply.as_deref(), &message.header, &message.payload);
            sent.push((*at, message.subject.as_str()));
        }
        bytes.extend_from_slice(b"PING\r\n");
        let (inbox, writer, reader) = (&self.inbox, &mut self.writer, &mut self.reader);
        // Both at once: answers are to be read while messages are written, or both sides wait for each other.
        let write = async { writer.write_all(&bytes).await.map_err(|error| lost(&error)) };
        let read = read_answers(reader, &sent, jetstream.then_some(inbox.as_str()), outcomes);
        tokio::try_join!(write, read)?;
        self.settle().await
    }

    /// Answers what the server asked meanwhile.
    async fn settle(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.reader.owes_pong) {
            self.writer.write_all(b"PONG\r\n").await.map_err(|error| lost(&error))?;
        }
        #[expect(clippy::disallowed_methods, reason = "I/O: a connection that waited long is not used again")]
        let now = Instant::now();
        self.used_at = now;
        Ok(())
    }
}

/// Reads until every message has an outcome. Without JetStream that is when the server has answered PING, which it does
/// after it has seen all messages; what it does not permit it says before.
async fn read_answers(
    reader: &mut Reader,
    sent: &[(usize, &str)],
    inbox: Option<&str>,
    outcomes: &mut [Option<ItemOutcome>],
) -> Result<(), Failure> {
    let mut has_pong = false;
    loop {
        let is_open = |(at, _): &&(usize, &str)| outcomes[*at].is_none();
        if has_pong && (inbox.is_none() || sent.iter().find(is_open).is_none()) {
            for (at, _) in sent {
                outcomes[*at].get_or_insert(ItemOutcome::Delivered);
            }
            return Ok(());
        }
        match reader.next().await? {
            ServerOp::Pong => has_pong = true,
            ServerOp::Message { subject, status, payload } => {
                let at = inbox.and_then(|inbox| subject.strip_prefix(inbox)?.parse::<usize>().ok());
                if let Some(outcome) = at.and_then(|at| outcomes.get_mut(at)) {
                    outcome.get_or_insert_with(|| outcome::of_ack(status, &payload));
                }
            }
            ServerOp::Error(text) => match outcome::denied_subject(&text) {
                Some(denied) => {
                    for (at, _) in sent.iter().filter(|(_, subject)| *subject == denied) {
                        outcomes[*at].get_or_insert_with(outcome::denied);
                    }
                }
                None => return Err(outcome::of_error(&text)),
            },
            ServerOp::Ping | ServerOp::Okay | ServerOp::Info(_) => {}
        }
    }
}

impl Reader {
    /// What the server says next.
    async fn next(&mut self) -> Result<ServerOp, Failure> {
        loop {
            match next_op(&mut self.buf)
                .map_err(|text| Failure::new(ErrorClass::Unreachable, format!("no connection: {text}")))?
            {
                Some(op) => {
                    self.owes_pong |= op == ServerOp::Ping;
                    return Ok(op);
                }
                None => {
                    let read = self.stream.read_buf(&mut self.buf).await.map_err(|error| lost(&error))?;
                    if read == 0 {
                        return Err(Failure::new(ErrorClass::Unreachable, "connection lost: closed by the server"));
                    }
                }
            }
        }
    }
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::new(ErrorClass::Unreachable, format!("connection lost: {error}"))
}

async fn connect(target: &Target) -> Result<Link, Failure> {
    let mut stream = TcpStream::connect(&target.address).await.map_err(|error| outcome::of_io(&error))?;
    stream.set_nodelay(true).map_err(|error| outcome::of_io(&error))?;
    let info = greeting(&mut stream).await?;
    let wants_tls = info.get("tls_required").and_then(Value::as_bool).unwrap_or(false);
    let stream: Box<dyn Stream> = match &target.tls {
        Some(tls) => {
            let tls = tls.connect(stream).await;
            Box::new(tls.map_err(|error| outcome::of_io(&error))?)
        }
        None if wants_tls => {
            let help = Some("write the `url` as `tls://host:4222`");
            return Err(Failure { help, ..Failure::new(ErrorClass::Refused, "no connection: the server wants TLS") });
        }
        None => Box::new(stream),
    };
    sign_in(stream, &info, &target.login).await
}

/// Reads INFO, which the server says before TLS. It waits for us then, so that nothing behind it is read.
async fn greeting(stream: &mut TcpStream) -> Result<Value, Failure> {
    let mut buf = BytesMut::new();
    loop {
        let wrong = |text: String| Failure::new(ErrorClass::Unreachable, format!("no connection: {text}"));
        match next_op(&mut buf).map_err(wrong)? {
            Some(ServerOp::Info(info)) => return Ok(info),
            Some(ServerOp::Error(text)) => return Err(outcome::of_error(&text)),
            Some(ServerOp::Message { .. } | ServerOp::Ping | ServerOp::Pong | ServerOp::Okay) => {
                return Err(wrong("expected INFO of a NATS server, found something else".to_owned()));
            }
            None => {
                let read = stream.read_buf(&mut buf).await.map_err(|error| outcome::of_io(&error))?;
                if read == 0 {
                    return Err(wrong("closed by the server".to_owned()));
                }
            }
        }
    }
}

async fn sign_in(stream: Box<dyn Stream>, info: &Value, login: &Login) -> Result<Link, Failure> {
    let nonce = info.get("nonce").and_then(Value::as_str).unwrap_or_default();
    let mut connect = Map::new();
    let about = json!({
        "verbose": false, "pedantic": false, "echo": false, "headers": true, "no_responders": true, "protocol": 1,
        "name": "signalbox", "lang": "rust", "version": env!("CARGO_PKG_VERSION"),
    });
    connect.extend(about.as_object().cloned().unwrap_or_default());
    login.add_to(&mut connect, nonce).map_err(|text| Failure::new(ErrorClass::Unauthorized, text))?;
    let inbox = format!("_INBOX.{:016x}{:016x}.", fastrand::u64(..), fastrand::u64(..));
    let (reader, mut writer) = tokio::io::split(stream);
    let hello = format!("CONNECT {}\r\nSUB {inbox}* 1\r\nPING\r\n", Value::Object(connect));
    writer.write_all(hello.as_bytes()).await.map_err(|error| outcome::of_io(&error))?;
    writer.flush().await.map_err(|error| outcome::of_io(&error))?;
    let mut reader = Reader { stream: reader, buf: BytesMut::new(), owes_pong: false };
    loop {
        match reader.next().await? {
            ServerOp::Pong => break,
            ServerOp::Error(text) => return Err(outcome::of_error(&text)),
            ServerOp::Info(_) | ServerOp::Message { .. } | ServerOp::Ping | ServerOp::Okay => {}
        }
    }
    let most = info.get("max_payload").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    #[expect(clippy::disallowed_methods, reason = "I/O: a connection that waited long is not used again")]
    let used_at = Instant::now();
    Ok(Link { reader, writer, inbox, message_bytes_max: most.unwrap_or(usize::MAX), used_at })
}
