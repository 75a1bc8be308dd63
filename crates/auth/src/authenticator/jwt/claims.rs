//! What a token has to say, and what it gives.

use std::collections::BTreeMap;

use bytestring::ByteString;
use events::Timestamp;
use serde_json::{Map, Value};

use super::super::Grant;
use crate::acl::{SUPERUSER, rules_of_json};
use crate::error::AuthError;
use crate::identity::Credentials;
use crate::template::{Facts, Place, Scope, Template};

/// What a token has to say, and what it gives.
#[derive(Clone, Debug)]
pub struct ClaimOptions {
    /// Claims and what they have to be; `${username}` and the like are of the client.
    pub verify: BTreeMap<String, String>,
    /// Claims that have to be there.
    pub required: Vec<String>,
    /// Seconds that `exp` and `nbf` may be off.
    pub leeway_s: u32,
    /// The claim that is the user name.
    pub username: String,
    /// The claim that is a list of roles.
    pub roles: String,
    /// The claim that has rules.
    pub acl: String,
    /// Whether a connection ends when its token expires.
    pub ends_with_token: bool,
}

impl Default for ClaimOptions {
    fn default() -> ClaimOptions {
        ClaimOptions {
            verify: BTreeMap::new(),
            required: vec!["exp".to_owned()],
            leeway_s: 5,
            username: "sub".to_owned(),
            roles: "roles".to_owned(),
            acl: "acl".to_owned(),
            ends_with_token: true,
        }
    }
}

/// The same, checked.
#[derive(Debug)]
pub(super) struct Claims {
    options: ClaimOptions,
    verify: Vec<(String, Template)>,
    /// Whether some claim is compared with the user name of CONNECT, which is checked by that.
    checks_username: bool,
}

impl Claims {
    pub(super) fn new(path: &str, options: &ClaimOptions) -> Result<Claims, AuthError> {
        let mut verify = Vec::new();
        for (claim, text) in &options.verify {
            let text = text.replace("%u", "${username}").replace("%c", "${clientid}");
            let template = Template::parse(&text, Scope::Connect)
                .map_err(|wrong| AuthError::option(&format!("{path}.verify_claims.{claim}"), wrong))?;
            verify.push((claim.clone(), template));
        }
        let is_username = |template: &Template| template.places().any(|place| *place == Place::Username);
        let checks_username = verify.iter().any(|(_, template)| is_username(template));
        Ok(Claims { options: options.clone(), verify, checks_username })
    }

    /// What the claims give, or what is wrong with them.
    pub(super) fn grant(
        &self,
        claims: &Map<String, Value>,
        credentials: &Credentials<'_>,
        now: Timestamp,
    ) -> Result<Grant, String> {
        let options = &self.options;
        let expires_at = self.check_time(claims, now)?;
        if let Some(missing) = options.required.iter().find(|claim| !claims.contains_key(*claim)) {
            return Err(format!("the token has no claim `{missing}`"));
        }
        let facts = Facts::of(credentials);
        for (claim, template) in &self.verify {
            let wanted =
                template.value(&facts).ok_or_else(|| format!("the client has nothing that `{claim}` could be"))?;
            let found = claims.get(claim).ok_or_else(|| format!("the token has no claim `{claim}`"))?;
            if !says(found, &wanted) {
                return Err(format!("the claim `{claim}` is {found}, expected `{wanted}`"));
            }
        }
        let rules = match claims.get(&options.acl) {
            None | Some(Value::Null) => None,
            Some(rules) => {
                Some(rules_of_json(rules).map_err(|wrong| format!("`{}` of the token: {wrong}", options.acl))?)
            }
        };
        let roles = roles_of(claims.get(&options.roles));
        let is_superuser = claims.get("is_superuser").is_some_and(|value| *value == Value::Bool(true));
        let of_connect = credentials.username.filter(|_| self.checks_username);
        let username = claims.get(&options.username).and_then(Value::as_str).or(of_connect);
        Ok(Grant {
            username: username.map(ByteString::from),
            superuser: is_superuser || roles.iter().any(|role| &**role == SUPERUSER),
            roles: roles.into(),
            expires_at: expires_at.filter(|_| options.ends_with_token),
            rules,
            attributes: attributes_of(claims.get("client_attrs")),
        })
    }

    /// `exp` and `nbf` against the clock; gives the time the token ends. They count seconds since 1970.
    fn check_time(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let leeway_ms = i64::from(self.options.leeway_s) * 1000;
        let time = |claim: &str| match claims.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                timestamp_of(value).map(Some).ok_or_else(|| format!("the claim `{claim}` is no time: {value}"))
            }
        };
        let (exp, nbf) = (time("exp")?, time("nbf")?);
        if let Some(Timestamp(nbf_ms)) = nbf.filter(|nbf| now.0.saturating_add(leeway_ms) < nbf.0) {
            return Err(format!("the token is valid in {} s", (nbf_ms - now.0) / 1000));
        }
        let ends = exp.map(|exp| Timestamp(exp.0.saturating_add(leeway_ms)));
        if let (Some(exp), Some(_)) = (exp, ends.filter(|ends| *ends <= now)) {
            return Err(format!("the token expired {} s ago", now.since_ms(exp) / 1000));
        }
        Ok(ends)
    }
}

