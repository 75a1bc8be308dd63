//! `signalbox clients list|show|kick`.

use serde_json::{Value, json};

use super::api::Api;
use crate::cli::{Clients, ClientsList, Output};
use crate::outcome::Outcome;
use crate::terminal::{cell, complain, say, say_json, table_of};

/// Runs the command.
pub(crate) fn run(command: Clients) -> Outcome {
    match command {
        Clients::List(list) => run_list(&list),
        Clients::Show { client, remote, output } => show(&client, &Api::new(&remote)?, output),
        Clients::Kick { clients, remote } => kick(&clients, &Api::new(&remote)?),
    }
}

fn run_list(list: &ClientsList) -> Outcome {
    let api = Api::new(&list.remote)?;
    let answer = api.get(&["clients"], &query(list))?;
    if list.output.json {
        return Ok(say_json(&answer)?);
    }
    let columns = [
        ("CLIENT", "clientid"),
        ("USER", "username"),
        ("ADDRESS", "ip_address"),
        ("LISTENER", "listener"),
        ("CONNECTED", "connected_at"),
        ("SUBSCRIPTIONS", "subscriptions_cnt"),
        ("QUEUED", "mqueue_len"),
    ];
    let clients = answer["data"].as_array().map_or(&[][..], Vec::as_slice);
    let rows = clients.iter().map(|client| {
        let mut client = client.clone();
        if client["connected"] == false {
            client["connected_at"] = json!("no");
        }
        client
    });
    say(&table_of(&columns, &rows.collect::<Vec<_>>()))?;
    let (shown, count) = (clients.len(), &answer["meta"]["count"]);
    if *count != shown {
        complain(&format!("{shown} of {count} clients; the next ones with `--page {}`", list.page + 1));
    }
    Ok(())
}

fn query(list: &ClientsList) -> Vec<(&'static str, String)> {
    let mut query = vec![("page", list.page.to_string()), ("limit", list.limit.to_string())];
    let given = [
        ("like_clientid", list.like.clone()),
        ("username", list.user.clone()),
        ("ip_address", list.address.map(|address| address.to_string())),
        ("listener", list.listener.clone()),
        ("conn_state", list.offline.then(|| "disconnected".to_owned())),
        ("sort", list.sort.clone()),
    ];
    query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    query
}

fn show(client: &str, api: &Api, output: Output) -> Outcome {
    let mut found = api.get(&["clients", client], &[])?;
    let subscriptions = api.get(&["clients", client, "subscriptions"], &[])?;
    if output.json {
        found["subscriptions"] = subscriptions;
        return Ok(say_json(&found)?);
    }
    let fields = found.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in fields {
        say(&format!("{name:<18} {}", cell(value)))?;
    }
    let subscriptions: Vec<Value> = subscriptions.as_array().cloned().unwrap_or_default();
    if !subscriptions.is_empty() {
        say("")?;
        say(&table_of(
            &[("TOPIC", "topic"), ("QOS", "qos"), ("NO LOCAL", "nl"), ("GROUP", "share_group")],
            &subscriptions,
        ))?;
    }
    Ok(())
}

fn kick(clients: &[String], api: &Api) -> Outcome {
    for client in clients {
        api.delete(&["clients", client])?;
        complain(&format!("client `{client}` is kicked"));
    }
    Ok(())
}
