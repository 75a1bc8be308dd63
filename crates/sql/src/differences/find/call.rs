//! Which differences a call can meet.

use events::{EventType, Type, Value};

use super::{Finder, Place, is_exponent, is_of_json, may_be_null};
use crate::functions;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::span::Span;

/// Functions of which a call is a difference, whatever its arguments.
pub(in crate::differences) const FUNCTIONS: &[(&str, &str)] = &[
    ("contains_topic", "functions.contains_topic"),
    ("contains_topic_match", "functions.contains_topic"),
    ("date_to_unix_ts", "functions.date_to_unix_ts"),
    ("getenv", "functions.getenv"),
    ("is_empty", "functions.is_empty"),
    ("is_not_null", "null.functions"),
    ("coalesce", "null.functions"),
    ("join_to_sql_values_string", "functions.join_to_sql_values_string"),
    ("jq", "functions.jq"),
    ("regex_extract", "evaluating.regex"),
    ("regex_match", "evaluating.regex"),
    ("regex_replace", "evaluating.regex"),
    ("reverse", "functions.reverse"),
    ("rm_prefix", "functions.rm_prefix"),
];

/// Functions of the message at hand, which EMQX does not know in conditions.
const OF_MESSAGE: &[&str] =
    &["msgid", "qos", "topic", "clientid", "username", "payload", "clientip", "peerhost", "flags", "flag"];

/// Functions that read a list or a value as text, in which EMQX writes NULL out.
const TO_TEXT: &[&str] = &["concat", "join_to_string"];

/// Functions that take more arguments here: how many EMQX has.
const MORE_ARGUMENTS: &[(&str, usize)] =
    &[("trim", 1), ("ltrim", 1), ("concat", 2), ("coalesce", 2), ("coalesce_ne", 2)];

/// Functions that look into text byte by byte in EMQX.
const BY_BYTES: &[&str] = &["ascii", "rm_prefix", "tokens", "regex_match", "regex_replace", "regex_extract"];

/// Functions that write the keys of maps.
const WRITE_KEYS: &[&str] = &["str", "concat", "json_encode"];

/// The longest integer of `subbits`, in bits.
const INTEGER_BITS: i64 = 4096;

impl Finder<'_> {
    pub(super) fn call(&mut self, name: &str, args: &[Expr], span: Span) {
        if let Some((_, key)) = FUNCTIONS.iter().find(|(known, _)| *known == name)
            && (*key != "null.functions" || args.iter().any(is_of_json))
        {
            self.found.push((key, span));
        }
        if self.in_condition && OF_MESSAGE.contains(&name) {
            self.note("evaluating.message_functions", span);
        }
        if TO_TEXT.contains(&name) && args.iter().any(may_be_null) {
            self.note("null.concat", span);
        }
        if MORE_ARGUMENTS.iter().any(|(known, most)| *known == name && args.len() > *most) {
            self.note("functions.arguments", span);
        }
        if BY_BYTES.contains(&name) && args.iter().any(may_be_bytes) {
            self.note("functions.bytes", span);
        }
        if WRITE_KEYS.contains(&name) && args.iter().any(is_map) {
            self.note("functions.key_order", span);
        }
        self.one_function(name, args, span);
        for arg in args {
            self.placed(arg, Place::Argument);
        }
    }

    /// The differences of one function, which its arguments show.
    fn one_function(&mut self, name: &str, args: &[Expr], span: Span) {
        let first = args.first();
        let is_first = |is: fn(&Expr) -> bool| first.is_some_and(is);
        let is_list = |expr: &Expr| matches!(expr.kind, ExprKind::List(_));
        match name {
            "str" if is_first(may_be_null) => self.note("null.str", span),
            "str" if is_first(is_list) => self.note("functions.str", span),
            "json_encode" if is_first(may_be_null) => self.note("null.json_encode", span),
            "json_encode" if is_first(may_be_bytes) => self.note("functions.json_encode", span),
            "is_empty" if is_first(may_be_null) => self.note("null.is_empty", span),
            "int" | "float" if is_first(is_exponent) => self.note("comparing.exponents", span),
            "map" if is_first(is_list) || is_first(is_of_json) => self.note("functions.map", span),
            "map_put" if args.get(2).is_some_and(|map| is_of_json(map) || may_be_bytes(map)) => {
                self.note("functions.map_put", span);
            }
            "abs" if first.is_some_and(|arg| !matches!(arg.kind, ExprKind::Literal(Value::Int(_)))) => {
                self.note("functions.abs", span);
            }
            "format_date" if !self.text.get(span.range()).is_some_and(str::is_ascii) => {
                self.note("functions.format_date", span);
            }
            "sprintf" | "sprintf_s" if is_first(writes_terms) => self.note("functions.sprintf", span),
            "subbits" if is_long_integer(args) => self.note("functions.subbits", span),
            "jq" if args.len() > 2 => self.note("functions.jq_timeout", span),
            _ => {}
        }
    }
}

/// Whether the value may be bytes that are no text: a field that is, or what a function returns.
fn may_be_bytes(expr: &Expr) -> bool {
    if let ExprKind::Call { name, .. } = &expr.kind {
        return functions::find(name).is_some_and(|function| function.returns == Type::Bytes);
    }
    is_field_of(expr, Type::Bytes)
}

/// Whether the value is a map: one that is written out, or a field that is one.
fn is_map(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Map(_)) || is_field_of(expr, Type::Map)
}

fn is_field_of(expr: &Expr, ty: Type) -> bool {
    let ExprKind::Path(path) = &expr.kind else { return false };
    path.steps.is_empty()
        && EventType::all().any(|event| event.field(&path.root).is_some_and(|(_, field)| field.ty == ty))
}

/// Whether a format has the directives `~p` or `~w`, perhaps with width, precision and padding: `~10.3p`.
fn writes_terms(format: &Expr) -> bool {
    let ExprKind::Literal(Value::Text(format)) = &format.kind else { return false };
    let mut directives = format.split('~').skip(1);
    directives.any(|after| {
        after.trim_start_matches(|c: char| c.is_ascii_digit() || ".*-tl".contains(c)).starts_with(['p', 'w'])
    })
}

/// Whether `subbits` is asked for an integer that is too long here.
fn is_long_integer(args: &[Expr]) -> bool {
    let length = if args.len() > 2 { args.get(2) } else { args.get(1) };
    let is_long = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(Value::Int(bits)) if bits > INTEGER_BITS);
    let is_integer =
        args.get(3).is_none_or(|kind| matches!(&kind.kind, ExprKind::Literal(Value::Text(kind)) if kind == "integer"));
    is_integer && length.is_some_and(is_long)
}
