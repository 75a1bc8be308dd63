//! User names and passwords for the clients of a connect storm.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use bytestring::ByteString;

/// What one client says who it is.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) username: ByteString,
    pub(crate) password: Bytes,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Who the clients of a storm are, in turn: those of a file, or nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logins(Vec<Login>);

impl Logins {
    /// Reads lines `name:password`.
    pub(crate) fn read(path: &Path) -> Result<Logins> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let mut logins = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let Some((username, password)) = line.split_once(':') else {
                bail!("{}:{number}: expected `name:password`, found no `:`", path.display());
            };
            logins.push(Login { username: username.into(), password: Bytes::copy_from_slice(password.as_bytes()) });
        }
        if logins.is_empty() {
            bail!("expected lines `name:password` in `{}`, found none", path.display());
        }
        Ok(Logins(logins))
    }

    /// Makes users with passwords of their own. `users` in `dir` has their hashes, as both brokers read them.
    pub(crate) fn make(dir: &Path, count: usize) -> Result<Logins> {
        std::fs::create_dir_all(dir)?;
        let lines = (0..count).map(|at| format!("bench-{at}:{}\n", auth::generated_password()));
        let (plain, users) = (dir.join("logins"), dir.join("users"));
        std::fs::write(&plain, lines.collect::<String>())?;
        std::fs::copy(&plain, &users)?;
        let hashed = Command::new("mosquitto_passwd").arg("-U").arg(&users).stderr(Stdio::null()).status();
        let hashed = hashed.context("`mosquitto_passwd` is not installed; help: apt-get install mosquitto")?;
        if !hashed.success() {
            bail!("`mosquitto_passwd -U {}` ended with {hashed}", users.display());
        }
        Logins::read(&plain)
    }

    /// Who client number `at` is.
    pub(crate) fn of(&self, at: usize) -> Option<Login> {
        self.0.get(at.checked_rem(self.0.len())?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_log_in_in_turn() {
        let dir = std::env::temp_dir().join(format!("signalbox-logins-{}", std::process::id()));
        std::fs::write(&dir, "a:1\nb:2:3\n").unwrap();
        let logins = Logins::read(&dir).unwrap();
        std::fs::write(&dir, "a\n").unwrap();
        let wrong = Logins::read(&dir).unwrap_err().to_string();
        std::fs::remove_file(&dir).unwrap();
        let names: Vec<_> = (0..3).map(|at| logins.of(at).unwrap()).map(|login| login.username).collect();
        assert_eq!(names, ["a", "b", "a"]);
        assert_eq!(&logins.of(1).unwrap().password[..], b"2:3");
        assert!(Logins::default().of(7).is_none());
        assert!(wrong.ends_with(":1: expected `name:password`, found no `:`"), "{wrong}");
    }
}
