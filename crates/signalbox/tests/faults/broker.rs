//! The broker, which is killed and started again at the same addresses with the same data.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::Value;

use crate::receiver::Receiver;
use crate::support::postgres::Postgres;
use crate::support::server::{Home, Server};

/// Buffers that hold everything that can come while nothing gets through.
const BUFFER: &str = "buffer = { kind = 'disk', max_len = 5_000_000, max_bytes = '2GiB' }";

/// The rule over messages, which publishers wait for.
const MESSAGES: (&str, &str, &str) =
    ("messages", "require = 'buffered'", "SELECT 'message' AS event, clientid, payload.n AS n FROM \"plant/#\"");

/// The rule over events. Refused connections have no number.
const EVENTS: (&str, &str, &str) = (
    "events",
    "",
    "SELECT event, clientid, seq AS n FROM \"$events/client_connected\", \"$events/client_disconnected\" \
     WHERE client_seq IS NOT NULL",
);

/// Both, by their names, which are those of their tables.
pub(crate) const RULES: [&str; 2] = [MESSAGES.0, EVENTS.0];

/// What an action says of its outputs.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// `rule/action`.
    pub(crate) name: String,
    pub(crate) ledger: Value,
}

#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) home: Home,
    pub(crate) mqtt: SocketAddr,
    http: SocketAddr,
    server: Option<Server>,
    client: reqwest::Client,
    key: String,
}

impl Broker {
    /// Starts it for the first time.
    pub(crate) fn start(postgres: &Postgres, receiver: &Receiver) -> Broker {
        let hook = format!("[connectors.hook]\nkind = 'http'\nurl = 'http://{}'\n", receiver.address);
        let database = format!("[connectors.database]\n{}", postgres.connector());
        let mut home = Home::new().with_config(&format!("{database}\n{hook}"));
        for (name, header, query) in [MESSAGES, EVENTS] {
            home = home.with_rule(name, &rule(name, header, query));
        }
        let (mqtt, http) = (fixed_address(), fixed_address());
        let server = home.serve_at((mqtt, http), &[]);
        let added = home.run(&["keys", "add", "test", "--json"]);
        let added: Value = serde_json::from_str(&added.stdout).unwrap();
        let key = added["key"].as_str().unwrap().to_owned();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        Broker { home, mqtt, http, server: Some(server), client, key }
    }

    /// As by `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.assert_alive();
        drop(self.server.take());
    }

    pub(crate) fn start_again(&mut self) {
        self.server = Some(self.home.serve_at((self.mqtt, self.http), &[]));
    }

    /// The process, to be stopped in order, and its directory.
    pub(crate) fn into_parts(self) -> (Server, Home) {
        (self.server.expect("it was started again"), self.home)
    }

    /// Nobody but the test ends it.
    pub(crate) fn assert_alive(&self) {
        let Some(server) = &self.server else { return };
        let status = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        assert!(!status.contains(") Z "), "the broker has ended by itself");
    }

    /// The ledgers of all actions; none while the broker does not answer.
    pub(crate) async fn accounts(&self) -> Vec<Account> {
        let mut accounts = Vec::new();
        for rule in RULES {
            let Some(answer) = self.ask(&format!("/api/v5/rules/{rule}")).await else { continue };
            let actions = answer["action_details"].as_array().unwrap();
            accounts.extend(actions.iter().map(|action| Account {
                name: format!("{rule}/{}", action["name"].as_str().unwrap()),
                ledger: action["ledger"].clone(),
            }));
        }
        accounts
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        let request = self.client.get(format!("http://{}{path}", self.http)).bearer_auth(&self.key);
        let answer = request.send().await.ok()?.bytes().await.ok()?;
        serde_json::from_slice(&answer).ok()
    }
}

impl Account {
    pub(crate) fn count(&self, entry: &str) -> u64 {
        self.ledger[entry].as_u64().unwrap()
    }

    /// Whether everything that came in is accounted for.
    pub(crate) fn balances(&self) -> bool {
        let entries = ["delivered", "queued", "in_flight", "dead", "expired", "dropped", "fallen_back"];
        self.count("in") == entries.iter().map(|entry| self.count(entry)).sum::<u64>()
    }
}

fn rule(name: &str, header: &str, query: &str) -> String {
    format!(
        "/*---\n{header}\n\
         [[actions]]\nconnector = 'database'\n{BUFFER}\nin_flight = 2\nbatch = {{ size = 500 }}\ntable = '{name}'\n\
         columns = {{ output_id = '${{output_id}}', clientid = '${{clientid}}', n = '${{n}}' }}\n\
         [[actions]]\nconnector = 'hook'\n{BUFFER}\nin_flight = 2\nbatch = {{ size = 500 }}\n\
         body = '{name} ${{clientid}} ${{n}} ${{output_id}}'\n---*/\n{query}\n"
    )
}

/// An address that nobody has, and that nobody gets while it is free for a moment: the system gives connections ports
/// from 32,768 on.
pub(crate) fn fixed_address() -> SocketAddr {
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    let any = || SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..30_000)));
    std::iter::repeat_with(any).take(1_000).find(is_free).expect("a free port")
}
