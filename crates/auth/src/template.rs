//! Texts with places for what is known of a client: `https://auth.example.com/${clientid}`.

use std::borrow::Cow;

use events::closest;

use crate::identity::{Credentials, attribute};

/// A text with places, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// Something that is known of a client, or of what it wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    ClientId,
    Username,
    Password,
    PeerHost,
    PeerPort,
    Listener,
    CertCommonName,
    CertSubject,
    CertFingerprint,
    Attribute(String),
    Topic,
    Action,
    Qos,
    Retain,
}

/// Where a template is used: what there is to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A client connects.
    Connect,
    /// A client wants to publish or subscribe.
    Request,
}

const ON_CONNECT: [(&str, Place); 10] = [
    ("clientid", Place::ClientId),
    ("username", Place::Username),
    ("password", Place::Password),
    ("peerhost", Place::PeerHost),
    ("peerport", Place::PeerPort),
    ("listener", Place::Listener),
    ("cert_common_name", Place::CertCommonName),
    ("cert_subject", Place::CertSubject),
    ("cert_fingerprint", Place::CertFingerprint),
    ("cert_cn", Place::CertCommonName),
];
const ON_REQUEST: [(&str, Place); 4] =
    [("topic", Place::Topic), ("action", Place::Action), ("qos", Place::Qos), ("retain", Place::Retain)];

/// What a client wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) topic: &'a str,
    pub(crate) action: &'static str,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

/// What places are filled with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) credentials: &'a Credentials<'a>,
    pub(crate) attributes: &'a [(bytestring::ByteString, bytestring::ByteString)],
    pub(crate) request: Option<Request<'a>>,
}

impl<'a> Facts<'a> {
    /// What is known of a client that connects.
    pub(crate) const fn of(credentials: &'a Credentials<'a>) -> Facts<'a> {
        Facts { credentials, attributes: &[], request: None }
    }
}

impl Template {
    /// Reads a text; `Err` says what is wrong and what may be meant.
    pub(crate) fn parse(text: &str, scope: Scope) -> Result<Template, (String, Option<String>)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, behind)) = behind.split_once('}') else {
                return Err((format!("expected `}}` behind `${{`, found none in `{text}`"), None));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Place(place(name, scope)?));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Template { parts })
    }

    /// The text for a client; what it does not have is empty. `encode` appends each value.
    pub(crate) fn fill_with(&self, facts: &Facts<'_>, encode: fn(&str, &mut String)) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Place(place) => encode(&place.value(facts).unwrap_or_default(), &mut out),
            }
        }
        out
    }

    /// The text for a client; what it does not have is empty.
    pub(crate) fn fill(&self, facts: &Facts<'_>) -> String {
        self.fill_with(facts, |value, out| out.push_str(value))
    }

    /// The text for a client; `None` where it is one place, and the client does not have it.
    pub(crate) fn value(&self, facts: &Facts<'_>) -> Option<String> {
        match &self.parts[..] {
            [Part::Place(place)] => place.value(facts).map(Cow::into_owned),
            _ => Some(self.fill(facts)),
        }
    }

    /// The places in their order.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place),
            Part::Text(_) => None,
        })
    }

    /// Whether a place stands between quotes, as one would write it into a text.
    pub(crate) fn places_are_quoted(&self) -> bool {
        let is = |part: Option<&Part>, fits: fn(&str) -> bool| matches!(part, Some(Part::Text(text)) if fits(text));
        self.parts.iter().enumerate().any(|(at, part)| {
            matches!(part, Part::Place(_))
                && is(at.checked_sub(1).and_then(|before| self.parts.get(before)), |text| text.ends_with('\''))
                && is(self.parts.get(at + 1), |text| text.starts_with('\''))
        })
    }

    /// The text with `between` in the place of the `n`th place, from 1.
    pub(crate) fn numbered(&self, between: impl Fn(usize) -> String) -> String {
        let mut number = 0;
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Place(_) => {
                    number += 1;
                    between(number)
                }
            })
            .collect()
    }
}

impl Place {
    pub(crate) fn value<'a>(&self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        let of = facts.credentials;
        match self {
            Place::ClientId => Some(of.client_id.into()),
            Place::Username => of.username.map(Cow::from),
            Place::Password => of.password.map(String::from_utf8_lossy),
            Place::PeerHost => Some(of.peer.ip().to_canonical().to_string().into()),
            Place::PeerPort => Some(of.peer.port().to_string().into()),
            Place::Listener => Some(of.listener.into()),
            Place::CertCommonName => of.certificate?.common_name.as_deref().map(Cow::from),
            Place::CertSubject => Some((&*of.certificate?.subject).into()),
            Place::CertFingerprint => Some((&*of.certificate?.fingerprint_sha256).into()),
            Place::Attribute(name) => attribute(facts.attributes, name).map(Cow::from),
            Place::Topic => Some(facts.request?.topic.into()),
            Place::Action => Some(facts.request?.action.into()),
            Place::Qos => Some(facts.request?.qos.to_string().into()),
            Place::Retain => Some(facts.request?.retain.to_string().into()),
        }
    }
}

fn place(name: &str, scope: Scope) -> Result<Place, (String, Option<String>)> {
    if let Some(attribute) = name.strip_prefix("client_attrs.").filter(|_| scope == Scope::Request) {
        return Ok(Place::Attribute(attribute.to_owned()));
    }
    let more: &[(&str, Place)] = if scope == Scope::Request { &ON_REQUEST } else { &[] };
    // A password is shown to nobody but who checks it.
    let is_offered = move |(_, place): &&(&str, Place)| scope == Scope::Connect || *place != Place::Password;
    let known = || ON_CONNECT.iter().chain(more).filter(is_offered);
    if let Some((_, place)) = known().find(|(known, _)| *known == name) {
        return Ok(place.clone());
    }
    let help = closest(name, known().map(|(name, _)| *name)).map_or_else(
        || format!("known here: {}", known().map(|(name, _)| format!("`${{{name}}}`")).collect::<Vec<_>>().join(", ")),
        |close| format!("did you mean `${{{close}}}`?"),
    );
    Err((format!("expected something known of a client, found `${{{name}}}`"), Some(help)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials<'static> {
        Credentials {
            client_id: "c/1",
            username: None,
            password: Some(b"secret"),
            peer: "[::ffff:10.0.0.1]:5".parse().unwrap(),
            listener: "default",
            certificate: None,
            at: events::Timestamp::SAMPLE,
        }
    }

    #[test]
    fn places_are_filled_and_what_is_not_there_is_empty() {
        let credentials = credentials();
        let facts = Facts::of(&credentials);
        let template = Template::parse("${clientid}@${peerhost}:${peerport}-${username}!", Scope::Connect).unwrap();
        assert_eq!(template.fill(&facts), "c/1@10.0.0.1:5-!");
        assert_eq!(Template::parse("${username}", Scope::Connect).unwrap().value(&facts), None);
        assert_eq!(template.numbered(|n| format!("${n}")), "$1@$2:$3-$4!");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        let (message, help) = Template::parse("${user}", Scope::Connect).unwrap_err();
        assert_eq!(message, "expected something known of a client, found `${user}`");
        assert!(help.unwrap().starts_with("known here:"));
        let (_, help) = Template::parse("${usrname}", Scope::Connect).unwrap_err();
        assert_eq!(help.as_deref(), Some("did you mean `${username}`?"));
        assert!(Template::parse("${topic}", Scope::Connect).is_err());
        assert!(Template::parse("${topic}", Scope::Request).is_ok());
        assert!(Template::parse("${clientid", Scope::Connect).is_err());
    }
}
