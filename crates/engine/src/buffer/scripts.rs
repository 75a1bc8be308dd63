//! Buffers under scripts of calls: the ledger balances after every step, and the order holds.

use std::time::Duration;

use events::Timestamp;
use proptest::prelude::*;

use super::{Batch, BreakerState, Buffer, BufferOptions, Ledger, Next, Order, Overflow};
use crate::action::{ItemOutcome, Outcome};
use crate::error_class::ErrorClass;
use crate::output::Output;
use crate::output::tests::numbered;

fn number_of(output: &Output) -> i64 {
    match output.row.get("n") {
        Some(events::Value::Int(n)) => *n,
        other => panic!("the row of a script has a number, found {other:?}"),
    }
}

fn numbers_of(batch: &Batch) -> Vec<i64> {
    batch.outputs().iter().map(number_of).collect()
}

fn retry() -> Outcome {
    Outcome::Retry { class: ErrorClass::Unreachable, reason: "away".into(), after: None }
}

fn rejected() -> Outcome {
    Outcome::Rejected { class: ErrorClass::Refused, reason: "no such column".into() }
}

/// A buffer with the outputs 0, 1, ... that were made at 0.
fn filled(len: i64, options: BufferOptions) -> Buffer {
    let mut buffer = Buffer::new(options);
    for n in 0..len {
        buffer.push(Timestamp(0), numbered(n, Timestamp(0)));
    }
    buffer
}

fn take(buffer: &mut Buffer, now: i64) -> Batch {
    match buffer.next_batch(Timestamp(now)) {
        Next::Send(batch) => batch,
        other @ (Next::Wait { .. } | Next::Check | Next::Idle) => panic!("expected a batch at {now}, found {other:?}"),
    }
}

fn wait(buffer: &mut Buffer, now: i64) -> i64 {
    match buffer.next_batch(Timestamp(now)) {
        Next::Wait { until } => until.0,
        other @ (Next::Send(_) | Next::Check | Next::Idle) => panic!("expected a wait at {now}, found {other:?}"),
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let options = BufferOptions { batch_wait_ms: 50, ..BufferOptions::default() };
    let mut buffer = Buffer::new(options);
    let hour = 3_600_000;
    buffer.push(Timestamp(hour), numbered(0, Timestamp(hour)));
    assert_eq!(wait(&mut buffer, hour), hour + 50);
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(hour), batch, retry(), 0);
    assert!(wait(&mut buffer, hour) > hour);
    assert_eq!(numbers_of(&take(&mut buffer, 0)), [0]);
}

#[test]
fn a_poison_output_does_not_take_its_neighbours() {
    let mut buffer = filled(100, BufferOptions::default());
    let mut sends = 0;
    let mut delivered = Vec::new();
    while let Next::Send(batch) = buffer.next_batch(Timestamp(0)) {
        sends += 1;
        let numbers = numbers_of(&batch);
        let outcome = if numbers.contains(&42) { rejected() } else { Outcome::Delivered };
        if outcome == Outcome::Delivered {
            delivered.extend(numbers);
        }
        buffer.complete(Timestamp(0), batch, outcome, 0);
    }
    assert_eq!(delivered, (0..100).filter(|n| *n != 42).collect::<Vec<_>>());
    let letters = buffer.take_done().dead;
    assert_eq!(letters.len(), 1);
    assert_eq!((number_of(&letters[0].output), &*letters[0].reason), (42, "no such column"));
    assert_eq!(buffer.ledger(), Ledger { in_: 100, delivered: 99, dead: 1, ..Ledger::default() });
    assert!(sends <= 2 * 7 + 1, "{sends} sends to find one of a hundred");
}

