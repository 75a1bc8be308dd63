//! A MariaDB of its own for a test: made, killed, started again.
//!
//! Making the system tables takes most of the time, so they are made once and kept below `target`, and every test starts a
//! copy of them.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const INSTALL: &str = "install it with `apt-get install mariadb-server`";

/// A MariaDB on a free port of the loopback, with the user `signalbox` and the database `fleet`.
#[derive(Debug)]
pub(crate) struct Mariadb {
    dir: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl Mariadb {
    /// The password of the user `signalbox`.
    pub(crate) const PASSWORD: &'static str = "a secret of the test";

    /// Makes one with the tables of `schema`, and starts it with `settings`: `["--max-allowed-packet=1M"]`.
    pub(crate) fn start(schema: &str, settings: &[&str]) -> Mariadb {
        let mut mariadb = Mariadb::absent(settings);
        // A port that is free now may be taken a moment later by another test.
        let started = (0..5).any(|_| {
            mariadb.port = free_port();
            mariadb.try_start()
        });
        assert!(started, "MariaDB does not start: {}", mariadb.log());
        mariadb.query(schema);
        mariadb
    }

    /// One that has a port and is not started yet.
    pub(crate) fn absent(settings: &[&str]) -> Mariadb {
        let dir = tempfile::Builder::new().prefix("signalbox-mariadb-").tempdir().expect("a directory");
        copy_template(&dir.path().join("data"));
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        Mariadb { dir, port: free_port(), settings, process: None }
    }

    /// `mysql://signalbox@127.0.0.1:3306/fleet`, without the password.
    pub(crate) fn url(&self) -> String {
        format!("mysql://signalbox@127.0.0.1:{}/fleet", self.port)
    }

    /// The options of a connector for it, in TOML.
    pub(crate) fn connector(&self) -> String {
        format!("kind = 'mysql'\nurl = '{}'\npassword = '{}'\n", self.url(), Mariadb::PASSWORD)
    }

    /// Ends it as a kill does: connections are cut.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// Starts it again on the same port, with the same data.
    pub(crate) fn start_again(&mut self) {
        assert!(self.try_start(), "MariaDB does not start again: {}", self.log());
    }

    /// Runs SQL as an administrator and gives back what it returns: columns separated by tabs, a line for every row.
    pub(crate) fn query(&self, sql: &str) -> String {
        let mut client = self.client();
        let output =
            client.args(["--batch", "--skip-column-names", "fleet", "--execute", sql]).output().expect(INSTALL);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the answer is text").trim_end().to_owned()
    }

    fn client(&self) -> Command {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root"]).arg(format!("--socket={}", self.socket()));
        client
    }

    fn socket(&self) -> String {
        self.dir.path().join("socket").display().to_string()
    }

    fn try_start(&mut self) -> bool {
        let log = File::create(self.dir.path().join("log")).expect("the log");
        let mut command = Command::new("mariadbd");
        command.args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.arg(format!("--port={}", self.port)).arg(format!("--socket={}", self.socket()));
        command.arg(format!("--datadir={}", self.dir.path().join("data").display())).args(&self.settings);
        // Small, so that it starts quickly; what was committed survives a kill as it does by default.
        command.args(["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M", "--default-time-zone=+05:00"]);
        let process = command.stdout(Stdio::null()).stderr(log).spawn().expect(INSTALL);
        self.process = Some(process);
        let runs = self.answers();
        if !runs {
            self.kill();
        }
        runs
    }

    /// Waits until it answers, or has ended.
    fn answers(&mut self) -> bool {
        loop {
            let mut ping = self.client();
            ping.args(["--execute", "SELECT 1"]).stdout(Stdio::null()).stderr(Stdio::null());
            if ping.status().expect(INSTALL).success() {
                return true;
            }
            let ended = self.process.as_mut().is_none_or(|process| !matches!(process.try_wait(), Ok(None)));
            if ended {
                return false;
            }
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Copies the system tables, which whoever comes first makes while the others wait.
fn copy_template(to: &Path) {
    let shelf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mariadb");
    std::fs::create_dir_all(&shelf).expect("a directory for the template");
    let lock = File::create(shelf.join("lock")).expect("the lock of the template");
    lock.lock().expect("one at a time makes the template");
    let (template, label) = (shelf.join("data"), shelf.join("made-by"));
    // Written last, so that a half-made template is made again, as one with other contents is.
    if std::fs::read_to_string(&label).unwrap_or_default() != BOOTSTRAP {
        drop(std::fs::remove_dir_all(&template));
        let sql = shelf.join("bootstrap.sql");
        std::fs::write(&sql, BOOTSTRAP.replace("PASSWORD", Mariadb::PASSWORD)).expect("the first statements");
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.arg(format!("--datadir={}", template.display())).arg(format!("--extra-file={}", sql.display()));
        install.args(["--innodb-log-file-size=4M", "--skip-name-resolve"]);
        let made = install.output().expect(INSTALL);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(&label, BOOTSTRAP).expect("the label of the template");
    }
    let copied = Command::new("cp").arg("-a").arg(&template).arg(to).status().expect("cp runs");
    assert!(copied.success(), "a copy of the template");
    drop(lock);
}

/// What stands in every server.
const BOOTSTRAP: &str = "FLUSH PRIVILEGES;
CREATE DATABASE fleet;
CREATE USER signalbox@'%' IDENTIFIED BY 'PASSWORD';
GRANT ALL ON fleet.* TO signalbox@'%';
";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port()
}
