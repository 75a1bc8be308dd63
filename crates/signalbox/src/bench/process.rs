//! The broker under load, seen from outside: its CPU time, its memory, and how to start one for a comparison.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::clock;

/// A process whose figures the kernel keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pid: u32,
}

impl Process {
    /// The process `pid`.
    pub(crate) const fn new(pid: u32) -> Process {
        Process { pid }
    }

    /// User and system time of all threads so far, in us.
    pub(crate) fn cpu_us(self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{path}`: is process {} gone?", self.pid))?;
        // The second field, the name, may hold blanks; what follows its bracket does not.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        let (Some(user), Some(system)) = (ticks(11), ticks(12)) else { bail!("`{path}` has no CPU times") };
        Ok((user + system) * 1e6 / ticks_per_second())
    }

    /// Resident memory, in KiB.
    pub(crate) fn rss_kib(self) -> Result<f64> {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in the status")?;
        line.trim().trim_end_matches(" kB").parse().with_context(|| format!("`{line}` is no number of kB"))
    }
}

/// A broker that was started for the comparison and is ended with it.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Child,
    /// Where it listens for MQTT.
    pub(crate) address: SocketAddr,
}

impl Broker {
    /// Starts this very program with embedded defaults in `dir`, without rules of the user. A file `users` there has the
    /// passwords, as `mosquitto_passwd` makes them.
    pub(crate) fn start_signalbox(dir: &Path) -> Result<Broker> {
        let rules = dir.join("rules");
        fs::create_dir_all(&rules)?;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut child = Command::new(program)
            .arg("serve")
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .arg("--data")
            .arg(dir.join("data"))
            .arg("--rules")
            .arg(&rules)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start `signalbox serve`")?;
        let stdout = child.stdout.take().context("`signalbox serve` has no output")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let Some(ready) = line.strip_prefix("ready ") else { continue };
            let address = ready.split_whitespace().find_map(|word| word.strip_prefix("mqtt=")).unwrap_or_default();
            return Ok(Broker { address: address.parse()?, child });
        }
        bail!("`signalbox serve` ended before it was ready");
    }

    /// Starts Mosquitto with queues as deep as ours, the same passwords and nothing written to disk.
    pub(crate) fn start_mosquitto(dir: &Path, nodelay: bool) -> Result<Broker> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let file = dir.join(format!("mosquitto-{port}.conf"));
        let users = dir.join("users");
        let passwords = if users.exists() { format!("password_file {}\n", users.display()) } else { String::new() };
        fs::write(
            &file,
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\n\
                 max_queued_messages 100000\nlog_type none\nset_tcp_nodelay {nodelay}\n{passwords}"
            ),
        )?;
        let program =
            ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].into_iter().find(|path| Path::new(path).exists());
        let program = program.context("`mosquitto` is not installed; help: apt-get install mosquitto")?;
        let child = Command::new(program)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start `{program}`"))?;
        let broker = Broker { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
        let started = clock::now_ns();
        while TcpStream::connect(broker.address).is_err() {
            if clock::now_ns() - started > 5_000_000_000 {
                bail!("`{program}` does not listen on {} after 5 s", broker.address);
            }
            clock::pause(Duration::from_millis(10));
        }
        Ok(broker)
    }

    /// The process, to be measured.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Moves all threads of the broker to the processor `cpu`, so that the load does not share it.
    pub(crate) fn pin(&self, cpu: usize) {
        pin(self.child.id(), cpu);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // A broker that has ended already cannot be killed; there is nothing else to do about either.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The load average over the last minute, as the kernel prints it.
pub(crate) fn load_average() -> String {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split(' ').next().map(str::to_owned))
        .unwrap_or_default()
}

/// Moves this thread and those it starts to the processor `cpu`.
pub(crate) fn pin_self(cpu: usize) {
    pin(0, cpu);
}

#[expect(unsafe_code, reason = "sched_setaffinity has no safe wrapper in the standard library")]
fn pin(pid: u32, cpu: usize) {
    // SAFETY: `set` is a plain bit set that outlives the calls; a processor or process that is not there is an error
    // return, and then the comparison runs unpinned.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        let tasks = fs::read_dir(format!("/proc/{}/task", if pid == 0 { "self".to_owned() } else { pid.to_string() }));
        for task in tasks.into_iter().flatten().flatten() {
            if let Some(tid) = task.file_name().to_str().and_then(|name| name.parse().ok()) {
                libc::sched_setaffinity(tid, size_of::<libc::cpu_set_t>(), &raw const set);
            }
        }
    }
}

#[expect(unsafe_code, reason = "sysconf has no safe wrapper in the standard library")]
fn ticks_per_second() -> f64 {
    // SAFETY: a plain question to the kernel.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u32::try_from(ticks).map_or(100.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_this_process_can_be_read() {
        let this = Process::new(std::process::id());
        assert!(this.rss_kib().unwrap() > 100.0);
        assert!(this.cpu_us().unwrap() >= 0.0);
        assert!(Process::new(u32::MAX - 1).cpu_us().is_err());
    }
}
