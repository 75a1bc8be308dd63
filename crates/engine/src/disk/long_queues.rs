//! Queues that are longer than what is held in memory, under scripts of calls: what is read back is what was written, in
//! order, over restarts too.

use std::collections::BTreeSet;
use std::path::Path;

use events::Timestamp;
use proptest::prelude::*;

use super::cold::Cold;
use super::{DiskBuffer, Left};
use crate::action::Outcome;
use crate::buffer::{Amount, Batch, Buffer, BufferOptions, Next, Overflow, Pushed};
use crate::error_class::ErrorClass;
use crate::output::Output;
use crate::output::tests::numbered;

/// How much is in memory: of what was never offered, and of what waits behind others.
const WARM: usize = 4;
const PARKED: usize = 3;
const CHUNK: u64 = 3;
const BATCH: usize = 2;

/// A buffer with its disk, as the worker of an action has them.
struct Queue {
    buffer: Buffer,
    disk: DiskBuffer,
    in_flight: Vec<Batch>,
}

impl Queue {
    fn open(dir: &Path, len_max: usize) -> Queue {
        let (mut disk, left) = DiskBuffer::open(dir, &"rule".into(), &"action".into()).unwrap();
        let options = BufferOptions {
            len_max,
            batch_len_max: BATCH,
            in_flight_max: 3,
            overflow: Overflow::DropNew,
            breaker_after: None,
            ..BufferOptions::default()
        };
        let mut buffer = Buffer::new(options);
        if left.cold.0 == 0 {
            disk.cold = Cold::of_chunks(CHUNK);
        }
        buffer.restore(left);
        buffer.hold_at_most(Amount { len: WARM, bytes: 1 << 20 }, Amount { len: PARKED, bytes: 1 << 20 });
        Queue { buffer, disk, in_flight: Vec::new() }
    }

    fn account<T>(&mut self, change: impl FnOnce(&mut Queue) -> T) -> T {
        if self.buffer.wants_warming() {
            let (outputs, lost) = self.disk.load().unwrap();
            assert_eq!(lost, 0);
            self.buffer.warm(outputs, lost);
        }
        let result = change(self);
        let numbers = self.buffer.take_done().numbers;
        self.disk.note_off(&numbers, (self.buffer.ledger(), self.buffer.drops()));
        result
    }

    /// False where there was no room.
    fn push(&mut self, now: i64, n: i64) -> bool {
        let output = of_client(n, now);
        self.account(|queue| {
            let Pushed { number, is_cold, wakes: _ } = queue.buffer.push(Timestamp(now), output.clone());
            number.is_some_and(|number| {
                queue.disk.keep(number, &output, is_cold);
                true
            })
        })
    }

    fn send(&mut self, now: i64) -> bool {
        let next = self.account(|queue| queue.buffer.next_batch(Timestamp(now)));
        if let Next::Send(batch) = next {
            self.in_flight.push(batch);
            return true;
        }
        false
    }

    /// The numbers that have arrived.
    fn complete(&mut self, now: i64, which: usize, arrives: bool) -> Vec<i64> {
        let batch = self.in_flight.remove(which);
        let numbers = if arrives { batch.outputs().iter().map(number_of).collect() } else { Vec::new() };
        let outcome = if arrives {
            Outcome::Delivered
        } else {
            Outcome::Retry { class: ErrorClass::Unreachable, reason: "away".into(), after: None }
        };
        self.account(|queue| queue.buffer.complete(Timestamp(now), batch, outcome, 7));
        numbers
    }

    fn wait_until_durable(&self) {
        while self.disk.stats().durable < self.disk.stats().next {
            std::thread::yield_now();
        }
    }
}

fn of_client(n: i64, now: i64) -> Output {
    Output { client_id: Some(format!("client {}", n % 3).into()), ..numbered(n, Timestamp(now)) }
}

fn number_of(output: &Output) -> i64 {
    match output.row.get("n") {
        Some(events::Value::Int(n)) => *n,
        other => panic!("the row of a script has a number, found {other:?}"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Send,
    Complete { which: usize, arrives: bool },
    Pass(i64),
    Settle,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1usize..12).prop_map(Step::Push),
        12 => Just(Step::Send),
        12 => (0usize..3, prop::bool::weighted(0.8)).prop_map(|(which, arrives)| Step::Complete { which, arrives }),
        4 => (1i64..2_000).prop_map(Step::Pass),
        4 => Just(Step::Settle),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..120)
}

