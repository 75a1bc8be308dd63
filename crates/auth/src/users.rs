//! The users file: one line for each user, `name:$argon2id$...` or `name:$argon2id$...:role,role`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytestring::ByteString;

use crate::acl::{SUPERUSER, is_role_name};
use crate::config::HashCost;
use crate::error::{AuthError, Fault};
use crate::file::{LockedFile, read_text};
use crate::import::ImportedUser;
use crate::lines::{Line, read_lines};
use crate::password::{Cost, Salted, Stored, decoy, hash, parse_all};
use crate::scram::{ScramCredentials, ScramHash};

/// The longest user name, in bytes, as MQTT has it [MQTT-1.5.4].
const NAME_BYTES_MAX: usize = 65_535;

/// The users, by name.
#[derive(Debug)]
pub struct Users {
    by_name: HashMap<ByteString, User>,
    decoy: Arc<str>,
    has_scram: bool,
}

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: ByteString,
    /// Its stored password; several, separated by spaces, where it has SCRAM credentials.
    pub(crate) stored: Arc<str>,
    /// What comparing with it costs.
    cost: Cost,
    pub(crate) roles: Arc<[ByteString]>,
}

impl User {
    /// A user whose stored password was just made.
    fn new(name: &str, stored: &str, roles: Arc<[ByteString]>) -> User {
        let cost = parse_all(stored).ok().and_then(|all| all.first().map(Stored::cost)).unwrap_or(Cost::Digest);
        User { name: name.into(), stored: stored.into(), cost, roles }
    }
}

impl Users {
    /// Reads the text of a users file; all mistakes at once.
    pub fn parse(text: &str) -> Result<Users, Vec<Fault>> {
        let users = lines(text)?.into_iter().filter_map(|line| match line {
            Line::Entry(user) => Some(user),
            Line::Text(_) => None,
        });
        Ok(Users::new(users.collect()))
    }

    /// Reads a users file; one that is not there has no users.
    pub fn read(path: &Path) -> Result<Users, AuthError> {
        let text = read_text(path)?.unwrap_or_default();
        Users::parse(&text).map_err(|faults| AuthError::Broken { path: path.into(), faults })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Names and roles, sorted by name.
    pub fn list(&self) -> Vec<(&str, &[ByteString])> {
        let mut list: Vec<_> = self.by_name.values().map(|user| (&*user.name, &*user.roles)).collect();
        list.sort_unstable_by_key(|(name, _)| *name);
        list
    }

    pub(crate) fn get(&self, name: &str) -> Option<&User> {
        self.by_name.get(name)
    }

    /// Whether some user has SCRAM credentials.
    pub(crate) const fn has_scram(&self) -> bool {
        self.has_scram
    }

    /// What passwords of unknown users are compared with.
    pub(crate) fn decoy(&self) -> &Arc<str> {
        &self.decoy
    }

    fn new(users: Vec<User>) -> Users {
        Users {
            has_scram: users.iter().any(|user| user.stored.contains("$scram-")),
            decoy: decoy(usual_cost(&users)).into(),
            by_name: users.into_iter().map(|user| (user.name.clone(), user)).collect(),
        }
    }
}

/// What most of the hashes cost: so much an unknown user must cost too, or the time would tell that it is unknown.
fn usual_cost(users: &[User]) -> Cost {
    let mut counts: HashMap<Cost, usize> = HashMap::new();
    for user in users {
        *counts.entry(user.cost).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(cost, count)| (*count, *cost));
    let HashCost { memory_kib, passes, lanes } = HashCost::default();
    most.map_or(Cost::Argon2id { memory_kib, passes, lanes }, |(cost, _)| cost)
}

/// How a new password is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAs {
    /// As a hash that costs so much: for passwords that people make.
    Argon2id(HashCost),
    /// As SCRAM credentials, for clients that prove that they know it instead of sending it. The work is theirs.
    Scram,
    /// As one round of SHA-256: for passwords of 128 random bits, which nobody can guess at any speed.
    Digest,
}

impl From<&HashCost> for StoreAs {
    fn from(cost: &HashCost) -> StoreAs {
        StoreAs::Argon2id(*cost)
    }
}

impl StoreAs {
    fn stored(self, password: &[u8]) -> Result<String, AuthError> {
        match self {
            StoreAs::Argon2id(cost) => hash(password, &cost),
            StoreAs::Scram => {
                let [first, second] = ScramHash::ALL.map(|hash| ScramCredentials::new(hash, password).to_string());
                Ok(format!("{first} {second}"))
            }
            StoreAs::Digest => Ok(Salted::of_generated(password).to_string()),
        }
    }
}

/// A users file that is being changed: locked until it is saved or dropped, comments kept.
#[derive(Debug)]
pub struct UsersFile {
    file: LockedFile,
    lines: Vec<Line<User>>,
}

