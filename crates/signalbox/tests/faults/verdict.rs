//! Whether everything that was promised has arrived, and what was lost with the memory of a killed process is told.

use std::collections::BTreeSet;

use events::Timestamp;
use serde_json::Value;

use crate::arrivals::Arrivals;
use crate::broker::{Account, RULES};
use crate::load::Clients;
use crate::publisher::Publisher;
use crate::say;
use crate::strikes::Stage;
use crate::support::told::Told;

/// Events that are lost with the memory of a process were younger than this when it was killed.
const MEMORY_MS_MAX: u64 = 5_000;

/// What a rule has told one of the other sides.
struct Place {
    name: &'static str,
    messages: Arrivals,
    events: Arrivals,
}

/// Prints what has become of everything, and gives what is wrong with it.
pub(crate) fn judge(stage: Stage, clients: &Clients) -> Vec<String> {
    let Stage { postgres, receiver, broker, kills, others, looks, accounts, mut problems, .. } = stage;
    let row = "output_id || ' ' || clientid || ' ' || n";
    let table = |rule: &str| postgres.query(&format!("SELECT '{rule} ' || {row} FROM {rule} ORDER BY arrival"));
    let places = [
        Place::read("PostgreSQL", &RULES.map(table).join("\n"), |fields| [fields[0], fields[2], fields[3], fields[1]]),
        Place::read("HTTP receiver", &receiver.received(), |fields| fields),
    ];
    let (server, home) = broker.into_parts();
    let told = Told::by(server, &home);
    told.assert_numbered();
    let history = Happened::new(&told);

    let promised: u64 = clients.publishers.iter().map(|publisher| publisher.promised).sum();
    let resent: u64 = clients.publishers.iter().map(|publisher| publisher.resent).sum();
    let repeated: u64 = clients.publishers.iter().map(Publisher::repeated).sum();
    let connections: u64 = clients.publishers.iter().map(|publisher| publisher.connections).sum();
    let [killed, stopped, receiver_kills] = others;
    say(&format!(
        "\nkilled: the broker {} times, PostgreSQL {killed} times and stopped at once {stopped} times, the receiver \
         {receiver_kills} times",
        kills.len()
    ));
    say(&format!("{promised} messages acknowledged, {resent} sent again, in {connections} connections"));
    say(&format!(
        "{} visits; the history has {} beginnings and ends of connections, {} gaps after a kill",
        clients.visits,
        history.events.len(),
        history.gaps.len()
    ));
    say(&format!(
        "\n{:<16}{:<10}{:>12}{:>12}{:>12}{:>9}{:>9}",
        "", "", "arrived", "outputs", "distinct", "missing", "disorder"
    ));
    for place in &places {
        place.judge_messages(clients, &mut problems);
        place.judge_events(&history, &kills, &mut problems);
    }
    judge_endings(&told, &mut problems);
    judge_accounts(&accounts, &places[0], repeated, &mut problems);
    say(&format!("\nthe ledgers were read {looks} times"));
    for publisher in clients.publishers.iter().filter(|publisher| publisher.sessions_lost > 0) {
        problems.push(format!("{}: the session was lost {} times", publisher.id, publisher.sessions_lost));
    }
    if history.gaps.len() != kills.len() {
        problems.push(format!("{} kills, and {} gaps that tell of one", kills.len(), history.gaps.len()));
    }
    if kills.is_empty() || promised == 0 {
        problems.push("nothing was tried: there were no kills or no messages".to_owned());
    }
    problems
}

/// Beginnings and ends of connections, as the history tells them.
struct Happened<'a> {
    /// Number and event.
    events: Vec<(u64, &'a Value)>,
    numbers: BTreeSet<u64>,
    /// First and last number of what is missing after a kill.
    gaps: Vec<(u64, u64)>,
}

impl Happened<'_> {
    fn new(told: &Told) -> Happened<'_> {
        let is_of_rule = |event: &&Value| {
            matches!(event["event"].as_str(), Some("client.connected" | "client.disconnected"))
                && event["client_seq"].is_u64()
        };
        let number = |record: &Value, field: &str| record[field].as_u64().unwrap();
        let events: Vec<(u64, &Value)> =
            told.0.iter().filter(is_of_rule).map(|event| (number(event, "seq"), event)).collect();
        let gaps = told.all("gap").into_iter().filter(|gap| gap["cause"] == "unclean_stop");
        Happened {
            numbers: events.iter().map(|(number, _)| *number).collect(),
            gaps: gaps.map(|gap| (number(gap, "first_seq"), number(gap, "last_seq"))).collect(),
            events,
        }
    }

    /// Whether the history has the event of that number, or says that it lacks it.
    fn accounts_for(&self, number: u64) -> bool {
        self.numbers.contains(&number) || self.gaps.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }
}

