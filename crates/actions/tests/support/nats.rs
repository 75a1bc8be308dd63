//! A NATS server of its own for a test: started, killed, started again; and a client that looks into it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const INSTALL: &str = "install it with `apt-get install nats-server`";

/// A server with JetStream on a free port of the loopback. What a stream has stored survives a kill.
///
/// Its user `admin` may do everything, and `signalbox` may publish below `plant.` and nowhere else.
#[derive(Debug)]
pub(crate) struct Nats {
    dir: tempfile::TempDir,
    port: u16,
    settings: String,
    process: Option<Child>,
}

impl Nats {
    pub(crate) const PASSWORD: &'static str = "a secret of the test";

    /// Starts one with the usual users, and `settings` beside those of every test.
    pub(crate) fn start(settings: &str) -> Nats {
        let mut nats = Nats::absent(settings);
        nats.start_anywhere();
        nats
    }

    /// Starts one without JetStream and with these users, as `authorization` or `operator` of its configuration.
    pub(crate) fn start_with_users(users: &str) -> Nats {
        let mut nats = Nats::absent("");
        nats.settings = users.to_owned();
        nats.start_anywhere();
        nats
    }

    /// One with the usual users that has a port and is not started yet.
    pub(crate) fn absent(settings: &str) -> Nats {
        let dir = tempfile::Builder::new().prefix("signalbox-nats-").tempdir().expect("a directory");
        let password = Nats::PASSWORD;
        let users = format!(
            "authorization {{ users = [\n{{ user: admin, password: \"{password}\" }}\n{{ user: signalbox, password: \"{password}\", \
             permissions: {{ publish: [\"plant.>\"], subscribe: [\"_INBOX.>\"] }} }}\n] }}\n"
        );
        let store = format!("jetstream {{ store_dir: \"{}/store\" }}\n", dir.path().display());
        Nats { dir, port: free_port(), settings: format!("{users}{store}{settings}"), process: None }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The options of a connector for it, in TOML.
    pub(crate) fn connector(&self) -> String {
        let (port, password) = (self.port, Nats::PASSWORD);
        format!("kind = 'nats'\nurl = 'nats://127.0.0.1:{port}'\nusername = 'signalbox'\npassword = '{password}'\n")
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
        assert!(self.try_start(), "NATS does not start again");
    }

    /// Makes the stream `S` of everything below `plant.`, with `settings` beside that.
    pub(crate) fn make_stream(&self, settings: &Value) {
        let mut config = json!({ "name": "S", "subjects": ["plant.>"], "retention": "limits", "storage": "file" });
        let settings = settings.as_object().cloned().unwrap_or_default();
        config.as_object_mut().expect("it is an object").extend(settings);
        let made = self.client().request("$JS.API.STREAM.CREATE.S", &config);
        assert!(made.get("error").is_none(), "{made}");
    }

    /// What stands in the stream: subject, headers and payload of every message.
    pub(crate) fn stored(&self) -> Vec<[String; 3]> {
        let mut client = self.client();
        let info = client.request("$JS.API.STREAM.INFO.S", &json!({}));
        let number = |name: &str| info["state"][name].as_u64().unwrap_or_else(|| panic!("{info}"));
        let all = number("first_seq")..=number("last_seq");
        let text = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).expect("it is in base64");
            String::from_utf8(bytes).expect("what was published is text")
        };
        all.map(|seq| {
            let answer = client.request("$JS.API.STREAM.MSG.GET.S", &json!({ "seq": seq }));
            let message = &answer["message"];
            [message["subject"].as_str().unwrap_or_default().to_owned(), text(&message["hdrs"]), text(&message["data"])]
        })
        .collect()
    }

    /// A client that may do everything.
    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        let mut client = Client { reader: BufReader::new(stream), inboxes: 0 };
        let about = json!({ "user": "admin", "pass": Nats::PASSWORD, "headers": true, "verbose": false });
        client.say(&format!("CONNECT {about}\r\nPING\r\n"));
        while client.line() != "PONG" {}
        client
    }

    fn start_anywhere(&mut self) {
        // A port that is free now may be taken a moment later by another test.
        let started = (0..5).any(|_| {
            self.port = free_port();
            self.try_start()
        });
        assert!(started, "NATS does not start");
    }

    fn try_start(&mut self) -> bool {
        let config = format!("listen: \"127.0.0.1:{}\"\n{}\n", self.port, self.settings);
        let path = self.dir.path().join("nats.conf");
        fs::write(&path, config).expect("the configuration");
        let mut command = Command::new(program());
        command.arg("-c").arg(path).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().expect(INSTALL);
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        // It says so when it listens; where it cannot, it ends.
        let runs = lines.any(|line| line.contains("Server is ready"));
        // What it says later has to be read by somebody, so that it never waits.
        std::thread::spawn(move || lines.for_each(drop));
        self.process = Some(process);
        if !runs {
            self.kill();
        }
        runs
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A client of the test's own make.
#[derive(Debug)]
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
    inboxes: u32,
}

impl Client {
    /// Subscribes, and waits until the server knows.
    pub(crate) fn subscribe(&mut self, subject: &str) {
        self.say(&format!("SUB {subject} 7\r\nPING\r\n"));
        while self.line() != "PONG" {}
    }

    /// The next message of a subscription: subject, headers, payload.
    pub(crate) fn next(&mut self) -> [String; 3] {
        loop {
            let line = self.line();
            let words: Vec<&str> = line.split(' ').collect();
            let number = |from_end: usize| words[words.len() - from_end].parse::<usize>().expect("a length");
            let header_len = match words[0] {
                "MSG" => 0,
                "HMSG" => number(2),
                "PING" => {
                    self.say("PONG\r\n");
                    continue;
                }
                _ => continue,
            };
            let mut bytes = vec![0; number(1) + 2];
            self.reader.read_exact(&mut bytes).expect("the rest of a message");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches("\r\n").to_owned();
            return [words[1].to_owned(), text(&bytes[..header_len]), text(&bytes[header_len..])];
        }
    }

    /// Asks JetStream.
    pub(crate) fn request(&mut self, subject: &str, body: &Value) -> Value {
        self.inboxes += 1;
        let (inbox, body) = (format!("_INBOX.test.{}", self.inboxes), body.to_string());
        // The server takes a second subscription with the same number for the first one.
        let number = 100 + self.inboxes;
        self.say(&format!("SUB {inbox} {number}\r\nPUB {subject} {inbox} {}\r\n{body}\r\n", body.len()));
        let [_, header, answer] = self.next();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{subject}: {header} {answer}"))
    }

    fn say(&mut self, text: &str) {
        self.reader.get_mut().write_all(text.as_bytes()).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).expect("the server speaks");
        assert!(read > 0 && !line.starts_with("-ERR"), "{line}");
        line.trim_end().to_owned()
    }
}

/// Debian puts it where only root looks.
fn program() -> &'static str {
    let debian = "/usr/sbin/nats-server";
    if std::path::Path::new(debian).exists() { debian } else { "nats-server" }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port()
}
