//! Messages on their way to the rules that listen to topics.

use broker::{Awaited, Observer};
use engine::Engine;
use events::Event;

/// The engine as the broker sees it.
#[derive(Debug)]
pub(crate) struct Rules(pub(crate) Engine);

impl Observer for Rules {
    fn wants_publish(&self, topic: &str) -> bool {
        self.0.wants_topic(topic)
    }

    fn published(&self, event: &Event, hops: u8) -> Option<Awaited> {
        self.0.on_publish(event, hops).map(Awaited::new)
    }

    fn repeated(&self, event: &Event) -> Option<Awaited> {
        self.0.on_repeat(event).map(Awaited::new)
    }
}
