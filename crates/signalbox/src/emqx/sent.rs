//! What EMQX's tools send to the API, as entries of rules and tables of connectors. Options of ours pass as they are.

use actions::Kind;
use api::{Emqx, Fields};
use serde_json::{Map, Value};
use toml::Table;

use super::export::{Export, ForeignAction};
use super::translate::{self, Outcome, PGSQL_DEFAULT, postgres_url};

/// The readers for the API.
pub(crate) const SENT: Emqx = Emqx { function, action, kind, connector_kinds, action_kinds, connector };

/// What every object of EMQX has beside its options, and what the API tells of it.
const BESIDE: [&str; 17] = [
    "type",
    "name",
    "enable",
    "description",
    "tags",
    "connector",
    "parameters",
    "resource_opts",
    "status",
    "status_reason",
    "node_status",
    "rules",
    "actions",
    "sources",
    "source",
    "created_at",
    "last_modified_at",
];

/// Options of actions that belong to the buffer, in our words.
const OF_BUFFERS: [&str; 7] = ["buffer", "batch", "retry", "breaker", "in_flight", "rate_per_s", "order"];

/// Options of connectors that say how EMQX does it.
const HOW: [(&str, &[&str]); 3] = [
    ("http", &["pool_type", "pool_size", "enable_pipelining", "max_inactive", "max_retries", "retry_interval"]),
    ("postgres", &["server", "database", "auto_reconnect", "disable_prepared_statements", "application_name"]),
    (
        "mqtt",
        &[
            "server",
            "pool_size",
            "clientid_prefix",
            "static_clientids",
            "proto_ver",
            "bridge_mode",
            "clean_start",
            "keepalive",
            "retry_interval",
            "max_inflight",
        ],
    ),
];

fn kind(name: &str) -> Option<&'static str> {
    Kind::find(name).map(|kind| kind.name)
}

fn connector_kinds() -> Vec<&'static str> {
    actions::ALL.iter().filter(|kind| kind.needs_connector()).map(|kind| kind.name).collect()
}

fn action_kinds() -> Vec<&'static str> {
    actions::ALL.iter().map(|kind| kind.name).collect()
}

fn function(given: &Value, fields: Fields<'_>) -> Result<Table, String> {
    let function = ForeignAction::of(given);
    match translate::action(&function, &Export::default(), fields).outcome {
        Outcome::Here { entry, .. } => Ok(entry),
        Outcome::NotInExport | Outcome::NotThere => {
            Err(format!("there is no function `{}`; there are `republish` and `console`", function.id()))
        }
    }
}

fn action(kind: &str, given: &Map<String, Value>) -> Result<Table, String> {
    let mut parameters = table(given.get("parameters"))?;
    match kind {
        "http" => {
            if let Some(toml::Value::String(method)) = parameters.get_mut("method") {
                *method = method.to_ascii_uppercase();
            }
            parameters.remove("max_retries");
            drop_of_connection(&mut parameters);
        }
        "postgres" if !parameters.contains_key("sql") && !parameters.contains_key("table") => {
            parameters.insert("sql".to_owned(), PGSQL_DEFAULT.into());
        }
        _ => {}
    }
    let mut entry = resource_options(given.get("resource_opts"))?;
    match given.get("connector").and_then(Value::as_str) {
        Some(connector) => {
            entry.insert("connector".to_owned(), connector.into());
            entry.extend(parameters);
        }
        None => drop(entry.insert(kind.to_owned(), parameters.into())),
    }
    for (name, value) in given.iter().filter(|(name, _)| !BESIDE.contains(&name.as_str())) {
        match name.as_str() {
            "fallback_actions" if value.as_array().is_some_and(Vec::is_empty) => {}
            "fallback_actions" => {
                return Err("`fallback_actions`: write the action into the rule itself, with `fallback`".to_owned());
            }
            name if OF_BUFFERS.contains(&name) => drop(entry.insert(name.to_owned(), option(value)?)),
            _ => return Err(format!("unknown field `{name}` of an action; its options belong into `parameters`")),
        }
    }
    Ok(entry)
}