#[test]
fn a_retried_batch_keeps_its_place_and_waits_longer_each_time() {
    let mut buffer = filled(2, BufferOptions { batch_len_max: 1, breaker_after: None, ..BufferOptions::default() });
    let mut now = 0;
    for pause_ms in [50, 100, 200, 400, 800, 1600, 2500, 2500] {
        let batch = take(&mut buffer, now);
        assert_eq!(numbers_of(&batch), [0]);
        buffer.complete(Timestamp(now), batch, retry(), 0);
        assert_eq!(wait(&mut buffer, now), now + pause_ms);
        now += pause_ms;
    }
    assert_eq!(buffer.trouble().map(|t| (&*t.reason, t.since.0, t.attempts)), Some(("away", 0, 8)));
    let batch = take(&mut buffer, now);
    buffer.complete(Timestamp(now), batch, Outcome::Delivered, 0);
    assert_eq!(buffer.trouble(), None);
    assert_eq!(numbers_of(&take(&mut buffer, now)), [1]);
}

#[test]
fn the_other_side_may_ask_for_more_patience() {
    let mut buffer = filled(1, BufferOptions::default());
    let batch = take(&mut buffer, 0);
    let after = Some(Duration::from_secs(30));
    buffer.complete(
        Timestamp(0),
        batch,
        Outcome::Retry { class: ErrorClass::Unreachable, reason: "429".into(), after },
        7,
    );
    assert_eq!(wait(&mut buffer, 1), 30_000);
}

#[test]
fn after_the_allowed_attempts_an_output_is_dead() {
    let mut buffer = filled(1, BufferOptions { attempts_max: Some(2), ..BufferOptions::default() });
    for now in [0, 1_000] {
        let batch = take(&mut buffer, now);
        buffer.complete(Timestamp(now), batch, retry(), 0);
    }
    assert_eq!(buffer.ledger(), Ledger { in_: 1, dead: 1, ..Ledger::default() });
    let letter = buffer.take_done().dead.remove(0);
    assert_eq!(&*letter.reason, "given up after 2 attempts, the last of which said: away");
}

#[test]
fn each_output_may_have_an_outcome_of_its_own() {
    let mut buffer = filled(3, BufferOptions::default());
    let batch = take(&mut buffer, 0);
    let outcomes = vec![
        ItemOutcome::Retry { class: ErrorClass::Unreachable, reason: "busy".into(), after: None },
        ItemOutcome::Delivered,
        ItemOutcome::Rejected { class: ErrorClass::Refused, reason: "422".into() },
    ];
    buffer.complete(Timestamp(0), batch, Outcome::PerItem(outcomes), 0);
    assert_eq!(buffer.ledger(), Ledger { in_: 3, delivered: 1, dead: 1, queued: 1, ..Ledger::default() });
    assert_eq!(numbers_of(&take(&mut buffer, 1_000)), [0]);
}

#[test]
fn an_answer_for_another_number_of_outputs_loses_nothing_in_silence() {
    let mut buffer = filled(2, BufferOptions::default());
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(0), batch, Outcome::PerItem(vec![ItemOutcome::Delivered]), 0);
    assert_eq!(buffer.ledger(), Ledger { in_: 2, dead: 2, ..Ledger::default() });
}

#[test]
fn a_full_buffer_drops_the_oldest_or_the_new_as_asked() {
    for (overflow, left) in [(Overflow::DropOldest, [2, 3]), (Overflow::DropNew, [0, 1])] {
        let mut buffer = filled(4, BufferOptions { len_max: 2, overflow, ..BufferOptions::default() });
        assert_eq!(buffer.ledger(), Ledger { in_: 4, dropped: 2, queued: 2, ..Ledger::default() });
        assert_eq!(numbers_of(&take(&mut buffer, 0)), left);
    }
}

#[test]
fn what_is_in_flight_is_never_dropped_for_room() {
    let mut buffer = filled(2, BufferOptions { len_max: 2, ..BufferOptions::default() });
    let batch = take(&mut buffer, 0);
    buffer.push(Timestamp(0), numbered(2, Timestamp(0)));
    assert_eq!(buffer.ledger(), Ledger { in_: 3, dropped: 1, in_flight: 2, ..Ledger::default() });
    buffer.complete(Timestamp(0), batch, Outcome::Delivered, 0);
    assert_eq!(buffer.ledger(), Ledger { in_: 3, dropped: 1, delivered: 2, ..Ledger::default() });
}

