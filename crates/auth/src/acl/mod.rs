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
//! role, `%u` is the user name and `%c` the client identifier; `${username}`, `${clientid}` and `${client_attrs.NAME}` may
//! be written too. A client without a checked user name has no `%u`. A name with `+`, `#` or `/` in it could reach other
//! clients' topics, so such lines give it nothing; those that deny still deny, with `+` where the name would stand.

mod cover;
mod names;
mod parse;
mod permissions;
mod rule;
mod section;

pub(crate) use parse::{SUPERUSER, is_role_name};
pub(crate) use permissions::Layer;
pub use permissions::{Check, Effect, Permissions, Readable};
pub use rule::{Action, Publishing, Rule};
pub(crate) use rule::{RULES_MAX, rules_of_json};

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;

use crate::error::Fault;
use crate::identity::Identity;
use names::{Names, fill, has_places};
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

    /// What the file says about a client. A client without a checked password has the lines above every section.
    pub(crate) fn layer(&self, identity: &Identity) -> Layer {
        let names = Names::of(identity);
        let mut sections = Vec::with_capacity(1 + identity.roles.len());
        if identity.anonymous {
            sections.push(self.anonymous.clone());
        }
        sections.extend(names.username.and_then(|name| self.users.get(name)).cloned());
        let roles = || identity.roles.iter().filter_map(|role| self.roles.get(role));
        sections.extend(roles().map(|role| role.section.clone()));
        let own = self
            .patterns
            .iter()
            .chain(roles().flat_map(|role| &role.patterns))
            .filter_map(|(access, pattern)| Some((*access, fill(pattern, *access == Access::Deny, names)?)))
            .collect();
        Layer::File { sections: sections.into(), own }
    }

    /// What a client may do where this file is the only source.
    pub fn permissions(&self, identity: &Identity) -> Permissions {
        if identity.superuser {
            return Permissions::superuser();
        }
        Permissions::layers(Box::new([self.layer(identity)]), Effect::Deny)
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
                Place::Role(role) if has_places(&filter) => {
                    self.roles.entry(role.clone()).or_default().1.push((access, filter));
                }
                Place::Anonymous | Place::User(_) | Place::Role(_) => self.handle_topic(number, access, &filter),
            },
            Line::Pattern(access, filter) => self.patterns.push((access, filter)),
        }
    }

    fn handle_topic(&mut self, number: usize, access: Access, filter: &ByteString) {
        if has_places(filter) {
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

#[cfg(test)]
mod tests;
