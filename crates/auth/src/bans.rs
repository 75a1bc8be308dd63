//! Bans: who may not connect, whatever its password. The bans file has one JSON object a line, in EMQX's words.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytestring::ByteString;
use events::Timestamp;
use foldhash::quality::RandomState;
use parking_lot::Mutex;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::error::{AuthError, Fault};
use crate::file::{LockedFile, Stamp, read_text};
use crate::network::Network;

/// Bans at a time. One more is refused.
const BANS_MAX: usize = 100_000;
/// Bans by pattern or network at a time: each is tried for every client that connects.
const TRIED_MAX: usize = 1_000;
/// Bytes that a compiled pattern may have.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What a ban goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BanBy {
    /// The client identifier.
    Clientid,
    /// The user name.
    Username,
    /// The address of the client.
    Peerhost,
    /// A pattern for the whole client identifier: a regular expression.
    ClientidRe,
    /// A pattern for the whole user name.
    UsernameRe,
    /// A network that the address lies in, such as `192.0.2.0/24`.
    PeerhostNet,
}

impl BanBy {
    /// All of them.
    pub const ALL: [BanBy; 6] =
        [BanBy::Clientid, BanBy::Username, BanBy::Peerhost, BanBy::ClientidRe, BanBy::UsernameRe, BanBy::PeerhostNet];

    /// The name in the file and the API.
    pub const fn name(self) -> &'static str {
        match self {
            BanBy::Clientid => "clientid",
            BanBy::Username => "username",
            BanBy::Peerhost => "peerhost",
            BanBy::ClientidRe => "clientid_re",
            BanBy::UsernameRe => "username_re",
            BanBy::PeerhostNet => "peerhost_net",
        }
    }
}

impl FromStr for BanBy {
    type Err = String;

    fn from_str(text: &str) -> Result<BanBy, String> {
        BanBy::ALL.into_iter().find(|by| by.name() == text).ok_or_else(|| {
            let names = BanBy::ALL.map(|by| format!("`{}`", by.name())).join(", ");
            format!("expected one of {names}, found `{text}`")
        })
    }
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// What it goes by.
    pub r#as: BanBy,
    /// Whom it is for.
    pub who: String,
    /// Who has made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it was made, in ms.
    pub at: i64,
    /// When it ends, in ms; never where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl Ban {
    /// Whether it is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now.0)
    }

    /// Whom it is for and why, for events and for the client.
    pub fn in_words(&self) -> String {
        let target = self.target();
        if self.reason.is_empty() {
            format!("{target} is banned")
        } else {
            format!("{target} is banned: {}", self.reason)
        }
    }

    fn target(&self) -> String {
        let what = match self.r#as {
            BanBy::Clientid => "the client identifier",
            BanBy::Username => "the user",
            BanBy::Peerhost => "the address",
            BanBy::ClientidRe => "every client identifier like",
            BanBy::UsernameRe => "every user like",
            BanBy::PeerhostNet => "the network",
        };
        format!("{what} `{}`", self.who)
    }
}

/// A bans file that is being changed: locked until it is saved or dropped.
#[derive(Debug)]
pub struct BansFile {
    file: LockedFile,
    bans: Vec<Ban>,
}

impl BansFile {
    /// Locks and reads a bans file; one that is not there is made.
    pub fn open(path: &Path) -> Result<BansFile, AuthError> {
        let file = LockedFile::open(path)?;
        let bans = parse(file.text()).map_err(|faults| AuthError::Broken { path: path.into(), faults })?;
        Ok(BansFile { file, bans })
    }

    /// Reads the bans without changing them, in the order of the file.
    pub fn read(path: &Path) -> Result<Vec<Ban>, AuthError> {
        let text = read_text(path)?.unwrap_or_default();
        parse(&text).map_err(|faults| AuthError::Broken { path: path.into(), faults })
    }

