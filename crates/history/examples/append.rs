//! Appends events for ever and prints the last `seq` that is written, line by line: to be killed, or to be measured.
//!
//! `append DIR [EVENTS]`: with a number it ends after so many, and prints how many it wrote in a second.
#![expect(clippy::disallowed_methods, reason = "measures")]
#![expect(clippy::print_stdout, reason = "its output is read by whoever started it")]

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use events::{Body, Event, Kind, Timestamp};
use history::{History, HistoryConfig, Item, Query};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("expected a folder")?;
    let events_max: Option<u64> = arguments.next().map(|number| number.parse()).transpose()?;
    let history = History::open(dir.as_ref(), HistoryConfig::default())?;
    let (started, first) = (Instant::now(), history.last_seq() + 1);
    let mut seq = first;
    while events_max.is_none_or(|max| seq - first < max) {
        let next = seq + 1000;
        history.append((seq..next).map(event));
        seq = next;
        if events_max.is_none() || history.stats().queue_len > 50_000 {
            history.flush()?;
        }
        if events_max.is_none() {
            println!("{}", seq - 1);
            std::io::stdout().flush()?;
        }
    }
    history.flush()?;
    let took = started.elapsed();
    println!(
        "{:.0} events in a second, {:?}",
        f64::from(u32::try_from(seq - first)?) / took.as_secs_f64(),
        history.stats()
    );
    for client in ["client-7", "client-99999", "nobody"] {
        let asked = Instant::now();
        let found = history.query(&Query { client: Some(client.to_owned()), ..Query::default() })?.len();
        println!("{found} of {client} in {:?}", asked.elapsed());
    }
    Ok(())
}

fn event(seq: u64) -> Item {
    let mut event = Event::sample(Kind::ClientConnected);
    event.head.seq = Some(seq);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    event.head.timestamp = Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or_default());
    if let Body::ClientConnected(connected) = &mut event.body {
        // Spread over a hundred thousand clients in no order.
        connected.clientid = format!("client-{}", seq.wrapping_mul(2_654_435_761) % 100_000).into();
    }
    Item::Event(Arc::new(event))
}
