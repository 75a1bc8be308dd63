//! What only the operating system can do: limits of files, memory and time, and a terminal that does not echo.

#![expect(unsafe_code, reason = "calls of the C library that the standard library does not wrap")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};

/// Raises the number of files this process may have open to what the system allows it at most, and returns it. Every
/// connection is an open file.
pub(crate) fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit and lives across the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return 0;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: `raised` is a valid rlimit and lives across the call.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        raised.rlim_cur
    } else {
        limit.rlim_cur
    }
}

/// Sees to it that this process takes no more memory than that, and writes no core file. Returns whether that was so
/// already.
pub(crate) fn limit_memory(bytes: u64) -> io::Result<bool> {
    let mut memory = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `memory` is a valid rlimit and lives across the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_DATA, &raw mut memory) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if memory.rlim_cur <= bytes {
        return Ok(true);
    }
    for (resource, limit) in [(libc::RLIMIT_DATA, bytes), (libc::RLIMIT_CORE, 0)] {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: `limit` is a valid rlimit and lives across the call.
        if unsafe { libc::setrlimit(resource, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(false)
}

/// Ends this process after that many seconds, unless it is asked again before; 0 for never.
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: alarm has no preconditions; nothing in this program handles its signal, which then ends the process.
    unsafe { libc::alarm(seconds) };
}

/// Switches the echo of a terminal off until it is dropped.
#[derive(Debug)]
pub(crate) struct Silenced {
    terminal: RawFd,
    before: libc::termios,
}

impl Silenced {
    /// Switches the echo of `terminal` off. It has to stay open until this is dropped.
    pub(crate) fn new(terminal: &File) -> io::Result<Silenced> {
        let terminal = terminal.as_raw_fd();
        // SAFETY: termios is plain data for which all zeroes is a value, and tcgetattr fills it.
        let mut before: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: `before` is a valid termios and lives across the call.
        if unsafe { libc::tcgetattr(terminal, &raw mut before) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let silent = libc::termios { c_lflag: before.c_lflag & !libc::ECHO, ..before };
        // SAFETY: `silent` is a valid termios and lives across the call.
        if unsafe { libc::tcsetattr(terminal, libc::TCSAFLUSH, &raw const silent) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Silenced { terminal, before })
    }
}

impl Drop for Silenced {
    fn drop(&mut self) {
        // SAFETY: `before` is a valid termios. Where the terminal has gone away there is nothing to restore.
        unsafe { libc::tcsetattr(self.terminal, libc::TCSAFLUSH, &raw const self.before) };
    }
}
