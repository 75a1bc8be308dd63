//! What a buffer may hold and how it sends: the options that every action has, whatever its kind.

use std::hash::BuildHasher as _;

use events::Map;
use sql::template::Template;

use crate::output::Output;

/// The limits and habits of one buffer. What each means stands in [`ACTION_OPTIONS`].
#[derive(Clone, Debug, PartialEq)]
pub struct BufferOptions {
    /// `buffer.kind`.
    pub kind: BufferKind,
    /// `order`.
    pub order: Order,
    /// `rate_per_s`; `None`: as fast as the other side takes them.
    pub per_s_max: Option<u32>,
    /// `breaker.attempts`; `None`: never.
    pub breaker_after: Option<u32>,
    /// `buffer.max_len`.
    pub len_max: usize,
    /// `buffer.max_bytes`, as [`crate::Output::bytes`] counts them.
    pub bytes_max: usize,
    /// `buffer.max_age`; `None`: for ever.
    pub age_max_ms: Option<u64>,
    /// `buffer.overflow`.
    pub overflow: Overflow,
    /// `batch.size`.
    pub batch_len_max: usize,
    /// `batch.time_ms`.
    pub batch_wait_ms: u64,
    /// `in_flight`.
    pub in_flight_max: usize,
    /// `retry.first_ms`.
    pub retry_first_ms: u64,
    /// `retry.max_ms`.
    pub retry_max_ms: u64,
    /// `retry.attempts`; `None`: as long as the output lives.
    pub attempts_max: Option<u32>,
    /// `buffer.dead_letters`.
    pub dead_letters_max: usize,
    /// `fallback`: whether what would be lost goes to another action instead.
    pub has_fallback: bool,
}

impl Default for BufferOptions {
    fn default() -> BufferOptions {
        BufferOptions {
            kind: BufferKind::Memory,
            order: Order::Client,
            per_s_max: None,
            breaker_after: Some(5),
            len_max: 100_000,
            bytes_max: 64 << 20,
            age_max_ms: None,
            overflow: Overflow::DropOldest,
            batch_len_max: 100,
            batch_wait_ms: 0,
            in_flight_max: 1,
            retry_first_ms: 100,
            retry_max_ms: 5_000,
            attempts_max: None,
            dead_letters_max: 1_000,
            has_fallback: false,
        }
    }
}