#[test]
fn the_bytes_held_are_bounded_too() {
    let one = numbered(0, Timestamp(0)).bytes();
    let buffer = filled(5, BufferOptions { bytes_max: 3 * one, ..BufferOptions::default() });
    assert_eq!((buffer.ledger().queued, buffer.ledger().dropped, buffer.held_bytes()), (3, 2, 3 * one));
    let mut tiny = filled(1, BufferOptions { bytes_max: one - 1, ..BufferOptions::default() });
    assert_eq!(tiny.ledger(), Ledger { in_: 1, dropped: 1, ..Ledger::default() });
    assert!(matches!(tiny.next_batch(Timestamp(0)), Next::Idle));
}

#[test]
fn an_output_that_is_too_old_expires_queued_or_resting() {
    let mut buffer = filled(2, BufferOptions { age_max_ms: Some(500), batch_len_max: 1, ..BufferOptions::default() });
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(0), batch, retry(), 0);
    buffer.push(Timestamp(400), numbered(2, Timestamp(400)));
    assert_eq!(numbers_of(&take(&mut buffer, 500)), [2]);
    assert_eq!(buffer.ledger(), Ledger { in_: 3, expired: 2, in_flight: 1, ..Ledger::default() });
}

#[test]
fn a_batch_waits_for_company_but_not_when_draining() {
    let options = BufferOptions { batch_len_max: 3, batch_wait_ms: 20, ..BufferOptions::default() };
    let mut buffer = filled(2, options.clone());
    assert_eq!(wait(&mut buffer, 5), 20);
    assert!(buffer.push(Timestamp(6), numbered(2, Timestamp(6))).wakes, "a full batch wakes the worker");
    assert_eq!(take(&mut buffer, 6).outputs().len(), 3);

    let mut buffer = filled(2, options);
    buffer.drain();
    assert_eq!(take(&mut buffer, 0).outputs().len(), 2);
}

#[test]
fn what_would_be_lost_goes_to_the_fallback() {
    let options = BufferOptions { has_fallback: true, len_max: 2, batch_len_max: 1, ..BufferOptions::default() };
    let mut buffer = filled(3, options);
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(0), batch, rejected(), 0);
    assert_eq!(buffer.ledger(), Ledger { in_: 3, fallen_back: 2, queued: 1, ..Ledger::default() });
    assert_eq!(buffer.take_done().fallen_back.iter().map(number_of).collect::<Vec<_>>(), [0, 1]);
    assert!(buffer.take_done().fallen_back.is_empty());
}

#[test]
fn new_options_let_a_resting_batch_go_at_once() {
    let mut buffer = filled(1, BufferOptions { retry_first_ms: 60_000, retry_max_ms: 60_000, ..Default::default() });
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(0), batch, retry(), 0);
    assert_eq!(wait(&mut buffer, 1), 30_000);
    buffer.set_options(Timestamp(1), BufferOptions::default());
    assert_eq!(numbers_of(&take(&mut buffer, 1)), [0]);
}

/// An output of one of three clients.
fn of_client(n: i64, now: Timestamp) -> Output {
    Output { client_id: Some(format!("client {}", n % 3).into()), ..numbered(n, now) }
}

/// A buffer with the outputs 0, 1, ... of three clients in turn, one in a batch.
fn of_clients(len: i64, options: BufferOptions) -> Buffer {
    let mut buffer = Buffer::new(BufferOptions { batch_len_max: 1, ..options });
    for n in 0..len {
        buffer.push(Timestamp(0), of_client(n, Timestamp(0)));
    }
    buffer
}

