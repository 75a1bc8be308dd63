//! The child processes that run `jq`: started when they are wanted, killed when they are late.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sql::{JqCall, JqError};

use super::frame::{BYTES_MAX, READY, read_answer, write_request};
use crate::config;

/// How long a child may take until it can be asked. It loads no more than this binary.
const START_MAX: Duration = Duration::from_secs(10);

/// A child ends itself that long after it should have been killed.
const GRACE_S: u64 = 2;

/// The children that live.
#[derive(Debug)]
pub(super) struct Pool {
    options: config::Jq,
    children: Mutex<Children>,
    /// Told when a child has become idle or has gone.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Children {
    idle: Vec<Worker>,
    /// How many live, the busy ones included.
    len: usize,
}

impl Pool {
    pub(super) fn new(options: config::Jq) -> Pool {
        Pool { options, children: Mutex::default(), freed: Condvar::new() }
    }

    /// Runs a call in a child, and waits no longer than it may take; twice that where all children are busy.
    pub(super) fn run(&self, call: &JqCall<'_>) -> Result<String, JqError> {
        let allowed = Duration::from_millis(self.options.timeout_ms.into());
        let limit = call.timeout.map_or(allowed, |wanted| wanted.min(allowed));
        if call.program.len().max(call.input.len()) > BYTES_MAX {
            return Err(JqError::Program(format!("program and input may have {BYTES_MAX} bytes each")));
        }
        let mut worker = self.take(limit)?;
        let answer = worker.ask(call, limit);
        let outcome = match answer {
            Ok(answer) => {
                self.children().idle.push(worker);
                answer.map_err(JqError::Program)
            }
            Err(error) => {
                drop(worker);
                self.children().len -= 1;
                let is_late = matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
                let died = || JqError::Memory(format!("{} MiB", self.options.memory_mib));
                Err(if is_late { JqError::Time(limit) } else { died() })
            }
        };
        self.freed.notify_one();
        outcome
    }

    /// A child that nobody else asks.
    fn take(&self, patience: Duration) -> Result<Worker, JqError> {
        let all_busy =
            |children: &mut Children| children.idle.is_empty() && children.len >= self.options.processes.max(1);
        let waited = self.freed.wait_timeout_while(self.children(), patience, all_busy);
        let (mut children, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(JqError::Time(patience));
        }
        while let Some(mut worker) = children.idle.pop() {
            if worker.is_alive() {
                return Ok(worker);
            }
            // It was killed while it was idle, as happens where the machine runs out of memory. No call is to blame.
            children.len -= 1;
        }
        children.len += 1;
        drop(children);
        Worker::start(&self.options).map_err(|error| {
            self.children().len -= 1;
            self.freed.notify_one();
            JqError::Unavailable(format!("its process does not start: {error}"))
        })
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child process.
#[derive(Debug)]
struct Worker {
    child: Child,
    socket: UnixStream,
}

impl Worker {
    /// Starts a child and waits until it can be asked.
    fn start(options: &config::Jq) -> io::Result<Worker> {
        let (socket, theirs) = UnixStream::pair()?;
        let memory_bytes = u64::from(options.memory_mib) * 1024 * 1024;
        let child = this_binary()
            .arg("jq-worker")
            .arg(memory_bytes.to_string())
            // The environment holds secrets.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::null())
            .spawn()?;
        let mut worker = Worker { child, socket };
        let mut ready = [0];
        worker.until(START_MAX).read_exact(&mut ready)?;
        if ready == [READY] { Ok(worker) } else { Err(io::Error::other("it does not answer as it should")) }
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn ask(&mut self, call: &JqCall<'_>, limit: Duration) -> io::Result<Result<String, String>> {
        let seconds_max = u32::try_from(limit.as_secs() + GRACE_S).unwrap_or(u32::MAX);
        let mut socket = self.until(limit);
        write_request(&mut socket, seconds_max, call.program, call.input)?;
        read_answer(&mut socket)
    }

    #[expect(clippy::disallowed_methods, reason = "the limit of a call is one of real time")]
    fn until(&mut self, limit: Duration) -> Until<'_> {
        Until { socket: &mut self.socket, deadline: Instant::now() + limit }
    }
}

/// A child that is not wanted any more is not left behind, whatever it does.
impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The socket, up to a moment. Behind it, everything is [`io::ErrorKind::TimedOut`].
struct Until<'s> {
    socket: &'s mut UnixStream,
    deadline: Instant,
}

impl Until<'_> {
    #[expect(clippy::disallowed_methods, reason = "the limit of a call is one of real time")]
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(bytes)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// This very program, also where its file has been replaced by a newer one meanwhile.
pub(super) fn this_binary() -> Command {
    let itself = Path::new("/proc/self/exe");
    let path = if itself.exists() { itself.into() } else { std::env::current_exe().unwrap_or_else(|_| itself.into()) };
    let mut command = Command::new(path);
    command.arg0("signalbox");
    command
}
