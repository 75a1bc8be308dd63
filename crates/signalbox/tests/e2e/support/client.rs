//! MQTT clients of other makes: rumqttc for MQTT 3.1.1 and 5, and the programs of Mosquitto.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use rumqttc::v5;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::PATIENCE;
use super::server::Server;

/// The version of MQTT a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

/// A message as a subscriber got it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

impl Message {
    /// The payload as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.payload).unwrap()
    }
}

/// A subscribed client of MQTT 5.
#[derive(Debug)]
pub(crate) struct Subscriber {
    messages: mpsc::Receiver<Message>,
    task: JoinHandle<()>,
}

impl Subscriber {
    /// Connects and subscribes; returns when the broker has said that it is subscribed.
    pub(crate) async fn start(server: &Server, id: &str, filter: &str) -> Subscriber {
        Subscriber::start_at(server.mqtt, id, filter).await
    }

    /// The same at another listener.
    pub(crate) async fn start_at(address: SocketAddr, id: &str, filter: &str) -> Subscriber {
        let mut options = v5::MqttOptions::new(id, address.ip().to_string(), address.port());
        options.set_keep_alive(PATIENCE);
        let (client, mut events) = v5::AsyncClient::new(options, 10);
        client.subscribe(filter, v5::mqttbytes::QoS::ExactlyOnce).await.unwrap();
        loop {
            let event = tokio::time::timeout(PATIENCE, events.poll()).await.expect("no SUBACK").unwrap();
            if matches!(event, v5::Event::Incoming(v5::Incoming::SubAck(_))) {
                break;
            }
        }
        let (tx, messages) = mpsc::channel(10_000);
        let task = tokio::task::spawn(async move {
            // The client would end the connection when it is dropped.
            let _client = client;
            while let Ok(event) = events.poll().await {
                if let v5::Event::Incoming(v5::Incoming::Publish(publish)) = event {
                    let message = Message {
                        topic: String::from_utf8(publish.topic.to_vec()).unwrap(),
                        payload: String::from_utf8(publish.payload.to_vec()).unwrap(),
                        qos: publish.qos as u8,
                        retain: publish.retain,
                    };
                    if tx.send(message).await.is_err() {
                        return;
                    }
                }
            }
        });
        Subscriber { messages, task }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.messages.recv()).await.expect("no message").expect("the connection ended")
    }

    /// The next message whose JSON says that it is about this client.
    pub(crate) async fn next_about(&mut self, client: &str) -> Message {
        loop {
            let message = self.next().await;
            if message.json()["clientid"] == client {
                return message;
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, waits for the CONNACK, and disconnects. What the broker refused is the error, as the client names it.
pub(crate) async fn connect(
    version: Version,
    address: SocketAddr,
    id: &str,
    credentials: Option<(&str, &str)>,
) -> Result<(), String> {
    let attempt = async {
        match version {
            Version::V311 => connect_v311(address, id, credentials).await,
            Version::V5 => connect_v5(address, id, credentials).await,
        }
    };
    tokio::time::timeout(PATIENCE, attempt).await.expect("no CONNACK")
}

async fn connect_v311(address: SocketAddr, id: &str, credentials: Option<(&str, &str)>) -> Result<(), String> {
    let mut options = rumqttc::MqttOptions::new(id, address.ip().to_string(), address.port());
    if let Some((name, password)) = credentials {
        options.set_credentials(name, password);
    }
    let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
    match events.poll().await {
        Ok(_connack) => {}
        Err(rumqttc::ConnectionError::ConnectionRefused(code)) => return Err(format!("{code:?}")),
        Err(error) => return Err(error.to_string()),
    }
    client.disconnect().await.unwrap();
    while events.poll().await.is_ok() {}
    Ok(())
}

async fn connect_v5(address: SocketAddr, id: &str, credentials: Option<(&str, &str)>) -> Result<(), String> {
    let mut options = v5::MqttOptions::new(id, address.ip().to_string(), address.port());
    if let Some((name, password)) = credentials {
        options.set_credentials(name, password);
    }
    let (client, mut events) = v5::AsyncClient::new(options, 10);
    match events.poll().await {
        Ok(_connack) => {}
        Err(v5::ConnectionError::ConnectionRefused(code)) => return Err(format!("{code:?}")),
        Err(error) => return Err(error.to_string()),
    }
    client.disconnect().await.unwrap();
    while events.poll().await.is_ok() {}
    Ok(())
}

/// Publishes at QoS 1, one behind the other, and returns when everything is acknowledged.
pub(crate) async fn publish_all(address: SocketAddr, id: &str, topic: &str, payloads: &[String]) {
    let mut options = rumqttc::MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_keep_alive(PATIENCE);
    let (client, mut events) = rumqttc::AsyncClient::new(options, payloads.len().max(1));
    for payload in payloads {
        client.publish(topic, rumqttc::QoS::AtLeastOnce, false, payload.as_str()).await.unwrap();
    }
    let mut acknowledged = 0;
    while acknowledged < payloads.len() {
        let event = tokio::time::timeout(PATIENCE, events.poll()).await.expect("no PUBACK").unwrap();
        acknowledged += usize::from(matches!(event, rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))));
    }
}

/// `mosquitto_sub`, subscribed; every message is a line `topic qos retain payload`.
#[derive(Debug)]
pub(crate) struct MosquittoSub {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl MosquittoSub {
    /// Starts it and waits until it is subscribed. It says nothing of its own into a pipe before a message has come, so
    /// a retained one is there for it.
    pub(crate) fn start(server: &Server, id: &str, filter: &str) -> MosquittoSub {
        let (published, said) = mosquitto_pub(server, &["-i", id, "-r", "-t", MARKER, "-m", "subscribed"]);
        assert!(published, "{said}");
        let port = server.mqtt.port().to_string();
        let patience = PATIENCE.as_secs().to_string();
        let mut child = mosquitto("mosquitto_sub")
            .args(["-p", &port, "-i", id, "-t", filter, "-t", MARKER, "-W", &patience, "-F", "%t %q %r %p"])
            .stdout(Stdio::piped())
            .spawn()
            .expect(INSTALL);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut sub = MosquittoSub { child, lines };
        while !sub.next().starts_with(MARKER) {}
        sub
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> String {
        self.lines.next().expect("mosquitto_sub ended before a message came").unwrap()
    }
}

impl Drop for MosquittoSub {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs `mosquitto_pub` to its end; says whether it could publish, and what it wrote on standard error.
pub(crate) fn mosquitto_pub(server: &Server, arguments: &[&str]) -> (bool, String) {
    let port = server.mqtt.port().to_string();
    let output = mosquitto("mosquitto_pub").args(["-p", &port]).args(arguments).output().expect(INSTALL);
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// The topic of the retained message that tells a subscriber that it is one.
const MARKER: &str = "marker";

const INSTALL: &str = "the tests need mosquitto-clients: apt-get install mosquitto-clients";

fn mosquitto(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}
