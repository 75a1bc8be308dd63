//! What a buffer may hold and how it sends: the options that every action has, whatever its kind.

/// The limits and habits of one buffer. What each means stands in [`ACTION_OPTIONS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferOptions {
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
        name: "in_flight",
        default: "1",
        doc: "How many batches may be under way at once. With 1 the order is kept, retries included.",
    },
    ActionOption { name: "batch.size", default: "100", doc: "The most outputs in a batch." },
    ActionOption {
        name: "batch.time_ms",
        default: "0",
        doc: "How long an output waits for company before a batch is sent that is not full.",
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
        doc: "Who gives way when there is no room: `drop_oldest`, which is not under way, or `drop_new`.",
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
}

impl Overflow {
    /// Every policy with its name in a rule file.
    pub const ALL: [(&'static str, Overflow); 2] =
        [("drop_oldest", Overflow::DropOldest), ("drop_new", Overflow::DropNew)];
}