#[test]
fn a_client_whose_outputs_are_put_off_holds_nobody_else_back() {
    let mut buffer = of_clients(9, BufferOptions::default());
    let (mut now, mut delivered) = (0, Vec::new());
    while delivered.len() < 6 {
        match buffer.next_batch(Timestamp(now)) {
            Next::Send(batch) if numbers_of(&batch)[0] % 3 == 0 => buffer.complete(Timestamp(now), batch, retry(), 0),
            Next::Send(batch) => {
                delivered.extend(numbers_of(&batch));
                buffer.complete(Timestamp(now), batch, Outcome::Delivered, 0);
            }
            Next::Wait { until } => now = until.0,
            other @ (Next::Check | Next::Idle) => panic!("expected something to do, found {other:?}"),
        }
    }
    assert_eq!(delivered, [1, 2, 4, 5, 7, 8]);
    assert!(now < 1_000, "the others have waited {now} ms");
    assert_eq!(buffer.trouble(), None, "the other side is there");
    // When it is over, they come in order.
    while !buffer.is_empty() {
        match buffer.next_batch(Timestamp(now)) {
            Next::Send(batch) => {
                delivered.extend(numbers_of(&batch));
                buffer.complete(Timestamp(now), batch, Outcome::Delivered, 0);
            }
            Next::Wait { until } => now = until.0,
            other @ (Next::Check | Next::Idle) => panic!("expected something to do, found {other:?}"),
        }
    }
    assert_eq!(delivered[6..], [0, 3, 6]);
}

#[test]
fn a_row_of_a_batch_that_is_put_off_lets_the_others_of_its_client_wait_and_nobody_else() {
    let mut buffer = Buffer::new(BufferOptions { batch_len_max: 3, ..BufferOptions::default() });
    for n in 0..6 {
        buffer.push(Timestamp(0), of_client(n, Timestamp(0)));
    }
    let batch = take(&mut buffer, 0);
    let outcomes = vec![
        ItemOutcome::Retry { class: ErrorClass::Unreachable, reason: "503".into(), after: None },
        ItemOutcome::Delivered,
        ItemOutcome::Delivered,
    ];
    buffer.complete(Timestamp(0), batch, Outcome::PerItem(outcomes), 0);
    let batch = take(&mut buffer, 0);
    assert_eq!(numbers_of(&batch), [4, 5]);
    buffer.complete(Timestamp(0), batch, Outcome::Delivered, 0);
    assert_eq!(wait(&mut buffer, 0), 50);
    assert_eq!(numbers_of(&take(&mut buffer, 50)), [0, 3]);
}

