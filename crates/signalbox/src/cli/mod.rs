//! The command line: every command, flag and exit code, with the words that `--help` shows.

mod admin;
mod changes;

use std::net::SocketAddr;
use std::path::PathBuf;

use auth::Role;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use admin::{
    Acl, BanTarget, Bans, Clients, ClientsList, Listeners, Permission, Publish, Retained, RuleTarget, TopicAction,
    Topics,
};
pub(crate) use changes::{Actions, Audit, RulesApply, RulesPlan};

use crate::bench::Bench;
use crate::config::{Given, Origin, Override};

/// What stands below every `--help`.
const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  done, and something was found: a test failed, the other side did not answer
  2  not done: the configuration, a rule, a connector or the command line is wrong

Configuration: flags over SIGNALBOX_... variables over signalbox.toml over defaults.
`signalbox config show` prints every option with its value and where it came from.";

/// An MQTT broker that tells what happens to its clients, and rules that carry it where you want it.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start broker, rules, actions and API
    Serve(Serve),
    /// Check, test and try rules
    #[command(subcommand)]
    Rules(Rules),
    /// Test the ways to outside systems
    #[command(subcommand)]
    Connectors(Connectors),
    /// Actions of rules: list, pause, resume, drain, switch on and off
    #[command(subcommand)]
    Actions(Actions),
    /// Who changed what, when and from where
    Audit(Audit),
    /// Users: who may connect with which password
    #[command(subcommand)]
    Users(Users),
    /// Keys of the HTTP API
    #[command(subcommand)]
    Keys(Keys),
    /// Show and check the configuration
    #[command(subcommand)]
    Config(Config),
    /// Follow what happens to clients
    #[command(subcommand)]
    Events(Events),
    /// Outputs that the other side of an action has refused: look at them, send them again, drop them
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Clients of a running broker: list, show, kick
    #[command(subcommand)]
    Clients(Clients),
    /// Bans: who may not connect, whatever its password
    #[command(subcommand)]
    Bans(Bans),
    /// What clients may publish and subscribe
    #[command(subcommand)]
    Acl(Acl),
    /// Listeners of a running broker: where they are, how many clients are there, their limits
    Listeners(Listeners),
    /// Who receives a topic
    #[command(subcommand)]
    Topics(Topics),
    /// Retained messages of a running broker
    #[command(subcommand)]
    Retained(Retained),
    /// Publish a message on a running broker
    Publish(Publish),
    /// Measure: load generator and comparison with Mosquitto
    Bench(Bench),
    /// Print the completions of a shell, to be put where it looks for them
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print version and platform
    Version(Output),
    /// The child process that runs `jq` of rules; started by this program, not by people
    #[command(hide = true)]
    JqWorker {
        /// The most memory it may take.
        memory_bytes: u64,
    },
}

/// Where the configuration comes from; the same for all commands that read it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Sources {
    /// The configuration [default: signalbox.toml in the working directory, if it is there]
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory
    #[arg(long, value_name = "DIR", help_heading = "Configuration")]
    pub(crate) data: Option<PathBuf>,
    /// The directory of the rules
    #[arg(long, value_name = "DIR", help_heading = "Configuration")]
    pub(crate) rules: Option<PathBuf>,
}

impl Sources {
    /// The layers of the configuration, with what the flags of a command say.
    pub(crate) fn given(&self, more: Vec<Override>) -> Given {
        let mut flags = more;
        for (path, flag, value) in [("data_dir", "--data", &self.data), ("rules_dir", "--rules", &self.rules)] {
            if let Some(value) = value {
                flags.push(flag_override(path, flag, value.display().to_string()));
            }
        }
        Given::of_process(self.config.clone(), flags)
    }
}

