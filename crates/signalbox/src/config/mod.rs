//! The configuration: flags over environment over file over defaults, every value checked before anything starts.

mod auth;
mod connector;
mod listener;
mod node;
mod options;
mod problem;
mod secret;
mod section;
mod setting;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use auth::{
    Authenticator, AuthorizerKind, CertificateAuthenticator, CertificateName, HashKind, HttpAuthenticator,
    HttpAuthorizer, HttpEncoding, HttpMethod, JwtAuthenticator, OnFailure, PostgresAuthenticator, SaltPosition,
    TokenFrom,
};
pub(crate) use connector::Connector;
pub(crate) use listener::{ListenerTables, TlsTables, Transport};
pub(crate) use options::{
    AckAfter, Anonymous, Audit, Auth, ClientId, DeadLetters, DeniedSubscribe, Durability, Flapping, History,
    HistoryStore, Http, Jq, Limits, Listener, Log, LogFormat, Mqtt, NoMatch, Rates, Retention, Root, Rules,
    SessionStore, Sys, TlsVersion, VerifyClients,
};
pub(crate) use problem::{Code, Place, Problem, Source};
pub(crate) use section::{Origin, Override, Shown};
pub(crate) use setting::Setting;
pub(crate) use show::{show_json, show_text};

use actions::{Connectors, Secrets, Sources};
use node::Node;
use secret::Environment;
use section::{Layers, join};

/// The file that is read when none is named and it is there.
pub(crate) const DEFAULT_FILE: &str = "signalbox.toml";

/// What every environment variable of ours begins with.
const ENVIRONMENT_PREFIX: &str = "SIGNALBOX_";

/// The sections of the file below its top.
const SECTIONS: &[&str] = &[
    "listeners",
    "mqtt",
    "client_id",
    "sys",
    "durability",
    "limits",
    "flapping",
    "http",
    "auth",
    "rules",
    "audit",
    "history",
    "log",
    "connectors",
    "sources",
];

/// The whole configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// The top of the file.
    pub(crate) root: Root,
    /// The listeners by name.
    pub(crate) listeners: BTreeMap<String, ListenerTables>,
    /// What MQTT leaves to a server.
    pub(crate) mqtt: Mqtt,
    /// What a client may call itself.
    pub(crate) client_id: ClientId,
    /// What the broker publishes about itself.
    pub(crate) sys: Sys,
    /// What survives a restart.
    pub(crate) durability: Durability,
    /// What clients may use up.
    pub(crate) limits: Limits,
    /// When clients that come and go are banned.
    pub(crate) flapping: Flapping,
    /// What may come from one client.
    pub(crate) client_rates: Rates,
    /// What may come from one address.
    pub(crate) address_rates: Rates,
    /// API, metrics and health.
    pub(crate) http: Http,
    /// Who may connect.
    pub(crate) auth: Auth,
    /// Who is asked about clients beside the users file, by name, in the order of the file.
    pub(crate) authenticators: Vec<(String, Authenticator)>,
    /// Who is asked what clients may do beside the ACL file, by name, in the order of the file.
    pub(crate) authorizers: Vec<(String, HttpAuthorizer)>,
    /// How far rules may go.
    pub(crate) rules: Rules,
    /// What is kept of outputs that were given up.
    pub(crate) dead_letters: DeadLetters,
    /// The function `jq` of rules.
    pub(crate) jq: Jq,
    /// What is kept of who changed what.
    pub(crate) audit: Audit,
    /// The history.
    pub(crate) history: History,
    /// How much of it is kept.
    pub(crate) retention: Retention,
    /// The log.
    pub(crate) log: Log,
    /// The ways out.
    pub(crate) connectors: Vec<Connector>,
    /// The ways in.
    sources: Vec<Connector>,
    /// The file, where there is one.
    pub(crate) source: Option<Source>,
    /// Every option, for `config show`.
    pub(crate) shown: Vec<Shown>,
}

/// What is wrong with a configuration, ready to be told.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The file, where there is one.
    pub(crate) source: Option<Source>,
    /// At least one problem.
    pub(crate) problems: Vec<Problem>,
}

impl Refused {
    /// All problems, one below the other.
    pub(crate) fn render(&self) -> String {
        let texts: Vec<String> = self.problems.iter().map(|problem| problem.render(self.source.as_ref())).collect();
        texts.join("\n\n")
    }
}

