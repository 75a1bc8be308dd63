//! Actions of EMQX as ours: what they become, what they need, and in what they differ.

use bytestring::ByteString;
use events::Type;
use serde_json::{Map, Value};
use toml::Table;

use super::export::{Export, ForeignAction};
use super::template::{has_placeholder, translated};

/// What NULL becomes in EMQX where a text is made of it.
const UNDEFINED: &str = "a variable that is NULL rejects the output; EMQX writes `undefined`";

/// What becomes of an action.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It is this one here, an entry of `[[actions]]`.
    Here {
        entry: Table,
        /// The connector that it uses, which has to be in the configuration.
        connector: Option<(String, Table)>,
    },
    /// There is such a kind, but its settings are not in the export.
    NotInExport,
    /// There is no such kind here yet.
    NotThere,
}

/// An action, translated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Translated {
    pub(super) outcome: Outcome,
    /// In what it differs.
    pub(super) notes: Vec<String>,
}

/// Translates an action of a rule whose rows have these fields; `None` where only an event can tell.
pub(super) fn action(action: &ForeignAction, export: &Export, fields: Option<&[(ByteString, Type)]>) -> Translated {
    let mut notes = Vec::new();
    let outcome = match action {
        ForeignAction::Function { name, args } if name == "republish" => republish(args, fields, &mut notes),
        ForeignAction::Function { name, .. } if name == "console" => {
            notes.push("EMQX prints the output with its surroundings; here it is a line of JSON".to_owned());
            here(single("console", toml::Value::Table(Table::new())), None)
        }
        ForeignAction::Function { .. } | ForeignAction::Unreadable(_) => Outcome::NotThere,
        ForeignAction::Reference { kind, name } => match translation(kind) {
            Some(translate) => of_reference((kind, name), export, translate, &mut notes),
            None => Outcome::NotThere,
        },
    };
    Translated { outcome, notes }
}

/// An action with its connector, as the export has them.
struct Found<'x> {
    /// What the connector is called here.
    connector_name: String,
    connector: &'x Value,
    /// What belongs to the action.
    parameters: &'x Value,
}

