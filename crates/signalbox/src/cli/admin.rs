//! The commands that look after clients and messages: `clients`, `bans`, `acl`, `listeners`, `topics`, `retained`, `publish`.

use std::net::IpAddr;

use clap::{Args, Subcommand, ValueEnum};

use super::{Output, Remote, Sources};

/// `signalbox clients ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Clients {
    /// List the clients that have a session
    List(ClientsList),
    /// Show a client and its subscriptions
    Show {
        /// The client identifier
        client: String,
        #[command(flatten)]
        remote: Remote,
        #[command(flatten)]
        output: Output,
    },
    /// End the connections of clients
    Kick {
        /// The client identifiers
        #[arg(required = true)]
        clients: Vec<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

/// `signalbox clients list`.
#[derive(Debug, Args)]
pub(crate) struct ClientsList {
    /// Only clients whose identifier has this in it
    #[arg(value_name = "TEXT")]
    pub(crate) like: Option<String>,
    /// Only clients of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Only clients from this address
    #[arg(long, value_name = "IP")]
    pub(crate) address: Option<IpAddr>,
    /// Only clients that came through this listener
    #[arg(long, value_name = "NAME")]
    pub(crate) listener: Option<String>,
    /// Only clients without a connection
    #[arg(long)]
    pub(crate) offline: bool,
    /// What to sort by, such as `connected_at`, or `-mqueue_len` for the longest queue first [default: clientid]
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// Which page, from 1 on
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) page: usize,
    /// Clients on a page
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `signalbox bans ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Bans {
    /// Ban clients; connections they have are ended within a second
    Add {
        #[command(flatten)]
        target: BanTarget,
        /// How long, such as `30s`, `15m`, `12h` or `7d` [default: until it is removed]
        #[arg(long = "for", value_name = "TIME", value_parser = crate::duration::parse)]
        time: Option<std::time::Duration>,
        /// Why
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// Lift a ban
    Remove {
        #[command(flatten)]
        target: BanTarget,
        #[command(flatten)]
        sources: Sources,
    },
    /// List the bans that are not over
    List {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
}

/// Whom a ban is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct BanTarget {
    /// The client of this identifier
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
    /// Clients of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Clients from this address or network, such as `192.0.2.7` or `2001:db8::/32`
    #[arg(long, value_name = "IP|NETWORK")]
    pub(crate) address: Option<String>,
    /// Clients whose whole identifier fits this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) client_pattern: Option<String>,
    /// Clients whose whole user name fits this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) user_pattern: Option<String>,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Permission {
    Allow,
    Deny,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TopicAction {
    Publish,
    Subscribe,
    All,
}

/// Whom a rule is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RuleTarget {
    /// The client of this identifier
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
    /// The clients of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// All clients
    #[arg(long)]
    pub(crate) all: bool,
}

/// `signalbox acl ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Acl {
    /// Add a rule behind the others; a running broker takes it up within a second
    ///
    /// Those of the client come first, then those of the user, then those for all; the first that fits decides.
    Add {
        /// Whether it may
        permission: Permission,
        /// What
        action: TopicAction,
        /// The topic filter; `${clientid}` and `${username}` may stand in it, and behind `eq ` it stands for itself
        topic: String,
        #[command(flatten)]
        target: RuleTarget,
        #[command(flatten)]
        sources: Sources,
    },
    /// Remove the rules of a client, of a user or for all
    Remove {
        /// Only those that name this topic filter
        #[arg(long, value_name = "FILTER")]
        topic: Option<String>,
        #[command(flatten)]
        target: RuleTarget,
        #[command(flatten)]
        sources: Sources,
    },
    /// List the rules in their order
    List {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        output: Output,
    },
    /// Ask the services of `[auth.authorizers]` anew, instead of remembering what they have said
    Forget {
        #[command(flatten)]
        remote: Remote,
    },
}

/// `signalbox listeners`.
#[derive(Debug, Args)]
pub(crate) struct Listeners {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `signalbox topics ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Topics {
    /// Show who would receive a message to a topic, and by which subscription
    Receivers {
        /// The topic
        topic: String,
        #[command(flatten)]
        remote: Remote,
        #[command(flatten)]
        output: Output,
    },
}

/// `signalbox retained ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Retained {
    /// List retained messages
    List {
        /// A topic filter
        #[arg(default_value = "#")]
        filter: String,
        /// The most that are shown
        #[arg(long, default_value_t = 100, value_name = "NUMBER")]
        limit: usize,
        #[command(flatten)]
        remote: Remote,
        #[command(flatten)]
        output: Output,
    },
    /// Print the retained message of a topic as it was published
    Show {
        /// The topic
        topic: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove the retained messages of topics
    Remove {
        /// The topics
        #[arg(required = true)]
        topics: Vec<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

/// `signalbox publish`.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The topic
    pub(crate) topic: String,
    /// The message [default: what comes in on standard input]
    pub(crate) message: Option<String>,
    /// The QoS
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2), value_name = "0|1|2")]
    pub(crate) qos: u8,
    /// Keep it for later subscribers; an empty message removes what is kept
    #[arg(long)]
    pub(crate) retain: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) output: Output,
}