/// What EMQX says of buffers, in our words. What has no counterpart is how EMQX does it, and passed over.
fn resource_options(given: Option<&Value>) -> Result<Table, String> {
    let given = table(given)?;
    let (mut buffer, mut batch, mut entry) = (Table::new(), Table::new(), Table::new());
    for (name, value) in given {
        match (name.as_str(), value) {
            ("request_ttl", toml::Value::String(age)) if age == "infinity" => {}
            ("request_ttl", age) => drop(buffer.insert("max_age".to_owned(), age)),
            ("max_buffer_bytes", toml::Value::String(size)) => {
                drop(buffer.insert("max_bytes".to_owned(), binary_unit(&size).into()));
            }
            ("max_buffer_bytes", size) => drop(buffer.insert("max_bytes".to_owned(), size)),
            ("buffer_mode", toml::Value::String(mode)) => {
                let kind = if mode == "memory_only" { "memory" } else { "disk" };
                buffer.insert("kind".to_owned(), kind.into());
            }
            ("batch_size", size) => drop(batch.insert("size".to_owned(), size)),
            ("batch_time", time) => drop(batch.insert("time_ms".to_owned(), ms_of("batch_time", &time)?.into())),
            ("inflight_window", window) => drop(entry.insert("in_flight".to_owned(), window)),
            _ => {}
        }
    }
    for (name, options) in [("buffer", buffer), ("batch", batch)] {
        if !options.is_empty() {
            entry.insert(name.to_owned(), options.into());
        }
    }
    Ok(entry)
}

fn connector(kind: &str, given: &Map<String, Value>) -> Result<Table, String> {
    let own = given.iter().filter(|(name, _)| !BESIDE.contains(&name.as_str()));
    let own: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut options = table(Some(&Value::Object(own)))?;
    let ssl = options.remove("ssl").and_then(|ssl| ssl.try_into::<Table>().ok()).unwrap_or_default();
    let is_tls = ssl.get("enable").and_then(toml::Value::as_bool).unwrap_or(false);
    let server = options.get("server").and_then(toml::Value::as_str).map(str::to_owned);
    match (kind, server) {
        ("http", _) => drop_of_connection(&mut options),
        ("postgres", Some(_)) => {
            let verifies = ssl.get("verify").and_then(toml::Value::as_str) == Some("verify_peer");
            options.insert("url".to_owned(), postgres_url(&Value::Object(given.clone())).into());
            options.insert("tls".to_owned(), tls_of(is_tls, verifies).into());
            options.remove("username");
        }
        ("mqtt", Some(server)) => {
            let port = if server.contains(':') { "" } else { ":1883" };
            let scheme = if is_tls { "mqtts" } else { "mqtt" };
            options.insert("url".to_owned(), format!("{scheme}://{server}{port}").into());
        }
        _ => {}
    }
    let dropped = HOW.iter().filter(|(of, _)| *of == kind).flat_map(|(_, names)| *names);
    dropped.for_each(|name| drop(options.remove(*name)));
    if let Some(time) = options.remove("connect_timeout") {
        options.insert("connect_timeout_ms".to_owned(), ms_of("connect_timeout", &time)?.into());
    }
    if is_tls {
        take_certificates(kind, &ssl, &mut options);
    }
    options.insert("kind".to_owned(), kind.into());
    Ok(options)
}

/// A time of EMQX: with a unit, or in ms.
fn ms_of(name: &str, time: &toml::Value) -> Result<i64, String> {
    let ms = match time.as_str() {
        Some(text) => engine::measure(text, &engine::TIME_UNITS).and_then(|ms| i64::try_from(ms).ok()),
        None => time.as_integer(),
    };
    ms.ok_or_else(|| format!("expected a time such as `5s` for `{name}`, found `{time}`"))
}

fn take_certificates(kind: &str, ssl: &Table, options: &mut Table) {
    let names = match kind {
        "http" => [("cacertfile", "ca_pem"), ("certfile", "client_cert_pem"), ("keyfile", "client_key_pem")],
        _ => [("cacertfile", "ca_pem"), ("certfile", "cert_pem"), ("keyfile", "key_pem")],
    };
    for (theirs, ours) in names {
        if let Some(file) = ssl.get(theirs).and_then(toml::Value::as_str).filter(|file| !file.is_empty()) {
            options.insert(ours.to_owned(), pem_of(file).into());
        }
    }
}

/// A certificate stands in a file, or in the option itself.
fn pem_of(file: &str) -> String {
    if file.contains("-----BEGIN") { file.to_owned() } else { format!("${{file:{file}}}") }
}

const fn tls_of(is_tls: bool, verifies: bool) -> &'static str {
    match (is_tls, verifies) {
        (true, true) => "verify_full",
        (true, false) => "require",
        (false, _) => "disable",
    }
}

/// Headers that are the client's business.
fn drop_of_connection(options: &mut Table) {
    if let Some(toml::Value::Table(headers)) = options.get_mut("headers") {
        headers.retain(|name, _| !translate::OF_CONNECTION.contains(&name.to_ascii_lowercase().as_str()));
    }
}