fn flag_override(path: &str, flag: &'static str, text: String) -> Override {
    Override { path: path.to_owned(), text, origin: Origin::Flag(flag) }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Output {
    /// Print JSON for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// `signalbox serve`.
#[derive(Debug, Args)]
#[command(after_help = "Prints `ready mqtt=ADDR http=ADDR` on standard output when both can be used; the log is on \
    standard error.\nSIGTERM and SIGINT stop it in order, SIGHUP reads rules, users and ACL again.")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Where MQTT clients connect; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) mqtt: Option<SocketAddr>,
    /// Where API, metrics and health are; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// How the log is written
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text in a terminal, JSON otherwise
    Auto,
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Serve {
    /// The layers of the configuration.
    pub(crate) fn given(&self) -> Given {
        let mut flags = Vec::new();
        if let Some(address) = self.mqtt {
            flags.push(flag_override("listeners.default.bind", "--mqtt", address.to_string()));
        }
        if let Some(address) = self.http {
            flags.push(flag_override("http.bind", "--http", address.to_string()));
        }
        if let Some(format) = self.log_format {
            let word = match format {
                LogFormat::Auto => "auto",
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            };
            flags.push(flag_override("log.format", "--log-format", word.to_owned()));
        }
        self.sources.given(flags)
    }
}

/// `signalbox rules ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Read rule files, or the rules of an EMQX, and tell what is wrong with them
    Check(RulesCheck),
    /// Run the tests in the headers of rule files
    Test(RulesTest),
    /// Tell what `apply` would do to the rules and connectors of a running broker
    Plan(RulesPlan),
    /// Make the rules and connectors of a running broker those of a directory
    Apply(RulesApply),
    /// Tell why a rule makes the rows of an event that it makes, or none, and what its actions would send
    Explain(RulesExplain),
    /// Evaluate rules from standard input, one JSON object a line
    #[command(after_help = "\
Reads lines {\"id\": ..., \"sql\": ..., \"context\": {...}} and prints in the same order
  {\"id\": ..., \"outputs\": [...]}   the rows, none or more
  {\"id\": ..., \"no_match\": true}   the condition did not hold
  {\"id\": ..., \"error\": {\"code\", \"message\", \"span\"}}
The context holds the columns of the event as the rule sees them; a name that is not in it is NULL.
A context in EMQX's words needs no `compat = \"emqx\"`: a header is a comment here.
Bytes that are not UTF-8 are {\"$b64\": ...}, in contexts as in results; `payload_b64` is a payload of any bytes.")]
    Eval,
}

/// `signalbox rules check`.
#[derive(Debug, Args)]
#[command(after_help = "\
EXPORT is what EMQX gives away of its rules: the answer of `GET /api/v5/rules`, `cluster.hocon` or
another configuration with `rule_engine`, or the archive of `emqx ctl data export`, which holds the
actions and connectors, too. `-` is standard input. Each rule is told to work, to work with
differences, each with its place, or not to work; so is each of its actions.

With --write, every rule that works becomes a rule file in DIR. What is there already is never
overwritten, secrets are not copied, and a rule that lacks an action is written disabled.

Exit codes:
  0  all is well; of an export: every rule works with its actions, perhaps with differences
  1  something of the export does not work here
  2  a rule is wrong, the export cannot be read, or a file was there already")]
pub(crate) struct RulesCheck {
    /// Rule files or directories [default: the configured directory]
    pub(crate) paths: Vec<PathBuf>,
    /// Look at the rules of an EMQX instead
    #[arg(long, value_name = "EXPORT", conflicts_with = "paths")]
    pub(crate) from_emqx: Option<PathBuf>,
    /// Write a rule file for every rule of the export that works
    #[arg(long, value_name = "DIR", requires = "from_emqx")]
    pub(crate) write: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `signalbox rules test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  every test passed, or there are none
  1  a test failed
  2  a rule is wrong, or no test is of the given rule and name")]
pub(crate) struct RulesTest {
    /// Rule files or directories [default: the configured directory]
    pub(crate) paths: Vec<PathBuf>,
    /// Only the tests of this rule; may be repeated
    #[arg(long = "rule", value_name = "ID")]
    pub(crate) only: Vec<String>,
    /// Only the tests that have this in their names
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Also write a report in the XML of JUnit
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) output: Output,
}

impl RulesTest {
    /// Whether only some of the tests are asked for.
    pub(crate) const fn is_filtered(&self) -> bool {
        !self.only.is_empty() || self.name.is_some()
    }
}

/// `signalbox rules explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
FILE holds an event as `signalbox events tail` prints it, or only the fields that matter, as a
test in a rule file does: the others are those of the sample in EVENTS.md. It may hold several
events, one a line or as a list.

`event` names the kind, as in {\"event\": \"client.disconnected\"}. Without it, the event is a
message where a `topic` is given and the rule listens to messages, and otherwise what the first
entry of FROM names. Nothing is sent, and no broker has to run.

It is an event of this broker; a rule with `compat = \"emqx\"` is shown as it sees it, in EMQX's
words. `payload_b64`, or {\"$b64\": ...} for any field, gives bytes that are not UTF-8.

Exit codes:
  0  the rule makes rows of every event
  1  it makes none of one of them, or fails on it
  2  the rule or the event is wrong")]
pub(crate) struct RulesExplain {
    /// A rule file, or the name of a rule in the directory of the rules
    pub(crate) rule: String,
    /// The event, in JSON; `-` is standard input [default: the sample of the first entry of FROM]
    #[arg(long, value_name = "FILE")]
    pub(crate) event: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `signalbox connectors ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Connectors {
    /// Reach for the other side of connectors, and of the actions that use them, without sending anything
    Test {
        /// Their names [default: all]
        names: Vec<String>,
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
    /// Print the CREATE TABLE for the rows of a rule, and the action that fills it
    Schema {
        /// The rule
        rule: String,
        /// The kind of the connector: postgres, mysql or sqlite
        #[arg(long, value_name = "KIND", default_value = "postgres", value_parser = read_dialect)]
        kind: actions::Dialect,
        /// The name of the table [default: that of the rule]
        #[arg(long, value_name = "NAME")]
        table: Option<String>,
        #[command(flatten)]
        sources: Sources,
    },
}

/// `signalbox users ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Add a user
    Add {
        /// The user name
        name: String,
        /// A role that the ACL file speaks of; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        #[command(flatten)]
        password: PasswordFrom,
        #[command(flatten)]
        stored: StoredAs,
        #[command(flatten)]
        sources: Sources,
    },
    /// Change a password
    Passwd {
        /// The user name
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
        #[command(flatten)]
        stored: StoredAs,
        #[command(flatten)]
        sources: Sources,
    },
    /// Take over users with their passwords from another broker
    #[command(after_help = "\
Formats:
  mosquitto  a password file of mosquitto_passwd: `name:$7$...` or `name:$6$...`. It may be named as
             `users_file` as it is, too.
  emqx       what EMQX exports of its built-in users: CSV with the columns user_id, password_hash, salt,
             is_superuser, or JSON, a list of objects with these names. --hash says how EMQX was told to
             hash them, --salt-position where it puts the salt.")]
    Import {
        /// The file to read
        file: PathBuf,
        /// Who wrote it
        #[arg(long, value_enum)]
        format: UsersFormat,
        /// How the passwords of `emqx` are hashed
        #[arg(long, value_enum, default_value = "sha256")]
        hash: ImportedHash,
        /// Where the salt of sha256 and sha512 stands
        #[arg(long, value_enum, default_value = "prefix")]
        salt_position: ImportedSalt,
        /// Iterations of the pbkdf2 hashes
        #[arg(long, default_value_t = 4096)]
        iterations: u32,
        #[command(flatten)]
        sources: Sources,
    },
    /// Remove a user
    Remove {
        /// The user name
        name: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// List the users
    List {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
}

/// Where a password comes from: never the command line, which every process on the machine may read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PasswordFrom {
    /// Read the password from standard input, up to the end of its first line, instead of asking in the terminal
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// How a password is kept.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct StoredAs {
    /// Keep SCRAM credentials, for clients that use MQTT 5 extended authentication with SCRAM-SHA-256 or SCRAM-SHA-512
    #[arg(long)]
    pub(crate) scram: bool,
    /// Make a password of 128 random bits and print it, this once. It is kept as one round of SHA-256, which costs a
    /// client that connects nothing, and nobody can guess it
    #[arg(long, conflicts_with_all = ["scram", "password_stdin"])]
    pub(crate) generate: bool,
}

/// Who wrote a file of users.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum UsersFormat {
    /// mosquitto_passwd
    Mosquitto,
    /// EMQX
    Emqx,
}

/// How imported passwords are hashed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ImportedHash {
    /// They say it themselves, as bcrypt does
    Auto,
    /// Not at all
    Plain,
    /// One round of SHA-256
    Sha256,
    /// One round of SHA-512
    Sha512,
    /// PBKDF2 with SHA-1
    Pbkdf2Sha1,
    /// PBKDF2 with SHA-256
    Pbkdf2Sha256,
    /// PBKDF2 with SHA-512
    Pbkdf2Sha512,
}

/// Where a salt stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ImportedSalt {
    /// Before the password
    Prefix,
    /// Behind it
    Suffix,
    /// Nowhere
    Disable,
}

/// `signalbox keys ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key and print it, this once
    Add {
        /// What the key is for
        name: String,
        /// What it may do: read; also act on clients; also change rules, users and keys
        #[arg(long, default_value = "viewer", value_name = "viewer|operator|admin")]
        role: Role,
        /// How long it is good for, such as `12h` or `90d` [default: until it is removed]
        #[arg(long = "for", value_name = "TIME", value_parser = crate::duration::parse)]
        time: Option<std::time::Duration>,
        /// What it is for
        #[arg(long, default_value = "", value_name = "TEXT")]
        description: String,
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
    /// Let a key open nothing until it is enabled again
    Disable {
        /// Its name
        name: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// Let a key that was disabled open what it did
    Enable {
        /// Its name
        name: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// Let a key expire, at once or after a time
    Expire {
        /// Its name
        name: String,
        /// How long it stays good, such as `12h` or `90d` [default: no longer]
        #[arg(long = "in", value_name = "TIME", value_parser = crate::duration::parse)]
        time: Option<std::time::Duration>,
        #[command(flatten)]
        sources: Sources,
    },
    /// Remove a key
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// List the keys
    List {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
}

/// `signalbox config ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print every option with its explanation, its value and where that came from; secrets are hidden
    Show {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
    /// Check configuration, connectors, users, ACL and rules without starting anything
    Check {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
}

/// `signalbox events ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Print events as they happen, one JSON object a line, until interrupted
    Tail(Tail),
}

/// `signalbox events tail`.
#[derive(Debug, Args)]
#[command(
    after_help = "The key is read from the variable SIGNALBOX_API_KEY or from the file that --key-file names. On \
    the machine of the\nbroker neither is needed by those who may read its data directory."
)]
pub(crate) struct Tail {
    /// Only events of this client
    #[arg(long, value_name = "CLIENT_ID")]
    pub(crate) client: Option<String>,
    /// Only these events, such as `client_connack`; may be repeated
    #[arg(long = "event", value_name = "EVENT")]
    pub(crate) events: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Which running broker is asked; the same for all commands that ask one.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Where the API is [default: the broker that uses the data directory]
    #[arg(long, value_name = "URL", help_heading = "Broker")]
    pub(crate) url: Option<String>,
    /// The file that holds the key of the API
    #[arg(long, value_name = "FILE", help_heading = "Broker")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// `signalbox dead-letters ...`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "The key is read from the variable SIGNALBOX_API_KEY or from the file that --key-file names. On \
    the machine of the\nbroker neither is needed by those who may read its data directory."
)]
pub(crate) enum DeadLetters {
    /// List them, oldest first
    List {
        #[command(flatten)]
        filter: LetterFilter,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one with what was sent and with its attempts, as JSON
    Show {
        /// The identifier, as `list` tells it.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Queue one again, or with --all all that are meant
    Replay {
        /// The identifier, as `list` tells it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All that the filter means
        #[arg(long)]
        all: bool,
        /// Send this row instead, a JSON object; `-` reads it from stdin
        #[arg(long, value_name = "JSON", conflicts_with = "all")]
        row: Option<String>,
        #[command(flatten)]
        filter: LetterFilter,
        #[command(flatten)]
        remote: Remote,
    },
    /// Put another row in place of the one that is kept, for a later replay
    Edit {
        /// The identifier, as `list` tells it.
        id: String,
        /// The row, a JSON object; `-` reads it from stdin
        #[arg(long, value_name = "JSON")]
        row: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Drop one, or with --all all that are meant
    Drop {
        /// The identifier, as `list` tells it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All that the filter means
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        filter: LetterFilter,
        #[command(flatten)]
        remote: Remote,
    },
    /// Print them, one JSON object a line
    Export {
        #[command(flatten)]
        filter: LetterFilter,
        #[command(flatten)]
        remote: Remote,
    },
}

/// Which dead letters are meant; without an option all.
#[derive(Debug, Args)]
pub(crate) struct LetterFilter {
    /// Only those of this rule
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Only those of this action
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Only those about this client
    #[arg(long, value_name = "CLIENT_ID")]
    pub(crate) client: Option<String>,
    /// Only those with an error of this class: `unreachable`, `timeout`, `unavailable`, `throttled`, `unauthorized`,
    /// `missing`, `data`, `constraint`, `refused`, `unsendable`, `internal`
    #[arg(long, value_name = "CLASS", value_parser = <engine::ErrorClass as std::str::FromStr>::from_str)]
    pub(crate) class: Option<engine::ErrorClass>,
    /// Only those given up since then: `2h` ago, or a time such as `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only those given up before then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// Reads the kind of a connector to a database.
fn read_dialect(kind: &str) -> Result<actions::Dialect, String> {
    let found = actions::Dialect::ALL.into_iter().find(|dialect| dialect.kind() == kind);
    found.ok_or_else(|| "expected postgres, mysql or sqlite".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_declaration_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