impl UsersFile {
    /// Locks and reads a users file; one that is not there is made, empty, readable by its owner alone.
    pub fn open(path: &Path) -> Result<UsersFile, AuthError> {
        let file = LockedFile::open(path)?;
        let lines = lines(file.text()).map_err(|faults| AuthError::Broken { path: file.path().into(), faults })?;
        Ok(UsersFile { file, lines })
    }

    /// Adds a user that is not there yet.
    pub fn add(
        &mut self,
        name: &str,
        password: &[u8],
        roles: &[&str],
        store_as: impl Into<StoreAs>,
    ) -> Result<(), AuthError> {
        check_name(name)?;
        let roles = checked_roles(roles)?;
        if self.find(name).is_ok() {
            let help = "to change the password use `signalbox users passwd`";
            return Err(AuthError::Exists { what: "user", name: name.into(), help });
        }
        let stored = store_as.into().stored(password)?;
        self.lines.push(Line::Entry(User::new(name, &stored, roles)));
        Ok(())
    }

    /// Adds a user of another broker, with its password as it was stored there.
    pub fn import(&mut self, user: ImportedUser) -> Result<(), AuthError> {
        let ImportedUser { name, stored, is_superuser } = user;
        check_name(&name)?;
        if self.find(&name).is_ok() {
            let help = "remove it with `signalbox users remove` to take the other one";
            return Err(AuthError::Exists { what: "user", name, help });
        }
        let roles = if is_superuser { checked_roles(&[SUPERUSER])? } else { Arc::default() };
        self.lines.push(Line::Entry(User::new(&name, &stored, roles)));
        Ok(())
    }

    /// Gives a user another password.
    pub fn set_password(&mut self, name: &str, password: &[u8], store_as: impl Into<StoreAs>) -> Result<(), AuthError> {
        let at = self.find(name)?;
        if let Some(Line::Entry(user)) = self.lines.get_mut(at) {
            *user = User::new(name, &store_as.into().stored(password)?, user.roles.clone());
        }
        Ok(())
    }

    /// Gives a user other roles.
    pub fn set_roles(&mut self, name: &str, roles: &[&str]) -> Result<(), AuthError> {
        let roles = checked_roles(roles)?;
        let at = self.find(name)?;
        if let Some(Line::Entry(user)) = self.lines.get_mut(at) {
            user.roles = roles;
        }
        Ok(())
    }

    /// Takes a user out.
    pub fn remove(&mut self, name: &str) -> Result<(), AuthError> {
        let at = self.find(name)?;
        self.lines.remove(at);
        Ok(())
    }

    /// Names and roles, in the order of the file.
    pub fn list(&self) -> Vec<(&str, &[ByteString])> {
        self.users().map(|user| (&*user.name, &*user.roles)).collect()
    }

    /// Puts the changed file in place at once. A running broker takes it up within a second.
    pub fn save(self) -> Result<(), AuthError> {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line) => text.push_str(line),
                Line::Entry(User { name, stored, roles, .. }) => {
                    text.extend([name, ":", stored]);
                    for (at, role) in roles.iter().enumerate() {
                        text.extend([if at == 0 { ":" } else { "," }, role]);
                    }
                }
            }
            text.push('\n');
        }
        self.file.replace(&text)
    }

    fn users(&self) -> impl Iterator<Item = &User> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry(user) => Some(user),
            Line::Text(_) => None,
        })
    }

    fn find(&self, name: &str) -> Result<usize, AuthError> {
        let is_it = |line: &Line<User>| matches!(line, Line::Entry(user) if &*user.name == name);
        self.lines.iter().position(is_it).ok_or_else(|| AuthError::Unknown {
            what: "user",
            name: name.into(),
            close: events::closest(name, self.users().map(|user| &*user.name)).map(String::from),
        })
    }
}

fn check_name(name: &str) -> Result<(), AuthError> {
    let fits = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('#')
        && name.trim() == name
        && !name.contains(|c: char| c == ':' || c.is_control());
    if fits {
        return Ok(());
    }
    let expected = "a user name without `:`, control characters, spaces around it and `#` in front";
    Err(AuthError::Name { expected, found: name.into() })
}

fn checked_roles(roles: &[&str]) -> Result<Arc<[ByteString]>, AuthError> {
    match roles.iter().find(|role| !is_role_name(role)) {
        Some(role) => {
            Err(AuthError::Name { expected: "a role of letters, digits, `_` and `-`", found: (*role).into() })
        }
        None => Ok(roles.iter().map(|role| ByteString::from(*role)).collect()),
    }
}

fn lines(text: &str) -> Result<Vec<Line<User>>, Vec<Fault>> {
    let read = |line: &str| user(line).map_err(|(message, help)| (message, help.map(String::from)));
    read_lines(text, "user", |user: &User| &user.name, read)
}