/// EMQX counts in powers of 1,024, too.
fn binary_unit(size: &str) -> String {
    size.to_ascii_uppercase().replace("KB", "KiB").replace("MB", "MiB").replace("GB", "GiB")
}

fn table(given: Option<&Value>) -> Result<Table, String> {
    match given {
        None | Some(Value::Null) => Ok(Table::new()),
        Some(value @ Value::Object(_)) => option(value)?.try_into().map_err(|error: toml::de::Error| error.to_string()),
        Some(other) => Err(format!("expected an object of options, found `{other}`")),
    }
}

/// JSON as a value of options. What is null is not there.
fn option(value: &Value) -> Result<toml::Value, String> {
    let not_null = |value: &&Value| !value.is_null();
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| not_null(value));
            fields.map(|(name, value)| Ok((name.clone(), option(value)?))).collect::<Result<Table, _>>().map(Into::into)
        }
        Value::Array(items) => {
            items.iter().filter(not_null).map(option).collect::<Result<Vec<_>, _>>().map(toml::Value::Array)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            serde_json::from_value(value.clone()).map_err(|_| format!("expected a value of TOML, found `{value}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_emqx_sends_of_an_action_becomes_an_entry() {
        let given = object(
            r#"{"type":"http","name":"x","connector":"hook","enable":true,"description":"",
                "parameters":{"path":"/p/${clientid}","method":"post","headers":{"x-site":"7","connection":"keep-alive"},
                "max_retries":2,"body":null},
                "resource_opts":{"request_ttl":"45s","max_buffer_bytes":"256MB","batch_size":10,"batch_time":"20ms",
                "inflight_window":3,"health_check_interval":"15s","buffer_mode":"volatile_offload"}}"#,
        );
        let entry = action("http", &given).unwrap();
        let expected: Table = "connector = 'hook'\npath = '/p/${clientid}'\nmethod = 'POST'\nin_flight = 3\n\
             [headers]\nx-site = '7'\n[buffer]\nmax_age = '45s'\nmax_bytes = '256MiB'\nkind = 'disk'\n\
             [batch]\nsize = 10\ntime_ms = 20\n"
            .parse()
            .unwrap();
        assert_eq!(entry, expected);
        assert_eq!(action("console", &object("{}")).unwrap(), "console = {}".parse().unwrap());
        let default = action("postgres", &object(r#"{"connector":"c"}"#)).unwrap();
        assert_eq!(default["sql"].as_str(), Some(PGSQL_DEFAULT));
        for (wrong, said) in [
            (r#"{"path":"/x"}"#, "unknown field `path`"),
            (r#"{"fallback_actions":[{"kind":"reference"}]}"#, "`fallback`"),
            (r#"{"resource_opts":{"batch_time":"soon"}}"#, "found `\"soon\"`"),
            (r#"{"parameters":[]}"#, "expected an object"),
        ] {
            let error = action("http", &object(wrong)).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_emqx_sends_of_a_connector_becomes_its_table() {
        let http = r#"{"type":"http","name":"x","url":"https://h/p","headers":{"authorization":"s","keep-alive":"1"},
            "connect_timeout":"15s","pool_size":8,"pool_type":"random","enable_pipelining":100,
            "ssl":{"enable":true,"verify":"verify_peer","cacertfile":"/ca.pem"},"resource_opts":{}}"#;
        let expected: Table = "kind = 'http'\nurl = 'https://h/p'\nconnect_timeout_ms = 15000\n\
             ca_pem = '${file:/ca.pem}'\n[headers]\nauthorization = 's'\n"
            .parse()
            .unwrap();
        assert_eq!(connector("http", &object(http)).unwrap(), expected);
        let pgsql = r#"{"server":"db:5433","database":"fleet","username":"u","password":"${env:PW}","pool_size":2,
            "ssl":{"enable":true,"verify":"verify_peer"}}"#;
        let expected: Table = "kind = 'postgres'\nurl = 'postgres://u@db:5433/fleet'\npassword = '${env:PW}'\n\
             pool_size = 2\ntls = 'verify_full'\n"
            .parse()
            .unwrap();
        assert_eq!(connector("postgres", &object(pgsql)).unwrap(), expected);
        let ours = r#"{"url":"mqtt://h:1883","keep_alive_s":5}"#;
        assert_eq!(connector("mqtt", &object(ours)).unwrap().len(), 3, "options of ours pass");
    }
}
