//! Templates of EMQX as ours.

/// The template in our spelling, with what is to be said about it. In EMQX only letters, digits, `_` and `.` make a
/// placeholder; everything else between `${` and `}` stays as it is.
pub(super) fn translated(text: &str, notes: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let inner = after.split_once('}').map(|(inner, _)| inner);
        match inner {
            Some(inner) if inner == "$" || is_placeholder(inner) => out.push_str("${"),
            Some(inner) => {
                notes.push(format!("`${{{inner}}}` is no placeholder in EMQX, so it stays as it is"));
                out.push_str("${$}{");
            }
            None => out.push_str("${$}{"),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a template of EMQX has a placeholder.
pub(super) fn has_placeholder(text: &str) -> bool {
    text.split("${").skip(1).any(|after| after.split_once('}').is_some_and(|(inner, _)| is_placeholder(inner)))
}

fn is_placeholder(inner: &str) -> bool {
    inner.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_placeholder_there_is_none_here() {
        for (theirs, ours, notes) in [
            ("a/${clientid}/${.x.y}", "a/${clientid}/${.x.y}", 0),
            ("${.} ${} ${$}{a}", "${.} ${} ${$}{a}", 0),
            ("${l[1]} ${a}", "${$}{l[1]} ${a}", 1),
            ("${ a }", "${$}{ a }", 1),
            ("${open", "${$}{open", 0),
            ("$${a}", "$${a}", 0),
        ] {
            let mut found = Vec::new();
            assert_eq!(translated(theirs, &mut found), ours);
            assert_eq!(found.len(), notes, "{found:?}");
        }
        assert!(has_placeholder("x${.a}") && !has_placeholder("${l[1]}") && !has_placeholder("x"));
    }
}
