//! `console`: prints each output as one line of JSON.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, Outcome, Output, Preview, PreviewPart,
};
use events::{Map, Value};
use parking_lot::Mutex;

use crate::kind::{Kind, Way};
use crate::options::{Options as _, options, read};

pub(crate) const KIND: Kind = Kind {
    name: "console",
    doc: "Prints outputs, one line of JSON each.",
    connector: &[],
    action: ConsoleOptions::FIELDS,
    sample_connector: "",
    sample_action: "",
    way: Way::Direct(|surroundings, spec| Ok(Box::new(ConsoleAction::new(&surroundings.console, spec)?))),
};

options! {
    /// An action that prints.
    struct ConsoleOptions {}
}

/// Where the console prints to: the standard output, in tests a buffer.
#[derive(Clone)]
pub struct Console(Arc<Mutex<dyn Write + Send>>);

impl Console {
    /// A console that prints to `out`.
    pub fn new(out: impl Write + Send + 'static) -> Console {
        Console(Arc::new(Mutex::new(out)))
    }

    fn print(&self, lines: &str) -> std::io::Result<()> {
        let mut out = self.0.lock();
        out.write_all(lines.as_bytes())?;
        out.flush()
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

/// A rule's use of the console.
#[derive(Debug)]
pub(crate) struct ConsoleAction {
    console: Console,
}

impl ConsoleAction {
    /// Reads the options of an action: there are none.
    pub(crate) fn new(console: &Console, spec: &ActionSpec<'_>) -> Result<ConsoleAction, Vec<ConfigError>> {
        let ConsoleOptions {} = read(spec.options)?;
        Ok(ConsoleAction { console: console.clone() })
    }

    async fn print(&self, batch: &[Output]) -> Outcome {
        let lines: String = batch.iter().map(line).collect();
        let console = self.console.clone();
        // A terminal that is stopped, or a pipe nobody reads, holds up its writer.
        let printed = tokio::task::spawn_blocking(move || console.print(&lines)).await;
        match printed {
            Ok(Ok(())) => Outcome::Delivered,
            Ok(Err(error)) => {
                Outcome::Rejected { class: ErrorClass::Internal, reason: format!("cannot print: {error}") }
            }
            Err(error) => {
                Outcome::Retry { class: ErrorClass::Internal, reason: format!("cannot print: {error}"), after: None }
            }
        }
    }
}

impl Action for ConsoleAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.print(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        let line = PreviewPart::constant("line", line(output).trim_end());
        Preview { parts: vec![line], rejected: None }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }
}

/// `{"rule":"connack","event_id":"...","output_id":"...","row":{...}}` and a line break.
fn line(output: &Output) -> String {
    let mut map = Map::with_capacity(4);
    map.push_new("rule".into(), Value::from(&*output.rule));
    map.push_new("event_id".into(), Value::from(output.event_id.to_string()));
    map.push_new("output_id".into(), Value::from(output.output_id().to_string()));
    map.push_new("row".into(), Value::Map(Arc::clone(&output.row)));
    map.to_json() + "\n"
}
