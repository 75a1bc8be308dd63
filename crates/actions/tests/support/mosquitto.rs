//! A real Mosquitto of its own for a test: started, stopped, started again.

#![allow(dead_code, reason = "every target of tests uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const INSTALL: &str = "install it with `apt-get install mosquitto mosquitto-clients`";

/// A Mosquitto on a free port of the loopback.
///
/// It knows the user `signalbox`, who may publish below `plant/` and nowhere else.
#[derive(Debug)]
pub(crate) struct Mosquitto {
    dir: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl Mosquitto {
    pub(crate) const PASSWORD: &'static str = "a secret of the test";

    /// Starts one with `settings` beside those of every test.
    pub(crate) fn start(settings: &str) -> Mosquitto {
        let dir = tempfile::Builder::new().prefix("signalbox-mosquitto-").tempdir().expect("a directory");
        fs::write(dir.path().join("acl"), "user signalbox\ntopic readwrite plant/#\n").expect("the ACL");
        let passwords = dir.path().join("passwords");
        let made = Command::new("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(&passwords)
            .args(["signalbox", Mosquitto::PASSWORD])
            .output();
        assert!(made.expect(INSTALL).status.success(), "mosquitto_passwd");
        let mut mosquitto = Mosquitto { dir, port: 0, process: None };
        // A port that is free now may be taken a moment later by another test.
        let started = (0..5).any(|_| {
            mosquitto.port = free_port();
            mosquitto.configure(settings);
            mosquitto.try_start()
        });
        assert!(started, "Mosquitto does not start");
        mosquitto
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The options of a connector for it, in TOML.
    pub(crate) fn connector(&self) -> String {
        let (port, password) = (self.port, Mosquitto::PASSWORD);
        format!("kind = 'mqtt'\nurl = 'mqtt://127.0.0.1:{port}'\nusername = 'signalbox'\npassword = '{password}'\n")
    }

    /// Ends it as a kill does: connections are cut.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// Starts it again on the same port.
    pub(crate) fn start_again(&mut self) {
        assert!(self.try_start(), "Mosquitto does not start again");
    }

    /// Subscribes to everything, for a client that collects later.
    pub(crate) fn subscribe(&self) {
        let subscribed = self.client("mosquitto_sub").args(["-E"]).output().expect(INSTALL);
        assert!(subscribed.status.success(), "{}", String::from_utf8_lossy(&subscribed.stderr));
    }

    /// The next `len` messages since the subscription, in the form of `format` of `mosquitto_sub`.
    pub(crate) fn collect(&self, len: usize, format: &str) -> Vec<String> {
        let mut client = self.client("mosquitto_sub");
        client.args(["-W", "30", "-F", format, "-C", &len.to_string()]);
        // By default it takes 20, and Mosquitto 2.0.11 sends it more from its queue.
        client.args(["-D", "connect", "receive-maximum", "65535"]);
        let collected = client.output().expect(INSTALL);
        let lines = String::from_utf8(collected.stdout).expect("what was published is text");
        lines.lines().map(str::to_owned).collect()
    }

    /// Publishes with `mosquitto_pub` and these arguments, a line of `lines` a message, at QoS 1.
    pub(crate) fn publish(&self, arguments: &[&str], lines: &[String]) {
        let mut client = self.program("mosquitto_pub");
        client.args(["-q", "1", "-l"]).args(arguments).stdin(Stdio::piped());
        let mut client = client.spawn().expect(INSTALL);
        let mut input = client.stdin.take().expect("it is piped");
        lines.iter().for_each(|line| writeln!(input, "{line}").expect("it reads"));
        drop(input);
        assert!(client.wait().expect("it ends").success(), "mosquitto_pub");
    }

    fn client(&self, program: &str) -> Command {
        let mut client = self.program(program);
        client.args(["-i", "collector", "-c", "-x", "600", "-q", "2", "-t", "plant/#"]);
        client
    }

    fn program(&self, program: &str) -> Command {
        let mut client = Command::new(program);
        client.args(["-V", "5", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-u", "signalbox"]);
        client.args(["-P", Mosquitto::PASSWORD]);
        client
    }

    fn configure(&self, settings: &str) {
        let dir = self.dir.path().display().to_string();
        let config = format!(
            "user root\nlog_dest stderr\nlog_type notice\nlog_type error\nlog_type information\nqueue_qos0_messages true\n\
             max_queued_messages 0\npassword_file {dir}/passwords\nacl_file {dir}/acl\nlistener {} 127.0.0.1\n{}\n",
            self.port, settings
        );
        fs::write(self.dir.path().join("mosquitto.conf"), config).expect("the configuration");
    }

    fn try_start(&mut self) -> bool {
        let mut command = Command::new(program());
        command.arg("-c").arg(self.dir.path().join("mosquitto.conf")).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().expect(INSTALL);
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        // It says so when it listens; where it cannot, it ends.
        let runs = lines.any(|line| line.contains(" running"));
        // What it says later has to be read by somebody, so that it never waits.
        std::thread::spawn(move || lines.for_each(drop));
        self.process = Some(process);
        if !runs {
            self.stop();
        }
        runs
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Debian puts it where only root looks.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/mosquitto");
    if debian.exists() { debian } else { PathBuf::from("mosquitto") }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port()
}
