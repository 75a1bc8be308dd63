//! API keys: the keys file, one line for each key, `name:role:created_ms:sha256 of the key in hexadecimal`.
//!
//! Behind that may follow `:expires=` and a time in ms, `:disabled`, and last `:description=` with any text.
//!
//! A key is 256 random bits, so a plain hash of it is enough: there is nothing to guess, and checking one costs a
//! microsecond.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::acl::is_role_name;
use crate::error::{AuthError, Fault};
use crate::file::{LockedFile, Stamp, read_text};
use crate::lines::{Line, read_lines};
use crate::password::random_key;

/// What every key begins with, so that scanners for leaked secrets can tell it.
const PREFIX: &str = "sbx_";

/// What a key may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Read.
    Viewer,
    /// Also publish, kick clients, replay dead letters.
    Operator,
    /// Also change rules, connectors, users and keys.
    Admin,
}

impl Role {
    /// Every role, from the one that may do least.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    /// The name in files and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        Role::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("expected `viewer`, `operator` or `admin`, found `{text}`"))
    }
}

/// A key as far as it is known after it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it opens nothing any more.
    pub expires: Option<Timestamp>,
    /// `false`: it opens nothing until it is enabled again.
    pub is_enabled: bool,
    /// What it is for.
    description: String,
    hash: [u8; 32],
}

/// Why a key opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// There is none of that text, or it has another name.
    #[error("the key is not known")]
    Unknown,
    /// Its time is over.
    #[error("the key `{0}` has expired")]
    Expired(String),
    /// It is switched off.
    #[error("the key `{0}` is disabled")]
    Disabled(String),
}

impl ApiKey {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// What it is for.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Says what it is for, in one line.
    pub fn describe(&mut self, text: &str) -> Result<(), AuthError> {
        if text.contains(char::is_control) {
            return Err(AuthError::Name { expected: "a description of one line", found: text.into() });
        }
        self.description = text.trim().to_owned();
        Ok(())
    }

    fn line(&self) -> String {
        let mut line = format!("{}:{}:{}:", self.name, self.role, self.created.0);
        self.hash.iter().for_each(|byte| line.push_str(&format!("{byte:02x}")));
        if let Some(Timestamp(expires_ms)) = self.expires {
            line.push_str(&format!(":expires={expires_ms}"));
        }
        if !self.is_enabled {
            line.push_str(":disabled");
        }
        if !self.description.is_empty() {
            line.push_str(&format!(":description={}", self.description));
        }
        line
    }
}

/// A key that was just made, with the only copy of its text.
#[derive(Clone)]
pub struct NewKey(String);

impl NewKey {
    /// `sbx_` and 43 characters: to be shown once.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey(sbx_...)")
    }
}

/// A keys file that is being changed: locked until it is saved or dropped, comments kept.
#[derive(Debug)]
pub struct KeysFile {
    file: LockedFile,
    lines: Vec<Line<ApiKey>>,
}

impl KeysFile {
    /// Locks and reads a keys file; one that is not there is made, empty, readable by its owner alone.
    pub fn open(path: &Path) -> Result<KeysFile, AuthError> {
        let file = LockedFile::open(path)?;
        let lines = lines(file.text()).map_err(|faults| AuthError::Broken { path: file.path().into(), faults })?;
        Ok(KeysFile { file, lines })
    }

    /// Reads the keys without changing them, in the order of the file; a file that is not there has none.
    pub fn read(path: &Path) -> Result<Vec<ApiKey>, AuthError> {
        let text = read_text(path)?.unwrap_or_default();
        let lines = lines(&text).map_err(|faults| AuthError::Broken { path: path.into(), faults })?;
        Ok(lines
            .into_iter()
            .filter_map(|line| match line {
                Line::Entry(key) => Some(key),
                Line::Text(_) => None,
            })
            .collect())
    }

