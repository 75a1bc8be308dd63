//! `LIKE`: `%` stands for any text, `_` for one character, `\` before either for itself.

/// Whether the whole of `text` fits `pattern`. Takes at most as many steps as the product of their lengths.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where to go on when what follows the last `%` does not fit: one character later.
    let mut retry = None;
    loop {
        let (text_before, pattern_before) = (text.clone(), pattern.clone());
        let fits = match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('%'), _) => {
                text = text_before.clone();
                retry = Some((text_before, pattern.clone()));
                if pattern.clone().next().is_none() {
                    return true;
                }
                continue;
            }
            (Some('_'), Some(_)) => true,
            (Some('\\'), Some(found)) => {
                let escaped = pattern_before.clone().nth(1);
                if escaped.is_some() {
                    pattern.next();
                }
                escaped.unwrap_or('\\') == found
            }
            (Some(wanted), Some(found)) => wanted == found,
            (Some(_), None) => return false,
            (None, Some(_)) => false,
        };
        if fits {
            continue;
        }
        let Some((mut retry_text, retry_pattern)) = retry.take() else { return false };
        if retry_text.next().is_none() {
            return false;
        }
        (text, pattern) = (retry_text.clone(), retry_pattern.clone());
        retry = Some((retry_text, retry_pattern));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_any_text_and_underscore_one_character() {
        for (text, pattern, expected) in [
            ("c-7", "c%", true),
            ("c-7", "%7", true),
            ("c-7", "c_7", true),
            ("c-7", "c__7", false),
            ("", "%", true),
            ("", "", true),
            ("a", "", false),
            ("", "_", false),
            ("abcabd", "%ab_", true),
            ("abcabd", "%abc", false),
            ("50%", "50\\%", true),
            ("500", "50\\%", false),
            ("a_b", "a\\_b", true),
            ("é漢", "__", true),
            ("a\\", "a\\", true),
            ("mississippi", "m%iss%pi", true),
            ("abc", "%%c", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} LIKE {pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_a_regular_expression(text in "[ab%_]{0,8}", pattern in "[ab%_]{0,8}") {
            let expression = pattern.replace('%', "(?s:.*)").replace('_', "(?s:.)");
            let regex = regex::Regex::new(&format!("^{expression}$")).unwrap();
            proptest::prop_assert_eq!(is_like(&text, &pattern), regex.is_match(&text));
        }
    }
}