/// The outputs of one client in the order of their arrival in one run.
fn is_in_order(arrived: &[i64]) -> bool {
    (0..3).all(|client| arrived.iter().filter(|n| **n % 3 == client).is_sorted())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_does_not_fit_into_memory_comes_back_in_order_and_whole(steps in steps(), len_max in 10usize..200) {
        let dir = tempfile::tempdir().unwrap();
        let mut queue = Queue::open(dir.path(), len_max);
        let (mut now, mut n) = (0i64, 0i64);
        let (mut expected, mut all_arrived) = (BTreeSet::new(), BTreeSet::new());
        let mut arrived: Vec<i64> = Vec::new();
        let mut has_restarted = false;
        for step in steps {
            match step {
                Step::Push(count) => for _ in 0..count {
                    if queue.push(now, n) {
                        expected.insert(n);
                    }
                    n += 1;
                },
                Step::Send => drop(queue.send(now)),
                Step::Complete { which, arrives } => if which < queue.in_flight.len() {
                    arrived.extend(queue.complete(now, which, arrives));
                },
                Step::Pass(ms) => now += ms,
                Step::Settle => queue.wait_until_durable(),
                Step::Restart => {
                    has_restarted = true;
                    prop_assert!(is_in_order(&arrived), "{arrived:?}");
                    all_arrived.extend(arrived.drain(..));
                    let before = queue.buffer.ledger();
                    drop(queue);
                    queue = Queue::open(dir.path(), len_max);
                    let after = queue.buffer.ledger();
                    prop_assert_eq!(after.queued, before.queued + before.in_flight);
                    prop_assert_eq!(after.delivered, before.delivered);
                }
            }
            let ledger = queue.buffer.ledger();
            prop_assert!(ledger.balances(), "{ledger:?}");
            prop_assert_eq!(queue.buffer.is_empty(), queue.buffer.held_bytes() == 0);
            // After a restart they are read back by more at a time.
            let most = WARM + PARKED + 4 * BATCH + usize::try_from(CHUNK).unwrap();
            prop_assert!(has_restarted || queue.buffer.here() <= most, "{}", queue.buffer.here());
        }
        // All that is left arrives.
        while !queue.buffer.is_empty() {
            queue.wait_until_durable();
            now += 10_000;
            while queue.send(now) {}
            while !queue.in_flight.is_empty() {
                arrived.extend(queue.complete(now, 0, true));
            }
        }
        prop_assert!(is_in_order(&arrived), "{arrived:?}");
        all_arrived.extend(arrived);
        prop_assert_eq!(all_arrived, expected);
        prop_assert!(queue.disk.cold.len() == 0 && queue.disk.cold.first_position().is_none());
    }
}

#[test]
fn one_client_that_waits_lets_others_pass_as_long_as_there_is_room_for_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(dir.path(), 1_000);
    for n in 0..60 {
        assert!(queue.push(0, n));
    }
    queue.wait_until_durable();
    // Client 0 is refused whenever it is offered; the others get through until three of client 0 wait behind the first.
    let mut arrived = Vec::new();
    for now in 0..200 {
        while queue.send(now) {}
        while let Some(batch) = queue.in_flight.first() {
            let arrives = batch.outputs().iter().all(|output| number_of(output) % 3 != 0);
            arrived.extend(queue.complete(now, 0, arrives));
        }
    }
    assert!(arrived.len() >= 2 * PARKED, "{arrived:?}");
    assert!(queue.buffer.here() <= WARM + PARKED + 4 * BATCH + usize::try_from(CHUNK).unwrap());
}

#[test]
fn a_queue_of_a_former_process_is_read_back_and_not_held_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(dir.path(), 100_000);
    for n in 0..50_000 {
        assert!(queue.push(0, n));
    }
    drop(queue);
    let (mut disk, Left { queued, cold, next_number, .. }) =
        DiskBuffer::open(dir.path(), &"rule".into(), &"action".into()).unwrap();
    assert_eq!((queued.len(), cold.0, next_number), (0, 50_000, 50_000));
    let (outputs, lost) = disk.load().unwrap();
    assert_eq!((outputs.len(), lost), (10_000, 0));
    assert!(
        outputs
            .iter()
            .zip(0..)
            .all(|((number, output), n)| *number == n && number_of(output) == i64::try_from(n).unwrap())
    );
}

#[test]
fn what_was_lost_on_disk_since_is_counted_when_it_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(dir.path(), 1_000);
    for n in 0..30 {
        assert!(queue.push(0, n));
    }
    queue.wait_until_durable();
    let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let len = bytes.len();
    bytes[len / 2..len / 2 + 40].fill(0xA5);
    std::fs::write(&file, bytes).unwrap();
    let mut lost = 0;
    while queue.disk.cold.len() > 0 {
        let (outputs, missed) = queue.disk.load().unwrap();
        queue.buffer.warm(outputs, missed);
        lost += missed;
    }
    assert!((1..=2).contains(&lost), "{lost}");
    assert!(queue.buffer.ledger().balances() && queue.buffer.drops().damaged == lost);
}