impl Place {
    /// Reads lines, from which `order` makes rule, client, number and output.
    fn read(name: &'static str, lines: &str, order: impl Fn([&str; 4]) -> [&str; 4]) -> Place {
        let mut place = Place { name, messages: Arrivals::default(), events: Arrivals::default() };
        for line in lines.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let fields: [&str; 4] = fields.try_into().unwrap_or_else(|_| panic!("{name}: `{line}`"));
            let [rule, client, number, output_id] = order(fields);
            let arrivals = if rule == RULES[0] { &mut place.messages } else { &mut place.events };
            arrivals.add(client, number.parse().unwrap(), output_id);
        }
        place
    }

    /// Every message that was acknowledged is there, in order.
    fn judge_messages(&self, clients: &Clients, problems: &mut Vec<String>) {
        let promised =
            clients.publishers.iter().flat_map(|one| (1..=one.promised).map(|number| (one.id.as_str(), number)));
        let missing: Vec<String> = promised
            .filter(|(client, number)| !self.messages.has(client, *number))
            .map(|(client, number)| format!("{client} {number}"))
            .collect();
        self.tell("messages", &self.messages, &missing, problems);
    }

    /// Every event is there, in order, but for the last ones before a kill, which no buffer had on disk yet; and the
    /// history knows of every one.
    fn judge_events(&self, history: &Happened<'_>, kills: &[Timestamp], problems: &mut Vec<String>) {
        let absent = history
            .events
            .iter()
            .filter(|(number, event)| !self.events.has(event["clientid"].as_str().unwrap(), *number));
        let (mut missing, mut in_memory) = (Vec::new(), 0);
        for (number, event) in absent {
            let at = Timestamp(event["timestamp"].as_i64().unwrap());
            let is_near = |kill: &&Timestamp| **kill >= at && kill.since_ms(at) <= MEMORY_MS_MAX;
            if kills.iter().any(|kill| is_near(&kill)) {
                in_memory += 1;
            } else {
                missing.push(format!("{} {number} {}", event["clientid"], event["event"]));
            }
        }
        self.tell("events", &self.events, &missing, problems);
        say(&format!("{:<26}{in_memory} events of the history were only in memory at a kill", ""));
        let unknown = self.events.all().filter(|(_, number)| !history.accounts_for(*number)).count();
        if unknown > 0 {
            problems.push(format!("{}: {unknown} events that neither the history nor a gap knows", self.name));
        }
    }

    fn tell(&self, what: &str, arrivals: &Arrivals, missing: &[String], problems: &mut Vec<String>) {
        let (name, disordered) = (self.name, &arrivals.disordered);
        let (total, outputs, distinct) = (arrivals.total, arrivals.outputs(), arrivals.distinct());
        let (missing_count, disordered_count) = (missing.len(), disordered.len());
        say(&format!(
            "{name:<16}{what:<10}{total:>12}{outputs:>12}{distinct:>12}{missing_count:>9}{disordered_count:>9}"
        ));
        let first = |list: &[String]| list.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            problems.push(format!("{name}: {missing_count} {what} are missing: {}", first(missing)));
        }
        if !disordered.is_empty() {
            problems.push(format!("{name}: {disordered_count} {what} out of order: {}", first(disordered)));
        }
    }
}

/// Every connection that has begun in the history has ended in it, once: those of a killed process when the next one began.
fn judge_endings(told: &Told, problems: &mut Vec<String>) {
    let connection = |event: &Value| ["clientid", "conn_id", "connected_at"].map(|field| event[field].to_string());
    let mut open = BTreeSet::new();
    let mut after_kills = 0;
    for event in told.0.iter().filter(|event| event["client_seq"].is_u64()) {
        let is_after_kill = event["event"] == "client.disconnected" && event["reason"] == "server_restart";
        let is_right = match event["event"].as_str() {
            Some("client.connected") => open.insert(connection(event)),
            // Where the history was killed before it had the beginning, the journal of sessions may know of it.
            Some("client.disconnected") => open.remove(&connection(event)) || is_after_kill,
            Some(_) | None => true,
        };
        after_kills += u64::from(is_after_kill);
        if !is_right {
            problems.push(format!("a connection that begins twice, or ends without a beginning: {event}"));
        }
    }
    say(&format!("\n{after_kills} connections were ended by a kill, and told of with `server_restart`"));
    if !open.is_empty() {
        problems.push(format!("{} connections without an end, such as {:?}", open.len(), open.first()));
    }
    if after_kills == 0 {
        problems.push("no connection was ended by a kill".to_owned());
    }
}

/// Everything that the buffers have accepted is delivered, and in the table: an output once. At most so many messages have
/// `repeated` an output that was there.
fn judge_accounts(accounts: &[Account], table: &Place, repeated: u64, problems: &mut Vec<String>) {
    say("");
    for account in accounts {
        let (accepted, delivered) = (account.count("in"), account.count("delivered"));
        say(&format!("{:<26}{accepted:>12} accepted{delivered:>12} delivered", account.name));
        if accepted != delivered {
            problems.push(format!("{}: not everything is delivered: {}", account.name, account.ledger));
        }
        let (arrivals, repeated) = match account.name.as_str() {
            "messages/database" => (&table.messages, repeated),
            "events/database" => (&table.events, 0),
            _ => continue,
        };
        if arrivals.total != arrivals.outputs() {
            problems.push(format!("{}: an output is there more than once", account.name));
        }
        // What was delivered in the moment before a kill may not have been on disk yet.
        if arrivals.outputs() + repeated < accepted {
            problems.push(format!("{}: {} outputs in the table", account.name, arrivals.outputs()));
        }
    }
}
