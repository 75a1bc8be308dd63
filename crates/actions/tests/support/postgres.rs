//! A real PostgreSQL of its own for a test: made, started, stopped, started again and removed.
//!
//! Making a cluster takes most of the time, so one is made and kept below `target`, and every test starts a copy of it.
//!
//! Other crates include this file by its path; it uses nothing but the standard library and `tempfile`.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const INITDB_OPTIONS: [&str; 5] =
    ["--username=signalbox", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];

const INSTALL: &str = "install it with `apt-get install postgresql`";

/// A PostgreSQL server on a free port of the loopback, with the user `signalbox` and the database `postgres`.
///
/// It refuses to run as root, so under root it runs as the user `postgres` of the Debian package.
#[derive(Debug)]
pub(crate) struct Postgres {
    dir: tempfile::TempDir,
    programs: PathBuf,
    account: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// The password of the user `signalbox`.
    pub(crate) const PASSWORD: &'static str = "a secret of the test";

    /// Makes a cluster and starts it.
    pub(crate) fn start() -> Postgres {
        let mut postgres = Postgres::empty();
        postgres.copy_template();
        // A port that is free now may be taken a moment later by another test.
        let started = (0..5).any(|_| {
            postgres.port = free_port();
            postgres.try_start().is_ok()
        });
        assert!(started, "PostgreSQL does not start: {}", postgres.log());
        postgres
    }

    /// Stops the server as an administrator does: connections are cut.
    pub(crate) fn stop(&self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("stop").arg("--pgdata").arg(self.data()).args(["--mode=fast", "--wait"]);
        run(&mut stop).expect("pg_ctl stop");
    }

    /// Stops the server without a checkpoint: it recovers from its log when it starts.
    pub(crate) fn stop_at_once(&self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("stop").arg("--pgdata").arg(self.data()).args(["--mode=immediate", "--wait"]);
        run(&mut stop).expect("pg_ctl stop");
    }

    /// Kills the server, as the system does when memory is short. Its children notice it, and end a moment later.
    pub(crate) fn kill(&self) {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("the server is running");
        let pid = file.lines().next().expect("the first line is the process");
        run(Command::new("kill").args(["-KILL", pid])).expect("a process that is ours");
    }

    /// Starts the server again on the same port, with the same data, as often as it takes: the children of one that was
    /// killed may be there still, and a client that looks for the server may have its port for a moment.
    pub(crate) fn start_again_after_a_kill(&self) {
        let started = (0..100).any(|_| self.try_start().is_ok());
        assert!(started, "PostgreSQL does not start: {}", self.log());
    }

    /// Starts the server again on the same port, with the same data.
    pub(crate) fn start_again(&self) {
        self.try_start().unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
    }

    /// `postgres://signalbox@127.0.0.1:5432/postgres`, without the password.
    pub(crate) fn url(&self) -> String {
        format!("postgres://signalbox@127.0.0.1:{}/postgres", self.port)
    }

    /// The options of a connector for this server, in TOML.
    pub(crate) fn connector(&self) -> String {
        format!("kind = 'postgres'\nurl = '{}'\npassword = '{}'\n", self.url(), Postgres::PASSWORD)
    }

    /// Runs SQL and gives back what it returns: columns separated by `|`, a line for every row.
    pub(crate) fn query(&self, sql: &str) -> String {
        let mut psql = self.program("psql");
        psql.env("PGPASSWORD", Postgres::PASSWORD).args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"]);
        psql.args(["--set=ON_ERROR_STOP=1", "--command", sql]).arg(self.url());
        run(&mut psql).unwrap_or_else(|error| panic!("{sql}: {error}")).trim_end().to_owned()
    }

    /// A directory for a cluster, and nothing in it.
    fn empty() -> Postgres {
        let account = account();
        let dir = tempfile::Builder::new().prefix("signalbox-pg-").tempdir().expect("a directory for the cluster");
        if let Some((uid, gid)) = account {
            chown(dir.path(), Some(uid), Some(gid)).expect("root may give the cluster away");
        }
        Postgres { programs: programs(), dir, account, port: 0 }
    }

