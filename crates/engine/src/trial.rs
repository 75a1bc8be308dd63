//! A rule that is tried before there is a file of it: an event goes in, and the rows come out. Nothing is sent.

use bytestring::ByteString;
use events::{Map, Type};
use serde::{Deserialize, Serialize};
use sql::{Context, Diagnostic, Query, Rows, Store};

use crate::checked::FILE_BYTES_MAX;
use crate::codes;
use crate::engine::Engine;
use crate::given_event::GivenEvent;

/// Which product's events the rule is written for, as `compat` in the header of a rule file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compat {
    /// Ours: a name that is not in the catalogue is a mistake.
    Signalbox,
    /// EMQX's: such a name is NULL, and events have the values that EMQX gives them.
    Emqx,
}

/// Why a rule that was tried has no rows.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialRefused {
    /// Everything that is wrong with the SQL.
    Sql(Vec<Diagnostic>),
    /// Everything that is wrong with the event.
    Event(Vec<String>),
    /// FROM or WHERE passes the event by, and why.
    NoMatch(Vec<String>),
    /// The evaluation failed.
    Failed(Diagnostic),
}

impl Engine {
    /// The fields of the rows of a rule with their types; `None` where only an event can tell, or the SQL is wrong.
    pub fn output_fields(&self, sql: &str, compat: Compat) -> Option<Vec<(ByteString, Type)>> {
        let (query, _warnings) = compile(sql, compat).ok()?;
        query.output_fields()
    }

    /// Makes the rows of the event that `fields` tell of; fields that are not given are those of the sample.
    ///
    /// The store and the environment are empty, as in the tests of a rule file: whoever may try a rule sees nothing of
    /// those that run, and changes nothing. Limits are those of rules that run.
    pub fn try_sql(&self, sql: &str, compat: Compat, fields: &Map) -> Result<Rows, TrialRefused> {
        if sql.len() > FILE_BYTES_MAX {
            let message = format!("expected at most {FILE_BYTES_MAX} bytes of SQL, found {}", sql.len());
            return Err(TrialRefused::Sql(vec![Diagnostic::error(codes::FILE, 0..0, message)]));
        }
        let (query, _warnings) = compile(sql, compat).map_err(TrialRefused::Sql)?;
        let config = &self.shared.config;
        if config.jq.is_none()
            && let Some(off) = query.check_without_jq()
        {
            return Err(TrialRefused::Sql(vec![off]));
        }
        self.try_query(&query, sql, fields)
    }

    /// The same of a rule that is there; `None` where it is not, or was never right.
    pub fn try_rule(&self, id: &str, fields: &Map) -> Option<Result<Rows, TrialRefused>> {
        let running = self.shared.running.load_full();
        let rule = running.all.get(id)?.rule.as_ref()?;
        Some(self.try_query(&rule.checked.query, &rule.checked.sql, fields))
    }

    fn try_query(&self, query: &Query, sql: &str, fields: &Map) -> Result<Rows, TrialRefused> {
        let config = &self.shared.config;
        let event = GivenEvent::of_fields(fields, query.from()).map_err(TrialRefused::Event)?;
        let store = Store::new();
        let ctx = Context {
            jq: config.jq.as_ref(),
            seed: fastrand::u64(..),
            limits: config.limits,
            ..Context::new((self.shared.clock)(), &store)
        };
        let explanation = query.explain(sql, &event.columns(), &ctx);
        match &explanation.outcome {
            Ok(Rows::NoMatch) => Err(TrialRefused::NoMatch(explanation.why_no_row(sql))),
            Ok(rows @ (Rows::One(_) | Rows::Many(_))) => Ok(rows.clone()),
            Err(error) => Err(TrialRefused::Failed(error.clone().into())),
        }
    }
}

fn compile(sql: &str, compat: Compat) -> Result<(Query, Vec<Diagnostic>), Vec<Diagnostic>> {
    match compat {
        Compat::Signalbox => Query::compile(sql),
        Compat::Emqx => Query::compile_emqx(sql),
    }
}