/// Where the values come from.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// `--config FILE`.
    pub(crate) file: Option<PathBuf>,
    /// What other flags set, such as `http.bind`.
    pub(crate) flags: Vec<Override>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Given {
    /// The environment of this process; values that are not UTF-8 are left out.
    pub(crate) fn of_process(file: Option<PathBuf>, flags: Vec<Override>) -> Given {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Given { file, flags, environment }
    }
}

impl Config {
    /// Reads the configuration, or tells everything that is wrong with it.
    pub(crate) fn load(given: &Given) -> Result<Config, Refused> {
        let source = read_file(given).map_err(|problem| Refused { source: None, problems: vec![problem] })?;
        let base = base_of(given);
        let root = match source.as_ref().map(|source| Node::parse(&source.text)) {
            Some(Ok(root)) => root,
            Some(Err(problems)) => return Err(Refused { source, problems }),
            None => Node::empty(),
        };
        let overrides = overrides(given, &root);
        let layers = Layers { source, root, overrides, base, problems: Vec::new(), shown: Vec::new() };
        read_sections(layers, &|name| given.environment.get(name).cloned())
    }

    /// The connectors, ready for actions; or what is wrong with their options.
    pub(crate) fn connectors(&self) -> Result<Connectors, Refused> {
        connector::build(&self.connectors).map_err(|problems| Refused { source: self.source.clone(), problems })
    }

    /// Reads `${env:...}` and `${file:...}` in what is made over the API, as in the file.
    #[expect(clippy::disallowed_methods, reason = "the environment is read anew, as secrets may have changed")]
    pub(crate) fn secrets(&self) -> Secrets {
        let file = self.source.as_ref().map(|source| PathBuf::from(&source.name));
        let base = file.and_then(|file| file.parent().map(Path::to_path_buf)).unwrap_or_default();
        Arc::new(move |text| {
            let read = secret::expand_text(text, &base, &|name| std::env::var(name).ok());
            read.map_err(|problem| problem.message)
        })
    }

    /// The sources, ready to listen by these connectors; or what is wrong with their options.
    pub(crate) fn sources(&self, connectors: &Connectors) -> Result<Sources, Refused> {
        let sources = connector::build_sources(&self.sources, connectors);
        sources.map_err(|problems| Refused { source: self.source.clone(), problems })
    }

    /// Whether somebody set an option, or it is the default.
    pub(crate) fn is_set(&self, path: &str) -> bool {
        self.shown.iter().any(|option| join(&option.table, &option.key) == path && option.origin != Origin::Default)
    }
}

fn read_sections(mut layers: Layers, environment: Environment<'_>) -> Result<Config, Refused> {
    let root = layers.section("", SECTIONS);
    let mut names = layers.names_below("listeners");
    if !names.iter().any(|name| name == "default") {
        names.insert(0, "default".to_owned());
    }
    let mut listeners = BTreeMap::new();
    for name in names {
        let tables = ListenerTables::read(&mut layers, &join("listeners", &name));
        listeners.insert(name, tables);
    }
    let mqtt = layers.section("mqtt", &[]);
    let client_id = layers.section("client_id", &[]);
    let sys = layers.section("sys", &[]);
    let durability = layers.section("durability", &[]);
    let limits = layers.section("limits", &["client", "address"]);
    let flapping = layers.section("flapping", &[]);
    let client_rates = layers.section("limits.client", &[]);
    let address_rates = layers.section("limits.address", &[]);
    let http = layers.section("http", &[]);
    layers.expand_secrets("auth", environment);
    let auth = layers.section("auth", &["authenticators", "authorizers"]);
    let authenticators = auth::read(&mut layers);
    let authorizers = auth::read_authorizers(&mut layers);
    let rules = layers.section("rules", &["dead_letters", "jq"]);
    let dead_letters = layers.section("rules.dead_letters", &[]);
    let jq = layers.section("rules.jq", &[]);
    let audit = layers.section("audit", &[]);
    let history = layers.section("history", &["retention"]);
    let retention = layers.section("history.retention", &[]);
    let log = layers.section("log", &[]);
    let connectors = connector::read(&mut layers, "connectors", environment);
    let sources = connector::read(&mut layers, "sources", environment);
    let Layers { source, problems, shown, .. } = layers;
    if !problems.is_empty() {
        return Err(Refused { source, problems });
    }
    Ok(Config {
        root,
        listeners,
        mqtt,
        client_id,
        sys,
        durability,
        limits,
        flapping,
        client_rates,
        address_rates,
        http,
        auth,
        authenticators,
        authorizers,
        rules,
        dead_letters,
        jq,
        audit,
        history,
        retention,
        log,
        connectors,
        sources,
        source,
        shown,
    })
}

