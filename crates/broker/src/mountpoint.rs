//! Mountpoints: the clients of a listener live below a prefix that they do not see.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytestring::ByteString;
use mqtt::{Filter, FilterError, validate_topic_name};

use crate::session::inbound::is_reserved;

/// What stands for something about the client, and its meaning.
const PLACEHOLDERS: [(&str, Part); 4] =
    [("${clientid}", Part::ClientId), ("%c", Part::ClientId), ("${username}", Part::Username), ("%u", Part::Username)];

/// The prefix of a listener's clients, such as `plant-7/` or `devices/${clientid}/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mountpoint {
    text: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    ClientId,
    Username,
}

impl FromStr for Mountpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Mountpoint, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((at, (word, part))) =
            PLACEHOLDERS.iter().filter_map(|of| Some((rest.find(of.0)?, of))).min_by_key(|(at, _)| *at)
        {
            let (before, found) = rest.split_at(at);
            parts.extend((!before.is_empty()).then(|| Part::Text(before.into())));
            parts.push(part.clone());
            rest = found.strip_prefix(word).unwrap_or_default();
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.into())));
        let is_text = |part: &Part| matches!(part, Part::Text(text) if text.contains("${"));
        if parts.iter().any(is_text) {
            return Err(format!(
                "expected `${{clientid}}` and `${{username}}` as the only placeholders, found `{text}`"
            ));
        }
        if !text.ends_with('/') {
            return Err(format!("expected a mountpoint that ends with `/`, found `{text}`"));
        }
        if let Err(error) = validate_topic_name(text) {
            return Err(format!("expected the beginning of a topic, found `{text}`: {error}"));
        }
        if matches!(parts.first(), Some(Part::Text(first)) if first.starts_with(['$', '/'])) {
            return Err(format!("expected a mountpoint that does not begin with `$` or `/`, found `{text}`"));
        }
        Ok(Mountpoint { text: text.into(), parts: parts.into() })
    }
}

impl fmt::Display for Mountpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Mountpoint {
    /// The prefix of one client, or what is wrong with its names: with a wildcard or a slash in it, it could leave the
    /// place it is mounted at for that of another client.
    pub(crate) fn of(&self, client_id: &str, username: Option<&str>) -> Result<Mount, String> {
        let mut prefix = String::new();
        for part in &self.parts {
            let (what, name) = match part {
                Part::Text(text) => {
                    prefix.push_str(text);
                    continue;
                }
                Part::ClientId => ("client identifier", client_id),
                Part::Username => ("user name", username.unwrap_or_default()),
            };
            if name.is_empty() {
                return Err(format!("expected a {what}, which the mountpoint `{self}` has in it, found none"));
            }
            if name.contains(['+', '#', '/']) || prefix.is_empty() && name.starts_with('$') {
                return Err(format!("expected a {what} that fits into the mountpoint `{self}`, found `{name}`"));
            }
            prefix.push_str(name);
        }
        Ok(Mount(prefix.into()))
    }
}

/// Where one client is mounted. What belongs to the broker, such as `$SYS/`, is where it is for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount(Box<str>);

impl Mount {
    /// A topic of the client as all others see it; `None` where it is too long.
    pub(crate) fn mounted(&self, topic: &str) -> Option<ByteString> {
        let mounted = format!("{}{topic}", self.0);
        validate_topic_name(&mounted).ok()?;
        Some(mounted.into())
    }

    /// A filter of the client as all others see it.
    pub(crate) fn mounted_filter(&self, filter: &Filter) -> Result<Filter, FilterError> {
        if is_reserved(filter.topic_filter()) {
            return Ok(filter.clone());
        }
        with_topic_filter(filter, &format!("{}{}", self.0, filter.topic_filter()))
    }

    /// The topic as the client sees it.
    pub(crate) fn unmounted<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(&*self.0).unwrap_or(topic)
    }

    /// The filter as the client has asked for it.
    pub(crate) fn unmounted_filter<'a>(&self, filter: &'a Filter) -> Cow<'a, Filter> {
        let own = filter.topic_filter().strip_prefix(&*self.0);
        own.and_then(|own| with_topic_filter(filter, own).ok()).map_or(Cow::Borrowed(filter), Cow::Owned)
    }
}

/// The same share group with another filter.
fn with_topic_filter(filter: &Filter, topic_filter: &str) -> Result<Filter, FilterError> {
    Filter::parse(match filter.share() {
        Some(group) => format!("$share/{group}/{topic_filter}"),
        None => topic_filter.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(text: &str, client_id: &str, username: Option<&str>) -> Result<Mount, String> {
        text.parse::<Mountpoint>()?.of(client_id, username)
    }

    #[test]
    fn placeholders_are_the_names_of_the_client() {
        for (text, prefix) in [
            ("plant/", "plant/"),
            ("d/${clientid}/", "d/c-1/"),
            ("${username}/%c/", "ann/c-1/"),
            ("%u-${clientid}/x/", "ann-c-1/x/"),
        ] {
            assert_eq!(mount(text, "c-1", Some("ann")), Ok(Mount(prefix.into())), "{text}");
        }
    }

    #[test]
    fn a_mountpoint_that_cannot_be_one_is_refused() {
        for (text, words) in [
            ("plant", "that ends with `/`"),
            ("", "that ends with `/`"),
            ("a/+/", "the beginning of a topic"),
            ("$SYS/", "does not begin with `$`"),
            ("/", "does not begin with"),
            ("d/${clientId}/", "as the only placeholders"),
        ] {
            let told = text.parse::<Mountpoint>().unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn no_name_leads_to_the_place_of_another_client() {
        for name in ["a/b", "+", "#", "", "a+"] {
            assert!(mount("d/${clientid}/", name, None).is_err(), "{name}");
        }
        assert!(mount("${username}/", "c", None).is_err());
        assert!(mount("${username}/", "c", Some("$SYS")).is_err());
    }

    #[test]
    fn what_is_mounted_is_seen_as_it_was() {
        let mount = mount("d/${clientid}/", "c", None).unwrap();
        for text in ["a/+", "#", "$share/g/a/#", "/a"] {
            let filter = Filter::parse(text).unwrap();
            let mounted = mount.mounted_filter(&filter).unwrap();
            assert_eq!(mounted.topic_filter().as_ref() as &str, format!("d/c/{}", filter.topic_filter()));
            assert_eq!(mounted.share(), filter.share());
            assert_eq!(*mount.unmounted_filter(&mounted), filter);
        }
        let of_broker = Filter::parse("$SYS/#").unwrap();
        assert_eq!(mount.mounted_filter(&of_broker).unwrap(), of_broker);
        assert_eq!(mount.mounted("a/b").unwrap(), "d/c/a/b");
        assert_eq!((mount.unmounted("d/c/a/b"), mount.unmounted("d/other")), ("a/b", "d/other"));
        assert_eq!(mount.mounted(&"x".repeat(65_533)), None);
    }
}
