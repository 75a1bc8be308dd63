//! `/metrics` is what Prometheus reads, and the ledger of an action balances in each scrape.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use super::{World, of_pypi};
use crate::support::client::publish_all;

/// What becomes of outputs. Each output that came in is in one of these.
const FATES: [&str; 7] = ["delivered", "queued", "in_flight", "dead", "expired", "dropped", "fallen_back"];

async fn scrape(world: &World, key: &str) -> String {
    let response = reqwest::Client::new().get(world.server.url("/metrics")).bearer_auth(key).send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    response.text().await.unwrap()
}

/// The numbers of each action, by its labels.
fn ledgers(text: &str) -> BTreeMap<&str, BTreeMap<&str, u64>> {
    let mut ledgers: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for line in text.lines() {
        let Some((name, rest)) = line.strip_prefix("signalbox_action_").and_then(|rest| rest.split_once('{')) else {
            continue;
        };
        let (labels, value) = rest.split_once("} ").unwrap();
        let name = name.strip_suffix("_total").unwrap_or(name);
        if name == "in" || FATES.contains(&name) {
            ledgers.entry(labels).or_default().insert(name, value.parse().unwrap());
        }
    }
    ledgers
}

#[tokio::test]
async fn metrics_are_read_by_the_parser_of_prometheus() {
    let world = World::new().await;
    let text = scrape(&world, &world.key("viewer")).await;
    let program = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        families = list(read(sys.stdin.read()))\nassert all(family.documentation for family in families)\n\
        print(len(families))";
    let mut python = of_pypi("python3");
    let mut python = python
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let count: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(count > 40, "{count} families");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_of_each_action_balances_in_every_scrape() {
    let world = World::new().await;
    let key = world.key("viewer");
    let address = world.server.mqtt;
    let messages: Vec<String> = (0..2000).map(|number| format!("{{\"n\": {number}}}")).collect();
    let publishing = tokio::task::spawn(async move { publish_all(address, "pump-9", "t/9", &messages).await });
    let mut seen_under_way = false;
    loop {
        let is_over = publishing.is_finished();
        let text = scrape(&world, &key).await;
        for (labels, ledger) in ledgers(&text) {
            let sum: u64 = FATES.iter().map(|fate| ledger[fate]).sum();
            assert_eq!(ledger["in"], sum, "{labels}: {ledger:?}");
            seen_under_way |= ledger["queued"] + ledger["in_flight"] > 0;
        }
        if is_over {
            break;
        }
    }
    publishing.await.unwrap();
    assert!(seen_under_way, "no scrape saw outputs under way");
}