fn read_file(given: &Given) -> Result<Option<Source>, Problem> {
    let (path, is_named) = match named_file(given) {
        Some(path) => (path, true),
        None => (PathBuf::from(DEFAULT_FILE), false),
    };
    match std::fs::read(&path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Source { name: path.display().to_string(), text })),
            Err(_not_text) => {
                Err(Problem::at(Code::Syntax, Place::Nowhere, format!("`{}` is not UTF-8 text", path.display())))
            }
        },
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(cause) => Err(Problem::at(
            Code::Syntax,
            Place::Nowhere,
            format!("the configuration `{}` cannot be read: {cause}", path.display()),
        )
        .with_help(Some("name another with `--config FILE`".to_owned()))),
    }
}

fn named_file(given: &Given) -> Option<PathBuf> {
    given.file.clone().or_else(|| given.environment.get("SIGNALBOX_CONFIG").map(PathBuf::from))
}

/// Where relative paths begin: beside the configuration file.
fn base_of(given: &Given) -> PathBuf {
    named_file(given).and_then(|file| file.parent().map(Path::to_path_buf)).unwrap_or_default()
}

/// What flags and environment set. `SIGNALBOX_HTTP_BIND` is `http.bind`; a name that is no option of ours is left alone,
/// since container platforms make up variables of this form.
fn overrides(given: &Given, root: &Node) -> Vec<Override> {
    let mut overrides = given.flags.clone();
    let paths = option_paths(root);
    for (name, text) in &given.environment {
        let Some(words) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        let words = words.to_lowercase();
        if let Some(path) = paths.iter().find(|path| path.replace(['.', '-'], "_") == words) {
            let origin = Origin::Environment(name.clone());
            overrides.push(Override { path: path.clone(), text: text.clone(), origin });
        }
    }
    overrides
}

/// The dotted paths of all options, those of the listeners that the file names included.
fn option_paths(root: &Node) -> Vec<String> {
    use section::{Declared, Section};
    let mut listeners: Vec<String> = root
        .get("listeners")
        .map(|entry| entry.node.entries().iter().map(|listener| listener.key.clone()).collect())
        .unwrap_or_default();
    listeners.push("default".to_owned());
    let below = |table: &str, options: &'static [Declared]| {
        options.iter().map(|option| join(table, option.key)).collect::<Vec<String>>()
    };
    let mut paths = below("", Root::OPTIONS);
    for name in listeners {
        paths.extend(ListenerTables::option_paths(&join("listeners", &name)));
    }
    paths.extend(below("mqtt", Mqtt::OPTIONS));
    paths.extend(below("client_id", ClientId::OPTIONS));
    paths.extend(below("sys", Sys::OPTIONS));
    paths.extend(below("durability", Durability::OPTIONS));
    paths.extend(below("limits", Limits::OPTIONS));
    paths.extend(below("flapping", Flapping::OPTIONS));
    paths.extend(below("limits.client", Rates::OPTIONS));
    paths.extend(below("limits.address", Rates::OPTIONS));
    paths.extend(below("http", Http::OPTIONS));
    paths.extend(below("auth", Auth::OPTIONS));
    paths.extend(below("rules", Rules::OPTIONS));
    paths.extend(below("rules.dead_letters", DeadLetters::OPTIONS));
    paths.extend(below("rules.jq", Jq::OPTIONS));
    paths.extend(below("audit", Audit::OPTIONS));
    paths.extend(below("history", History::OPTIONS));
    paths.extend(below("history.retention", Retention::OPTIONS));
    paths.extend(below("log", Log::OPTIONS));
    paths
}

#[cfg(test)]
mod tests;