/// An option that every action has, whatever its kind, as the reference prints it.
#[derive(Clone, Copy, Debug)]
pub struct ActionOption {
    /// The key, as in `buffer.max_len = 10`.
    pub name: &'static str,
    /// The default in TOML; empty where the option is absent by default.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// Every option that is read here. A test compares it with what the header of a rule takes.
pub const ACTION_OPTIONS: &[ActionOption] = &[
    ActionOption {
        name: "name",
        default: "",
        doc: "What the action is called, unique in the rule. By default the connector or the kind, with a number from \
              the second on.",
    },
    ActionOption {
        name: "fallback",
        default: "",
        doc: "The name of another action of the rule, which gets what this one would lose: what is rejected, too old, \
              or without room. It gets nothing else.",
    },
    ActionOption {
        name: "enabled",
        default: "true",
        doc: "With `false` the action gets no rows and sends nothing; what it has is kept.",
    },
    ActionOption { name: "in_flight", default: "1", doc: "How many batches may be under way at once." },
    ActionOption {
        name: "order",
        default: "\"client\"",
        doc: "Which outputs stay in order, retries included: those of one `client`, `all`, `none`, or those for which a \
              template such as `\"${payload.device}\"` yields the same. While one waits to be tried again, those behind \
              it wait too, and the others pass them by.",
    },
    ActionOption {
        name: "rate_per_s",
        default: "",
        doc: "The most outputs sent in a second; after a pause a second's worth may go at once. By default as many as the \
              other side takes.",
    },
    ActionOption {
        name: "breaker.attempts",
        default: "5",
        doc: "After so many attempts in a row through which nothing got, the other side is asked whether it is there \
              before anything is sent to it. 0: never.",
    },
    ActionOption { name: "batch.size", default: "100", doc: "The most outputs in a batch." },
    ActionOption {
        name: "batch.time_ms",
        default: "0",
        doc: "How long an output waits for company before a batch is sent that is not full.",
    },
    ActionOption {
        name: "buffer.kind",
        default: "\"memory\"",
        doc: "Where outputs wait: in `memory`, or on `disk` as well, where they survive a stop, a kill and a power loss, and \
              are sent again unless it was noted that they had arrived. Of a long queue only the beginning is in memory. The \
              other side can tell a repetition by `${output_id}`. With `require = \"buffered\"` in the header of the rule, who publishes with QoS 1 or 2 is \
              answered when the outputs of the message are on disk.",
    },
    ActionOption {
        name: "buffer.max_len",
        default: "100_000",
        doc: "The most outputs held, those under way included. Beyond it `overflow` decides, and `dropped` counts.",
    },
    ActionOption {
        name: "buffer.max_bytes",
        default: "\"64MiB\"",
        doc: "The most bytes held, those under way included. As `buffer.max_len`.",
    },
    ActionOption {
        name: "buffer.max_age",
        default: "",
        doc: "How old an output may become, such as `\"10m\"`, before it is given up and counts as `expired`. By default \
              it waits as long as there is room.",
    },
    ActionOption {
        name: "buffer.overflow",
        default: "\"drop_oldest\"",
        doc: "Who gives way when there is no room: `drop_oldest`, which is not under way, or `drop_new`. With `block_rule` \
              the whole rule waits: it runs on no event until there is room, and `blocked` counts those it has missed.",
    },
    ActionOption {
        name: "buffer.dead_letters",
        default: "1_000",
        doc: "How many rejected outputs are kept to be looked at. Older ones are forgotten; `dead` counts them still.",
    },
    ActionOption {
        name: "retry.first_ms",
        default: "100",
        doc: "How long to wait before the first retry; doubled with each further one, and half of it is left to chance.",
    },
    ActionOption {
        name: "retry.max_ms",
        default: "5_000",
        doc: "The longest wait before a retry, unless the other side asks for more.",
    },
    ActionOption {
        name: "retry.attempts",
        default: "",
        doc: "How often an output is offered before it is dead. By default as long as it lives.",
    },
];

/// Who gives way when a buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The output that has waited longest and is not in flight.
    DropOldest,
    /// The one that came last.
    DropNew,
    /// The one that came last; and the rule is not run while there is no room.
    BlockRule,
}

impl Overflow {
    /// Every policy with its name in a rule file.
    pub const ALL: [(&'static str, Overflow); 3] =
        [("drop_oldest", Overflow::DropOldest), ("drop_new", Overflow::DropNew), ("block_rule", Overflow::BlockRule)];
}

/// Where outputs wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// In memory; what is there is lost when the process ends.
    Memory,
    /// On disk, and the beginning of the queue in memory as well.
    Disk,
}

impl BufferKind {
    /// Every kind with its name in a rule file.
    pub const ALL: [(&'static str, BufferKind); 2] =
        [(BufferKind::Memory.name(), BufferKind::Memory), (BufferKind::Disk.name(), BufferKind::Disk)];

    /// The name in a rule file.
    pub const fn name(self) -> &'static str {
        match self {
            BufferKind::Memory => "memory",
            BufferKind::Disk => "disk",
        }
    }
}

/// Which outputs stay in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Those of one client; those without a client among themselves.
    Client,
    /// All.
    All,
    /// None.
    None,
    /// Those for which the template yields the same.
    Template(Template),
}

impl Order {
    /// The key of `output`, the `number`th: those with the same stay in order. That two keys are the same by accident
    /// costs time, nothing else.
    pub(super) fn key_of(&self, output: &Output, number: u64) -> u64 {
        let hash = |text: &[u8]| foldhash::fast::FixedState::default().hash_one(text);
        match self {
            Order::Client => output.client_id.as_ref().map_or(0, |id| hash(id.as_bytes())),
            Order::All => 0,
            Order::None => number,
            Order::Template(template) => hash(&template.render_body(&output.row, &Map::default())),
        }
    }
}
