//! What a buffer may hold and how it sends: the options `buffer`, `batch`, `retry`, `in_flight` and `fallback` of an
//! action, each under the name it has in a rule file.

/// The limits and habits of one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferOptions {
    /// `buffer.max_len`: the most outputs held, those in flight included. Beyond it `overflow` decides, and `dropped` counts.
    pub len_max: usize,
    /// `buffer.max_bytes` (`"64MiB"`): the most bytes held, those in flight included, as [`crate::Output::bytes`] counts them. As `len_max`.
    pub bytes_max: usize,
    /// `buffer.max_age` (`"10m"`): how old an output may become before it is given up and counted as `expired`;
    /// `None`: it waits as long as there is room.
    pub age_max_ms: Option<u64>,
    /// `buffer.overflow`: who gives way when there is no room.
    pub overflow: Overflow,
    /// `batch.size`: the most outputs in a batch.
    pub batch_len_max: usize,
    /// `batch.time_ms`: how long an output waits for company before a batch is sent that is not full.
    pub batch_wait_ms: u64,
    /// `in_flight`: how many batches may be with the action at once. With 1 the order is kept, retries included.
    pub in_flight_max: usize,
    /// `retry.first_ms`: how long to wait before the first retry; doubled with each further one.
    pub retry_first_ms: u64,
    /// `retry.max_ms`: the longest wait before a retry, unless the other side asks for more.
    pub retry_max_ms: u64,
    /// `retry.attempts`: how often an output is offered before it is dead; `None`: as long as it lives.
    pub attempts_max: Option<u32>,
    /// `buffer.dead_letters`: how many dead letters are kept to be looked at. Older ones are forgotten; `dead` counts them still.
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
