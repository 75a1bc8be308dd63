//! What the operating system says of processes.

#![expect(unsafe_code, reason = "calls of the C library that the standard library does not wrap")]

use std::fs;

/// Raises the number of files this process may have open to what the system allows it at most, and returns it.
pub(crate) fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit and lives across the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a valid rlimit and lives across the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0, "setrlimit");
    limit.rlim_max
}

/// The memory of a process that is really there, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("no VmRSS");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