#[test]
fn batches_under_way_at_once_have_different_clients() {
    let mut buffer = of_clients(6, BufferOptions { in_flight_max: 5, ..BufferOptions::default() });
    let mut batches: Vec<Batch> = (0..3).map(|_| take(&mut buffer, 0)).collect();
    assert_eq!(batches.iter().flat_map(numbers_of).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(matches!(buffer.next_batch(Timestamp(0)), Next::Idle), "everybody waits for an answer");
    let first = batches.swap_remove(0);
    buffer.complete(Timestamp(0), first, Outcome::Delivered, 0);
    assert_eq!(numbers_of(&take(&mut buffer, 0)), [3]);
}

#[test]
fn without_order_nothing_waits_for_another_and_with_order_all_everything_does() {
    for (order, expected) in [(Order::None, vec![0, 1, 2, 3]), (Order::All, vec![0])] {
        let mut buffer = of_clients(4, BufferOptions { in_flight_max: 4, order, ..BufferOptions::default() });
        let mut sent = Vec::new();
        while let Next::Send(batch) = buffer.next_batch(Timestamp(0)) {
            sent.extend(numbers_of(&batch));
        }
        assert_eq!(sent, expected);
    }
    let by_row = Order::Template(sql::template::Template::compile("${n}").unwrap());
    let mut buffer =
        filled(2, BufferOptions { in_flight_max: 2, batch_len_max: 1, order: by_row, ..Default::default() });
    assert_eq!((numbers_of(&take(&mut buffer, 0)), numbers_of(&take(&mut buffer, 0))), (vec![0], vec![1]));
}

#[test]
fn after_some_failures_the_other_side_is_asked_before_anything_is_sent() {
    let mut buffer = filled(1, BufferOptions { breaker_after: Some(2), ..BufferOptions::default() });
    let mut now = 0;
    for _ in 0..2 {
        let batch = take(&mut buffer, now);
        buffer.complete(Timestamp(now), batch, retry(), 0);
        now = wait(&mut buffer, now);
    }
    assert!(matches!(buffer.next_batch(Timestamp(now)), Next::Check));
    assert!(matches!(buffer.next_batch(Timestamp(now)), Next::Idle), "one check at a time");
    assert_eq!(buffer.breaker(), BreakerState::Open);
    buffer.checked(Timestamp(now), Some("no route".into()), 0);
    assert_eq!(buffer.trouble().map(|trouble| &*trouble.reason), Some("no route"));
    now = wait(&mut buffer, now);
    assert!(matches!(buffer.next_batch(Timestamp(now)), Next::Check));
    buffer.checked(Timestamp(now), None, 0);
    assert_eq!(buffer.breaker(), BreakerState::HalfOpen);
    let batch = take(&mut buffer, now);
    buffer.complete(Timestamp(now), batch, Outcome::Delivered, 0);
    assert_eq!((buffer.trouble(), buffer.breaker()), (None, BreakerState::Closed));
}

#[test]
fn a_check_that_is_always_wrong_does_not_keep_everything_back_for_ever() {
    let mut buffer = filled(1, BufferOptions { breaker_after: Some(1), ..BufferOptions::default() });
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(0), batch, retry(), 0);
    let (mut now, mut checks) = (0, 0);
    let batch = loop {
        match buffer.next_batch(Timestamp(now)) {
            Next::Wait { until } => now = until.0,
            Next::Check => {
                checks += 1;
                buffer.checked(Timestamp(now), Some("405".into()), 0);
            }
            Next::Send(batch) => break batch,
            Next::Idle => panic!("nothing would ever be sent"),
        }
    };
    assert_eq!(checks, 4);
    buffer.complete(Timestamp(now), batch, Outcome::Delivered, 0);
    assert_eq!(buffer.ledger(), Ledger { in_: 1, delivered: 1, ..Ledger::default() });
}

#[test]
fn no_more_are_sent_in_a_second_than_is_allowed() {
    let mut buffer = filled(100, BufferOptions { per_s_max: Some(10), batch_len_max: 4, ..BufferOptions::default() });
    let (mut now, mut sent) = (1_000_000, 0);
    while now < 1_005_000 {
        match buffer.next_batch(Timestamp(now)) {
            Next::Send(batch) => {
                sent += batch.outputs().len();
                buffer.complete(Timestamp(now), batch, Outcome::Delivered, 0);
            }
            Next::Wait { until } => now = until.0,
            other @ (Next::Check | Next::Idle) => panic!("expected something to do, found {other:?}"),
        }
    }
    assert_eq!(sent, 10 + 49, "a second's worth at once, then ten a second");
}

#[test]
fn a_paused_buffer_takes_in_and_sends_nothing() {
    let mut buffer = filled(1, BufferOptions::default());
    buffer.set_paused(true);
    buffer.push(Timestamp(0), numbered(1, Timestamp(0)));
    assert!(matches!(buffer.next_batch(Timestamp(0)), Next::Idle));
    buffer.set_paused(false);
    assert_eq!(numbers_of(&take(&mut buffer, 0)), [0, 1]);
}

#[test]
fn a_dead_output_that_is_sent_again_is_queued_and_not_dead() {
    let mut buffer = filled(1, BufferOptions::default());
    let batch = take(&mut buffer, 0);
    buffer.complete(Timestamp(0), batch, rejected(), 0);
    let letter = buffer.take_done().dead.remove(0);
    assert_eq!((letter.attempts, letter.failures.len()), (1, 1));
    buffer.replay(Timestamp(1), letter.output);
    assert_eq!(buffer.ledger(), Ledger { in_: 1, queued: 1, ..Ledger::default() });
    // One that was dead before the account began counts as new.
    buffer.replay(Timestamp(1), numbered(7, Timestamp(0)));
    assert_eq!(buffer.ledger(), Ledger { in_: 2, queued: 2, ..Ledger::default() });
}

