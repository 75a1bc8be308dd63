//! A server, and what a rule has executed there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use redis::{RedisConnectionInfo, RedisResult, ServerError, Value};
use tokio::sync::Mutex;

use super::command::{Commands, Rendered};
use super::link::{Link, Target};
use super::outcome::{self, Failure};
use super::{KIND, RedisActionOptions, RedisOptions};
use crate::address::{Address, Schemes};
use crate::kind::{Connector, Made};
use crate::options::read;
use crate::server_tls::ServerTls;
use crate::tls::TlsOptions;

const SCHEMES: Schemes = Schemes {
    plain: ("redis", 6_379),
    tls: ("rediss", 6_379),
    help: "write `url = \"redis://host:6379/0\"`, with TLS `rediss://host:6379/0`",
};

/// A server.
pub(crate) struct RedisConnector {
    target: Target,
    timeout: Duration,
    /// The connection that all actions share, made when it is needed.
    link: Mutex<Option<Arc<Link>>>,
}

/// Without what signs in, which holds the password.
impl std::fmt::Debug for RedisConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConnector").field("server", &self.target.address).finish_non_exhaustive()
    }
}

impl RedisConnector {
    /// Reads the options. Nothing is opened yet.
    pub(crate) fn new(table: &toml::Table) -> Result<RedisConnector, Vec<ConfigError>> {
        let options: RedisOptions = read(table)?;
        let mut errors = Vec::new();
        for (name, value) in [("connect_timeout_ms", options.connect_timeout_ms), ("timeout_ms", options.timeout_ms)] {
            if value == 0 {
                errors.push(ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
            }
        }
        if options.username.is_some() && options.password.is_none() {
            let error = ConfigError::at(&["username"], "`username` needs a `password`");
            errors.push(error.with_help("write `password = \"${env:NAME}\"` beside it"));
        }
        match target(&options) {
            Ok(target) if errors.is_empty() => {
                let timeout = Duration::from_millis(options.timeout_ms);
                Ok(RedisConnector { target, timeout, link: Mutex::new(None) })
            }
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error);
                Err(errors)
            }
        }
    }

    /// The connection, made anew where there is none or it has broken.
    async fn link(&self) -> Result<Arc<Link>, Failure> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|link| !link.is_broken()) {
            return Ok(Arc::clone(link));
        }
        *slot = None;
        let link = Arc::new(Link::open(&self.target).await?);
        *slot = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Has the next one who needs a connection open another one.
    async fn forget(&self, link: &Arc<Link>) {
        let mut slot = self.link.lock().await;
        if slot.as_ref().is_some_and(|known| Arc::ptr_eq(known, link)) {
            *slot = None;
        }
    }

    /// What `asked` answers; a connection that breaks or is silent is left.
    async fn answer<T>(&self, link: &Arc<Link>, asked: impl Future<Output = RedisResult<T>>) -> Result<T, Failure> {
        let failure = match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => outcome::of_breaking(&error),
            Err(_) => outcome::timed_out("no answer", self.timeout),
        };
        self.forget(link).await;
        Err(failure)
    }

    /// Asks whether the server takes commands, and knows `commands`.
    async fn try_commands(&self, commands: Option<&Commands>) -> Result<(), Failure> {
        let link = self.link().await?;
        let ping = vec![Bytes::from_static(b"PING")];
        if let Value::ServerError(error) = self.answer(&link, link.ask(&ping)).await? {
            return Err(outcome::of_refusal("PING", &error));
        }
        for command in commands.into_iter().flat_map(Commands::iter) {
            let ask = ["COMMAND", "INFO", &command.name].map(|word| Bytes::from(word.to_owned())).to_vec();
            // A user who may not ask is told nothing here, and by the first output what is wrong.
            if let Value::Array(known) = self.answer(&link, link.ask(&ask)).await? {
                check_known(&command.name, command.len(), known.first())?;
            }
        }
        Ok(())
    }
}

