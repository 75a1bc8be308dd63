//! An action that takes everything at once, so that a bench measures what is around it.

use engine::{
    Action, ActionError, ActionFactory, ActionSpec, BoxFuture, ConfigError, Outcome, Output, Preview, PreviewPart,
};

/// Takes everything at once; and makes such actions, whatever they are called.
pub(crate) struct Swallow;

impl Action for Swallow {
    fn kind(&self) -> &'static str {
        "swallow"
    }

    fn send<'a>(&'a self, _batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Delivered })
    }

    fn preview(&self, output: &Output) -> Preview {
        Preview { parts: vec![PreviewPart::constant("row", output.row.to_json())], rejected: None }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }
}

impl ActionFactory for Swallow {
    fn build(&self, _spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        Ok(Box::new(Swallow))
    }
}
