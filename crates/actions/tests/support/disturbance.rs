//! Sending while a server is killed and started again.

use engine::{Action, Output};

use crate::support::{output, send_until_decided};

/// Outputs of a client with these numbers as `value`.
pub(crate) fn numbered(client: &str, numbers: std::ops::Range<u32>) -> Vec<Output> {
    let row = |n: u32| output(n + 1, &format!(r#"{{"clientid":"{client}","value":{n}}}"#));
    numbers.map(row).collect()
}

/// Sends batches of numbers from 0 on, of the clients `a` and `b`, until `disturb` is done with the server. It is told of
/// every batch that was delivered. How many numbers of each client were sent.
pub(crate) async fn send_while<D>(action: &dyn Action, disturb: D) -> u32
where
    D: FnOnce(std::sync::mpsc::Receiver<()>) + Send + 'static,
{
    const LEN: u32 = 20;
    let (delivered, progress) = std::sync::mpsc::channel();
    let disturbing = tokio::task::spawn_blocking(move || disturb(progress));
    let mut sent = 0;
    let sending = async {
        loop {
            let of = |client| numbered(client, sent..sent + LEN);
            let batch: Vec<Output> = of("a").into_iter().zip(of("b")).flat_map(|(a, b)| [a, b]).collect();
            assert_eq!(send_until_decided(action, &batch).await, vec!["delivered"; batch.len()]);
            sent += LEN;
            // Nobody listens any more when the server was disturbed for the last time.
            delivered.send(()).unwrap_or_default();
        }
    };
    tokio::select! {
        disturbed = disturbing => disturbed.expect("the server starts again"),
        () = sending => {}
    }
    sent
}

/// The first time that each number is seen: what is sent again stands there twice.
pub(crate) fn first_seen<'a>(numbers: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
    let mut seen = std::collections::HashSet::new();
    let read = numbers.into_iter().map(|number| number.parse().unwrap_or_else(|_| panic!("no number: {number}")));
    read.filter(|number| seen.insert(*number)).collect()
}
