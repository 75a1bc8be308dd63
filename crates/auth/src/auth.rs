//! The handle: chains of authenticators, sources of rules, and the files behind them as they stand.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytestring::ByteString;

use crate::acl::{Acl, Effect, Layer, Permissions, SUPERUSER};
use crate::authenticator::certificate::Certificate;
use crate::authenticator::http::Http;
use crate::authenticator::jwt::Jwt;
use crate::authenticator::postgres::Postgres;
use crate::authenticator::users::UsersSource;
use crate::authenticator::{Kind, OnFailure, Source, SourceStats};
use crate::authorizer::{Asked, Authorizer, Connected};
use crate::chain::{Chain, Walk};
use crate::clock::Clock;
use crate::config::{Anonymous, AuthConfig, AuthenticatorKind, NoMatch};
use crate::error::AuthError;
use crate::exchange::{self, Exchange};
use crate::identity::{Credentials, Decision, Identity};
use crate::password::random_key;
use crate::passwords::Passwords;
use crate::stored_rules::{RulesFile, StoredRule, StoredRules};
use crate::users::Users;
use crate::watched::Watched;

/// The authenticator that is always there: the users file.
const USERS: &str = "users";

/// How often it is looked whether a file has changed on disk.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who may connect, and what they may do. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Every authenticator, whether a chain has it or not.
    sources: Vec<Arc<Source>>,
    default_chain: Chain,
    /// The chains of listeners that have one of their own.
    chains: HashMap<String, Chain>,
    users: Option<Arc<Watched<Users>>>,
    stored: Option<Watched<StoredRules>>,
    acl: Option<Watched<Acl>>,
    authorizers: Arc<[Authorizer]>,
    no_match: NoMatch,
    acl_version: AtomicU64,
    open: Arc<Permissions>,
    /// What the challenges of users that are not there are made of.
    exchange_key: [u8; 32],
    clock: Clock,
}

impl Auth {
    /// Reads the files and checks the options; `dir` is where relative paths start. A broken file is an error here,
    /// and only here: later the content of before holds.
    pub fn open(config: &AuthConfig, dir: &Path) -> Result<Auth, AuthError> {
        let help = "make it with `signalbox users add NAME`";
        let users = config.users_file.as_ref();
        let users = users.map(|file| Watched::open("users file", file, (dir, help), Users::parse)).transpose()?;
        let help = "without `acl_file` in `[auth]` no file says what clients may do";
        let acl = config.acl_file.as_ref();
        let acl = acl.map(|file| Watched::open("ACL file", file, (dir, help), Acl::parse)).transpose()?;
        let help = "make it with `signalbox acl add`";
        let stored = config.rules_file.as_ref();
        let stored =
            stored.map(|file| Watched::open("rules file", file, (dir, help), StoredRules::parse)).transpose()?;
        let clock = Clock::new();
        let users = users.map(Arc::new);
        let passwords = Passwords::new(&config.limits, clock);
        let sources = sources(config, users.as_ref(), (&passwords, clock))?;
        let authorizers = config.authorizers.iter().map(|(name, options)| {
            let path = format!("auth.authorizers.{name}");
            Authorizer::new((name, &path), options, passwords.clone(), clock)
        });
        let authorizers = authorizers.collect::<Result<Vec<_>, _>>()?;
        let default_chain = chain(config, "auth.chain", (config.anonymous, &config.chain), &sources)?;
        let mut chains = HashMap::new();
        for (name, own) in &config.listeners {
            let names = own.chain.as_ref().unwrap_or(&config.chain);
            let option = format!("listeners.{name}.auth_chain");
            let chain = chain(config, &option, (own.anonymous.unwrap_or(config.anonymous), names), &sources)?;
            chains.insert(name.clone(), Chain { is_open: own.is_open, ..chain });
        }
        let auth = Auth(Arc::new(Inner {
            sources,
            default_chain,
            chains,
            users,
            stored,
            acl,
            authorizers: authorizers.into(),
            no_match: config.no_match,
            acl_version: AtomicU64::new(0),
            open: Arc::new(Permissions::open()),
            exchange_key: random_key(),
            clock,
        }));
        auth.tell_warnings();
        Ok(auth)
    }

