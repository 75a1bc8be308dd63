//! What other languages have, and how one gets it here: helps for people who come from there.

/// The help for a character that begins nothing. `next` is the one behind it.
pub(crate) fn character(character: char, next: Option<char>) -> Option<&'static str> {
    Some(match (character, next) {
        ('`', _) => "names stand bare or in double quotes",
        ('\u{201c}' | '\u{201d}', _) => "write the plain quote `\"`",
        ('\u{2018}' | '\u{2019}', _) => "write the plain quote `'`",
        ('&', Some('&')) => "write `AND`",
        ('|', Some('|')) => "write `OR`, or `concat(a, b)` for text",
        ('!', _) => "write `NOT`",
        ('$', Some('{')) => "placeholders are for actions; here a path stands as it is: `payload.temp`",
        ('$', _) => "a path begins with a field: `payload.temp`",
        ('#', _) => "a topic filter stands in quotes; a comment begins with `--`",
        ('%', _) => "write `a mod b`",
        ('^', _) => "write `power(a, b)`",
        ('?', _) => "a choice is written `CASE WHEN condition THEN a ELSE b END`; there are no parameters",
        ('@', _) => "a rule has no parameters: write the value, or name a field",
        ('\\', _) => "a quote in a text is written twice: `'it''s'`",
        ('\u{ff0c}', _) => "write the plain `,`",
        ('\u{ff08}' | '\u{ff09}', _) => "write the plain `(` and `)`",
        ('\u{ff1d}', _) => "write the plain `=`",
        ('\u{ff1b}', _) => "write the plain `;`",
        ('\u{2013}' | '\u{2014}' | '\u{2212}', _) => "write the plain `-`",
        ('\u{a0}' | '\u{3000}' | '\u{2007}' | '\u{202f}', _) => "it looks like a space: write a plain one",
        _ if is_invisible(character) => "it cannot be seen: take it out",
        _ => return None,
    })
}

/// Whether a character takes no room where it is shown, so that people do not know it is there.
pub(crate) const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The help for a word or a sign that was not expected where it stands.
pub(crate) fn word(word: &str) -> Option<&'static str> {
    const ONE_EVENT: &str = "a rule looks at one event at a time";
    let known: &[(&str, &str)] = &[
        ("group", ONE_EVENT),
        ("having", ONE_EVENT),
        ("order", ONE_EVENT),
        ("limit", ONE_EVENT),
        ("offset", ONE_EVENT),
        ("join", "a rule listens to several topics with `FROM \"a\", \"b\"`"),
        ("union", "a rule listens to several topics with `FROM \"a\", \"b\"`"),
        ("insert", "a rule selects; an action of its header writes"),
        ("update", "a rule selects; an action of its header writes"),
        ("delete", "a rule selects; an action of its header writes"),
        ("with", "a rule begins with `SELECT` or `FOREACH`"),
        ("is", "`IS` stands only in `IS NULL` and `IS NOT NULL`; `=` compares"),
        ("isnull", "write `IS NULL`"),
        ("notnull", "write `IS NOT NULL`"),
        ("not", "`NOT` stands before a condition, and in `NOT IN`, `NOT LIKE`, `NOT BETWEEN` and `IS NOT NULL`"),
        ("ilike", "write `lower(a) LIKE 'b%'`"),
        ("rlike", "write `regex_match(text, 'pattern')`"),
        ("regexp", "write `regex_match(text, 'pattern')`"),
        ("for", "a loop is written `FOREACH payload.list AS element DO ... FROM ...`"),
        ("==", "`=` compares"),
        ("=>", "write `>=`"),
        ("=<", "write `<=`"),
        ("**", "write `power(a, b)`"),
        ("->", "a path leads into JSON: `payload.a.b`"),
        (":", "`:` stands only in maps; a cast is written `int(payload.temp)`"),
    ];
    known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, help)| *help)
}

/// The help for a field that other systems have, with the name that has to be a field here for it to be right.
pub(crate) fn field(name: &str) -> Option<(Option<&'static str>, &'static str)> {
    let known: &[(&str, Option<&str>, &str)] = &[
        ("distinct", None, "a rule looks at one event at a time"),
        ("exists", None, "what is there is not NULL: write `payload.temp IS NOT NULL`"),
        ("undefined", None, "what is missing is NULL: write `IS NULL`"),
        ("retain", Some("flags"), "write `flags.retain`"),
        ("dup", Some("flags"), "write `flags.dup`"),
        ("ipaddress", Some("peername"), "the address is `peername`, with the port"),
        ("ip", Some("peername"), "the address is `peername`, with the port"),
        ("client_ip", Some("peername"), "the address is `peername`, with the port"),
        ("ts", Some("timestamp"), "the time is `timestamp`, in ms"),
        ("time", Some("timestamp"), "the time is `timestamp`, in ms"),
        ("sequence", Some("client_seq"), "`client_seq` counts the events of a client, `seq` those of the node"),
        ("disconnect_reason", Some("reason"), "it is `reason`"),
        ("reason_code", Some("reason"), "the reason of a disconnect is `reason`"),
        ("graceful", Some("initiator"), "a client that said goodbye has `reason` = 'normal'"),
        ("protocol", Some("proto_name"), "the protocol is `proto_name`, its version `proto_ver`"),
        ("from_clientid", Some("clientid"), "the publisher is `clientid`"),
        ("metadata", None, "the identifier of the rule is `${rule_id}` in templates"),
        ("headers", None, "the properties of a message are `pub_props`, its flags `flags`"),
        ("user_properties", Some("pub_props"), "write `pub_props.'User-Property'`"),
    ];
    known.iter().find(|(theirs, _, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, ours, help)| (*ours, *help))
}

