//! The memory that the process takes, against the most that it should.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// The memory of the process, as it was looked at last.
#[derive(Debug)]
pub(crate) struct Memory {
    /// 0 for no limit.
    bytes_max: u64,
    bytes: AtomicU64,
}

impl Memory {
    /// Not looked at yet. 0 is no limit.
    pub(crate) fn new(bytes_max: u64) -> Memory {
        Memory { bytes_max, bytes: AtomicU64::new(0) }
    }

    /// Takes what the process has now; tells the log when it goes beyond the limit and when it comes back.
    pub(crate) fn handle_sample(&self, bytes: u64) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        let (bytes_max, was_over, is_over) = (self.bytes_max, self.is_beyond(before), self.is_beyond(bytes));
        if is_over && !was_over {
            tracing::warn!(bytes, bytes_max, "the broker takes more memory than it may: new clients are refused");
        } else if was_over && !is_over {
            tracing::info!(bytes, bytes_max, "there is memory again for new clients");
        }
    }

    /// What the process had when it was looked at last.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nobody new may come.
    pub(crate) fn is_over(&self) -> bool {
        self.is_beyond(self.bytes())
    }

    fn is_beyond(&self, bytes: u64) -> bool {
        self.bytes_max > 0 && bytes > self.bytes_max
    }
}

/// The memory of this process that is really there (resident), as Linux counts it. It waits for no disk.
pub(crate) fn resident_bytes() -> io::Result<u64> {
    parse_status(&std::fs::read_to_string("/proc/self/status")?)
        .ok_or_else(|| io::Error::other("`VmRSS` is missing in `/proc/self/status`"))
}

fn parse_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_new_may_come_only_while_there_is_too_much() {
        let memory = Memory::new(1000);
        let over: Vec<bool> = [1000, 1001, 5000, 1000, 0]
            .map(|bytes| {
                memory.handle_sample(bytes);
                memory.is_over()
            })
            .into();
        assert_eq!(over, [false, true, true, false, false]);
        let unlimited = Memory::new(0);
        unlimited.handle_sample(u64::MAX);
        assert!(!unlimited.is_over());
    }

    #[test]
    fn linux_says_how_much_it_is() {
        assert_eq!(parse_status("Name:\tsignalbox\nVmRSS:\t   12345 kB\nRssAnon:\t1 kB\n"), Some(12_641_280));
        assert_eq!(parse_status("VmRSS: much"), None);
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