    /// Makes the cluster a copy of the template, which whoever comes first makes while the others wait.
    fn copy_template(&self) {
        let shelf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres");
        std::fs::create_dir_all(&shelf).expect("a directory for the template");
        let lock = File::create(shelf.join("lock")).expect("the lock of the template");
        lock.lock().expect("one at a time makes the template");
        let (template, label) = (shelf.join("data"), shelf.join("made-by"));
        // Written last, so that a half-made template is made again, as one of another version or other options is.
        let maker = format!("{} {INITDB_OPTIONS:?} {}", self.programs.display(), Postgres::PASSWORD);
        if std::fs::read_to_string(&label).unwrap_or_default() != maker {
            let made = Postgres::empty();
            made.init();
            drop(std::fs::remove_dir_all(&template));
            copy(&made.data(), &template);
            std::fs::write(&label, maker).expect("the label of the template");
        }
        drop(lock);
        copy(&template, &self.data());
    }

    fn init(&self) {
        let password = self.dir.path().join("password");
        std::fs::write(&password, Postgres::PASSWORD).expect("the password of the cluster");
        if let Some((uid, gid)) = self.account {
            chown(&password, Some(uid), Some(gid)).expect("root may give the cluster away");
        }
        let mut initdb = self.program("initdb");
        initdb.arg("--pgdata").arg(self.data()).arg("--pwfile").arg(&password).args(INITDB_OPTIONS);
        run(&mut initdb).expect("initdb");
    }

    fn try_start(&self) -> Result<String, String> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=20",
            self.port
        );
        let mut start = self.program("pg_ctl");
        start.arg("start").arg("--pgdata").arg(self.data()).arg("--log").arg(self.dir.path().join("log"));
        start.args(["--wait", "--timeout=60", "--options"]).arg(options);
        run(&mut start)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        // Somebody's libpq settings shall not decide where a test goes.
        command.current_dir("/").env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/bin:/bin");
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("stop").arg("--pgdata").arg(self.data()).args(["--mode=immediate", "--wait"]);
        // It may be stopped already.
        drop(run(&mut stop));
    }
}

/// Runs a program to its end. Its output goes through files: a server it leaves behind would hold a pipe open.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().display().to_string();
    let (mut out, mut err) = (tempfile::tempfile(), tempfile::tempfile());
    let (Ok(out), Ok(err)) = (&mut out, &mut err) else { return Err("no temporary file".to_owned()) };
    let output_to = |file: &File| file.try_clone().expect("a second handle of a file");
    let status = command
        .stdin(std::process::Stdio::null())
        .stdout(output_to(out))
        .stderr(output_to(err))
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(text(out)) } else { Err(format!("{name}: {status}: {}{}", text(out), text(err))) }
}

/// Copies a directory with owners and rights; the server refuses one that others may read.
fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to)).expect("a copy of the cluster");
}

fn text(file: &mut File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("output of a program");
    text
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// The directory of `initdb` and its like: the newest version of the Debian package, else where PATH has them.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let packaged = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    let number = |bin: &PathBuf| -> u32 {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse().ok()).unwrap_or(0)
    };
    let in_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).find(|bin| bin.join("initdb").exists())
    };
    packaged.max_by_key(number).or_else(in_path).unwrap_or_else(|| panic!("there is no PostgreSQL: {INSTALL}"))
}

/// The account to run as; `None` where we are not root and run as ourselves.
fn account() -> Option<(u32, u32)> {
    let ourselves = std::fs::metadata("/proc/self").expect("/proc is mounted").uid();
    if ourselves != 0 {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is there");
    let mut fields = accounts.lines().find(|line| line.starts_with("postgres:"))?.split(':').skip(2);
    let mut number = || fields.next().and_then(|field| field.parse().ok());
    match (number(), number()) {
        (Some(uid), Some(gid)) => Some((uid, gid)),
        _ => panic!("there is no user `postgres`: {INSTALL}"),
    }
}
