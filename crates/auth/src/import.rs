//! Users of other brokers, with their passwords as they were stored there.

use serde_json::Value;

use crate::error::Fault;
use crate::password::{HashFormat, Stored};

/// A user of another broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedUser {
    pub(crate) name: String,
    pub(crate) stored: String,
    pub(crate) is_superuser: bool,
}

impl ImportedUser {
    /// The users of a password file of `mosquitto_passwd`; or the first line that is none.
    pub fn of_mosquitto(text: &str) -> Result<Vec<ImportedUser>, Fault> {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|(line, text)| {
                let (name, stored) =
                    text.trim().split_once(':').ok_or_else(|| fault(line, "expected `name:$7$...`, found no `:`"))?;
                Stored::parse(stored).map_err(|found| {
                    let help = "plain passwords are hashed by `mosquitto_passwd -U FILE`".to_owned();
                    Fault { help: Some(help), ..fault(line, &format!("expected a `$7$` or `$6$` hash, found {found}")) }
                })?;
                Ok(ImportedUser { name: name.to_owned(), stored: stored.to_owned(), is_superuser: false })
            })
            .collect()
    }

    /// The users that EMQX exports, as CSV or JSON; or the first that is none.
    pub fn of_emqx(text: &str, format: HashFormat) -> Result<Vec<ImportedUser>, Fault> {
        if text.trim_start().starts_with('[') {
            return of_json(text, format);
        }
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let header: Vec<&str> =
            lines.next().map(|(_, line)| line.split(',').map(str::trim).collect()).unwrap_or_default();
        let column = |name: &str| header.iter().position(|column| *column == name);
        let (Some(name), Some(hash)) = (column("user_id"), column("password_hash")) else {
            return Err(fault(1, "expected the columns `user_id` and `password_hash`, found others"));
        };
        let (salt, superuser) = (column("salt"), column("is_superuser"));
        lines
            .map(|(line, text)| {
                let fields: Vec<&str> = text.split(',').map(str::trim).collect();
                let field = |at: Option<usize>| at.and_then(|at| fields.get(at)).copied();
                let (Some(name), Some(hash)) = (field(Some(name)), field(Some(hash))) else {
                    return Err(fault(line, "expected as many fields as columns, found fewer"));
                };
                user(line, (name, hash, field(salt)), field(superuser) == Some("true"), format)
            })
            .collect()
    }
}

fn of_json(text: &str, format: HashFormat) -> Result<Vec<ImportedUser>, Fault> {
    let users: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| fault(error.line(), &format!("expected a list of users: {error}")))?;
    (1..)
        .zip(&users)
        .map(|(number, of)| {
            let text = |name: &str| of.get(name).and_then(Value::as_str);
            let (Some(name), Some(hash)) = (text("user_id"), text("password_hash")) else {
                return Err(fault(number, "expected `user_id` and `password_hash` in the user of this number"));
            };
            let is_superuser = of.get("is_superuser") == Some(&Value::Bool(true));
            user(number, (name, hash, text("salt")), is_superuser, format)
        })
        .collect()
}

fn user(
    line: usize,
    (name, hash, salt): (&str, &str, Option<&str>),
    is_superuser: bool,
    format: HashFormat,
) -> Result<ImportedUser, Fault> {
    let stored = format.stored(hash, salt).map_err(|found| Fault {
        help: Some("`--hash` says how the passwords are hashed".to_owned()),
        ..fault(line, &format!("expected a hash as `--hash` says, found {found}"))
    })?;
    Ok(ImportedUser { name: name.to_owned(), stored, is_superuser })
}

fn fault(line: usize, message: &str) -> Fault {
    Fault { line, message: message.to_owned(), help: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{HashKind, SaltPosition, verify};

    /// sha256 of `salt` and `secret`, in hexadecimal.
    const HASH: &str = "bede90386d450cea8b77b822f8887065e4e5abf132c2f9dccfcc7fbd4cba5e35";

    #[test]
    fn users_of_emqx_keep_their_passwords() {
        let format =
            HashFormat { kind: HashKind::Sha256, salt_position: SaltPosition::Prefix, ..HashFormat::default() };
        let csv = format!("user_id,password_hash,salt,is_superuser\nann,{HASH},salt,true\n\nbob,{HASH},salt,false\n");
        let json = format!(
            r#"[{{"user_id":"ann","password_hash":"{HASH}","salt":"salt","is_superuser":true}},
                {{"user_id":"bob","password_hash":"{HASH}","salt":"salt"}}]"#
        );
        for text in [csv, json] {
            let users = ImportedUser::of_emqx(&text, format).unwrap();
            let told: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.is_superuser)).collect();
            assert_eq!(told, [("ann", true), ("bob", false)]);
            assert!(users.iter().all(|user| verify(&user.stored, b"secret")));
        }
        let wrong = ImportedUser::of_emqx("user_id,password_hash\nann,xyz!\n", format).unwrap_err();
        assert_eq!(wrong.line, 2);
        assert!(wrong.message.contains("neither in hexadecimal nor in base 64"), "{}", wrong.message);
        assert_eq!(ImportedUser::of_emqx("name\n", format).unwrap_err().line, 1);
    }

    #[test]
    fn users_of_mosquitto_keep_theirs() {
        let good = "u:$7$101$iTSlckmxYjNQgocZ$4nnEdBzYVg74uE7OHKtkXOxndKQ7BSC+MWgXIahchvrflB4V6PAisoe5/KGRzm2cE4R+lycAe10mcTr61MYOAw==\n";
        assert!(verify(&ImportedUser::of_mosquitto(good).unwrap()[0].stored, b"secret"));
        let wrong = ImportedUser::of_mosquitto("a:secret\n").unwrap_err();
        assert!(wrong.help.unwrap().contains("mosquitto_passwd -U"));
    }
}
