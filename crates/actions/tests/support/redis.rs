//! A Redis of its own for a test: started, killed, started again.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

const INSTALL: &str = "install it with `apt-get install redis-server`";

/// A Redis on a free port of the loopback. What it has answered survives a kill.
///
/// Its user `default` has a password, and the user `narrow` may write to keys below `device:` and nothing else.
#[derive(Debug)]
pub(crate) struct Redis {
    dir: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl Redis {
    pub(crate) const PASSWORD: &'static str = "a secret of the test";

    /// Starts one with `settings` beside those of every test: `["--maxmemory", "1mb"]`.
    pub(crate) fn start(settings: &[&str]) -> Redis {
        let mut redis = Redis::absent(settings);
        // A port that is free now may be taken a moment later by another test.
        let started = (0..5).any(|_| {
            redis.port = free_port();
            redis.try_start()
        });
        assert!(started, "Redis does not start");
        redis
    }

    /// One that has a port and is not started yet.
    pub(crate) fn absent(settings: &[&str]) -> Redis {
        let dir = tempfile::Builder::new().prefix("signalbox-redis-").tempdir().expect("a directory");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        Redis { dir, port: free_port(), settings, process: None }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The options of a connector for it, in TOML.
    pub(crate) fn connector(&self) -> String {
        let (port, password) = (self.port, Redis::PASSWORD);
        format!("kind = 'redis'\nurl = 'redis://127.0.0.1:{port}'\npassword = '{password}'\n")
    }

    /// Ends it as a kill does: connections are cut.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// Starts it again on the same port.
    pub(crate) fn start_again(&mut self) {
        assert!(self.try_start(), "Redis does not start again");
    }

    /// What `redis-cli` prints for a command, without the last line break.
    pub(crate) fn query(&self, command: &[&str]) -> String {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &self.port.to_string(), "--no-auth-warning", "-a", Redis::PASSWORD]).args(command);
        let output = client.output().expect(INSTALL);
        String::from_utf8(output.stdout).expect("the answer is text").trim_end().to_owned()
    }

    fn try_start(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--logfile", ""]);
        command.arg("--dir").arg(self.dir.path());
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--requirepass", Redis::PASSWORD]);
        command.args(["--user", "narrow", "on", ">narrow", "+@all", "-multi", "~device:*"]).args(&self.settings);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect(INSTALL);
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        // It says so when it listens; where it cannot, it ends.
        let runs = lines.any(|line| line.contains("Ready to accept connections"));
        // What it says later has to be read by somebody, so that it never waits.
        std::thread::spawn(move || lines.for_each(drop));
        self.process = Some(process);
        if !runs {
            self.kill();
        }
        runs
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port()
}
