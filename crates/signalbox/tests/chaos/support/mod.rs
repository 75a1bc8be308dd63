//! What the tests start, connect with and look through.

#[expect(dead_code, reason = "shared with the tests of hostile peers, which use more of it")]
#[path = "../../hostile/support/attacker.rs"]
pub(crate) mod attacker;
pub(crate) mod client;
pub(crate) mod observer;
#[expect(dead_code, reason = "shared with the tests of hostile peers, which use more of it")]
#[path = "../../hostile/support/packets.rs"]
pub(crate) mod packets;
#[path = "../../hostile/support/process.rs"]
pub(crate) mod process;
#[expect(dead_code, reason = "shared with the tests of the main job, which use more of it")]
#[path = "../../e2e/support/server.rs"]
pub(crate) mod server;
pub(crate) mod told;
#[expect(dead_code, reason = "shared with the tests of hostile peers, which use more of it")]
#[path = "../../hostile/support/witness.rs"]
pub(crate) mod witness;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use server::Home;
use told::OBSERVERS;

/// How long a test waits for what has to happen. It only ends a test that would fail anyway, so it is long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A number that the long form sets in the environment.
pub(crate) fn number(name: &str, in_short: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("`{name}`: expected a number, found `{text}`")),
        Err(_) => in_short,
    }
}

/// Who is connected beside the observer, as the broker tells an operator: the address of the client, by its identifier.
pub(crate) fn present(home: &Home) -> BTreeMap<String, SocketAddr> {
    let mut present = BTreeMap::new();
    for page in 1.. {
        let said = home.run(&["clients", "list", "--json", "--limit", "1000", "--page", &page.to_string()]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let answer: Value = serde_json::from_str(&said.stdout).unwrap();
        for client in answer["data"].as_array().unwrap().iter().filter(|client| client["connected"] == true) {
            let client_id = client["clientid"].as_str().unwrap();
            if OBSERVERS.contains(&client_id) {
                continue;
            }
            let ip = client["ip_address"].as_str().unwrap().parse().unwrap();
            let address = SocketAddr::new(ip, client["port"].as_u64().unwrap().try_into().unwrap());
            let before = present.insert(client_id.into(), address);
            assert_eq!(before, None, "listed twice: {client}");
        }
        if answer["meta"]["hasnext"] == false {
            break;
        }
    }
    present
}
