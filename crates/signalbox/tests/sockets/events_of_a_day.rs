//! Every event happens once over a real socket, with every field that is declared for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use events::{EventType, Kind, Type};
use serde_json::Value;

use crate::support::pki::{Authority, Purpose};
use crate::support::witness::Witness;
use crate::world::World;

/// Messages are told to rules alone.
const MESSAGES: &str = "/*---\n[[actions]]\nrepublish = { topic = \"told\" }\n---*/\nSELECT * FROM \"t\"\n";

const CONFIG: &str = "\
toml [listeners.mutual]
toml kind = \"tls\"
toml bind = \"127.0.0.1:0\"
toml [listeners.mutual.tls]
toml cert_file = \"server.pem\"
toml key_file = \"server.key\"
toml ca_file = \"ca.pem\"
toml verify = \"required\"
user ann right
";

/// CONNECT of MQTT 5 with client identifier `pump`, and DISCONNECT.
const SHORT_VISIT: &[u8] = b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04pump\xe0\x00";

/// Visits a listener that speaks TLS, with a certificate.
fn visit(world: &World, address: SocketAddr, certificate: &str) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-servername", "localhost", "-connect", &address.to_string()]);
    command.args(["-cert", &format!("{certificate}.pem"), "-key", &format!("{certificate}.key")]);
    command.current_dir(world.home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the tests need openssl: apt-get install openssl");
    // One that is refused hangs up before.
    drop(child.stdin.as_mut().unwrap().write_all(SHORT_VISIT));
    drop(child.stdout.take().unwrap().read_to_end(&mut Vec::new()));
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_happens_with_every_field() {
    let mut world = World::new();
    let authority = Authority::new("Plant CA");
    authority.write(&world.home, "ca.pem");
    authority.sign(&world.home, "server", (Purpose::Server, 1));
    authority.sign(&world.home, "pump", (Purpose::Client, 2));
    authority.sign_until(&world.home, "expired", (Purpose::Client, 3), 2021);
    world.home.write("rules/messages.sql", MESSAGES);
    world.play(CONFIG).unwrap();
    world.play("messages > CONNECT clientid=messages\nmessages < CONNACK success\n").unwrap();
    world.play("messages > SUBSCRIBE filter=told\nmessages < SUBACK\n").unwrap();
    let names =
        EventType::all().filter_map(|event| event.topic?.strip_prefix("$events/")).collect::<Vec<_>>().join(",");
    let mut witness = Witness::of_events(&world.home, world.server.as_ref().unwrap(), &names).await;

    world.play(include_str!("every_event.script")).unwrap();
    let address = world.server().listener("mutual");
    visit(&world, address, "pump");
    visit(&world, address, "expired");
    let published = world.client("messages").next_packet().unwrap();
    let mqtt::Packet::Publish(published) = published.0 else { panic!("expected a message, found {published:?}") };
    witness.seen.push(serde_json::from_slice(&published.payload).unwrap());

    let mut missing: BTreeSet<&str> = EventType::all().map(|event| event.name).collect();
    missing.remove("message.publish");
    // It takes another broker: `e2e/sources.rs` has one.
    missing.remove(Kind::SourceMessage.event_type().name);
    witness
        .wait_until("not everything happens", |event| {
            missing.remove(event["event"].as_str().unwrap());
            missing.is_empty()
        })
        .await;
    let mut faults = Vec::new();
    for &kind in Kind::ALL.iter().filter(|kind| **kind != Kind::SourceMessage) {
        let event = kind.event_type();
        let seen: Vec<&Value> = witness.seen.iter().filter(|seen| seen["event"] == event.name).collect();
        faults.extend(seen.iter().filter_map(|seen| fault(event, seen)));
        faults.extend(without_value(event, &seen));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Where an event is not as it is declared: exactly these fields, of these types, and NULL only where that may be.
fn fault(event: &EventType, seen: &Value) -> Option<String> {
    let fields = seen.as_object().unwrap();
    let declared: BTreeMap<&str, _> = event.fields.iter().map(|field| (field.name, field)).collect();
    if !fields.keys().map(String::as_str).eq(declared.keys().copied()) {
        return Some(format!("{}: expected the fields {:?}, found {seen}", event.name, declared.keys()));
    }
    let is_wrong = |(name, value): &(&String, &Value)| {
        let field = declared[&***name];
        let fits = match value {
            Value::Null => field.optional,
            Value::Bool(_) => field.ty == Type::Bool,
            Value::Number(_) => matches!(field.ty, Type::Int | Type::Float | Type::Number | Type::Timestamp),
            Value::String(_) => matches!(field.ty, Type::Text | Type::Bytes),
            Value::Array(_) => field.ty == Type::List,
            Value::Object(_) => field.ty == Type::Map,
        };
        !fits
    };
    fields.iter().find(is_wrong).map(|(name, value)| {
        format!("{}: expected `{name}` to be {:?}, found {value}", event.name, declared[&**name].ty)
    })
}

/// Fields that had no value in any event of the day: they may be dead.
fn without_value(event: &EventType, seen: &[&Value]) -> Vec<String> {
    let is_numbered = |name: &str| match name {
        "seq" => event.lifecycle,
        // Certificates are shown before there is a client.
        "client_seq" | "client_epoch" => event.lifecycle && !event.name.starts_with("certificate."),
        _ => true,
    };
    let is_empty = |name: &str| seen.iter().all(|seen| seen[name].is_null());
    let empty = event.fields.iter().filter(|field| is_numbered(field.name) && is_empty(field.name));
    empty.map(|field| format!("{}: `{}` never has a value", event.name, field.name)).collect()
}