impl Connector for RedisConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Made<Box<dyn Action>> {
        let RedisActionOptions { command } = read(spec.options)?;
        let commands = Commands::new(&command, spec)?;
        Ok(Box::new(RedisAction { connector: self, commands }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { self.try_commands(None).await.map_err(Failure::into_error) })
    }
}

/// A rule's use of a server.
#[derive(Debug)]
struct RedisAction {
    connector: Arc<RedisConnector>,
    commands: Commands,
}

/// The commands of an output on their way.
struct Item {
    /// The place of the output in its batch.
    at: usize,
    commands: Vec<Rendered>,
}

impl RedisAction {
    async fn execute(&self, batch: &[Output]) -> Outcome {
        let mut outcomes = vec![ItemOutcome::Delivered; batch.len()];
        let mut items = Vec::with_capacity(batch.len());
        for (at, output) in batch.iter().enumerate() {
            match self.commands.render(output) {
                Ok(commands) => items.push(Item { at, commands }),
                Err(reason) => outcomes[at] = ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason },
            }
        }
        match self.execute_all(items, &mut outcomes).await {
            Ok(()) => Outcome::PerItem(outcomes),
            Err(failure) => failure.into_outcome(),
        }
    }

    /// Executes all in one transaction. Where the server takes some into none, the others go into another one.
    async fn execute_all(&self, mut items: Vec<Item>, outcomes: &mut [ItemOutcome]) -> Result<(), Failure> {
        while !items.is_empty() {
            let link = self.connector.link().await?;
            let commands: Vec<&Rendered> = items.iter().flat_map(|item| &item.commands).collect();
            let answers = self.connector.answer(&link, link.transact(&commands)).await?;
            let refusals: Vec<Option<ServerError>> = match read_answers(&answers, commands.len()) {
                Answers::Executed(answers) => {
                    self.tell(&link, &items, &answers, outcomes).await;
                    return Ok(());
                }
                Answers::Discarded(answers) => answers,
                Answers::Unclear(failure) => return Err(failure),
            };
            let rejected = self.tell(&link, &items, &refusals, outcomes).await;
            // What is for later is for later for all: nothing was executed.
            if let Some(ItemOutcome::Retry { class, reason, .. }) =
                items.iter().map(|item| &outcomes[item.at]).find(|outcome| matches!(outcome, ItemOutcome::Retry { .. }))
            {
                return Err(Failure { class: *class, reason: reason.clone(), help: None, is_for_later: true });
            }
            items.retain(|item| !rejected.contains(&item.at));
        }
        Ok(())
    }

    /// Notes for each output the first error among its answers; which outputs had one.
    async fn tell(
        &self,
        link: &Arc<Link>,
        items: &[Item],
        answers: &[Option<ServerError>],
        outcomes: &mut [ItemOutcome],
    ) -> Vec<usize> {
        let mut told = Vec::new();
        let mut answers = answers.iter();
        for item in items {
            let errors =
                item.commands.iter().zip(&mut answers).filter_map(|(command, error)| Some((command, error.as_ref()?)));
            // All of them are taken, so that the next output begins with its own.
            let errors: Vec<_> = errors.collect();
            if let Some((command, error)) = errors.first() {
                let name = command.first().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
                outcomes[item.at] = outcome::of_refusal(&name, error).into_item();
                told.push(item.at);
                if outcome::is_about_server(error) {
                    self.connector.forget(link).await;
                }
            }
        }
        told
    }
}

impl Action for RedisAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.execute(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.commands.preview(output)
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        self.check()
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { self.connector.try_commands(Some(&self.commands)).await.map_err(Failure::into_error) })
    }
}

/// What became of a transaction: for each command the error that it was answered with.
enum Answers {
    /// The commands were executed.
    Executed(Vec<Option<ServerError>>),
    /// None was executed, because some were not taken into the transaction.
    Discarded(Vec<Option<ServerError>>),
    /// None was executed, for another reason.
    Unclear(Failure),
}