fn user(line: &str) -> Result<User, (String, Option<&'static str>)> {
    let make_one = Some("`signalbox users add NAME` writes such a line");
    let Some((name, rest)) = line.split_once(':') else {
        return Err(("expected `name:hash` or `name:hash:roles`, found no `:`".to_owned(), make_one));
    };
    check_name(name).map_err(|error| (error.to_string(), None))?;
    let (stored, roles) = rest.split_once(':').unwrap_or((rest, ""));
    let cost = match parse_all(stored).as_deref() {
        Ok([first, ..]) => first.cost(),
        Ok([]) => return Err(("expected a stored password, found none".to_owned(), make_one)),
        Err(found) => {
            return Err((format!("expected a stored password such as `$argon2id$...`, found {found}"), make_one));
        }
    };
    let roles: Vec<&str> = roles.split(',').map(str::trim).filter(|role| !role.is_empty()).collect();
    let roles = checked_roles(&roles).map_err(|error| (error.to_string(), None))?;
    Ok(User { name: name.into(), stored: stored.into(), cost, roles })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{TEST_COST, verify};

    fn in_new_file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn users_come_change_and_go_and_comments_stay() {
        let (_dir, path) = in_new_file("# the pumps\n\n");
        let mut file = UsersFile::open(&path).unwrap();
        file.add("pump 17", b"one", &["crew", "observer"], &TEST_COST).unwrap();
        file.add("pump-18", b"two", &[], &TEST_COST).unwrap();
        file.save().unwrap();

        let mut file = UsersFile::open(&path).unwrap();
        file.set_password("pump 17", b"three", &TEST_COST).unwrap();
        file.set_roles("pump-18", &["crew"]).unwrap();
        file.save().unwrap();

        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# the pumps\n\npump 17:$argon2id$"), "{text}");
        let users = Users::read(&path).unwrap();
        assert!(verify(&users.get("pump 17").unwrap().stored, b"three"));
        let roles = |name: &str| users.get(name).unwrap().roles.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!((roles("pump 17"), roles("pump-18")), (vec!["crew".into(), "observer".into()], vec!["crew".into()]));

        let mut file = UsersFile::open(&path).unwrap();
        file.remove("pump 17").unwrap();
        file.save().unwrap();
        assert_eq!(Users::read(&path).unwrap().list().len(), 1);
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        let (_dir, path) = in_new_file("");
        let mut file = UsersFile::open(&path).unwrap();
        file.add("pump-17", b"one", &[], &TEST_COST).unwrap();
        let told = |result: Result<(), AuthError>| result.unwrap_err().to_string();
        assert_eq!(told(file.remove("pump-71")), "no user `pump-71`\nhelp: did you mean `pump-17`?");
        assert_eq!(told(file.set_password("valve", b"", &TEST_COST)), "no user `valve`");
        assert_eq!(
            told(file.add("pump-17", b"", &[], &TEST_COST)),
            "user `pump-17` is there already\nhelp: to change the password use `signalbox users passwd`"
        );
        assert_eq!(
            told(file.add("x", b"", &["a,b"], &TEST_COST)),
            "expected a role of letters, digits, `_` and `-`, found `a,b`"
        );
        for name in ["", "a:b", "#a", " a", "a\n"] {
            assert!(
                told(file.add(name, b"", &[], &TEST_COST)).starts_with("expected a user name without `:`"),
                "{name}"
            );
        }
    }

    #[test]
    fn every_broken_line_is_told_with_its_number() {
        let good = hash(b"x", &TEST_COST).unwrap();
        let text = format!("a:{good}\n# fine\nb\nc:$7$101$abc\na:{good}\n:{good}\nd:{good}:crew,o/x\n");
        let faults = Users::parse(&text).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5, 6, 7], "{told:?}");
        assert_eq!(told[0].1, "expected `name:hash` or `name:hash:roles`, found no `:`");
        assert_eq!(
            told[1].1,
            "expected a stored password such as `$argon2id$...`, found a `$7$` hash that is not whole"
        );
        assert_eq!(told[2].1, "expected each user once, found `a` on line 1 too");
        assert_eq!(told[4].1, "expected a role of letters, digits, `_` and `-`, found `o/x`");
    }

    #[test]
    fn the_decoy_costs_what_most_users_cost() {
        let cheap = hash(b"x", &TEST_COST).unwrap();
        let dear = hash(b"x", &HashCost { memory_kib: 16, ..TEST_COST }).unwrap();
        let users = Users::parse(&format!("a:{dear}\nb:{cheap}\nc:{cheap}\n")).unwrap();
        let cost = |users: &Users| Stored::parse(users.decoy()).unwrap().cost();
        assert_eq!(cost(&users), Stored::parse(&cheap).unwrap().cost());
        let default = hash(b"x", &HashCost::default()).unwrap();
        assert_eq!(cost(&Users::parse("").unwrap()), Stored::parse(&default).unwrap().cost());
    }

    #[test]
    fn a_file_that_is_not_there_has_no_users() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Users::read(&dir.path().join("users")).unwrap().is_empty());
    }
}
