//! A rule that runs: it turns an event into outputs of its actions.

use std::sync::Arc;

use bytestring::ByteString;
use events::{EventId, Map, Timestamp};
use sql::{Columns, Context, Rows};

use crate::buffered::Awaited;
use crate::checked::CheckedRule;
use crate::counters::RuleCounters;
use crate::output::Output;
use crate::worker::Worker;

/// A rule with its actions at work.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) checked: CheckedRule,
    pub(crate) counters: Arc<RuleCounters>,
    /// Every action, fallbacks included.
    pub(crate) workers: Vec<Arc<Worker>>,
    /// The actions that get every row.
    pub(crate) direct: Vec<Arc<Worker>>,
    /// Whether one of them has `overflow = "block_rule"`.
    pub(crate) may_block: bool,
}

/// Where the outputs of one event come from, the same for every rule.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) event_id: EventId,
    pub(crate) client_id: Option<ByteString>,
    pub(crate) trigger: ByteString,
    pub(crate) hops: u8,
    pub(crate) now: Timestamp,
    /// Whether somebody waits until outputs are on disk, whatever the rule requires.
    pub(crate) is_awaited: bool,
}

impl Rule {
    /// Runs the rule on one event and hands every row to every action. Adds to `awaited` what a publisher has to wait
    /// for.
    pub(crate) fn run(&self, columns: &dyn Columns, ctx: &Context<'_>, origin: &Origin, awaited: &mut Awaited) {
        if !self.checked.query.knows(columns) {
            return;
        }
        if self.is_blocked(origin.now) {
            self.counters.count_blocked();
            return;
        }
        let result = self.checked.query.eval(columns, ctx);
        if ctx.payload_not_json.replace(false) {
            self.counters.count_payload_not_json();
        }
        match result {
            Ok(Rows::One(row)) => {
                self.counters.count_passed();
                self.hand_out(row, 0, origin, awaited);
            }
            Ok(Rows::Many(rows)) if !rows.is_empty() => {
                self.counters.count_passed();
                for (row_number, row) in (0..).zip(rows) {
                    self.hand_out(row, row_number, origin, awaited);
                }
            }
            Ok(Rows::NoMatch | Rows::Many(_)) => self.counters.count_no_result(),
            Err(error) => {
                self.counters.count_exception(origin.now, self.id(), self.checked.located(&error));
            }
        }
    }

    /// Whether an action that may drop nothing has no room.
    pub(crate) fn is_blocked(&self, now: Timestamp) -> bool {
        self.may_block && self.direct.iter().any(|worker| worker.blocks_rule(now))
    }

    /// The identifier.
    pub(crate) fn id(&self) -> &Arc<str> {
        &self.checked.source.id
    }

    fn hand_out(&self, row: Map, row_number: u32, origin: &Origin, awaited: &mut Awaited) {
        let row = Arc::new(row);
        for worker in &self.direct {
            let output = Output {
                row: Arc::clone(&row),
                event_id: origin.event_id,
                rule: Arc::clone(self.id()),
                action: Arc::clone(worker.name()),
                row_number,
                client_id: origin.client_id.clone(),
                trigger: origin.trigger.clone(),
                hops: origin.hops,
                created: origin.now,
            };
            let mark = worker.push(origin.now, output);
            if self.checked.requires_buffered || origin.is_awaited {
                awaited.add(worker, mark);
            }
        }
    }
}