    /// The decision where nobody has to be waited for: no password was given, these credentials were seen lately, a
    /// token can be checked at once. Otherwise `None`, and [`check`](Auth::check) decides. Takes some microseconds.
    pub fn check_fast(&self, credentials: &Credentials<'_>) -> Option<Decision> {
        let chain = self.chain(credentials.listener);
        if let Some(decision) = chain.decision_unasked(credentials) {
            return Some(decision);
        }
        let now = credentials.at;
        let mut walk = Walk::default();
        for source in &chain.sources {
            if let Some(decision) = walk.take(source, source.look(credentials, now)?, credentials) {
                walk.count();
                return Some(decision);
            }
        }
        if credentials.password.is_some() && chain.users().is_some_and(|(_, users)| !users.look_unknown(credentials)) {
            return None;
        }
        walk.count();
        Some(walk.end(chain.anonymous, credentials))
    }

    /// The decision, with a hash of the password or a question to somebody outside where one is needed. Where too many
    /// wait for theirs it is `server_busy`. Dropping the future leaves the queue.
    pub async fn check(&self, credentials: &Credentials<'_>) -> Decision {
        let chain = self.chain(credentials.listener);
        if let Some(decision) = chain.decision_unasked(credentials) {
            return decision;
        }
        let mut walk = Walk::default();
        for source in &chain.sources {
            let now = credentials.at;
            let answer = match source.look(credentials, now) {
                Some(answer) => answer,
                None => {
                    let began = self.0.clock.since();
                    let answer = source.ask(credentials, now).await;
                    source.counts.waited(self.0.clock.since().saturating_sub(began));
                    answer
                }
            };
            if let Some(decision) = walk.take(source, answer, credentials) {
                walk.count();
                return decision;
            }
        }
        walk.count();
        if credentials.password.is_some()
            && let Some((_, users)) = chain.users()
            && let Err(reason) = users.ask_unknown(credentials).await
        {
            let decided_by = ByteString::from_static(USERS);
            return Decision { verdict: crate::Verdict::Deny(reason), decided_by, why: None };
        }
        walk.end(chain.anonymous, credentials)
    }

    /// Begins extended authentication with a method of MQTT 5 and what the client has sent with it; `None` where the
    /// method is not offered. Never waits: the costly part of SCRAM is the client's.
    pub fn begin_exchange(
        &self,
        (method, data): (&str, Option<&[u8]>),
        credentials: &Credentials<'_>,
    ) -> Option<Result<Exchange, Box<Decision>>> {
        let hash = exchange::hash_of(method)?;
        let (source, users) = self.chain(credentials.listener).users()?;
        if !users.users().has_scram() {
            return None;
        }
        Some(exchange::begin((source, users), (hash, data), &self.0.exchange_key, credentials))
    }

    /// What this client may publish and receive. To be asked once for each connection, and again when
    /// [`acl_version`](Auth::acl_version) has risen.
    pub fn permissions(&self, identity: &Identity, connected: &Connected<'_>) -> Arc<Permissions> {
        if identity.superuser {
            return Arc::new(Permissions::superuser());
        }
        let mut layers = Vec::new();
        // Rules that are made while clients are connected change what they name and nothing else: they do not close.
        let mut closes = !self.0.authorizers.is_empty();
        if let Some(rules) = &identity.rules {
            layers.push(Layer::of_rules("client", rules.iter(), identity));
            closes = true;
        }
        let stored = self.0.stored.as_ref().map(Watched::load);
        layers.extend(stored.as_ref().and_then(|stored| stored.as_ref()?.layer(identity)));
        let acl = self.0.acl.as_ref().map(Watched::load);
        if let Some(acl) = acl.as_ref().and_then(|acl| acl.as_ref()) {
            layers.push(acl.layer(identity));
            closes = true;
        }
        let no_match = match self.0.no_match {
            NoMatch::Allow => Effect::Allow,
            NoMatch::Deny => Effect::Deny,
            NoMatch::Auto if closes => Effect::Deny,
            NoMatch::Auto => Effect::Allow,
        };
        if !self.0.authorizers.is_empty() {
            let asked = Arc::new(Asked::new(Arc::clone(&self.0.authorizers), identity, connected));
            return Arc::new(Permissions::layers_and_services(layers.into(), asked, no_match));
        }
        if layers.is_empty() && no_match == Effect::Allow {
            return self.0.open.clone();
        }
        Arc::new(Permissions::layers(layers.into(), no_match))
    }