/// A number of seconds since 1970, with a fraction or without.
pub(crate) fn timestamp_of(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return seconds.checked_mul(1000).map(Timestamp);
    }
    let ms = value.as_f64()? * 1000.0;
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range of i64 becomes its end")]
    ms.is_finite().then_some(Timestamp(ms as i64))
}

/// Whether a claim is `wanted`, or a list that has it.
fn says(found: &Value, wanted: &str) -> bool {
    match found {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(wanted)),
        Value::Number(number) => number.to_string() == wanted,
        Value::Bool(value) => wanted.parse() == Ok(*value),
        Value::Null | Value::Object(_) => false,
    }
}

/// A list of texts, or one text with commas.
pub(crate) fn roles_of(value: Option<&Value>) -> Vec<ByteString> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(ByteString::from).collect(),
        Some(Value::String(text)) => {
            text.split([',', ' ']).filter(|role| !role.is_empty()).map(ByteString::from).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

/// The texts, numbers and truth values of a map.
pub(crate) fn attributes_of(value: Option<&Value>) -> crate::identity::Attributes {
    let Some(Value::Object(map)) = value else { return crate::identity::Attributes::default() };
    map.iter()
        .filter_map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            Some((ByteString::from(name.as_str()), ByteString::from(text)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn grant(options: &ClaimOptions, claims: Value) -> Result<Grant, String> {
        let Value::Object(claims) = claims else { panic!("claims are a map") };
        let credentials = Credentials {
            client_id: "c1",
            username: Some("ann"),
            password: None,
            peer: "10.0.0.1:5".parse().unwrap(),
            listener: "default",
            certificate: None,
            at: Timestamp::SAMPLE,
        };
        Claims::new("auth.authenticators.t", options).unwrap().grant(&claims, &credentials, NOW)
    }

    fn verify(claim: &str, text: &str) -> ClaimOptions {
        ClaimOptions { verify: [(claim.to_owned(), text.to_owned())].into(), ..ClaimOptions::default() }
    }

    #[test]
    fn a_token_is_valid_from_nbf_to_exp_give_or_take_the_leeway() {
        let options = ClaimOptions::default();
        assert_eq!(grant(&options, json!({})).unwrap_err(), "the token has no claim `exp`");
        assert_eq!(grant(&options, json!({"exp": 999_995})).unwrap_err(), "the token expired 5 s ago");
        assert_eq!(grant(&options, json!({"exp": 999_996})).unwrap().expires_at, Some(Timestamp(1_000_001_000)));
        assert_eq!(grant(&options, json!({"exp": 1e9, "nbf": 1_000_006})).unwrap_err(), "the token is valid in 6 s");
        assert!(grant(&options, json!({"exp": 1e9, "nbf": 1_000_005})).is_ok());
        assert_eq!(grant(&options, json!({"exp": "soon"})).unwrap_err(), "the claim `exp` is no time: \"soon\"");
        let lasting = ClaimOptions { ends_with_token: false, ..options };
        assert_eq!(grant(&lasting, json!({"exp": 1e9})).unwrap().expires_at, None);
    }

    #[test]
    fn claims_are_compared_with_what_the_client_says() {
        let exp = 2_000_000;
        assert!(grant(&verify("cid", "%c"), json!({"exp": exp, "cid": "c1"})).is_ok());
        assert!(grant(&verify("aud", "fleet"), json!({"exp": exp, "aud": ["other", "fleet"]})).is_ok());
        assert!(grant(&verify("tenant", "7"), json!({"exp": exp, "tenant": 7})).is_ok());
        assert_eq!(
            grant(&verify("sub", "${username}"), json!({"exp": exp, "sub": "bob"})).unwrap_err(),
            "the claim `sub` is \"bob\", expected `ann`"
        );
        assert_eq!(grant(&verify("sub", "x"), json!({"exp": exp})).unwrap_err(), "the token has no claim `sub`");
    }

    #[test]
    fn the_user_is_who_the_token_names_or_who_was_compared() {
        let of = |options: &ClaimOptions, claims| grant(options, claims).unwrap().username;
        assert_eq!(of(&ClaimOptions::default(), json!({"exp": 1e9, "sub": "bob"})).as_deref(), Some("bob"));
        assert_eq!(of(&ClaimOptions::default(), json!({"exp": 1e9})), None, "nobody has checked `ann`");
        assert_eq!(of(&verify("n", "${username}"), json!({"exp": 1e9, "n": "ann"})).as_deref(), Some("ann"));
    }

    #[test]
    fn a_token_gives_roles_rules_and_attributes() {
        let claims = json!({"exp": 1e9, "roles": ["crew"], "acl": {"pub": ["a"]}, "client_attrs": {"site": 7}});
        let given = grant(&ClaimOptions::default(), claims).unwrap();
        assert_eq!((given.roles.len(), given.rules.unwrap().len(), given.superuser), (1, 1, false));
        assert_eq!(&*given.attributes, [("site".into(), "7".into())]);
        assert!(grant(&ClaimOptions::default(), json!({"exp": 1e9, "is_superuser": true})).unwrap().superuser);
        assert!(grant(&ClaimOptions::default(), json!({"exp": 1e9, "roles": "a superuser"})).unwrap().superuser);
        let wrong = grant(&ClaimOptions::default(), json!({"exp": 1e9, "acl": {"pbu": []}})).unwrap_err();
        assert_eq!(wrong, "`acl` of the token: expected `pub`, `sub` or `all`, found `pbu`");
    }
}
