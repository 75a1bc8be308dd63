//! The examples of `rules/CONNECTORS.md` are connectors and actions that are accepted.

use actions::Kind;
use engine::Via;

use crate::support::World;

#[test]
fn the_examples_of_the_guide_are_accepted() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/CONNECTORS.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let examples = guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let (mut world, mut kind, mut actions) = (None, String::new(), 0);
    for example in examples {
        let read: toml::Table = example.parse().unwrap_or_else(|error| panic!("{error}\n{example}"));
        if let Some(connectors) = read.get("connectors").and_then(toml::Value::as_table) {
            let connector = connectors.values().next().and_then(toml::Value::as_table).unwrap();
            kind = connector["kind"].as_str().unwrap().to_owned();
            let is_built = Kind::find(&kind).unwrap().is_built();
            // What `${...}` stands for is put there by whoever reads the configuration.
            let given = toml::to_string(connectors).unwrap();
            let given = given.replace("${file:/etc/signalbox/plant.creds}", CREDENTIALS);
            world = is_built.then(|| World::new(&given.replace("ca_pem = \"${file:/etc/signalbox/ca.pem}\"", "")));
            continue;
        }
        let mut action = read["actions"].as_array().unwrap()[0].as_table().unwrap().clone();
        let connector = action.remove("connector").unwrap();
        actions += 1;
        let Some(world) = &world else { continue };
        let built = world.try_action(Via::Connector(connector.as_str().unwrap()), &toml::to_string(&action).unwrap());
        assert_eq!(built.unwrap_or_else(|errors| panic!("{errors:?}\n{example}")).kind(), kind);
    }
    assert!(actions >= 14, "{actions}");
}

/// A key that nobody uses.
const CREDENTIALS: &str = "-----BEGIN NATS USER JWT-----\\neyJ0\\n------END NATS USER JWT------\\n-----BEGIN USER NKEY SEED-----\\n\
    SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\\n------END USER NKEY SEED------\\n";
