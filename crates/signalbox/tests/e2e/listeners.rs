//! Listeners with rules of their own: who is asked, where clients live, how many may come.

use serde_json::Value;

use crate::support::client::{Subscriber, Version, connect, publish_all};
use crate::support::server::Home;

const CONFIG: &str = "\
[auth]
anonymous = 'no'
[listeners.inside]
bind = '127.0.0.1:0'
authentication = false
[listeners.guests]
bind = '127.0.0.1:0'
anonymous = 'yes'
[listeners.tenant]
bind = '127.0.0.1:0'
authentication = false
mountpoint = 'plant-7/${clientid}/'
[listeners.small]
bind = '127.0.0.1:0'
authentication = false
max_connections = 1
";

#[tokio::test]
async fn every_listener_asks_its_clients_as_it_is_told() {
    let home = Home::new().with_config(CONFIG);
    assert_eq!(home.run_with_input(&["users", "add", "ann", "--password-stdin"], "right").code, Some(0));
    let server = home.serve();
    let come = |address, credentials| connect(Version::V5, address, "c", credentials);
    for (listener, nothing, right, wrong) in [
        (server.mqtt, false, true, false),
        (server.listener("guests"), true, true, false),
        (server.listener("inside"), true, true, true),
    ] {
        assert_eq!(come(listener, None).await.is_ok(), nothing, "{listener}");
        assert_eq!(come(listener, Some(("ann", "right"))).await.is_ok(), right, "{listener}");
        assert_eq!(come(listener, Some(("ann", "wrong"))).await.is_ok(), wrong, "{listener}");
    }
}

#[tokio::test]
async fn a_chain_that_names_nobody_is_told_with_what_was_meant() {
    let home = Home::new().with_config("[listeners.default]\nauth_chain = ['user']\n");
    let refused = home.run(&["config", "check"]);
    assert_eq!(refused.code, Some(2));
    for words in ["`listeners.default.auth_chain`", "found `user`", "did you mean `users`?"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    let home = Home::new().with_config("[listeners.default]\nmountpoint = 'plant-7'\n");
    let refused = home.run(&["config", "check"]);
    assert!(refused.stderr.contains("expected a mountpoint that ends with `/`, found `plant-7`"), "{}", refused.stderr);
}

#[tokio::test]
async fn clients_of_a_mountpoint_see_only_what_is_below_it() {
    let home = Home::new().with_config(CONFIG);
    let server = home.serve();
    let mut everything = Subscriber::start_at(server.listener("inside"), "watcher", "#").await;
    let mut mounted = Subscriber::start_at(server.listener("tenant"), "pump", "#").await;
    publish_all(server.listener("inside"), "outside", "cmd", &["not for the pump".to_owned()]).await;
    publish_all(server.listener("tenant"), "pump-2", "state", &["of another".to_owned()]).await;
    publish_all(server.listener("inside"), "outside", "plant-7/pump/cmd", &["open".to_owned()]).await;
    let message = mounted.next().await;
    assert_eq!((&*message.topic, &*message.payload), ("cmd", "open"));
    for topic in ["cmd", "plant-7/pump-2/state", "plant-7/pump/cmd"] {
        assert_eq!(everything.next().await.topic, topic);
    }
}

#[tokio::test]
async fn a_listener_that_is_full_refuses_and_the_others_go_on() {
    let home = Home::new().with_config(CONFIG);
    let server = home.serve();
    let _first = Subscriber::start_at(server.listener("small"), "first", "t").await;
    let refused = connect(Version::V5, server.listener("small"), "second", None).await.unwrap_err();
    assert!(refused.contains("QuotaExceeded"), "{refused}");
    assert_eq!(connect(Version::V5, server.listener("inside"), "second", None).await, Ok(()));
}

#[tokio::test]
async fn the_listeners_are_listed_with_their_connections_and_limits() {
    let config = "[listeners.tenant]\nbind = '127.0.0.1:0'\nmountpoint = 'plant-7/'\nmax_connections = 7\n\
                  message_rate_max = '100/10s'\n[listeners.local]\nkind = 'unix'\n[listeners.local.unix]\npath = 'm.sock'\n";
    let home = Home::new().with_config(config);
    let server = home.serve();
    let _one = Subscriber::start_at(server.listener("tenant"), "one", "t").await;
    let listed = home.run(&["listeners", "--json"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let of = |name: &str| listed.as_array().unwrap().iter().find(|listener| listener["name"] == name).unwrap().clone();
    let tenant = of("tenant");
    assert_eq!((&tenant["id"], &tenant["running"]), (&"tcp:tenant".into(), &true.into()), "{tenant}");
    assert_eq!(tenant["bind"], server.listener("tenant").to_string());
    assert_eq!((&tenant["current_connections"], &tenant["max_connections"]), (&1.into(), &7.into()));
    assert_eq!((&tenant["messages_rate"], &tenant["bytes_rate"]), (&"100/10s".into(), &"infinity".into()));
    assert_eq!(tenant["mountpoint"], "plant-7/");
    assert_eq!((&of("local")["type"], &of("default")["current_connections"]), (&"unix".into(), &0.into()));
    let for_people = home.run(&["listeners"]).stdout;
    assert!(for_people.starts_with("LISTENER ") && for_people.contains("plant-7/"), "{for_people}");
}
