//! The API as programs meet it: everything that its OpenAPI document says holds for the running broker.

mod document;
mod keys;
mod metrics;
mod roles;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::client::{Subscriber, publish_all};
use crate::support::receiver::Receiver;
use crate::support::server::{Home, Server};

/// A program of `scripts/pypi.txt`.
fn of_pypi(program: &str) -> Command {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../pypi/bin").join(program);
    assert!(path.exists(), "the tests need `{program}` of PyPI: scripts/test-needs installs it, expected in {path:?}");
    Command::new(path)
}

/// A broker with something of everything that the API tells of.
struct World {
    home: Home,
    server: Server,
    _receiver: Receiver,
    _clients: [Subscriber; 2],
}

const OPS: &str = "/*---\ndescription = \"Everything to ops.\"\n\n[[actions]]\nconnector = \"ops\"\npath = \"/${clientid}\"\n\
    ---*/\nSELECT clientid, payload FROM \"t/#\"\n";
const TOLD: &str = "/*---\n[[actions]]\nrepublish = { topic = \"told/${clientid}\" }\n---*/\n\
    SELECT clientid, reason_code FROM \"$events/client_connack\"\n";

impl World {
    /// Clients, subscriptions, a retained message, a ban, rules with actions, and a dead letter.
    async fn new() -> World {
        let receiver = Receiver::start().await;
        receiver.answer(422);
        let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
        let home = Home::new().with_rule("ops", OPS).with_rule("told", TOLD).with_config(&config);
        let server = home.serve();
        let clients = [
            Subscriber::start(&server, "pump-1", "plant/+/cmd").await,
            Subscriber::start(&server, "pump-2", "$share/crew/plant/#").await,
        ];
        let banned = home.run(&["bans", "add", "--client", "loud", "--reason", "sends too much"]);
        assert_eq!(banned.code, Some(0), "{}", banned.stderr);
        let world = World { home, server, _receiver: receiver, _clients: clients };
        let retained = serde_json::json!({ "topic": "plant/1/state", "payload": "on", "retain": true });
        assert_eq!(world.ask(&world.key("operator"), "POST", "/api/v5/publish", Some(retained)).await.0, 200);
        publish_all(world.server.mqtt, "pump-3", "t/1", &["{}".to_owned()]).await;
        let viewer = world.key("viewer");
        while world.ask(&viewer, "GET", "/api/v5/dead_letters", None).await.1["meta"]["count"] == 0 {
            tokio::task::yield_now().await;
        }
        world
    }

    /// A new key of that role.
    fn key(&self, role: &str) -> String {
        let name = format!("{role}-{}", fastrand::u32(..));
        let added = self.home.run(&["keys", "add", &name, "--role", role]);
        assert_eq!(added.code, Some(0), "{}", added.stderr);
        added.stdout.trim().to_owned()
    }

    /// Asks with a key; an empty one is not sent.
    async fn ask(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = reqwest::Client::new().request(method.parse().unwrap(), self.server.url(path));
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }
}