    /// Adds a ban, or replaces the one for the same.
    pub fn add(&mut self, ban: Ban, now: Timestamp) -> Result<(), AuthError> {
        let ban = checked(ban).map_err(|message| AuthError::Ban { message })?;
        self.bans.retain(|other| !other.is_over(now) && (other.r#as, &other.who) != (ban.r#as, &ban.who));
        let tried_count = self.bans.iter().filter(|ban| is_tried(ban.r#as)).count();
        if self.bans.len() >= BANS_MAX || (is_tried(ban.r#as) && tried_count >= TRIED_MAX) {
            let message = format!("expected at most {BANS_MAX} bans, {TRIED_MAX} of them by pattern or network");
            return Err(AuthError::Ban { message });
        }
        self.bans.push(ban);
        Ok(())
    }

    /// Removes a ban; whether it was there.
    pub fn remove(&mut self, by: BanBy, who: &str) -> bool {
        let before_len = self.bans.len();
        self.bans.retain(|ban| (ban.r#as, &*ban.who) != (by, who));
        self.bans.len() < before_len
    }

    /// Writes the file.
    pub fn save(self) -> Result<(), AuthError> {
        let lines = self.bans.iter().map(|ban| serde_json::to_string(ban).unwrap_or_default() + "\n");
        self.file.replace(&lines.collect::<String>())
    }
}

const fn is_tried(by: BanBy) -> bool {
    matches!(by, BanBy::ClientidRe | BanBy::UsernameRe | BanBy::PeerhostNet)
}

fn parse(text: &str) -> Result<Vec<Ban>, Vec<Fault>> {
    let (mut bans, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = serde_json::from_str::<Ban>(line).map_err(|error| error.to_string()).and_then(checked);
        match read {
            Ok(ban) => bans.push(ban),
            Err(message) => faults.push(Fault { line: index + 1, message, help: None }),
        }
    }
    if faults.is_empty() { Ok(bans) } else { Err(faults) }
}

/// A ban as it is kept: addresses in one spelling. What can match nobody is refused.
fn checked(mut ban: Ban) -> Result<Ban, String> {
    if ban.who.is_empty() {
        return Err("expected somebody to ban, found an empty text".to_owned());
    }
    match ban.r#as {
        BanBy::Clientid | BanBy::Username => {}
        BanBy::Peerhost => {
            let address: IpAddr = ban
                .who
                .parse()
                .map_err(|_no| format!("expected an address such as `192.0.2.7`, found `{}`", ban.who))?;
            ban.who = address.to_canonical().to_string();
        }
        BanBy::PeerhostNet => ban.who = ban.who.parse::<Network>()?.to_string(),
        BanBy::ClientidRe | BanBy::UsernameRe => drop(pattern(&ban.who)?),
    }
    Ok(ban)
}

fn pattern(text: &str) -> Result<Regex, String> {
    let whole = format!("^(?:{text})$");
    let built = regex::RegexBuilder::new(&whole).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|error| format!("expected a regular expression, found `{text}`: {error}"))
}

/// The bans in force. Cloning gives another handle of the same.
#[derive(Clone)]
pub struct Bans(Arc<Inner>);

struct Inner {
    path: Option<PathBuf>,
    index: ArcSwap<Index>,
    stamp: Mutex<Stamp>,
}

/// Bans by what they go by, so that a client is looked up and not searched for.
#[derive(Default)]
struct Index {
    by_text: HashMap<(BanBy, ByteString), Arc<Ban>, RandomState>,
    by_address: HashMap<IpAddr, Arc<Ban>, RandomState>,
    networks: Vec<(Network, Arc<Ban>)>,
    patterns: Vec<(Regex, Arc<Ban>)>,
}

impl Bans {
    /// No bans, and nothing is kept.
    pub fn none() -> Bans {
        Bans(Arc::new(Inner { path: None, index: ArcSwap::default(), stamp: Mutex::default() }))
    }

    /// The bans of a file; none where it is not there.
    pub fn open(path: &Path) -> Result<Bans, AuthError> {
        let stamp = Mutex::new(Stamp::of(path));
        let index = ArcSwap::from_pointee(Index::new(BansFile::read(path)?));
        Ok(Bans(Arc::new(Inner { path: Some(path.into()), index, stamp })))
    }

    /// Reads the file again where it has changed; whether it had.
    pub fn reload_if_changed(&self) -> Result<bool, AuthError> {
        let Some(path) = &self.0.path else { return Ok(false) };
        let mut stamp = self.0.stamp.lock();
        let now = Stamp::of(path);
        if *stamp == now {
            return Ok(false);
        }
        *stamp = now;
        self.0.index.store(Arc::new(Index::new(BansFile::read(path)?)));
        Ok(true)
    }

    /// Adds a ban to the file and to those in force.
    pub fn add(&self, ban: Ban, now: Timestamp) -> Result<(), AuthError> {
        self.change(|file| file.add(ban, now))
    }

    /// Removes a ban; whether it was there.
    pub fn remove(&self, by: BanBy, who: &str) -> Result<bool, AuthError> {
        self.change(|file| Ok(file.remove(by, who)))
    }

    /// The bans that are not over, in no order.
    pub fn list(&self, now: Timestamp) -> Vec<Arc<Ban>> {
        let index = self.0.index.load();
        let all = index.by_text.values().chain(index.by_address.values());
        let all = all.chain(index.networks.iter().map(|(_, ban)| ban)).chain(index.patterns.iter().map(|(_, ban)| ban));
        all.filter(|ban| !ban.is_over(now)).cloned().collect()
    }

    /// The ban of a client, where there is one.
    pub fn find(
        &self,
        (client_id, username): (&str, Option<&str>),
        address: IpAddr,
        now: Timestamp,
    ) -> Option<Arc<Ban>> {
        let index = self.0.index.load();
        if index.is_empty() {
            return None;
        }
        let address = address.to_canonical();
        let by_text = |by, text: &str| index.by_text.get(&(by, ByteString::from(text)));
        by_text(BanBy::Clientid, client_id)
            .into_iter()
            .chain(username.and_then(|name| by_text(BanBy::Username, name)))
            .chain(index.by_address.get(&address))
            .chain(index.networks.iter().filter(|(network, _)| network.contains(address)).map(|(_, ban)| ban))
            .chain(
                index
                    .patterns
                    .iter()
                    .filter(|(pattern, ban)| match ban.r#as {
                        BanBy::UsernameRe => username.is_some_and(|name| pattern.is_match(name)),
                        BanBy::ClientidRe => pattern.is_match(client_id),
                        BanBy::Clientid | BanBy::Username | BanBy::Peerhost | BanBy::PeerhostNet => false,
                    })
                    .map(|(_, ban)| ban),
            )
            .find(|ban| !ban.is_over(now))
            .cloned()
    }

    fn change<T>(&self, change: impl FnOnce(&mut BansFile) -> Result<T, AuthError>) -> Result<T, AuthError> {
        let Some(path) = &self.0.path else {
            return Err(AuthError::Ban { message: "there is no file to keep bans in".to_owned() });
        };
        let mut file = BansFile::open(path)?;
        let changed = change(&mut file)?;
        file.save()?;
        self.reload_if_changed()?;
        Ok(changed)
    }
}

impl Index {
    fn new(bans: Vec<Ban>) -> Index {
        let mut index = Index::default();
        for ban in bans {
            let ban = Arc::new(ban);
            match ban.r#as {
                BanBy::Clientid | BanBy::Username => {
                    index.by_text.insert((ban.r#as, ban.who.as_str().into()), ban);
                }
                BanBy::Peerhost => index.by_address.extend(ban.who.parse().map(|address| (address, ban))),
                BanBy::PeerhostNet => index.networks.extend(ban.who.parse().map(|network| (network, ban))),
                BanBy::ClientidRe | BanBy::UsernameRe => {
                    index.patterns.extend(pattern(&ban.who).map(|pattern| (pattern, ban)));
                }
            }
        }
        index
    }

    fn is_empty(&self) -> bool {
        self.by_text.is_empty() && self.by_address.is_empty() && self.networks.is_empty() && self.patterns.is_empty()
    }
}

impl fmt::Debug for Bans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bans").field("path", &self.0.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn ban(by: BanBy, who: &str, until: Option<i64>) -> Ban {
        Ban { r#as: by, who: who.into(), by: "ops".into(), reason: "too loud".into(), at: 5, until }
    }

    #[test]
    fn a_client_is_found_by_everything_a_ban_can_go_by() {
        let dir = tempfile::tempdir().unwrap();
        let bans = Bans::open(&dir.path().join("bans")).unwrap();
        for (by, who) in [
            (BanBy::Clientid, "pump-17"),
            (BanBy::Username, "mallory"),
            (BanBy::Peerhost, "::ffff:192.0.2.7"),
            (BanBy::PeerhostNet, "198.51.100.0/24"),
            (BanBy::ClientidRe, "bot-[0-9]+|spider"),
            (BanBy::UsernameRe, "tmp.*"),
        ] {
            bans.add(ban(by, who, None), NOW).unwrap();
        }
        for (client_id, username, address, found) in [
            ("pump-17", None, "10.0.0.1", Some(BanBy::Clientid)),
            ("pump-170", None, "10.0.0.1", None),
            ("a", Some("mallory"), "10.0.0.1", Some(BanBy::Username)),
            ("mallory", None, "10.0.0.1", None),
            ("a", None, "192.0.2.7", Some(BanBy::Peerhost)),
            ("a", None, "198.51.100.200", Some(BanBy::PeerhostNet)),
            ("a", None, "198.51.101.200", None),
            ("bot-5", None, "10.0.0.1", Some(BanBy::ClientidRe)),
            ("my-bot-5", None, "10.0.0.1", None),
            ("a", Some("tmp5"), "10.0.0.1", Some(BanBy::UsernameRe)),
        ] {
            let ban = bans.find((client_id, username), address.parse().unwrap(), NOW);
            assert_eq!(ban.map(|ban| ban.r#as), found, "{client_id} {username:?} {address}");
        }
    }

    #[test]
    fn bans_end_are_replaced_are_removed_and_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bans");
        let bans = Bans::open(&path).unwrap();
        bans.add(ban(BanBy::Clientid, "a", Some(NOW.0 + 1)), NOW).unwrap();
        bans.add(ban(BanBy::Clientid, "b", Some(5)), NOW).unwrap();
        bans.add(ban(BanBy::Clientid, "b", None), NOW).unwrap();
        let is_banned =
            |bans: &Bans, name: &str, at: i64| bans.find((name, None), [10, 0, 0, 1].into(), Timestamp(at)).is_some();
        assert!(is_banned(&bans, "a", NOW.0) && !is_banned(&bans, "a", NOW.0 + 1));
        let again = Bans::open(&path).unwrap();
        assert!(is_banned(&again, "a", NOW.0) && is_banned(&again, "b", i64::MAX));
        assert!(bans.remove(BanBy::Clientid, "b").unwrap() && !bans.remove(BanBy::Clientid, "b").unwrap());
        assert!(is_banned(&again, "b", NOW.0) && again.reload_if_changed().unwrap() && !is_banned(&again, "b", NOW.0));
        assert_eq!(again.list(NOW).len(), 1);
    }

    #[test]
    fn what_can_match_nobody_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bans");
        let bans = Bans::open(&path).unwrap();
        for (by, who, message) in [
            (BanBy::Peerhost, "192.0.2", "expected an address such as"),
            (BanBy::PeerhostNet, "192.0.2.0/33", "expected a network such as"),
            (BanBy::ClientidRe, "(", "expected a regular expression"),
            (BanBy::Clientid, "", "found an empty text"),
        ] {
            let told = bans.add(ban(by, who, None), NOW).unwrap_err().to_string();
            assert!(told.contains(message), "{told}");
        }
        std::fs::write(&path, "{\"as\":\"clientid\"}\n").unwrap();
        assert!(Bans::open(&path).unwrap_err().to_string().contains("bans:1: missing field `who`"));
    }
}