    /// Rises whenever other rules are in force.
    pub fn acl_version(&self) -> u64 {
        self.0.acl_version.load(Ordering::Acquire)
    }

    /// How many users there are in the users file.
    pub fn users_len(&self) -> usize {
        self.0.users.as_ref().and_then(|users| users.load().as_ref().map(|users| users.len())).unwrap_or(0)
    }

    /// Whether there is an ACL file in force.
    pub fn has_acl(&self) -> bool {
        self.0.acl.as_ref().is_some_and(|acl| acl.load().is_some())
    }

    /// The rules that are made by command, as they stand in their file.
    pub fn stored_rules(&self) -> Result<Vec<StoredRule>, AuthError> {
        self.0.stored.as_ref().map_or_else(|| Ok(Vec::new()), |stored| RulesFile::read(stored.path()))
    }

    /// Changes the rules that are made by command; they are in force when it returns. Where `change` fails they stay as
    /// they are. Waits for the disk.
    pub fn change_rules(&self, change: impl FnOnce(&mut RulesFile) -> Result<(), AuthError>) -> Result<(), AuthError> {
        let Some(stored) = &self.0.stored else {
            return Err(AuthError::Rule { message: "there is no file for rules".to_owned() });
        };
        let mut file = RulesFile::open(stored.path())?;
        change(&mut file)?;
        file.save()?;
        stored.reload()?;
        self.0.acl_version.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// What came of asking each authenticator.
    pub fn stats(&self) -> Vec<SourceStats> {
        self.0.sources.iter().map(|source| source.counts.stats(&source.name, source.kind_name())).collect()
    }

    /// What came of asking each service what clients may do.
    pub fn authorizer_stats(&self) -> Vec<SourceStats> {
        self.0.authorizers.iter().map(Authorizer::stats).collect()
    }

    /// Forgets what services have said about what clients may do; gives how many services there are.
    pub fn forget_answers(&self) -> usize {
        self.0.authorizers.iter().for_each(Authorizer::forget);
        self.0.authorizers.len()
    }

    /// Reads the files again, whether they have changed or not. Where one is broken or gone, its content of before
    /// stays in force; the first such mistake is returned, and all are logged.
    pub fn reload(&self) -> Result<(), AuthError> {
        let users = self.0.users.as_ref().map_or(Ok(false), |users| users.reload());
        let stored = self.0.stored.as_ref().map_or(Ok(false), Watched::reload);
        let acl = self.0.acl.as_ref().map_or(Ok(false), Watched::reload);
        if let (Ok(true), _) | (_, Ok(true)) = (&stored, &acl) {
            self.0.acl_version.fetch_add(1, Ordering::AcqRel);
        }
        self.tell_warnings();
        users.and(stored).and(acl).map(|_| ())
    }

    /// Reads the files again where they have changed, on a thread that may wait.
    pub async fn reload_if_changed(&self) {
        let users = self.0.users.as_ref().is_some_and(|users| users.has_changed());
        let stored = self.0.stored.as_ref().is_some_and(Watched::has_changed);
        if users || stored || self.0.acl.as_ref().is_some_and(Watched::has_changed) {
            let auth = self.clone();
            // What is wrong was logged there. A thread that panicked leaves what was in force.
            drop(tokio::task::spawn_blocking(move || auth.reload()).await);
        }
    }

    /// Takes up what changes outside: files, once a second, and the keys of tokens. Never ends.
    pub async fn look_after(&self) {
        let files = async {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                self.reload_if_changed().await;
            }
        };
        let keys = self.0.sources.iter().filter_map(|source| match &source.kind {
            Kind::Jwt(jwt) => Some(jwt.look_after_keys()),
            Kind::Users(_) | Kind::Http(_) | Kind::Postgres(_) | Kind::Certificate(_) => None,
        });
        let keys = futures_util::future::join_all(keys);
        tokio::join!(files, keys);
    }

