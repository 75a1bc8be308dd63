//! A client that subscribes to the events of all others, as the program of an operator does.

use std::collections::HashSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::attacker::Attacker;
use super::client::{Client, text};
use super::server::Home;
use super::told::{OBSERVERS, Told};

const PASSWORD: &str = "secret";

/// Everybody may do what they could without the file; who has the role sees events, too.
const ACL: &str = "pattern readwrite #\nrole observer\ntopic read $events/#\n";

/// Configuration under which all events of a long test may wait for the observer.
pub(crate) const QUEUES: &str = "[limits]\nqueue_len_max = 1_000_000\nqueue_bytes_max = 1_000_000_000\n";

/// Reads every event at QoS 1 in a session that is kept.
#[derive(Debug)]
pub(crate) struct Observer {
    client: Client,
    seen: Vec<Value>,
    seen_ids: HashSet<String>,
}

impl Observer {
    /// Gives it its role; to be called before the broker is started.
    pub(crate) fn admit(home: &Home) {
        home.write("acl", ACL);
        let command = ["users", "add", OBSERVERS[0], "--role", "observer", "--password-stdin"];
        let added = home.run_with_input(&command, PASSWORD);
        assert_eq!(added.code, Some(0), "{}", added.stderr);
    }

    /// Comes and subscribes.
    pub(crate) async fn begin(broker: SocketAddr) -> Observer {
        let mut client = connect(broker, false).await;
        client.subscribe_at("$events/#", 1).await;
        Observer { client, seen: Vec::new(), seen_ids: HashSet::new() }
    }

    /// Comes back to its session.
    pub(crate) async fn resume(self, broker: SocketAddr) -> Observer {
        Observer { client: connect(broker, true).await, ..self }
    }

    /// Reads until the client `last` has come and gone. That is told behind everything that has happened before.
    pub(crate) async fn read(mut self) -> Observer {
        loop {
            let (topic, payload) = self.client.next_message_at_qos_1().await;
            let event: Value = serde_json::from_slice(&payload).unwrap();
            let name = event["event"].as_str().unwrap();
            assert_eq!(topic.strip_prefix("$events/").unwrap(), name.replace('.', "_"));
            let is_last = event["clientid"] == OBSERVERS[1] && name == "client.disconnected";
            // At QoS 1 it may come again after the connection was lost.
            if self.seen_ids.insert(event["event_id"].as_str().unwrap().to_owned()) {
                self.seen.push(event);
            }
            if is_last {
                return self;
            }
        }
    }

    /// Checks that it has got all lifecycle events from its first to its last as the history has them, in order.
    pub(crate) fn assert_has_seen(&self, told: &Told) {
        let mut seen = self.seen.iter().filter(|event| event["seq"].is_u64()).peekable();
        let first = &seen.peek().expect("the observer has seen nothing")["event_id"];
        let told = told.0.iter().skip_while(|record| record["event_id"] != *first);
        for (told, seen) in told.filter(|record| record["event"] != "gap").zip(seen.by_ref()) {
            assert_eq!(told, seen);
        }
        assert!(seen.next().is_none(), "the observer has seen what the history has not");
        assert_eq!(self.seen.last().unwrap()["clientid"], OBSERVERS[1]);
    }
}

/// Lets [`Observer::read`] end.
pub(crate) async fn come_and_go(broker: SocketAddr) {
    let [user, client_id] = OBSERVERS;
    let connection = Attacker::open(broker).await;
    Client::begin(connection, client_id, &connect_as(user, client_id, 0xc2)).await.disconnect().await;
}

async fn connect(broker: SocketAddr, session_present: bool) -> Client {
    let [name, _] = OBSERVERS;
    let connection = Attacker::open(broker).await;
    let connack = [0x20, 2, u8::from(session_present), 0];
    Client::begin_with(connection, name, (&connect_as(name, name, 0xc0), &connack)).await
}

/// CONNECT of MQTT 3.1.1 with these flags.
fn connect_as(user: &str, client_id: &str, flags: u8) -> Vec<u8> {
    let body = [b"\x00\x04MQTT\x04", &[flags, 0, 0][..], &text(client_id), &text(user), &text(PASSWORD)].concat();
    [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()
}
