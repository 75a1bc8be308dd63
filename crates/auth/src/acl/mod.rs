//! The ACL file: Mosquitto's syntax, with roles.
//!
//! ```text
//! # Above every section: for clients without a password.
//! topic read weather/#
//!
//! user pump-17
//! topic readwrite plant/17/#
//! topic deny plant/17/secret/#
//!
//! role observer
//! topic read $events/#
//! topic readwrite notes/%u/#
//!
//! pattern readwrite devices/%u/%c/#
//! ```
//!
//! `pattern` lines hold for every client, wherever they stand, as in Mosquitto. In them, and in the `topic` lines of a
//! role, `%u` is the user name and `%c` the client identifier. A client without a checked user name has no `%u`. A name
//! with `+`, `#` or `/` in it could reach other clients' topics, so such lines give it nothing; those that deny still
//! deny, with `+` where the name would stand.

mod cover;
mod parse;
mod permissions;
mod section;

pub(crate) use parse::{SUPERUSER, is_role_name};
pub use permissions::{Permissions, Readable};

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;

use crate::error::Fault;
use crate::identity::Identity;
use parse::Line;
use section::{Access, Section};

/// An ACL file, checked and sorted by user and role.
#[derive(Debug, Default)]
pub struct Acl {
    anonymous: Arc<Section>,
    users: HashMap<ByteString, Arc<Section>>,
    roles: HashMap<ByteString, Role>,
    patterns: Vec<(Access, ByteString)>,
    warnings: Vec<Fault>,
}

#[derive(Debug, Default)]
struct Role {
    section: Arc<Section>,
    patterns: Vec<(Access, ByteString)>,
}

impl Acl {
    /// Reads the text of an ACL file; all mistakes at once.
    pub fn parse(text: &str) -> Result<Acl, Vec<Fault>> {
        let mut reader = Reader::default();
        for (number, line) in parse::lines(text)? {
            reader.handle_line(number, line);
        }
        Ok(reader.into_acl())
    }

    /// What a client may publish and receive.
    pub fn permissions(&self, identity: &Identity) -> Permissions {
        if identity.superuser {
            return Permissions::superuser();
        }
        let username = identity.username.as_deref().filter(|_| !identity.anonymous);
        let mut sections = Vec::with_capacity(1 + identity.roles.len());
        if identity.anonymous {
            sections.push(self.anonymous.clone());
        }
        sections.extend(username.and_then(|name| self.users.get(name)).cloned());
        let roles = || identity.roles.iter().filter_map(|role| self.roles.get(role));
        sections.extend(roles().map(|role| role.section.clone()));
        let own = self
            .patterns
            .iter()
            .chain(roles().flat_map(|role| &role.patterns))
            .filter_map(|(access, pattern)| {
                Some((*access, substitute(pattern, *access, username, &identity.client_id)?))
            })
            .collect();
        Permissions::rules(sections.into(), own)
    }

    /// What looks like a slip though it is well-formed.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Whether there is a section for this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains_key(role)
    }
}

/// The section that lines go to.
#[derive(Default)]
enum Place {
    #[default]
    Anonymous,
    User(ByteString),
    Role(ByteString),
}

#[derive(Default)]
struct Reader {
    place: Place,
    anonymous: Section,
    users: HashMap<ByteString, Section>,
    roles: HashMap<ByteString, (Section, Vec<(Access, ByteString)>)>,
    patterns: Vec<(Access, ByteString)>,
    warnings: Vec<Fault>,
}

impl Reader {
    fn handle_line(&mut self, number: usize, line: Line) {
        match line {
            Line::User(name) => {
                self.users.entry(name.clone()).or_default();
                self.place = Place::User(name);
            }
            Line::Role(name) => {
                self.roles.entry(name.clone()).or_default();
                self.place = Place::Role(name);
            }
            Line::Topic(access, filter) => match &self.place {
                Place::Role(role) if names_client(&filter) => {
                    self.roles.entry(role.clone()).or_default().1.push((access, filter));
                }
                Place::Anonymous | Place::User(_) | Place::Role(_) => self.handle_topic(number, access, &filter),
            },
            Line::Pattern(access, filter) => self.patterns.push((access, filter)),
        }
    }

    fn handle_topic(&mut self, number: usize, access: Access, filter: &ByteString) {
        if names_client(filter) {
            self.warnings.push(Fault {
                line: number,
                message: format!("`%u` and `%c` stand for themselves in `topic {filter}`"),
                help: Some(format!("for the names of the client write `pattern {filter}`")),
            });
        }
        self.section().insert(access, filter);
    }

    fn section(&mut self) -> &mut Section {
        match &self.place {
            Place::Anonymous => &mut self.anonymous,
            Place::User(name) => self.users.entry(name.clone()).or_default(),
            Place::Role(name) => &mut self.roles.entry(name.clone()).or_default().0,
        }
    }

    fn into_acl(self) -> Acl {
        Acl {
            anonymous: Arc::new(self.anonymous),
            users: self.users.into_iter().map(|(name, section)| (name, Arc::new(section))).collect(),
            roles: self
                .roles
                .into_iter()
                .map(|(name, (section, patterns))| (name, Role { section: Arc::new(section), patterns }))
                .collect(),
            patterns: self.patterns,
            warnings: self.warnings,
        }
    }
}

fn names_client(filter: &str) -> bool {
    filter.contains("%u") || filter.contains("%c")
}

/// The filter that a pattern is for one client; `None` where the pattern says nothing about it.
fn substitute(pattern: &ByteString, access: Access, username: Option<&str>, client_id: &str) -> Option<ByteString> {
    if !names_client(pattern) {
        return Some(pattern.clone());
    }
    let fits = |name: &str| !name.is_empty() && !name.contains(['+', '#', '/', '\0']);
    let mut levels = Vec::new();
    for level in pattern.split('/') {
        let user = if level.contains("%u") { Some(username.unwrap_or_default()) } else { None };
        let client = if level.contains("%c") { Some(client_id) } else { None };
        if user.is_none_or(fits) && client.is_none_or(fits) {
            levels.push(with_names(level, user.unwrap_or_default(), client.unwrap_or_default()));
        } else if access == Access::Deny {
            levels.push("+".to_owned());
        } else {
            return None;
        }
    }
    Some(levels.join("/").into())
}

/// `level` with its names, in one pass: a user called `%c` is not a client identifier.
fn with_names(level: &str, user: &str, client: &str) -> String {
    let mut out = String::with_capacity(level.len() + user.len() + client.len());
    let mut rest = level;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('u') {
            out.push_str(user);
            rest = after;
        } else if let Some(after) = after.strip_prefix('c') {
            out.push_str(client);
            rest = after;
        } else {
            out.push('%');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