    fn chain(&self, listener: &str) -> &Chain {
        if self.0.chains.is_empty() {
            return &self.0.default_chain;
        }
        self.0.chains.get(listener).unwrap_or(&self.0.default_chain)
    }

    /// Logs what looks like a slip: odd rules, and roles of users that the ACL does not know.
    fn tell_warnings(&self) {
        let Some(file) = &self.0.acl else { return };
        let acl = file.load();
        let Some(acl) = acl.as_ref() else { return };
        let path = file.path().display();
        for fault in acl.warnings() {
            let help = fault.help.as_deref().unwrap_or_default();
            tracing::warn!(%path, line = fault.line, message = fault.message, help, "a rule of the ACL may not mean what it says");
        }
        let Some(users) = self.0.users.as_ref().and_then(|users| users.load().clone()) else { return };
        for (user, roles) in users.list() {
            for role in roles.iter().filter(|role| &***role != SUPERUSER && !acl.has_role(role)) {
                tracing::warn!(%path, user, %role, "a user has a role that the ACL file does not have");
            }
        }
    }
}

/// Every authenticator, the users file first.
fn sources(
    config: &AuthConfig,
    users: Option<&Arc<Watched<Users>>>,
    (passwords, clock): (&Passwords, Clock),
) -> Result<Vec<Arc<Source>>, AuthError> {
    let mut sources = Vec::new();
    if let Some(users) = users {
        let kind = Kind::Users(UsersSource::new(Arc::clone(users), passwords.clone()));
        sources.push(Arc::new(Source::new(USERS, kind, OnFailure::Deny)));
    }
    for (name, options) in &config.authenticators {
        let path = format!("auth.authenticators.{name}");
        if name == USERS {
            let message = format!("expected another name than `{USERS}`, which is the users file");
            return Err(AuthError::option(&path, (message, None)));
        }
        let kind = match &options.kind {
            AuthenticatorKind::Jwt(options) => Kind::Jwt(Box::new(Jwt::new(&path, options, clock)?)),
            AuthenticatorKind::Http(options) => {
                Kind::Http(Box::new(Http::new((name, &path), options, passwords.clone(), clock)?))
            }
            AuthenticatorKind::Postgres(options) => {
                Kind::Postgres(Box::new(Postgres::new(&path, options, passwords.clone(), clock)?))
            }
            AuthenticatorKind::Certificate(options) => Kind::Certificate(Certificate::new(options.clone())),
        };
        sources.push(Arc::new(Source::new(name.as_str(), kind, options.on_failure)));
    }
    Ok(sources)
}

/// The chain of these names; of all authenticators where there are none.
fn chain(
    config: &AuthConfig,
    option: &str,
    (anonymous, names): (Anonymous, &[String]),
    sources: &[Arc<Source>],
) -> Result<Chain, AuthError> {
    if names.is_empty() {
        return Ok(Chain { is_open: false, anonymous, sources: sources.to_vec() });
    }
    let mut chain = Vec::new();
    for name in names {
        let Some(source) = sources.iter().find(|source| source.name == *name) else {
            if name == USERS && config.users_file.is_none() {
                continue;
            }
            let known = sources.iter().map(|source| &*source.name);
            let help = events::closest(name, known).map(|close| format!("did you mean `{close}`?"));
            let message = format!("expected `{USERS}` or one of `[auth.authenticators]`, found `{name}`");
            return Err(AuthError::option(option, (message, help)));
        };
        chain.push(Arc::clone(source));
    }
    Ok(Chain { is_open: false, anonymous, sources: chain })
}