    /// Makes a key. Its text is in what is returned and nowhere else.
    pub fn add(&mut self, name: &str, role: Role, now: Timestamp) -> Result<NewKey, AuthError> {
        if !is_role_name(name) {
            return Err(AuthError::Name { expected: "a key name of letters, digits, `_` and `-`", found: name.into() });
        }
        if self.find(name).is_ok() {
            let help = "remove it with `signalbox keys remove`, or take another name";
            return Err(AuthError::Exists { what: "key", name: name.into(), help });
        }
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random_key()));
        self.lines.push(Line::Entry(ApiKey {
            name: name.into(),
            role,
            created: now,
            expires: None,
            is_enabled: true,
            description: String::new(),
            hash: hash_of(&secret),
        }));
        Ok(NewKey(secret))
    }

    /// The key of that name, to be changed.
    pub fn key(&mut self, name: &str) -> Result<&mut ApiKey, AuthError> {
        self.find(name)?;
        let mut keys = self.lines.iter_mut().filter_map(|line| match line {
            Line::Text(_) => None,
            Line::Entry(key) => Some(key),
        });
        Ok(keys.find(|key| key.name == name).expect("it was found before"))
    }

    /// Takes a key out; it opens nothing any more within a second.
    pub fn remove(&mut self, name: &str) -> Result<(), AuthError> {
        let at = self.find(name)?;
        self.lines.remove(at);
        Ok(())
    }

    /// The keys, in the order of the file.
    pub fn list(&self) -> Vec<&ApiKey> {
        self.keys().collect()
    }

    /// Puts the changed file in place at once.
    pub fn save(self) -> Result<(), AuthError> {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line) => text.push_str(line),
                Line::Entry(key) => text.push_str(&key.line()),
            }
            text.push('\n');
        }
        self.file.replace(&text)
    }

    fn keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry(key) => Some(key),
            Line::Text(_) => None,
        })
    }

    fn find(&self, name: &str) -> Result<usize, AuthError> {
        let is_it = |line: &Line<ApiKey>| matches!(line, Line::Entry(key) if key.name == name);
        self.lines.iter().position(is_it).ok_or_else(|| AuthError::Unknown {
            what: "key",
            name: name.into(),
            close: events::closest(name, self.keys().map(|key| key.name.as_str())).map(String::from),
        })
    }
}

/// The keys as the HTTP interface asks for them: read again when the file has changed. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Keys(Arc<KeysInner>);

#[derive(Debug)]
struct KeysInner {
    path: PathBuf,
    by_hash: ArcSwap<HashMap<[u8; 32], ApiKey>>,
    stamp: Mutex<Stamp>,
}

impl Keys {
    /// Reads the keys file; one that is not there has no keys.
    pub fn open(path: &Path) -> Result<Keys, AuthError> {
        let stamp = Stamp::of(path);
        let by_hash = ArcSwap::from_pointee(read_by_hash(path)?);
        Ok(Keys(Arc::new(KeysInner { path: path.into(), by_hash, stamp: Mutex::new(stamp) })))
    }

    /// The key with this text. Looks whether the file has changed: requests of the HTTP interface are few.
    pub fn verify(&self, secret: &str, now: Timestamp) -> Result<ApiKey, KeyRefused> {
        self.reload_if_changed();
        // A look-up by the hash leaks nothing through its time: who does not know the key cannot steer its hash.
        match self.0.by_hash.load().get(&hash_of(secret)) {
            None => Err(KeyRefused::Unknown),
            Some(key) if !key.is_enabled => Err(KeyRefused::Disabled(key.name.clone())),
            Some(key) if key.is_expired(now) => Err(KeyRefused::Expired(key.name.clone())),
            Some(key) => Ok(key.clone()),
        }
    }

