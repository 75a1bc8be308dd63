//! A service says what clients may do: a real HTTP server is asked, and only who asks waits.

use std::time::Duration;

use serde_json::Value;

use crate::support::http_server::{Answers, HttpServer, Received};
use crate::support::witness::Witness;
use crate::world::World;

/// What the service says of a topic: its last level.
fn answers(request: &Received) -> Answers {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    match body["topic"].as_str().unwrap().rsplit('/').next().unwrap() {
        "yes" | "#" => Answers::json(r#"{"result":"allow"}"#),
        "fine" => Answers::status(204),
        "no" => Answers::json(r#"{"result":"deny"}"#),
        "forbidden" => Answers::status(403),
        "whatever" => Answers::json(r#"{"result":"ignore"}"#),
        "slow" => Answers::status(204).after(Duration::from_millis(500)),
        _ => Answers::status(500),
    }
}

/// A broker that asks, with more options of the service, or of what comes behind it.
async fn asking(more: &str) -> (World, HttpServer) {
    let service = HttpServer::start_with(answers).await;
    let mut world = World::new();
    let head = format!("toml [auth.authorizers.crm]\ntoml kind = \"http\"\ntoml url = \"{}\"\n", service.url("/acl"));
    world.play(&format!("{head}{more}")).unwrap();
    (world, service)
}

/// The topics that were asked about.
fn asked(service: &HttpServer) -> Vec<String> {
    let topic = |request: &Received| {
        serde_json::from_str::<Value>(&request.body).unwrap()["topic"].as_str().unwrap().to_owned()
    };
    service.requests().iter().map(topic).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_decides_about_messages_and_subscriptions() {
    let (mut world, service) = asking("acl topic readwrite open\n").await;
    world.server();
    let events = "client_check_authz_complete";
    let mut witness = Witness::of_events(&world.home, world.server.as_ref().unwrap(), events).await;
    world
        .play(
            "a > CONNECT clientid=a username=ann\n\
             a < CONNACK success\n\
             a > SUBSCRIBE id=1 filter=a/yes qos=1 filter=a/no filter=open filter=b/whatever filter=c/#\n\
             a < SUBACK granted_qos1,not_authorized,success,not_authorized,success\n\
             a > PUBLISH topic=a/yes qos=1 id=2 payload=1\n\
             a < PUBACK id=2 success\n\
             a < PUBLISH topic=a/yes payload=1 id=1\n\
             a > PUBLISH topic=a/fine qos=1 id=3\n\
             a < PUBACK id=3 no_matching_subscribers\n\
             a > PUBLISH topic=a/forbidden qos=1 id=4\n\
             a < PUBACK id=4 not_authorized\n\
             a > PUBLISH topic=a/broken qos=2 id=5\n\
             a < PUBREC id=5 not_authorized\n\
             a > PUBLISH topic=open qos=1 id=6\n\
             a < PUBACK id=6 success\n\
             a < PUBLISH topic=open\n\
             a > PUBLISH topic=$SYS/yes qos=1 id=7\n\
             a < PUBACK id=7 topic_name_invalid\n",
        )
        .unwrap();
    let bodies: Vec<Value> = service.requests().iter().map(|of| serde_json::from_str(&of.body).unwrap()).collect();
    let expected = serde_json::json!({"clientid": "a", "username": "ann", "action": "subscribe", "topic": "a/yes"});
    assert!(bodies.contains(&expected), "{bodies:?}");
    assert!(asked(&service).iter().all(|topic| topic != "open" && topic != "$SYS/yes"), "{:?}", asked(&service));
    witness
        .wait_until("nothing tells of `open`", |event| event["topic"] == "open" && event["action"] == "publish")
        .await;
    let told: Vec<String> = witness
        .seen
        .iter()
        .map(|of| format!("{} {} {} {}", of["action"], of["topic"], of["result"], of["authz_source"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "subscribe a/yes allow crm",
            "subscribe a/no deny crm",
            "subscribe open allow file",
            "subscribe b/whatever deny default",
            "subscribe c/# allow crm",
            "publish a/yes allow crm",
            "publish a/fine allow crm",
            "publish a/forbidden deny crm",
            "publish a/broken deny crm",
            "publish open allow file",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_asks_waits_and_its_packets_keep_their_order() {
    let (mut world, _service) = asking("acl topic readwrite open\n").await;
    world
        .play(
            "a > CONNECT clientid=a keepalive=1s\n\
             a < CONNACK success\n\
             b > CONNECT clientid=b\n\
             b < CONNACK success\n\
             a > SUBSCRIBE filter=open\n\
             a < SUBACK success\n\
             a > PUBLISH topic=a/slow qos=1 id=1\n\
             a > PUBLISH topic=open qos=1 id=2 payload=behind\n\
             a > PUBLISH topic=b/slow qos=1 id=3\n\
             a > PINGREQ\n\
             b > PUBLISH topic=open qos=1 id=1 payload=meanwhile\n\
             b < PUBACK id=1 success\n\
             a < PUBLISH payload=meanwhile\n\
             a < PUBACK id=1 no_matching_subscribers\n\
             a < PUBACK id=2 success\n\
             a < PUBLISH payload=behind\n\
             a < PUBACK id=3 no_matching_subscribers\n\
             a < PINGRESP\n",
        )
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_remembered_until_they_are_to_be_forgotten() {
    let (mut world, service) = asking("").await;
    let publish = |id: u8| {
        format!(
            "a > PUBLISH topic=a/fine qos=1 id={id}\na < PUBACK id={id} no_matching_subscribers\n\
             a > PUBLISH topic=a/no qos=1 id={id}\na < PUBACK id={id} not_authorized\n\
             a > PUBLISH topic=a/broken qos=1 id={id}\na < PUBACK id={id} not_authorized\n"
        )
    };
    world.play("a > CONNECT clientid=a\na < CONNACK success\n").unwrap();
    world.play(&[publish(1), publish(2)].concat()).unwrap();
    assert_eq!(asked(&service), ["a/fine", "a/no", "a/broken", "a/broken"], "a failure is not remembered");
    world.play(&format!("$ acl forget\n{}", publish(3))).unwrap();
    assert_eq!(asked(&service).len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failure_means_is_a_setting() {
    let ignoring = "toml on_failure = \"ignore\"\ntoml cache_ttl_s = 0\ntoml [auth]\ntoml no_match = \"allow\"\n";
    let (mut world, service) = asking(ignoring).await;
    world
        .play(
            "a > CONNECT clientid=a\n\
             a < CONNACK success\n\
             a > PUBLISH topic=a/broken qos=1 id=1\n\
             a < PUBACK id=1 no_matching_subscribers\n\
             a > PUBLISH topic=a/whatever qos=1 id=2\n\
             a < PUBACK id=2 no_matching_subscribers\n\
             a > PUBLISH topic=a/no qos=1 id=3\n\
             a < PUBACK id=3 not_authorized\n\
             a > PUBLISH topic=a/no qos=1 id=4\n\
             a < PUBACK id=4 not_authorized\n",
        )
        .unwrap();
    assert_eq!(asked(&service), ["a/broken", "a/whatever", "a/no", "a/no"], "nothing is remembered");
    world.server().wait_for_log("the service does not say what clients may do");
}

#[tokio::test(flavor = "multi_thread")]
async fn wills_are_asked_about_and_sessions_that_go_on_keep_what_they_have() {
    let (mut world, service) =
        asking("user ann right\nacl topic deny c/secret\nacl user ann\nacl topic deny c/secret\n").await;
    world
        .play(
            "a > CONNECT clientid=a will.topic=a/no\n\
             a < CONNACK not_authorized code=87\n\
             a closed\n\
             b > CONNECT clientid=b username=ann password=right will.topic=c/yes will.payload=gone Session-Expiry-Interval=60\n\
             b < CONNACK success\n\
             b > SUBSCRIBE filter=c/# qos=1\n\
             b < SUBACK granted_qos1\n\
             b closes\n\
             c > CONNECT clientid=b username=ann password=right clean_start=false\n\
             c < CONNACK success session_present=true\n\
             d > CONNECT clientid=d\n\
             d < CONNACK success\n\
             d > PUBLISH topic=c/slow qos=1 id=1 payload=x\n\
             d < PUBACK id=1 success\n\
             c < PUBLISH topic=c/yes payload=gone\n\
             c < PUBLISH topic=c/slow payload=x\n",
        )
        .unwrap();
    assert_eq!(asked(&service), ["a/no", "c/yes", "c/#", "c/slow"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_the_options_is_told() {
    let (world, _service) = asking("").await;
    for (option, words) in [
        ("url = 'http://x/${tpoic}'", "did you mean `${topic}`?"),
        ("url = 'http://x/${password}'", "expected something known of a client, found `${password}`"),
        ("urll = 'http://x'", "did you mean `url`?"),
    ] {
        world.home.write("signalbox.toml", &format!("[auth.authorizers.crm]\nkind = 'http'\n{option}\n"));
        let said = world.home.run(&["config", "check"]);
        assert_eq!(said.code, Some(2), "{option}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{option}: {}", said.stderr);
    }
}