#[test]
fn every_attempt_is_remembered_with_its_time() {
    let mut buffer = filled(1, BufferOptions { attempts_max: Some(2), ..BufferOptions::default() });
    for now in [0, 1_000] {
        let batch = take(&mut buffer, now);
        buffer.complete(Timestamp(now), batch, retry(), 0);
    }
    let letter = buffer.take_done().dead.remove(0);
    let times: Vec<i64> = letter.failures.iter().map(|failure| failure.at.0).collect();
    assert_eq!((letter.attempts, times), (2, vec![0, 1_000]));
}

#[test]
fn a_closed_buffer_gives_up_what_it_has_and_what_still_comes() {
    let mut buffer = filled(3, BufferOptions { batch_len_max: 1, ..BufferOptions::default() });
    let batch = take(&mut buffer, 0);
    assert_eq!(buffer.close(), 2);
    buffer.push(Timestamp(0), numbered(3, Timestamp(0)));
    buffer.complete(Timestamp(0), batch, Outcome::Delivered, 0);
    assert_eq!(buffer.ledger(), Ledger { in_: 4, delivered: 1, dropped: 3, ..Ledger::default() });
}

/// One call of a random script.
#[derive(Clone, Debug)]
enum Step {
    Push,
    Next,
    /// Completes one of the batches in flight.
    Complete {
        which: usize,
        how: How,
    },
    Pass {
        ms: i64,
    },
    Close,
}

#[derive(Clone, Debug)]
enum How {
    Delivered,
    Retry {
        after_ms: u64,
    },
    Rejected,
    /// Each by its digit: 0 delivered, 1 retry, 2 rejected.
    Each(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![
        3 => Just(How::Delivered),
        2 => (0u64..300).prop_map(|after_ms| How::Retry { after_ms }),
        1 => Just(How::Rejected),
        1 => any::<u32>().prop_map(How::Each),
    ];
    let step = prop_oneof![
        16 => Just(Step::Push),
        12 => Just(Step::Next),
        12 => (0usize..4, how).prop_map(|(which, how)| Step::Complete { which, how }),
        6 => (0i64..400).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 0..200)
}

fn options() -> impl Strategy<Value = BufferOptions> {
    let limits = (1usize..12, 1usize..6, 1usize..4, prop::option::of(100u64..2_000));
    let habits = (0u64..50, prop::option::of(1u32..4), any::<bool>(), any::<bool>());
    (limits, habits).prop_map(|((len_max, batch_len_max, in_flight_max, age_max_ms), habits)| {
        let (batch_wait_ms, attempts_max, drop_new, has_fallback) = habits;
        BufferOptions {
            len_max,
            batch_len_max,
            in_flight_max,
            age_max_ms,
            batch_wait_ms,
            attempts_max,
            overflow: if drop_new { Overflow::DropNew } else { Overflow::DropOldest },
            has_fallback,
            ..BufferOptions::default()
        }
    })
}

fn outcome_of(how: &How, len: usize) -> Outcome {
    match how {
        How::Delivered => Outcome::Delivered,
        How::Retry { after_ms } => Outcome::Retry {
            class: ErrorClass::Unreachable,
            reason: "away".into(),
            after: Some(Duration::from_millis(*after_ms)),
        },
        How::Rejected => rejected(),
        How::Each(digits) => Outcome::PerItem(
            (0..u32::try_from(len).unwrap())
                .map(|at| match digits.rotate_left(2 * at) % 3 {
                    0 => ItemOutcome::Delivered,
                    1 => ItemOutcome::Retry { class: ErrorClass::Unreachable, reason: "busy".into(), after: None },
                    _ => ItemOutcome::Rejected { class: ErrorClass::Refused, reason: "422".into() },
                })
                .collect(),
        ),
    }
}

/// The outputs of `batch` that `outcome` says have arrived.
fn arrived(batch: &Batch, outcome: &Outcome) -> Vec<i64> {
    match outcome {
        Outcome::Delivered => numbers_of(batch),
        Outcome::Retry { .. } | Outcome::Rejected { .. } => Vec::new(),
        Outcome::PerItem(outcomes) => numbers_of(batch)
            .into_iter()
            .zip(outcomes)
            .filter(|(_, outcome)| **outcome == ItemOutcome::Delivered)
            .map(|(number, _)| number)
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_ledger_balances_and_the_limits_hold_after_every_step(options in options(), steps in steps()) {
        let mut buffer = Buffer::new(options.clone());
        let (mut now, mut pushed) = (0i64, 0i64);
        let mut in_flight: Vec<Batch> = Vec::new();
        let mut arrived_numbers = Vec::new();
        let mut fallen_back = 0;
        for step in steps {
            match step {
                Step::Push => {
                    buffer.push(Timestamp(now), numbered(pushed, Timestamp(now)));
                    pushed += 1;
                }
                Step::Next => if let Next::Send(batch) = buffer.next_batch(Timestamp(now)) {
                    prop_assert!((1..=options.batch_len_max).contains(&batch.outputs().len()));
                    in_flight.push(batch);
                },
                Step::Complete { which, how } => if which < in_flight.len() {
                    let batch = in_flight.remove(which);
                    let outcome = outcome_of(&how, batch.outputs().len());
                    arrived_numbers.extend(arrived(&batch, &outcome));
                    buffer.complete(Timestamp(now), batch, outcome, 0x5DEE_CE66);
                },
                Step::Pass { ms } => now += ms,
                Step::Close => { buffer.close(); }
            }
            fallen_back += buffer.take_done().fallen_back.len();
            let ledger = buffer.ledger();
            prop_assert!(ledger.balances(), "{ledger:?}");
            let sent: usize = in_flight.iter().map(|batch| batch.outputs().len()).sum();
            prop_assert!(in_flight.len() <= options.in_flight_max);
            prop_assert_eq!(ledger.in_flight, u64::try_from(sent).unwrap());
            prop_assert_eq!(ledger.in_, u64::try_from(pushed).unwrap());
            prop_assert_eq!(ledger.delivered, u64::try_from(arrived_numbers.len()).unwrap());
            prop_assert_eq!(ledger.fallen_back, u64::try_from(fallen_back).unwrap());
            prop_assert!(ledger.queued + ledger.in_flight <= u64::try_from(options.len_max).unwrap());
            prop_assert_eq!(buffer.is_empty(), buffer.held_bytes() == 0);
        }
        let mut once = arrived_numbers.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), arrived_numbers.len(), "delivered twice");
    }

