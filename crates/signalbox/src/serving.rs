//! `serving.json` in the data directory: where the running broker is, and a key for commands on the same machine.
//!
//! Who may read the data directory may read everything the broker knows; the key only saves making one by hand.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use auth::{AuthError, KeysFile, Role};
use serde::{Deserialize, Serialize};

use crate::{clock, data_dir};

/// The name of the key in the keys file.
const KEY_NAME: &str = "local";

/// Where the running broker is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Serving {
    /// Its process.
    pub(crate) pid: u32,
    /// Where MQTT clients connect.
    pub(crate) mqtt: String,
    /// Where the API is.
    pub(crate) http: SocketAddr,
    /// A key of the API with the role `admin`, good until the broker stops: who can read it can make one, too.
    pub(crate) key: String,
}

impl Serving {
    /// Makes a key and writes the file.
    pub(crate) fn announce(data: &Path, mqtt: &str, http: SocketAddr) -> anyhow::Result<()> {
        let key = make_key(data).context("making the key for commands on this machine")?;
        let serving = Serving { pid: std::process::id(), mqtt: mqtt.to_owned(), http, key };
        let path = file(data);
        write_private(&path, &serde_json::to_vec(&serving)?).with_context(|| format!("writing `{}`", path.display()))
    }

    /// What the running broker wrote; `None` where none runs in this data directory.
    pub(crate) fn read(data: &Path) -> Option<Serving> {
        serde_json::from_slice(&fs::read(file(data)).ok()?).ok()
    }

    /// Removes the file and the key.
    pub(crate) fn withdraw(data: &Path) -> anyhow::Result<()> {
        fs::remove_file(file(data)).context("removing `serving.json`")?;
        let mut keys = KeysFile::open(&data_dir::keys_file(data))?;
        keys.remove(KEY_NAME)?;
        Ok(keys.save()?)
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("serving.json")
}

fn make_key(data: &Path) -> Result<String, AuthError> {
    let mut keys = KeysFile::open(&data_dir::keys_file(data))?;
    // One that is left over from a process that was killed.
    match keys.remove(KEY_NAME) {
        Ok(()) | Err(AuthError::Unknown { .. }) => {}
        Err(error) => return Err(error),
    }
    let key = keys.add(KEY_NAME, Role::Admin, clock::now())?;
    keys.save()?;
    Ok(key.secret().to_owned())
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let new = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use auth::Keys;

    use super::*;

    #[test]
    fn the_key_is_good_from_the_announcement_to_its_withdrawal() {
        let dir = tempfile::tempdir().unwrap();
        let address = ([127, 0, 0, 1], 1).into();
        Serving::announce(dir.path(), "127.0.0.1:1", address).unwrap();
        let first = Serving::read(dir.path()).unwrap();
        Serving::announce(dir.path(), "127.0.0.1:1", address).unwrap();
        let second = Serving::read(dir.path()).unwrap();
        let keys = Keys::open(&data_dir::keys_file(dir.path())).unwrap();
        let now = clock::now();
        assert!(keys.verify(&first.key, now).is_err());
        assert_eq!(keys.verify(&second.key, now).unwrap().role, Role::Admin);
        Serving::withdraw(dir.path()).unwrap();
        assert!(Keys::open(&data_dir::keys_file(dir.path())).unwrap().verify(&second.key, now).is_err());
        assert!(Serving::read(dir.path()).is_none());
    }
}
