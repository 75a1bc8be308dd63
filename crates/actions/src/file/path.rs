//! Which file an output goes to: a template in which a value can be no more than a part of a name.

use engine::{ActionSpec, ConfigError, Output, PreviewPart};

use crate::template::Text;

/// The longest name of a file or directory that Linux takes, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// What rotation appends to a name, at most: `.1000`.
const SUFFIX_BYTES_MAX: usize = 5;

/// A path below the directory of a connector.
#[derive(Debug)]
pub(super) struct PathTemplate {
    text: Text,
}

impl PathTemplate {
    /// Reads the option `path`.
    pub(super) fn new(path: &str, spec: &ActionSpec<'_>) -> Result<PathTemplate, Vec<ConfigError>> {
        let text = Text::compile(path, &["path"], spec)?;
        let wrong = |message: String, help: &str| vec![ConfigError::at(&["path"], message).with_help(help)];
        if path.starts_with('/') {
            let message = format!("`path`: expected it to stand below `dir`, found `{path}`");
            return Err(wrong(message, "write it without the `/` at its beginning"));
        }
        if path.split('/').any(|name| matches!(name, "." | ".." | "")) {
            let message = format!("`path`: expected no `.` and `..` in it, found `{path}`");
            return Err(wrong(message, "every name between two `/` has to be one of a file or directory"));
        }
        if path.contains(['\0', '\n']) {
            return Err(wrong("`path`: expected no control characters".to_owned(), "write it in one line"));
        }
        if !has_extension(path) {
            let message = format!("`path`: expected it to end in an extension, found `{path}`");
            // Rotated files end in a number, so no value of a client can name one.
            return Err(wrong(message, "write `${clientid}.ndjson`"));
        }
        Ok(PathTemplate { text })
    }

    /// The path for `output`, or why it has none.
    pub(super) fn render(&self, output: &Output) -> Result<String, String> {
        let path = self.text.render_with(output, push_encoded).map_err(|missing| format!("path: {missing}"))?;
        for name in path.split('/') {
            if matches!(name, "." | ".." | "") {
                return Err(format!("path: expected names between the `/`, found `{name}` in `{path}`"));
            }
            if name.len() > NAME_BYTES_MAX - SUFFIX_BYTES_MAX {
                let most = NAME_BYTES_MAX - SUFFIX_BYTES_MAX;
                return Err(format!("path: expected names of at most {most} bytes, found {} bytes", name.len()));
            }
        }
        Ok(path)
    }

    /// The part of a preview that shows it.
    pub(super) fn part(&self, place: String, output: &Output) -> PreviewPart {
        self.text.part("path", place, output)
    }
}

/// Whether `path` ends in `.` and letters that are the same for every output.
fn has_extension(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| {
        extension.chars().all(|c| c.is_ascii_alphanumeric()) && extension.chars().any(|c| c.is_ascii_alphabetic())
    })
}

/// Appends a value so that no two values look alike, and none holds a `/`.
fn push_encoded(value: &str, out: &mut String) {
    for character in value.chars() {
        if character.is_alphanumeric() || "-._~@".contains(character) {
            out.push(character);
        } else {
            let mut buf = [0; 4];
            out.extend(character.encode_utf8(&mut buf).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::{output, spec};

    fn rendered(template: &str, row: &str) -> Result<String, String> {
        let options = toml::Table::new();
        PathTemplate::new(template, &spec(&options)).unwrap().render(&output(row))
    }

    #[test]
    fn a_value_stays_one_name() {
        for (value, expected) in [
            ("pump-17", "a/pump-17/x.csv"),
            ("Pumpe_ü@1.5~", "a/Pumpe_ü@1.5~/x.csv"),
            ("../../etc/passwd", "a/..%2F..%2Fetc%2Fpasswd/x.csv"),
            ("/etc", "a/%2Fetc/x.csv"),
            ("a%2Fb\\0\\n", "a/a%252Fb%5C0%5Cn/x.csv"),
        ] {
            let row = serde_json::json!({ "c": value }).to_string();
            assert_eq!(rendered("a/${c}/x.csv", &row).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn a_value_that_makes_no_name_rejects_the_output() {
        for (row, reason) in [
            (r#"{"c":".."}"#, "path: expected names between the `/`, found `..` in `a/../x.csv`"),
            (r#"{"c":""}"#, "path: expected names between the `/`, found `` in `a//x.csv`"),
            ("{}", "path: `${c}` is NULL; `${c:-...}` would give it a default"),
        ] {
            assert_eq!(rendered("a/${c}/x.csv", row), Err(reason.to_owned()));
        }
        let long = format!(r#"{{"c":"{}"}}"#, "x".repeat(300));
        assert!(rendered("${c}.csv", &long).unwrap_err().contains("at most 250 bytes, found 304"));
    }
}
