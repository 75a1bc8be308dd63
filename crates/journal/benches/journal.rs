//! How many records a second are made durable, and how long a journal takes to be read again.
//!
//! `cargo bench -p journal --bench journal`. Records of 250 bytes, on the disk of the folder for temporary files.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use journal::{Found, Journal, Options, Position};

const RECORDS: u64 = 100_000;
const BODY: [u8; 250] = [b'x'; 250];

fn open(dir: &std::path::Path) -> (Journal, usize) {
    let mut bytes_read = 0;
    let journal = Journal::open(dir, Options::default(), &mut |found| match found {
        Found::Record { bytes, .. } => bytes_read += black_box(bytes).len(),
        Found::Damage(damage) | Found::Torn(damage) => panic!("{damage}"),
    });
    (journal.expect("the folder can be written"), bytes_read)
}

/// Appends so many records, and waits until the last is durable.
fn append(journal: &Journal, records: u64) -> Position {
    let mut last = Position(0);
    for _ in 0..records {
        last = journal.append(&[&BODY]).expect("there is room");
    }
    journal.wait_durable(last).expect("the disk takes it");
    last
}

fn durable(c: &mut Criterion) {
    let mut group = c.benchmark_group("journal");
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let (journal, _) = open(dir.path());
    group.throughput(Throughput::Elements(RECORDS)).sample_size(10);
    group.bench_function("100,000 records durable", |b| {
        b.iter(|| {
            let last = append(&journal, RECORDS);
            journal.release_before(last);
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("one record durable", |b| b.iter(|| append(&journal, 1)));
    group.finish();
}

fn recovery(c: &mut Criterion) {
    let mut group = c.benchmark_group("journal");
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    append(&open(dir.path()).0, RECORDS);
    group.throughput(Throughput::Elements(RECORDS)).sample_size(10);
    group.bench_function("100,000 records read again", |b| b.iter(|| open(dir.path()).1));
    group.finish();
}

criterion_group!(benches, durable, recovery);
criterion_main!(benches);
