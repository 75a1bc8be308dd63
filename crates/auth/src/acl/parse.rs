//! The text of an ACL file as rules, or what is wrong with it, line by line.

use bytestring::ByteString;

use super::section::Access;
use crate::error::Fault;

/// The role that stands above the ACL; no section may have its name.
pub(crate) const SUPERUSER: &str = "superuser";

/// One line of an ACL file that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// What follows is for this user.
    User(ByteString),
    /// What follows is for users with this role.
    Role(ByteString),
    /// A rule of the section.
    Topic(Access, ByteString),
    /// A rule with `%u` or `%c` in it.
    Pattern(Access, ByteString),
}

const KEYWORDS: [&str; 4] = ["user", "role", "topic", "pattern"];
const ACCESSES: [(&str, Access); 4] =
    [("read", Access::Read), ("write", Access::Write), ("readwrite", Access::ReadWrite), ("deny", Access::Deny)];

/// Reads every line; `Ok` has them with their numbers from 1, `Err` all mistakes.
pub(super) fn lines(text: &str) -> Result<Vec<(usize, Line)>, Vec<Fault>> {
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    // Editors of another make put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, text) in text.lines().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match line(text) {
            Ok(line) => lines.push((at + 1, line)),
            Err((message, help)) => faults.push(Fault { line: at + 1, message, help }),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

type Mistake = (String, Option<String>);

fn line(text: &str) -> Result<Line, Mistake> {
    let (keyword, rest) = first_word(text);
    match keyword {
        "user" if rest.is_empty() => Err(("expected a user name after `user`, found nothing".into(), None)),
        "user" => Ok(Line::User(rest.into())),
        "role" => role(rest),
        "topic" => rule(keyword, rest).map(|(access, filter)| Line::Topic(access, filter)),
        "pattern" => rule(keyword, rest).map(|(access, filter)| Line::Pattern(access, filter)),
        found => {
            let help = events::closest(found, KEYWORDS).map(|close| format!("did you mean `{close}`?"));
            Err((format!("expected `user`, `role`, `topic` or `pattern`, found `{found}`"), help))
        }
    }
}

fn role(name: &str) -> Result<Line, Mistake> {
    if name == SUPERUSER {
        let message = format!("expected a role of your own, found `{SUPERUSER}`, which may do everything already");
        return Err((message, None));
    }
    if is_role_name(name) {
        Ok(Line::Role(name.into()))
    } else {
        Err((format!("expected a role of letters, digits, `_` and `-`, found `{name}`"), None))
    }
}

/// Whether `name` can be a role: it stands between commas in the users file.
pub(crate) fn is_role_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// `[read|write|readwrite|deny] filter`. As in Mosquitto a single word is a filter, and filters may have spaces where
/// an access stands before them.
fn rule(keyword: &str, rest: &str) -> Result<(Access, ByteString), Mistake> {
    let (first, others) = first_word(rest);
    let (access, filter) = match ACCESSES.iter().find(|(name, _)| *name == first) {
        Some((_, access)) if !others.is_empty() => (*access, others),
        Some(_) | None if others.is_empty() => (Access::ReadWrite, first),
        Some(_) | None => {
            let help = events::closest(first, ACCESSES.map(|(name, _)| name)).map_or_else(
                || format!("for a filter with spaces write `{keyword} readwrite {rest}`"),
                |close| format!("did you mean `{close}`?"),
            );
            return Err((format!("expected `read`, `write`, `readwrite` or `deny`, found `{first}`"), Some(help)));
        }
    };
    if filter.is_empty() {
        return Err((format!("expected a topic filter after `{keyword}`, found nothing"), None));
    }
    match mqtt::Filter::parse(filter) {
        Ok(filter) if filter.share().is_some() => Err((
            format!("expected a topic filter without a share group, found `{filter}`"),
            Some(format!("write `{}`; it holds for shared subscriptions too", filter.topic_filter())),
        )),
        Ok(filter) => Ok((access, filter.as_byte_string().clone())),
        Err(error) => Err((format!("{error} of `{filter}`"), None)),
    }
}

/// The first word and what stands behind the spaces or tabs after it.
fn first_word(text: &str) -> (&str, &str) {
    text.split_once([' ', '\t']).map_or((text, ""), |(first, rest)| (first, rest.trim_start_matches([' ', '\t'])))
}