/// Makes the options of an action and the connector.
type Translate = fn(&Found<'_>, &mut Vec<String>) -> (Table, Table);

fn translation(kind: &str) -> Option<Translate> {
    match kind {
        "http" | "webhook" => Some(http),
        // These speak PostgreSQL's protocol, and EMQX talks to them as to one.
        "pgsql" | "timescale" | "matrix" | "alloydb" | "cockroachdb" => Some(pgsql),
        "mqtt" => Some(mqtt),
        "disk_log" => Some(disk_log),
        _ => None,
    }
}

/// An action that stands in the export under its kind and name, made into an entry and a connector.
fn of_reference((kind, name): (&str, &str), export: &Export, translate: Translate, notes: &mut Vec<String>) -> Outcome {
    let Some(action) = export.actions.get(&format!("{kind}:{name}")) else { return Outcome::NotInExport };
    let their_name = action.get("connector").and_then(Value::as_str);
    let connector = their_name.and_then(|their_name| export.connectors.get(&format!("{kind}:{their_name}")));
    if let (Some(their_name), None) = (their_name, connector) {
        notes.push(format!("the connector `{their_name}` is not in the export; its address is made up"));
    }
    let found = Found {
        connector_name: connector_name(kind, their_name.unwrap_or(name), export),
        // Before connectors were things of their own, a bridge had all of it in one.
        connector: connector.unwrap_or(action),
        parameters: action.get("parameters").unwrap_or(action),
    };
    let (options, connector) = translate(&found, notes);
    let mut entry = single("connector", found.connector_name.as_str().into());
    entry.extend(options);
    if action.get("enable") == Some(&Value::Bool(false)) {
        notes.push("the action is switched off, here as there".to_owned());
        entry.insert("enabled".to_owned(), false.into());
    }
    if found.connector.get("enable") == Some(&Value::Bool(false)) && their_name.is_some() {
        notes.push("the connector is switched off there; here it is not".to_owned());
    }
    if action.get("fallback_actions").and_then(Value::as_array).is_some_and(|fallbacks| !fallbacks.is_empty()) {
        notes.push("fallback_actions: write them as actions of the rule, and name one in `fallback`".to_owned());
    }
    here(entry, Some((found.connector_name, connector)))
}

/// The name of a connector of theirs here, where connectors of all kinds share their names.
fn connector_name(kind: &str, name: &str, export: &Export) -> String {
    let bridges = export.actions.iter().filter(|(_, action)| action.get("connector").is_none());
    let mut others = export.connectors.keys().chain(bridges.map(|(id, _)| id)).filter_map(|id| id.split_once(':'));
    let is_shared = others.any(|(other, taken)| taken == name && other != kind && translation(other).is_some());
    if is_shared { format!("{name}_{kind}") } else { name.to_owned() }
}

fn here(entry: Table, connector: Option<(String, Table)>) -> Outcome {
    Outcome::Here { entry, connector }
}

fn single(key: &str, value: toml::Value) -> Table {
    [(key.to_owned(), value)].into_iter().collect()
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `republish`: its defaults are templates over what the rule may not select.
fn republish(args: &Map<String, Value>, fields: Option<&[(ByteString, Type)]>, notes: &mut Vec<String>) -> Outcome {
    let may_select = |name: &str| fields.is_none_or(|fields| fields.iter().any(|(field, _)| *field == name));
    let mut options = Table::new();
    if let Some(topic) = text(args.get("topic")) {
        if has_placeholder(topic) {
            notes.push(format!("topic: {UNDEFINED}"));
        }
        options.insert("topic".to_owned(), translated(topic, notes).into());
    }
    // An empty payload is the whole row, which is the default here.
    match args.get("payload").and_then(Value::as_str) {
        Some("" | "${.}" | "${}") => {}
        Some(payload) => {
            options.insert("payload".to_owned(), translated(payload, notes).into());
        }
        None if may_select("payload") => {
            options.insert("payload".to_owned(), "${payload}".into());
        }
        None => notes.push("payload: the rule selects none, so it is the row; EMQX publishes `undefined`".to_owned()),
    }
    if let Some(qos) = constant(args.get("qos"), "qos", may_select("qos").then_some("${qos:-0}"), notes) {
        options.insert("qos".to_owned(), qos);
    }
    if let Some(retain) =
        constant(args.get("retain"), "retain", may_select("retain").then_some("${retain:-false}"), notes)
    {
        options.insert("retain".to_owned(), retain);
    }
    let properties = properties(args.get("mqtt_properties"), notes);
    if !properties.is_empty() {
        options.insert("properties".to_owned(), properties.into());
    }
    match text(args.get("user_properties")) {
        None if fields.is_some_and(|_| may_select("user_properties")) => {
            options.insert("user_properties".to_owned(), "${user_properties}".into());
        }
        None => {}
        Some(copied) if copied.contains("pub_props") && !may_select("pub_props") => {
            notes.push("user_properties: select `pub_props` in the rule; EMQX copies them of the message".to_owned());
        }
        Some(variable) => {
            options.insert("user_properties".to_owned(), variable.into());
        }
    }
    if args.get("direct_dispatch").is_some_and(|value| *value != Value::Bool(false)) {
        notes.push("direct_dispatch: here the message takes the way of every message, rules included".to_owned());
    }
    here(single("republish", options.into()), None)
}

/// A number or boolean, or the template that makes one; `default` where nothing is said.
fn constant(value: Option<&Value>, name: &str, default: Option<&str>, notes: &mut Vec<String>) -> Option<toml::Value> {
    match value {
        Some(Value::Bool(flag)) => Some((*flag).into()),
        Some(Value::Number(number)) => number.as_i64().map(toml::Value::Integer),
        Some(Value::String(template)) if *template != format!("${{{name}}}") => {
            Some(translated(template, notes).into())
        }
        Some(_) | None => default.map(Into::into),
    }
}

fn properties(value: Option<&Value>, notes: &mut Vec<String>) -> Table {
    let mut properties = Table::new();
    for (name, value) in value.and_then(Value::as_object).into_iter().flatten() {
        let ours = name.to_ascii_lowercase().replace('-', "_");
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        properties.insert(ours, translated(&value, notes).into());
    }
    properties
}

fn http(found: &Found<'_>, notes: &mut Vec<String>) -> (Table, Table) {
    let url = without_user(text(found.connector.get("url")).unwrap_or("https://example.com"), notes);
    // A bridge may have placeholders behind its host, which belong to the action here.
    let (url, path_of_url) = if has_placeholder(&url) { split_path(&url) } else { (url.as_str(), "") };
    let mut entry = Table::new();
    let mut connector = single("kind", "http".into());
    connector.insert("url".to_owned(), url.into());
    let mut own = Table::new();
    let headers = headers(found.connector.get("headers"), &mut |name, value| {
        if has_placeholder(value) {
            own.insert(name.to_owned(), translated(value, notes).into());
            return None;
        }
        Some(if is_secret(name) { variable(&found.connector_name, name) } else { value.to_owned() })
    });
    if !headers.is_empty() {
        connector.insert("headers".to_owned(), headers.into());
    }
    if found.connector.get("oauth2").is_some_and(|oauth2| oauth2.get("enable") != Some(&Value::Bool(false))) {
        notes.push(
            "oauth2: not taken over; write `oauth2 = { token_url, client_id, client_secret }` into the connector"
                .to_owned(),
        );
    }
    note_certificates(found.connector, url.starts_with("https:"), notes);
    let parameters = found.parameters;
    let method = text(parameters.get("method")).unwrap_or("post").to_ascii_uppercase();
    if method != "POST" {
        entry.insert("method".to_owned(), method.into());
    }
    let path = format!("{path_of_url}{}", text(parameters.get("path")).unwrap_or_default());
    if !path.is_empty() {
        if has_placeholder(&path) {
            notes.push(format!("path: values are percent-encoded, and {UNDEFINED}"));
        }
        entry.insert("path".to_owned(), translated(&path, notes).into());
    }
    if !std::ptr::eq(parameters, found.connector) {
        own.extend(self::headers(parameters.get("headers"), &mut |name, value| {
            if is_secret(name) && !has_placeholder(value) {
                notes.push(format!(
                    "header {name}: a secret is not copied; it belongs to the `headers` of the connector"
                ));
                return None;
            }
            Some(translated(value, notes))
        }));
    }
    if !own.is_empty() {
        entry.insert("headers".to_owned(), own.into());
    }
    if let Some(body) = text(parameters.get("body")) {
        entry.insert("body".to_owned(), translated(body, notes).into());
    }
    notes.push("408, 425 and 5xx are tried again, too; EMQX gives them up but for 429 and 503".to_owned());
    (entry, connector)
}

/// An address up to its host, and what stands behind that.
fn split_path(url: &str) -> (&str, &str) {
    let host_at = url.find("://").map_or(0, |at| at + "://".len());
    let behind_scheme = url.get(host_at..).unwrap_or_default();
    let path_at = behind_scheme.find(['/', '?']).map(|at| host_at + at);
    path_at.and_then(|at| url.split_at_checked(at)).unwrap_or((url, ""))
}

/// Says what becomes of the certificates of a connector, which are files over there.
fn note_certificates(connector: &Value, is_tls: bool, notes: &mut Vec<String>) {
    let of_ssl = |name: &str| connector.get("ssl").and_then(|ssl| text(ssl.get(name)));
    if !is_tls {
        return;
    }
    if let Some(file) = of_ssl("cacertfile") {
        notes.push(format!("ssl: the authorities of `{file}` belong into `ca_pem` of the connector"));
    }
    if of_ssl("certfile").is_some() {
        notes.push("ssl: no certificate of ours is shown to the other side".to_owned());
    }
}

/// Headers of the connection, which are the client's business.
pub(super) const OF_CONNECTION: [&str; 4] = ["connection", "keep-alive", "cache-control", "accept"];

/// The headers that are worth saying.
fn headers(value: Option<&Value>, translate: &mut dyn FnMut(&str, &str) -> Option<String>) -> Table {
    let headers = value.and_then(Value::as_object).into_iter().flatten();
    let said = headers.filter(|(name, _)| !OF_CONNECTION.contains(&name.to_ascii_lowercase().as_str()));
    said.filter_map(|(name, value)| Some((name.clone(), translate(name, value.as_str()?)?.into()))).collect()
}

/// Whether a header is one of those that hold secrets, which do not go from one file into the next.
fn is_secret(header: &str) -> bool {
    const PARTS: [&str; 6] = ["auth", "cookie", "key", "password", "secret", "token"];
    let header = header.to_ascii_lowercase();
    PARTS.iter().any(|part| header.contains(part))
}

/// The address without the name and password that may stand before its host.
fn without_user(url: &str, notes: &mut Vec<String>) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split_once(['/', '?', '#']).map_or(rest, |(authority, _)| authority);
    let Some((user, _)) = authority.rsplit_once('@') else { return url.to_owned() };
    notes.push("url: its user and password are not copied; they belong to the header `authorization`".to_owned());
    let rest = rest.strip_prefix(user).unwrap_or(rest).trim_start_matches('@');
    format!("{scheme}://{rest}")
}

/// `${env:HOOK_AUTHORIZATION}`.
fn variable(connector: &str, what: &str) -> String {
    let name = format!("{connector}_{what}").to_ascii_uppercase();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("${{env:{name}}}")
}

/// What EMQX inserts where an action names no statement.
pub(super) const PGSQL_DEFAULT: &str = "INSERT INTO t_mqtt_msg (msgid, topic, qos, payload, arrived) \
     VALUES (${id}, ${topic}, ${qos}, ${payload}, to_timestamp(${timestamp}::bigint / 1000))";

fn pgsql(found: &Found<'_>, notes: &mut Vec<String>) -> (Table, Table) {
    let mut connector = Table::new();
    connector.insert("kind".to_owned(), "postgres".into());
    connector.insert("url".to_owned(), postgres_url(found.connector).into());
    if found.connector.get("password").is_some() {
        connector.insert("password".to_owned(), variable(&found.connector_name, "password").into());
    }
    if found.connector.pointer("/ssl/enable") == Some(&Value::Bool(true)) {
        note_certificates(found.connector, true, notes);
        let verifies = found.connector.pointer("/ssl/verify").and_then(Value::as_str) == Some("verify_peer");
        connector.insert("tls".to_owned(), if verifies { "verify_full" } else { "require" }.into());
    }
    let sql = text(found.parameters.get("sql")).unwrap_or(PGSQL_DEFAULT);
    notes.push("one bad row does not take its batch with it; JSON `null` is NULL, not the text `null`".to_owned());
    (single("sql", translated(sql, notes).into()), connector)
}

/// Another broker.
fn mqtt(found: &Found<'_>, notes: &mut Vec<String>) -> (Table, Table) {
    let is_tls = found.connector.pointer("/ssl/enable") == Some(&Value::Bool(true));
    let server = text(found.connector.get("server")).unwrap_or("localhost");
    // Its port is 1883 there with TLS, too.
    let port = if server.contains(':') { "" } else { ":1883" };
    let mut connector = single("kind", "mqtt".into());
    connector.insert("url".to_owned(), format!("{}://{server}{port}", if is_tls { "mqtts" } else { "mqtt" }).into());
    for name in ["username", "password"] {
        if found.connector.get(name).is_some() {
            connector.insert(name.to_owned(), variable(&found.connector_name, name).into());
        }
    }
    let of_ssl = |name: &str| found.connector.get("ssl").and_then(|ssl| text(ssl.get(name))).filter(|_| is_tls);
    for (theirs, ours) in [("cacertfile", "ca_pem"), ("certfile", "cert_pem"), ("keyfile", "key_pem")] {
        if let Some(file) = of_ssl(theirs) {
            notes.push(format!("ssl: what stands in `{file}` belongs into `{ours}` of the connector"));
        }
    }
    if text(found.connector.get("proto_ver")) != Some("v5") {
        notes.push("proto_ver: the other broker has to speak MQTT 5".to_owned());
    }
    // Before 5.3 a bridge had both ways in one.
    let parameters = found.parameters.pointer("/egress/remote").unwrap_or(found.parameters);
    let mut entry = Table::new();
    if let Some(topic) = text(parameters.get("topic")) {
        entry.insert("topic".to_owned(), translated(topic, notes).into());
        if has_placeholder(topic) {
            notes.push("topic: a variable that is NULL rejects the output; in EMQX it is empty".to_owned());
        }
    }
    if let Some(payload) = text(parameters.get("payload")).filter(|payload| !is_whole_row(payload)) {
        entry.insert("payload".to_owned(), translated(payload, notes).into());
    }
    for (name, default) in [("qos", "1"), ("retain", "false")] {
        match constant(parameters.get(name), name, None, notes) {
            Some(value) => drop(entry.insert(name.to_owned(), value)),
            None => notes.push(format!("{name}: here it is {default}; EMQX takes that of the row")),
        }
    }
    (entry, connector)
}

/// A log on the disk.
fn disk_log(found: &Found<'_>, notes: &mut Vec<String>) -> (Table, Table) {
    let place = text(found.connector.get("filepath")).unwrap_or("signalbox.log");
    let (dir, file) = match place.rsplit_once('/') {
        Some(("", file)) => ("/", file),
        Some((dir, file)) => (dir, file),
        None => (".", place),
    };
    let mut connector = single("kind", "file".into());
    connector.insert("dir".to_owned(), dir.into());
    let size = match found.connector.get("max_file_size") {
        Some(Value::Number(bytes)) => Some(format!("{bytes}B")),
        // Their units are powers of 1,024, too.
        Some(Value::String(size)) => {
            Some(size.to_ascii_uppercase().replace("KB", "KiB").replace("MB", "MiB").replace("GB", "GiB"))
        }
        Some(_) | None => None,
    };
    if let Some(size) = size {
        connector.insert("rotate_size".to_owned(), size.into());
    }
    if let Some(files) = found.connector.get("max_file_number").and_then(Value::as_i64) {
        // The file that is written to counts there.
        connector.insert("keep".to_owned(), files.saturating_sub(1).clamp(0, 1_000).into());
    }
    let mut entry = single("path", format!("{}.log", translated(file.trim_end_matches(".log"), notes)).into());
    notes.push("files: the youngest has the name itself, and older ones `.1` and so on behind it".to_owned());
    if let Some(line) = text(found.parameters.get("template")).filter(|line| !is_whole_row(line)) {
        notes.push(format!("template: {UNDEFINED}"));
        entry.insert("line".to_owned(), translated(line, notes).into());
    }
    (entry, connector)
}

fn is_whole_row(template: &str) -> bool {
    matches!(template, "${.}" | "${}")
}

/// The address of a database of theirs, without the password.
pub(super) fn postgres_url(connector: &Value) -> String {
    let part = |name: &str, literal: &str| text(connector.get(name)).map(|text| percent_encoded(text, literal));
    let user = part("username", "").map(|user| format!("{user}@")).unwrap_or_default();
    let server = part("server", ":[]").unwrap_or_else(|| "localhost:5432".to_owned());
    let database = part("database", "").unwrap_or_else(|| "postgres".to_owned());
    format!("postgres://{user}{server}/{database}")
}

/// Text as a part of a URL; the characters of `literal` stand for themselves, too (RFC 3986, section 2).
fn percent_encoded(text: &str, literal: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || "-._~".contains(character) || literal.contains(character) {
            out.push(character);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_connector_or_an_action_is_copied() {
        let export = Export::read(
            br#"{
                "rules": [{ "id": "r", "sql": "SELECT 1 FROM \"t\"" }],
                "actions": { "http": { "h": { "connector": "c", "parameters": {
                    "path": "/p", "headers": { "Authorization": "SECRET", "x-token": "${token}", "x-site": "7" }
                } } } },
                "connectors": { "http": { "c": {
                    "url": "https://user:SECRET@example.com:8443/a@b", "headers": { "X-Auth-Token": "SECRET", "cookie": "SECRET" }
                } } }
            }"#,
        )
        .unwrap();
        let reference = ForeignAction::Reference { kind: "http".to_owned(), name: "h".to_owned() };
        let translated = action(&reference, &export, None);
        assert!(!format!("{translated:?}").contains("SECRET"), "{translated:?}");
        let Outcome::Here { entry, connector: Some((_, connector)) } = &translated.outcome else {
            panic!("{translated:?}")
        };
        assert_eq!(connector["url"].as_str(), Some("https://example.com:8443/a@b"));
        assert_eq!(connector["headers"]["X-Auth-Token"].as_str(), Some("${env:C_X_AUTH_TOKEN}"));
        assert_eq!(entry["headers"].to_string(), "{ x-site = \"7\", x-token = \"${token}\" }");
        assert!(translated.notes.iter().any(|note| note.starts_with("header Authorization: a secret is not copied")));
    }
    fn connector_and_entry(kind: &str, export: &str) -> (Table, Table, Vec<String>) {
        let export = Export::read(export.as_bytes()).unwrap();
        let reference = ForeignAction::Reference { kind: kind.to_owned(), name: "a".to_owned() };
        let translated = action(&reference, &export, None);
        let Outcome::Here { entry, connector: Some((_, connector)) } = translated.outcome else {
            panic!("{translated:?}")
        };
        (connector, entry, translated.notes)
    }

    const RULE: &str = r#"rule_engine.rules.r { sql = "SELECT 1 FROM \"t\"" }"#;

    #[test]
    fn names_of_a_database_may_hold_what_ends_a_part_of_a_url() {
        let export = format!(
            "{RULE}\nactions.pgsql.a {{ connector = c }}\nconnectors.pgsql.c {{ server = \"[::1]:5433\", \
             username = \"ops@plant:a/b\", database = \"fleet #1?\", password = x }}"
        );
        let (connector, entry, _) = connector_and_entry("pgsql", &export);
        let url = "postgres://ops%40plant%3Aa%2Fb@[::1]:5433/fleet%20%231%3F";
        assert_eq!(connector["url"].as_str(), Some(url));
        assert!(entry["sql"].as_str().unwrap().contains("t_mqtt_msg"), "EMQX's default: {entry}");
        let without_user =
            format!("{RULE}\nactions.timescale.a {{ connector = c }}\nconnectors.timescale.c {{ server = h }}");
        assert_eq!(connector_and_entry("timescale", &without_user).0["url"].as_str(), Some("postgres://h/postgres"));
    }

    #[test]
    fn another_broker_and_a_log_are_taken_over() {
        let broker = format!(
            "{RULE}\nactions.mqtt.a {{ connector = c, parameters {{ topic = \"x/${{topic}}\", qos = 2, payload = \"${{.}}\" }} }}\n\
             connectors.mqtt.c {{ server = h, username = u, password = SECRET, ssl {{ enable = true, keyfile = k }} }}"
        );
        let (connector, entry, notes) = connector_and_entry("mqtt", &broker);
        assert_eq!(
            (connector["url"].as_str(), connector["password"].as_str()),
            (Some("mqtts://h:1883"), Some("${env:C_PASSWORD}"))
        );
        assert_eq!((entry["topic"].as_str(), entry["qos"].as_integer(), entry.len()), (Some("x/${topic}"), Some(2), 3));
        for note in ["`k` belongs into `key_pem`", "retain: here it is false", "speak MQTT 5"] {
            assert!(notes.iter().any(|said| said.contains(note)), "{note}: {notes:?}");
        }
        let log = format!(
            "{RULE}\nactions.disk_log.a {{ connector = c, parameters {{ template = \"${{clientid}}\" }} }}\n\
             connectors.disk_log.c {{ filepath = \"/var/log/rows\", max_file_size = 10MB, max_file_number = 7 }}"
        );
        let (connector, entry, _) = connector_and_entry("disk_log", &log);
        assert_eq!(
            (connector["dir"].as_str(), connector["rotate_size"].as_str(), connector["keep"].as_integer()),
            (Some("/var/log"), Some("10MiB"), Some(6))
        );
        assert_eq!((entry["path"].as_str(), entry["line"].as_str()), (Some("rows.log"), Some("${clientid}")));
    }

    #[test]
    fn what_a_bridge_fills_in_belongs_to_the_action() {
        let export = format!(
            "{RULE}\nbridges.webhook.a {{ url = \"https://h/p/${{clientid}}?q=${{qos}}\", \
             headers {{ x = \"${{topic}}\", y = \"7\" }}, ssl {{ enable = true, cacertfile = ca, certfile = c }} }}"
        );
        let (connector, entry, notes) = connector_and_entry("webhook", &export);
        assert_eq!((connector["url"].as_str(), connector["headers"]["y"].as_str()), (Some("https://h"), Some("7")));
        assert_eq!(entry["path"].as_str(), Some("/p/${clientid}?q=${qos}"));
        assert_eq!(entry["headers"].to_string(), "{ x = \"${topic}\" }");
        assert_eq!(notes.iter().filter(|note| note.starts_with("ssl: ")).count(), 2, "{notes:?}");
    }

    #[test]
    fn connectors_of_two_kinds_keep_apart_and_what_is_missing_is_said() {
        let export = format!(
            "{RULE}\nactions.http.a {{ connector = c, enable = false, fallback_actions = [{{kind = republish}}] }}\n\
             connectors {{ http.c {{ url = \"http://h\" }}, pgsql.c {{ server = h }} }}"
        );
        let (_, entry, notes) = connector_and_entry("http", &export);
        assert_eq!((entry["connector"].as_str(), entry["enabled"].as_bool()), (Some("c_http"), Some(false)));
        assert!(notes.iter().any(|note| note.starts_with("fallback_actions: ")), "{notes:?}");
        let missing = format!("{RULE}\nactions.http.a {{ connector = gone, parameters {{}} }}");
        let token = format!(
            "{RULE}\nactions.http.a {{ connector = c }}\nconnectors.http.c {{ url = \"http://h\", oauth2 {{}} }}"
        );
        let (_, _, notes) = connector_and_entry("http", &token);
        assert!(notes.iter().any(|note| note.starts_with("oauth2: not taken over")), "{notes:?}");
        let (_, _, notes) = connector_and_entry("http", &missing);
        assert!(notes.iter().any(|note| note.starts_with("the connector `gone` is not in the export")), "{notes:?}");
    }
}
