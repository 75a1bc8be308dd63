//! The binary, started in a directory of its own and stopped when the test is over.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use tempfile::TempDir;

use super::PATIENCE;

/// A directory with configuration, rules and data.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
}

/// A running `signalbox serve`.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    stdout: Receiver<String>,
    /// What it has said before it was ready.
    introduction: Vec<String>,
    pub(crate) mqtt: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that answers lines while its input stays open.
#[derive(Debug)]
pub(crate) struct Dialogue {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
}

impl Dialogue {
    /// The line that is answered to a line.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        writeln!(self.stdin, "{line}").unwrap();
        self.answers.recv_timeout(PATIENCE).expect("an answer while the input is open")
    }

    /// The processes that it has started and that have not ended.
    pub(crate) fn children(&self) -> Vec<u32> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let is_alive = |pid: &u32| !fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z ");
        children.split_whitespace().map(|pid| pid.parse().unwrap()).filter(is_alive).collect()
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Finished {
    pub(crate) fn of(output: Output) -> Finished {
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Home {
    pub(crate) fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("rules")).unwrap();
        Home { dir }
    }

    pub(crate) fn with_rule(self, id: &str, text: &str) -> Home {
        self.write(&format!("rules/{id}.sql"), text);
        self
    }

    pub(crate) fn with_config(self, text: &str) -> Home {
        self.write("signalbox.toml", text);
        self
    }

    /// Writes a file as editors do: under another name first, so that nobody reads half of it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The binary, in this directory, with an environment that holds nothing of ours.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SIGNALBOX_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "")
    }

    /// Runs a command to its end, with something on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        feed(child.stdin.take().unwrap(), input);
        Finished::of(child.wait_with_output().unwrap())
    }

    /// Starts a command that is asked a line at a time.
    pub(crate) fn dialogue(&self, arguments: &[&str]) -> Dialogue {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, answers) = (child.stdin.take().unwrap(), lines_of(child.stdout.take().unwrap()));
        Dialogue { child, stdin, answers }
    }

    /// Starts the broker and waits until it can be used.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, more: &[&str]) -> Server {
        let free = ([127, 0, 0, 1], 0).into();
        self.serve_at((free, free), more)
    }

    /// Starts the broker with its MQTT and its API at these addresses.
    pub(crate) fn serve_at(&self, (mqtt, http): (SocketAddr, SocketAddr), more: &[&str]) -> Server {
        let (mqtt, http) = (mqtt.to_string(), http.to_string());
        let mut arguments = vec!["serve", "--mqtt", &mqtt, "--http", &http, "--log-format", "text"];
        arguments.extend(more);
        let mut child = self.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = lines_of(child.stdout.take().unwrap());
        let log = lines_of(child.stderr.take().unwrap());
        let mut server = Server {
            child,
            log,
            seen: Vec::new(),
            stdout,
            introduction: Vec::new(),
            mqtt: ([0, 0, 0, 0], 0).into(),
            http: ([0, 0, 0, 0], 0).into(),
        };
        (server.mqtt, server.http) = server.wait_until_ready();
        server
    }
}

/// The binary that was built with these tests.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_signalbox"))
}

/// Writes the input from a thread of its own: a command that prints before it has read all would wait for us otherwise.
fn feed(mut stdin: ChildStdin, input: &str) {
    let input = input.to_owned();
    std::thread::spawn(move || {
        // A command that ends before it has read all of it is no mistake of the test's.
        drop(stdin.write_all(input.as_bytes()));
    });
}

fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tx, rx) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if tx.send(line).is_err() {
                return;
            }
        }
    });
    rx
}

impl Server {
    fn wait_until_ready(&mut self) -> (SocketAddr, SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.stdout.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some((mqtt, http)) =
                        line.strip_prefix("ready mqtt=").and_then(|rest| rest.split_once(" http="))
                    {
                        return (mqtt.parse().unwrap(), http.parse().unwrap());
                    }
                    self.introduction.push(line);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let log: Vec<String> = self.log.try_iter().collect();
                    panic!("no `ready` line; the log:\n{}", log.join("\n"));
                }
            }
        }
    }

    /// Waits for a line of the log that holds `text`, and returns it.
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line);
                    if let Some(line) = self.seen.last().filter(|line| line.contains(text)) {
                        return line.clone();
                    }
                }
                Err(_) => panic!("the log does not say `{text}`:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Where the listener of that name is.
    pub(crate) fn listener(&self, name: &str) -> SocketAddr {
        let end = format!(" ({name})");
        let line = self.introduction.iter().find_map(|line| line.strip_suffix(&end)).unwrap();
        line.split_whitespace().last().unwrap().parse().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end and returns how it ended.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        // Both pipes close when the process ends.
        while let Ok(line) = self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
        let status = self.child.wait().unwrap();
        (status, self.seen.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
