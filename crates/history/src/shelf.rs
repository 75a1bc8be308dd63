//! The slices that are there, and which of them go.

use std::path::PathBuf;

use parking_lot::Mutex;

use crate::config::Retention;
use crate::record::Query;
use events::Timestamp;

/// What is known of a slice without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SliceInfo {
    /// Rises from slice to slice.
    pub(crate) serial: u64,
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// The least and greatest time of its rows; the clock may have gone backwards, so they need not be the first and
    /// the last. `None` where it is empty.
    pub(crate) times: Option<(Timestamp, Timestamp)>,
    pub(crate) last_seq: u64,
    pub(crate) is_sealed: bool,
}

impl SliceInfo {
    pub(crate) fn handle_row(&mut self, timestamp: Timestamp, seq: Option<u64>) {
        let (first, last) = self.times.unwrap_or((timestamp, timestamp));
        self.times = Some((first.min(timestamp), last.max(timestamp)));
        self.last_seq = self.last_seq.max(seq.unwrap_or(0));
        self.rows += 1;
    }

    fn may_answer(&self, query: &Query) -> bool {
        let Some((first, last)) = self.times else { return false };
        query.since.is_none_or(|since| last >= since)
            && query.until.is_none_or(|until| first < until)
            && query.before.is_none_or(|before| self.serial <= before.slice)
    }
}

/// The slices, oldest first. The writer changes it; readers take what they need and let go.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Vec<SliceInfo>>);

impl Shelf {
    /// Puts a slice in, or what is known of it now in the place of what was known.
    pub(crate) fn put(&self, info: SliceInfo) {
        let mut slices = self.0.lock();
        match slices.binary_search_by_key(&info.serial, |slice| slice.serial) {
            Ok(at) => slices[at] = info,
            Err(at) => slices.insert(at, info),
        }
    }

    /// Takes a slice out; `None` where somebody else has.
    pub(crate) fn take(&self, serial: u64) -> Option<SliceInfo> {
        let mut slices = self.0.lock();
        let at = slices.binary_search_by_key(&serial, |slice| slice.serial).ok()?;
        Some(slices.remove(at))
    }

    pub(crate) fn all(&self) -> Vec<SliceInfo> {
        self.0.lock().clone()
    }

    /// The slices that may have something to say, newest first.
    pub(crate) fn to_read(&self, query: &Query) -> Vec<SliceInfo> {
        self.0.lock().iter().rev().filter(|slice| slice.may_answer(query)).cloned().collect()
    }
}

/// The sealed slices that are too old, or too much, the oldest first.
pub(crate) fn expired(slices: &[SliceInfo], now: Timestamp, retention: Retention) -> Vec<u64> {
    let mut bytes: u64 = slices.iter().map(|slice| slice.bytes).sum();
    let mut serials = Vec::new();
    for slice in slices.iter().filter(|slice| slice.is_sealed) {
        let is_old = slice.times.is_none_or(|(_, last)| now.since_ms(last) > retention.age_max_ms());
        if is_old || bytes > retention.bytes_max {
            bytes = bytes.saturating_sub(slice.bytes);
            serials.push(slice.serial);
        }
    }
    serials
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Position;

    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn slice(serial: u64, days: std::ops::Range<i64>, bytes: u64) -> SliceInfo {
        SliceInfo {
            serial,
            path: PathBuf::new(),
            rows: 1,
            bytes,
            times: Some((Timestamp(days.start * DAY_MS), Timestamp(days.end * DAY_MS))),
            last_seq: 0,
            is_sealed: true,
        }
    }

    fn three() -> Vec<SliceInfo> {
        let hot = SliceInfo { is_sealed: false, ..slice(3, 2..3, 100) };
        vec![slice(1, 0..1, 100), slice(2, 1..2, 100), hot]
    }

    #[test]
    fn slices_go_when_their_last_event_is_too_old_or_there_are_too_many() {
        for (now_day, days, bytes_max, expected) in [
            (3, 30, 1000, vec![]),
            (31, 30, 1000, vec![]),
            (32, 30, 1000, vec![1]),
            (90, 30, 1000, vec![1, 2]),
            (3, 30, 300, vec![]),
            (3, 30, 299, vec![1]),
            (3, 30, 10, vec![1, 2]),
        ] {
            let now = Timestamp(now_day * DAY_MS);
            assert_eq!(expired(&three(), now, Retention { days, bytes_max }), expected, "day {now_day}, {bytes_max}");
        }
    }

    #[test]
    fn slices_that_cannot_answer_are_not_read() {
        let shelf = Shelf::default();
        three().into_iter().rev().for_each(|slice| shelf.put(slice));
        let read = |query: Query| shelf.to_read(&query).iter().map(|slice| slice.serial).collect::<Vec<_>>();
        let day = |day: i64| Some(Timestamp(day * DAY_MS));
        assert_eq!(read(Query::default()), [3, 2, 1]);
        assert_eq!(read(Query { since: day(2), ..Query::default() }), [3, 2]);
        assert_eq!(read(Query { until: day(1), ..Query::default() }), [1]);
        assert_eq!(read(Query { before: Some(Position { slice: 2, row: 9 }), ..Query::default() }), [2, 1]);
        assert_eq!((shelf.take(2).map(|slice| slice.serial), shelf.take(2)), (Some(2), None));
        assert_eq!(read(Query::default()), [3, 1]);
    }
}