    /// Whatever comes back and however many batches are under way: the outputs of one client arrive in order. Of a batch
    /// in which each has an outcome of its own, the action puts off all of a client behind the one that it puts off.
    #[test]
    fn outputs_of_one_client_arrive_in_order(options in options(), steps in steps()) {
        let options = BufferOptions { breaker_after: None, ..options };
        let mut buffer = Buffer::new(options);
        let (mut now, mut pushed) = (0i64, 0i64);
        let mut in_flight: Vec<Batch> = Vec::new();
        let mut arrived_numbers: [Vec<i64>; 3] = Default::default();
        for step in steps {
            match step {
                Step::Push => {
                    buffer.push(Timestamp(now), of_client(pushed, Timestamp(now)));
                    pushed += 1;
                }
                Step::Next => if let Next::Send(batch) = buffer.next_batch(Timestamp(now)) {
                    in_flight.push(batch);
                },
                Step::Complete { how: How::Each(_), .. } => {}
                Step::Complete { which, how } => if which < in_flight.len() {
                    let batch = in_flight.remove(which);
                    let outcome = outcome_of(&how, batch.outputs().len());
                    for n in arrived(&batch, &outcome) {
                        arrived_numbers[usize::try_from(n % 3).unwrap()].push(n);
                    }
                    buffer.complete(Timestamp(now), batch, outcome, 1);
                },
                Step::Pass { ms } => now += ms,
                Step::Close => { buffer.close(); }
            }
        }
        for arrived in &arrived_numbers {
            prop_assert!(arrived.is_sorted(), "{arrived:?}");
        }
    }
}
