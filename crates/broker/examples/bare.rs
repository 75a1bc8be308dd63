//! The broker alone, without rules, history and API: for measuring it.
//!
//! `bare [ADDR] [THREADS] [DIR]`; prints the address it listens at. Sessions are kept in DIR, where it is given.

use std::sync::Arc;

use auth::{Anonymous, Auth, AuthConfig};
use broker::{Broker, BrokerConfig, ListenerConfig, Observer};
use events::Event;

struct Nobody;

impl Observer for Nobody {
    fn wants_publish(&self, _topic: &str) -> bool {
        false
    }
    fn published(&self, _event: &Event, _hops: u8) -> Option<broker::Awaited> {
        None
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let threads = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let config =
            AuthConfig { anonymous: Anonymous::Loopback, users_file: None, acl_file: None, ..AuthConfig::default() };
        let auth = Auth::open(&config, std::path::Path::new(".")).expect("no file is read");
        let mut settings = BrokerConfig::default();
        settings.limits.queue_len_max = 100_000;
        let broker = Broker::new(settings, auth, Arc::new(Nobody));
        if let Some(dir) = arguments.next() {
            broker.recover(std::path::Path::new(&dir)).expect("the directory can be written");
        }
        let address = address.parse().expect("the first argument is an address such as 127.0.0.1:1883");
        let bound = broker.listen("bare", ListenerConfig::new(address)).await?;
        #[expect(clippy::print_stdout, reason = "whoever measures reads the address here")]
        {
            println!("{bound}");
        }
        std::future::pending::<()>().await;
        Ok(())
    })
}