    /// The key with this text, if it has this name too, as in HTTP Basic authentication.
    pub fn verify_named(&self, name: &str, secret: &str, now: Timestamp) -> Result<ApiKey, KeyRefused> {
        let key = self.verify(secret, now)?;
        if key.name == name { Ok(key) } else { Err(KeyRefused::Unknown) }
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<ApiKey> {
        self.reload_if_changed();
        let mut keys: Vec<ApiKey> = self.0.by_hash.load().values().cloned().collect();
        keys.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        keys
    }

    /// The file, locked, to be changed and saved. May wait for another process.
    pub fn edit(&self) -> Result<KeysFile, AuthError> {
        KeysFile::open(&self.0.path)
    }

    /// Whether nobody can get in, because no key was made yet.
    pub fn is_empty(&self) -> bool {
        self.reload_if_changed();
        self.0.by_hash.load().is_empty()
    }

    fn reload_if_changed(&self) {
        let mut stamp = self.0.stamp.lock();
        let now = Stamp::of(&self.0.path);
        if now == *stamp {
            return;
        }
        *stamp = now;
        match read_by_hash(&self.0.path) {
            Ok(by_hash) => self.0.by_hash.store(Arc::new(by_hash)),
            Err(error) => {
                tracing::error!(%error, "the keys file has changed and cannot be used; the keys of before hold")
            }
        }
    }
}

fn read_by_hash(path: &Path) -> Result<HashMap<[u8; 32], ApiKey>, AuthError> {
    Ok(KeysFile::read(path)?.into_iter().map(|key| (key.hash, key)).collect())
}

fn hash_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn lines(text: &str) -> Result<Vec<Line<ApiKey>>, Vec<Fault>> {
    let help = || Some("`signalbox keys add NAME` writes such a line".to_owned());
    read_lines(text, "key", |key: &ApiKey| &key.name, |line| key(line).map_err(|message| (message, help())))
}

fn key(line: &str) -> Result<ApiKey, String> {
    let parts: Vec<&str> = line.splitn(5, ':').collect();
    let (&[name, role, created, hash] | &[name, role, created, hash, _]) = parts.as_slice() else {
        return Err(format!("expected `name:role:created:hash`, found {} parts", parts.len()));
    };
    if !is_role_name(name) {
        return Err(format!("expected a key name of letters, digits, `_` and `-`, found `{name}`"));
    }
    let created = created.parse().map_err(|_| format!("expected a time in ms, found `{created}`"))?;
    let hash = from_hex(hash).ok_or("expected a hash of 64 hexadecimal digits, found something else")?;
    let mut key = ApiKey {
        name: name.into(),
        role: role.parse()?,
        created: Timestamp(created),
        expires: None,
        is_enabled: true,
        description: String::new(),
        hash,
    };
    let mut more = parts.get(4).copied();
    while let Some(text) = more {
        if let Some(description) = text.strip_prefix("description=") {
            key.description = description.to_owned();
            break;
        }
        let (part, rest) = text.split_once(':').map_or((text, None), |(part, rest)| (part, Some(rest)));
        match part.strip_prefix("expires=").map(str::parse) {
            Some(Ok(expires_ms)) => key.expires = Some(Timestamp(expires_ms)),
            None if part == "disabled" => key.is_enabled = false,
            Some(Err(_)) | None => {
                return Err(format!("expected `expires=` and ms, `disabled` or `description=`, found `{part}`"));
            }
        }
        more = rest;
    }
    Ok(key)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1])).collect::<Result<_, _>>().ok()?;
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_once_and_known_by_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let keys = Keys::open(&path).unwrap();
        assert!(keys.is_empty());
        let mut file = KeysFile::open(&path).unwrap();
        let new = file.add("grafana", Role::Viewer, Timestamp(5)).unwrap();
        file.save().unwrap();

        assert!(new.secret().starts_with("sbx_") && new.secret().len() == 47, "{}", new.secret());
        assert!(!std::fs::read_to_string(&path).unwrap().contains(new.secret()));
        let now = Timestamp(6);
        let known = keys.verify(new.secret(), now).unwrap();
        assert_eq!((known.name.as_str(), known.role, known.created), ("grafana", Role::Viewer, Timestamp(5)));
        assert_eq!(keys.verify_named("grafana", new.secret(), now), Ok(known));
        assert_eq!(keys.verify_named("other", new.secret(), now), Err(KeyRefused::Unknown));
        assert_eq!(keys.verify("sbx_", now), Err(KeyRefused::Unknown));

        let mut file = KeysFile::open(&path).unwrap();
        file.remove("grafana").unwrap();
        file.save().unwrap();
        assert_eq!(keys.verify(new.secret(), now), Err(KeyRefused::Unknown), "a removed key opens nothing");
    }

    #[test]
    fn a_key_that_is_disabled_or_whose_time_is_over_opens_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(&dir.path().join("keys")).unwrap();
        let mut file = keys.edit().unwrap();
        let new = file.add("ci", Role::Admin, Timestamp(5)).unwrap();
        let key = file.key("ci").unwrap();
        key.expires = Some(Timestamp(100));
        key.describe("deploys: the fleet").unwrap();
        assert!(key.describe("two\nlines").is_err());
        file.save().unwrap();
        assert_eq!(keys.verify(new.secret(), Timestamp(99)).unwrap().description(), "deploys: the fleet");
        assert_eq!(keys.verify(new.secret(), Timestamp(100)), Err(KeyRefused::Expired("ci".to_owned())));

        let mut file = keys.edit().unwrap();
        file.key("ci").unwrap().is_enabled = false;
        assert!(file.key("cj").is_err());
        file.save().unwrap();
        assert_eq!(keys.verify(new.secret(), Timestamp(99)), Err(KeyRefused::Disabled("ci".to_owned())));
        let [kept] = keys.list().try_into().unwrap();
        assert_eq!(
            (kept.expires, kept.is_enabled, kept.description()),
            (Some(Timestamp(100)), false, "deploys: the fleet")
        );
    }

    #[test]
    fn a_broken_keys_file_keeps_the_keys_of_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let mut file = KeysFile::open(&path).unwrap();
        let new = file.add("ci", Role::Admin, Timestamp(5)).unwrap();
        file.save().unwrap();
        let keys = Keys::open(&path).unwrap();
        std::fs::write(&path, "ci:root:5:00\n").unwrap();
        assert!(keys.verify(new.secret(), Timestamp(6)).is_ok());
        assert!(Keys::open(&path).is_err());
    }

    #[test]
    fn every_broken_line_is_told_with_its_number() {
        let hash = "0".repeat(64);
        let text = format!(
            "a:viewer:1:{hash}\nb:viewer\nc:root:1:{hash}\nd:admin:x:{hash}\ne:admin:1:zz\na:admin:1:{hash}\nf:admin:1:{hash}:off\n"
        );
        let faults = lines(&text).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "expected `name:role:created:hash`, found 2 parts"),
                (3, "expected `viewer`, `operator` or `admin`, found `root`"),
                (4, "expected a time in ms, found `x`"),
                (5, "expected a hash of 64 hexadecimal digits, found something else"),
                (6, "expected each key once, found `a` on line 1 too"),
                (7, "expected `expires=` and ms, `disabled` or `description=`, found `off`"),
            ]
        );
    }
}