/// The word that other systems write otherwise where a function takes one of some words.
pub(crate) fn option(word: &str) -> Option<&'static str> {
    let known: &[(&str, &str)] = &[
        ("s", "second"),
        ("ms", "millisecond"),
        ("us", "microsecond"),
        ("ns", "nanosecond"),
        ("left", "leading"),
        ("right", "trailing"),
        ("first", "leading"),
        ("last", "trailing"),
        ("start", "leading"),
        ("end", "trailing"),
        ("sha-1", "sha1"),
        ("int", "integer"),
        ("nopad", "no_padding"),
    ];
    known.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(word)).map(|(_, ours)| *ours)
}

/// The help for a function that other systems have.
pub(crate) fn function(name: &str) -> Option<&'static str> {
    const WINDOW: &str = "a rule looks at one event at a time, so there is nothing to count or add up";
    let known: &[(&str, &str)] = &[
        ("count", WINDOW),
        ("sum", WINDOW),
        ("avg", WINDOW),
        ("min", WINDOW),
        ("max", WINDOW),
        ("iif", "write `CASE WHEN condition THEN a ELSE b END`"),
        ("ifnull", "write `coalesce(a, b)`"),
        ("isnull", "write `a IS NULL`"),
        ("nvl", "write `coalesce(a, b)`"),
        ("cast", "write `int(a)`, `float(a)`, `str(a)` or `bool(a)`"),
        ("to_char", "write `format_timestamp(time_ms, format, zone)`, `format_number(number, decimals)` or `str(a)`"),
        ("date_format", "write `format_timestamp(time_ms, format, zone)`"),
        ("strftime", "write `format_timestamp(time_ms, format, zone)`"),
        ("strptime", "write `parse_timestamp(text, format, zone)`"),
        ("to_timestamp", "write `parse_timestamp(text, format, zone)`"),
        ("str_to_date", "write `parse_timestamp(text, format, zone)`"),
        ("extract", "write `date_part('hour', time_ms, zone)`"),
        ("from_unixtime", "write `unix_ts_to_rfc3339(time, unit)`"),
        ("now", "write `now_timestamp(unit)` or `now_rfc3339(unit)`"),
        ("current_timestamp", "write `now_timestamp(unit)` or `now_rfc3339(unit)`"),
        ("unix_timestamp", "write `now_timestamp()`"),
        ("substring", "write `substr(text, start, length)`; the first character is number 0"),
        ("len", "write `strlen(text)` or `length(list)`"),
        ("char_length", "write `strlen(text)`"),
        ("character_length", "write `strlen(text)`"),
        ("position", "write `strpos(text, part)`"),
        ("instr", "write `strpos(text, part)`"),
        ("locate", "write `strpos(text, part)`; the text comes first"),
        ("btrim", "write `trim(text, characters)`"),
        ("ceiling", "write `ceil(number)`"),
        ("pow", "write `power(base, exponent)`"),
        ("ln", "write `log(number)`"),
        ("rand", "write `random()`"),
        ("truncate", "write `trunc(number, decimals)`"),
        ("hex", "write `bin2hexstr(data)`, or `sprintf('~.16B', number)`"),
        ("to_hex", "write `sprintf('~.16b', number)`"),
        ("bin", "write `sprintf('~.2b', number)`"),
        ("regexp_replace", "write `regex_replace(text, pattern, replacement)`"),
        ("regexp_match", "write `regex_match(text, pattern)`"),
        ("split_part", "write `nth(number, split(text, separator, 'notrim'))`"),
        ("ucase", "write `upper(text)`"),
        ("lcase", "write `lower(text)`"),
        ("upcase", "write `upper(text)`"),
        ("downcase", "write `lower(text)`"),
        ("concat_ws", "write `join_to_string(separator, [a, b])`"),
        ("json_extract", "a path leads into JSON: `payload.a.b`"),
        ("json_value", "a path leads into JSON: `payload.a.b`"),
        ("cardinality", "write `length(list)`"),
        ("array_length", "write `length(list)`"),
        ("uuid", "write `uuid_v4()` or `uuid_v7()`"),
        ("gen_random_uuid", "write `uuid_v4()` or `uuid_v7()`"),
        ("newuuid", "write `uuid_v4()`"),
        ("sha1", "write `sha(text)`"),
        ("to_json", "write `json_encode(a)`"),
        ("from_json", "write `json_decode(text)`"),
        ("tostring", "write `str(a)`"),
        ("to_string", "write `str(a)`"),
        ("tonumber", "write `int(a)` or `float(a)`"),
        ("to_number", "write `int(a)` or `float(a)`"),
        ("parseint", "write `int(a)`"),
        ("parsefloat", "write `float(a)`"),
        ("includes", "write `contains(value, list)`, or `strpos(text, part) > 0`"),
        ("size", "write `strlen(text)`, `length(list)` or `map_size(map)`"),
        ("typeof", "write `is_str(a)`, `is_num(a)`, `is_map(a)` or `is_array(a)`"),
        ("parse_json", "write `json_decode(text)`"),
    ];
    known.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_elsewhere_is_not_called_here() {
        for function_here in crate::functions::all() {
            assert_eq!(function(function_here.name), None, "`{}` is known here", function_here.name);
        }
    }
}