/// Reads the answers to MULTI, `len` commands and EXEC.
fn read_answers(answers: &[Value], len: usize) -> Answers {
    let errors = |answers: &[Value]| answers.iter().map(error_of).collect();
    let (Some(multi), Some(commands), Some(exec)) = (answers.first(), answers.get(1..=len), answers.get(len + 1))
    else {
        let reason = format!("connection lost: expected {} answers, found {}", len + 2, answers.len());
        return Answers::Unclear(Failure { class: ErrorClass::Refused, reason, help: None, is_for_later: true });
    };
    // Where the server knows no transactions, or the user may not begin one, each command has been executed by itself.
    if error_of(multi).is_some() {
        return Answers::Executed(errors(commands));
    }
    if let Value::Array(executed) = exec
        && executed.len() == len
    {
        return Answers::Executed(errors(executed));
    }
    match error_of(exec) {
        Some(error) if !commands.iter().any(|answer| error_of(answer).is_some()) => {
            Answers::Unclear(outcome::of_refusal("EXEC", &error))
        }
        Some(_) | None => Answers::Discarded(errors(commands)),
    }
}

fn error_of(answer: &Value) -> Option<ServerError> {
    if let Value::ServerError(error) = answer { Some(error.clone()) } else { None }
}

/// Checks what COMMAND INFO says: `[name, arity, ...]`, or nothing for a command that is not known.
fn check_known(name: &str, len: Option<usize>, info: Option<&Value>) -> Result<(), Failure> {
    let refused = |class, reason| Err(Failure { class, reason, help: None, is_for_later: false });
    let Some(Value::Array(info)) = info else {
        return refused(ErrorClass::Missing, format!("`command`: the server knows no `{name}`"));
    };
    let (Some(Value::Int(arity)), Some(len)) = (info.get(1), len) else { return Ok(()) };
    let least = usize::try_from(arity.unsigned_abs()).unwrap_or(usize::MAX);
    if len == least || (*arity < 0 && len > least) {
        return Ok(());
    }
    let (word, wanted, found) = (if *arity < 0 { "at least" } else { "exactly" }, least.saturating_sub(1), len - 1);
    refused(ErrorClass::Refused, format!("`command`: `{name}` takes {word} {wanted} arguments, found {found}"))
}

fn target(options: &RedisOptions) -> Result<Target, ConfigError> {
    let address = Address::read(options.url.as_deref(), &SCHEMES)?;
    let database = match &*address.path {
        "" => 0,
        number => number.parse::<u16>().map(i64::from).map_err(|_| {
            let message = format!("`url`: expected the number of a database behind the host, found `{number}`");
            ConfigError::at(&["url"], message).with_help(SCHEMES.help)
        })?,
    };
    let mut login = RedisConnectionInfo::default().set_db(database);
    if let Some(username) = &options.username {
        login = login.set_username(username);
    }
    if let Some(password) = &options.password {
        login = login.set_password(password.expose());
    }
    let tls = TlsOptions {
        ca_pem: options.ca_pem.as_deref(),
        cert_pem: options.cert_pem.as_deref(),
        key_pem: options.key_pem.as_ref(),
    };
    let connect_timeout = Duration::from_millis(options.connect_timeout_ms);
    Ok(Target {
        address: format!("{}:{}", address.host, address.port),
        tls: ServerTls::new(&tls, &address, &SCHEMES)?,
        login,
        connect_timeout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`url` is missing"),
            ("url = 'redis://x/fleet'", "`url`: expected the number of a database behind the host, found `fleet`"),
            ("url = 'redis://me:pw@x'", "`url`: expected no user and no password"),
            ("url = 'redis://x'\nusername = 'me'", "`username` needs a `password`"),
            ("url = 'redis://x'\nca_pem = 'x'", "`ca_pem`: the `url` has no TLS"),
            ("url = 'rediss://x'\nca_pem = 'x'", "`ca_pem`: expected a certificate in PEM"),
            ("url = 'redis://x'\ntimeout_ms = 0", "`timeout_ms`: expected at least 1, found 0"),
        ] {
            let errors = RedisConnector::new(&text.parse().unwrap()).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{text}: {errors:?}");
        }
    }
}
