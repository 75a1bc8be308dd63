//! What public interoperability suites look at, with the settings that `broker/INTEROPERABILITY.md` names for them.

use std::path::Path;

use crate::world::World;

/// Every request of the suites that a setting answers, and what else they look at that brokers do differently.
const SCRIPT: &str = "\
a > CONNECT clientid=a keepalive=120s
a < CONNACK success Server-Keep-Alive=60 Receive-Maximum=20
a > SUBSCRIBE filter=test/nosubscribe filter=test/other qos=2
a < SUBACK unspecified_error,granted_qos2
b > CONNECT clientid=b version=3.1.1
b < CONNACK connection_accepted
b > SUBSCRIBE filter=test/nosubscribe qos=2
b < SUBACK unspecified_error

# Overlapping subscriptions: one message, the higher QoS, both identifiers.
c > CONNECT clientid=c keepalive=0s
c < CONNACK success Server-Keep-Alive=60
c > SUBSCRIBE filter=plant/a qos=1 Subscription-Identifier=2
c < SUBACK granted_qos1
c > SUBSCRIBE filter=plant/a/# qos=2 Subscription-Identifier=3
c < SUBACK granted_qos2
c > PUBLISH topic=plant/a payload=1 qos=2 id=1
c < PUBREC id=1
c < PUBLISH topic=plant/a qos=2 id=1 Subscription-Identifier=3,2
c > PINGREQ
c < PINGRESP

# Topic aliases from the broker, at every QoS.
d > CONNECT clientid=d Topic-Alias-Maximum=1
d < CONNACK success
d > SUBSCRIBE filter=plant/d qos=2
d < SUBACK granted_qos2
b > PUBLISH topic=plant/d payload=0
d < PUBLISH topic=plant/d payload=0 Topic-Alias=1
b > PUBLISH topic=plant/d payload=1 qos=1 id=1
b < PUBACK id=1
d < PUBLISH topic= payload=1 qos=1 Topic-Alias=1
b > PUBLISH topic=plant/d payload=2 qos=2 id=2
b < PUBREC id=2
d < PUBLISH topic= payload=2 qos=2 Topic-Alias=1

# Aliases of the client end with its connection; one that is not set ends that.
e > CONNECT clientid=e Session-Expiry-Interval=100
e < CONNACK success
e > PUBLISH topic=plant/e payload=1 Topic-Alias=1 qos=1 id=1
e < PUBACK id=1
e > PUBLISH topic= payload=2 Topic-Alias=1 qos=1 id=2
e < PUBACK id=2
e > DISCONNECT
e closed
e opens
e > CONNECT clientid=e clean_start=false
e < CONNACK success session_present=true
e > PUBLISH topic= payload=3 Topic-Alias=1 qos=1 id=3
e < DISCONNECT
e closed

# The will comes when the session ends, though its delay is longer.
f > CONNECT clientid=f Session-Expiry-Interval=1 will.topic=test/other will.payload=gone will.Will-Delay-Interval=50
f < CONNACK success
f closes
a < PUBLISH topic=test/other payload=gone

# A message larger than the client takes is left out, the next one comes.
g > CONNECT clientid=g Maximum-Packet-Size=64
g < CONNACK success
g > SUBSCRIBE filter=plant/g qos=1
g < SUBACK granted_qos1
b > PUBLISH topic=plant/g payload=................................................................
b > PUBLISH topic=plant/g payload=short
g < PUBLISH topic=plant/g payload=short
";

#[test]
fn the_settings_for_the_suites_give_what_they_expect() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../broker/INTEROPERABILITY.md"));
    let page = page.unwrap();
    let settings = block(&page, "```toml\n").map(|line| format!("toml {line}\n"));
    let rights = block(&page, "```text\n").map(|line| format!("acl {line}\n"));
    let mut world = World::new();
    let set: String = settings.chain(rights).collect();
    let played = world.play(&set).and_then(|()| world.play(SCRIPT)).and_then(|()| world.play(&one_too_many()));
    played.unwrap_or_else(|(number, message)| panic!("line {number}: {message}"));
}

/// A client that begins one exchange of QoS 2 more than it was told it may.
fn one_too_many() -> String {
    let mut script = String::from("h > CONNECT clientid=h\nh < CONNACK success Receive-Maximum=20\n");
    for id in 1..=20 {
        script += &format!("h > PUBLISH topic=nobody payload=x qos=2 id={id}\nh < PUBREC id={id}\n");
    }
    script
        + "h > PUBLISH topic=nobody payload=x qos=2 id=21\nh < DISCONNECT receive_maximum_exceeded code=93\nh closed\n"
}

/// The lines of the first block of the page that begins like this.
fn block<'a>(page: &'a str, fence: &str) -> impl Iterator<Item = &'a str> {
    let (_, rest) = page.split_once(&format!("\n{fence}")).expect("the page has such a block");
    let (block, _) = rest.split_once("```").expect("the block ends");
    block.lines()
}
