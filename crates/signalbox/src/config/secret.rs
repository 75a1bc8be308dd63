//! `${env:NAME}` and `${file:PATH}` in the options of connectors, and what must not be shown.

use std::path::Path;

use super::node::{Entry, Node, NodeValue};
use super::problem::{Code, Place, Problem};

/// Reads environment variables; handed in so that only the edge of the configuration touches the environment.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Files longer than this are no secrets; reading one whole would only fill the memory.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The node with every `${env:...}` and `${file:...}` in its texts replaced. Other `${...}` are left: they are templates.
pub(crate) fn expand(node: &Node, base: &Path, environment: Environment<'_>, problems: &mut Vec<Problem>) -> Node {
    let mut inner = |node: &Node| expand(node, base, environment, problems);
    let value = match &node.value {
        NodeValue::List(items) => NodeValue::List(items.iter().map(&mut inner).collect()),
        NodeValue::Table(entries) => {
            NodeValue::Table(entries.iter().map(|entry| Entry { node: inner(&entry.node), ..entry.clone() }).collect())
        }
        NodeValue::Text(text) => match expand_text(text, base, environment) {
            Ok(expanded) => NodeValue::Text(expanded),
            Err(problem) => {
                problems.push(Problem { place: Place::File(node.span.clone()), ..problem });
                NodeValue::Text(text.clone())
            }
        },
        NodeValue::Integer(_) | NodeValue::Float(_) | NodeValue::Boolean(_) => node.value.clone(),
    };
    Node { span: node.span.clone(), value }
}

/// The text with what it keeps elsewhere.
pub(super) fn expand_text(text: &str, base: &Path, environment: Environment<'_>) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once("${") {
        out.push_str(before);
        let reference = tail.split_once('}').and_then(|(inner, after)| Some((inner.split_once(':')?, after)));
        match reference {
            Some((("env", name), after)) => {
                out.push_str(&from_environment(name, environment)?);
                rest = after;
            }
            Some((("file", path), after)) => {
                out.push_str(&from_file(path, base)?);
                rest = after;
            }
            Some(_) | None => {
                out.push_str("${");
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn from_environment(name: &str, environment: Environment<'_>) -> Result<String, Problem> {
    environment(name).ok_or_else(|| {
        Problem::at(Code::Secret, Place::Nowhere, format!("the environment variable `{name}` is not set"))
            .with_help(Some(format!("set it before the start, as in `{name}=... signalbox serve`")))
    })
}

fn from_file(path: &str, base: &Path) -> Result<String, Problem> {
    let full = base.join(path);
    let shown = full.display();
    let read = std::fs::metadata(&full).and_then(|found| {
        if found.len() > SECRET_FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("longer than {SECRET_FILE_BYTES_MAX} bytes")));
        }
        std::fs::read_to_string(&full)
    });
    match read {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(cause) => {
            Err(Problem::at(Code::Secret, Place::Nowhere, format!("the secret file `{shown}` cannot be read: {cause}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "OPS_TOKEN").then(|| "s3cret".to_owned())
    }

    #[test]
    fn references_are_replaced_and_templates_stay() {
        let read = |text: &str| expand_text(text, Path::new("/nonexistent"), &environment);
        assert_eq!(read("Bearer ${env:OPS_TOKEN}"), Ok("Bearer s3cret".to_owned()));
        assert_eq!(read("/connack/${clientid}/${a:-x}"), Ok("/connack/${clientid}/${a:-x}".to_owned()));
        assert_eq!(read("${open"), Ok("${open".to_owned()));
        assert!(read("${env:OTHER}").unwrap_err().message.contains("`OTHER` is not set"));
        assert!(read("${file:secret}").unwrap_err().message.contains("/nonexistent/secret"));
    }

    #[test]
    fn a_secret_file_loses_only_its_last_line_break() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), "a b \n").unwrap();
        assert_eq!(expand_text("${file:pw}", dir.path(), &environment), Ok("a b ".to_owned()));
    }
}
