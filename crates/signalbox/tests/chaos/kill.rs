//! A broker that is killed while very many clients are connected.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::observer::{Observer, QUEUES, come_and_go};
use crate::support::process::raise_open_files;
use crate::support::server::Home;
use crate::support::told::{Told, names};
use crate::support::{number, present};

async fn connect_all(broker: SocketAddr, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for at in 0..count {
        clients.push(Client::connect(broker, &format!("device-{at}")).await);
    }
    clients
}

#[tokio::test]
async fn everybody_comes_back_after_a_kill_and_the_history_stays_whole() {
    let count = number("CHAOS_CLIENTS", 300);
    raise_open_files();
    let home = Home::new().with_config(QUEUES);
    Observer::admit(&home);
    let server = home.serve();
    let observer = tokio::spawn(Observer::begin(server.mqtt).await.read());
    let killed = connect_all(server.mqtt, count).await;
    come_and_go(server.mqtt).await;
    let observer = observer.await.unwrap();
    // To be told that takes longer than the history takes to write.
    assert_eq!(present(&home).len(), count);
    server.signal("KILL");
    server.wait();
    for mut client in killed {
        client.assert_ended().await;
    }

    let server = home.serve();
    assert_eq!(present(&home).len(), 0);
    // It was away while the ends of all others were told, which have waited for it.
    let observer = tokio::spawn(observer.resume(server.mqtt).await.read());
    let mut clients = connect_all(server.mqtt, count).await;
    for client in &mut clients {
        client.ping().await;
    }
    assert_eq!(present(&home).len(), count);
    come_and_go(server.mqtt).await;
    let observer = observer.await.unwrap();

    let told = Told::by(server, &home);
    told.assert_numbered();
    observer.assert_has_seen(&told);
    let gaps = told.all("gap");
    assert_eq!(gaps.iter().map(|gap| &gap["cause"]).collect::<Vec<_>>(), ["unclean_stop"]);
    let kill_at = told.0.iter().position(|record| record["event"] == "gap").unwrap();
    let (before, after) = told.0.split_at(kill_at);
    let count_of = |records: &[Value], event: &str| records.iter().filter(|record| record["event"] == event).count();
    // The observer is there, too, and somebody who comes and goes.
    assert_eq!(count_of(before, "client.connected"), count + 2);
    assert_eq!(count_of(after, "client.connected"), count + 2);
    // The kill itself is told to whoever looks at a client, in its place and once.
    let clients = told.by_client();
    assert_eq!(clients.len(), count);
    for (client, events) in clients {
        let whole_life =
            ["session.created", "client.connack", "client.connected", "session.expired", "client.disconnected"];
        assert_eq!(names(&events), [whole_life, whole_life].concat(), "{client}");
        let epochs: Vec<&Value> = events.iter().map(|event| &event["client_epoch"]).collect();
        assert!(epochs.windows(2).all(|pair| pair[0] == pair[1]), "{client}: {epochs:?}");
        assert_eq!((&events[4]["reason"], &events[9]["reason"]), (&"server_restart".into(), &"go_away".into()));
        for field in ["conn_id", "peername", "sockname", "listener", "proto_ver", "connected_at"] {
            assert_eq!(events[4][field], events[2][field], "{client}: {field}");
        }
        let [connected, ended, told] = [(2, "connected_at"), (4, "disconnected_at"), (4, "timestamp")]
            .map(|(at, field)| events[at][field].as_i64().unwrap());
        assert!(connected <= ended && ended < told, "{client}: {}", events[4]);
    }
}
