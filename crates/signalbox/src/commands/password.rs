//! Asks for a password: in the terminal without echo, or from standard input.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};

use crate::cli::PasswordFrom;
use crate::outcome::Stop;
use crate::system::Silenced;

/// Longer input is no password; MQTT can carry no more.
const PASSWORD_BYTES_MAX: usize = 65_535;

/// The new password of `user`; asked twice in a terminal, where nobody sees what is typed.
pub(crate) fn ask(user: &str, from: PasswordFrom) -> Result<String, Stop> {
    let password = if from.password_stdin { first_line(std::io::stdin().lock())? } else { ask_twice(user)? };
    if password.is_empty() {
        return Err(Stop::bad_input("the password is empty", None));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        let found = password.len();
        return Err(Stop::bad_input(format_args!("expected at most {PASSWORD_BYTES_MAX} bytes, found {found}"), None));
    }
    Ok(password)
}

fn ask_twice(user: &str) -> Result<String, Stop> {
    let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return Err(Stop::bad_input(
            "there is no terminal to ask for the password in",
            Some("give it on standard input with `--password-stdin`"),
        ));
    };
    let first = ask_once(&terminal, &format!("password of `{user}`: "))?;
    let again = ask_once(&terminal, "the same again: ")?;
    if first == again { Ok(first) } else { Err(Stop::bad_input("the two passwords differ", None)) }
}

fn ask_once(mut terminal: &File, question: &str) -> Result<String, Stop> {
    let silenced = Silenced::new(terminal)?;
    terminal.write_all(question.as_bytes())?;
    let answer = first_line(BufReader::new(terminal));
    drop(silenced);
    terminal.write_all(b"\n")?;
    answer
}

fn first_line(mut input: impl std::io::BufRead) -> Result<String, Stop> {
    let mut line = String::new();
    // One more than allowed, so that a longer one is refused and not cut.
    let limit = u64::try_from(PASSWORD_BYTES_MAX + 3).unwrap_or(u64::MAX);
    std::io::Read::take(&mut input, limit).read_line(&mut line).map_err(|cause| {
        Stop::bad_input(format_args!("the password cannot be read: {cause}"), Some("passwords are UTF-8 text"))
    })?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        assert_eq!(first_line(" a b \r\nc\n".as_bytes()).unwrap(), " a b ");
        assert_eq!(first_line("".as_bytes()).unwrap(), "");
        assert!(first_line([0xff, 0xfe].as_slice()).is_err());
    }
}
